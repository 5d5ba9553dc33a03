// The residuals of a fit, against the fitted values and against normal quantiles. A point is the same row in both pictures.

import { type KeyboardEvent, type PointerEvent, useId, useMemo, useState } from "react";
import type { State } from "../session/connection";
import { plain } from "../ui/keyboard";
import { short } from "../ui/numbers";
import { useWidth } from "../ui/useWide";
import styles from "./residuals.module.css";
import { type Scale, scaled } from "./scale";
import { Section } from "./Table";

type Points = NonNullable<State<"results">["residuals"]>;

/** Pixels around the area of a picture. */
const EDGE = { left: 36, right: 8, top: 10, bottom: 34 };
const USUAL = 300;
/** A picture's height, as a share of its width. */
const SHAPE = 0.74;
/** Pixels within which a point is pointed at. */
const NEAR = 14;
/** More points than this are drawn small. */
const MANY = 200;
/** Beyond so many standard deviations a residual is told of: one of twenty is under the model. */
const FAR = 1.96;

export function Residuals({ points }: { points: Points }) {
  const [at, setAt] = useState<number | null>(null);
  const { value, total, by } = points;
  const count = value.length;
  const far = value.filter((one) => Math.abs(one) > FAR).length;
  const name = by === "studentised" ? "Studentised residuals" : "Pearson residuals";
  const range = `${short(value[0], 3)} to ${short(value.at(-1), 3)}`;
  const pictures = useMemo(() => {
    const flat = value.map((one) => ({ from: one, to: one }));
    const quantile = points.quantile;
    return [
      {
        x: points.fitted,
        across: "Fitted value",
        title: "Residuals and fitted values",
        band: null,
        line: "zero" as const,
      },
      {
        x: quantile,
        across: "Normal quantile",
        title: "Normal quantiles",
        band: flat.map((_, i) => ({ from: points.lower[i] ?? 0, to: points.upper[i] ?? 0 })),
        line: "equal" as const,
      },
    ];
  }, [points, value]);

  function onKeyDown(event: KeyboardEvent): void {
    if (!plain(event)) return;
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -count, End: count }[
      event.key
    ];
    if (event.key === "Escape") setAt(null);
    else if (by !== undefined)
      setAt((now) => Math.min(Math.max((now ?? (by > 0 ? -1 : count)) + by, 0), count - 1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <Section
      name="residuals"
      notes={[
        `${name} of the errors, conditional on the random effects.${count < total ? ` ${count.toLocaleString()} of ${total.toLocaleString()} are drawn: the ${(count / 8).toFixed(0)} at either end and an even choice of the others; the csv file has all.` : ""}`,
      ]}
    >
      <div className={styles.pictures}>
        {pictures.map((picture) => (
          <Picture
            key={picture.title}
            {...picture}
            y={value}
            name={
              picture.line === "zero"
                ? `${name} against fitted values: ${count} rows, from ${range}, ${far} beyond ±${FAR}`
                : `${name} against normal quantiles: ${count} rows, from ${range}, ${outside(points)} outside of the 95 % band`
            }
            at={at}
            point={setAt}
            onKeyDown={onKeyDown}
          />
        ))}
      </div>
      <div className={styles.said} aria-live="polite">
        {at === null
          ? "Band: where each point lies in 95 % of samples from a normal distribution."
          : `Row ${points.row[at]}: fitted ${short(points.fitted[at], 4)}, residual ${short(value[at], 3)} standard deviations`}
      </div>
    </Section>
  );
}

function outside({ value, lower, upper }: Points): number {
  return value.filter((one, i) => one < (lower[i] ?? one) || one > (upper[i] ?? one)).length;
}

interface Box {
  left: number;
  right: number;
  top: number;
  foot: number;
  width: number;
  height: number;
}

function Picture({
  x,
  y,
  across,
  name,
  band,
  line,
  at,
  point,
  onKeyDown,
}: {
  x: readonly number[];
  y: readonly number[];
  across: string;
  name: string;
  band: readonly { from: number; to: number }[] | null;
  line: "zero" | "equal";
  at: number | null;
  point: (at: number | null) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}) {
  const clip = useId();
  const [place, width] = useWidth<HTMLDivElement>(USUAL);
  const box = useMemo<Box>(() => {
    const height = Math.round(width * SHAPE);
    return {
      left: EDGE.left,
      right: width - EDGE.right,
      top: EDGE.top,
      foot: height - EDGE.bottom,
      width,
      height,
    };
  }, [width]);
  const { right, down, marks, area } = useMemo(() => {
    const right = scaled(x, box.left, box.right, width / 60);
    const reach = band === null ? y : [...y, ...x];
    const down = scaled(reach, box.foot, box.top);
    const spot = (a: number, b: number) => `${right(a).toFixed(1)} ${down(b).toFixed(1)}`;
    const marks = x.map((value, i) => `M${spot(value, y[i] ?? 0)}h0`).join("");
    const ends = band?.map(({ from, to }, i) => ({ x: x[i] ?? 0, from, to })) ?? [];
    const area =
      ends.length === 0
        ? null
        : `M${[...ends.map((one) => spot(one.x, one.to)), ...ends.reverse().map((one) => spot(one.x, one.from))].join("L")}Z`;
    return { right, down, marks, area };
  }, [x, y, band, box, width]);

  function onPointerMove(event: PointerEvent<SVGSVGElement>): void {
    const corner = event.currentTarget.getBoundingClientRect();
    const [a, b] = [event.clientX - corner.left, event.clientY - corner.top];
    let [nearest, least] = [-1, NEAR * NEAR];
    x.forEach((value, i) => {
      const distance = (right(value) - a) ** 2 + (down(y[i] ?? 0) - b) ** 2;
      if (distance < least) [nearest, least] = [i, distance];
    });
    point(nearest < 0 ? null : nearest);
  }

  const ends = [x[0] ?? 0, x.at(-1) ?? 0] as const;
  return (
    <div ref={place}>
      <svg
        className={styles.picture}
        width={box.width}
        height={box.height}
        role="img"
        aria-label={name}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys go from point to point
        tabIndex={0}
        onPointerMove={onPointerMove}
        onPointerLeave={() => point(null)}
        onKeyDown={onKeyDown}
        onBlur={() => point(null)}
      >
        <clipPath id={clip}>
          <rect x={box.left} y={box.top} width={box.right - box.left} height={box.foot - box.top} />
        </clipPath>
        <Axes box={box} right={right} down={down} across={across} />
        <g clipPath={`url(#${clip})`}>
          {area && <path className={styles.band} d={area} />}
          {line === "zero" ? (
            <line className={styles.line} x1={box.left} x2={box.right} y1={down(0)} y2={down(0)} />
          ) : (
            <line
              className={styles.line}
              x1={right(ends[0])}
              y1={down(ends[0])}
              x2={right(ends[1])}
              y2={down(ends[1])}
            />
          )}
        </g>
        <path className={styles.points} d={marks} strokeWidth={x.length > MANY ? 3 : 4.5} />
        {at !== null && <circle className={styles.here} cx={right(x[at] ?? 0)} cy={down(y[at] ?? 0)} r={5} />}
      </svg>
    </div>
  );
}

function Axes({ box, right, down, across }: { box: Box; right: Scale; down: Scale; across: string }) {
  return (
    <g className={styles.axes}>
      {right.ticks.map(({ value, text }) => (
        <g key={text}>
          <line className={styles.grid} x1={right(value)} x2={right(value)} y1={box.top} y2={box.foot} />
          <text x={right(value)} y={box.foot + 13} textAnchor="middle">
            {text}
          </text>
        </g>
      ))}
      {down.ticks.map(({ value, text }) => (
        <g key={text}>
          <line className={styles.grid} x1={box.left} x2={box.right} y1={down(value)} y2={down(value)} />
          <text x={box.left - 5} y={down(value) + 3.5} textAnchor="end">
            {text}
          </text>
        </g>
      ))}
      <text className={styles.title} x={(box.left + box.right) / 2} y={box.height - 5} textAnchor="middle">
        {across}
      </text>
      <text
        className={styles.title}
        textAnchor="middle"
        transform={`translate(10 ${(box.top + box.foot) / 2}) rotate(-90)`}
      >
        Residual
      </text>
    </g>
  );
}
