import { expect, test } from "vitest";
import { readIndices, readNumber, readWhole } from "./read";

test("numbers are read as people write them", () => {
  expect(readWhole("24")).toEqual({ value: 24 });
  expect(readNumber("−0,5")).toEqual({ value: -0.5 });
  expect(readNumber("1e-3")).toEqual({ value: 0.001 });
  for (const [read, text] of [
    [readWhole, "2.5"],
    [readWhole, ""],
    [readNumber, "much"],
    [readNumber, ""],
  ] as const)
    expect(read(text)).toHaveProperty("problem");
});

test("positions and ranges stay as they were typed, and one that is none is named", () => {
  expect(readIndices("0, 2 – 3; 7")).toEqual({ value: "0, 2 – 3; 7" });
  expect(readIndices("0, two")).toEqual({ problem: expect.stringContaining("'two' is no position") });
});
