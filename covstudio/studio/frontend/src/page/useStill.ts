// While the server is not heard the page can be looked at and not changed: nothing that somebody does is lost unseen.

import { type RefObject, useEffect } from "react";
import { useConnection } from "../session/hooks";

export function useStill(frame: RefObject<HTMLElement | null>): void {
  const connection = useConnection();
  useEffect(() => {
    let had: HTMLElement | null = null;
    return connection.watch((line) => {
      const still = line === "lost";
      const ground = frame.current;
      if (!ground) return;
      if (still) {
        const active = (ground.getRootNode() as Document | ShadowRoot).activeElement;
        had = active instanceof HTMLElement && ground.contains(active) ? active : null;
      }
      ground.toggleAttribute("data-still", still);
      for (const part of ground.children) part.toggleAttribute("inert", still && part.tagName !== "FOOTER");
      if (!still && had?.isConnected) had.focus({ preventScroll: true });
    });
  }, [connection, frame]);
}
