import { expect, test } from "vitest";
import { tailOf } from "./Name";

test("a short last word of a name stands, and the last letters of a single word", () => {
  const end = (text: string) => text.slice(tailOf(text));
  expect(end("genotype variance")).toBe("");
  expect(end("covariance of the data")).toBe("data");
  expect(end("genotype")).toBe("notype");
  expect(end("first-order autoregressive")).toBe("");
  expect(end("genotype variance 2")).toBe("2");
  expect(end("V")).toBe("V");
});
