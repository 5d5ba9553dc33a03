// Quantities that a person derives from the parameters: an expression with names to click on, and its value as it is written.

import { useId, useRef, useState } from "react";
import type { State } from "../session/connection";
import { useAnswer, useSend } from "../session/hooks";
import { Icon } from "../ui/Icon";
import { plain } from "../ui/keyboard";
import { fixed, numeric, short } from "../ui/numbers";
import { useDebounced } from "../ui/useDebounced";
import derived from "./derived.module.css";
import { example, inserted, offered } from "./expression";
import { digits, interval } from "./format";
import { Head, NumberCell, Section, TITLES, Wide } from "./Table";

type DerivedState = State<"fit">["derived"];
type Quantity = DerivedState["rows"][number];

/** Names of parameters to click on. */
const NAMES = 16;
/** Milliseconds after which an expression that is being written is computed. */
const PAUSE = 200;
const REMOVE = "M4.5 4.5l7 7|M11.5 4.5l-7 7";

type Word = State<"results">["summary"]["parameters"][number];

export function Derived({ state, words }: { state: DerivedState; words: readonly Word[] }) {
  const send = useSend("fit");
  const [text, setText] = useState("");
  const [submitted, setSubmitted] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  useAnswer("derive", () => field.current?.focus());
  const note = useId();
  const attempt = useDebounced((tried: string) => send({ type: "try-quantity", text: tried }), PAUSE);

  if (submitted !== null && state.rows.some((row) => row.text === submitted)) {
    setText("");
    setSubmitted(null);
  }

  function write(value: string): void {
    setText(value);
    setSubmitted(null);
    attempt(value);
  }

  function add(): void {
    attempt.cancel();
    const wanted = text.trim();
    setSubmitted(wanted || null);
    if (wanted) send({ type: "add-quantity", text: wanted });
  }

  function insert(name: string): void {
    const input = field.current;
    if (input === null) return;
    const start = input.selectionStart ?? text.length;
    const next = inserted(text, name, start, input.selectionEnd ?? start);
    write(next.text);
    input.focus();
    // Once the field holds it.
    queueMicrotask(() => input.setSelectionRange(next.caret, next.caret));
  }

  const tried = text.trim() && state.draft === text.trim() ? state.tried : null;
  const some = offered(words, text);
  const sample = example(words);
  return (
    <Section name="derived" take={state.rows.length > 0}>
      {state.rows.length > 0 && <Quantities rows={state.rows} />}
      <div className={derived.derive}>
        <input
          ref={field}
          className={`cs-field cs-grow ${derived.formula}`}
          aria-label="New quantity"
          aria-describedby={note}
          aria-invalid={(tried?.trouble && state.refused) || undefined}
          placeholder={sample}
          spellCheck={false}
          autoComplete="off"
          value={text}
          onChange={(event) => write(event.target.value)}
          onKeyDown={(event) => {
            if (!plain(event)) return;
            if (event.key === "Enter") add();
            else if (event.key === "Escape") write("");
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        />
        <button type="button" className="cs-button" disabled={!text.trim()} onClick={add}>
          Add
        </button>
      </div>
      <div id={note} aria-live="polite">
        <Said
          tried={tried}
          refused={state.refused}
          first={text === "" && state.rows.length === 0}
          sample={sample}
          write={(wanted) => {
            write(wanted);
            field.current?.focus();
          }}
        />
      </div>
      <div className={derived.names} role="group" aria-label="Parameters to insert">
        {some.slice(0, NAMES).map(({ word, name }) => (
          <button
            key={word}
            type="button"
            className={derived.name}
            aria-label={`Insert ${name}`}
            title={`Insert ${word}`}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => insert(word)}
          >
            {name}
          </button>
        ))}
        {some.length > NAMES && (
          <span className="cs-note">{`and ${some.length - NAMES} more: type a part of the name`}</span>
        )}
      </div>
    </Section>
  );
}

/** What is to be said of the expression as it stands. */
function Said({
  tried,
  refused,
  first,
  sample,
  write,
}: {
  tried: Quantity | null;
  refused: boolean;
  first: boolean;
  sample: string;
  write: (text: string) => void;
}) {
  if (tried?.trouble)
    return refused ? (
      <div className="cs-error" role="alert">
        {tried.trouble}
      </div>
    ) : (
      <div className="cs-note">{`${(tried.trouble.split(". ")[0] ?? "").replace(/\.$/, "")}.`}</div>
    );
  if (tried)
    return (
      <div className={`cs-note ${derived.derivedValue}`}>
        {value(tried)}
        {tried.note && ` ${tried.note}`}
      </div>
    );
  return first ? (
    <div className="cs-note">
      A function of the parameters, such as a heritability or a ratio; a name before = is optional.
      {sample && (
        <>
          {" For example "}
          <button type="button" className="cs-link" onClick={() => write(sample)}>
            {sample}
          </button>
        </>
      )}
    </div>
  ) : null;
}

function value(row: Quantity): string {
  const parts = [short(row.estimate, 4)];
  if (numeric(row.error) !== null)
    parts.push(`SE ${digits(row.error)}, 95 % interval ${interval(row.lower, row.upper)}`);
  return `= ${parts.join(", ")}`;
}

function Quantities({ rows }: { rows: Quantity[] }) {
  const send = useSend("fit");
  return (
    <Wide label={`${TITLES.derived} table`}>
      <table className="cs-table">
        <thead>
          <tr>
            <th scope="col">Quantity</th>
            <Head>Estimate</Head>
            <Head>SE</Head>
            <Head>95 % interval</Head>
            <th>
              <span className="cs-hidden-text">Remove</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.text}>
              <td title={row.text}>
                {row.name}
                {row.note && <div className="cs-note">{row.note}</div>}
              </td>
              {row.trouble ? (
                <td colSpan={3}>
                  <span className="cs-error">{row.trouble}</span>
                </td>
              ) : (
                <>
                  <NumberCell text={fixed(row.estimate)} />
                  <NumberCell text={fixed(row.error)} />
                  <NumberCell text={interval(row.lower, row.upper)} />
                </>
              )}
              <td>
                <button
                  type="button"
                  className="cs-icon-button"
                  aria-label={`Remove ${row.name}`}
                  onClick={() => send({ type: "remove-quantity", text: row.text })}
                >
                  <Icon path={REMOVE} />
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}
