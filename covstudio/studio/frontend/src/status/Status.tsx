// The status line: how far the model is, and notices. It has a place of its own, so that no notice covers what it speaks of.

import { type ReactNode, useEffect, useRef, useState } from "react";
import { Button, Dialog, DialogTrigger, Popover } from "react-aria-components";
import { useConnection, useLine, useSend, useView } from "../session/hooks";
import type { Chip, NoticeLine } from "../session/messages";
import { Icon } from "../ui/Icon";
import styles from "./status.module.css";

const CLOSE = "M4 4l8 8|M12 4l-8 8";
/** So many notices stand at once; what else there is comes when one of them has gone. */
const MOST = 2;
/** Milliseconds after which good news goes by itself. */
const READ = 6000;

const LOST =
  "The server is not heard. What you see can be looked at and not changed until it is back: areas open with what was there last, and " +
  "the program can be copied. This page tries by itself, and nothing is lost.";
/** What the state of the model is while nobody can say. */
const WITHOUT: Chip = {
  level: "problem",
  text: "No connection, trying again…",
  tip: "The server is not heard. Press to try now.",
};

interface NoticeProps {
  text: string;
  level: NoticeLine["level"];
  /** Takes it away; it stands as long as its cause where nothing does. */
  dismiss?: () => void;
  /** Hears whether somebody looks at the notice. */
  hold?: (held: boolean) => void;
}

function Notice({ text, level, dismiss, hold }: NoticeProps) {
  const line = useRef<HTMLParagraphElement>(null);
  const [long, setLong] = useState(false);
  useEffect(() => {
    const found = line.current;
    if (!found) return;
    const look = () => setLong(found.scrollWidth > found.clientWidth);
    const sized = new ResizeObserver(look);
    sized.observe(found);
    return () => sized.disconnect();
  }, []);
  const urgent = level === "error" || level === "warning";
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it does nothing; it only stays while somebody looks at it
    <div
      className={styles.notice}
      data-notice={level}
      role={urgent ? "alert" : "status"}
      onPointerEnter={() => hold?.(true)}
      onPointerLeave={() => hold?.(false)}
      onFocus={() => hold?.(true)}
      onBlur={() => hold?.(false)}
    >
      <p ref={line} className={styles.text}>
        {text}
      </p>
      {long && (
        <DialogTrigger>
          <Button className={`cs-link ${styles.more}`}>more</Button>
          <Popover placement="top end" offset={8}>
            <Dialog className={styles.whole} aria-label="The whole notice">
              {text}
            </Dialog>
          </Popover>
        </DialogTrigger>
      )}
      {dismiss && (
        <button
          type="button"
          className={`cs-icon-button ${styles.dismiss}`}
          aria-label="Dismiss"
          onClick={dismiss}
        >
          <Icon path={CLOSE} size={14} />
        </button>
      )}
    </div>
  );
}

/** A notice of the session: good news goes by itself, unless somebody looks at it. */
function SessionNotice({ text, level, serial }: NoticeLine) {
  const send = useSend("status");
  const [held, setHeld] = useState(false);
  const passing = level === "ok" || level === "info";
  useEffect(() => {
    if (!passing || held) return;
    const timer = setTimeout(() => send({ type: "dismiss", serial }), READ);
    return () => clearTimeout(timer);
  }, [passing, held, serial, send]);
  const dismiss = () => send({ type: "dismiss", serial });
  return <Notice text={text} level={level} dismiss={dismiss} hold={setHeld} />;
}

export function Status() {
  const state = useView("status");
  const send = useSend("status");
  const connection = useConnection();
  const lost = useLine() === "lost";
  if (state === null) return null;
  const chip = lost ? WITHOUT : state.chip;

  const notices: ReactNode[] = [...state.notices]
    .reverse()
    .map((notice) => <SessionNotice key={notice.serial} {...notice} />);
  if (lost) notices.unshift(<Notice key="line" text={LOST} level="error" />);

  return (
    <div className={styles.status}>
      <button
        type="button"
        className={styles.chip}
        data-level={chip.level}
        title={chip.tip}
        aria-label={lost ? chip.text : `State of the model: ${chip.text}`}
        data-offline
        onClick={() => (lost ? connection.line.again() : send({ type: "chip-pressed" }))}
      >
        {chip.text}
      </button>
      <div className={styles.notices}>{notices.slice(0, MOST)}</div>
    </div>
  );
}
