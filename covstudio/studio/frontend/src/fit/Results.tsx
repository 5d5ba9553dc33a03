// A finished fit: how it ended, its tables, and what may be asked of it beyond them.

import { useState } from "react";
import { copy } from "../session/browser";
import type { State } from "../session/connection";
import { useHear, useSend } from "../session/hooks";
import { Icon } from "../ui/Icon";
import { fixed, short } from "../ui/numbers";
import { Blups } from "./Blups";
import { Derived } from "./Derived";
import { Effects, Tests } from "./Effects";
import styles from "./fit.module.css";
import { History } from "./Progress";
import { Residuals } from "./Residuals";
import { Shares } from "./Shares";
import { DOWNLOAD } from "./Table";
import { Terms } from "./Terms";
import { Varcorr } from "./Varcorr";
import { Variances } from "./Variances";

type FitState = State<"fit">;
type ResultsState = State<"results">;

/** Fixed effects below which the residuals have room. */
const FEW = 12;

/** `hidden`: another fit is under way. What was written for the derived quantities stays meanwhile. */
export function Results({
  results,
  state,
  hidden,
}: {
  results: ResultsState;
  state: FitState;
  hidden: boolean;
}) {
  const send = useSend("fit");
  const [copied, setCopied] = useState("");
  useHear("fit", async ({ text }) => {
    setCopied((await copy(text)) ? "Copied to the clipboard" : "The browser does not let the page copy");
  });
  const { stale, questions } = state;
  const { number, summary } = results;
  // Where there are three columns, none is to be empty.
  const few = results.fixed_effects.length <= FEW;
  const residuals = results.residuals && <Residuals points={results.residuals} />;
  return (
    <div role="region" aria-label="Results" hidden={hidden}>
      {stale && (
        <div className={styles.staleBar} role="status">
          <span className="cs-grow">{stale.text}</span>
          {stale.values && (
            <button
              type="button"
              className="cs-button cs-button--small"
              onClick={() => send({ type: "back-to-estimates" })}
            >
              Back to the estimates
            </button>
          )}
        </div>
      )}
      <span className="cs-hidden-text" role="status">
        {copied}
      </span>
      <div className={stale && !stale.values ? styles.stale : ""}>
        <Summary summary={summary} said={state.notes} steps={state.steps} />
        <div className={styles.columns}>
          <div className={styles.column}>
            <Variances
              key={number}
              rows={results.variance_components}
              questions={questions}
              summary={summary}
            />
            <Varcorr rows={results.varcorr} />
            <Shares rows={results.variance_shares} />
            <Terms questions={questions} />
            <Derived state={state.derived} words={summary.parameters} />
          </div>
          <div className={styles.column}>
            <Effects rows={results.fixed_effects} degrees={summary.degrees} />
            <Tests rows={results.tests} summary={summary} />
            {few && residuals}
          </div>
          <div className={styles.column}>
            {!few && residuals}
            <Blups key={number} table={results.blups} />
          </div>
        </div>
      </div>
    </div>
  );
}

/** `said`: what stands above already, of the model as it is. */
function Summary({
  summary,
  said,
  steps,
}: {
  summary: ResultsState["summary"];
  said: readonly string[];
  steps: FitState["steps"];
}) {
  const send = useSend("fit");
  const { title, mood, text } = summary.verdict;
  const { iterations, method, n, p } = summary;
  return (
    <section className={`${styles.section} ${styles.summary}`} aria-label="Summary">
      <div className={styles.sectionHead}>
        <h3 tabIndex={-1} data-look>
          {title}
        </h3>
        <span className={`cs-badge cs-badge--${mood === "todo" ? "operator" : mood}`}>
          {`${iterations} iteration${iterations === 1 ? "" : "s"}`}
        </span>
        <button
          type="button"
          className="cs-button cs-button--small"
          onClick={() => send({ type: "save-table", table: "all" })}
        >
          <Icon path={DOWNLOAD} size={14} />
          Download all
        </button>
      </div>
      {text && (
        <div className={`cs-notice cs-notice--${mood} ${styles.verdict}`} role="note" aria-label="Verdict">
          {text}
        </div>
      )}
      <dl className={styles.metrics}>
        {(
          [
            ["Log-likelihood", summary.loglik],
            ["AIC", summary.aic],
            ["BIC", summary.bic],
          ] as const
        ).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{fixed(value, 4)}</dd>
          </div>
        ))}
      </dl>
      <div className={styles.about}>
        <p className={styles.facts}>{summary.criteria}</p>
        <p className={styles.facts}>
          {`${method} on ${n.toLocaleString()} rows with ${p} fixed effect${p === 1 ? "" : "s"}, ${summary.engine}, ${short(summary.seconds, 2)} s. ${summary.engine_reason}`}
        </p>
        {summary.notes
          .filter((note) => !said.includes(note))
          .map((note) => (
            <p key={note} className={styles.facts}>
              {note}
            </p>
          ))}
        <History steps={steps} />
      </div>
    </section>
  );
}
