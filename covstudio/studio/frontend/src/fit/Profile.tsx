// The fall of the log-likelihood from its maximum, with the cut-off of the interval and the Wald interval for comparison.

import type { State } from "../session/connection";
import { numeric, type Real } from "../ui/numbers";
import { digits } from "./format";
import styles from "./variances.module.css";

type Found = State<"fit">["questions"]["profiles"][number];

const CURVE = { width: 300, height: 72, top: 6, floor: 62 };

function end(value: Real, beyond: number): number {
  return numeric(value) ?? beyond;
}

export function Profile({
  profile,
  called,
  cut,
  wald,
}: {
  profile: Found;
  /** What a person calls the parameter. */
  called: string;
  cut: number;
  wald: readonly [Real, Real] | null;
}) {
  const points = profile.curve;
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length < 2) return null;
  const lower = end(profile.lower, Number.NEGATIVE_INFINITY);
  const upper = end(profile.upper, Number.POSITIVE_INFINITY);
  const margin = 0.08 * (last.value - first.value); // room for the labels under the ends
  const from = first.value - margin;
  const span = last.value + margin - from || 1;
  const deepest = Math.max(cut * 1.2, ...points.map((point) => -point.fall));
  const across = (value: number) => ((value - from) / span) * CURVE.width;
  const clamped = (value: number) => Math.min(Math.max(across(value), 0), CURVE.width);
  const down = (fall: number) => CURVE.top + (-fall / deepest) * (CURVE.floor - CURVE.top);
  const path = (list: { value: number; fall: number }[]) =>
    list
      .map(({ value, fall }, i) => `${i ? "L" : "M"}${clamped(value).toFixed(2)} ${down(fall).toFixed(2)}`)
      .join("");
  const inside = points.filter(({ value, fall }) => fall >= -cut && value >= lower && value <= upper);
  const whole = [
    { value: lower, fall: profile.open_below ? first.fall : -cut },
    ...inside,
    { value: upper, fall: profile.open_above ? last.fall : -cut },
  ];
  // The side where the curve leaves room.
  const steep = profile.estimate - lower < upper - profile.estimate ? "left" : "right";
  const ends = [
    { value: lower, open: profile.open_below },
    { value: upper, open: profile.open_above },
  ];
  return (
    <figure className={styles.profile}>
      <svg
        viewBox={`0 0 ${CURVE.width} ${CURVE.height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Profile log-likelihood of ${called}, above the 95 % cut-off from ${digits(profile.lower)} to ${digits(profile.upper)}`}
      >
        <path
          className={styles.inside}
          d={`${path(whole)}L${clamped(upper).toFixed(2)} ${CURVE.floor}L${clamped(lower).toFixed(2)} ${CURVE.floor}Z`}
        />
        <line className={styles.floor} x1={0} y1={CURVE.floor} x2={CURVE.width} y2={CURVE.floor} />
        <line className={styles.cut} x1={0} y1={down(-cut)} x2={CURVE.width} y2={down(-cut)} />
        <line
          className={styles.estimate}
          x1={across(profile.estimate)}
          y1={CURVE.top}
          x2={across(profile.estimate)}
          y2={CURVE.floor}
        />
        <path className={styles.curve} d={path(points)} />
        {wald && (
          <line
            className={styles.wald}
            x1={clamped(end(wald[0], Number.NEGATIVE_INFINITY))}
            y1={CURVE.floor + 6}
            x2={clamped(end(wald[1], Number.POSITIVE_INFINITY))}
            y2={CURVE.floor + 6}
          />
        )}
      </svg>
      <span
        className={styles.cutLabel}
        style={{ [steep]: 0, top: `${(down(-cut) - 1).toFixed(1)}px` }}
        aria-hidden="true"
      >
        95 %
      </span>
      <figcaption>
        {ends.map(({ value, open }, i) => (
          <span
            key={i ? "upper" : "lower"}
            style={{ left: `${Math.min((clamped(value) / CURVE.width) * 100, 97).toFixed(1)}%` }}
          >
            {open && Number.isFinite(value) ? `${digits(value)}, open` : digits(value)}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
