// From the codes of a tile to pixels. A picture may not lie: every cell is as many pixels wide and high as every other, and where
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
  /** Pixels of one of them. */
  cellWidth: number;
  cellHeight: number;
  /** The picture, in the middle of the canvas. */
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Arrangement a tile of cells into a canvas, in whole multiples; a vector is at least `thick` pixels thick. */
export function arrange(
  tile: { rows: number; cols: number },
  width: number,
  height: number,
  thick: number,
): Arrangement {
  const pool = Math.max(1, Math.ceil(tile.rows / height), Math.ceil(tile.cols / width));
  const rows = Math.ceil(tile.rows / pool);
  const cols = Math.ceil(tile.cols / pool);
  const across = Math.floor(width / cols);
  const down = Math.floor(height / rows);
  const side = Math.min(across, down);
  const cellWidth = Math.max(side, Math.min(across, Math.ceil(thick / cols)));
  const cellHeight = Math.max(side, Math.min(down, Math.ceil(thick / rows)));
  const drawn = { width: cols * cellWidth, height: rows * cellHeight };
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
  const { width, cellWidth, cellHeight } = box;
  const codes = pool > 1 ? pooled(tile, pool) : tile.codes;
  for (let row = 0, at = 0, source = 0; row < rows; row++) {
    const line = at;
    for (let col = 0; col < cols; col++) {
      const colour = colours[codes[source++]!]!;
      for (let i = 0; i < cellWidth; i++) out[at++] = colour;
    }
    for (let j = 1; j < cellHeight; j++, at += width) out.copyWithin(at, line, line + width);
  }
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
