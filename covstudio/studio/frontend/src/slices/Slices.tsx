// The dock: V and the derivative of V in every free parameter. Only the pictures in sight are computed.

import { type CSSProperties, type KeyboardEvent, memo, useEffect, useRef, useState } from "react";
import { usePicture } from "../painter/register";
import type { State } from "../session/connection";
import { useHear, useSend, useStage, useView } from "../session/hooks";
import { plain } from "../ui/keyboard";
import { Name } from "../ui/Name";
import { type Real, short } from "../ui/numbers";
import { Sketch } from "../ui/Sketch";
import { useSize } from "../ui/useWide";
import { Scale } from "./Scale";
import styles from "./slices.module.css";
import { tileSize, tileWidth } from "./tiles";

type Dock = State<"slices">;

export function Slices() {
  const state = useView("slices");
  if (state === null) return null;
  return (
    <div className={`cs-root ${styles.dock}`}>
      {state.v ? <Strip state={state} /> : <Empty state={state} />}
    </div>
  );
}

function Strip({ state }: { state: Dock }) {
  const send = useSend("slices");
  const strip = useRef<HTMLDivElement>(null);
  const values = useMoved(state);
  const stage = useStage();
  const hands = useRef<Hands>({
    show: (key, node) => send({ type: "show-large", key, node }),
    open: () => stage.ask("visit", "matrix"),
  }).current;
  useSideways(strip);
  const dock = useSize(strip);
  const rows = state.v?.rows ?? 1;
  const count = 1 + state.slices.length;
  let look: CSSProperties | undefined;
  if (dock !== null) {
    const side = tileSize(rows, count, dock, devicePixelRatio);
    look = { "--tile": `${side}px`, "--wide": `${tileWidth(side, count, dock.width)}px` } as CSSProperties;
  }

  return (
    <div className={styles.strip} role="list" aria-label="V and its derivatives" ref={strip} style={look}>
      <Tile
        {...{ tile: "V", node: null, title: "V", label: "V", owner: "covariance of the data", fault: null }}
        value={state.v?.shape ?? ""}
        shown={state.focus === "V"}
        hands={hands}
      />
      {state.slices.length > 0 && <By chosen={state.derivatives} />}
      {state.slices.map(({ key, path, symbol, owner, node, value, fault }) => {
        const theta = state.derivatives === "theta";
        const title = theta ? "∂V/∂θ" : `∂V/∂${symbol}`;
        const of = `${symbol} of ${owner}`;
        return (
          <Tile
            key={key}
            {...{ tile: key, node, title, fault, path, hands }}
            label={theta ? `∂V/∂θ, ${of}` : `∂V/∂${of}`}
            owner={theta ? of : owner}
            value={short(values[path] ?? value)}
            shown={state.focus === key}
          />
        );
      })}
      {state.more > 0 && (
        <div role="listitem" className={styles.rest}>
          <button
            type="button"
            className="cs-button cs-button--small"
            onClick={() => send({ type: "more-slices" })}
          >
            Show more
          </button>
          <span className="cs-note">{`${state.more.toLocaleString("en")} more derivatives`}</span>
        </div>
      )}
      {state.slices.length === 0 && (
        <p className={styles.none}>
          No free parameter: V is constant. Free a parameter, and the change it makes in V is shown here.
        </p>
      )}
    </div>
  );
}

interface Hands {
  /** Choose a picture as the one that the Matrix area shows. */
  show: (key: string, node: string | null) => void;
  /** Go to the Matrix area. */
  open: () => void;
}

interface TileProps {
  tile: string;
  node: string | null;
  title: string;
  label: string;
  owner: string;
  path?: string;
  value: string;
  fault: string | null;
  shown: boolean;
  hands: Hands;
}

const Tile = memo(function Tile(props: TileProps) {
  const { tile, node, title, label, owner, path, value, fault, shown, hands } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  usePicture(tile, canvas);
  const choose = () => hands.show(tile, node);
  const onKeyDown = (event: KeyboardEvent<HTMLButtonElement>) => {
    walk(event);
    if (event.key !== "Enter" || !plain(event)) return;
    event.preventDefault();
    choose();
    hands.open();
  };
  return (
    <div className={styles.tile} data-shown={shown || undefined} role="listitem">
      <canvas
        ref={canvas}
        className={styles.picture}
        role="img"
        aria-label={`Heatmap of ${label}`}
        data-tile={tile}
        onClick={choose}
        onDoubleClick={hands.open}
      />
      <Scale tile={tile} />
      <button
        type="button"
        className={`cs-focusable ${styles.name}`}
        aria-pressed={shown}
        data-show
        title={fault ?? path}
        aria-description="Double click or Enter: in the Matrix area"
        onClick={choose}
        onDoubleClick={hands.open}
        onKeyDown={onKeyDown}
      >
        <span className="cs-hidden-text">{`Show ${label} large`}</span>
        <span className={styles.line} aria-hidden="true">
          <span className={`cs-math ${styles.symbol}`}>{title}</span>
          {fault ? (
            <span className={styles.fault}>not finite</span>
          ) : (
            <span className={styles.value} data-path={path}>
              {value}
            </span>
          )}
        </span>
        <span aria-hidden="true">
          <Name className={styles.owner} text={owner} />
        </span>
      </button>
    </div>
  );
});

/** What V is differentiated by: theta, as the library's grad() does, or the values that the sliders show. */
function By({ chosen }: { chosen: Dock["derivatives"] }) {
  const send = useSend("slices");
  const choice = (by: Dock["derivatives"], text: string, title: string) => (
    <button
      type="button"
      aria-pressed={chosen === by}
      title={title}
      onClick={() => send({ type: "differentiate", by })}
    >
      {text}
    </button>
  );
  return (
    <div role="listitem" className={styles.choice}>
      <div className={styles.by} role="group" aria-label="Differentiate by">
        {choice("theta", "by θ", "Derivatives in theta, the unconstrained parameters: what grad() gives")}
        {choice(
          "natural",
          "natural",
          "Derivatives in the natural values: the change of V per unit of what the slider shows",
        )}
      </div>
    </div>
  );
}

function Empty({ state }: { state: Dock }) {
  return (
    <div className={styles.empty}>
      <Sketch />
      <div>
        <h3>V and what each parameter does to it</h3>
        <p>
          {state.waiting ??
            "Connect a matrix to V. It is drawn here as a heatmap, and beside it one picture for every parameter: " +
              "where V changes, and how fast, when that parameter does."}
        </p>
      </div>
    </div>
  );
}

/** Values that a moved slider changed since the last state, which brings all of them. */
function useMoved(state: Dock): Record<string, Real> {
  const [moved, setMoved] = useState<{ since: Dock; values: Record<string, Real> }>({
    since: state,
    values: {},
  });
  const latest = useRef(state);
  latest.current = state;
  useHear("slices", ({ values }) =>
    setMoved((before) => {
      const since = latest.current;
      return { since, values: before.since === since ? { ...before.values, ...values } : values };
    }),
  );
  return moved.since === state ? moved.values : {};
}

/** A wheel that turns one way scrolls a row that lies the other way. */
function useSideways(strip: { current: HTMLElement | null }): void {
  useEffect(() => {
    const row = strip.current;
    const turn = (event: WheelEvent) => {
      if (!row || event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
      if (row.scrollWidth <= row.clientWidth) return;
      event.preventDefault();
      row.scrollLeft += event.deltaY;
    };
    row?.addEventListener("wheel", turn, { passive: false });
    return () => row?.removeEventListener("wheel", turn);
  }, [strip]);
}

/** Arrow keys, Home and End go from picture to picture. */
function walk(event: KeyboardEvent<HTMLButtonElement>): void {
  if (!plain(event)) return;
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const all = [
    ...(event.currentTarget.closest('[role="list"]')?.querySelectorAll("button[data-show]") ?? []),
  ];
  const at = all.indexOf(event.currentTarget);
  const to = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : step ? at + step : -1;
  const next = all[to];
  if (!(next instanceof HTMLElement)) return;
  event.preventDefault();
  next.focus();
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
}
