// An area with nothing in it yet: what it is for, and the way to it.

import { useStage } from "../session/hooks";
import { Sketch } from "./Sketch";
import styles from "./vacant.module.css";

interface Props {
  title: string;
  text: string;
  /** Areas that lead on: the name of a tab, and what the button says. */
  ways: readonly { tab: string; text: string }[];
}

export function Vacant({ title, text, ways }: Props) {
  const stage = useStage();
  return (
    <div className={styles.vacant}>
      <Sketch />
      <h2>{title}</h2>
      <p role="status">{text}</p>
      <div className={styles.acts}>
        {ways.map((way) => (
          <button
            key={way.tab}
            type="button"
            className="cs-button"
            onClick={() => stage.ask("open", way.tab)}
          >
            {way.text}
          </button>
        ))}
      </div>
    </div>
  );
}
