// Where a table may come from: a file, or what comes with the studio.

import { type DragEvent, useState } from "react";
import type { State } from "../session/connection";
import { useSend } from "../session/hooks";
import { stopUpload, tooLarge, upload } from "../session/upload";
import { Icon } from "../ui/Icon";
import { UnderWay } from "../ui/UnderWay";
import styles from "./sources.module.css";

const UPLOAD = "M8 10.5v-8|M4.8 5.5 8 2.3l3.2 3.2|M2.5 10.5v3h11v-3";

/** Takes a file as a table: what is too large is refused before it is sent. */
export function useTake(): (file: File | undefined, limit: number) => void {
  const send = useSend("data");
  return (file, limit) => {
    if (file === undefined) return;
    const refuse = (text: string) => send({ type: "refuse-file", text });
    const trouble = tooLarge(file, limit, "taken. Keep the columns the model needs, or fewer rows.");
    if (trouble !== null) refuse(trouble);
    else void upload({ purpose: "table", file, send, refuse });
  };
}

export function Sources({ state }: { state: State<"data"> }) {
  const send = useSend("data");
  const take = useTake();
  const { busy, progress, limit } = state;
  function cancel(): void {
    stopUpload("table");
    stopUpload("relation");
    send({ type: "stop-reading" });
  }
  return (
    <div className={styles.sources}>
      <Drop suffixes={state.suffixes} take={(file) => take(file, limit)} />
      {busy !== null && (
        <div className={styles.busy}>
          <UnderWay text={busy} share={progress} cancel={cancel} />
        </div>
      )}
      <div className={styles.examples}>
        <div className={`cs-label ${styles.or}`}>Or a built-in example</div>
        {state.examples.map(({ name, title, description, source, licence }) => (
          <button
            key={name}
            type="button"
            className={styles.example}
            onClick={() => send({ type: "propose-example", name })}
          >
            <b>{title}</b>
            <span>{description}</span>
            <span>
              {source} · {licence}
            </span>
          </button>
        ))}
      </div>
    </div>
  );
}

function Drop({ suffixes, take }: { suffixes: string[]; take: (file: File | undefined) => void }) {
  const [over, setOver] = useState(false);
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files[0]);
  };
  return (
    <label
      className={styles.drop}
      data-drop
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      <Icon path={UPLOAD} size={20} />
      <div>
        <b>Upload a csv file</b> or a workbook, or drop it here
        <br />
        <small>One row per observation, names of columns in the first line</small>
      </div>
      <input
        type="file"
        className="cs-hidden-text"
        accept={suffixes.join()}
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = "";
          take(file);
        }}
      />
    </label>
  );
}
