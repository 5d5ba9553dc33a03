// What the page lets be seen of its painter from outside, as `window.covstudio`: tests wait by it and measurements count by it.
//
//   ping() -> seq                      asks for an empty frame: all that was asked before is answered when it comes
//   onFrame(fn) -> stop()              fn({ seq, keys, done, at }) after each painted frame
//   seq, idle                          number of the last that was asked; whether nothing is under way
//   lastFrame, stats, tiles, entries   what was painted, and what the session was told to paint
//   drag(node, param, value), release()    as a slider
//   register(key, element, options) -> stop()    paints a canvas or an image
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
  };
}

type Hook = ReturnType<typeof hook>;

declare global {
  interface Window {
    covstudio?: Hook;
  }
}

export function expose(painter: Painter): void {
  window.covstudio = hook(painter);
}
