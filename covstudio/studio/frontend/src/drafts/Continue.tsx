// The way back into the last work, on the page of an empty model.

import { useEffect, useState } from "react";
import type { Head } from "../session/drafts";
import { useConnection } from "../session/hooks";
import { keeperOf } from "./keeper";
import styles from "./recent.module.css";
import { when } from "./when";

/** A button for the latest work that this page has not; nothing where the browser keeps none. */
export function Continue() {
  const keeper = keeperOf(useConnection());
  const [head, setHead] = useState<Head | null>(null);
  useEffect(() => {
    let here = true;
    const found = (heads: Head[]) => here && setHead(heads.find((one) => !keeper?.isOwn(one)) ?? null);
    keeper?.all().then(found, () => {});
    return () => {
      here = false;
    };
  }, [keeper]);
  if (keeper === null || head === null) return null;
  return (
    <button
      type="button"
      className={`${styles.open} ${styles.continue} cs-focusable`}
      onClick={() => void keeper.open(head)}
    >
      <span className={styles.picture}>{head.picture && <img src={head.picture} alt="" />}</span>
      <span className={styles.words}>
        <strong>Continue: {head.title}</strong>
        <span>{when(head.saved)}</span>
      </span>
    </button>
  );
}
