// The data view: a table is first a proposal that the person confirms; until then the data in use stays.

import { useEffect, useRef, useState } from "react";
import type { State } from "../session/connection";
import { useAnswer, useSend, useView } from "../session/hooks";
import type { ShownTable, TableQuestion } from "../session/messages";
import { keyboard } from "../ui/keyboard";
import { useWide } from "../ui/useWide";
import { ColumnAbout } from "./ColumnAbout";
import styles from "./data.module.css";
import { Second } from "./Second";
import { Sources, useTake } from "./Sources";
import { Table } from "./Table";

/** A view as wide as this, in pixels, has the roles on the columns of its table; a narrower one lists them above it. */
const WIDE = 560;

export function Data() {
  const state = useView("data");
  const take = useTake();
  const [dropped, setDropped] = useState<File | null>(null);
  useAnswer("table", setDropped);
  useEffect(() => {
    // The server makes the view when it is opened first.
    if (dropped === null || state === null) return;
    setDropped(null);
    take(dropped, state.limit);
  });
  return state === null ? null : <View state={state} />;
}

function View({ state }: { state: State<"data"> }) {
  const { table, error, wanted } = state;
  const [place, wide] = useWide<HTMLDivElement>(WIDE);
  const trouble = error !== null && (
    <div className={styles.block}>
      <div className="cs-notice cs-notice--problem" role="alert">
        {error}
      </div>
    </div>
  );
  if (table === null)
    return (
      <div ref={place} className={`cs-root cs-view ${styles.first}`}>
        <div className={styles.start}>
          <h2>Load a table</h2>
          {wanted !== null && (
            <div className={styles.block}>
              <div className="cs-notice" role="status">
                This model was made for the table “{wanted}”. Load it here to build and fit it.
              </div>
            </div>
          )}
          {trouble}
          <Sources state={state} />
          {state.second.length > 0 && <Second state={state} />}
        </div>
      </div>
    );
  return (
    <div ref={place} className={`cs-root cs-view ${styles.page}`}>
      {trouble}
      {/* Another table is asked for anew once this one is in use. */}
      <Shown key={state.proposed ? "proposed" : "in use"} state={state} table={table} wide={wide} />
    </div>
  );
}

function Shown({ state, table, wide }: { state: State<"data">; table: ShownTable; wide: boolean }) {
  const send = useSend("data");
  const [another, setAnother] = useState(false);
  const { proposed } = state;
  const use = useRef<HTMLButtonElement>(null);
  // Whoever asked for this table, in here or by leaving for here, is to say whether it will do.
  useEffect(() => {
    const now = keyboard();
    const panel = use.current?.closest('[role="tabpanel"]');
    if (now === null || panel?.contains(now)) use.current?.focus({ preventScroll: true });
  }, []);
  return (
    <>
      <div className={styles.head}>
        <h2 className={`cs-title cs-ellipsis ${styles.name}`} title={table.name}>
          {table.name}
        </h2>
        <span className="cs-badge">
          {table.rows.toLocaleString("en")} rows × {table.columns.length.toLocaleString("en")} columns
        </span>
        {proposed ? (
          <span className="cs-badge cs-badge--accent">to confirm</span>
        ) : (
          <>
            <span className="cs-badge cs-badge--ok">in use</span>
            <button
              type="button"
              className={`cs-link ${styles.another}`}
              aria-expanded={another}
              onClick={() => setAnother(!another)}
            >
              Use another table
            </button>
          </>
        )}
      </div>
      {!proposed && another && <Sources state={state} />}
      {!proposed && <Second state={state} />}
      <Notices table={table} notes={state.notes} />
      {!wide && (
        <>
          <h3 className={`cs-section-title ${styles.caption}`}>
            {proposed ? "What is each column?" : "Columns"}
          </h3>
          <div className={styles.columns}>
            {table.columns.map((column) => (
              <ColumnAbout key={column.name} column={column} proposed={proposed} />
            ))}
          </div>
        </>
      )}
      {/* Another table begins at its top; the same one with other answers stays where it is. */}
      <Table key={table.name} table={table} proposed={proposed} roles={wide} />
      {proposed && (
        <div className={styles.decide}>
          <button
            type="button"
            ref={use}
            className="cs-button cs-button--primary"
            data-look
            disabled={!table.ready}
            onClick={() => send({ type: "use-table" })}
          >
            Use this table
          </button>
          <button type="button" className="cs-button" onClick={() => send({ type: "discard-table" })}>
            Cancel
          </button>
        </div>
      )}
    </>
  );
}

function Notices({ table, notes }: { table: ShownTable; notes: string[] }) {
  const all = [...table.notes, ...notes];
  if (table.questions.length + all.length === 0) return null;
  return (
    <div className={`${styles.block} ${styles.notices}`}>
      {table.questions.map((question, place) => (
        <Question key={question.text} question={question} place={place} />
      ))}
      {all.map((note) => (
        <div key={note} className="cs-notice">
          {note}
        </div>
      ))}
    </div>
  );
}

function Question({ question, place }: { question: TableQuestion; place: number }) {
  const send = useSend("data");
  return (
    <div className="cs-notice cs-notice--todo" role="group" aria-label="Question">
      <div>{question.text}</div>
      {question.answers.length > 0 && (
        <div className={styles.answers}>
          {question.answers.map((text, answer) => (
            <button
              key={text}
              type="button"
              className="cs-button cs-button--small"
              onClick={() => send({ type: "answer-question", question: place, answer })}
            >
              {text}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
