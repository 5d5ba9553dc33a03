import { expect, test, vi } from "vitest";
import { Values } from "./values";

const moved = (key: string, value: number) => [{ key, value, raw: Math.log(value) / 2 }];

test("numbers that arrive hold until the session shows another state", () => {
  const values = new Values();
  const told = vi.fn();
  values.subscribe("a", told);
  values.arrive(moved("a", 2), "first");
  expect(values.since("a", "first")?.value).toBe(2);
  expect(values.since("a", "second")).toBeUndefined();
  expect(values.since("b", "first")).toBeUndefined();
  expect(told).toHaveBeenCalledTimes(1);
});

test("a value under the finger is not overwritten, by numbers nor by a state; theta follows", () => {
  const values = new Values();
  values.hold("a", 5, "first");
  values.arrive(moved("a", 2), "first");
  expect(values.since("a", "first")).toMatchObject({ value: 5, raw: Math.log(2) / 2 });
  expect(values.since("a", "second")?.value).toBe(5);
});

test("what was let go stays until numbers come without it, or a state", () => {
  const values = new Values();
  expect(values.letGo("a", "first")).toBe(false);
  values.hold("a", 5, "first");
  expect(values.letGo("a", "first")).toBe(true);
  values.arrive(moved("a", 2), "first"); // sent while it was still moving
  expect(values.since("a", "first")?.value).toBe(5);
  values.arrive(moved("b", 1), "first");
  values.arrive(moved("a", 3), "first");
  expect(values.since("a", "first")?.value).toBe(3);
  values.hold("a", 6, "first");
  values.letGo("a", "first");
  expect(values.since("a", "second")).toBeUndefined();
});

test("another slider that is taken lets the first one go", () => {
  const values = new Values();
  values.hold("a", 5, "first");
  values.hold("b", 6, "first");
  expect(values.since("a", "second")).toBeUndefined();
  expect(values.since("b", "second")?.value).toBe(6);
});

test("only the row that moves is told", () => {
  const values = new Values();
  const still = vi.fn();
  values.subscribe("b", still);
  values.hold("a", 5, "first");
  values.hold("a", 6, "first");
  expect(still).not.toHaveBeenCalled();
});
