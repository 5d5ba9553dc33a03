import { expect, test } from "vitest";
import { dockHeight, snug, tileSize, tileWidth } from "./tiles";

test("a picture is whole multiples of its matrix where these fill most of the place", () => {
  expect(snug(72, 150, 1)).toBe(144);
  expect(snug(72, 143, 1)).toBe(143);
  expect(snug(100, 120, 2)).toBe(100);
  expect(snug(700, 145, 1)).toBe(140);
});

test("in a low dock pictures are as high as it lets them be", () => {
  expect(tileSize(72, 9, { width: 400, height: 228 }, 1)).toBe(144);
});

test("pictures in a row are a little smaller where all of them are in sight then", () => {
  expect(tileSize(10, 3, { width: 560, height: 240 }, 1)).toBe(130);
  expect(tileWidth(130, 3, 560)).toBe(130);
});

test("a row scrolls before its pictures are too narrow for their names", () => {
  expect(tileSize(10, 4, { width: 540, height: 228 }, 1)).toBe(140);
  expect(tileSize(72, 5, { width: 497, height: 187 }, 1)).toBe(103);
});

test("a name has room in a row that scrolls, however small its picture is", () => {
  expect(tileWidth(72, 5, 497)).toBe(124);
  expect(tileWidth(140, 5, 497)).toBe(140);
});

test("in a high dock all pictures are in sight, as large as they can be", () => {
  const side = tileSize(10, 4, { width: 720, height: 520 }, 1);
  const columns = Math.floor((720 - 28) / (side + 16));
  expect(Math.ceil(4 / columns) * (side + 76) + 46).toBeLessThanOrEqual(520);
  expect(side).toBe(160);
});

test("where they cannot all be in sight they keep a size that can be read", () => {
  expect(tileSize(10, 200, { width: 260, height: 400 }, 1)).toBe(100);
});

test("a dock whose pictures stand in one row is as high as the row", () => {
  const height = dockHeight(72, 4, { width: 745, height: 794 }, 1);
  expect(height).toBe(142 + 76 + 8);
  expect(tileSize(72, 4, { width: 745, height }, 1)).toBe(142);
});

test("a dock is no higher than its pictures, and leaves the model its part", () => {
  expect(dockHeight(72, 1, { width: 700, height: 900 }, 1)).toBe(288 + 76 + 46);
  expect(dockHeight(72, 40, { width: 700, height: 900 }, 1)).toBeLessThanOrEqual(576);
});
