// One matrix large: which it is, what can be said of it in a line, how it is read; the plot itself is Panel's.

import { type ReactNode, useEffect, useRef } from "react";
import type { State } from "../session/connection";
import { useConnection, useSend, useView } from "../session/hooks";
import { Modes } from "../ui/Modes";
import { Vacant } from "../ui/Vacant";
import styles from "./matrix.module.css";

type Shown = State<"matrix">;
type Mode = Shown["mode"];

const TITLES: Record<Exclude<Mode, "value">, string> = { correlation: "Correlation", log: "Log" };
const WHY = {
  derivative: "A derivative has no correlations",
  other: "Correlations need a square matrix with a positive diagonal",
};
/** Milliseconds until what could not be sent is sent again. */
const AGAIN = 50;

/** `children` is the plot: it stays where it is, whatever is said above it. */
export function Matrix({ children }: { children: ReactNode }) {
  const state = useView("matrix");
  const page = useRef<HTMLDivElement>(null);
  useSeen(page, state !== null);
  useEffect(dress, []);
  return (
    <div className={`cs-root cs-scroll ${styles.page}`} ref={page}>
      {state && <Head state={state} />}
      {children}
    </div>
  );
}

function Head({ state }: { state: Shown }) {
  const send = useSend("matrix");
  const { problem, modes, derivative } = state;
  if (problem?.severity === "unfinished")
    return (
      <Vacant
        title={state.formula && !derivative ? "The matrix, large" : state.title}
        text={problem.text}
        ways={[{ tab: "inspector", text: "Go to the model" }]}
      />
    );
  const titles = { value: state.first, ...TITLES };
  return (
    <div className={styles.head}>
      <div className={styles.top}>
        <h2 className="cs-title cs-ellipsis">
          <span className={state.formula ? "cs-math" : undefined}>{state.title}</span>
        </h2>
        {state.shape !== null && <span className={styles.shape}>{state.shape}</span>}
        <span className={`cs-ellipsis ${styles.about}`}>{state.about}</span>
      </div>
      {problem ? (
        <p className={`cs-notice${problem.severity === "error" ? " cs-notice--problem" : ""}`} role="status">
          {problem.text}
        </p>
      ) : (
        <div className={styles.under}>
          <Modes
            label="Show as"
            value={state.mode}
            choices={(["value", "correlation", "log"] as const).map((mode) => ({
              value: mode,
              text: titles[mode],
              disabled: modes.includes(mode) ? undefined : WHY[derivative ? "derivative" : "other"],
            }))}
            choose={(mode) => send({ type: "read-as", mode })}
          />
          <dl className={styles.facts}>
            {state.facts.map(({ name, text }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </div>
      )}
    </div>
  );
}

/** Tell the server whether the plot can be seen, once there is a view: while nobody sees it, nothing is computed for it. */
function useSeen(page: { current: HTMLElement | null }, there: boolean): void {
  const connection = useConnection();
  useEffect(() => {
    const element = page.current;
    if (!element || !there) return;
    let seen: boolean | null = null;
    let told: boolean | null = null;
    let timer = 0;
    const tell = () => {
      if (seen === null || seen === told) return;
      try {
        connection.send("matrix", { type: "plot-seen", visible: seen });
        told = seen;
      } catch {
        timer = window.setTimeout(tell, AGAIN); // the document does not know the root yet
      }
    };
    const watch = new IntersectionObserver((changes) => {
      seen = changes.at(-1)?.isIntersecting ?? seen;
      tell();
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      clearTimeout(timer);
    };
  }, [connection, page, there]);
}

/** Bokeh hangs its tooltips on the body, outside of every root: only a style of the document reaches them. */
function dress(): void {
  if (document.querySelector("style[data-cs-plot-tooltip]")) return;
  const style = document.createElement("style");
  style.dataset.csPlotTooltip = "";
  style.textContent = `.bk-Tooltip {
    --tooltip-color: var(--cs-raised); --tooltip-text: var(--cs-text); --tooltip-border: var(--cs-border);
    --tooltip-arrow-color: var(--cs-border); --tooltip-arrow-inner-color: var(--cs-raised);
    padding: 6px 9px; border-radius: 6px; opacity: 1; box-shadow: var(--cs-shadow); pointer-events: none;
  }`;
  document.head.append(style);
}
