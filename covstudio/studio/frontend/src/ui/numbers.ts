// Numbers for reading. They travel as JSON; infinities and NaN as the texts "inf", "-inf" and "nan".

export type Real = number | string | null | undefined;

/** The number that was sent; null for NaN and for nothing. */
export function numeric(value: Real): number | null {
  if (value === "inf") return Number.POSITIVE_INFINITY;
  if (value === "-inf") return Number.NEGATIVE_INFINITY;
  if (value === "nan" || value === undefined || value === null) return null;
  return Number(value);
}

function written(value: Real, text: (number: number) => string): string {
  const number = numeric(value);
  if (number === null || Number.isNaN(number)) return "–";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "−∞";
  return text(number).replace("-", "−");
}

/** At most `digits` significant digits, no exponent where avoidable, a true minus sign. */
export function short(value: Real, digits = 4): string {
  return written(value, (number) => {
    if (number === 0) return "0";
    const size = Math.abs(number);
    return size >= 1e6 || size < 1e-4
      ? number.toExponential(Math.max(digits - 2, 1))
      : String(Number(number.toPrecision(digits)));
  });
}

/** What a search or a slider leaves of 0 is smaller than this. */
const NOTHING = 1e-12;

/** A number to be read beside others: what is left of 0 where the range ends there says so. */
export function read(value: Real, digits = 4): string {
  const size = Math.abs(numeric(value) ?? 0);
  return size > 0 && size < NOTHING ? "≈ 0" : short(value, digits);
}

/** A fixed number of decimals, for columns that line up. */
export function fixed(value: Real, decimals = 6): string {
  return written(value, (number) => number.toFixed(decimals));
}
