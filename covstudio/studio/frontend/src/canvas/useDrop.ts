// A structure of the palette, dragged over the canvas: what dropping it here does is asked of the server, and said before it is done.

import { useReactFlow } from "@xyflow/react";
import { type DragEvent, type RefObject, useEffect, useRef, useState } from "react";
import { useAnswer, useHear, useSend } from "../session/hooks";
import type { Target } from "../session/messages";
import { STRUCTURE } from "../ui/structure";

const carries = (event: { dataTransfer: DataTransfer | null }) =>
  event.dataTransfer?.types.includes(STRUCTURE) ?? false;

export const NOTHING: Target = { node: null, slot: null, wire: null };

/** What lies under the pointer: a node, one of its slots, or a wire, by the node that it comes from. */
export function targetOf(at: EventTarget | null): Target {
  const element = at instanceof Element ? at : null;
  const handle = element?.closest(".react-flow__handle.target");
  const wire = element?.closest(".react-flow__edge")?.getAttribute("data-id") ?? null;
  return {
    node: element?.closest(".react-flow__node")?.getAttribute("data-id") ?? null,
    slot: handle?.getAttribute("data-handleid") ?? null,
    wire: wire?.split("->")[0] ?? null,
  };
}

export const sameTarget = (one: Target, other: Target): boolean =>
  one.node === other.node && one.slot === other.slot && one.wire === other.wire;

interface Outcome {
  text: string;
  onto: string | null;
}

export interface Drop {
  /** Whether a structure is under way anywhere on the page. */
  underway: boolean;
  /** What dropping here does, and the node whose wiring changes; null when nothing is over the canvas. */
  outcome: Outcome | null;
  /** The wire that it would be inserted on. */
  wire: string | null;
  handlers: {
    onDragOver(event: DragEvent): void;
    onDragLeave(event: DragEvent): void;
    onDrop(event: DragEvent): void;
  };
}

/** What lies at a place of the page, in pixels, if it is on the canvas. */
function elementOf(canvas: HTMLElement | null, x: number, y: number): Element | null {
  const root = canvas?.getRootNode();
  if (!(root instanceof ShadowRoot || root instanceof Document)) return null;
  const at = root.elementFromPoint(x, y);
  return canvas?.contains(at) ? at : null;
}

export function useDrop(canvas: RefObject<HTMLElement | null>): Drop {
  const flow = useReactFlow();
  const send = useSend("canvas");
  const [kind, setKind] = useState<string | null>(null);
  const [over, setOver] = useState<Target | null>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const latest = useRef<Target | null>(null);

  useEffect(() => {
    const start = (event: globalThis.DragEvent) => {
      const dragged = event.composedPath().find((at) => at instanceof HTMLElement && at.dataset.kind);
      setKind(carries(event) && dragged instanceof HTMLElement ? (dragged.dataset.kind ?? null) : null);
    };
    const end = () => setKind(null);
    document.addEventListener("dragstart", start);
    document.addEventListener("dragend", end);
    return () => {
      document.removeEventListener("dragstart", start);
      document.removeEventListener("dragend", end);
    };
  }, []);

  useHear("canvas", (message) => {
    if (message.type === "drop-outcome" && latest.current && sameTarget(message.target, latest.current))
      setOutcome({ text: message.text, onto: message.onto });
  });

  function change(to: Target | null, over: string | null = kind): void {
    if (to === latest.current || (to && latest.current && sameTarget(to, latest.current))) return;
    latest.current = to;
    setOver(to);
    if (to === null) setOutcome(null);
    else if (sameTarget(to, NOTHING)) setOutcome({ text: "place it here", onto: null });
    else if (over !== null) send({ type: "structure-over", kind: over, target: to });
  }

  function drop(dropped: string, x: number, y: number, at: EventTarget | null): void {
    change(null);
    const place = flow.screenToFlowPosition({ x, y });
    send({ type: "structure-dropped", kind: dropped, at: place, target: targetOf(at) });
  }

  // A finger carries a structure by events of its own: browsers drag by fingers in their own ways, or not at all.
  useAnswer("carry", ({ kind: carried, x, y, stage }) => {
    const at = elementOf(canvas.current, x, y);
    setKind(stage === "moving" ? carried : null);
    if (stage === "dropped" && at !== null) drop(carried, x, y, at);
    else change(stage === "moving" && at !== null ? targetOf(at) : null, carried);
  });

  return {
    underway: kind !== null,
    outcome,
    wire: over?.node === null ? over.wire : null,
    handlers: {
      onDragOver(event) {
        if (!carries(event)) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = "copy";
        change(targetOf(event.target));
      },
      onDragLeave(event) {
        const to = event.relatedTarget;
        if (!(to instanceof Node && event.currentTarget.contains(to))) change(null);
      },
      onDrop(event) {
        const text = event.dataTransfer.getData(STRUCTURE);
        if (!text) {
          change(null);
          return;
        }
        event.preventDefault();
        const dropped = (JSON.parse(text) as { kind: string }).kind;
        drop(dropped, event.clientX, event.clientY, event.target);
      },
    },
  };
}
