// The line between two regions: dragged, moved by arrow keys, put back by a double click, remembered.

import { type KeyboardEvent, type PointerEvent, useState } from "react";
import { memory } from "../session/browser";
import { resized } from "../session/stage";
import styles from "./frame.module.css";

export interface Size {
  name: "left" | "right" | "dock";
  label: string;
  least: number;
  most: number;
}

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 };

const key = (size: Size) => `covstudio.size.${size.name}`;

/** The width or height that was chosen last, if it still suits the window. */
export function remembered(size: Size): number | null {
  const kept = Number.parseFloat(memory.get(key(size)) ?? "");
  return kept >= size.least && kept <= size.most && kept < window.innerWidth / 2 ? kept : null;
}

export function Splitter({
  size,
  value,
  change,
}: {
  size: Size;
  value: number | null;
  change: (to: number | null) => void;
}) {
  const [moving, setMoving] = useState(false);
  const across = size.name !== "dock";
  const sign = size.name === "left" ? 1 : -1;

  function present(element: Element): number {
    return value ?? Number.parseFloat(getComputedStyle(element).getPropertyValue(`--${size.name}`));
  }

  function resize(to: number): void {
    const wanted = Math.round(Math.min(Math.max(to, size.least), size.most));
    memory.set(key(size), String(wanted));
    change(wanted);
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
    if (step === undefined) return;
    event.preventDefault();
    resize(present(event.currentTarget) + sign * step * (event.shiftKey ? 48 : 16));
    resized();
  }

  function onDoubleClick(): void {
    memory.set(key(size), null);
    change(null);
    resized();
  }

  return (
    <div
      className={`cs-splitter ${styles.splitter}`}
      data-size={size.name}
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
