// Columns of the table, or values that are written down.

import { useSend } from "../session/hooks";
import { TextField } from "../ui/TextField";
import { type Field, type Form, Label, Told } from "./Argument";
import styles from "./arguments.module.css";

export function Columns({ argument, form }: { argument: Field<"factors" | "coordinates">; form: Form }) {
  const send = useSend("inspector");
  const { kind, count, least, most, table } = argument;
  if (table && count === null) {
    const hint = kind === "coordinates" ? columnsHint(least, most) : "";
    return (
      <>
        <Label argument={argument} />
        <Picker argument={argument} form={form} most={most} />
        {hint && <div className="cs-note">{hint}</div>}
        <Told form={form} />
      </>
    );
  }
  return (
    <>
      <Label argument={argument} id={form.id} />
      <TextField
        id={form.id}
        className={`cs-field ${styles.text}`}
        rows={3}
        value={argument.written}
        commit={(typed) => {
          form.give(typed.trim() ? { mode: "written", text: typed } : null);
          return undefined;
        }}
        placeholder={kind === "factors" ? "R1, R1, R2, R2" : most === 1 ? "0, 1, 2.5, 4" : "0 0\n0 1.5\n1 0"}
        {...form.told}
      />
      <div className="cs-note">
        {count === null ? "" : `${count} rows. `}
        {kind === "coordinates" && most !== 1 ? "One row a line, a number for each coordinate. " : ""}
        {table ? (
          <button type="button" className="cs-link" onClick={() => form.give(null)}>
            Take columns of the table instead
          </button>
        ) : (
          <>
            <button type="button" className="cs-link" onClick={() => send({ type: "open-tab", tab: "data" })}>
              Load a table
            </button>
            {" to choose columns, or write the values here."}
          </>
        )}
      </div>
    </>
  );
}

/** How many columns of coordinates there may be, where it is not just one. */
export function columnsHint(least: number, most: number | null): string {
  if (most === 1) return "";
  if (most === null) return least > 1 ? `${least} columns or more, one for each coordinate.` : "";
  return least === most ? `${most} columns.` : `${least} to ${most} columns, one for each coordinate.`;
}

/** One column goes in or out of the list that the document holds: two quick clicks are two steps, whatever has been echoed yet. */
export function Picker({
  argument,
  form,
  most = null,
}: {
  argument: Field<"size" | "factors" | "coordinates">;
  form: Form;
  most?: number | null;
}) {
  const { columns } = argument;
  const full = most !== null && most > 1 && columns.length >= most;
  return (
    <div className={`${styles.choices} cs-scroll`} role="group" aria-label={argument.label}>
      {argument.choices.map(({ name, role }) => {
        const at = columns.indexOf(name);
        return (
          <label key={name} className={styles.choice}>
            <input
              type={most === 1 ? "radio" : "checkbox"}
              checked={at >= 0}
              disabled={at < 0 && full}
              aria-label={name}
              onChange={(event) => form.take(name, event.target.checked)}
            />
            {at >= 0 && columns.length > 1 && <i>{at + 1}</i>}
            <span className="cs-ellipsis">{name}</span>
            {role !== "ignored" && <i>{role}</i>}
          </label>
        );
      })}
    </div>
  );
}
