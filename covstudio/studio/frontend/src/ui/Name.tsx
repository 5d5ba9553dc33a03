// A name in the room there is: what is too long loses its middle, as names often differ at their ends. The whole is told under the
// pointer.

import styles from "./name.module.css";

/** Characters of the end that always stand. */
const TAIL = 6;

export function Name({ text, className = "" }: { text: string; className?: string }) {
  const cut = Math.max(0, text.length - TAIL);
  return (
    <span className={`${styles.name} ${className}`} title={text}>
      <span className={styles.head}>{text.slice(0, cut)}</span>
      <span className={styles.tail}>{text.slice(cut)}</span>
    </span>
  );
}
