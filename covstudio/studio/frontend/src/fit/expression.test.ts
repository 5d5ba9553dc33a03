import { expect, test } from "vitest";
import { example, inserted, offered } from "./expression";

const NAMES = ["genotype/sigma^2", "residual/sigma^2"];

test("names go on from the last word", () => {
  expect(offered(NAMES, "h2 = geno")).toEqual([NAMES[0]]);
  expect(offered(NAMES, "h2 = ")).toEqual(NAMES);
  expect(offered(NAMES, "nothing")).toEqual(NAMES);
});

test("a name is set apart from the word before it, and the caret stands behind it", () => {
  expect(inserted("h2 =", "a", 4, 4)).toEqual({ text: "h2 = a", caret: 6 });
  expect(inserted("sqrt()", "a", 5, 5)).toEqual({ text: "sqrt(a)", caret: 6 });
  expect(inserted("x + y", "a", 4, 5)).toEqual({ text: "x + a", caret: 5 });
});

test("an example for any number of parameters", () => {
  expect(example([])).toBe("");
  expect(example(["a"])).toBe("sqrt(a)");
  expect(example(["a", "b", "c"])).toBe("h2 = a / (a + c)");
});
