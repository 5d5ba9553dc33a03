import { expect, test } from "vitest";
import { placed } from "./sketch";

test("cards lie in the middle, as large as they fit", () => {
  const [one, other] = placed(
    [
      { x: -100, y: 0, width: 100, height: 50 },
      { x: 100, y: 50, width: 100, height: 50 },
    ],
    100,
  );
  const rounded = (box = one) => Object.values(box ?? {}).map(Math.round);
  expect(rounded(one)).toEqual([8, 36, 28, 14]);
  expect(rounded(other)).toEqual([64, 50, 28, 14]);
});
