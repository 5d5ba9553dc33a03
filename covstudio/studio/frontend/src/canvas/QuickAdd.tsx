// The search at the pointer: what fits where a wire was let go, on a wire, or anywhere. Enter or a click adds it there.

import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { useView } from "../session/hooks";
import type { PaletteEntry } from "../session/messages";
import { plain } from "../ui/keyboard";
import { find, type Hit } from "../ui/search";
import styles from "./quickadd.module.css";

/** As in quickadd.module.css: so that it opens inside of what is seen. */
const WIDTH = 280;
const HEIGHT = 320;

/** What is offered: of the structures that fit those that answer the query, best first. */
export function ranked(
  entries: readonly PaletteEntry[],
  kinds: readonly string[],
  query: string,
): Hit<PaletteEntry>[] {
  const fitting = new Set(kinds);
  return find(
    entries.filter((entry) => fitting.has(entry.kind)),
    query.trim(),
  );
}

export function QuickAdd({
  title,
  at,
  kinds,
  choose,
  close,
}: {
  title: string;
  /** Where it opens, in pixels of the canvas, and how large the canvas is. */
  at: { x: number; y: number; width: number; height: number };
  /** The structures that fit; null while the server has not said. */
  kinds: readonly string[] | null;
  choose: (kind: string) => void;
  /** Close it; with the keyboard back on the canvas unless something else has it. */
  close: (back: boolean) => void;
}) {
  const entries = useView("palette")?.entries;
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  /** Enter was pressed before it was known what fits. */
  const [entered, setEntered] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const hits = useMemo(() => ranked(entries ?? [], kinds ?? [], query), [entries, kinds, query]);

  useEffect(() => field.current?.focus(), []);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);

  useEffect(() => {
    if (!entered || kinds === null) return;
    setEntered(false);
    if (hits[active]) choose(hits[active].entry.kind);
  });

  // The list is steered from the field by hand: the library's looks up its lines in the document, and finds none in a shadow root.
  function onKeyDown(event: KeyboardEvent): void {
    if (!plain(event)) return;
    const moves: Record<string, number> = { ArrowDown: active + 1, ArrowUp: active - 1 + hits.length };
    const to = moves[event.key];
    if (to !== undefined && hits.length) setActive(to % hits.length);
    else if (event.key === "Enter") setEntered(true);
    else if (event.key === "Escape" || event.key === "Tab") close(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <div
      role="dialog"
      aria-label={title}
      className={`cs-panel ${styles.add}`}
      style={{
        left: Math.max(8, Math.min(at.x, at.width - WIDTH - 8)),
        top: Math.max(8, Math.min(at.y, at.height - HEIGHT - 8)),
      }}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) close(false);
      }}
    >
      <input
        ref={field}
        type="text"
        role="combobox"
        className={`cs-field ${styles.field}`}
        aria-label={title}
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={hits[active] ? `${id}-${active}` : undefined}
        aria-autocomplete="list"
        placeholder={title}
        autoComplete="off"
        spellCheck={false}
        value={query}
        onChange={(event) => {
          setQuery(event.target.value);
          setActive(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div
        ref={list}
        id={id}
        role="listbox"
        aria-label="Structures that fit"
        className={`cs-scroll ${styles.list}`}
      >
        {hits.map(({ entry, via }, index) => (
          <div
            key={entry.kind}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === active}
            className={styles.option}
            data-role={entry.role}
            onPointerMove={() => setActive(index)}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(entry.kind)}
            onKeyDown={onKeyDown}
          >
            <span className={styles.name}>{entry.title}</span>
            <span className={via ? styles.via : `cs-math ${styles.symbol}`}>
              {via ? `${via.system} ${via.name}` : entry.symbol}
            </span>
          </div>
        ))}
      </div>
      {kinds !== null && hits.length === 0 && (
        <p className={styles.none} role="status">
          {query ? `Nothing that fits here is called “${query}”.` : "Nothing fits here."}
        </p>
      )}
    </div>
  );
}
