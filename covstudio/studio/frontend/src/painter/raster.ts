// From the codes of a tile to pixels.

export interface Cells {
  rows: number;
  cols: number;
  scale: "sequential" | "diverging";
  codes: Uint8Array;
}

interface Span {
  /** Index of the source cell under each target pixel, the next one, and that one's share of the pixel (0..256). */
  first: Uint16Array;
  next: Uint16Array;
  share: Uint16Array;
}

/** Pixels per cell from which edges are not blended: a pixel more or less is not seen. */
const COARSE = 4;

const spans = new Map<number, Span>();

function span(cells: number, pixels: number): Span {
  const name = cells * 100003 + pixels;
  const found = spans.get(name);
  if (found) return found;
  if (spans.size > 400) spans.clear();
  const made: Span = {
    first: new Uint16Array(pixels),
    next: new Uint16Array(pixels),
    share: new Uint16Array(pixels),
  };
  for (let p = 0; p < pixels; p++) {
    const from = (p * cells) / pixels;
    const to = ((p + 1) * cells) / pixels;
    const blended = pixels < COARSE * cells;
    const middle = blended ? from : (from + to) / 2;
    const a = Math.min(cells - 1, Math.floor(middle + 1e-9));
    const b = Math.min(cells - 1, Math.ceil(to - 1e-9) - 1);
    made.first[p] = a;
    made.next[p] = Math.max(a, b);
    made.share[p] = b > a && blended ? Math.round((256 * (to - Math.max(b, from))) / (to - from)) : 0;
  }
  spans.set(name, made);
  return made;
}

/** Paint the codes of a tile into an image: exact cells, edges blended, nothing smeared. */
export function fill(image: ImageData, tile: Cells, colours: Uint32Array): void {
  const { width, height } = image;
  const { rows, cols, codes } = tile;
  const out = new Uint32Array(image.data.buffer);
  if (rows > height || cols > width) {
    fillSmall(out, width, height, tile, colours);
    return;
  }
  const x = span(cols, width);
  const y = span(rows, height);
  for (let j = 0, at = 0; j < height; j++) {
    const blend = y.share[j]!;
    const top = y.first[j]! * cols;
    if (j > 0 && !blend && !y.share[j - 1] && y.first[j - 1] === y.first[j]) {
      out.copyWithin(at, at - width, at); // the same cells as the line above
      at += width;
      continue;
    }
    const low = y.next[j]! * cols;
    for (let i = 0; i < width; i++) {
      const a = x.first[i]!;
      const w = x.share[i]!;
      let code = codes[top + a]!;
      if (w) code += ((codes[top + x.next[i]!]! - code) * w) >> 8;
      if (blend) {
        let under = codes[low + a]!;
        if (w) under += ((codes[low + x.next[i]!]! - under) * w) >> 8;
        code += ((under - code) * blend) >> 8;
      }
      out[at++] = colours[code]!;
    }
  }
}

/** More cells than pixels: the entry of largest magnitude stands for its block, as on the server. */
function fillSmall(out: Uint32Array, width: number, height: number, tile: Cells, colours: Uint32Array): void {
  const { rows, cols, codes } = tile;
  const zero = tile.scale === "diverging" ? 128 : 0;
  for (let j = 0, at = 0; j < height; j++) {
    const top = Math.floor((j * rows) / height);
    const bottom = Math.max(top + 1, Math.floor(((j + 1) * rows) / height));
    for (let i = 0; i < width; i++) {
      const left = Math.floor((i * cols) / width);
      const right = Math.max(left + 1, Math.floor(((i + 1) * cols) / width));
      let code = zero;
      let size = -1;
      for (let r = top; r < bottom; r++)
        for (let c = left; c < right; c++) {
          const here = codes[r * cols + c]!;
          const magnitude = Math.abs(here - zero);
          if (magnitude > size) [size, code] = [magnitude, here];
        }
      out[at++] = colours[code]!;
    }
  }
}

/** 256 colours from hexadecimal RGBA, in the byte order of ImageData seen as 32-bit words. */
export function unpack(text: string): Uint32Array {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return new Uint32Array(bytes.buffer);
}
