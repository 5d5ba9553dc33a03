// Wires that run behind cards they have nothing to do with: which they are, and whether tidying would bring them out.

import { type Edge, getSmoothStepPath, Position, type Rect, type XYPosition } from "@xyflow/react";
import type { State } from "../session/connection";
import type { Dagre } from "./dagre";
import { arranged, GAP_X } from "./layout";
import { type CardNode, OUTPUT, V, WIRE } from "./model";

/** What there is to know of a node for where its wires run. */
export type Standing = Pick<CardNode, "id" | "position" | "width" | "height" | "handles">;
type Wire = Pick<Edge, "id" | "source" | "target" | "targetHandle">;

/** A wire may touch the edge of a card by so many pixels. */
const TOUCH = 3;

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

/** The path of a wire, as React Flow draws it. */
export function route(wire: Wire, nodes: ReadonlyMap<string, Standing>): string | null {
  const [source, target] = [nodes.get(wire.source), nodes.get(wire.target)];
  if (source === undefined || target === undefined) return null;
  const from = end(source, OUTPUT, true);
  const to = end(target, wire.targetHandle ?? "", false);
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

/** Whether a path runs through a box. Its pieces are level or upright, but for the short ones of its corners. */
export function runsThrough(path: string, box: Rect): boolean {
  const numbers = (path.match(/-?[\d.]+(?:e-?\d+)?/g) ?? []).map(Number);
  for (let i = 2; i + 1 < numbers.length; i += 2) {
    const [x, y, toX, toY] = numbers.slice(i - 2, i + 2) as [number, number, number, number];
    if (
      Math.max(x, toX) > box.x + TOUCH &&
      Math.min(x, toX) < box.x + box.width - TOUCH &&
      Math.max(y, toY) > box.y + TOUCH &&
      Math.min(y, toY) < box.y + box.height - TOUCH
    )
      return true;
  }
  return false;
}

/** The wires that run behind cards of others, with their paths. */
export function hidden(nodes: readonly Standing[], wires: readonly Wire[]): { id: string; path: string }[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  return wires.flatMap((wire) => {
    const path = route(wire, byId);
    const behind =
      path !== null &&
      nodes.some(
        (node) => node.id !== wire.source && node.id !== wire.target && runsThrough(path, boxOf(node)),
      );
    return behind ? [{ id: wire.id, path }] : [];
  });
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
