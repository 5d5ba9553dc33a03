import { expect, test } from "vitest";
import { viewportOf } from "./tab";

test("what part of the model was looked at is read strictly", () => {
  expect(viewportOf('{"x":1,"y":-2,"zoom":0.5}')).toEqual({ x: 1, y: -2, zoom: 0.5 });
  for (const text of [null, "", "null", "{}", '{"x":1,"y":2,"zoom":0}', '{"x":"1","y":2,"zoom":1}'])
    expect(viewportOf(text)).toBeNull();
});
