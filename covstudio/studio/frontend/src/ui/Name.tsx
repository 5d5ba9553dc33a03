// A name in the room there is: what is too long loses its middle, as names often differ at their ends. The whole is told under the
// pointer.

import styles from "./name.module.css";

/** Characters of the end that always stand, or those of the last word, if that is shorter. */
const TAIL = 6;

/** Where the end of a name begins. */
export function tailOf(text: string): number {
  const word = text.lastIndexOf(" ");
  return Math.max(word > 0 ? word + 1 : 0, text.length - TAIL);
}

export function Name({ text, className = "" }: { text: string; className?: string }) {
  const cut = tailOf(text);
  return (
    <span className={`${styles.name} ${className}`} title={text}>
      <span className={styles.head}>{text.slice(0, cut)}</span>
      <span className={styles.tail}>{text.slice(cut)}</span>
    </span>
  );
}
