import { expect, test } from "vitest";
import { type Head, MOST, partsOf, tooMany } from "./drafts";
import type { Draft } from "./messages";

const draft: Draft = {
  version: 1,
  title: "Oats",
  present: "p",
  past: [{ part: "a", label: "", another_model: false }],
  future: [{ part: "a", label: "", another_model: false }],
  tables: [{ name: "t", part: "b" }],
  nodes: ["n"],
  fit: { part: "f", document: "p", seconds: 1, number: 1 },
  fitting: false,
  selection: [],
  focus: "V",
  derivatives: "theta",
  heard: 0,
  running: "",
  file_version: 1,
};

test("a draft is made of its parts, each once", () => {
  expect(partsOf(draft).sort()).toEqual(["a", "b", "f", "n", "p"]);
});

test("of more than ten drafts the oldest go that no tab has open", () => {
  const heads = Array.from(
    { length: MOST + 2 },
    (_, at): Head => ({ id: `d${at}`, title: "", saved: -at, picture: null, draft }),
  );
  expect(tooMany(heads, new Set())).toEqual(["d11", "d10"]);
  expect(tooMany(heads, new Set(["d11", "d9"]))).toEqual(["d10", "d8"]);
  expect(tooMany(heads.slice(0, MOST), new Set())).toEqual([]);
});
