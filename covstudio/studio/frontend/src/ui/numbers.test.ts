import { expect, test } from "vitest";
import { read } from "./numbers";

test("what a search leaves of 0 is read as that, and any other number as it is", () => {
  expect([2.447e-45, -1e-30, 0, 0.25, 1e-9].map((value) => read(value))).toEqual([
    "≈ 0",
    "≈ 0",
    "0",
    "0.25",
    "1.00e−9",
  ]);
});
