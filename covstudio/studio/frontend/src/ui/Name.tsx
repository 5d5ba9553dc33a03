// A name in the room there is: what is too long loses its middle, as names often differ at their ends, or its end, where that is a
// long word: half of one says less than its beginning. The whole is told under the pointer.

import styles from "./name.module.css";

/** The most characters of the end that always stand. */
const TAIL = 6;

/** Where the end of a name begins that always stands: its last word, if that is short; of a single word its last letters. */
export function tailOf(text: string): number {
  const word = text.lastIndexOf(" ") + 1;
  if (word === 0) return Math.max(0, text.length - TAIL);
  return text.length - word <= TAIL ? word : text.length;
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
