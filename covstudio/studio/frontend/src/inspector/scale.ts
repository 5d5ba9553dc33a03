// Where a natural value stands on its slider, and back.

import type { Scale } from "../session/messages";

/** Steps of a slider from end to end. */
export const STEPS = 1000;

/** The place of a natural value, from 0 to 1. */
export function position(scale: Scale, value: number): number {
  if (scale.kind === "linear")
    return Math.min(Math.max((value - scale.low) / (scale.high - scale.low), 0), 1);
  const above = value - scale.offset;
  if (!(above > scale.low)) return 0;
  return Math.min(Math.log(above / scale.low) / Math.log(scale.high / scale.low), 1);
}

/** The natural value at a place, without digits that say nothing. */
export function natural(scale: Scale, share: number): number {
  if (scale.kind === "linear") {
    const digits = Math.max(0, Math.ceil(-Math.log10((scale.high - scale.low) / STEPS)));
    const value = Number((scale.low + share * (scale.high - scale.low)).toFixed(digits));
    return Math.min(Math.max(value, scale.low), scale.high);
  }
  if (share <= 0 && scale.zero) return scale.offset;
  return Number((scale.offset + scale.low * (scale.high / scale.low) ** share).toPrecision(4));
}

/** Keys that move a slider, and by how many steps; Shift makes them ten times longer. */
const KEYS: Record<string, number> = {
  ArrowRight: 5,
  ArrowUp: 5,
  ArrowLeft: -5,
  ArrowDown: -5,
  PageUp: 100,
  PageDown: -100,
};
const ENDS: Record<string, number> = { Home: -STEPS, End: STEPS };

/** Steps that a key moves a slider by; null where it moves none. */
export function stride(key: string, shift: boolean): number | null {
  const end = ENDS[key];
  if (end !== undefined) return end;
  const step = KEYS[key];
  return step === undefined ? null : step * (shift ? 10 : 1);
}
