// What a finger carries from the palette, under the finger.

import { type RefObject, useState } from "react";
import { useAnswer } from "../session/hooks";
import type { Carried as Load } from "../session/stage";
import styles from "./carried.module.css";

/** `page` is the element that it is carried over. */
export function Carried({ page }: { page: RefObject<HTMLElement | null> }) {
  const [load, setLoad] = useState<Load | null>(null);
  useAnswer("carry", (now) => setLoad(now.stage === "moving" ? now : null));
  const box = page.current?.getBoundingClientRect();
  if (load === null || box === undefined) return null;
  return (
    <div
      className={styles.carried}
      style={{ left: load.x - box.left, top: load.y - box.top }}
      aria-hidden="true"
      data-carried
    >
      {load.title}
    </div>
  );
}
