// The pattern of a small example as an icon in the colour of the text.

import type { Pictogram as Picture } from "../session/messages";
import styles from "./palette.module.css";

const SIDE = 20;
/** Weights are drawn in so many shades. */
const SHADES = 12;
const FAINTEST = 0.12;

const round = (number: number) => Math.round(number * 1000) / 1000;

/** Cells of about one weight share a path: a page of pictures has few elements. */
function shades(cells: Picture["cells"]): [number, Picture["cells"]][] {
  const byShade = new Map<number, Picture["cells"]>();
  for (const cell of cells) {
    const shade = Math.round(cell[2] * SHADES) / SHADES || Math.sign(cell[2]) / SHADES;
    byShade.set(shade, [...(byShade.get(shade) ?? []), cell]);
  }
  return [...byShade];
}

export function Pictogram({ picture: { rows, cols, cells }, size }: { picture: Picture; size: number }) {
  const cell = SIDE / Math.max(rows, cols);
  const left = (SIDE - cell * cols) / 2;
  const top = (SIDE - cell * rows) / 2;
  const box = ([row, column]: [number, number, number]) =>
    `M${round(left + column * cell)} ${round(top + row * cell)}h${round(cell)}v${round(cell)}h${round(-cell)}z`;
  return (
    <svg
      viewBox={`0 0 ${SIDE} ${SIDE}`}
      width={size}
      height={size}
      aria-hidden="true"
      className={styles.pictogram}
    >
      <rect className={styles.ground} x={left} y={top} width={cell * cols} height={cell * rows} rx={1.5} />
      {shades(cells).map(([weight, group]) => (
        <path
          key={weight}
          className={weight < 0 ? `${styles.cell} ${styles.below}` : styles.cell}
          d={group.map(box).join("")}
          fillOpacity={Math.max(Math.abs(weight), FAINTEST)}
        />
      ))}
    </svg>
  );
}
