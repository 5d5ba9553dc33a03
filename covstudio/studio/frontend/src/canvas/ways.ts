// Ways of wires around cards that they have nothing to do with, of level and upright pieces: one that goes up or down elsewhere than
// in the middle, or one along a gap between rows.

import type { Rect, XYPosition } from "@xyflow/react";
import { WIRE } from "./model";

/** A wire may touch the edge of a card by so many pixels. */
const TOUCH = 3;
/** Places that are tried for a piece, those that bend the wire least first. */
const TRIED = 24;

/** Whether a level or upright piece runs through a box. */
export const crosses = (from: XYPosition, to: XYPosition, box: Rect): boolean =>
  Math.max(from.x, to.x) > box.x + TOUCH &&
  Math.min(from.x, to.x) < box.x + box.width - TOUCH &&
  Math.max(from.y, to.y) > box.y + TOUCH &&
  Math.min(from.y, to.y) < box.y + box.height - TOUCH;

/** A way from a right side to a left side that runs through no box, if a simple one does. */
export function around(from: XYPosition, to: XYPosition, boxes: readonly Rect[]): XYPosition[] | null {
  const [out, into] = [from.x + WIRE.offset, to.x - WIRE.offset];
  const middle = (out + into) / 2;
  const xs = tried(
    [out, into, ...boxes.flatMap(({ x, width }) => [x - WIRE.offset, x + width + WIRE.offset])].filter(
      (x) => x >= out && x <= into,
    ),
    (x) => Math.abs(x - middle),
  );
  const ys = tried(
    boxes.flatMap(({ y, height }) => [y - WIRE.offset, y + height + WIRE.offset]),
    (y) => Math.abs(y - from.y) + Math.abs(y - to.y),
  );
  const ways = [
    ...xs.map((x) => [from, { x, y: from.y }, { x, y: to.y }, to]),
    ...ys.map((y) => [from, { x: out, y: from.y }, { x: out, y }, { x: into, y }, { x: into, y: to.y }, to]),
  ];
  const free = (way: XYPosition[]) =>
    way.every((at, index) => {
      const next = way[index + 1];
      return next === undefined || !boxes.some((box) => crosses(at, next, box));
    });
  return ways.find(free) ?? null;
}

function tried(places: number[], cost: (place: number) => number): number[] {
  return [...new Set(places)].sort((a, b) => cost(a) - cost(b)).slice(0, TRIED);
}

/** The path of a way, its corners round. */
export function rounded(way: readonly XYPosition[]): string {
  const points = way.filter(({ x, y }, index) => {
    const before = way[index - 1];
    return before === undefined || before.x !== x || before.y !== y;
  });
  return points
    .map((at, index) => {
      const [before, after] = [points[index - 1], points[index + 1]];
      if (before === undefined) return `M${at.x} ${at.y}`;
      if (after === undefined) return `L${at.x} ${at.y}`;
      const begin = towards(at, before);
      const end = towards(at, after);
      return `L${begin.x} ${begin.y}Q${at.x} ${at.y} ${end.x} ${end.y}`;
    })
    .join("");
}

/** Where a corner begins or ends: on a piece, at most in its middle. */
function towards(corner: XYPosition, other: XYPosition): XYPosition {
  const [x, y] = [other.x - corner.x, other.y - corner.y];
  const length = Math.hypot(x, y);
  const share = Math.min(WIRE.borderRadius, length / 2) / length;
  return { x: corner.x + x * share, y: corner.y + y * share };
}
