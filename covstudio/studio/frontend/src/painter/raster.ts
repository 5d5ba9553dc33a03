// From the codes of a tile to pixels. A picture may not lie: every cell is as wide and high as every other, to within a pixel where
// whole multiples would leave much of the place empty, and rows are cut as columns are, so that a diagonal stays straight. Where
// there are more cells than pixels, blocks of as many rows as columns are one cell, each shown by its entry of largest magnitude.

export interface Cells {
  rows: number;
  cols: number;
  scale: "sequential" | "diverging";
  codes: Uint8Array;
}

/** How a tile lies on a canvas, in pixels of the screen. */
export interface Arrangement {
  /** Cells of the tile, in each direction, that are drawn as one. */
  pool: number;
  /** Rows and columns that are drawn. */
  rows: number;
  cols: number;
  /** Pixels of one of them, on average: the edges between them are the multiples of this, rounded. */
  cellWidth: number;
  cellHeight: number;
  /** The picture, in the middle of the canvas. */
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The share of its place that a picture in whole multiples fills at least. */
const FULL = 0.8;

/** Lay a tile of cells out on a canvas; a vector is at least `thick` pixels thick. */
export function arrange(
  tile: { rows: number; cols: number },
  width: number,
  height: number,
  thick: number,
): Arrangement {
  const pool = Math.max(1, Math.ceil(tile.rows / height), Math.ceil(tile.cols / width));
  const rows = Math.ceil(tile.rows / pool);
  const cols = Math.ceil(tile.cols / pool);
  const room = Math.min(width / cols, height / rows);
  const whole = Math.floor(room);
  const side = whole < FULL * room ? room : whole;
  const cellWidth = Math.max(side, Math.min(Math.floor(width / cols), Math.ceil(thick / cols)));
  const cellHeight = Math.max(side, Math.min(Math.floor(height / rows), Math.ceil(thick / rows)));
  const drawn = { width: Math.round(cols * cellWidth), height: Math.round(rows * cellHeight) };
  const place = { x: (width - drawn.width) >> 1, y: (height - drawn.height) >> 1 };
  return { pool, rows, cols, cellWidth, cellHeight, ...place, ...drawn };
}

/** The code of zero. */
export function zeroOf(scale: Cells["scale"]): number {
  return scale === "diverging" ? 128 : 0;
}

/** Paint the codes of a tile into the pixels of its picture. */
export function fill(
  out: Uint32Array,
  tile: Cells,
  { pool, rows, cols, ...box }: Arrangement,
  colours: Uint32Array,
): void {
  const { width } = box;
  const right = edges(cols, box.cellWidth);
  const below = edges(rows, box.cellHeight);
  const codes = pool > 1 ? pooled(tile, pool) : tile.codes;
  for (let row = 0, y = 0, source = 0; row < rows; row++) {
    const line = y * width;
    for (let col = 0, x = 0; col < cols; col++) {
      const colour = colours[codes[source++]!]!;
      for (; x < right[col]!; x++) out[line + x] = colour;
    }
    for (y++; y < below[row]!; y++) out.copyWithin(y * width, line, line + width);
  }
}

/** The pixel at which a cell begins. */
const edge = (cell: number, size: number) => Math.round(cell * size);

/** Where each of so many cells ends. */
function edges(count: number, size: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, cell) => edge(cell + 1, size));
}

/** The cell of a place, in pixels from the picture's edge. */
export function cellOf(place: number, size: number): number {
  const near = Math.floor(place / size); // or the next one: edges are rounded
  if (place < edge(near, size)) return near - 1;
  return place < edge(near + 1, size) ? near : near + 1;
}

/** Blocks of `size` rows and columns, each by its code of largest magnitude, as on the server. */
export function pooled({ rows, cols, scale, codes }: Cells, size: number): Uint8Array {
  const zero = zeroOf(scale);
  const width = Math.ceil(cols / size);
  const out = new Uint8Array(width * Math.ceil(rows / size)).fill(zero);
  for (let row = 0, source = 0; row < rows; row++) {
    const line = Math.floor(row / size) * width;
    for (let left = 0, at = line; left < cols; left += size, at++) {
      const end = Math.min(size, cols - left);
      for (let i = 0; i < end; i++) {
        const code = codes[source++]!;
        if (Math.abs(code - zero) > Math.abs(out[at]! - zero)) out[at] = code;
      }
    }
  }
  return out;
}

/** 256 colours from hexadecimal RGBA, in the byte order of ImageData seen as 32-bit words. */
export function unpack(text: string): Uint32Array {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return new Uint32Array(bytes.buffer);
}
