import { expect, test } from "vitest";
import { clauses } from "./clauses";

test("a formula falls into lines at wide spaces outside of brackets", () => {
  expect(clauses("V = \\sigma^2 I")).toEqual(["V = \\sigma^2 I"]);
  expect(clauses("V = A, \\quad A = B C \\quad")).toEqual(["V = A,", "A = B C"]);
  expect(clauses("\\left( a \\quad b \\right) \\quad {c \\quad d}")).toEqual([
    "\\left( a \\quad b \\right)",
    "{c \\quad d}",
  ]);
});
