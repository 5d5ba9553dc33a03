import * as dagre from "@dagrejs/dagre";
import { Position } from "@xyflow/react";
import { expect, test } from "vitest";
import type { CanvasNode, CanvasWire } from "../session/messages";
import { hidden, type Standing, through, toTidy } from "./crossing";
import { V } from "./model";

const card = (id: string, x: number, y: number): Standing => ({
  id,
  position: { x, y },
  width: 208,
  height: 132,
  handles: [
    { id: "1", type: "target", position: Position.Left, x: -5, y: 60, width: 12, height: 12 },
    { id: "out", type: "source", position: Position.Right, x: 201, y: 60, width: 12, height: 12 },
  ],
});
const wire = { id: "a->c", source: "a", target: "c", targetHandle: "1" };

test("a wire is hidden by a card between its ends, and by nothing beside it", () => {
  const ends = [card("a", 0, 0), card("c", 600, 0)];
  expect(hidden([...ends, card("b", 300, 0)], [wire]).map(({ id }) => id)).toEqual(["a->c"]);
  expect(hidden([...ends, card("b", 300, 200)], [wire])).toEqual([]);
  expect(hidden(ends, [wire])).toEqual([]); // its own cards do not count
});

test("an upright piece counts, and one along the edge of a card does not", () => {
  const box = { x: 100, y: 100, width: 50, height: 50 };
  expect(through("M0,0L 120,0Q 125,0 125,5L125,300", [box])).toEqual([box]);
  expect(through("M0,101L 300,101", [box])).toEqual([]);
});

test("tidying is offered where it brings a wire out, and not for what it made itself", () => {
  const [a, loose, v] = [
    card("a", 0, 0),
    card("loose", 300, 0),
    { ...card(V, 600, 0), handles: card("", 0, 0).handles },
  ];
  const model = {
    width: 208,
    nodes: [a, loose, v].map(
      ({ id, position }) => ({ id, ...position, card: { height: 132 } }) as CanvasNode,
    ),
    wires: [{ child: "a", parent: V } as CanvasWire],
  };
  const wires = [{ id: "a->V", source: "a", target: V, targetHandle: "1" }];
  expect(toTidy(dagre, model, [a, loose, v], wires)).toBe(1);
  expect(toTidy(dagre, model, [a, { ...loose, position: { x: 0, y: 156 } }, v], wires)).toBe(0);
});
