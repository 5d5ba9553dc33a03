import { describe, expect, test } from "vitest";
import type { State } from "../session/connection";
import type { CanvasNode, Card } from "../session/messages";
import { also, Drawing, NOTHING_HELD, over, placeOf, put, selected, V } from "./model";

function card(name: string, slots: string[] = []): Card {
  return {
    role: name === V ? "result" : slots.length ? "operator" : "matrix",
    height: 132,
    name,
    symbol: "",
    title: "",
    shape: "",
    hint: "",
    lines: [],
    more: 0,
    problem: null,
    problems: [],
    slots: slots.map((slot) => ({ name: slot, about: "", mark: "", free: true })),
    tile: name,
    ready: true,
    empty: "",
    label: `${name}, a matrix`,
  };
}

const node = (id: string, x = 0, slots: string[] = []): CanvasNode => ({
  id,
  x,
  y: 0,
  card: card(id, slots),
});

function state(nodes: CanvasNode[], more: Partial<State<"canvas">> = {}): State<"canvas"> {
  const all = {
    turn: 0,
    model: 0,
    width: 208,
    nodes,
    wires: [],
    selection: [],
    focus: V,
    dark: false,
    templates: [],
  };
  return { ...all, ...more };
}

const marks = { renaming: null, target: null };

describe("what is under the finger", () => {
  const held = put(NOTHING_HELD, [["a", { x: 50, y: 60 }]], 3, 0);

  test("stays there until a state has its turn", () => {
    expect(placeOf(node("a", 10), 2, held)).toEqual({ x: 50, y: 60 });
    expect(placeOf(node("a", 10), 3, held)).toEqual({ x: 10, y: 0 });
    expect(placeOf(node("b", 10), 2, held)).toEqual({ x: 10, y: 0 });
  });

  test("is let go of when something else is put elsewhere", () => {
    expect([...put(held, [["b", { x: 1, y: 1 }]], 4, 3).places.keys()]).toEqual(["b"]);
    expect([...put(held, [["b", { x: 1, y: 1 }]], 4, 2).places.keys()]).toEqual(["a", "b"]);
  });

  test("is what is selected, and V stays so while no node is", () => {
    const chosen = { ...NOTHING_HELD, chosen: { nodes: new Set([V]), turn: 2 } };
    expect([...selected(state([], { turn: 1, selection: ["a"] }), chosen)]).toEqual([V]);
    expect([...selected(state([], { turn: 2, selection: ["a"] }), chosen)]).toEqual(["a"]);
    expect([...selected(state([], { turn: 2 }), chosen)]).toEqual([V]);
  });
});

describe("cards whose numbers moved", () => {
  const first = state([node("a"), node("b")]);
  const names = (shown: State<"canvas">) => shown.nodes.map((one) => one.card.name);

  test("stand over the state that they moved since, the latest of each", () => {
    const once = also(null, first, [{ id: "a", card: card("a1") }]);
    const twice = also(also(once, first, [{ id: "b", card: card("b1") }]), first, [
      { id: "a", card: card("a2") },
    ]);
    expect(names(over(first, twice))).toEqual(["a2", "b1"]);
    expect(over(first, null)).toBe(first);
  });

  test("go with it", () => {
    const next = state([node("a"), node("b")]);
    const once = also(null, first, [{ id: "a", card: card("a1") }]);
    expect(over(next, once)).toBe(next);
    expect(names(over(next, also(once, next, [{ id: "b", card: card("b1") }])))).toEqual(["a", "b1"]);
  });
});

describe("drawing", () => {
  test("leaves alone what has not changed", () => {
    const drawing = new Drawing();
    const first = drawing.nodes(state([node("a"), node("s", 300, ["1", "2"])]), NOTHING_HELD, marks);
    const again = drawing.nodes(state([node("a"), node("s", 310, ["1", "2"])]), NOTHING_HELD, marks);
    expect(again[0]).toBe(first[0]);
    expect(again[1]).not.toBe(first[1]);
    expect(again[1]!.data).toBe(first[1]!.data); // the card is not drawn anew for a move
    const chosen = drawing.nodes(state([node("a")], { selection: ["a"] }), NOTHING_HELD, marks);
    expect(chosen[0]!.selected).toBe(true);
    expect(chosen[0]!.data).toBe(first[0]!.data);
  });

  test("says sizes and handles, so that no wire waits to be measured", () => {
    const [drawn] = new Drawing().nodes(state([node("s", 0, ["z", "g"])]), NOTHING_HELD, marks);
    expect(drawn!.measured).toEqual({ width: 208, height: 132 });
    const middles = drawn!.handles!.map((one) => [one.id, one.x + one.width! / 2, one.y + one.height! / 2]);
    expect(middles).toEqual([
      ["z", 1, 1 + 130 / 3],
      ["g", 1, 1 + 260 / 3],
      ["out", 207, 66],
    ]);
  });

  test("gives V no output and keeps it where it is", () => {
    const [v] = new Drawing().nodes(state([node(V, 0, [V])]), NOTHING_HELD, marks);
    expect(v!.handles!.map((one) => one.id)).toEqual([V]);
    expect(v!.draggable).toBe(false);
  });
});
