// While the server is not heard the page can be looked at and not changed: nothing that somebody does is lost unseen. What needs no
// server (`data-offline`: the areas, the panes, the program) goes on.

import { type RefObject, useEffect } from "react";
import { useConnection } from "../session/hooks";

/** The largest parts of an element that hold nothing that goes on. */
function parts(element: Element): Element[] {
  if (element.matches("footer, [data-offline]")) return [];
  return element.querySelector("[data-offline]") === null ? [element] : [...element.children].flatMap(parts);
}

export function useStill(frame: RefObject<HTMLElement | null>): void {
  const connection = useConnection();
  useEffect(() => {
    let had: HTMLElement | null = null;
    let quiet: Element[] = [];
    return connection.watch((line) => {
      const still = line === "lost";
      const ground = frame.current;
      if (!ground) return;
      if (still) {
        const active = (ground.getRootNode() as Document | ShadowRoot).activeElement;
        had = active instanceof HTMLElement && ground.contains(active) ? active : null;
        quiet = [...ground.children].flatMap(parts);
      }
      for (const part of quiet) {
        part.toggleAttribute("inert", still);
        part.toggleAttribute("data-still", still);
      }
      // Whoever has gone elsewhere meanwhile stays there.
      const now = (ground.getRootNode() as Document | ShadowRoot).activeElement;
      if (!still && had?.isConnected && (now === null || !ground.contains(now)))
        had.focus({ preventScroll: true });
    });
  }, [connection, frame]);
}
