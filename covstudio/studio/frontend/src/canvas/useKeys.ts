// The keyboard of the canvas. Keys that speak of the model act where the model is looked at: the canvas, the palette, or nowhere
// in particular.

import { type RefObject, useEffect, useRef } from "react";
import { V } from "./model";

/** Pixels an arrow key moves a selection; with Shift four times as far. */
const STEP = 8;
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export interface KeyActs {
  chosen: ReadonlySet<string>;
  undo(): void;
  redo(): void;
  selectAll(): void;
  selectNone(): void;
  select(nodes: string[], wires: string[]): void;
  duplicate(): void;
  remove(): void;
  fit(): void;
  tidy(): void;
  rename(id: string): void;
  menu(id: string): void;
  nudge(x: number, y: number): void;
}

/** Whether a key pressed here belongs to what is being written. */
function isTyping(target: EventTarget | undefined): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches("textarea, select")) return true;
  return (
    target instanceof HTMLInputElement &&
    !["range", "checkbox", "radio", "button", "file"].includes(target.type)
  );
}

function idOf(path: EventTarget[], kind: "node" | "edge"): string | null {
  const found = path.find((at) => at instanceof Element && at.classList.contains(`react-flow__${kind}`));
  return found instanceof Element ? found.getAttribute("data-id") : null;
}

export function useKeys(canvas: RefObject<HTMLElement>, acts: KeyActs): void {
  const latest = useRef(acts);
  latest.current = acts;
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
  if (event.defaultPrevented || isTyping(path[0])) return null;
  const mod = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (mod && key === "z") return event.shiftKey ? acts.redo : acts.undo;
  if (mod && key === "y") return acts.redo;
  const nowhere = path[0] === document.body || path[0] === document.documentElement;
  const inCanvas = canvas !== null && path.includes(canvas);
  const inModel = path.some((at) => at instanceof HTMLElement && at.dataset.csScope === "model");
  if (!nowhere && !inCanvas && !inModel) return null;
  if (mod && key === "a") return acts.selectAll;
  if (mod && key === "d") return acts.duplicate;
  if (mod || event.altKey) return null;
  if (event.key === "Delete" || event.key === "Backspace") return acts.remove;
  if (event.key === "Escape") return acts.selectNone;
  if (event.shiftKey && event.code === "Digit1") return acts.fit;
  if (event.shiftKey && event.code === "Digit2") return acts.tidy;
  const node = idOf(path, "node");
  const wire = idOf(path, "edge");
  if (
    (event.key === "Enter" || event.key === " ") &&
    path[0] instanceof Element &&
    path[0].hasAttribute("data-id")
  )
    return node !== null
      ? () => acts.select([node], [])
      : wire !== null
        ? () => acts.select([], [wire])
        : null;
  const one = node ?? (acts.chosen.size === 1 ? [...acts.chosen][0]! : null);
  if (one !== null && one !== V) {
    if (event.key === "F2") return () => acts.rename(one);
    if (
      event.key === "ContextMenu" ||
      (event.shiftKey && event.key === "F10") ||
      (key === "w" && !event.shiftKey)
    )
      return () => acts.menu(one);
  }
  const arrow = ARROWS[event.key];
  if (arrow === undefined || !(inCanvas || nowhere) || acts.chosen.size === 0) return null;
  const by = STEP * (event.shiftKey ? 4 : 1);
  return () => acts.nudge(arrow[0] * by, arrow[1] * by);
}
