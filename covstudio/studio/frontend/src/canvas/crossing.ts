// Wires that run behind cards they have nothing to do with: which they are, and whether tidying would bring them out.

import { getSmoothStepPath, Position, type Rect, type XYPosition } from "@xyflow/react";
import type { State } from "../session/connection";
import type { Dagre } from "./dagre";
import { arranged, GAP_X } from "./layout";
import { type CardNode, OUTPUT, V, WIRE, type WireEdge } from "./model";
import { around, crosses, rounded } from "./ways";

/** What there is to know of a node for where its wires run. */
export type Standing = Pick<CardNode, "id" | "position" | "width" | "height" | "handles">;
type Wire = Pick<WireEdge, "id" | "source" | "target" | "targetHandle" | "data">;

const boxOf = ({ position, width, height }: Standing): Rect => ({
  ...position,
  width: width ?? 0,
  height: height ?? 0,
});

/** Where a wire ends at a node: at the outer side of the handle. */
function end({ position, handles }: Standing, id: string, right: boolean): XYPosition {
  const handle = handles?.find(
    (one) => one.id === id && one.position === (right ? Position.Right : Position.Left),
  );
  const { x, y, width = 0, height = 0 } = handle ?? { x: 0, y: 0 };
  return { x: position.x + x + (right ? width : 0), y: position.y + y + height / 2 };
}

/** A way, if it begins and ends there; null when a card has come to stand elsewhere. */
export function holds(way: XYPosition[] | undefined, from: XYPosition, to: XYPosition): XYPosition[] | null {
  const [first, last] = [way?.[0], way?.at(-1)];
  if (way === undefined || first === undefined || last === undefined) return null;
  const apart = Math.abs(first.x - from.x) + Math.abs(first.y - from.y) + Math.abs(last.x - to.x);
  return apart + Math.abs(last.y - to.y) < 1 ? way : null;
}

/** Both ends of a wire. */
function ends(wire: Wire, nodes: ReadonlyMap<string, Standing>): [XYPosition, XYPosition] | null {
  const [source, target] = [nodes.get(wire.source), nodes.get(wire.target)];
  if (source === undefined || target === undefined) return null;
  return [end(source, OUTPUT, true), end(target, wire.targetHandle ?? "", false)];
}

/** The path of a wire, as it is drawn. */
export function route(wire: Wire, nodes: ReadonlyMap<string, Standing>): string | null {
  const found = ends(wire, nodes);
  if (found === null) return null;
  const [from, to] = found;
  const way = holds(wire.data?.way, from, to);
  if (way !== null) return rounded(way);
  const [path] = getSmoothStepPath({
    sourceX: from.x,
    sourceY: from.y,
    sourcePosition: Position.Right,
    targetX: to.x,
    targetY: to.y,
    targetPosition: Position.Left,
    ...WIRE,
  });
  return path;
}

/** The pieces of a path, level or upright but for the short ones of its corners. */
function pieces(path: string): [XYPosition, XYPosition][] {
  const numbers = (path.match(/-?[\d.]+(?:e-?\d+)?/g) ?? []).map(Number);
  const points = Array.from({ length: numbers.length >> 1 }, (_, i) => ({
    x: numbers[2 * i] as number,
    y: numbers[2 * i + 1] as number,
  }));
  return points.slice(1).map((point, i) => [points[i] as XYPosition, point]);
}

/** Which boxes a path runs through. */
export function through<B extends Rect>(path: string, boxes: readonly B[]): B[] {
  const all = pieces(path);
  return boxes.filter((box) => all.some(([from, to]) => crosses(from, to, box)));
}

/** The wires that run behind cards of others, with their paths. */
export function hidden(nodes: readonly Standing[], wires: readonly Wire[]): { id: string; path: string }[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const boxes = nodes.map((node) => ({ id: node.id, ...boxOf(node) }));
  return wires.flatMap((wire) => {
    const path = route(wire, byId);
    const behind =
      path !== null && through(path, boxes).some(({ id }) => id !== wire.source && id !== wire.target);
    return behind ? [{ id: wire.id, path }] : [];
  });
}

/** Ways around cards of wires that would run behind some, by the id of the wire. */
export function ways(nodes: readonly Standing[], wires: readonly Wire[]): Map<string, XYPosition[]> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const boxes = nodes.map(boxOf);
  const behind = new Set(hidden(nodes, wires).map(({ id }) => id));
  return new Map(
    wires.flatMap((wire) => {
      const found = behind.has(wire.id) ? ends(wire, byId) : null;
      const way = found && around(...found, boxes);
      return way ? [[wire.id, way]] : [];
    }),
  );
}

/** How many wires run behind cards, if fewer would after tidying; else 0. */
export function toTidy(
  dagre: Dagre,
  model: Pick<State<"canvas">, "nodes" | "wires" | "width">,
  nodes: readonly Standing[],
  wires: readonly Wire[],
): number {
  const now = hidden(nodes, wires).length;
  if (now === 0) return 0;
  const places = arranged(dagre, model);
  const root = model.wires.find((wire) => wire.parent === V)?.child;
  const [node, v] = [root, V].map((id) => nodes.find((one) => one.id === id));
  const at = root === undefined ? undefined : places.get(root);
  if (node && v && at)
    places.set(V, {
      x: at.x + (node.width ?? 0) + GAP_X,
      y: at.y + ((node.height ?? 0) - (v.height ?? 0)) / 2,
    });
  const tidied = nodes.map((one) => ({ ...one, position: places.get(one.id) ?? one.position }));
  return hidden(tidied, wires).length < now ? now : 0;
}
