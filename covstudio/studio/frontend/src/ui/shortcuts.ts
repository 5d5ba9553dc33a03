// The keyboard of the whole page: what a key does wherever the keyboard stands, and what the help lists of the keys of views.

import { useEffect, useRef } from "react";
import { plain } from "./keyboard";

const APPLE = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");
/** The key that goes with a letter for a command, by its name on this machine's keyboard. */
export const MOD = APPLE ? "⌘" : "Ctrl";

export type Command = "undo" | "redo" | "save" | "open" | "search" | "fit" | "derive" | "help";

/** A key as it was pressed. */
interface Press {
  key: string;
  code: string;
  altKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
}

interface Shortcut {
  what: string;
  keys: string[];
  /** What the page does; nothing where the view that has the keyboard answers. */
  command?: Command;
}

/** Every key that the help lists, in its order. */
export const SHORTCUTS: readonly Shortcut[] = [
  { what: "Undo", keys: [MOD, "Z"], command: "undo" },
  { what: "Redo", keys: [MOD, "Shift", "Z"], command: "redo" },
  { what: "Save the model", keys: [MOD, "S"], command: "save" },
  { what: "Open a model", keys: [MOD, "O"], command: "open" },
  { what: "Search the palette", keys: ["/"], command: "search" },
  { what: "Search where the pointer is on the canvas", keys: ["/"] },
  { what: "Add the chosen structure", keys: ["Enter"] },
  { what: "Go to what a node is part of, to its parts, to its siblings", keys: ["→", "←", "↑", "↓"] },
  { what: "Move what is selected", keys: ["Shift", "→"] },
  { what: "Go to the form of the selected node, and back", keys: ["Enter", "Esc"] },
  { what: "Copy, cut, paste", keys: [MOD, "C", "X", "V"] },
  { what: "Remove what is selected", keys: ["Delete"] },
  { what: "Rename a node", keys: ["F2"] },
  { what: "Wire a node into…", keys: ["W"] },
  { what: "Duplicate", keys: [MOD, "D"] },
  { what: "Fit the model", keys: [MOD, "Enter"], command: "fit" },
  { what: "Derive a quantity from the fit", keys: ["="], command: "derive" },
  { what: "Show the whole model", keys: ["Shift", "1"] },
  { what: "Tidy up the canvas", keys: ["Shift", "2"] },
  { what: "Slider: one step", keys: ["←", "→"] },
  { what: "Slider: ten steps", keys: ["Shift", "←", "→"] },
  { what: "Slider: to either end", keys: ["Home", "End"] },
  { what: "This help", keys: ["?"], command: "help" },
];

/** What has the keyboard: a field that is written in, one whose text has done its work, one that answers to letters, or anything else. */
export type Place = "text" | "answered" | "choice" | "page";

/** The command of a key pressed at a place, or null. In a text the browser's own undo is the right one. */
export function commandOf(press: Press, place: Place, apple = APPLE): Command | null {
  const mod = apple ? press.metaKey : press.ctrlKey;
  const key = press.key.toLowerCase();
  if (mod && !press.altKey) {
    if (key === "s" && !press.shiftKey) return "save";
    if (key === "o" && !press.shiftKey) return "open";
    if (key === "enter" && !press.shiftKey) return "fit";
    if (place === "text") return null;
    if (key === "z") return press.shiftKey ? "redo" : "undo";
    if (key === "y" && !press.shiftKey) return "redo";
    return null;
  }
  if (!plain(press) || place !== "page") return null;
  if (press.key === "?") return "help";
  if (press.key === "=") return "derive";
  return press.key === "/" ? "search" : null;
}

/** The number of the place that Alt and a digit lead to, from 0; null for any other key. */
export function numberOf(press: Press): number | null {
  if (!press.altKey || press.ctrlKey || press.metaKey || press.shiftKey) return null;
  const [, digit] = press.code.match(/^Digit([1-9])$/) ?? [];
  return digit === undefined ? null : Number(digit) - 1;
}

const TEXTS = new Set(["text", "search", "number", "email", "url", "password", "tel"]);

function placeOf(target: EventTarget | undefined): Place {
  if (!(target instanceof HTMLElement)) return "page";
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return "text";
  if (target instanceof HTMLInputElement) {
    if (!TEXTS.has(target.type)) return "page";
    return target.dataset.answered === undefined ? "text" : "answered";
  }
  return target instanceof HTMLSelectElement ? "choice" : "page";
}

/** Whether a key belongs to this root: pressed in it, or nowhere in particular while the root is the whole page. */
function ours(event: KeyboardEvent, root: HTMLElement): boolean {
  const path = event.composedPath();
  if (path.includes(root)) return true;
  const nowhere = path[0] === document.body || path[0] === document.documentElement;
  return nowhere && root.getBoundingClientRect().height >= window.innerHeight - 1;
}

/**
 * Answer the keys of the page while the root stands: `commands` by name, `go` with the number of a place. Neither waits for the
 * server, and both come before the views: the canvas would swallow what is meant for the whole page.
 */
export function useShortcuts(
  root: () => HTMLElement | null,
  commands: Record<Command, () => void>,
  go: (number: number) => boolean,
): void {
  const latest = useRef({ root, commands, go });
  latest.current = { root, commands, go };
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      const here = latest.current.root();
      if (here === null || event.defaultPrevented || !ours(event, here)) return;
      const number = numberOf(event);
      if (number !== null) {
        if (!latest.current.go(number)) return;
        event.preventDefault();
        event.stopPropagation();
        return;
      }
      const [target] = event.composedPath();
      const command = commandOf(event, placeOf(target));
      if (command === null) return;
      event.preventDefault();
      event.stopPropagation(); // it is nobody else's key: not of the line or the field that has the keyboard, nor of a notebook
      if ((command === "save" || command === "fit") && target instanceof HTMLElement) {
        target.blur(); // what is being written is said first
        target.focus({ preventScroll: true });
      }
      latest.current.commands[command]();
    }
    window.addEventListener("keydown", onKey, true);
    return () => window.removeEventListener("keydown", onKey, true);
  }, []);
}
