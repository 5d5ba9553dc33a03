import { expect, test } from "vitest";
import { example, inserted, offered } from "./expression";

const WORDS = [
  { word: "genotype", name: "genotype variance · σ²" },
  { word: "field/a", name: "along rows · ρ" },
];

test("parameters go on from the last word, as they are written or called", () => {
  expect(offered(WORDS, "h2 = geno")).toEqual([WORDS[0]]);
  expect(offered(WORDS, "h2 = genotype / rows")).toEqual([WORDS[1]]);
  expect(offered(WORDS, "h2 = ")).toEqual(WORDS);
  expect(offered(WORDS, "nothing")).toEqual(WORDS);
});

test("a name is set apart from the word before it, and the caret stands behind it", () => {
  expect(inserted("h2 =", "a", 4, 4)).toEqual({ text: "h2 = a", caret: 6 });
  expect(inserted("sqrt()", "a", 5, 5)).toEqual({ text: "sqrt(a)", caret: 6 });
  expect(inserted("x + y", "a", 4, 5)).toEqual({ text: "x + a", caret: 5 });
});

test("an example for any number of parameters", () => {
  const variance = (word: string) => ({ word, name: `${word} · σ²` });
  const factor = (index: string) => ({
    word: `L_${index[0]}_${index[1]}`,
    name: `subject · L${index.replace(/./g, (one) => "₀₁"[Number(one)] ?? one)}`,
  });
  expect(example([])).toBe("");
  expect(example([variance("a")])).toBe("sqrt(a)");
  expect(example([variance("a"), { word: "b", name: "b · ρ" }, variance("c")])).toBe("h2 = a / (a + c)");
  // A Cholesky factor is no variance: a share of it would be none.
  expect(example([...["00", "10", "11"].map(factor), variance("residual")])).toBe(
    "r = L_1_0 / sqrt(L_1_0**2 + L_1_1**2)",
  );
});
