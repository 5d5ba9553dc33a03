// A structure under a finger: drawn out of the list sideways, or picked up by a finger that rests, it is carried over the page.
// A finger that moves along the list scrolls it.

import { type PointerEvent, type RefObject, useEffect, useRef } from "react";
import { useStage } from "../session/hooks";
import type { PaletteEntry } from "../session/messages";
import type { Carried } from "../session/stage";

/** Milliseconds that a finger rests before it picks up. */
const PATIENCE = 400;
/** Pixels that it may tremble. */
const TREMBLE = 10;

interface Load {
  pointer: number;
  from: { x: number; y: number };
  /** Picked up: until then the finger may still mean the list. */
  up: boolean;
}

/** What a line does when a finger goes down on it; `list` is what the finger would scroll. */
export function useCarry(
  list: RefObject<HTMLElement | null>,
  begun: () => void,
): (event: PointerEvent<HTMLElement>, entry: PaletteEntry) => void {
  const stage = useStage();
  const load = useRef<Load | null>(null);
  const latest = useRef(begun);
  latest.current = begun;

  useEffect(() => {
    // While something is carried the browser may not scroll; it asks only those who said so before the finger went down.
    const hold = (event: TouchEvent) => load.current?.up && event.cancelable && event.preventDefault();
    const scrolled = list.current;
    scrolled?.addEventListener("touchmove", hold, { passive: false });
    return () => scrolled?.removeEventListener("touchmove", hold);
  }, [list]);

  return (event, entry) => {
    if (event.pointerType !== "touch" || !event.isPrimary) return;
    const line: HTMLElement = event.currentTarget;
    const tell = (x: number, y: number, now: Carried["stage"]) =>
      stage.ask("carry", { kind: entry.kind, title: entry.title, x, y, stage: now });
    const ends = new AbortController();
    const pick = () => {
      const now = load.current;
      if (now === null) return;
      now.up = true;
      latest.current();
      tell(now.from.x, now.from.y, "moving");
    };
    const timer = setTimeout(pick, PATIENCE);
    load.current = {
      pointer: event.pointerId,
      from: { x: event.clientX, y: event.clientY },
      up: false,
    };

    function end(): void {
      clearTimeout(timer);
      load.current = null;
      ends.abort();
    }

    const hear = (
      kind: "pointermove" | "pointerup" | "pointercancel",
      act: (moved: globalThis.PointerEvent, carried: Load) => void,
    ) =>
      line.addEventListener(
        kind,
        (moved) => load.current?.pointer === moved.pointerId && act(moved, load.current),
        { signal: ends.signal },
      );
    hear("pointermove", ({ clientX, clientY }, carried) => {
      if (!carried.up) {
        const across = Math.abs(clientX - carried.from.x);
        const along = Math.abs(clientY - carried.from.y);
        if (Math.hypot(across, along) <= TREMBLE) return;
        if (along > across) return end(); // it scrolls
        pick();
      }
      tell(clientX, clientY, "moving");
    });
    hear("pointerup", ({ clientX, clientY }, carried) => {
      end();
      if (!carried.up) return;
      // The click that some browsers make of it is none.
      const ignore = (click: MouseEvent) => click.stopPropagation();
      line.addEventListener("click", ignore, { capture: true, once: true });
      setTimeout(() => line.removeEventListener("click", ignore, true), 0);
      tell(clientX, clientY, "dropped");
    });
    hear("pointercancel", ({ clientX, clientY }, carried) => {
      end();
      if (carried.up) tell(clientX, clientY, "given up");
    });
  };
}
