// The model in layers from left to right, operands left of their operator, compact in both directions: an operator with very many
// operands has them in a block of rows and columns, since a column of a hundred cards cannot be read at any zoom.

import type { XYPosition } from "@xyflow/react";
import type { State } from "../session/connection";
import type { Dagre } from "./dagre";
import { V } from "./model";

export const GAP_X = 56;
const GAP_Y = 24;
/** Operands that stand higher than this one over the other are put into a block. */
const TALLEST = 1400;
/** How wide a block is for its height. */
const ASPECT = 1.6;

/** Nodes laid out among themselves, from (0, 0). */
interface Block {
  width: number;
  height: number;
  places: [string, XYPosition][];
}

type Model = Pick<State<"canvas">, "nodes" | "wires" | "width">;

/** Where every node of the document stands well; V follows its matrix by itself. */
export function arranged(dagre: Dagre, model: Model): Map<string, XYPosition> {
  const heights = new Map(model.nodes.map((node) => [node.id, node.card.height]));
  const operands = new Map<string, string[]>();
  for (const wire of model.wires)
    operands.set(wire.parent, [...(operands.get(wire.parent) ?? []), wire.child]);
  const held = new Set(model.wires.map((wire) => wire.child));
  const loose = model.nodes.map((node) => node.id).filter((id) => id !== V && !held.has(id));
  const known = new Map<string, Block>();
  const trees = [...(operands.get(V) ?? []), ...loose].map((root) =>
    tree(dagre, root, operands, heights, model.width, known),
  );
  return new Map(stacked(trees).places);
}

/** One tree: its layers by the library, with a block in the place of operands that are too many. */
function tree(
  dagre: Dagre,
  root: string,
  operands: Map<string, string[]>,
  heights: Map<string, number>,
  width: number,
  known: Map<string, Block>,
): Block {
  const before = known.get(root);
  if (before !== undefined) return before;
  const graph = new dagre.Graph();
  // From the operator to its operands, drawn from right to left: operands keep the order of their slots.
  graph.setGraph({ rankdir: "RL", nodesep: GAP_Y, ranksep: GAP_X });
  graph.setDefaultEdgeLabel(() => ({}));
  const blocks = new Map<string, Block>();
  const grow = (id: string): void => {
    graph.setNode(id, { width, height: heights.get(id) ?? 0 });
    const below = operands.get(id) ?? [];
    const subtrees = below.map((child) => tree(dagre, child, operands, heights, width, known));
    if (subtrees.reduce((sum, one) => sum + one.height + GAP_Y, 0) > TALLEST && below.length > 2) {
      const block = gridded(subtrees);
      const name = `${id} operands`;
      blocks.set(name, block);
      graph.setNode(name, { width: block.width, height: block.height });
      graph.setEdge(id, name);
      return;
    }
    for (const child of below) {
      grow(child);
      graph.setEdge(id, child);
    }
  };
  grow(root);
  dagre.layout(graph, { disableOptimalOrderHeuristic: true }); // a tree has no crossings to be removed
  const places: [string, XYPosition][] = [];
  for (const name of graph.nodes()) {
    const node = graph.node(name);
    const at = { x: node.x - node.width / 2, y: node.y - node.height / 2 };
    const block = blocks.get(name);
    if (block === undefined) places.push([name, at]);
    else for (const [id, inner] of block.places) places.push([id, { x: at.x + inner.x, y: at.y + inner.y }]);
  }
  const made = framed(places, heights, width);
  known.set(root, made);
  return made;
}

/** Places moved so that they begin at (0, 0). */
function framed(places: [string, XYPosition][], heights: Map<string, number>, width: number): Block {
  const left = Math.min(...places.map(([, at]) => at.x));
  const top = Math.min(...places.map(([, at]) => at.y));
  return {
    width: Math.max(...places.map(([, at]) => at.x)) + width - left,
    height: Math.max(...places.map(([id, at]) => at.y + (heights.get(id) ?? 0))) - top,
    places: places.map(([id, at]) => [id, { x: Math.round(at.x - left), y: Math.round(at.y - top) }]),
  };
}

/** One below the other, their right sides level: there stands what leads to V. */
function stacked(blocks: Block[]): Block {
  const width = Math.max(0, ...blocks.map((block) => block.width));
  let top = 0;
  const places: [string, XYPosition][] = [];
  for (const block of blocks) {
    for (const [id, at] of block.places) places.push([id, { x: at.x + width - block.width, y: at.y + top }]);
    top += block.height + GAP_Y;
  }
  return { width, height: top - GAP_Y, places };
}

/** In rows, in their order, about as wide as a screen for their height. */
function gridded(blocks: Block[]): Block {
  const wide = Math.max(...blocks.map((block) => block.width)) + GAP_X;
  const high = blocks.reduce((sum, block) => sum + block.height + GAP_Y, 0) / blocks.length;
  const columns = Math.max(2, Math.round(Math.sqrt((blocks.length * high * ASPECT) / wide)));
  const places: [string, XYPosition][] = [];
  let top = 0;
  for (let first = 0; first < blocks.length; first += columns) {
    const row = blocks.slice(first, first + columns);
    for (const [column, block] of row.entries())
      for (const [id, at] of block.places) places.push([id, { x: at.x + column * wide, y: at.y + top }]);
    top += Math.max(...row.map((block) => block.height)) + GAP_Y;
  }
  return { width: columns * wide - GAP_X, height: top - GAP_Y, places };
}
