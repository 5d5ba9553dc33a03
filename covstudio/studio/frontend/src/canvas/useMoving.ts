// While the view moves all of it is one layer, moved whole instead of painted again; sharp, and with words as large as they are read,
// it becomes when it rests.

import type { Viewport } from "@xyflow/react";
import { type RefObject, useEffect, useRef } from "react";

/** Milliseconds without a movement of the hand after which the view rests: the wheel is turned in many. */
const REST = 200;
/** Words are at most this much larger than they are to be: then they need not be laid out anew for every step of a zoom. */
const STEP = 2 ** (1 / 8);
const STILL = [{ transform: "translate(0)" }, { transform: "translate(0)" }];

export interface Moving {
  start(): void;
  end(view: Viewport, byHand: boolean): void;
}

/** What moves with the view, besides what React Flow moves, bears `data-moves`. */
export function useMoving(canvas: RefObject<HTMLElement>, rested: () => void): Moving {
  const hints = useRef<Animation[]>([]);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);

  const rest = (zoom: number) => {
    canvas.current?.removeAttribute("data-moving");
    for (const hint of hints.current.splice(0)) hint.cancel();
    const unzoom = STEP ** Math.ceil(Math.log(1 / zoom) / Math.log(STEP) - 1e-9);
    canvas.current?.style.setProperty("--cs-unzoom", String(unzoom));
    rested();
  };

  return {
    start() {
      clearTimeout(timer.current);
      if (hints.current.length) return;
      canvas.current?.setAttribute("data-moving", "");
      // Chromium finds out anew in every frame which layers lie over which, unless what moves is animated: this animation, which
      // stands still, adds nothing to the movement. With two hundred cards that took ten times as long as all the rest of a frame.
      for (const moved of canvas.current?.querySelectorAll(".react-flow__viewport, [data-moves]") ?? []) {
        const hint = moved.animate(STILL, { composite: "add", duration: 1000 });
        hint.pause();
        hints.current.push(hint);
      }
    },
    end({ zoom }, byHand) {
      clearTimeout(timer.current);
      if (byHand) timer.current = window.setTimeout(rest, REST, zoom);
      else rest(zoom);
    },
  };
}
