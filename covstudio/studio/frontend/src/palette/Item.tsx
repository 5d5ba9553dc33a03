// A line of the palette: a structure, to be dragged or added, or something else that the search found.

import { type DragEvent, type KeyboardEvent, memo, type PointerEvent } from "react";
import type { PaletteEntry, PaletteOffer } from "../session/messages";
import { plain } from "../ui/keyboard";
import type { Alias } from "../ui/search";
import { STRUCTURE } from "../ui/structure";
import { Pictogram } from "./Pictogram";
import styles from "./palette.module.css";

export interface Hands {
  add: (entry: PaletteEntry) => void;
  take: (offer: PaletteOffer) => void;
  /** Explain an entry beside its line: soon, or at once; or nothing any more. */
  explain: (entry: PaletteEntry, line: HTMLElement, soon: boolean) => void;
  hush: () => void;
  /** A finger goes down on an entry, and may carry it away. */
  carry: (event: PointerEvent<HTMLElement>, entry: PaletteEntry) => void;
  /** A key on a line; true when it was answered. */
  walk: (event: KeyboardEvent<HTMLElement>) => boolean;
}

function onEnter(event: KeyboardEvent<HTMLElement>, hands: Hands, act: () => void): void {
  if (!plain(event) || hands.walk(event)) return;
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  act();
}

interface ItemProps {
  entry: PaletteEntry;
  via?: Alias | null;
  /** With its name, or its picture alone. */
  named: boolean;
  /** Whether Tab leads to it. */
  stop: boolean;
  hands: Hands;
}

export const Item = memo(function Item({ entry, via = null, named, stop, hands }: ItemProps) {
  function onDragStart(event: DragEvent): void {
    hands.hush();
    event.dataTransfer.setData(STRUCTURE, JSON.stringify({ kind: entry.kind }));
    event.dataTransfer.setData("text/plain", entry.title);
    event.dataTransfer.effectAllowed = "copy";
  }
  return (
    <div
      role="button"
      className={`${styles.item} ${styles[entry.role]} ${named ? "" : styles.tile}`}
      tabIndex={stop ? 0 : -1}
      draggable
      data-kind={entry.kind}
      aria-label={named ? undefined : entry.title}
      aria-description={entry.summary + (via ? ` Called ${via.name} in ${via.system}.` : "")}
      onClick={() => hands.add(entry)}
      onKeyDown={(event) => onEnter(event, hands, () => hands.add(entry))}
      onDragStart={onDragStart}
      onPointerDown={(event) => hands.carry(event, entry)}
      onMouseEnter={(event) => hands.explain(entry, event.currentTarget, true)}
      onMouseLeave={hands.hush}
      onFocus={(event) => {
        if (event.currentTarget.matches(":focus-visible")) hands.explain(entry, event.currentTarget, false);
      }}
      onBlur={hands.hush}
    >
      <Pictogram picture={entry.picture} size={named ? 28 : 26} />
      {named && (
        <span className={styles.words}>
          <span className={styles.name}>{entry.title}</span>
          {via ? (
            <span className={styles.via} aria-hidden="true">
              {via.system} <b>{via.name}</b> <span className="cs-math">{entry.symbol}</span>
            </span>
          ) : (
            <span className={`${styles.symbol} cs-math`} aria-hidden="true">
              {entry.symbol}
            </span>
          )}
        </span>
      )}
    </div>
  );
});

export function OfferItem({ offer, stop, hands }: { offer: PaletteOffer; stop: boolean; hands: Hands }) {
  return (
    <div
      role="button"
      className={`${styles.item} ${styles.offer}`}
      tabIndex={stop ? 0 : -1}
      data-kind={`${offer.offer}:${offer.name}`}
      aria-description={offer.summary}
      onClick={() => hands.take(offer)}
      onKeyDown={(event) => onEnter(event, hands, () => hands.take(offer))}
    >
      <span className={styles.words}>
        <span className={styles.name}>
          <span className="cs-hidden-text">{`${offer.category}: `}</span>
          {offer.title}
        </span>
        <span className={styles.via} aria-hidden="true">
          {offer.category}
        </span>
      </span>
    </div>
  );
}
