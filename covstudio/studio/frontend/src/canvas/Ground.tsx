// The dots of the ground. They are moved with the view, not painted anew: as many of them are on the screen at any zoom.

import { useStore } from "@xyflow/react";
import styles from "./ground.module.css";
import { dotted } from "./look";

export function Ground() {
  const transform = useStore((store) => store.transform);
  const { x, y, zoom } = dotted(transform);
  return (
    <div
      className={styles.ground}
      data-moves
      style={{ transform: `translate(${x}px, ${y}px) scale(${zoom})` }}
    />
  );
}
