// Cut, copy and paste: nodes travel as the text of a file, between windows too. The server writes the text and reads it.

import { useReactFlow, type XYPosition } from "@xyflow/react";
import { type RefObject, useEffect, useRef } from "react";
import { copy } from "../session/browser";
import { useHear, useSend } from "../session/hooks";
import { V } from "./model";
import { actsOnModel } from "./scope";
import { focusedIn } from "./useKeys";

export function useClipboard(
  canvas: RefObject<HTMLElement>,
  chosen: ReadonlySet<string>,
  pointer: RefObject<XYPosition | null>,
): { copy(nodes: Iterable<string>, cut: boolean): void } {
  const send = useSend("canvas");
  const flow = useReactFlow();
  const take = (nodes: Iterable<string>, cut: boolean) =>
    send({ type: "nodes-copied", nodes: [...nodes], cut });

  /** Where a paste goes: under the pointer, or a little inside of what is shown. */
  function place(): XYPosition {
    const box = canvas.current?.getBoundingClientRect();
    return flow.screenToFlowPosition(
      pointer.current ?? { x: (box?.left ?? 0) + 48, y: (box?.top ?? 0) + 48 },
    );
  }

  useHear("canvas", (message) => {
    if (message.type === "clipboard-text") void copy(message.text);
  });

  const latest = useRef({ chosen, take, place });
  latest.current = { chosen, take, place };
  useEffect(() => {
    const ours = (event: ClipboardEvent) =>
      !event.defaultPrevented &&
      actsOnModel(event, canvas.current) &&
      `${document.getSelection() ?? ""}` === "";
    const onCopy = (event: ClipboardEvent) => {
      const { chosen: selected, take: copied } = latest.current;
      const { node } = focusedIn(event.composedPath());
      const nodes = node === null || selected.has(node) ? selected : node === V ? [] : [node];
      if (!ours(event) || [...nodes].length === 0) return;
      event.preventDefault();
      copied(nodes, event.type === "cut");
    };
    const onPaste = (event: ClipboardEvent) => {
      const text = event.clipboardData?.getData("text/plain");
      if (!ours(event) || !text) return;
      event.preventDefault();
      send({ type: "text-pasted", text, at: latest.current.place() });
    };
    document.addEventListener("copy", onCopy);
    document.addEventListener("cut", onCopy);
    document.addEventListener("paste", onPaste);
    return () => {
      document.removeEventListener("copy", onCopy);
      document.removeEventListener("cut", onCopy);
      document.removeEventListener("paste", onPaste);
    };
  }, [canvas, send]);

  return { copy: take };
}
