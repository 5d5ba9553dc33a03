// A size: it follows the model, or is that of the table, of columns, or a number.

import { TextField } from "../ui/TextField";
import { type Field, type Form, type Given, Label, Told } from "./Argument";
import styles from "./arguments.module.css";
import { Picker } from "./Columns";
import { readWhole } from "./read";

type Mode = Field<"size">["mode"];

export function Size({ argument, form }: { argument: Field<"size">; form: Form }) {
  const { mode, rows, columns, choices, number } = argument;
  const modes: [Mode, string][] = [
    ["auto", "Follows the model"],
    ["rows", rows === null ? "Rows of the table" : `Rows of the table (${rows})`],
    ["levels", "Levels of columns"],
    ["number", "A number"],
  ];

  function choose(wanted: Mode): Given {
    if (wanted === "number") return { mode: "number", number: number ?? 1 };
    if (wanted === "levels")
      return {
        mode: "levels",
        columns: columns.length > 0 ? columns : choices.slice(0, 1).map((choice) => choice.name),
      };
    return { mode: wanted };
  }

  return (
    <>
      <Label argument={argument} id={form.id} />
      <div className={mode === "number" ? styles.pair : undefined}>
        <select
          id={form.id}
          className="cs-field cs-select"
          value={mode}
          onChange={(event) => form.give(choose(event.target.value as Mode))}
        >
          {modes.map(([value, text]) => (
            <option key={value} value={value} disabled={value === "levels" && choices.length === 0}>
              {text}
            </option>
          ))}
        </select>
        {mode === "number" && (
          <TextField
            aria-label={`${argument.label} as a number`}
            inputMode="numeric"
            value={number?.toString() ?? ""}
            commit={(typed) => {
              const found = readWhole(typed.trim());
              if ("problem" in found) return found.problem;
              form.give({ mode: "number", number: Number(found.value) });
              return undefined;
            }}
            {...form.told}
          />
        )}
      </div>
      {mode !== "number" && <Told form={form} />}
      {mode === "levels" && <Picker argument={argument} form={form} />}
      {argument.origin && <div className="cs-note">{argument.origin}</div>}
    </>
  );
}
