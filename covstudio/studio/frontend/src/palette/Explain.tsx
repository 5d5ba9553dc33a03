// The explanation beside the list, of the entry under the pointer or with the focus.

import type { RefObject } from "react";
import { Tooltip, TooltipTriggerStateContext } from "react-aria-components";
import { useTooltipTriggerState } from "react-stately/useTooltipTriggerState";
import type { PaletteEntry } from "../session/messages";
import { Formula } from "../ui/Formula";
import { Pictogram } from "./Pictogram";
import styles from "./palette.module.css";

/** Pixels: as in palette.module.css. */
const WIDTH = 320;

/** What each other system calls a structure. */
function bySystem({ aliases }: PaletteEntry): [string, string[]][] {
  const found = new Map<string, string[]>();
  for (const { system, name } of aliases) found.set(system, [...(found.get(system) ?? []), name]);
  return [...found];
}

interface Props {
  entry: PaletteEntry;
  row: RefObject<HTMLElement | null>;
  katex: string | null;
}

export function Explain({ entry, row, katex }: Props) {
  const right = row.current?.getBoundingClientRect().right ?? 0;
  const beside = right + WIDTH + 24 <= window.innerWidth;
  const open = useTooltipTriggerState({ isOpen: true });
  return (
    <TooltipTriggerStateContext.Provider value={open}>
      <Tooltip
        isOpen
        triggerRef={row as RefObject<Element | null>}
        placement={beside ? "right top" : "bottom start"}
        offset={beside ? 12 : 6}
        className={`cs-root ${styles.explain} ${styles[entry.role]}`}
      >
        <div className={styles.head}>
          <Pictogram picture={entry.picture} size={56} />
          <div>
            <div className="cs-title">{entry.title}</div>
            <code>{entry.kind}</code>
          </div>
        </div>
        <Formula
          formula={entry.formula}
          symbol={entry.symbol}
          katex={katex}
          className={`cs-math ${styles.formula}`}
        />
        <p>{entry.summary}</p>
        {entry.indefinite && (
          <p className={styles.warning}>Not positive semi-definite at every parameter value.</p>
        )}
        {entry.slots.length > 0 && (
          <p className={styles.slots}>
            {entry.slots.map((slot) => (
              <span key={slot.name} className={styles.slot}>
                <b>{slot.name}</b> {slot.label}
              </span>
            ))}
          </p>
        )}
        {entry.aliases.length > 0 && (
          <dl>
            {bySystem(entry).map(([system, names]) => [
              <dt key={`${system} of`}>{system}</dt>,
              <dd key={system}>{names.join(", ")}</dd>,
            ])}
          </dl>
        )}
        {entry.reference && <p className={styles.reference}>{entry.reference}</p>}
      </Tooltip>
    </TooltipTriggerStateContext.Provider>
  );
}
