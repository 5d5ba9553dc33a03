// What is wrong with a node or missing in it, on its card: in words in place of the picture that there cannot be, and whole, with
// everything that mends it, when the mark in its corner is pressed.

import { Button, Dialog, DialogTrigger, Popover } from "react-aria-components";
import type { Card, ModelProblem } from "../session/messages";
import { Icon } from "../ui/Icon";
import { Problems } from "../ui/Problems";
import { Repairs } from "../ui/Repairs";
import { useActs } from "./acts";
import cards from "./card.module.css";
import styles from "./trouble.module.css";

const PROBLEM = "M8 4.5v4.2|M8 11.3v.2";
const UNFINISHED = "M5 8h.01|M8 8h.01|M11 8h.01";
/** What a card lacks, as it is seen from afar: an operand, data, or something else. */
const OPERAND = "M8 4.5v7|M4.5 8h7";
const DATA = "M3 4h10v8H3z|M3 7h10|M7 7v5";

/** The mark of a card's problems, which opens them. */
export function Trouble({ id, card }: { id: string; card: Card }) {
  if (card.problem === null) return null;
  const { severity, text } = card.problem;
  return (
    <DialogTrigger>
      <span className={`${styles.problem} nodrag`} data-explain={text}>
        <Button
          className={styles.mark}
          aria-label={`${severity === "error" ? "Problem" : "To do"}: ${text}`}
          data-severity={severity}
        >
          <Icon path={severity === "error" ? PROBLEM : UNFINISHED} size={14} />
        </Button>
      </span>
      <Popover placement="bottom start" offset={6} className={`cs-root cs-menu ${styles.troubles}`}>
        <Dialog aria-label={`Problems of ${card.name}`}>
          {({ close }) => (
            <>
              <Problems problems={card.problems} label={`Problems of ${card.name}`} done={close} />
              {emptySlots(card).length > 0 && (
                <div className="cs-repairs">
                  <Fill id={id} card={card} done={close} />
                </div>
              )}
            </>
          )}
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

const emptySlots = (card: Card) => card.slots.filter((slot) => slot.free && card.role === "operator");

/** Buttons that search for what goes into the free slots of an operator. */
function Fill({ id, card, done }: { id: string; card: Card; done?: () => void }) {
  const acts = useActs();
  return emptySlots(card).map(({ name, mark }) => (
    <button
      key={name}
      type="button"
      className="cs-button cs-button--small cs-repair nodrag"
      onClick={(event) => {
        event.stopPropagation();
        const { left, bottom } = event.currentTarget.getBoundingClientRect();
        done?.();
        acts.fill(id, name, { left, bottom });
      }}
    >
      {mark === "+" ? "Add an operand…" : `Add ${mark}…`}
    </button>
  ));
}

/** The first problem of a card that has no picture, and what mends it. */
export function Wanting({ id, card }: { id: string; card: Card }) {
  const [first] = card.problems;
  if (first === undefined) return null;
  // What an operator wants is put into it sooner than the operator is taken away.
  const fills = emptySlots(card).length > 0 && first.repairs.every(({ takes }) => takes);
  const mends = fills || first.repairs.length > 0;
  return (
    <>
      <Lacking card={card} problem={first} />
      <div className={styles.wanting}>
        <div className={styles.kind}>
          <span className={`${cards.symbol} cs-math`} title={card.title || card.name}>
            {card.symbol}
          </span>
          <span className={cards.hint}>{card.shape}</span>
        </div>
        <p className={styles.said} data-brief={mends || undefined}>
          {first.text}
        </p>
        {mends && (
          <div className={styles.mend}>
            {fills ? <Fill id={id} card={card} /> : <Repairs problem={first} most={2} />}
          </div>
        )}
      </div>
    </>
  );
}

/** From afar, where no words can be read: what is missing, as a picture in the place of the one that there cannot be. */
function Lacking({ card, problem }: { card: Card; problem: ModelProblem }) {
  const wrong = problem.severity === "error";
  const path = wrong
    ? PROBLEM
    : card.slots.some(({ free }) => free)
      ? OPERAND
      : problem.field === null
        ? UNFINISHED
        : DATA;
  return (
    <div
      className={styles.lacking}
      data-severity={problem.severity}
      role="img"
      aria-label={`Missing in ${card.name}: ${problem.text}`}
      title={problem.text}
    >
      <Icon path={path} size={44} />
    </div>
  );
}
