// The line between two panes: dragged, moved by arrow keys, put back by a double click.

import { type KeyboardEvent, type PointerEvent, useState } from "react";
import { resized } from "../session/stage";
import { plain } from "../ui/keyboard";
import type { Size } from "./layout";
import styles from "./splitter.module.css";

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 };

interface Props {
  size: Size;
  value: number | null;
  change: (to: number | null) => void;
}

export function Splitter({ size, value, change }: Props) {
  const [moving, setMoving] = useState(false);
  const { across } = size;
  const sign = size.of === "before" ? 1 : -1;

  function present(line: Element): number {
    const pane = size.of === "before" ? line.previousElementSibling : line.nextElementSibling;
    const box = pane?.getBoundingClientRect();
    return (across ? box?.width : box?.height) ?? size.least;
  }

  function resize(to: number): void {
    change(Math.round(Math.min(Math.max(to, size.least), size.most)));
  }

  function onPointerDown(event: PointerEvent<HTMLDivElement>): void {
    event.preventDefault();
    const splitter = event.currentTarget;
    splitter.setPointerCapture(event.pointerId);
    setMoving(true);
    const from = across ? event.clientX : event.clientY;
    const start = present(splitter);
    const move = (moved: globalThis.PointerEvent) =>
      resize(start + sign * ((across ? moved.clientX : moved.clientY) - from));
    const stop = () => {
      setMoving(false);
      splitter.removeEventListener("pointermove", move);
      resized();
    };
    splitter.addEventListener("pointermove", move);
    splitter.addEventListener("pointerup", stop, { once: true });
    splitter.addEventListener("pointercancel", stop, { once: true });
  }

  function onKeyDown(event: KeyboardEvent<HTMLDivElement>): void {
    const step = STEPS[event.key];
    if (step === undefined || !plain(event)) return;
    event.preventDefault();
    resize(present(event.currentTarget) + sign * step * (event.shiftKey ? 48 : 16));
    resized();
  }

  function onDoubleClick(): void {
    change(null);
    resized();
  }

  return (
    <div
      className={`cs-splitter ${styles.splitter}`}
      data-size={size.name}
      data-across={across || undefined}
      data-moving={moving || undefined}
      role="separator"
      aria-orientation={across ? "vertical" : "horizontal"}
      aria-label={size.label}
      aria-valuemin={size.least}
      aria-valuemax={size.most}
      aria-valuenow={value ?? size.least}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
      onDoubleClick={onDoubleClick}
    />
  );
}
