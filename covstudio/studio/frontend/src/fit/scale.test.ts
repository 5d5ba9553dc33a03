import { expect, test } from "vitest";
import { scaled } from "./scale";

test("the range has a little room on both sides", () => {
  const place = scaled([0, 10], 0, 110);
  expect(place(0)).toBeCloseTo(5);
  expect(place(10)).toBeCloseTo(105);
});

test("round numbers stand on it, zero without a sign", () => {
  expect(scaled([-2.4, 2.4], 0, 100).ticks.map((tick) => tick.text)).toEqual(["−2", "−1", "0", "1", "2"]);
  expect(scaled([4.1, 4.6], 0, 100).ticks.map((tick) => tick.text)).toEqual([
    "4.1",
    "4.2",
    "4.3",
    "4.4",
    "4.5",
    "4.6",
  ]);
  expect(scaled([-0.1, 0.1], 0, 100, 2).ticks.map((tick) => tick.text)).toEqual(["−0.1", "0.0", "0.1"]);
});

test("one number and none have a range too", () => {
  expect(scaled([5, 5], 0, 100)(5)).toBeCloseTo(50);
  expect(scaled([], 0, 100).ticks.length).toBeGreaterThan(1);
});
