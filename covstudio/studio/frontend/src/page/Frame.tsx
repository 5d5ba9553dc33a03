// The frame: a slim bar, the palette, the model over its slices, the details in tabs. On a narrow page one region at a time.

import { type CSSProperties, type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import logo from "../../../assets/logo.svg";
import { Bar } from "../bar/Bar";
import { Canvas } from "../canvas/Canvas";
import { Code } from "../code/Code";
import { Data } from "../data/Data";
import { Fit } from "../fit/Fit";
import { Inspector } from "../inspector/Inspector";
import { Matrix } from "../matrix/Matrix";
import { Palette } from "../palette/Palette";
import { download, memory } from "../session/browser";
import { useAnswer, useConnection, useHear, useSend, useStage, useView } from "../session/hooks";
import { whenReady } from "../session/ready";
import { resized } from "../session/stage";
import { isDark } from "../session/theme";
import { Slices } from "../slices/Slices";
import { Status } from "../status/Status";
import { Slot } from "../ui/Slot";
import { useShortcuts } from "../ui/shortcuts";
import { FileDrop } from "./FileDrop";
import styles from "./frame.module.css";
import { remembered, type Size, Splitter } from "./Splitter";

const SIZES: Size[] = [
  { name: "left", label: "Width of the palette", least: 160, most: 360 },
  { name: "dock", label: "Height of the slices", least: 96, most: 480 },
  { name: "right", label: "Width of the details", least: 300, most: 720 },
];
const [LEFT, DOCK, RIGHT] = SIZES as [Size, Size, Size];
const FOLDING = ["palette", "dock"] as const;
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
type Sizes = Record<Size["name"], number | null>;

export function Frame() {
  const tabs = useView("frame")?.tabs ?? [];
  const send = useSend("frame");
  const sendBar = useSend("bar");
  const stage = useStage();
  const root = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<string | null>(null);
  const [marks, setMarks] = useState<Record<string, string>>({});
  const [view, setView] = useState<View>("canvas");
  const [folded, setFolded] = useState(() =>
    Object.fromEntries(FOLDING.map((name) => [name, memory.get(`covstudio.${name}`) === "closed"])),
  );
  const [sizes, setSizes] = useState(
    () => Object.fromEntries(SIZES.map((size) => [size.name, remembered(size)])) as Sizes,
  );
  const tablist = useRef<HTMLDivElement>(null);
  const chosen = open ?? tabs[0]?.name ?? "";

  function show(name: string): void {
    if (!tabs.some((tab) => tab.name === name)) return;
    setOpen(name);
    setMarks(({ [name]: _, ...others }) => others);
    if (NARROW.matches) setView("side");
    send({ type: "tab-opened", tab: name });
  }

  useAnswer("open", show);
  useAnswer("view", (name) => NARROW.matches && name in VIEWS && setView(name as View));
  useAnswer("fold", (name) =>
    setFolded((all) => {
      memory.set(`covstudio.${name}`, all[name] ? "open" : "closed");
      return { ...all, [name]: !all[name] };
    }),
  );
  useHear("frame", (message, data) => {
    if (message.type === "open-tab") show(message.tab);
    else if (message.type === "settle") send({ type: "settled" });
    else if (message.type === "save-file") download(message.name, data ?? "", message.kind);
    else if (message.tab !== chosen) setMarks((all) => ({ ...all, [message.tab]: message.mark }));
  });
  useReady(chosen);

  useEffect(() => {
    tablist.current
      ?.querySelector(`[data-tab="${chosen}"]`)
      ?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [chosen]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what has another size after these, Bokeh has to hear of
  useEffect(resized, [chosen, view, folded]);
  useShortcuts(
    () => root.current,
    {
      undo: () => sendBar({ type: "undo-step" }),
      redo: () => sendBar({ type: "redo-step" }),
      save: () => sendBar({ type: "save-model" }),
      open: () => stage.ask("choose"),
      search: () => stage.ask("search"),
      help: () => stage.ask("help"),
    },
    (number) => {
      const tab = tabs[number];
      if (tab) show(tab.name);
      return tab !== undefined;
    },
  );

  function onTabKey(event: KeyboardEvent, index: number): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1 : step ? index + step : null;
    if (to === null) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    if (!tab) return;
    show(tab.name);
    tablist.current?.querySelector<HTMLElement>(`[data-tab="${tab.name}"]`)?.focus();
  }

  const splitter = (size: Size) => (
    <Splitter
      size={size}
      value={sizes[size.name]}
      change={(to) => setSizes((all) => ({ ...all, [size.name]: to }))}
    />
  );
  const measures = Object.fromEntries(
    Object.entries(sizes).flatMap(([name, value]) => (value === null ? [] : [[`--${name}`, `${value}px`]])),
  ) as CSSProperties;

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only hears of drags that pass
    <div
      ref={root}
      className={`cs-root ${styles.frame}`}
      data-view={view}
      data-palette={folded.palette ? "closed" : undefined}
      data-dock={folded.dock ? "closed" : undefined}
      style={measures}
      // A structure is dragged from the palette, which lies over the model of a narrow page, to the model.
      onDragStart={() =>
        NARROW.matches && setTimeout(() => setView((now) => (now === "palette" ? "canvas" : now)), 0)
      }
    >
      <FileDrop page={root} />
      <header id="cs-bar" className={styles.bar}>
        <span className={styles.logo} aria-hidden="true">
          {/* biome-ignore lint/security/noDangerouslySetInnerHtml: our own picture, a file of the package */}
          <span dangerouslySetInnerHTML={{ __html: logo }} />
          <span className={styles.logoName}>covstudio</span>
        </span>
        <div className={styles.barTools}>
          <Bar />
        </div>
      </header>
      <aside id="cs-palette" className={styles.palette} aria-label="Palette">
        <div className={styles.region}>
          <Palette />
        </div>
      </aside>
      {splitter(LEFT)}
      <main className={styles.centre}>
        <section id="cs-canvas" className={styles.canvas} aria-label="Model">
          <Canvas />
        </section>
        {splitter(DOCK)}
        <section id="cs-dock" className={styles.dock} aria-label="Slices">
          <div className={styles.region}>
            <Slices />
          </div>
        </section>
      </main>
      {splitter(RIGHT)}
      <aside id="cs-side" className={styles.side} aria-label="Details">
        <div role="tablist" aria-label="Details" className={styles.tablist} ref={tablist}>
          {tabs.map((tab, index) => (
            <button
              key={tab.name}
              type="button"
              role="tab"
              id={`cs-tab-${tab.name}`}
              data-tab={tab.name}
              data-mark={marks[tab.name]}
              aria-controls={`cs-panel-${tab.name}`}
              aria-selected={tab.name === chosen}
              tabIndex={tab.name === chosen ? 0 : -1}
              className={styles.tab}
              onClick={() => show(tab.name)}
              onKeyDown={(event) => onTabKey(event, index)}
            >
              {tab.title}
            </button>
          ))}
        </div>
        {tabs.map((tab, index) => {
          const Drawn = TABS[tab.name];
          return (
            <div
              key={tab.name}
              role="tabpanel"
              id={`cs-panel-${tab.name}`}
              aria-labelledby={`cs-tab-${tab.name}`}
              className={styles.tabpanel}
              hidden={tab.name !== chosen}
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
function useReady(tab: string): void {
  const connection = useConnection();
  const latest = useRef(tab);
  latest.current = tab;
  useEffect(
    () =>
      whenReady(connection, () => {
        // Panel loses what changes in a component while the page is still loading: the theme is told only now.
        connection.send("frame", { type: "page-ready", dark: isDark() });
        if (latest.current) connection.send("frame", { type: "tab-opened", tab: latest.current });
      }),
    [connection],
  );
}
