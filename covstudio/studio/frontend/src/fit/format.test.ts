import { expect, test } from "vitest";
import { breaks, decimalsFor, degrees, digits, interval, padding, probability, rounded } from "./format";

test("three digits of the standard error decide the decimals", () => {
  expect([0.145, 12.3, 0.00123, 1234].map(decimalsFor)).toEqual([3, 1, 5, 0]);
  expect([0, null, "nan", "inf"].map(decimalsFor)).toEqual([null, null, null, null]);
});

test("numbers are rounded to their decimals, and short where these would be long", () => {
  expect(rounded(4.51785, 3)).toBe("4.518");
  expect(rounded(-0.0823, 3)).toBe("−0.082");
  expect(rounded(12345678, 3)).toBe("1.23e+7");
  expect(rounded(null, 3)).toBe("–");
});

test("three significant digits keep their zeros", () => {
  expect([0.203, 1.5, 123.4, 100000, 0.00001].map(digits)).toEqual([
    "0.203",
    "1.50",
    "123",
    "100000",
    "1.0e−5",
  ]);
});

test("an interval has both ends or is none", () => {
  expect(interval(0.0243, "inf")).toBe("0.0243 to ∞");
  expect(interval(null, 1)).toBeNull();
  expect(interval(1, "nan")).toBeNull();
});

test("degrees of freedom and probabilities", () => {
  expect([2, 11.79, "inf", 20000].map(degrees)).toEqual(["2", "11.8", "∞", "20000"]);
  expect([0.0351, 0.0004, null].map(probability)).toEqual(["0.035", "< 0.001", "–"]);
});

test("points of a column stand below each other", () => {
  expect(padding(["1.25", "−10.5", "3", "∞", "–"])).toEqual([0, 1, 2.5, 0, 0]);
  expect(padding(["1", "20"])).toEqual([0, 0]);
});

test("a name may break after its parts", () => {
  expect(breaks("genotype/g/sigma^2")).toEqual(["genotype/", "g/", "sigma^2"]);
});
