// A fit under way, iteration by iteration, and the iterations of one that has ended.

import type { State } from "../session/connection";
import { fixed, numeric, short } from "../ui/numbers";
import styles from "./fit.module.css";
import tables from "./table.module.css";

type FitState = State<"fit">;
type Steps = FitState["steps"];

const SPARK = { width: 300, height: 56 };

export function Progress({ state }: { state: FitState }) {
  return (
    <section className={styles.section} aria-label="Progress">
      <div className={styles.progressLine} role="status">
        <span className="cs-spinner" />
        <span className="cs-grow">{said(state)}</span>
      </div>
      <Spark steps={state.steps} />
      {state.steps.length > 0 && <Iterations steps={state.steps} />}
    </section>
  );
}

function said({ phase, ahead, held, steps }: FitState): string {
  const last = steps.at(-1);
  if (held && phase !== "cancelling") return held;
  switch (phase) {
    case "starting":
      return "Starting a worker…";
    case "waiting":
      return ahead ? `Waiting for a free worker, ${ahead} ahead…` : "Waiting for a free worker…";
    case "running":
      return last ? `Iteration ${last.number}, log-likelihood ${fixed(last.loglik)}` : "Preparing the data…";
    case "inferring":
      return "Estimates found; intervals and tests…";
    case "cancelling":
      return "Cancelling…";
    case "idle":
      return "";
  }
}

export function History({ steps }: { steps: Steps }) {
  if (steps.length === 0) return null;
  return (
    <details className={styles.history}>
      <summary>Iterations</summary>
      <Spark steps={steps} />
      <Iterations steps={steps} />
    </details>
  );
}

/** The log-likelihood as it rises. */
function Spark({ steps }: { steps: Steps }) {
  if (steps.length < 2) return null;
  const values = steps
    .map((step) => numeric(step.loglik))
    .map((value) => (Number.isFinite(value) ? value : null));
  const known = values.filter((value) => value !== null);
  const low = Math.min(...known);
  const span = Math.max(...known) - low || 1;
  const points = values.map((value, i) => {
    const x = (i / (values.length - 1)) * SPARK.width;
    return `${x.toFixed(1)},${(value === null ? 54 : 52 - ((value - low) / span) * 48).toFixed(1)}`;
  });
  return (
    <svg
      className={styles.spark}
      viewBox={`0 0 ${SPARK.width} ${SPARK.height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label="Log-likelihood by iteration"
    >
      <polyline points={points.join(" ")} />
    </svg>
  );
}

function Iterations({ steps }: { steps: Steps }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to take the keyboard
    <div className={tables.wideTable} role="region" aria-label="Iterations" tabIndex={0}>
      <table className="cs-table">
        <thead>
          <tr>
            {["Iteration", "Log-likelihood", "Score norm", "Halvings"].map((name) => (
              <th key={name} scope="col" className="cs-number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...steps].reverse().map((step) => (
            <tr key={step.number}>
              <td className="cs-number">{step.number}</td>
              <td className="cs-number">{fixed(step.loglik)}</td>
              <td className="cs-number">{short(step.score, 3)}</td>
              <td className="cs-number">{step.halvings}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
