// What a column is: its role and why, its values in few words, the order of its levels.

import { Button, Dialog, DialogTrigger, Popover } from "react-aria-components";
import { useSend } from "../session/hooks";
import type { GiveRole, TableColumn } from "../session/messages";
import { FieldProblem } from "../ui/TextField";
import styles from "./data.module.css";

type Role = GiveRole["role"];

const ROLES: [Role, string][] = [
  ["factor", "Factor"],
  ["covariate", "Covariate"],
  ["response", "Response"],
  ["ignored", "Ignored"],
];

export function ColumnAbout({ column, proposed }: { column: TableColumn; proposed: boolean }) {
  const send = useSend("data");
  const { name, role, summary, missing, reason, error } = column;
  return (
    <div className={styles.column} data-role={role}>
      <div className={`cs-ellipsis ${styles.columnName}`} title={reason ? `${name}: ${reason}` : name}>
        {name}
      </div>
      <select
        className="cs-field cs-select"
        aria-label={`Role of ${name}`}
        value={role}
        aria-invalid={error !== null || undefined}
        onChange={(event) => send({ type: "give-role", column: name, role: event.target.value as Role })}
      >
        {ROLES.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <div className={styles.what} title={summary}>
        {summary}
        {missing > 0 && `, ${missing.toLocaleString("en")} missing`}
      </div>
      {error !== null ? (
        <FieldProblem>{error}</FieldProblem>
      ) : (
        proposed && reason && <div className={styles.why}>{reason}</div>
      )}
      {column.levels.length > 0 && <Levels column={column} />}
    </div>
  );
}

/** Levels in order: the first column of buttons moves one up, the second makes it the one to compare with. */
function Levels({ column: { name, levels, reference } }: { column: TableColumn }) {
  const send = useSend("data");
  const up = (place: number) => {
    const order = [...levels];
    order.splice(place - 1, 2, ...order.slice(place - 1, place + 1).reverse());
    send({ type: "order-levels", column: name, levels: order });
  };
  return (
    <DialogTrigger>
      <Button
        className={`cs-link cs-ellipsis ${styles.compared}`}
        aria-label={`Levels of ${name}, reference level ${reference}`}
      >
        <span
          title={`Fixed effects are differences from ${reference}. Press for another level, or another order.`}
        >
          {`reference level: ${reference}`}
        </span>
      </Button>
      <Popover placement="bottom start" offset={6} className={`cs-root cs-menu ${styles.levels}`}>
        <Dialog aria-label={`Levels of ${name}`}>
          <ol>
            {levels.map((level, place) => (
              <li key={level}>
                <span className="cs-grow cs-ellipsis" title={level}>
                  {level}
                </span>
                <button
                  type="button"
                  className="cs-button cs-button--small"
                  aria-label={`Move ${level} up`}
                  disabled={place === 0}
                  onClick={() => up(place)}
                >
                  ↑
                </button>
                <button
                  type="button"
                  className="cs-button cs-button--small"
                  aria-label={`Compare the others with ${level}`}
                  aria-pressed={level === reference}
                  onClick={() => send({ type: "compare-with", column: name, level })}
                >
                  {level === reference ? "reference" : "make reference"}
                </button>
              </li>
            ))}
          </ol>
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}
