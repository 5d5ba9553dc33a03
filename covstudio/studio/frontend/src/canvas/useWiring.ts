// A wire that is being drawn: the server says of every end whether it fits, and if not why.

import type { Connection, FinalConnectionState, OnConnectStartParams } from "@xyflow/react";
import { useRef, useState } from "react";
import { useHear, useSend } from "../session/hooks";
import { endKey, fitsAt, type Underway } from "./acts";
import { V } from "./model";

type Pointer = MouseEvent | TouchEvent;

export interface Wiring {
  underway: Underway | null;
  fits(connection: { source: string; target: string; targetHandle?: string | null }): boolean;
  onStart(event: Pointer, from: OnConnectStartParams): void;
  onConnect(connection: Connection): void;
  onEnd(event: Pointer, state: FinalConnectionState): void;
}

/** What lies under the pointer, also inside of a shadow root. */
export function elementAt(event: Pointer): Element | null {
  const at = "changedTouches" in event ? event.changedTouches[0] : event;
  const root = event.composedPath().find((node) => node instanceof ShadowRoot || node instanceof Document);
  if (at === undefined || !(root instanceof ShadowRoot || root instanceof Document)) return null;
  return root.elementFromPoint(at.clientX, at.clientY);
}

/** What is done with a wire that is let go in empty space, there, by what it started from. */
type InSpace = (at: { x: number; y: number }, from: { node: string; slot: string | null }) => void;

export function useWiring(inSpace: InSpace): Wiring {
  const send = useSend("canvas");
  const [underway, setUnderway] = useState<Underway | null>(null);
  const latest = useRef(underway);

  const set = (to: Underway | null) => {
    latest.current = to;
    setUnderway(to);
  };

  useHear("canvas", (message) => {
    const wire = latest.current;
    if (message.type !== "wire-ends" || wire?.node !== message.node || wire.slot !== message.slot) return;
    const ends = new Map(message.ends.map((end) => [endKey(end.node, end.slot), end]));
    set({ ...wire, ends });
  });

  return {
    underway,
    fits({ source, target, targetHandle }) {
      const wire = latest.current;
      if (wire === null) return source !== target;
      const end =
        wire.slot === null ? fitsAt(wire, target, targetHandle ?? null) : fitsAt(wire, source, null);
      return end === "yes" || end === "pending"; // nobody has said yet: the server answers the wire itself
    },
    onStart(_event, { nodeId, handleId, handleType }) {
      if (nodeId === null) return;
      const slot = handleType === "target" ? handleId : null;
      set({ node: nodeId, slot, ends: null });
      send({ type: "wire-started", node: nodeId, slot });
    },
    onConnect({ source, target, targetHandle }) {
      send({ type: "wire-drawn", child: source, parent: target, slot: target === V ? null : targetHandle });
    },
    onEnd(event, { toHandle }) {
      const wire = latest.current;
      set(null);
      if (wire === null || toHandle !== null) return;
      const under = elementAt(event);
      const parent = under?.closest(".react-flow__node")?.getAttribute("data-id");
      if (parent) {
        // On the body of a card: its next free slot.
        if (wire.slot === null && parent !== wire.node)
          send({ type: "wire-drawn", child: wire.node, parent, slot: null });
      } else if (under?.closest(".react-flow__pane")) {
        const { clientX: x, clientY: y } = "changedTouches" in event ? event.changedTouches[0]! : event;
        inSpace({ x, y }, { node: wire.node, slot: wire.slot });
      }
    },
  };
}
