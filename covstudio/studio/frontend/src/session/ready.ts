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

/** Act once the page answers; once that is done and shown the page is ready. Returns what ends the waiting. */
export function whenReady(connection: Connection, act: () => Promise<void> | undefined): () => void {
  let waits = true;
  const stands = () => connection.model.document?.is_idle && window.covstudioCanvas?.ready;
  async function standing(): Promise<void> {
    const began = performance.now();
    while (waits && !stands() && performance.now() - began < LONGEST)
      await new Promise((resume) => setTimeout(resume, LOOK));
  }
  async function wait(): Promise<void> {
    await standing();
    if (!waits) return;
    await act();
    await standing();
    if (waits) document.body.dataset.ready = "true";
  }
  void wait();
  return () => {
    waits = false;
  };
}
