// A file that is being sent, read or built: what is done with it, how far that is, and the button that cancels it.

import styles from "./underway.module.css";

interface Props {
  /** What is done, such as "Reading trial.csv". */
  text: string;
  /** How much of it, from 0 to 1; null where that is not known. */
  share: number | null;
  cancel: () => void;
}

export function UnderWay({ text, share, cancel }: Props) {
  const percent = share === null ? null : Math.round(share * 100);
  return (
    <div className={styles.place}>
      <div className="cs-row">
        <span className="cs-spinner" />
        {/* Read aloud once for each thing that is done, not for each percent. */}
        <span className="cs-grow cs-ellipsis" role="status" title={text}>
          {text}…
        </span>
        <button type="button" className="cs-button cs-button--quiet" onClick={cancel}>
          Cancel
        </button>
      </div>
      {percent !== null && (
        <div
          className="cs-bar"
          role="progressbar"
          aria-label={text}
          aria-valuenow={percent}
          aria-valuemin={0}
          aria-valuemax={100}
        >
          <div style={{ width: `${percent}%` }} />
        </div>
      )}
    </div>
  );
}
