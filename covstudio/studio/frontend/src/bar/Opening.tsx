// A model that is being opened, below the bar for as long as that takes.

import { useSend, useView } from "../session/hooks";
import { stopUpload } from "../session/upload";
import { UnderWay } from "../ui/UnderWay";
import styles from "./opening.module.css";

export function Opening() {
  const opening = useView("bar")?.opening ?? null;
  const send = useSend("bar");
  if (opening === null) return null;
  function cancel(id: number): void {
    stopUpload("open");
    send({ type: "stop-opening", id });
  }
  return (
    <div className={`cs-root ${styles.place}`} role="group" aria-label="Opening">
      <UnderWay text={opening.text} share={opening.share} cancel={() => cancel(opening.id)} />
    </div>
  );
}
