import { expect, test } from "vitest";
import { modelOf, waitBefore } from "./line";

test("the first attempt is made at once, and the waits grow to ten seconds and a little", () => {
  const waits = Array.from({ length: 9 }, (_, attempt) => waitBefore(attempt, 0));
  expect(waits[0]).toBe(0);
  expect([...waits].sort((one, other) => one - other)).toEqual(waits);
  expect(waits.at(-1)).toBe(10_000);
  expect(waitBefore(8, 1)).toBe(13_000);
});

test("the model of a session is found wherever it stands", () => {
  const data = { id: "p7", attributes: { session: "abc", bar: "{}" } };
  const json = { roots: [{ id: "p1" }, { id: "p2", attributes: { data, children: [null, 3] } }] };
  expect(modelOf(json, "abc")).toEqual(data);
  expect(modelOf(json, "other")).toBeNull();
  expect(modelOf({ roots: [] }, "abc")).toBeNull();
});
