// The keyboard of the canvas. Keys that speak of the model act where the model is looked at: the canvas, the palette, or nowhere
// in particular.

import type { XYPosition } from "@xyflow/react";
import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";
import { plain } from "../ui/keyboard";
import { type Arrow, isArrow } from "./kin";
import { V } from "./model";
import { actsOnModel } from "./scope";

/** Pixels that Shift and an arrow key move a selection. */
const STEP = 8;
const ARROWS: Record<Arrow, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The card or the wire that has the keyboard. */
export interface Focused {
  node: string | null;
  wire: string | null;
}

export interface KeyActs {
  chosen: ReadonlySet<string>;
  selectAll(): void;
  selectNone(): void;
  select(nodes: string[], wires: string[]): void;
  /** Of what has the keyboard, and of all that is selected where that is among it. */
  duplicate(at: Focused): void;
  remove(at: Focused): void;
  fit(): void;
  tidy(): void;
  rename(id: string): void;
  /** Go to the form of a node. */
  edit(id: string): void;
  menu(id: string): void;
  /** Open the menu of what a node may be wired into. */
  wire(id: string): void;
  wireMenu(id: string): void;
  nudge(x: number, y: number): void;
  /** Open the search for a structure there, in pixels of the page. */
  add(at: XYPosition): void;
  /** Go to the relative of a node that lies in that direction. */
  walk(from: string, arrow: Arrow): void;
}

export function focusedIn(path: EventTarget[]): Focused {
  return { node: idOf(path, "node"), wire: idOf(path, "edge") };
}

function idOf(path: EventTarget[], kind: "node" | "edge"): string | null {
  const found = path.find((at) => at instanceof Element && at.classList.contains(`react-flow__${kind}`));
  return found instanceof Element ? found.getAttribute("data-id") : null;
}

export function useKeys(
  canvas: RefObject<HTMLElement>,
  pointer: RefObject<XYPosition | null>,
  acts: KeyActs,
): void {
  const latest = useRef(acts);
  latest.current = acts;
  // "/" is the whole page's, and finds in the palette; with the pointer on the canvas it finds there. A layout effect, so that it
  // is heard before the page's own.
  useLayoutEffect(() => {
    const onSlash = (event: KeyboardEvent) => {
      const at = pointer.current;
      if (event.key !== "/" || !plain(event) || at === null) return;
      if (!actsOnModel(event, canvas.current)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      latest.current.add(at);
    };
    window.addEventListener("keydown", onSlash, true);
    return () => window.removeEventListener("keydown", onSlash, true);
  }, [canvas, pointer]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const run = command(event, canvas.current, latest.current);
      if (run === null) return;
      event.preventDefault();
      run();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [canvas]);
}

/** What a key means, or null where it is not the canvas's. */
function command(event: KeyboardEvent, canvas: HTMLElement | null, acts: KeyActs): (() => void) | null {
  const path = event.composedPath();
  if (event.defaultPrevented || !actsOnModel(event, canvas)) return null;
  const mod = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (mod && key === "a") return acts.selectAll;
  const at = focusedIn(path);
  if (mod && key === "d") return () => acts.duplicate(at);
  if (!plain(event)) return null;
  if (event.key === "Delete" || event.key === "Backspace") return () => acts.remove(at);
  if (event.key === "Escape") return acts.selectNone;
  if (event.shiftKey && event.code === "Digit1") return acts.fit;
  if (event.shiftKey && event.code === "Digit2") return acts.tidy;
  const { node, wire } = at;
  if (
    (event.key === "Enter" || event.key === " ") &&
    path[0] instanceof Element &&
    path[0].hasAttribute("data-id")
  )
    return node !== null
      ? event.key === "Enter" && acts.chosen.size === 1 && acts.chosen.has(node)
        ? () => acts.edit(node)
        : () => acts.select([node], [])
      : wire !== null
        ? () => acts.select([], [wire])
        : null;
  const one = node ?? (acts.chosen.size === 1 ? [...acts.chosen][0]! : null);
  const asksMenu = event.key === "ContextMenu" || (event.shiftKey && event.key === "F10");
  if (asksMenu && wire !== null) return () => acts.wireMenu(wire);
  if (one !== null && asksMenu) return () => acts.menu(one);
  if (one !== null && key === "w" && !event.shiftKey) return () => acts.wire(one);
  if (event.key === "F2" && one !== null && one !== V) return () => acts.rename(one);
  if (!isArrow(event.key)) return null;
  if (!event.shiftKey) {
    const from = node ?? one;
    const { key: arrow } = event;
    return from === null ? null : () => acts.walk(from, arrow);
  }
  const [x, y] = ARROWS[event.key];
  if (node !== null && !acts.chosen.has(node)) return () => acts.select([node], []); // seen first, moved then
  return acts.chosen.size === 0 ? null : () => acts.nudge(x * STEP, y * STEP);
}
