// Second tables: a pedigree, markers or a relationship matrix of the individuals that a column names.

import type { State } from "../session/connection";
import { useSend } from "../session/hooks";
import type { SecondTable } from "../session/messages";
import { tooLarge, upload } from "../session/upload";
import styles from "./data.module.css";

export function Second({ state }: { state: State<"data"> }) {
  const send = useSend("data");
  const refuse = (text: string) => send({ type: "refuse-second", text });
  const take = (file: File | undefined) => {
    if (file === undefined) return;
    const trouble = tooLarge(file, state.limit, "taken. Thin the markers, or give a pedigree.");
    if (trouble !== null) refuse(trouble);
    else void upload({ purpose: "relation", file, send, refuse });
  };
  return (
    <section className={styles.block} aria-label="Second tables">
      <div className={styles.second}>
        {state.second.map((one) => (
          <One key={one.name} one={one} />
        ))}
        <label className={`cs-button cs-button--small ${styles.add}`}>
          Add a pedigree, markers or a matrix
          <input
            type="file"
            className="cs-hidden-text"
            accept=".csv,.tsv,.txt,.ped"
            onChange={(event) => {
              const file = event.target.files?.[0];
              event.target.value = "";
              take(file);
            }}
          />
        </label>
      </div>
      {state.second_error !== null && (
        <div className="cs-notice cs-notice--problem" role="alert">
          {state.second_error}
        </div>
      )}
    </section>
  );
}

function One({ one }: { one: SecondTable }) {
  const send = useSend("data");
  const { name, summary, matched, problem, notes, users } = one;
  return (
    <div className={styles.kin} role="group" aria-label={`Table ${name}`}>
      <div className="cs-row">
        <b>{name}</b>
        <span className="cs-badge">{summary}</span>
        <button
          type="button"
          className="cs-link"
          aria-label={`Drop ${name}`}
          onClick={() => send({ type: "drop-second", name })}
        >
          drop
        </button>
      </div>
      {matched !== "" && <div className="cs-note">{matched}</div>}
      {problem !== null && (
        <div className="cs-notice cs-notice--problem" role="alert">
          {problem}
        </div>
      )}
      {notes.map((note) => (
        <div key={note} className="cs-note">
          {note}
        </div>
      ))}
      <div className="cs-note">
        {users.length > 0
          ? `Used by ${users.join(", ")}.`
          : "Not used yet: choose it in a Pedigree, a Known matrix or a Known inverse."}
      </div>
    </div>
  );
}
