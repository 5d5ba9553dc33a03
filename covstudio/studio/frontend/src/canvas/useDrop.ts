// A structure of the palette, dragged over the canvas: what dropping it here does is said before it is done.

import { useReactFlow } from "@xyflow/react";
import { type DragEvent, useEffect, useState } from "react";
import { useSend } from "../session/hooks";
import type { CanvasNode } from "../session/messages";
import { V } from "./model";

/** The MIME type of a palette entry under way; the canvas takes nothing else. */
const STRUCTURE = "application/x-covstudio-structure";

const carries = (event: { dataTransfer: DataTransfer | null }) =>
  event.dataTransfer?.types.includes(STRUCTURE) ?? false;

interface Over {
  node: string | null;
  slot: string | null;
}

export interface Drop {
  /** Whether a structure is under way anywhere on the page. */
  underway: boolean;
  /** Whether it is over the canvas, and what it would be wired into. */
  over: { target: string | null } | null;
  /** What dropping here does, in words; empty when nothing is over the canvas. */
  hint: string;
  handlers: {
    onDragOver(event: DragEvent): void;
    onDragLeave(event: DragEvent): void;
    onDrop(event: DragEvent): void;
  };
}

/** What lies under the pointer: events inside of the canvas name their own target. */
export function under(target: EventTarget | null): Over {
  const element = target instanceof Element ? target : null;
  const handle = element?.closest(".react-flow__handle.target");
  return {
    node: element?.closest(".react-flow__node")?.getAttribute("data-id") ?? null,
    slot: handle?.getAttribute("data-handleid") ?? null,
  };
}

/** What dropping does there, and into which node it wires. */
export function outcome(nodes: CanvasNode[], { node, slot }: Over): { target: string | null; hint: string } {
  const card = nodes.find((one) => one.id === node)?.card;
  const free = card !== undefined && (node === V || card.slots.some((one) => one.free));
  if (card === undefined || (!free && slot === null)) return { target: null, hint: "Drop to place it here" };
  const named = card.slots.find((one) => one.name === slot && one.mark === slot);
  return {
    target: free ? node : null,
    hint: `Drop to wire it into ${card.name}${named ? `, slot ${slot}` : ""}`,
  };
}

export function useDrop(nodes: CanvasNode[]): Drop {
  const flow = useReactFlow();
  const send = useSend("canvas");
  const [underway, setUnderway] = useState(false);
  const [over, setOver] = useState<{ target: string | null; hint: string } | null>(null);

  useEffect(() => {
    const start = (event: globalThis.DragEvent) => setUnderway(carries(event));
    const end = () => setUnderway(false);
    document.addEventListener("dragstart", start);
    document.addEventListener("dragend", end);
    return () => {
      document.removeEventListener("dragstart", start);
      document.removeEventListener("dragend", end);
    };
  }, []);

  const change = (to: typeof over) =>
    setOver((now) => (now?.hint === to?.hint && now?.target === to?.target ? now : to));

  return {
    underway,
    over,
    hint: over?.hint ?? "",
    handlers: {
      onDragOver(event) {
        if (!carries(event)) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = "copy";
        change(outcome(nodes, under(event.target)));
      },
      onDragLeave(event) {
        const to = event.relatedTarget;
        if (!(to instanceof Node && event.currentTarget.contains(to))) change(null);
      },
      onDrop(event) {
        change(null);
        const text = event.dataTransfer.getData(STRUCTURE);
        if (!text) return;
        event.preventDefault();
        const { kind } = JSON.parse(text) as { kind: string };
        const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
        send({ type: "structure-dropped", kind, x: at.x, y: at.y, ...under(event.target) });
      },
    },
  };
}
