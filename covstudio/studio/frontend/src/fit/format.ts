// Numbers of a fit, to as many digits as they are worth.

import { fixed, numeric, type Real, short } from "../ui/numbers";

/** As many decimals as show three digits of the standard error; null where there is none. */
export function decimalsFor(error: Real): number | null {
  const size = Math.abs(numeric(error) ?? 0);
  if (!(size > 0) || !Number.isFinite(size)) return null;
  return Math.min(Math.max(2 - Math.floor(Math.log10(size)), 0), 8);
}

/** A number to that many decimals; where there are none, or it is too long so, to a few digits. */
export function rounded(number: Real, decimals: number | null): string {
  const value = numeric(number);
  if (value === null || decimals === null || Math.abs(value) >= 1e6) return short(number, 4);
  return fixed(value, decimals);
}

/** Three significant digits, trailing zeros kept, so that columns look alike. */
export function digits(number: Real): string {
  const value = numeric(number);
  const size = Math.abs(value ?? 0);
  if (value === null || !Number.isFinite(size) || size >= 1e5 || size < 1e-4) return short(number, 3);
  return (size >= 100 ? value.toFixed(0) : value.toPrecision(3)).replace("-", "−");
}

/** Both ends of an interval as one text; null where there is none. */
export function interval(lower: Real, upper: Real, text: (end: Real) => string = digits): string | null {
  if (numeric(lower) === null || numeric(upper) === null) return null;
  return `${text(lower)} to ${text(upper)}`;
}

/** Degrees of freedom: whole where they are, else to one decimal. */
export function degrees(number: Real): string {
  const value = numeric(number);
  if (value === null || !Number.isFinite(value) || value >= 1e4) return short(number, 3);
  return Number.isInteger(value) ? String(value) : fixed(value, 1);
}

export function probability(number: Real): string {
  const value = numeric(number);
  return value !== null && value < 0.001 ? "< 0.001" : fixed(number, 3);
}

/** A point is half as wide as a digit. */
const POINT = 0.5;

/** What each number of a column lacks behind its last digit so that the points stand below each other, in widths of a digit. */
export function padding(texts: readonly string[]): number[] {
  const decimals = texts.map((text) => (/^−?\d+\.\d+$/.test(text) ? text.length - text.indexOf(".") - 1 : 0));
  const most = Math.max(0, ...decimals);
  return decimals.map((count, i) =>
    most === 0 || !/^−?[\d.]+$/.test(texts[i] ?? "") ? 0 : most - count + (count === 0 ? POINT : 0),
  );
}

/** A name cut into parts after which the next line may begin. */
export function breaks(name: string): string[] {
  return name.split(/(?<=[:/⋈])/);
}
