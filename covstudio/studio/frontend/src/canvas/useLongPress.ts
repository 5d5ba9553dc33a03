// A finger that rests opens the menu of what is under it, as the right button of a mouse does.

import { type MouseEvent, type PointerEvent, useEffect, useRef } from "react";

/** Milliseconds that a finger rests. */
const PATIENCE = 500;
/** Pixels that it may tremble. */
const TREMBLE = 10;

interface Handlers {
  onPointerDownCapture(event: PointerEvent): void;
  onPointerMoveCapture(event: PointerEvent): void;
  onPointerUpCapture(): void;
  onPointerCancelCapture(): void;
  onContextMenuCapture(event: MouseEvent): void;
}

export function useLongPress(act: (target: Element, at: { x: number; y: number }) => void): Handlers {
  const waiting = useRef<{ timer: number; x: number; y: number } | null>(null);
  const latest = useRef(act);
  latest.current = act;

  const stop = () => {
    if (waiting.current !== null) clearTimeout(waiting.current.timer);
    waiting.current = null;
  };
  useEffect(() => () => clearTimeout(waiting.current?.timer), []);

  return {
    onPointerDownCapture(event) {
      stop();
      // A second finger begins a pinch.
      if (event.pointerType !== "touch" || !event.isPrimary || !(event.target instanceof Element)) return;
      const { target, clientX: x, clientY: y } = event;
      if (target.closest("button, input, [role='dialog'], .react-flow__handle")) return;
      const timer = window.setTimeout(() => {
        waiting.current = null;
        latest.current(target as Element, { x, y });
      }, PATIENCE);
      waiting.current = { timer, x, y };
    },
    onPointerMoveCapture({ clientX, clientY }) {
      const from = waiting.current;
      if (from !== null && Math.hypot(clientX - from.x, clientY - from.y) > TREMBLE) stop();
    },
    onPointerUpCapture: stop,
    onPointerCancelCapture: stop,
    // Some browsers say of a long press by themselves, too.
    onContextMenuCapture(event) {
      if (!(event.nativeEvent instanceof window.PointerEvent) || event.nativeEvent.pointerType !== "touch")
        return;
      event.preventDefault();
      event.stopPropagation();
    },
  };
}
