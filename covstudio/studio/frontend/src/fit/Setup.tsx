// What is fitted: the response, the fixed effects, the method, and what is missing.

import { useId, useRef } from "react";
import type { State } from "../session/connection";
import { useSend } from "../session/hooks";
import { Problems } from "../ui/Problems";
import { useEditing } from "../ui/TextField";
import { useDebounced } from "../ui/useDebounced";
import { Choice, type Option } from "./Choice";
import styles from "./fit.module.css";
import setup from "./setup.module.css";

type FitState = State<"fit">;

const METHODS: Record<FitState["method"], Option> = {
  REML: { title: "REML", note: "Variances allow for the fixed effects being estimated." },
  ML: { title: "ML", note: "To compare fixed effects; variances come out small." },
};
const DEGREES: Record<FitState["degrees"], Option> = {
  satterthwaite: { title: "Satterthwaite", note: "Approximate degrees of freedom; the usual choice." },
  "kenward-roger": { title: "Kenward-Roger", note: "Corrects standard errors too; for small samples." },
  "kenward-roger-observed": {
    title: "Kenward-Roger, observed",
    note: "By the observed information, as SAS has it.",
  },
};
const BY_ML: Record<FitState["degrees"], Option> = {
  satterthwaite: { ...DEGREES.satterthwaite, note: "Kenward-Roger is for REML." },
  "kenward-roger": { ...DEGREES["kenward-roger"], closed: true },
  "kenward-roger-observed": { ...DEGREES["kenward-roger-observed"], closed: true },
};
/** Milliseconds after which a formula that is being written is looked at. */
const PAUSE = 200;

export function Setup({ state }: { state: FitState }) {
  const send = useSend("fit");
  const running = state.phase !== "idle";
  const why = useId();
  return (
    <section className={setup.setup} aria-label="Set-up of the fit">
      <Response state={state} />
      <Formula state={state} running={running} />
      <div className={setup.choices}>
        <Choice
          label="Method"
          options={METHODS}
          chosen={state.method}
          disabled={running}
          choose={(method) => send({ type: "choose-method", method })}
        />
        <Choice
          label="Tests"
          options={state.method === "ML" ? BY_ML : DEGREES}
          chosen={state.degrees}
          disabled={running}
          choose={(degrees) => send({ type: "choose-degrees", degrees })}
        />
      </div>
      <div className={setup.actions}>
        <button
          type="button"
          className={`cs-button cs-button--primary ${setup.fitButton}`}
          data-fit
          disabled={running || state.reason !== null}
          aria-describedby={why}
          onClick={() => send({ type: "start-fit" })}
        >
          Fit
        </button>
        {running && (
          <button
            type="button"
            className="cs-button"
            disabled={state.phase === "cancelling"}
            onClick={() => send({ type: "cancel-fit" })}
          >
            Cancel
          </button>
        )}
        <span className={`cs-grow ${setup.why}`} id={why}>
          {!running && state.reason}
          {!running && state.table === null && (
            <>
              {" "}
              <button
                type="button"
                className="cs-link"
                onClick={() => send({ type: "open-tab", tab: "data" })}
              >
                Load data
              </button>
            </>
          )}
        </span>
      </div>
      {state.outlook && !running && state.reason === null && <Outlook found={state.outlook} />}
      {!running && (
        <Problems
          problems={state.problems}
          label="Problems"
          choose={(node) => send({ type: "select-node", node })}
        />
      )}
      {state.notes.map((note) => (
        <div key={note} className="cs-notice">
          {note}
        </div>
      ))}
    </section>
  );
}

function Response({ state: { response, table } }: { state: FitState }) {
  const send = useSend("fit");
  const id = useId();
  const { value, choices, error } = response;
  return (
    <div>
      <label className="cs-label" htmlFor={id}>
        Response
      </label>
      <select
        id={id}
        className="cs-field cs-select"
        value={value ?? ""}
        disabled={table === null}
        aria-invalid={error === null ? undefined : true}
        onChange={(event) => send({ type: "choose-response", column: event.target.value || null })}
      >
        <option value="">{table === null ? "No table yet" : "Choose a column"}</option>
        {value !== null && !choices.includes(value) && <option value={value}>{value}</option>}
        {choices.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      {error !== null && (
        <div className="cs-error" role="alert">
          {error}
        </div>
      )}
    </div>
  );
}

function Formula({ state: { formula }, running }: { state: FitState; running: boolean }) {
  const send = useSend("fit");
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const looked = useRef(false); // a text that is not handed over was looked at
  const check = useDebounced((text: string) => send({ type: "check-formula", text }), PAUSE);
  const { text, error, names, count, columns, dependent } = formula;

  const { field: editing } = useEditing({
    value: text,
    answer: formula,
    commit: (written) => {
      check.cancel();
      send({ type: "write-formula", text: written });
      return undefined;
    },
  });

  return (
    <div>
      <label className="cs-label" htmlFor={id}>
        Fixed effects
      </label>
      <input
        {...editing}
        id={id}
        ref={field}
        className={`cs-field ${setup.formula}`}
        onChange={(event) => {
          editing.onChange(event);
          looked.current = true;
          check(event.target.value);
        }}
        onKeyDown={(event) => {
          editing.onKeyDown(event);
          if (event.key !== "Escape") return;
          check.cancel();
          // What was typed is taken back, and so is what was said about it.
          send({ type: "write-formula", text });
        }}
        onBlur={(event) => {
          check.cancel();
          // Written back by hand to what stood there: nothing is handed over, and what was looked at last is not it.
          if (looked.current && editing.value === text) send({ type: "write-formula", text });
          looked.current = false;
          editing.onBlur(event);
        }}
        aria-invalid={error === null ? undefined : true}
        aria-describedby={`${id}-note`}
        spellCheck={false}
        autoComplete="off"
        placeholder="1 + rep"
      />
      <div id={`${id}-note`} aria-live="polite">
        {error !== null ? (
          <div className="cs-error" role="alert">
            {error}
          </div>
        ) : (
          count > 0 && (
            <div className="cs-note">
              {`${count} column${count === 1 ? "" : "s"} of X: ${names.join(", ")}${count > names.length ? ", …" : ""}`}
            </div>
          )
        )}
        {dependent ? (
          <button
            type="button"
            className={`cs-button cs-button--small ${setup.leaveOut}`}
            disabled={running}
            onClick={() => {
              field.current?.focus(); // this button is gone in a moment
              send({ type: "leave-out-columns" });
            }}
          >
            Leave out dependent columns
          </button>
        ) : (
          formula.drop &&
          error === null && (
            <div className="cs-note">
              {formula.left_out.length > 0
                ? `Left out, depending on others: ${formula.left_out.join(", ")}. `
                : "Columns that depend on others are left out; there are none. "}
              <button
                type="button"
                className="cs-link"
                disabled={running}
                onClick={() => send({ type: "keep-columns" })}
              >
                Keep all columns
              </button>
            </div>
          )
        )}
        {columns.length > 0 && error === null && (
          <div className="cs-note">{`Columns: ${columns.join(", ")}. Join with +, cross with : or *.`}</div>
        )}
      </div>
    </div>
  );
}

/** One quiet line, which opens to the reasons. */
function Outlook({ found }: { found: NonNullable<FitState["outlook"]> }) {
  return (
    <details className={`${styles.history} ${setup.outlook}`}>
      <summary>{`${found.engine}: ${found.cost}`}</summary>
      <p className={styles.facts}>{found.why}</p>
      {found.others.length > 0 && (
        <ul className={styles.facts} aria-label="Other engines">
          {found.others.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
    </details>
  );
}
