// The fit view. While a fit runs it draws each iteration as it arrives; afterwards the tables, and what the person asks of them.

import { useEffect, useRef, useState } from "react";
import { useAnswer, useSend, useView } from "../session/hooks";
import { Problems } from "../ui/Problems";
import { Vacant } from "../ui/Vacant";
import styles from "./fit.module.css";
import { lookAt } from "./focus";
import { Progress } from "./Progress";
import { Results } from "./Results";
import { Setup } from "./Setup";

/** Where what a fit needs is found. */
const WAYS = [
  { tab: "data", text: "Load a table" },
  { tab: "inspector", text: "Go to the model" },
];

export function Fit() {
  const state = useView("fit");
  const results = useView("results");
  const send = useSend("fit");
  const outcome = useRef<HTMLDivElement>(null);
  const running = state !== null && state.phase !== "idle";

  const was = useRef(false);
  useEffect(() => {
    if (was.current && !running) lookAt(outcome.current);
    was.current = running;
  }, [running]);

  // By a key; the server makes the view when it is opened first.
  const [due, setDue] = useState(false);
  const page = useRef<HTMLDivElement>(null);
  useAnswer("fit", () => setDue(true));
  useEffect(() => {
    if (!due || state === null) return;
    setDue(false);
    if (running) return;
    page.current?.querySelector<HTMLElement>("[data-fit]")?.focus(); // what is being written is said first
    send({ type: "start-fit" });
  });

  if (state === null) return null;
  const { failure } = state;
  return (
    <div className={`cs-root cs-view ${styles.fit}`}>
      <div className={styles.page} ref={page}>
        <Setup state={state} />
        <div className={styles.outcome} ref={outcome}>
          {running && <Progress state={state} />}
          {failure && !running && (
            <section className={styles.section} aria-label="What went wrong">
              <div role="alert" tabIndex={-1} data-look className={styles.failure}>
                {failure.message && <div className="cs-notice cs-notice--problem">{failure.message}</div>}
                <Problems
                  problems={failure.problems}
                  label="Problems of the fit"
                  choose={(node) => send({ type: "select-node", node })}
                />
              </div>
            </section>
          )}
          {results && <Results results={results} state={state} hidden={running} />}
          {!results && !running && !failure && (
            <Vacant
              title="Results"
              text="Estimates, standard errors and random effects appear here."
              ways={state.table === null ? WAYS : []}
            />
          )}
        </div>
      </div>
    </div>
  );
}
