import * as dagre from "@dagrejs/dagre";
import { Position } from "@xyflow/react";
import { expect, test } from "vitest";
import type { CanvasNode, CanvasWire } from "../session/messages";
import { hidden, holds, type Standing, ways } from "./crossing";
import { arranged } from "./layout";
import { V } from "./model";
import { around, rounded } from "./ways";

const box = (x: number, y: number) => ({ x, y, width: 100, height: 60 });

test("a wire goes up or down where nothing stands, or along a gap between rows", () => {
  const [from, to] = [
    { x: 0, y: 0 },
    { x: 400, y: 200 },
  ];
  // A card in the middle of the way down.
  expect(around(from, to, [box(150, 70)])).toEqual([from, { x: 138, y: 0 }, { x: 138, y: 200 }, to]);
  // Cards level with both ends.
  const rows = [box(100, -30), box(250, -30), box(100, 170), box(250, 170)];
  const along = around(from, to, rows);
  expect(along).toEqual([from, { x: 12, y: 0 }, { x: 12, y: 42 }, { x: 388, y: 42 }, { x: 388, y: 200 }, to]);
  expect(around(from, to, [box(-30, -30)])).toBeNull(); // it begins behind a card
});

test("corners are round, and no longer than half a piece", () => {
  const corner = [
    { x: 0, y: 0 },
    { x: 30, y: 0 },
    { x: 30, y: 0 },
    { x: 30, y: 8 },
  ];
  expect(rounded(corner)).toBe("M0 0L20 0Q30 0 30 4L30 8");
});

test("a way is for these ends alone", () => {
  const way = [
    { x: 0, y: 0 },
    { x: 9, y: 9 },
  ];
  expect(holds(way, { x: 0, y: 0 }, { x: 9, y: 9 })).toBe(way);
  expect(holds(way, { x: 0, y: 5 }, { x: 9, y: 9 })).toBeNull();
  expect(holds(undefined, { x: 0, y: 0 }, { x: 9, y: 9 })).toBeNull();
});

test("of a hundred matrices in rows and columns no wire runs behind a card", () => {
  const names = Array.from({ length: 100 }, (_, index) => `m${index}`);
  const height = (id: string) => (id === "sum" ? 2000 : 132);
  const model = {
    width: 208,
    nodes: [...names, "sum", V].map((id) => ({ id, x: 0, y: 0, card: { height: height(id) } }) as CanvasNode),
    wires: [["sum", V], ...names.map((name) => [name, "sum"])].map(
      ([child, parent]) => ({ child, parent }) as CanvasWire,
    ),
  };
  const slot = (index: number) => ({ x: -5, y: (2000 * (index + 1)) / 101 - 6, width: 12, height: 12 });
  const nodes = [...arranged(dagre, model)].map(
    ([id, position]): Standing => ({
      id,
      position,
      width: 208,
      height: height(id),
      handles: [
        ...(id === "sum" ? names : []).map((name, index) => ({
          id: name,
          type: "target" as const,
          position: Position.Left,
          ...slot(index),
        })),
        { id: "out", type: "source", position: Position.Right, x: 201, y: 60, width: 12, height: 12 },
      ],
    }),
  );
  const wires = names.map((id) => ({ id, source: id, target: "sum", targetHandle: id }));
  expect(hidden(nodes, wires).length).toBeGreaterThan(50);
  const found = ways(nodes, wires);
  const led = wires.map((wire) => ({ ...wire, data: { way: found.get(wire.id) } }));
  expect(hidden(nodes, led)).toEqual([]);
});
