// One argument of a structure as a form: a size that may follow the model, columns of the table, a matrix, positions, a number, a
// choice, a flag. What may be left out says so, and how to leave it out again.

import { type ReactNode, useId } from "react";
import type { State, Up } from "../session/connection";
import { useSend } from "../session/hooks";
import type { NodePage } from "../session/messages";
import { Repairs } from "../ui/Repairs";
import { FieldProblem, TextField } from "../ui/TextField";
import styles from "./arguments.module.css";
import { Columns } from "./Columns";
import { type Read, readIndices, readNumber, readWhole } from "./read";
import { Size } from "./Size";

export type Field<K = NodePage["arguments"][number]["kind"]> = Extract<
  NodePage["arguments"][number],
  { kind: K }
>;
export type Given = Extract<Up<"inspector">, { type: "give-argument" }>["value"];

/** What the form of an argument needs besides the argument. */
export interface Form {
  /** Of the field that the label names. */
  id: string;
  /** Give the argument another value; null leaves it out. */
  give(value: Given): void;
  /** Take a column in, or out. */
  take(column: string, on: boolean): void;
  /** For text fields: what is wrong, whether it is about what was handed over last, and when the session has spoken. */
  told: { problem: string | null; refused: boolean; answer: unknown };
}

export function Argument({
  argument,
  page,
  state,
}: {
  argument: Field;
  page: NodePage;
  state: State<"inspector">;
}) {
  const send = useSend("inspector");
  const { name } = argument;
  const refusal = state.errors[name] ?? null;
  const found = page.problems.find((problem) => problem.field === name);
  const problem = refusal ?? (found === undefined || found.severity === "unfinished" ? null : found.text);
  const form: Form = {
    id: useId(),
    give: (value) => send({ type: "give-argument", node: page.id, argument: name, value }),
    take: (column, on) => send({ type: "take-column", node: page.id, argument: name, column, on }),
    told: { problem, refused: refusal !== null, answer: state },
  };
  return (
    <div className={styles.argument} data-unfinished={found?.severity === "unfinished" || undefined}>
      <Body argument={argument} form={form} />
      {problem === null && found !== undefined && <div className="cs-todo">{found.text}</div>}
      {found !== undefined && found.repairs.length > 0 && (
        <div className="cs-repairs">
          <Repairs problem={found} />
        </div>
      )}
      {argument.help && <div className="cs-note">{argument.help}</div>}
      {argument.optional && argument.given && (
        <div className="cs-note">
          <button type="button" className="cs-link" onClick={() => form.give(null)}>
            Leave it out
          </button>
        </div>
      )}
    </div>
  );
}

function Body({ argument, form }: { argument: Field; form: Form }) {
  switch (argument.kind) {
    case "size":
      return <Size argument={argument} form={form} />;
    case "factors":
    case "coordinates":
      return <Columns argument={argument} form={form} />;
    case "matrix":
      return <Matrix argument={argument} form={form} />;
    case "choice":
      return <Choice argument={argument} form={form} />;
    case "flag":
      return <Flag argument={argument} form={form} />;
    case "integer":
    case "number":
    case "indices":
      return <Line argument={argument} form={form} />;
  }
}

/** The label of a field, or of a group of fields where there is no one field to go to. */
export function Label({ argument, id }: { argument: Field; id?: string }) {
  const text: ReactNode = (
    <>
      {argument.label}
      {argument.optional && <span className={styles.optional}>optional</span>}
    </>
  );
  return id === undefined ? (
    <div className="cs-label">{text}</div>
  ) : (
    <label className="cs-label" htmlFor={id}>
      {text}
    </label>
  );
}

/** What is wrong with a control that is no text field. */
export function Told({ form }: { form: Form }) {
  return form.told.problem === null ? null : <FieldProblem>{form.told.problem}</FieldProblem>;
}

type LineField = Field<"integer" | "number" | "indices">;

/** How a line is read, what keyboard a finger gets, and what may stand in it. */
const LINES: Record<LineField["kind"], { read: Read; inputMode?: "numeric" | "decimal"; example?: string }> =
  {
    integer: { read: readWhole, inputMode: "numeric" },
    number: { read: readNumber, inputMode: "decimal" },
    indices: { read: readIndices, example: "0, 2, 5-8" },
  };

/** A line of text that is a value; an empty one takes the argument out again, where it may be left out. */
function Line({ argument, form }: { argument: LineField; form: Form }) {
  const { read, inputMode, example } = LINES[argument.kind];

  function commit(typed: string): string | undefined {
    if (typed.trim() === "" && (argument.optional || argument.kind === "indices")) {
      form.give(null);
      return undefined;
    }
    const found = read(typed.trim());
    if ("problem" in found) return found.problem;
    form.give(found.value);
    return undefined;
  }
  return (
    <>
      <Label argument={argument} id={form.id} />
      <TextField
        id={form.id}
        value={String(argument.value ?? "")}
        commit={commit}
        inputMode={inputMode}
        placeholder={argument.optional ? "left out" : example}
        {...form.told}
      />
    </>
  );
}

function Matrix({ argument, form }: { argument: Field<"matrix">; form: Form }) {
  return (
    <>
      <Label argument={argument} id={form.id} />
      {(argument.tables.length > 0 || argument.table !== null) && (
        <select
          className="cs-field cs-select"
          aria-label={`${argument.label} from`}
          value={argument.table ?? ""}
          onChange={(event) =>
            form.give(event.target.value ? { mode: "table", name: event.target.value } : null)
          }
        >
          <option value="">numbers, written below</option>
          {[...new Set([...argument.tables, ...(argument.table === null ? [] : [argument.table])])].map(
            (table) => (
              <option key={table} value={table}>
                {table}
              </option>
            ),
          )}
        </select>
      )}
      {argument.table !== null ? null : (
        <TextField
          id={form.id}
          className={`cs-field ${styles.text}`}
          rows={5}
          value={argument.text}
          commit={(typed) => {
            form.give(typed.trim() ? typed : null);
            return undefined;
          }}
          placeholder={
            argument.large
              ? `${argument.shape}: too large to show; paste another to replace it`
              : "1 0.5\n0.5 1"
          }
          {...form.told}
        />
      )}
      {argument.table === null && argument.shape !== "–" && (
        <div className="cs-note">{argument.shape}. One row a line.</div>
      )}
    </>
  );
}

function Choice({ argument, form }: { argument: Field<"choice">; form: Form }) {
  return (
    <>
      <Label argument={argument} id={form.id} />
      <select
        id={form.id}
        className="cs-field cs-select"
        value={argument.value ?? ""}
        onChange={(event) => form.give(event.target.value || null)}
      >
        {(argument.optional || argument.value === null) && (
          <option value="" disabled={!argument.optional}>
            {argument.optional ? "left out" : "choose one"}
          </option>
        )}
        {argument.choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
      <Told form={form} />
    </>
  );
}

function Flag({ argument, form }: { argument: Field<"flag">; form: Form }) {
  return (
    <>
      <label className={styles.check}>
        <input
          type="checkbox"
          checked={argument.value === true}
          onChange={(event) => form.give(event.target.checked)}
        />
        {argument.label}
      </label>
      <Told form={form} />
    </>
  );
}
