// Made by `make frontend` from the messages declared in Python. Do not edit.

export interface Wires {
  code: {
    down: CopyText;
    state: CodeState;
    up: Copy | Download | Language;
  };
  frame: {
    down: never;
    state: FrameState;
    up: never;
  };
  painter: {
    down: Paint | CellValue;
    state: PainterState;
    up: Drag | Release | Visible | Ping | Query;
  };
  slices: {
    down: SliceValues;
    state: SlicesState;
    up: ShowLarge | Differentiate;
  };
}
/**
 * A text for the clipboard.
 */
export interface CopyText {
  text: string;
  type: "copy-text";
}
/**
 * The program, or why there is none.
 */
export interface CodeState {
  code: string | null;
  keywords: string[];
  language: string;
  languages: CodeLanguage[];
  long: boolean;
  name: string;
  problems: string[];
  reason: string | null;
}
/**
 * A language that has an exporter.
 */
export interface CodeLanguage {
  label: string;
  name: string;
}
/**
 * The whole program is wanted on the clipboard; the page holds only its beginning.
 */
export interface Copy {
  type: "copy";
}
/**
 * The program is wanted as a file.
 */
export interface Download {
  type: "download";
}
/**
 * The program is wanted in another language.
 */
export interface Language {
  name: string;
  type: "language";
}
/**
 * What stands in the frame.
 */
export interface FrameState {
  tabs: FrameTab[];
}
/**
 * A tab of the details.
 */
export interface FrameTab {
  name: string;
  title: string;
}
/**
 * One frame: the pictures that changed, with their codes as bytes beside it, and those that have none.
 */
export interface Paint {
  clear: string[];
  done: boolean;
  seq: number;
  tiles: PaintTile[];
  type: "paint";
  work: number;
}
/**
 * One picture of a frame, but for its codes: `rows` times `cols` bytes from `offset` on.
 */
export interface PaintTile {
  cols: number;
  high: number;
  key: string;
  limit: number;
  low: number;
  m: number;
  n: number;
  offset: number;
  rows: number;
  scale: "diverging" | "sequential";
}
/**
 * What was asked for, as it is read.
 */
export interface CellValue {
  col: string;
  id: number;
  row: string;
  type: "cell-value";
  value: string;
}
/**
 * The colours of every picture.
 */
export interface PainterState {
  dark: Ramps;
  light: Ramps;
}
/**
 * The colours of both scales, 256 each, RGBA as hexadecimal text.
 */
export interface Ramps {
  diverging: string;
  sequential: string;
}
/**
 * A slider moved. `seq` counts what the page says; one `gesture` is one step of the history.
 */
export interface Drag {
  gesture: number;
  node: string;
  param: string;
  seq: number;
  type: "drag";
  value: number;
}
/**
 * The slider was let go.
 */
export interface Release {
  type: "release";
}
/**
 * The tiles in sight, with the pixels per side of the largest canvas that shows each.
 */
export interface Visible {
  tiles: {
    [k: string]: number;
  };
  type: "visible";
}
/**
 * An empty frame is wanted: what the way there and back costs by itself.
 */
export interface Ping {
  seq: number;
  type: "ping";
}
/**
 * The entry of the matrix is wanted that a cell of its picture of `rows` by `cols` shows.
 */
export interface Query {
  col: number;
  cols: number;
  id: number;
  key: string;
  row: number;
  rows: number;
  type: "query";
}
/**
 * Natural values that a moved slider changed, by the path of their parameters.
 */
export interface SliceValues {
  type: "slice-values";
  values: {
    [k: string]: number | "-inf" | "inf" | "nan";
  };
}
/**
 * The dock: V and its derivatives, or why there are none.
 */
export interface SlicesState {
  derivatives: "natural" | "theta";
  focus: string;
  slices: SliceSummary[];
  v: VSummary | null;
  waiting: string | null;
}
/**
 * What is said under the picture of a derivative of V.
 */
export interface SliceSummary {
  fault: string | null;
  key: string;
  node: string;
  owner: string;
  path: string;
  symbol: string;
  value: number | ("-inf" | "inf" | "nan");
}
/**
 * What is said of V under its picture.
 */
export interface VSummary {
  shape: string;
}
/**
 * A picture was chosen, to be shown large; its node is selected.
 */
export interface ShowLarge {
  key: string;
  node: string | null;
  type: "show-large";
}
/**
 * What V is to be differentiated by.
 */
export interface Differentiate {
  by: "natural" | "theta";
  type: "differentiate";
}
