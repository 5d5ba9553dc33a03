// The palette: search, categories, and structures that can be dragged onto the canvas or added with a click or Enter. A category
// stands open, with names, or folded, with the pictures alone: both can be dragged. Everything drawn comes from the catalogue.

import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { memory } from "../session/browser";
import type { State } from "../session/connection";
import { useAnswer, useSend, useStage, useView } from "../session/hooks";
import type { PaletteEntry, PaletteOffer } from "../session/messages";
import { Icon } from "../ui/Icon";
import { plain } from "../ui/keyboard";
import { find, type Hit } from "../ui/search";
import { Explain } from "./Explain";
import { type Hands, Item, OfferItem } from "./Item";
import styles from "./palette.module.css";
import { useCarry } from "./useCarry";

const SEARCH = "M7 12.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11Z|M11 11l3.5 3.5";
const CLEAR = "M4.5 4.5l7 7|M11.5 4.5l-7 7";
const CHEVRON = "M6 4.5 9.5 8 6 11.5";
const FOLD = "M3 5.5h10|M3 8h10|M3 10.5h10";
const TILES = "M3 3h4v4H3z|M9 3h4v4H9z|M3 9h4v4H3z|M9 9h4v4H9z";
/** Milliseconds that the pointer rests on a line before it is explained. */
const SOON = 450;
const REMEMBERED = "covstudio-palette-open";
const OPEN_AT_FIRST = ["Operators", "Elementary"];

/** Which categories stand open: as this browser last had them. */
function remembered(): ReadonlySet<string> {
  try {
    const kept: unknown = JSON.parse(memory.get(REMEMBERED) ?? "null");
    if (Array.isArray(kept)) return new Set(kept.map(String));
  } catch {
    // somebody else wrote there
  }
  return new Set(OPEN_AT_FIRST);
}

/** Categories in their order, operators first: a model begins with one, and the rest fills its slots. */
function categories(entries: PaletteEntry[]): [string, PaletteEntry[]][] {
  const found = new Map<string, PaletteEntry[]>();
  for (const entry of entries) found.set(entry.category, [...(found.get(entry.category) ?? []), entry]);
  const grouped = [...found];
  const operators = ([, group]: [string, PaletteEntry[]]) => group.every(({ role }) => role === "operator");
  return [...grouped.filter(operators), ...grouped.filter((group) => !operators(group))];
}

/** Whether what is offered beside structures answers a query better than any structure. */
function better(offered: readonly Hit<PaletteOffer>[], found: readonly Hit<PaletteEntry>[]): boolean {
  const [other, one] = [offered[0], found[0]];
  return other !== undefined && (one === undefined || other.score < one.score);
}

export function Palette() {
  const state = useView("palette");
  return state === null ? null : <Structures state={state} />;
}

function Structures({ state }: { state: State<"palette"> }) {
  const send = useSend("palette");
  const stage = useStage();
  const [query, setQuery] = useState("");
  const [active, setActive] = useState<string | null>(null); // what Tab leads to, once somebody walked
  const [open, setOpen] = useState(remembered);
  const [answered, setAnswered] = useState(false); // Enter added what was searched for: undo takes that back, not the words
  const [explained, setExplained] = useState<PaletteEntry | null>(null);
  const line = useRef<HTMLElement | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const search = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  useAnswer("search", () => {
    search.current?.focus();
    search.current?.select();
  });
  useEffect(() => () => clearTimeout(timer.current), []);

  const asked = query.trim() !== "";
  const found = useMemo(() => find(state.entries, query), [state, query]);
  const offered = useMemo(() => (asked ? find(state.offers, query) : []), [state, query, asked]);
  const groups = useMemo(() => categories(state.entries), [state]);

  function change(text: string): void {
    setQuery(text);
    setAnswered(false);
    setActive(null);
    hands.hush();
    list.current?.scrollTo({ top: 0 });
  }

  function unfold(titles: string[]): void {
    setOpen(new Set(titles));
    memory.set(REMEMBERED, JSON.stringify(titles));
    hands.hush();
  }

  const lines = () => [...(list.current?.querySelectorAll<HTMLElement>("[data-kind]") ?? [])];

  function go(to: HTMLElement | undefined): void {
    if (!to) return;
    setActive(to.dataset.kind ?? null);
    to.focus();
    to.scrollIntoView({ block: "nearest" });
  }

  function walk(event: KeyboardEvent<HTMLElement>): boolean {
    const all = lines();
    const here = all.indexOf(event.currentTarget);
    const moves: Record<string, number> = {
      ArrowDown: here + 1,
      ArrowRight: here + 1,
      ArrowUp: here - 1,
      ArrowLeft: here - 1,
      Home: 0,
      End: all.length - 1,
    };
    const to = moves[event.key];
    if (to !== undefined) {
      event.preventDefault();
      if (to < 0) search.current?.focus();
      else go(all[to]);
    } else if (event.key === "Escape") {
      hands.hush();
      search.current?.focus();
    } else return false;
    return true;
  }

  const add = (entry: PaletteEntry) => {
    hands.hush();
    send({ type: "add-structure", kind: entry.kind, centre: window.covstudioCanvas?.centre() ?? null });
  };
  const take = ({ offer, name }: PaletteOffer) => {
    send({ type: "take-offer", offer, name });
    change("");
  };
  const carry = useCarry(list, () => hands.hush());
  const acts = useRef({ add, take, walk, carry });
  acts.current = { add, take, walk, carry };
  // The same hands for every line and every drawing, so that a line is drawn again only when it is another.
  const hands = useMemo<Hands>(
    () => ({
      add: (entry) => acts.current.add(entry),
      take: (offer) => acts.current.take(offer),
      walk: (event) => acts.current.walk(event),
      carry: (event, entry) => acts.current.carry(event, entry),
      explain: (entry, row, soon) => {
        clearTimeout(timer.current);
        const show = () => {
          line.current = row;
          setExplained(entry);
        };
        if (soon) timer.current = setTimeout(show, SOON);
        else show();
      },
      hush: () => {
        clearTimeout(timer.current);
        setExplained(null);
      },
    }),
    [],
  );

  function onSearchKey(event: KeyboardEvent<HTMLInputElement>): void {
    if (!plain(event)) return;
    if (event.key === "ArrowDown") {
      event.preventDefault();
      go(lines()[0]);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (better(offered, found) && offered[0]) take(offered[0].entry);
      else if (asked && found[0]) {
        add(found[0].entry);
        setAnswered(true);
        event.currentTarget.select(); // what is typed next looks for the next one
      } else if (offered[0]) take(offered[0].entry);
    } else if (event.key === "Escape") {
      if (query) change("");
      else stage.ask("canvas");
    }
  }

  const offeredFirst = better(offered, found);
  const kinds = asked
    ? found.map(({ entry }) => entry.kind)
    : groups.flatMap(([, group]) => group.map(({ kind }) => kind));
  const named = (offer: PaletteOffer) => `${offer.offer}:${offer.name}`;
  const walked = active !== null && [...kinds, ...offered.map(({ entry }) => named(entry))].includes(active);
  const first = offeredFirst && offered[0] ? named(offered[0].entry) : kinds[0];
  const stop = walked ? active : (first ?? null);
  const also = offered.length > 0 && (
    <section aria-label="Also">
      <h2 className={`cs-section-title ${styles.also}`}>{offeredFirst ? "Ready-made" : "Also"}</h2>
      {offered.map(({ entry }) => (
        <OfferItem key={named(entry)} offer={entry} stop={named(entry) === stop} hands={hands} />
      ))}
    </section>
  );
  const titles = groups.map(([title]) => title);
  const all = titles.every((title) => open.has(title));
  const foldAll = all ? "Pictures only" : "Show all names";

  return (
    <div className={styles.palette} data-cs-scope="model">
      <div className={styles.search}>
        <div className={styles.find}>
          <Icon path={SEARCH} size={14} />
          <input
            ref={search}
            type="search"
            className="cs-field"
            placeholder="Find a structure"
            aria-label="Find a structure"
            autoComplete="off"
            spellCheck={false}
            value={query}
            data-answered={answered || undefined}
            onChange={(event) => change(event.target.value)}
            onKeyDown={onSearchKey}
          />
          {query ? (
            <button
              className={styles.clear}
              type="button"
              aria-label="Clear the search"
              onClick={() => change("")}
            >
              <Icon path={CLEAR} size={12} />
            </button>
          ) : (
            <span className={`cs-kbd ${styles.key}`} aria-hidden="true">
              /
            </span>
          )}
        </div>
        {!query && (
          <button
            type="button"
            className="cs-icon-button"
            aria-label={foldAll}
            title={foldAll}
            onClick={() => unfold(all ? [] : titles)}
          >
            <Icon path={all ? TILES : FOLD} size={14} />
          </button>
        )}
      </div>
      {/* While the list scrolls nothing stands beside it, but what is about to be explained will be. */}
      <div ref={list} className={`${styles.list} cs-scroll`} onScroll={() => setExplained(null)}>
        {offeredFirst && also}
        {asked && found.length > 0 && (
          <section aria-label="Found">
            {found.map(({ entry, via }) => (
              <Item key={entry.kind} entry={entry} via={via} named stop={entry.kind === stop} hands={hands} />
            ))}
          </section>
        )}
        {!offeredFirst && also}
        {asked && found.length + offered.length === 0 && (
          <div className="cs-empty" role="status">
            {`Nothing is called “${query}”.`}
            <span>Try what it is for, or its name in ASReml, SAS, nlme or glmmTMB.</span>
          </div>
        )}
        {!asked &&
          groups.map(([title, group]) => {
            const names = open.has(title);
            return (
              <section key={title} aria-label={title}>
                <h2 className="cs-section-title">
                  <button
                    type="button"
                    className={styles.fold}
                    aria-expanded={names}
                    onClick={() =>
                      unfold(names ? [...open].filter((one) => one !== title) : [...open, title])
                    }
                  >
                    <Icon path={CHEVRON} size={12} />
                    <span className={styles.title}>{title}</span>
                    <span className={styles.count}>
                      {group.length}
                      <span className="cs-hidden-text"> structures</span>
                    </span>
                  </button>
                </h2>
                <div className={names ? undefined : styles.tiles}>
                  {group.map((entry) => (
                    <Item
                      key={entry.kind}
                      entry={entry}
                      named={names}
                      stop={entry.kind === stop}
                      hands={hands}
                    />
                  ))}
                </div>
              </section>
            );
          })}
      </div>
      <p className={styles.hint}>Drag onto the canvas, or press Enter.</p>
      {explained && <Explain key={explained.kind} entry={explained} row={line} katex={state.katex} />}
    </div>
  );
}
