import { expect, test } from "vitest";
import { tailOf } from "./Name";

test("the last word of a name stands, or else its last letters", () => {
  const end = (text: string) => text.slice(tailOf(text));
  expect(end("genotype variance")).toBe("riance");
  expect(end("covariance of the data")).toBe("data");
  expect(end("genotype")).toBe("notype");
  expect(end("first-order autoregressive")).toBe("essive");
  expect(end("V")).toBe("V");
});
