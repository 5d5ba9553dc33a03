import { expect, test } from "vitest";
import { fitted, MARGIN, revealing } from "./look";

const box = (x: number, y: number) => ({ x, y, width: 208, height: 132 });

test("a small model stands in the middle and is never enlarged", () => {
  const view = fitted([box(300, 0), box(864, 100)], { width: 2000, height: 1200 });
  expect(view).toEqual({ x: (2000 - 772) / 2 - 300, y: MARGIN + (1200 - 52 - MARGIN - 232) / 2, zoom: 1 });
});

test("a large model is made smaller until all of it is seen", () => {
  const size = { width: 300, height: 200 };
  const { x, y, zoom } = fitted([box(300, 0), box(864, 100)], size);
  expect(zoom).toBeLessThan(0.5);
  expect(300 * zoom + x).toBeGreaterThan(0);
  expect((864 + 208) * zoom + x).toBeLessThan(size.width);
  expect(232 * zoom + y).toBeLessThan(size.height);
});

test("V alone stands on the right", () => {
  const { x } = fitted([box(0, 0)], { width: 1000, height: 600 });
  expect(x).toBeGreaterThan(500);
});

test("what is outside is brought into view, and nothing moves when all is seen", () => {
  const view = { x: 0, y: 0, zoom: 1 };
  const size = { width: 1200, height: 500 };
  expect(revealing([box(300, 100)], size, view)).toEqual(view);
  expect(revealing([box(300, 900)], size, view)).toEqual({ ...view, y: 500 - MARGIN - 1032 });
  expect(revealing([box(0, 0), box(0, 900)], size, view)).toBeNull();
});

test("where there is no room beside the first page V stands below it", () => {
  const { x, y } = fitted([box(0, 0)], { width: 494, height: 500 });
  expect(y).toBe(500 - 132 - 24);
  expect(x + 208).toBeLessThan(494);
});
