// A model whose V cannot be shown yet, as its cards lie on the canvas.

import type { Connection } from "../session/connection";

/** Colours that stand on either theme. */
const CARD = "#8a93a8";

/** Where boxes stand in a square of so many pixels, as large as they fit. */
export function placed(
  boxes: { x: number; y: number; width: number; height: number }[],
  pixels: number,
): { x: number; y: number; width: number; height: number }[] {
  const left = Math.min(...boxes.map(({ x }) => x));
  const top = Math.min(...boxes.map(({ y }) => y));
  const right = Math.max(...boxes.map(({ x, width }) => x + width));
  const bottom = Math.max(...boxes.map(({ y, height }) => y + height));
  const room = pixels * 0.84;
  const scale = Math.min(room / (right - left), room / (bottom - top));
  const [across, down] = [(pixels - scale * (right - left)) / 2, (pixels - scale * (bottom - top)) / 2];
  return boxes.map(({ x, y, width, height }) => ({
    x: across + scale * (x - left),
    y: down + scale * (y - top),
    width: scale * width,
    height: scale * height,
  }));
}

/** The picture, as an address that holds it; null where there is nothing to show. */
export function sketch(connection: Connection, pixels: number): string | null {
  const state = connection.state("canvas");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = pixels;
  const context = canvas.getContext("2d");
  if (!context || !state || state.nodes.length === 0) return null;
  const boxes = state.nodes.map(({ x, y, card }) => ({ x, y, width: state.width, height: card.height }));
  context.fillStyle = CARD;
  for (const { x, y, width, height } of placed(boxes, pixels)) context.fillRect(x, y, width, height);
  return canvas.toDataURL();
}
