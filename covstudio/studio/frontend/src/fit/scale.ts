// Axes: a range of numbers on a length of pixels, and round numbers on it.

export interface Scale {
  (value: number): number;
  ticks: { value: number; text: string }[];
}

/** A distance between round numbers, so that about `count` of them stand on a range. */
function step(span: number, count: number): number {
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const share = rough / power;
  return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

/** From the least to the largest of some numbers, with a little room, on pixels `from` to `to`. */
export function scaled(values: readonly number[], from: number, to: number, count = 5): Scale {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(low <= high)) [low, high] = [0, 1];
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  low -= room;
  high += room;
  const place = (value: number) => from + ((value - low) / (high - low)) * (to - from);
  const between = step(high - low, count);
  const decimals = Math.max(0, -Math.floor(Math.log10(between) + 1e-9));
  const first = Math.ceil(low / between);
  const ticks = Array.from({ length: Math.floor(high / between) - first + 1 }, (_, i) => {
    const value = (first + i) * between;
    return {
      value,
      text: (decimals > 6 ? value.toPrecision(3) : value.toFixed(decimals))
        .replace(/^-(?=.*[1-9])/, "−")
        .replace(/^-/, ""),
    };
  });
  return Object.assign(place, { ticks });
}
