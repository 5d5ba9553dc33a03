import { expect, test } from "vitest";
import type { CanvasNode, CanvasWire } from "../session/messages";
import { type Arrow, kin } from "./kin";

const nodes = ["a", "b", "sum", "loose", "V"].map((id, y) => ({ id, x: 0, y }) as CanvasNode);
const wires = [
  { child: "a", parent: "sum", slot: "1" },
  { child: "b", parent: "sum", slot: "2" },
  { child: "sum", parent: "V", slot: "V" },
] as CanvasWire[];

test.each<[string, Arrow, string | null]>([
  ["a", "ArrowRight", "sum"],
  ["sum", "ArrowRight", "V"],
  ["V", "ArrowRight", null],
  ["sum", "ArrowLeft", "a"],
  ["V", "ArrowLeft", "sum"],
  ["a", "ArrowLeft", null],
  ["a", "ArrowDown", "b"],
  ["b", "ArrowUp", "a"],
  ["b", "ArrowDown", null],
  ["loose", "ArrowDown", "V"],
  ["V", "ArrowUp", "loose"],
])("from %s by %s to %s", (from, arrow, to) => {
  expect(kin(nodes, wires, from, arrow)).toBe(to);
});
