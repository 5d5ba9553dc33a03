// The entries of a small matrix, written into its cells where they fit.

import type { PaintTile } from "../session/messages";
import { type Arrangement, zeroOf } from "./raster";

/** Text on pale cells and on strong ones; a canvas knows no CSS variables. */
const INK = { light: ["#1a1e26", "#ffffff"], dark: ["#e8ebf1", "#0b0d10"] } as const;
/** Height of the text, and the space around it in a cell, in CSS pixels. */
const SIZE = 11;
const AROUND = 3;
/** Share of the scale from which a cell counts as strong. */
const STRONG = 0.5;

/** Write the values of a tile over its picture, all of them or, where one does not fit, none. */
export function write(
  context: CanvasRenderingContext2D,
  tile: PaintTile & { codes: Uint8Array },
  place: Arrangement,
  theme: keyof typeof INK,
  ratio: number,
): void {
  const { values, cols, codes, scale } = tile;
  if (values.length !== codes.length || place.pool > 1) return;
  const { cellWidth, cellHeight } = place;
  if (cellHeight < (SIZE + AROUND) * ratio) return;
  context.font = `${SIZE * ratio}px "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif`;
  const widest = Math.max(...values.map((value) => context.measureText(value).width));
  if (widest + AROUND * ratio > cellWidth) return;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const zero = zeroOf(scale);
  const [pale, strong] = INK[theme];
  values.forEach((value, at) => {
    context.fillStyle = Math.abs(codes[at]! - zero) > STRONG * (255 - zero) ? strong : pale;
    const x = place.x + ((at % cols) + 0.5) * cellWidth;
    const y = place.y + (Math.floor(at / cols) + 0.5) * cellHeight;
    context.fillText(value, x, y + ratio / 2);
  });
}
