// What the page lets be seen of its painter from outside, as `window.covstudio`: tests wait by it and measurements count by it.
//
//   ping() -> seq                      asks for an empty frame: all that was asked before is answered when it comes
//   onFrame(fn) -> stop()              fn({ seq, keys, done, at }) after each painted frame
//   seq, idle                          number of the last that was asked; whether nothing is under way
//   lastFrame, stats, tiles, entries   what was painted, and what the session was told to paint
//   drag(node, param, value), release()    as a slider
//   register(key, canvas, options) -> stop()    paints a canvas
//
// With several pages in one document, as in a notebook, it is that of the one that came last.

import type { Painter } from "./painter";

function hook(painter: Painter) {
  const { drags } = painter;
  return {
    register: painter.register,
    drag: drags.drag,
    release: drags.release,
    ping: () => painter.ping(),
    onFrame: (listen: Parameters<Painter["onFrame"]>[0]) => painter.onFrame(listen),
    tiles: painter.tiles,
    entries: painter.entries,
    get seq() {
      return drags.seq;
    },
    get idle() {
      return drags.idle;
    },
    get lastFrame() {
      return painter.lastFrame;
    },
    get stats() {
      return { ...painter.stats, sent: drags.sent, superseded: drags.superseded };
    },
    /** As views speak that are not drawn by this root yet. */
    send: ({ node, param, value }: { node: string; param: string; value: number }) =>
      drags.drag(node, param, value),
  };
}

type Hook = ReturnType<typeof hook>;

declare global {
  interface Window {
    covstudio?: Hook;
    /** Functions that a view which is not drawn by this root has waiting for the hook. */
    covstudioQueue?: { push(use: (hook: Hook) => void): unknown } & Partial<Iterable<(hook: Hook) => void>>;
  }
}

export function expose(painter: Painter): void {
  const made = hook(painter);
  window.covstudio = made;
  const waiting = window.covstudioQueue;
  window.covstudioQueue = { push: (use) => use(made) };
  if (waiting && Symbol.iterator in waiting)
    for (const use of waiting as Iterable<(hook: Hook) => void>) use(made);
}
