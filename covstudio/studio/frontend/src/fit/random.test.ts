import { expect, test } from "vitest";
import { counted, matching, sorted, turned } from "./random";

const TABLE = {
  term: ["genotype", "genotype", "block"],
  level: ["G10", "G2", "R1:B1"],
  blup: [0.2, -0.1, null],
  standard_error: [0.1, 0.1, 0.2],
  reliability: [0.5, 0.6, "nan" as const],
  total: 3,
};

test("each word of a search is somewhere in the row", () => {
  expect(matching(TABLE, "")).toEqual([0, 1, 2]);
  expect(matching(TABLE, " GENO g1 ")).toEqual([0]);
  expect(matching(TABLE, "nobody")).toEqual([]);
});

test("numbers in names are sorted as numbers, and what is missing stands last either way", () => {
  expect(sorted(TABLE, [0, 1, 2], { column: "level", up: true })).toEqual([1, 0, 2]);
  expect(sorted(TABLE, [0, 1, 2], { column: "blup", up: true })).toEqual([1, 0, 2]);
  expect(sorted(TABLE, [2, 0, 1], { column: "blup", up: false })).toEqual([0, 1, 2]);
  expect(sorted(TABLE, [2, 0], null)).toEqual([2, 0]);
});

test("a head pressed once puts the largest number or the first word on top, then the other way, then neither", () => {
  const down = { column: "blup", up: false } as const;
  expect(turned(null, "blup")).toEqual(down);
  expect(turned(down, "blup")).toEqual({ column: "blup", up: true });
  expect(turned({ column: "blup", up: true }, "blup")).toBeNull();
  expect(turned(down, "level")).toEqual({ column: "level", up: true });
  expect(turned({ column: "level", up: false }, "level")).toBeNull();
});

test("the count says how many match", () => {
  expect(counted(160, 160, 160)).toBe("160");
  expect(counted(40, 160, 160)).toBe("40 of 160");
  expect(counted(5000, 5000, 12000)).toBe("12,000");
  expect(counted(7, 5000, 12000)).toBe("7 of 5,000");
});
