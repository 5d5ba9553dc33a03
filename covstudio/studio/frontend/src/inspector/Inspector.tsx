// The inspector: one node, several, the whole model, or how to begin.

import { useEffect, useMemo, useRef, useState } from "react";
import type { State } from "../session/connection";
import { useAnswer, useHear, useSend, useStage, useView } from "../session/hooks";
import type { EmptyPage, ModelPage, SeveralPage } from "../session/messages";
import { Problems } from "../ui/Problems";
import styles from "./inspector.module.css";
import { Node } from "./Node";
import { FindParameters, MovingValues, Parameters } from "./Parameters";
import { Values } from "./values";

/** The id of the result among those of nodes. */
const V = "V";

/** Where one begins in the form of a node: at what is missing, else at its first slider, else at its first field. */
function firstField(form: HTMLElement | null): HTMLElement | null {
  const fields = ":is(input, select, textarea):enabled";
  const wishes = [`[data-unfinished] ${fields}`, "input[type=range]", `section ${fields}`, fields];
  for (const wish of wishes) {
    const found = form?.querySelector<HTMLElement>(wish);
    if (found) return found;
  }
  return null;
}

export function Inspector() {
  const state = useView("inspector");
  const values = useMemo(() => new Values(), []);
  const latest = useRef(state);
  latest.current = state;
  useHear("inspector", ({ moved }) => values.arrive(moved, latest.current));
  const stage = useStage();
  const place = useRef<HTMLDivElement>(null);
  const [asked, setAsked] = useState<string | null>(null); // the node whose form the keyboard goes to
  useAnswer("form", setAsked);
  useEffect(() => {
    const about = state?.page;
    if (asked === null || about === undefined || asked !== (about.mode === "node" ? about.id : V)) return;
    setAsked(null);
    firstField(place.current)?.focus();
  });
  const moving = useMemo(() => (state === null ? null : { values, state }), [values, state]);
  if (state === null) return null;
  const { page } = state;
  return (
    <MovingValues.Provider value={moving}>
      {/* Another page begins at its top, and holds nothing that was typed into the one before. */}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it hears of a key that its fields leave */}
      <div
        ref={place}
        className="cs-root cs-view"
        key={page.mode === "node" ? page.id : page.mode}
        onKeyDown={(event) => event.key === "Escape" && !event.defaultPrevented && stage.ask("canvas")}
      >
        <Page state={state} />
      </div>
    </MovingValues.Provider>
  );
}

function Page({ state }: { state: State<"inspector"> }) {
  const { page } = state;
  switch (page.mode) {
    case "node":
      return <Node page={page} state={state} />;
    case "several":
      return <Several page={page} />;
    case "model":
      return <Model page={page} />;
    case "empty":
      return <Empty page={page} />;
  }
}

function Model({ page }: { page: ModelPage }) {
  const send = useSend("inspector");
  const stage = useStage();
  const visit = (node: string) => send({ type: "select-node", node });
  const problems = page.problems.length > 0 && (
    <div className={styles.problems}>
      <Problems problems={page.problems} label="To finish" choose={visit} />
    </div>
  );
  return (
    <>
      <div className={styles.head}>
        <div className="cs-row">
          <h2 className="cs-title cs-grow">All parameters of V</h2>
          <span className="cs-badge">{page.shape}</span>
        </div>
        <p className={styles.summary}>
          {page.groups.length || page.find !== null ? (
            <>
              {`${page.free} free${page.fixed ? `, ${page.fixed} fixed` : ""}. Select a node on the canvas to see its arguments, or `}
              <button type="button" className="cs-link" onClick={() => stage.ask("visit", "fit")}>
                fit V to the data
              </button>
              .
            </>
          ) : (
            "Parameters appear here when V is complete. Select a node on the canvas to work on it."
          )}
        </p>
        <FindParameters find={page.find} />
      </div>
      {page.groups.length === 0 && page.find !== null && (
        <p className={`cs-note ${styles.section}`}>No parameter and no node is called so.</p>
      )}
      {page.groups.length === 0 && problems}
      {page.groups.map((group) => (
        <section key={group.node} className={styles.section} aria-label={group.name}>
          <div className={styles.group}>
            <button type="button" className="cs-link cs-ellipsis" onClick={() => visit(group.node)}>
              {group.name}
            </button>
            <span className="cs-ellipsis">{group.title}</span>
          </div>
          <Parameters
            rows={group.parameters}
            count={group.count}
            node={group.node}
            name={group.name}
            notes={false}
          />
        </section>
      ))}
      {page.more > 0 && (
        <div className={`cs-row ${styles.section}`}>
          <button
            type="button"
            className="cs-button cs-button--small"
            onClick={() => send({ type: "more-parameters", node: null })}
          >
            Show more
          </button>
          <span className="cs-note">{`${page.more.toLocaleString("en")} more nodes`}</span>
        </div>
      )}
      {page.groups.length > 0 && problems}
    </>
  );
}

function Several({ page }: { page: SeveralPage }) {
  const send = useSend("inspector");
  return (
    <>
      <div className={styles.head}>
        <div className="cs-row">
          <h2 className="cs-title cs-grow">{page.nodes.length} nodes selected</h2>
          <button
            type="button"
            className="cs-button cs-button--small cs-button--danger"
            onClick={() => send({ type: "remove-selected" })}
          >
            Remove
          </button>
        </div>
      </div>
      <ul className={styles.section}>
        {page.nodes.map((node) => (
          <li key={node.id} className={styles.group}>
            <button
              type="button"
              className="cs-link"
              onClick={() => send({ type: "select-node", node: node.id })}
            >
              {node.name}
            </button>
            <span>{node.title}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Empty({ page }: { page: EmptyPage }) {
  const send = useSend("inspector");
  return (
    <div className={styles.start}>
      <h2>Compose a covariance, see it, fit it</h2>
      <ol>
        <li>
          <b>{page.table ? `Table: ${page.table}` : "Load a table"}</b>
          <p>
            A field trial or any table with one row per observation. The built-in alpha design is a good first
            one.
          </p>
          <button type="button" className="cs-button" onClick={() => send({ type: "open-tab", tab: "data" })}>
            {page.table ? "See the columns" : "Load data"}
          </button>
        </li>
        <li>
          <b>Build V</b>
          <p>
            Drag structures from the palette onto the canvas and wire them into V, or pick a template in the
            bar above.
          </p>
        </li>
        <li>
          <b>Move the sliders</b>
          <p>V, every derivative and each node's picture follow at once.</p>
        </li>
        <li>
          <b>Fit by REML</b>
          <p>
            Name the response and the fixed effects; estimates come back to the sliders, and Undo takes them
            back.
          </p>
        </li>
      </ol>
    </div>
  );
}
