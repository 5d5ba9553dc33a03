import { expect, test } from "vitest";
import { arrange, type Cells, cellOf, fill, pooled } from "./raster";

const COLOURS = Uint32Array.from({ length: 256 }, (_, code) => code);

function diagonal(n: number, offset = 0): Cells {
  const codes = new Uint8Array(n * n);
  for (let i = 0; i + offset < n; i++) codes[i * n + i + offset] = 255;
  return { rows: n, cols: n, scale: "sequential", codes };
}

function painted(tile: Cells, width: number, height: number) {
  const place = arrange(tile, width, height, 4);
  const out = new Uint32Array(place.width * place.height);
  fill(out, tile, place, COLOURS);
  return { ...place, at: (x: number, y: number) => out[y * place.width + x] };
}

test.each([
  [40, 36],
  [40, 56],
  [72, 143],
  [72, 144],
  [250, 96],
  [3, 250],
])("every cell of a diagonal of %i rows on %i pixels is a square on the diagonal", (n, pixels) => {
  const { pool, cellWidth: k, width, height, x, y, at } = painted(diagonal(n), pixels, pixels);
  const blocks = Math.ceil(n / pool);
  expect(height).toBe(width);
  expect(width).toBeLessThanOrEqual(pixels);
  expect([x, y]).toEqual([(pixels - width) >> 1, (pixels - width) >> 1]);
  const sizes = new Array<number>(blocks).fill(0);
  for (let j = 0; j < height; j++)
    for (let i = 0; i < width; i++) {
      expect(at(i, j)).toBe(cellOf(i, k) === cellOf(j, k) ? 255 : 0);
      if (i === j) sizes[cellOf(i, k)]!++;
    }
  expect([Math.min(...sizes), Math.max(...sizes)]).toEqual([Math.floor(k), Math.ceil(k)]);
});

test("a picture fills its place, in whole multiples where these do", () => {
  expect(arrange({ rows: 72, cols: 72 }, 144, 144, 4).cellWidth).toBe(2);
  expect(arrange({ rows: 72, cols: 72 }, 150, 150, 4)).toMatchObject({ cellWidth: 2, width: 144, x: 3 });
  expect(arrange({ rows: 72, cols: 72 }, 143, 143, 4)).toMatchObject({ width: 143, height: 143, x: 0 });
  expect(arrange({ rows: 40, cols: 40 }, 74, 74, 4)).toMatchObject({ width: 74, height: 74 });
  expect(arrange({ rows: 4, cols: 4 }, 144, 144, 4).cellWidth).toBe(36);
  expect(arrange({ rows: 40, cols: 40 }, 36, 36, 4)).toMatchObject({ pool: 2, width: 36 });
});

test("a picture keeps the shape of its matrix, in the middle; a vector can be seen", () => {
  expect(arrange({ rows: 72, cols: 24 }, 144, 144, 4)).toMatchObject({ x: 48, y: 0, width: 48, height: 144 });
  expect(arrange({ rows: 100, cols: 1 }, 144, 144, 4)).toMatchObject({
    width: 4,
    height: 144,
    cellHeight: 1.44,
  });
  expect(arrange({ rows: 1, cols: 250 }, 100, 100, 4)).toMatchObject({ pool: 3, width: 84, height: 4 });
});

test("a block shows what is largest in it, and its sign", () => {
  const codes = Uint8Array.of(128, 128, 130, 128, 120, 128, 128, 128, 255);
  const tile: Cells = { rows: 3, cols: 3, scale: "diverging", codes };
  expect([...pooled(tile, 2)]).toEqual([120, 130, 128, 255]);
});

test("one entry among thousands is seen", () => {
  const tile = diagonal(250, 249);
  const { at, width } = painted(tile, 60, 60);
  expect(at(width - 1, 0)).toBe(255);
});
