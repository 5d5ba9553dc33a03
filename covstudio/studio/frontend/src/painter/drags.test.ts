import { expect, test } from "vitest";
import type { Drag, Release } from "../session/messages";
import { Drags } from "./drags";

function recorded() {
  const said: (Drag | Release)[] = [];
  return { said, drags: new Drags((message) => said.push(message)) };
}

test("one drag flies, of those that wait the latest goes next", () => {
  const { said, drags } = recorded();
  for (const value of [1, 2, 3]) drags.drag("a", "rho", value);
  expect(said).toEqual([{ type: "drag", node: "a", param: "rho", value: 1, seq: 1, gesture: 1 }]);
  drags.answered(1);
  expect(said[1]).toEqual({ type: "drag", node: "a", param: "rho", value: 3, seq: 2, gesture: 1 });
  expect(drags.idle).toBe(false);
  drags.answered(2);
  expect([drags.idle, drags.sent, drags.superseded]).toEqual([true, 2, 1]);
});

test("a frame that shows less does not answer", () => {
  const { said, drags } = recorded();
  drags.drag("a", "rho", 1);
  drags.drag("a", "rho", 2);
  drags.answered(0);
  expect(said).toHaveLength(1);
});

test("letting go sends what waits, of every slider, and begins another gesture", () => {
  const { said, drags } = recorded();
  drags.drag("a", "rho", 1);
  drags.drag("a", "rho", 2);
  drags.drag("b", "rho", 5);
  drags.release();
  expect(said.slice(1)).toEqual([
    { type: "drag", node: "a", param: "rho", value: 2, seq: 2, gesture: 1 },
    { type: "drag", node: "b", param: "rho", value: 5, seq: 3, gesture: 1 },
    { type: "release" },
  ]);
  drags.answered(3);
  drags.drag("a", "rho", 7);
  expect(said.at(-1)).toMatchObject({ seq: 4, gesture: 2 });
});
