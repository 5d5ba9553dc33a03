// The work areas, one tab each, and the buttons that fold panes of the area that is open.

import { type KeyboardEvent, useEffect, useRef } from "react";
import type { Named } from "../session/messages";
import { Icon } from "../ui/Icon";
import { plain } from "../ui/keyboard";
import styles from "./areas.module.css";
import type { Layout, Pane } from "./layout";

const PANES: Record<Pane, string> = {
  palette: "M2.5 3h11v10h-11z|M6 3v10",
  strip: "M2.5 3h11v10h-11z|M6 3v10",
  dock: "M2.5 3h11v10h-11z|M2.5 9.5h11",
  details: "M2.5 3h11v10h-11z|M10 3v10",
};

interface Props {
  tabs: Named[];
  chosen: string;
  marks: Record<string, string>;
  show: (tab: string) => void;
}

export function Areas({ tabs, chosen, marks, show }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const tabOf = (name: string) => list.current?.querySelector<HTMLElement>(`[data-tab="${name}"]`);

  useEffect(() => {
    list.current
      ?.querySelector(`[data-tab="${chosen}"]`)
      ?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [chosen]);

  function onKeyDown(event: KeyboardEvent, index: number): void {
    if (!plain(event)) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1 : step ? index + step : null;
    if (to === null) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    if (!tab) return;
    show(tab.name);
    tabOf(tab.name)?.focus();
  }

  return (
    <div role="tablist" aria-label="Areas" className={styles.tablist} ref={list} data-offline>
      {tabs.map((tab, index) => (
        <button
          key={tab.name}
          type="button"
          role="tab"
          id={`cs-tab-${tab.name}`}
          data-tab={tab.name}
          data-mark={marks[tab.name]}
          title={index < 9 ? `${tab.label} (Alt ${index + 1})` : tab.label}
          aria-label={tab.label}
          aria-controls={`cs-panel-${tab.name}`}
          aria-selected={tab.name === chosen}
          tabIndex={tab.name === chosen ? 0 : -1}
          className={styles.tab}
          onClick={() => show(tab.name)}
          onKeyDown={(event) => onKeyDown(event, index)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}

export function Folds({
  layout,
  away,
  fold,
}: {
  layout: Layout;
  /** A pane that there is nothing for. */
  away: Pane | null;
  fold: (pane: Pane) => void;
}) {
  const panes = (Object.entries(layout.area.folds) as [Pane, string][]).filter(([pane]) => pane !== away);
  return panes.length === 0 ? null : (
    <div className={`cs-group ${styles.folds}`} role="group" aria-label="Panes" data-offline>
      {panes.map(([pane, label]) => (
        <button
          key={pane}
          type="button"
          className="cs-icon-button"
          aria-label={label}
          aria-pressed={!layout.folded(pane)}
          data-tip={
            layout.folded(pane) ? `Show the ${label.toLowerCase()}` : `Fold the ${label.toLowerCase()}`
          }
          onClick={() => fold(pane)}
        >
          <Icon path={PANES[pane]} />
        </button>
      ))}
    </div>
  );
}
