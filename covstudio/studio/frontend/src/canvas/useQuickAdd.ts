// Opens the search at the pointer, asks what fits there, and adds what is chosen.

import { useReactFlow, type XYPosition } from "@xyflow/react";
import { type RefObject, useState } from "react";
import { useHear, useSend } from "../session/hooks";
import type { Target } from "../session/messages";
import { NOTHING, sameTarget } from "./useDrop";

interface Open {
  title: string;
  target: Target;
  /** In pixels of the page. */
  at: XYPosition;
  kinds: string[] | null;
  /** Whether what is chosen stands beside what it goes into, not where the search is. */
  beside: boolean;
}

export interface QuickAdding {
  open: (Omit<Open, "at"> & { at: XYPosition & { width: number; height: number } }) | null;
  /** Open it at a place in pixels of the page. */
  ask(at: XYPosition, target?: Target, beside?: boolean): void;
  choose(kind: string): void;
  close(): void;
}

function titleOf({ node, slot, wire }: Target): string {
  if (wire !== null) return "Insert on this wire";
  if (node === null) return "Add a structure";
  return slot === null ? "Wire into a new structure" : "Add what goes in here";
}

export function useQuickAdd(canvas: RefObject<HTMLElement>): QuickAdding {
  const flow = useReactFlow();
  const send = useSend("canvas");
  const [open, setOpen] = useState<Open | null>(null);

  useHear("canvas", (message) => {
    if (message.type === "addable")
      setOpen((now) =>
        now && sameTarget(now.target, message.target) ? { ...now, kinds: message.kinds } : now,
      );
  });

  const box = canvas.current?.getBoundingClientRect();
  return {
    open:
      open === null || box === undefined
        ? null
        : {
            ...open,
            at: { x: open.at.x - box.left, y: open.at.y - box.top, width: box.width, height: box.height },
          },
    ask(at, target = NOTHING, beside = false) {
      setOpen({ title: titleOf(target), target, at, kinds: null, beside });
      send({ type: "add-asked", target });
    },
    choose(kind) {
      if (open === null) return;
      setOpen(null);
      const at = open.beside ? null : flow.screenToFlowPosition(open.at);
      send({ type: "structure-added", kind, at, target: open.target });
    },
    close: () => setOpen(null),
  };
}
