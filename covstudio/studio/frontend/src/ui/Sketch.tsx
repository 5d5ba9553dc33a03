// Two small pictures of what there will be: a matrix, and one parameter's part of it.

import styles from "./vacant.module.css";

export function Sketch() {
  return (
    <div className={styles.sketch}>
      <Cells strength={(block, diagonal) => (diagonal ? 0.9 : block ? 0.45 : 0.12)} />
      <Cells strength={(block) => (block ? 0.45 : 0)} />
    </div>
  );
}

function Cells({ strength }: { strength: (block: boolean, diagonal: boolean) => number }) {
  const cells = Array.from({ length: 36 }, (_, at) => [Math.floor(at / 6), at % 6] as const);
  return (
    <svg viewBox="0 0 50 50" width={50} height={50} aria-hidden="true">
      {cells.map(([i, j]) => {
        const opacity = strength(Math.floor(i / 2) === Math.floor(j / 2), i === j);
        const place = { x: 1 + 8 * j, y: 1 + 8 * i, width: 7, height: 7, rx: 1 };
        return opacity ? <rect key={`${i} ${j}`} {...place} opacity={opacity} fill="currentColor" /> : null;
      })}
    </svg>
  );
}
