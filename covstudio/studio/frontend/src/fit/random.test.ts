import { expect, test } from "vitest";
import { matching, sorted } from "./random";

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
