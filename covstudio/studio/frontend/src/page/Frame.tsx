// The frame: a slim bar, and one work area at a time. The model stands in every one, whole or as a strip, beside the view of the
// area; views that were made stay, unseen. On a narrow page one region at a time.

import { type CSSProperties, type ReactNode, useEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import logo from "../../../assets/logo.svg";
import { Bar } from "../bar/Bar";
import { Opening } from "../bar/Opening";
import { Canvas } from "../canvas/Canvas";
import { Code } from "../code/Code";
import { Data } from "../data/Data";
import { Continue } from "../drafts/Continue";
import { keeperOf } from "../drafts/keeper";
import { Recent } from "../drafts/Recent";
import { Fit } from "../fit/Fit";
import { Inspector } from "../inspector/Inspector";
import { Matrix } from "../matrix/Matrix";
import { Palette } from "../palette/Palette";
import { download } from "../session/browser";
import { useAnswer, useConnection, useHear, useSend, useStage, useView } from "../session/hooks";
import { whenReady } from "../session/ready";
import { resized } from "../session/stage";
import { tab } from "../session/tab";
import { isDark } from "../session/theme";
import { Slices } from "../slices/Slices";
import { dockHeight } from "../slices/tiles";
import { Status } from "../status/Status";
import { usable } from "../ui/keyboard";
import { Slot } from "../ui/Slot";
import { useShortcuts } from "../ui/shortcuts";
import { useSize } from "../ui/useWide";
import { Areas, Folds } from "./Areas";
import { Carried } from "./Carried";
import { FileDrop } from "./FileDrop";
import styles from "./frame.module.css";
import { type Size, useLayout } from "./layout";
import { Splitter } from "./Splitter";
import { useFocusKept } from "./useFocusKept";
import { useStill } from "./useStill";

const VIEWS = { palette: "Palette", canvas: "Model", dock: "Slices", side: "Details" } as const;
const NARROW = matchMedia("(max-width: 820px)");

/** Tabs drawn here, around what Panel draws of them if there is any; every other one is a view of Panel's. */
const TABS: Record<string, (props: { children: ReactNode }) => JSX.Element | null> = {
  code: Code,
  data: Data,
  fit: Fit,
  inspector: Inspector,
  matrix: Matrix,
};

type View = keyof typeof VIEWS;

export function Frame() {
  const tabs = useView("frame")?.tabs ?? [];
  const send = useSend("frame");
  const sendBar = useSend("bar");
  const stage = useStage();
  const root = useRef<HTMLDivElement>(null);
  const kept = useView("drafts") !== null;
  const [open, setOpen] = useState<string | null>(kept ? tab.area : null);
  const [marks, setMarks] = useState<Record<string, string>>({});
  const [view, setView] = useState<View>("canvas");
  const chosen = tabs.find(({ name }) => name === open)?.name ?? tabs[0]?.name ?? "";
  const layout = useLayout(chosen);
  const { lines } = layout.area;
  const [away, setAway] = useState(0); // counts what was folded
  // The area that the keyboard goes to, and whether to what it says first.
  const wanted = useRef<{ tab: string; first: boolean } | null>(null);

  function show(name: string): void {
    if (!tabs.some((one) => one.name === name)) return;
    setOpen(name);
    if (kept) tab.area = name;
    setMarks(({ [name]: _, ...others }) => others);
    if (NARROW.matches) setView("side");
    send({ type: "tab-opened", tab: name });
  }

  /** A structure is dragged from the palette, which lies over the model of a narrow page, to the model. */
  function overModel(): void {
    if (NARROW.matches) setView((now) => (now === "palette" ? "canvas" : now));
  }

  function visit(name: string): void {
    wanted.current = { tab: name, first: true };
    show(name);
  }

  useAnswer("open", show);
  useAnswer("visit", visit);
  useAnswer("carry", ({ stage: now }) => now === "moving" && overModel());
  useAnswer("view", (name) => NARROW.matches && name in VIEWS && setView(name as View));
  useHear("frame", (message, data) => {
    if (message.type === "open-tab") visit(message.tab);
    else if (message.type === "settle") send({ type: "settled" });
    else if (message.type === "save-file") download(message.name, data ?? "", message.kind);
    else if (message.tab !== chosen) setMarks((all) => ({ ...all, [message.tab]: message.mark }));
  });
  useReady(chosen);
  useStill(root);

  // biome-ignore lint/correctness/useExhaustiveDependencies: what has another size after these, Bokeh has to hear of
  useEffect(resized, [chosen, view, away]);
  const strip = lines.beside.name === "strip";
  useEffect(() => stage.ask("strip", strip), [stage, strip]);
  const home = () => {
    const at = layout.area.folds.palette ? "cs-canvas" : `cs-panel-${chosen}`;
    return root.current?.querySelector<HTMLElement>(`#${at}`) ?? null;
  };
  useEffect(() => {
    if (wanted.current?.tab !== chosen) return;
    const { first } = wanted.current;
    wanted.current = null;
    const said = first ? home()?.querySelector<HTMLElement>("[data-look]") : null;
    (said && usable(said) ? said : home())?.focus({ preventScroll: true });
  });
  useFocusKept(root, home);
  useShortcuts(
    () => root.current,
    {
      undo: () => sendBar({ type: "undo-step" }),
      redo: () => sendBar({ type: "redo-step" }),
      save: () => sendBar({ type: "save-model" }),
      open: () => stage.ask("choose"),
      search: () => {
        flushSync(() => show(tabs[0]?.name ?? "")); // what is not shown cannot have the keyboard
        stage.ask("search");
      },
      fit: () => {
        flushSync(() => show("fit"));
        stage.ask("fit");
      },
      derive: () => {
        flushSync(() => show("fit"));
        stage.ask("derive");
      },
      help: () => stage.ask("help"),
    },
    (number) => {
      const wish = tabs[number];
      if (wish === undefined) return false;
      wanted.current = { tab: wish.name, first: false };
      show(wish.name);
      return true;
    },
  );

  const splitter = (size: Size) => (
    <Splitter
      key={size.name}
      size={size}
      value={layout.size(size)}
      change={(to) => layout.resize(size, to)}
    />
  );
  const main = useRef<HTMLElement>(null);
  const room = useSize(main);
  const shown = useView("slices");
  const measures = Object.fromEntries(
    Object.values(lines).flatMap((size) => {
      const value = size && layout.size(size);
      return value ? [[`--${size.name}`, `${value}px`]] : [];
    }),
  );
  if (strip && room !== null && shown?.v)
    measures["--top"] ??=
      `${room.height - 5 - dockHeight(shown.v.rows, 1 + shown.slices.length, room, devicePixelRatio)}px`;
  // Beside anything else an empty model says nothing.
  const empty = useView("status")?.chip.level === "empty";
  const folded = (["palette", "dock", "details", "strip"] as const).filter(
    (pane) => layout.folded(pane) || (pane === "strip" && strip && empty),
  );

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only hears of drags that pass
    <div
      ref={root}
      className={`cs-root ${styles.frame}`}
      data-area={chosen}
      data-wide={strip || undefined}
      data-view={view}
      data-folded={folded.join(" ")}
      style={measures as CSSProperties}
      onDragStart={() => setTimeout(overModel, 0)}
    >
      <FileDrop page={root} />
      <Carried page={root} />
      <header id="cs-bar" className={styles.bar}>
        <span className={styles.logo} aria-hidden="true">
          {/* biome-ignore lint/security/noDangerouslySetInnerHtml: our own picture, a file of the package */}
          <span dangerouslySetInnerHTML={{ __html: logo }} />
          <span className={styles.logoName}>covstudio</span>
        </span>
        <div className={styles.barTools}>
          <Bar
            recent={(look) => <Recent look={look} />}
            areas={<Areas tabs={tabs} chosen={chosen} marks={marks} show={show} />}
            panes={
              <Folds
                layout={layout}
                away={strip && empty ? "strip" : null}
                fold={(pane) => {
                  layout.fold(pane);
                  setAway((count) => count + 1);
                }}
              />
            }
          />
        </div>
        <Opening />
      </header>
      <aside id="cs-palette" className={styles.palette} aria-label="Palette">
        <div className={styles.region}>
          <Palette />
        </div>
      </aside>
      {lines.palette && splitter(lines.palette)}
      <main className={styles.centre} ref={main}>
        <section
          id="cs-canvas"
          className={styles.canvas}
          aria-label="Model"
          tabIndex={-1}
          data-cs-scope="model"
        >
          <Canvas earlier={<Continue />} />
        </section>
        {lines.inside && splitter(lines.inside)}
        <section id="cs-dock" className={styles.dock} aria-label="Slices">
          <div className={styles.region}>
            <Slices />
          </div>
        </section>
      </main>
      {splitter(lines.beside)}
      <aside id="cs-side" className={styles.side} aria-label="Details">
        {tabs.map((one, index) => {
          const Drawn = TABS[one.name];
          return (
            <div
              key={one.name}
              role="tabpanel"
              id={`cs-panel-${one.name}`}
              aria-labelledby={`cs-tab-${one.name}`}
              className={styles.tabpanel}
              tabIndex={-1}
              hidden={one.name !== chosen}
            >
              {Drawn ? (
                <div className={styles.region}>
                  <Drawn>
                    <Slot child="tabs" index={index} />
                  </Drawn>
                </div>
              ) : (
                <Slot child="tabs" index={index} className={styles.region} />
              )}
            </div>
          );
        })}
      </aside>
      <footer className={styles.status}>
        <Status />
      </footer>
      <nav className={styles.switch} aria-label="Views">
        {(Object.keys(VIEWS) as View[]).map((name) => (
          <button
            key={name}
            type="button"
            aria-current={view === name}
            onClick={() => setView((now) => (now === name ? "canvas" : name))}
          >
            {VIEWS[name]}
          </button>
        ))}
      </nav>
    </div>
  );
}

/** Tells the server when the page stands, and then the tab at the front: it may have been opened before there was anybody to tell. */
function useReady(name: string): void {
  const connection = useConnection();
  const latest = useRef(name);
  latest.current = name;
  useEffect(
    () =>
      whenReady(connection, () => {
        // Panel loses what changes in a component while the page is still loading: the theme is told only now.
        connection.send("frame", { type: "page-ready", dark: isDark() });
        if (latest.current) connection.send("frame", { type: "tab-opened", tab: latest.current });
        return keeperOf(connection)?.start();
      }),
    [connection],
  );
}
