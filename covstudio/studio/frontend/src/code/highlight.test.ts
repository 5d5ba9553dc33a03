import { expect, test } from "vitest";
import { pieces } from "./highlight";

const CODE = 'v = Sum(a, 1.5)  # the model\nname = "x(1)"\nif name:\n    """long\ntext"""\n';

test("the pieces together are the program", () => {
  const text = pieces(CODE, ["if"]).map((piece) => piece.text);
  expect(text.join("")).toBe(CODE);
});

test("tokens are told apart", () => {
  const found = pieces(CODE, ["if"]).filter((piece) => piece.kind !== null);
  expect(found).toEqual([
    { kind: "call", text: "Sum" },
    { kind: "number", text: "1.5" },
    { kind: "comment", text: "# the model" },
    { kind: "string", text: '"x(1)"' },
    { kind: "keyword", text: "if" },
    { kind: "string", text: '"""long\ntext"""' },
  ]);
});
