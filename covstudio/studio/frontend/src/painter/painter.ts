// Paints every registered picture from the frames that the session sends, and tells the session which are looked at. Pictures are
// painted outside of React: a frame draws no component anew.

import type { Connection } from "../session/connection";
import type { Paint, PainterState, PaintTile } from "../session/messages";
import { Drags } from "./drags";
import { type Arrangement, arrange, cellOf, fill, unpack } from "./raster";
import { type Picture, type Size, type Surface, surfaceOf } from "./surface";
import { type Pointed, Tip } from "./tip";
import { write } from "./values";

/** The most cells per side that are asked for. */
const MAX_PIXELS = 250;
/** CSS pixels that a vector is thick at least. */
const THICK = 4;
/** Pieces of the gradient of a scale. */
const STOPS = 16;
const HATCHED = "repeating-linear-gradient(135deg, transparent 0 5px, var(--cs-border) 5px 6px)";
/** Milliseconds of a frame that are spent on pictures which only have another size. */
const AT_A_TIME = 8;
/** Milliseconds until what could not be sent is sent again: the document does not know the root yet. */
const AGAIN = 50;

type Theme = keyof PainterState;
type Ramps = Record<PaintTile["scale"], Uint32Array>;

export interface Tile extends PaintTile {
  codes: Uint8Array;
  seq: number;
}

export interface Entry {
  key: string;
  element: Picture;
  surface: Surface;
  /** Size in CSS pixels of the screen, which is another than that of the element inside what is zoomed. */
  width: number;
  height: number;
  visible: boolean;
  hover: boolean;
  /** What was painted last, and where on it the picture lies. */
  size: Size | null;
  place: Arrangement | null;
}

/** What is told of a painted frame: the drag it answers, the keys painted, whether more of it is to come, and when. */
export interface PaintedFrame {
  seq: number;
  keys: string[];
  done: boolean;
  at: number;
}

export class Painter {
  readonly tiles = new Map<string, Tile>();
  readonly entries = new Map<Picture, Entry>();
  readonly drags: Drags;
  readonly stats = { frames: 0, tiles: 0, painted: 0, paintedAt: 0, paintMs: 0, workMs: 0 };
  lastFrame: PaintedFrame | null = null;
  private readonly listeners = new Set<(frame: PaintedFrame) => void>();
  private readonly watchers = new Map<string, Set<() => void>>();
  private readonly sizes = new ResizeObserver((changes) => this.resized(changes));
  private readonly views = new IntersectionObserver((changes) => this.seen(changes), { rootMargin: "80px" });
  private readonly themes = new MutationObserver(() => this.themed());
  private readonly resolution = matchMedia("(resolution)");
  private readonly tip: Tip;
  private readonly ends: (() => void)[];
  private ramps: Record<Theme, Ramps> | null = null;
  theme: Theme = "light";
  private reporting = 0;
  private readonly unsharp = new Set<Entry>();
  private sharpening = 0;
  private reported = "";

  /** `place` is where the tooltip stands: inside the root, whose style sheet reaches it. */
  constructor(
    private readonly connection: Connection,
    place: HTMLElement,
  ) {
    const { documentElement } = document;
    this.drags = new Drags((message) => connection.send("painter", message));
    this.tip = new Tip(
      place,
      (picture, x, y) => this.pointed(picture, x, y),
      (query) => connection.send("painter", query),
    );
    this.themes.observe(documentElement, { attributes: true, attributeFilter: ["data-cs-theme"] });
    this.resolution.addEventListener("change", this.repaint);
    this.ends = [
      connection.subscribe("painter", () => this.coloured()),
      connection.hear("painter", (message, data) => {
        if (message.type === "paint") this.frame(message, data ?? new Uint8Array());
        else this.tip.answer(message);
      }),
    ];
    this.themed();
    this.coloured();
  }

  close(): void {
    for (const end of this.ends) end();
    clearTimeout(this.reporting);
    cancelAnimationFrame(this.sharpening);
    this.sizes.disconnect();
    this.views.disconnect();
    this.themes.disconnect();
    this.resolution.removeEventListener("change", this.repaint);
    this.entries.clear();
  }

  // --- pictures ------------------------------------------------------------------------------------------------------

  /** Paint the tile of a key into this element from now on; returns what ends it. */
  readonly register = (key: string, element: Picture, { hover = true } = {}): (() => void) => {
    this.unregister(element);
    const entry: Entry = {
      ...{ key, element, hover, surface: surfaceOf(element) },
      ...{ width: 0, height: 0, visible: false, size: null, place: null },
    };
    this.entries.set(element, entry);
    this.sizes.observe(element);
    this.views.observe(element);
    if (hover) this.tip.attach(element);
    return () => {
      if (this.entries.get(element) === entry) this.unregister(element);
    };
  };

  unregister(element: Picture): void {
    if (!this.entries.delete(element)) return;
    this.sizes.unobserve(element);
    this.views.unobserve(element);
    this.tip.detach(element);
    this.report();
  }

  private entriesOf(changes: { target: Element }[]): Entry[] {
    return changes.flatMap(({ target }) => this.entries.get(target as Picture) ?? []);
  }

  private resized(changes: ResizeObserverEntry[]): void {
    this.measured(this.entriesOf(changes));
  }

  /** What holds some of the pictures was zoomed. */
  readonly zoomed = (): void => this.measured([...this.entries.values()]);

  /** Measure pictures again. All are measured before one is painted: to measure after that would lay out the page for each. */
  private measured(entries: Entry[]): void {
    for (const entry of entries.filter(measure)) this.unsharp.add(entry);
    this.sharpen();
    this.report();
  }

  /** Paint what has another size than before, so many at a time that the page still answers. */
  private readonly sharpen = (): void => {
    cancelAnimationFrame(this.sharpening);
    const until = performance.now() + AT_A_TIME;
    for (const entry of this.unsharp) {
      if (performance.now() > until) {
        this.sharpening = requestAnimationFrame(this.sharpen);
        return;
      }
      this.unsharp.delete(entry);
      if (this.entries.get(entry.element) === entry) this.paint(entry);
    }
  };

  private seen(changes: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of changes) {
      const entry = this.entries.get(target as Picture);
      if (!entry) continue;
      entry.visible = isIntersecting;
      if (isIntersecting) this.paint(entry);
    }
    this.report();
  }

  /** Tell the server which tiles are looked at, and how large. */
  private report(after = 16): void {
    if (this.reporting) return;
    this.reporting = window.setTimeout(() => {
      this.reporting = 0;
      const tiles: Record<string, number> = {};
      for (const { key, visible, width, height } of this.entries.values()) {
        if (!visible || !width || !height) continue;
        const pixels = Math.min(MAX_PIXELS, Math.round(Math.max(width, height) * devicePixelRatio));
        tiles[key] = Math.max(tiles[key] ?? 0, pixels);
      }
      const text = JSON.stringify(tiles);
      if (text === this.reported) return;
      try {
        this.connection.send("painter", { type: "visible", tiles });
        this.reported = text;
      } catch {
        this.report(AGAIN);
      }
    }, after);
  }

  private coloured(): void {
    const state = this.connection.state("painter");
    if (!state) return;
    const ramps = ({ sequential, diverging }: PainterState[Theme]): Ramps => ({
      sequential: unpack(sequential),
      diverging: unpack(diverging),
    });
    this.ramps = { light: ramps(state.light), dark: ramps(state.dark) };
    this.repaint();
  }

  private themed(): void {
    const chosen = document.documentElement.dataset.csTheme;
    const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    this.theme = dark ? "dark" : "light";
    this.repaint();
  }

  private readonly repaint = (): void => {
    for (const entry of this.entries.values()) this.paint(entry);
    this.changed(this.watchers.keys());
  };

  private paint(entry: Entry): void {
    const tile = this.tiles.get(entry.key);
    const { element, width, height } = entry;
    if (!tile || !this.ramps || !width || !height || !entry.visible) return; // what comes into sight is painted then
    const ratio = devicePixelRatio;
    const size = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
    const place = arrange(tile, size.width, size.height, THICK * ratio);
    const colours = this.ramps[this.theme][tile.scale];
    const painted = entry.surface.paint(size, {
      place,
      fill: (pixels) => fill(pixels, tile, place, colours),
      write: (context) => write(context, tile, place, this.theme, ratio),
    });
    if (!painted) return;
    Object.assign(entry, { size, place });
    element.dataset.seq = String(tile.seq);
    if (element.style.background) element.style.background = "";
  }

  /** There is nothing to show for a key now: hatched, so that it is not taken for a matrix of zeros. */
  private wipe(key: string): void {
    this.tiles.delete(key);
    for (const { key: shown, surface, element } of this.entries.values()) {
      if (shown !== key) continue;
      surface.clear();
      delete element.dataset.seq;
      element.style.background = HATCHED;
    }
  }

  /** The cell of a picture at a place of the window. */
  private pointed(element: Picture, clientX: number, clientY: number): Pointed | null {
    const entry = this.entries.get(element);
    const tile = entry && this.tiles.get(entry.key);
    if (!tile || !entry.place || !entry.size) return null;
    const { x, y, rows, cols, pool, cellWidth, cellHeight } = entry.place;
    // getBoundingClientRect, because a picture inside the flow is scaled by its zoom
    const frame = element.getBoundingClientRect();
    const right = ((clientX - frame.left) / frame.width) * entry.size.width - x;
    const down = ((clientY - frame.top) / frame.height) * entry.size.height - y;
    const col = cellOf(right, cellWidth);
    const row = cellOf(down, cellHeight);
    if (row < 0 || col < 0 || row >= rows || col >= cols) return null;
    const size = pool * tile.block;
    return { key: entry.key, row: row * size, col: col * size, size };
  }

  /** A picture of what a key shows, as an address that holds it; null where nothing is shown. */
  portrait(key: string, pixels: number): string | null {
    const tile = this.tiles.get(key);
    if (!tile || !this.ramps) return null;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = pixels;
    const context = canvas.getContext("2d");
    const place = arrange(tile, pixels, pixels, THICK);
    if (!context || !place.width || !place.height) return null;
    const image = new ImageData(place.width, place.height);
    fill(new Uint32Array(image.data.buffer), tile, place, this.ramps[this.theme][tile.scale]);
    context.putImageData(image, place.x, place.y);
    return canvas.toDataURL();
  }

  // --- scales --------------------------------------------------------------------------------------------------------

  /** Call back whenever the tile of a key, or the theme, has changed; returns what ends it. */
  watch(key: string, changed: () => void): () => void {
    const all = this.watchers.get(key) ?? new Set();
    this.watchers.set(key, all.add(changed));
    return () => all.delete(changed);
  }

  private changed(keys: Iterable<string>): void {
    for (const key of keys) for (const changed of this.watchers.get(key) ?? []) changed();
  }

  /** The colours of a scale from its lowest to its highest, as the text of a CSS gradient. */
  gradient(scale: PaintTile["scale"]): string {
    const ramp = this.ramps?.[this.theme][scale];
    if (!ramp) return "none";
    const bytes = new Uint8Array(ramp.buffer);
    const first = scale === "diverging" ? 1 : 0; // code 0 is not used there
    const stops = Array.from({ length: STOPS + 1 }, (_, stop) => {
      const at = 4 * Math.round(first + ((255 - first) * stop) / STOPS);
      return `rgb(${bytes[at]} ${bytes[at + 1]} ${bytes[at + 2]} / ${bytes[at + 3]! / 255})`;
    });
    return `linear-gradient(to right, ${stops.join(", ")})`;
  }

  // --- frames --------------------------------------------------------------------------------------------------------

  /** Ask for an empty frame; its sequence number. For measurements, and to wait until all that was asked is answered. */
  ping(): number {
    const seq = ++this.drags.seq;
    this.connection.send("painter", { type: "ping", seq });
    return seq;
  }

  /** Hear of each frame once it is painted; returns what ends it. */
  onFrame(listen: (frame: PaintedFrame) => void): () => void {
    this.listeners.add(listen);
    return () => this.listeners.delete(listen);
  }

  private frame(head: Paint, data: Uint8Array): void {
    const began = performance.now();
    for (const key of head.clear) this.wipe(key);
    const keys = new Set<string>();
    for (const tile of head.tiles) {
      const codes = data.subarray(tile.offset, tile.offset + tile.rows * tile.cols);
      this.tiles.set(tile.key, { ...tile, codes, seq: head.seq });
      keys.add(tile.key);
    }
    for (const entry of this.entries.values()) if (keys.has(entry.key)) this.paint(entry);
    const at = performance.now();
    const { stats } = this;
    stats.frames++;
    stats.tiles += keys.size;
    stats.painted = head.seq;
    stats.paintedAt = at;
    stats.paintMs = at - began;
    stats.workMs = head.work;
    const frame = { seq: head.seq, keys: [...keys], done: head.done, at };
    this.lastFrame = frame;
    this.drags.answered(head.seq);
    for (const listen of [...this.listeners]) listen(frame);
    this.changed([...keys, ...head.clear]);
    this.tip.refresh(keys);
  }
}

/** Measure a picture again; true when it has another size on the screen than before. */
function measure(entry: Entry): boolean {
  const { width, height } = entry.element.getBoundingClientRect();
  const before = [entry.width, entry.height];
  [entry.width, entry.height] = [width, height];
  return before[0] !== width || before[1] !== height;
}

const painters = new WeakMap<Connection, Painter>();

/** Begin to paint for a session. */
export function startPainter(connection: Connection, place: HTMLElement): Painter {
  const painter = new Painter(connection, place);
  painters.set(connection, painter);
  return painter;
}

/** The painter of a session. */
export function painterOf(connection: Connection): Painter {
  const painter = painters.get(connection);
  if (!painter) throw new Error("nobody has begun to paint for this session");
  return painter;
}
