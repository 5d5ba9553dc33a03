// Which node an arrow key leads to: right to what a node is an operand of, left to its operands, up and down among its siblings.

import type { CanvasNode, CanvasWire } from "../session/messages";

export type Arrow = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

export const isArrow = (key: string): key is Arrow => /^Arrow(Left|Right|Up|Down)$/.test(key);

/** The id of the node that an arrow leads to from another, or null where there is none. */
export function kin(nodes: CanvasNode[], wires: CanvasWire[], from: string, arrow: Arrow): string | null {
  const up = wires.find((wire) => wire.child === from)?.parent ?? null;
  if (arrow === "ArrowRight") return up;
  const operands = (id: string) => wires.filter((wire) => wire.parent === id).map((wire) => wire.child);
  if (arrow === "ArrowLeft") return operands(from)[0] ?? null;
  const parents = new Set(wires.map((wire) => wire.child));
  // What is nobody's operand has the other trees beside it, from the top down.
  const siblings =
    up !== null
      ? operands(up)
      : nodes
          .filter((node) => !parents.has(node.id))
          .sort((one, other) => one.y - other.y || one.x - other.x)
          .map((node) => node.id);
  return siblings[siblings.indexOf(from) + (arrow === "ArrowUp" ? -1 : 1)] ?? null;
}
