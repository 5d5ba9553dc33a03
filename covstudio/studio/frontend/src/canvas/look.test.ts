import { expect, test } from "vitest";
import { dotted, fitted, MARGIN, mapped, revealing } from "./look";

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

test.each([0.02, 0.1, 0.3, 0.69, 0.7, 1, 2])(
  "the dots of the ground stay with the model at zoom %d, and cover the canvas",
  (zoom) => {
    const at = dotted([1234.5, -777, zoom]);
    const step = 14 * at.zoom;
    expect(at.zoom).toBeGreaterThanOrEqual(1);
    expect(at.zoom).toBeLessThan(2);
    for (const [offset, along] of [
      [1234.5, at.x],
      [-777, at.y],
    ] as const) {
      expect(along).toBeGreaterThan(-step);
      expect(along).toBeLessThanOrEqual(0);
      expect((offset - along) / step).toBeCloseTo(Math.round((offset - along) / step), 6);
    }
  },
);

test("the map shows the whole model and what is in sight, undistorted", () => {
  const size = { width: 124, height: 82 };
  const sight = { x: -500, y: 0, width: 400, height: 300 };
  const map = mapped([box(0, 0), box(3000, 900)], sight, size);
  expect(map.width / map.height).toBeCloseTo(size.width / size.height);
  expect(map.x).toBeLessThan(-500);
  expect(map.x + map.width).toBeGreaterThan(3208);
  expect(map.y).toBeLessThan(0);
  expect(map.y + map.height).toBeGreaterThan(1032);
});
