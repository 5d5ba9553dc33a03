import { expect, test } from "vitest";
import type { Scale } from "../session/messages";
import { natural, position, STEPS, stride } from "./scale";

const VARIANCE: Scale = { kind: "log", low: 1e-4, high: 100, offset: 0, zero: true };
const RANGE: Scale = { ...VARIANCE, zero: false };
const CORRELATION: Scale = { kind: "linear", low: -0.999, high: 0.999, offset: 0, zero: false };

test("a variance runs over decades and reaches zero", () => {
  expect(natural(VARIANCE, 0)).toBe(0);
  expect(natural(VARIANCE, 0.5)).toBe(0.1);
  expect(natural(VARIANCE, 1)).toBe(100);
  expect(position(VARIANCE, 0)).toBe(0);
  expect(position(VARIANCE, 1e9)).toBe(1);
});

test("what is never zero ends above it", () => {
  expect(natural(RANGE, 0)).toBe(1e-4);
});

test("a correlation stays within its interval", () => {
  expect(natural(CORRELATION, 0)).toBe(-0.999);
  expect(natural(CORRELATION, 1)).toBe(0.999);
  expect(natural(CORRELATION, 0.5)).toBe(0);
});

test.each([VARIANCE, RANGE, CORRELATION])(
  "every step is a value of its own, and stands at its step",
  (scale) => {
    for (let step = 1; step <= STEPS; step++)
      expect(Math.round(position(scale, natural(scale, step / STEPS)) * STEPS)).toBe(step);
  },
);

test("keys move by steps, with Shift by ten times as many", () => {
  expect(stride("ArrowRight", false)).toBe(5);
  expect(stride("ArrowDown", true)).toBe(-50);
  expect(stride("Home", true)).toBe(-STEPS);
  expect(stride("a", false)).toBeNull();
});
