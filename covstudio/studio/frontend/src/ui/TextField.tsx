// A text that is handed over when the person is done with it: Enter or leaving the field hands it over, Escape takes it back.
// While somebody types nothing that arrives overwrites the text, and what will not do stays to be mended.

import {
  type ChangeEvent,
  type FocusEvent,
  type InputHTMLAttributes,
  type KeyboardEvent,
  type TextareaHTMLAttributes,
  useId,
  useRef,
  useState,
} from "react";

type Field = HTMLInputElement | HTMLTextAreaElement;

export interface Editing {
  /** What the session has. */
  value: string;
  /** Hands a text over; or says in a sentence why it will not do. */
  commit(text: string): string | undefined;
  /** What the session finds wrong here. */
  problem?: string | null;
  /** The problem is with the text that was handed over last, which the session has not taken. */
  refused?: boolean;
  /** Anything that is another thing each time the session has spoken: until then what was handed over is shown. */
  answer?: unknown;
}

type Typed =
  | { stage: "typing"; text: string; complaint: string | null }
  | { stage: "handed"; text: string; value: string; answer: unknown }
  | { stage: "refused"; text: string };

/** No answer of a session. */
const NEVER = Symbol("never");

/** The properties of a text field, and what is wrong with its text. */
export function useEditing({ value, commit, problem = null, refused = false, answer = value }: Editing) {
  const [typed, setTyped] = useState<Typed | null>(null);
  const [dismissed, setDismissed] = useState<unknown>(NEVER);
  const latest = useRef(typed); // what a handler sees that runs before the next drawing, such as blur after Escape

  function put(next: Typed | null): void {
    latest.current = next;
    setTyped(next);
  }

  if (typed?.stage === "handed" && (typed.value !== value || typed.answer !== answer))
    put(refused ? { stage: "refused", text: typed.text } : null);
  else if (typed?.stage === "refused" && !refused) put(null);

  /** True when the text is the session's, or on its way there. */
  function finish(): boolean {
    const now = latest.current;
    if (now === null || now.stage === "handed") return true;
    const complaint = now.text === value ? undefined : commit(now.text);
    if (complaint !== undefined) {
      put({ stage: "typing", text: now.text, complaint });
      return false;
    }
    put(now.text === value ? null : { stage: "handed", text: now.text, value, answer });
    return true;
  }

  function revert(): void {
    put(null);
    setDismissed(refused ? answer : NEVER);
  }

  const complaint = typed?.stage === "typing" ? typed.complaint : null;
  const found = refused && dismissed === answer ? null : problem;
  return {
    problem: complaint ?? found,
    field: {
      value: typed?.text ?? value,
      onChange: (event: ChangeEvent<Field>) => {
        const before = latest.current;
        put({
          stage: "typing",
          text: event.target.value,
          complaint: before?.stage === "typing" ? before.complaint : null,
        });
      },
      onKeyDown: (event: KeyboardEvent<Field>) => {
        if (event.nativeEvent.isComposing || event.defaultPrevented) return;
        if (event.key === "Enter" && event.currentTarget.tagName !== "TEXTAREA") {
          event.stopPropagation();
          if (finish()) event.currentTarget.select();
        } else if (event.key === "Escape" && (latest.current !== null || problem !== null)) {
          event.stopPropagation();
          revert();
        }
      },
      onBlur: (_event: FocusEvent<Field>) => {
        if (latest.current?.stage === "typing" && !finish()) revert();
      },
    },
  };
}

/** What is wrong with a field, under it. */
export function FieldProblem({ id, children }: { id?: string; children: string }) {
  return (
    <div id={id} className="cs-error" role="alert">
      {children}
    </div>
  );
}

type Attributes = Omit<
  InputHTMLAttributes<HTMLInputElement> & TextareaHTMLAttributes<HTMLTextAreaElement>,
  keyof Editing | "defaultValue" | "onChange" | "onKeyDown" | "onBlur"
>;

/** A text field (of several lines, with `rows`) that says under it what is wrong with its text. */
export function TextField({
  value,
  commit,
  problem,
  refused,
  answer,
  className = "cs-field",
  ...attributes
}: Editing & Attributes) {
  const editing = useEditing({ value, commit, problem, refused, answer });
  const told = useId();
  const wrong = editing.problem !== null;
  const all = {
    autoComplete: "off",
    spellCheck: false,
    ...attributes,
    ...editing.field,
    className,
    "aria-invalid": wrong || undefined,
    "aria-describedby": wrong ? told : undefined,
  };
  return (
    <>
      {attributes.rows === undefined ? <input {...all} /> : <textarea {...all} />}
      {wrong && <FieldProblem id={told}>{editing.problem ?? ""}</FieldProblem>}
    </>
  );
}
