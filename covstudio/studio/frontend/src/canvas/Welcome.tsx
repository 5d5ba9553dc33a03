// The page of an empty model: it teaches, and offers models that work.

import type { ReactNode } from "react";
import type { MenuEntry } from "../session/messages";
import styles from "./surface.module.css";

export function Welcome({
  templates,
  inert,
  earlier,
  choose,
}: {
  templates: MenuEntry[];
  /** Whether a structure under way may be dropped on it. */
  inert: boolean;
  /** The way back into earlier work. */
  earlier: ReactNode;
  choose: (name: string) => void;
}) {
  return (
    <section className={styles.welcome} data-inert={inert || undefined} aria-label="Getting started">
      <h1>Build a covariance, piece by piece</h1>
      <p>
        Drag a <b>Sum</b> from the left, wire it into V, then fill its slots. Or start from a model that
        works:
      </p>
      {earlier}
      <div className={styles.templates}>
        {templates.map((template) => (
          <button
            key={template.name}
            type="button"
            className={`${styles.template} cs-focusable`}
            onClick={() => choose(template.name)}
          >
            <strong>{template.title}</strong>
            <span>{template.description}</span>
          </button>
        ))}
      </div>
      <p className={styles.keys}>
        <kbd className="cs-kbd">/</kbd> finds a structure by any name, ASReml’s and SAS’s too.
      </p>
    </section>
  );
}
