// How large the pictures of the dock are.

/** Pixels around a picture: what stands below it, beside it, and above all of them where they stand in several rows. */
const BELOW = 76;
const BESIDE = 16;
const ABOVE = 46;
/** Pixels at the ends of a row, and above and below it. */
const ENDS = 28;
const PAD = 8;
/** Pixels of the choice of what derivatives are taken by, in a row of pictures. */
const CHOICE = 84;
/** What pictures in a row are wide at least where all of them are in sight. */
const COMFORT = 96;
/** What a name has in a row that scrolls, however low the dock makes the pictures. */
const NAME = 124;
/** The least and the most that a picture is wide. */
const LEAST = 92;
const MOST = 320;
/** From this height on, in pixels, pictures stand in several rows. */
export const TALL = 330;

/** The side of a picture of so many rows and columns in a place: whole multiples, where these fill most of it. */
export function snug(rows: number, room: number, ratio: number): number {
  const pixels = Math.floor(room * ratio);
  const cells = Math.ceil(rows / Math.max(1, Math.ceil(rows / pixels)));
  const whole = cells * Math.floor(pixels / cells);
  return (whole >= 0.8 * pixels ? whole : pixels) / ratio;
}

/** The side of so many pictures of which all stand in one row, beside the choice. */
const allInARow = (count: number, width: number): number =>
  Math.floor((width - ENDS - CHOICE) / count) - BESIDE;

/** What a picture of this side is wide in a row of so many, with its name. */
export function tileWidth(side: number, count: number, width: number): number {
  return side <= allInARow(count, width) ? side : Math.max(side, NAME);
}

/** The share of a strip that the dock below its model takes at most. */
const SHARE = 0.64;

/** The height that a dock of so many pictures needs in a strip, so that the model above it has the rest. */
export function dockHeight(
  rows: number,
  count: number,
  strip: { width: number; height: number },
  ratio: number,
): number {
  const row = allInARow(count, strip.width);
  if (row >= COMFORT && row + BELOW + PAD < TALL) return row + BELOW + PAD;
  const most = Math.floor(SHARE * strip.height);
  const side = tileSize(rows, count, { width: strip.width, height: most }, ratio);
  const columns = Math.max(1, Math.floor((strip.width - ENDS) / (side + BESIDE)));
  return Math.min(most, Math.max(TALL, Math.ceil(count / columns) * (side + BELOW) + ABOVE));
}

/** The side of each of so many pictures in a dock, all of them in sight if they can be. */
export function tileSize(
  rows: number,
  count: number,
  dock: { width: number; height: number },
  ratio: number,
): number {
  const { width, height } = dock;
  if (height < TALL) {
    const all = allInARow(count, width);
    const most = Math.min(Math.max(40, height - BELOW - PAD), MOST);
    return snug(rows, all < COMFORT ? most : Math.min(most, all), ratio);
  }
  const across = (columns: number) => Math.floor((width - ENDS) / columns) - BESIDE;
  const ways = Array.from({ length: count }, (_, i) => {
    const lines = Math.ceil(count / (i + 1));
    return Math.min(across(i + 1), Math.floor((height - ABOVE) / lines) - BELOW);
  });
  const largest = Math.min(MOST, Math.max(...ways));
  if (largest >= LEAST) return snug(rows, largest, ratio);
  const columns = Math.max(1, Math.floor((width - ENDS) / (LEAST + BESIDE)));
  return snug(rows, Math.min(MOST, across(columns)), ratio);
}
