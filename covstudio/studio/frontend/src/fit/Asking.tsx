// What takes refits while it is under way, with a way to stop it.

import type { State } from "../session/connection";
import { useSend } from "../session/hooks";
import styles from "./fit.module.css";
import variances from "./variances.module.css";

type Questions = State<"fit">["questions"];

export function UnderWay({
  questions,
  kind,
  verb,
  unit,
  called = (name) => name,
}: {
  questions: Questions;
  kind: NonNullable<Questions["kind"]>;
  verb: string;
  unit: string;
  /** What a person calls what is asked about. */
  called?: (name: string) => string;
}) {
  const send = useSend("fit");
  const { busy, failure } = questions;
  if (busy?.kind !== kind)
    return failure && questions.kind === kind ? (
      <div className="cs-notice cs-notice--problem" role="alert">
        {failure}
      </div>
    ) : null;
  const place = busy.names.length > 1 ? ` (${busy.done + 1} of ${busy.names.length})` : "";
  const text = busy.stopping
    ? "Cancelling…"
    : busy.held
      ? busy.held
      : busy.name
        ? `${verb} ${called(busy.name)}${place}, ${busy.count} ${unit}${busy.count === 1 ? "" : "s"}`
        : "Preparing…";
  return (
    <div className={`${styles.progressLine} ${variances.asked}`} role="status">
      <span className="cs-spinner" />
      <span className="cs-grow">{text}</span>
      <button
        type="button"
        className="cs-button cs-button--small"
        disabled={busy.stopping}
        aria-label={`Cancel ${verb.toLowerCase()}`}
        onClick={() => send({ type: "stop-asking" })}
      >
        Cancel
      </button>
    </div>
  );
}

/** A way to ask all that is not answered, where that is more than one. */
export function AskAll({
  questions,
  names,
  label,
  ask,
}: {
  questions: Questions;
  names: readonly string[];
  label: string;
  ask: () => void;
}) {
  if (names.length < 2) return null;
  return (
    <button
      type="button"
      className="cs-button cs-button--small"
      disabled={questions.busy !== null}
      onClick={ask}
    >
      {label}
    </button>
  );
}
