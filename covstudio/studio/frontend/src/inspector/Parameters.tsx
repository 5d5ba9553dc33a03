// Parameters: a slider, a number, fixed or free, reset. A drag goes to the live evaluation by the painter's line, and draws
// nothing but its own row.

import {
  type CSSProperties,
  createContext,
  type KeyboardEvent,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { useDrag } from "../painter/drag";
import type { State } from "../session/connection";
import { useSend } from "../session/hooks";
import type { ParameterRow } from "../session/messages";
import { Icon } from "../ui/Icon";
import { plain } from "../ui/keyboard";
import { numeric, read, short } from "../ui/numbers";
import { FieldProblem, useEditing } from "../ui/TextField";
import { useDebounced } from "../ui/useDebounced";
import styles from "./parameters.module.css";
import { natural, position, STEPS, stride } from "./scale";
import { presentValue, type Values } from "./values";

/** Milliseconds after the last letter that somebody looks for. */
const TYPED = 200;
const FREE = "M4.5 7V5a3 3 0 0 1 5.8-1|M3.5 7h9v6h-9z";
const FIXED = "M5 7V5a3 3 0 0 1 6 0v2|M3.5 7h9v6h-9z";
const RESET = "M3.2 6A5.2 5.2 0 1 1 3 9|M3 3v3.2h3.2";

interface Moving {
  values: Values;
  state: State<"inspector">;
}

/** The values that move, and the state they have moved away from. */
export const MovingValues = createContext<Moving | null>(null);

function useMoving(): Moving {
  const moving = useContext(MovingValues);
  if (moving === null) throw new Error("a parameter stands outside of the inspector");
  return moving;
}

interface Rows {
  rows: ParameterRow[];
  /** How many there are to list. */
  count: number;
  /** The node that has them, and what it is called. */
  node: string;
  name: string;
  /** Whether the first of a kind says what it means. */
  notes: boolean;
}

/** Rows of parameters of a node: the first of many, until somebody asks for more. */
export function Parameters({ rows, count, node, name, notes }: Rows) {
  const send = useSend("inspector");
  return (
    <>
      {rows.map((row) => (
        <Parameter key={row.key} row={row} name={name} note={notes ? row.note : ""} />
      ))}
      {rows.length < count && (
        <div className="cs-row">
          <button
            type="button"
            className="cs-button cs-button--small"
            onClick={() => send({ type: "more-parameters", node })}
          >
            Show more
          </button>
          <span className="cs-note">{`${rows.length} of ${count.toLocaleString("en")} are listed`}</span>
        </div>
      )}
    </>
  );
}

/** The field that looks for some of many parameters; nothing where there are few. */
export function FindParameters({ find }: { find: string | null }) {
  const send = useSend("inspector");
  const [text, setText] = useState(find ?? "");
  const look = useDebounced((wanted: string) => send({ type: "find-parameters", text: wanted }), TYPED);
  if (find === null) return null;
  return (
    <input
      type="search"
      className={`cs-field ${styles.find}`}
      aria-label="Find a parameter"
      placeholder="Find a parameter"
      value={text}
      onChange={(event) => {
        setText(event.target.value);
        look(event.target.value);
      }}
    />
  );
}

function Parameter({ row, name, note }: { row: ParameterRow; name: string; note: string }) {
  const send = useSend("inspector");
  const { values, state } = useMoving();
  const [subscribe, newer] = useMemo(
    () =>
      [
        (changed: () => void) => values.subscribe(row.key, changed),
        () => values.since(row.key, state),
      ] as const,
    [values, row.key, state],
  );
  const { value, raw } = presentValue(row, useSyncExternalStore(subscribe, newer));
  const left = read(value, 6) !== short(value, 6); // what is left of 0
  const text = left ? "0" : short(value, 6);
  const refusal = state.errors[row.key] ?? null;
  const { node, param } = row;
  const editing = useEditing({
    value: text.replace("−", "-").replace("∞", "inf"),
    commit: (typed) => {
      const found = parsed(row, typed);
      if (typeof found === "string") return found;
      send({ type: "give-value", node, param, value: found });
      return undefined;
    },
    problem: refusal,
    refused: refusal !== null,
    answer: state,
  });
  const wrong = editing.problem !== null;
  const called = `${row.label} of ${name}`;

  return (
    <div className={styles.parameter} data-fixed={row.fixed || undefined}>
      <div className={styles.about}>
        <span
          className={styles.symbol}
          title={[called + (row.meaning && `: ${row.meaning}`), row.path].join("\n")}
        >
          {row.label}
        </span>
        <span className="cs-grow" />
        {row.fixed && <span className="cs-badge">fixed</span>}
        <button
          type="button"
          className={`cs-icon-button ${styles.small}`}
          aria-label={`Reset ${called}`}
          data-tip={`Back to ${short(row.default, 6)}`}
          data-tip-side="right"
          disabled={value === numeric(row.default)}
          onClick={() => send({ type: "reset-value", node, param })}
        >
          <Icon path={RESET} size={14} />
        </button>
        <button
          type="button"
          className={`cs-icon-button ${styles.small}`}
          aria-label={`Fix ${called}`}
          aria-pressed={row.fixed}
          data-tip={
            row.fixed
              ? "Fixed: a constant in the fit. Press to estimate it."
              : "Free: estimated by the fit. Press to fix it."
          }
          data-tip-side="right"
          onClick={() => send({ type: "fix-parameter", node, param, fixed: !row.fixed })}
        >
          <Icon path={row.fixed ? FIXED : FREE} size={14} />
        </button>
      </div>
      <div className={styles.line}>
        <Slider row={row} called={called} value={value ?? 0} text={text} />
        <input
          {...editing.field}
          className={`cs-field ${styles.number}`}
          inputMode="decimal"
          spellCheck={false}
          autoComplete="off"
          aria-label={`Value of ${called}`}
          data-number={row.path}
          aria-invalid={wrong || undefined}
        />
      </div>
      {wrong && <FieldProblem>{editing.problem ?? ""}</FieldProblem>}
      {left && <div className="cs-note">At the end of its range, 0.</div>}
      <div className={styles.under}>
        <span className="cs-grow">{note}</span>
        <span
          className={styles.theta}
          data-tip={`θ, any number, is what a fit moves: ${row.transform}`}
          data-tip-side="right"
        >
          θ = {short(raw, 4)}
        </span>
      </div>
    </div>
  );
}

interface SliderProps {
  row: ParameterRow;
  called: string;
  value: number;
  text: string;
}

function Slider({ row, called, value, text }: SliderProps) {
  const { values, state } = useMoving();
  const { drag, release } = useDrag();
  const input = useRef<HTMLInputElement>(null);
  const at = position(row.scale, value);

  function to(step: number): void {
    const wanted = natural(row.scale, Math.min(Math.max(step, 0), STEPS) / STEPS);
    values.hold(row.key, wanted, state);
    drag(row.node, row.param, wanted);
  }
  const end = useRef(() => {});
  end.current = () => {
    if (values.letGo(row.key, state)) release();
  };
  useEffect(() => {
    // React has no name for the end of a native slider's drag: its `onChange` is every step of it.
    const slider = input.current;
    const letGo = () => end.current();
    slider?.addEventListener("change", letGo);
    return () => {
      slider?.removeEventListener("change", letGo);
      letGo();
    };
  }, []);

  function onKeyDown(event: KeyboardEvent<HTMLInputElement>): void {
    const steps = stride(event.key, event.shiftKey);
    if (steps === null || !plain(event)) return;
    event.preventDefault();
    event.stopPropagation();
    to(Math.round(at * STEPS) + steps);
  }

  return (
    <input
      ref={input}
      type="range"
      className={styles.slider}
      min={0}
      max={STEPS}
      step={1}
      value={Math.round(at * STEPS)}
      style={{ "--fill": `${(at * 100).toFixed(1)}%` } as CSSProperties}
      aria-label={called}
      data-slider={row.path}
      aria-valuetext={text}
      onChange={(event) => to(Number(event.target.value))}
      onKeyDown={onKeyDown}
      onKeyUp={() => end.current()}
      onBlur={() => end.current()}
    />
  );
}

/** The number that was typed, if the parameter may have it; else why not. */
function parsed(row: ParameterRow, typed: string): number | string {
  const value = Number(typed.trim().replace("−", "-").replace(",", "."));
  if (typed.trim() === "" || !Number.isFinite(value)) return "Write a number, such as 0.25 or 1e-3.";
  const low = numeric(row.low) ?? Number.NEGATIVE_INFINITY;
  const high = numeric(row.high) ?? Number.POSITIVE_INFINITY;
  if (value < low || (value === low && !row.zero))
    return `Must be ${row.zero ? "at least" : "greater than"} ${short(low)}.`;
  if (value >= high) return `Must be less than ${short(high)}.`;
  return value;
}
