// What the colours of a picture stand for: the lowest value of the scale, zero, and the highest.

import { usePictureScale } from "../painter/register";
import { short } from "../ui/numbers";
import styles from "./slices.module.css";

export function Scale({ tile }: { tile: string }) {
  const scale = usePictureScale(tile);
  if (scale === null) return <div className={styles.scale} />;
  const highest = short(scale.limit, 3);
  const numbers = scale.kind === "diverging" ? [`−${highest}`, "0", highest] : ["0", highest];
  return (
    <div className={styles.scale} data-scale={tile}>
      <span className={styles.ramp} style={{ background: scale.gradient }} />
      <span className={styles.ends}>
        {numbers.map((number) => (
          <span key={number}>{number}</span>
        ))}
      </span>
    </div>
  );
}
