import * as dagre from "@dagrejs/dagre";
import { expect, test } from "vitest";
import type { CanvasNode, CanvasWire } from "../session/messages";
import { arranged } from "./layout";
import { V } from "./model";

const SIZE = { width: 208, height: 132 };

/** A model from its wires: child -> parent. */
function model(wires: [string, string][], loose: string[] = []) {
  const ids = new Set([...wires.flat(), ...loose, V]);
  return {
    width: SIZE.width,
    nodes: [...ids].map((id) => ({ id, x: 0, y: 0, card: { height: SIZE.height } }) as CanvasNode),
    wires: wires.map(([child, parent]) => ({ child, parent }) as CanvasWire),
  };
}

function overlaps(places: Map<string, { x: number; y: number }>): string[] {
  const all = [...places];
  return all.flatMap(([one, a], index) =>
    all
      .slice(index + 1)
      .filter(([, b]) => Math.abs(a.x - b.x) < SIZE.width && Math.abs(a.y - b.y) < SIZE.height)
      .map(([other]) => `${one} ${other}`),
  );
}

/** Sum of so many Z G Z'. */
function terms(count: number): [string, string][] {
  const found: [string, string][] = [["sum", V]];
  for (let term = 0; term < count; term++)
    found.push([`p${term}`, "sum"], [`z${term}`, `p${term}`], [`g${term}`, `p${term}`]);
  return found;
}

test("operands stand left of their operator, in one column, in the order of their slots", () => {
  const places = arranged(
    dagre,
    model([
      ["sum", V],
      ["a", "sum"],
      ["b", "sum"],
      ["c", "sum"],
      ["d", "b"],
    ]),
  );
  const at = (id: string) => places.get(id)!;
  expect(places.has(V)).toBe(false);
  expect(new Set(["a", "b", "c"].map((id) => at(id).x)).size).toBe(1);
  expect(at("d").x).toBeLessThan(at("a").x);
  expect(at("a").x).toBeLessThan(at("sum").x);
  expect(at("a").y).toBeLessThan(at("b").y);
  expect(at("b").y).toBeLessThan(at("c").y);
});

test("trees stand one below the other", () => {
  const places = arranged(dagre, model([["a", V]], ["b", "c"]));
  expect([...places.values()].map(({ y }) => y)).toEqual([0, 156, 312]);
});

test("two hundred nodes cover no other and fill a screen in both directions", () => {
  const places = arranged(dagre, model(terms(66)));
  expect(places.size).toBe(199);
  expect(overlaps(places)).toEqual([]);
  const wide = Math.max(...[...places.values()].map(({ x }) => x)) + SIZE.width;
  const high = Math.max(...[...places.values()].map(({ y }) => y)) + SIZE.height;
  expect(wide / high).toBeGreaterThan(0.8);
  expect(wide / high).toBeLessThan(3.2);
  const used = (places.size * SIZE.width * SIZE.height) / (wide * high);
  expect(used).toBeGreaterThan(0.4);
});

test("a hundred matrices below one operator stand in rows and columns", () => {
  const wires: [string, string][] = [["sum", V]];
  for (let index = 0; index < 100; index++) wires.push([`m${index}`, "sum"]);
  const places = arranged(dagre, model(wires));
  expect(overlaps(places)).toEqual([]);
  expect(Math.max(...[...places.values()].map(({ y }) => y))).toBeLessThan(2200);
});
