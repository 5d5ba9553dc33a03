// When the page stands: all models are made, nothing of Bokeh's is under way, and the canvas shows the model. From then on
// every key and every click is answered. `body[data-ready]` says so to the page's style sheet and to whoever waits for it.

import type { Connection } from "./connection";

/** Milliseconds between two looks. */
const LOOK = 30;
/** What cannot be drawn must not hold up the rest for ever. */
const LONGEST = 30_000;

/** What the canvas tells the rest of the page; it puts it there itself. */
export interface CanvasOutside {
  /** Whether it shows the model. */
  ready: boolean;
  /** The middle of what is shown, in the graph's own coordinates. */
  centre(): { x: number; y: number } | null;
}

declare global {
  interface Window {
    covstudioCanvas?: CanvasOutside;
  }
}

/** Call back once the page stands; returns what ends the waiting. */
export function whenReady(connection: Connection, act: () => void): () => void {
  const began = performance.now();
  let timer: ReturnType<typeof setTimeout>;
  function look(): void {
    const stands = connection.model.document?.is_idle && window.covstudioCanvas?.ready;
    if (!stands && performance.now() - began < LONGEST) {
      timer = setTimeout(look, LOOK);
      return;
    }
    act();
    document.body.dataset.ready = "true";
  }
  look();
  return () => clearTimeout(timer);
}
