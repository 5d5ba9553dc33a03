// The drafts that this browser keeps: to go on with one, or to forget them.

import { useEffect, useRef, useState } from "react";
import { Button, Dialog, DialogTrigger, Heading, Modal, ModalOverlay } from "react-aria-components";
import type { Head } from "../session/drafts";
import { useConnection } from "../session/hooks";
import { Icon } from "../ui/Icon";
import { type Keeper, keeperOf } from "./keeper";
import styles from "./recent.module.css";
import { when } from "./when";

const CLOCK = "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8z|M8 4.6v3.7l2.4 1.5";
const CLOSE = "M4 4l8 8|M12 4l-8 8";

/** The button that lists them, in the look of its neighbours; nothing in a notebook, whose kernel keeps the work. */
export function Recent({ look: { button, text } }: { look: { button: string; text: string } }) {
  const keeper = keeperOf(useConnection());
  const [heads, setHeads] = useState<Head[] | null>(null);
  if (keeper === null) return null;
  const look = () => void keeper.all().then(setHeads, () => setHeads([]));
  return (
    <DialogTrigger onOpenChange={(open) => (open ? look() : setHeads(null))}>
      <Button className={button} aria-label="Recent" data-tip="Recent work: go on where you left off">
        <Icon path={CLOCK} />
        <span className={text}>Recent</span>
      </Button>
      <ModalOverlay isDismissable className={styles.ground}>
        <Modal className={styles.modal}>
          <Dialog className={`cs-root ${styles.dialog}`} aria-label="Recent work">
            {({ close }) => <Drafts keeper={keeper} heads={heads} look={look} close={close} />}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}

interface Props {
  keeper: Keeper;
  heads: Head[] | null;
  look: () => void;
  close: () => void;
}

function Drafts({ keeper, heads, look, close }: Props) {
  const [sure, setSure] = useState<boolean | null>(null); // null before anybody was asked
  const answer = useRef<HTMLButtonElement>(null);
  const end = useRef<HTMLButtonElement>(null);
  // Each press takes its button away; the keyboard goes to what stands there now, so that Escape is heard.
  useEffect(() => {
    if (sure !== null) (answer.current ?? end.current)?.focus();
  }, [sure]);
  const none = heads?.length === 0;
  function open(head: Head): void {
    close();
    if (!keeper.isOwn(head)) void keeper.open(head);
  }
  return (
    <>
      <div className="cs-row">
        <Heading slot="title" level={2} className="cs-grow">
          Recent work
        </Heading>
        <button ref={end} type="button" className="cs-icon-button" aria-label="Close" onClick={close}>
          <Icon path={CLOSE} />
        </button>
      </div>
      <p className={styles.about}>
        This browser keeps the last ten, with their tables, undo and fits. The server has one only while a
        page works on it.
      </p>
      {none && <p className={styles.about}>There is nothing yet.</p>}
      <ul className={styles.list}>
        {heads?.map((head) => (
          <li key={head.id} className={styles.item}>
            <button
              type="button"
              className={`${styles.open} cs-focusable`}
              aria-label={`${head.title}, ${when(head.saved)}`}
              aria-current={keeper.isOwn(head) || undefined}
              onClick={() => open(head)}
            >
              <span className={styles.picture}>{head.picture && <img src={head.picture} alt="" />}</span>
              <span className={styles.words}>
                <strong>{head.title}</strong>
                <span>
                  {when(head.saved)}
                  {keeper.isOwn(head) && ", on this page"}
                </span>
                {keeper.trouble(head) && <span>{keeper.trouble(head)}</span>}
              </span>
            </button>
            {keeper.trouble(head) && (
              <button
                type="button"
                className="cs-button cs-button--small"
                aria-label={`Save the model of ${head.title}, ${when(head.saved)}, as a file`}
                onClick={() => void keeper.saveModel(head)}
              >
                Save as a file
              </button>
            )}
            <button
              type="button"
              className="cs-icon-button"
              aria-label={`Forget ${head.title}, ${when(head.saved)}`}
              onClick={() => {
                end.current?.focus();
                void keeper.remove(head).then(look);
              }}
            >
              <Icon path={CLOSE} size={14} />
            </button>
          </li>
        ))}
      </ul>
      {heads !== null && !none && (
        <div className={styles.foot}>
          {sure ? (
            <>
              <span className="cs-grow">All drafts of all tabs go for good. Saved files stay.</span>
              <button ref={answer} type="button" className="cs-button" onClick={() => setSure(false)}>
                Keep them
              </button>
              <button
                type="button"
                className="cs-button cs-button--danger"
                onClick={() => {
                  end.current?.focus();
                  setSure(null);
                  void keeper.forgetAll().then(look);
                }}
              >
                Forget them
              </button>
            </>
          ) : (
            <button ref={answer} type="button" className="cs-button" onClick={() => setSure(true)}>
              Forget all
            </button>
          )}
        </div>
      )}
    </>
  );
}
