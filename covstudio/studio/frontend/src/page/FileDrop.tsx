// A file that is dropped anywhere on the page opens; without this the browser would show it in place of the page.

import { type RefObject, useEffect, useState } from "react";
import { useStage } from "../session/hooks";
import styles from "./filedrop.module.css";

/** A saved model by its name; every other file is taken for a table. */
const MODEL = /\.json$/i;

/** `page` is the element that files can be dropped on. */
export function FileDrop({ page }: { page: RefObject<HTMLElement | null> }) {
  const stage = useStage();
  const [over, setOver] = useState(false);

  useEffect(() => {
    // What opens over the page, such as a menu, is beside it.
    const ground = page.current?.parentElement;
    if (!ground) return;
    const ends = new AbortController();
    const { signal } = ends;
    const hear = (kind: "dragenter" | "dragover" | "dragleave" | "drop", act: (event: DragEvent) => void) =>
      ground.addEventListener(kind, (event) => event.dataTransfer?.types.includes("Files") && act(event), {
        signal,
      });
    hear("dragenter", () => setOver(true));
    hear("dragover", (event) => {
      event.preventDefault();
      if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
    });
    hear("dragleave", (event) => {
      if (!(event.relatedTarget instanceof Node && ground.contains(event.relatedTarget))) setOver(false);
    });
    hear("drop", (event) => {
      setOver(false);
      if (event.defaultPrevented) return; // somebody under the pointer has taken it
      event.preventDefault();
      const files = [...(event.dataTransfer?.files ?? [])];
      const model = files.find((file) => MODEL.test(file.name));
      const table = files.find((file) => !MODEL.test(file.name));
      if (model) stage.ask("model", model);
      if (table) {
        stage.ask("open", "data");
        stage.ask("table", table);
      }
    });
    return () => ends.abort();
  }, [page, stage]);

  if (!over) return null;
  return (
    <div className={styles.drop} data-file-drop>
      <div>
        <b>Drop to open</b>
        <span>a table, such as a csv or xlsx file, or a saved model</span>
      </div>
    </div>
  );
}
