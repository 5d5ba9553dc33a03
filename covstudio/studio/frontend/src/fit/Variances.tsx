// Variance components, and profiles of their likelihood where somebody asks for them.

import { Fragment, type ReactNode, useEffect, useRef, useState } from "react";
import type { State } from "../session/connection";
import { useSend } from "../session/hooks";
import { keyboard } from "../ui/keyboard";
import { fixed, numeric, type Real } from "../ui/numbers";
import { useWide } from "../ui/useWide";
import { AskAll, UnderWay } from "./Asking";
import { decimalsFor, digits, interval, padding } from "./format";
import { Profile } from "./Profile";
import { Head, Name, NumberCell, Section, TITLES, Wide } from "./Table";
import tables from "./table.module.css";
import variances from "./variances.module.css";

type Questions = State<"fit">["questions"];
type Row = State<"results">["variance_components"][number];
type Found = Questions["profiles"][number];

/** More rows than this scroll in a window of their own, in a narrow place. */
const MANY = 12;
const AT_THE_END = "at the end of its range";
/** Pixels from which on each number has a column of its own. */
const WIDE = 440;

/** An estimate and its standard error to the same decimals, enough for five digits of the error. */
function number(value: Real, error: Real): string {
  const decimals = decimalsFor(error);
  return decimals === null ? fixed(value) : fixed(value, Math.min(decimals + 2, 8));
}

/** What there is to say of an estimate, with the end of the range that it is at. */
function told(status: string, estimate: Real): string {
  const end = Math.round(numeric(estimate) ?? 0);
  const there = numeric(estimate) !== null && Math.abs((numeric(estimate) ?? 0) - end) < 1e-6;
  return status === AT_THE_END && there ? `at its boundary, ${String(end).replace("-", "−")}` : status;
}

export function Variances({
  rows,
  questions,
  summary,
}: {
  rows: Row[];
  questions: Questions;
  summary: State<"results">["summary"];
}) {
  const send = useSend("fit");
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const [pressed, setPressed] = useState<string | null>(null); // who asked, to keep the keyboard's place
  const [place, wide] = useWide<HTMLDivElement>(WIDE);
  if (rows.length === 0) return null;

  const profiles = new Map(questions.profiles.map((profile) => [profile.name, profile]));
  const troubles = new Map(questions.troubles.map(({ name, text }) => [name, text]));
  const left = questions.parameters.filter((name) => !profiles.has(name));
  const asks = questions.parameters.length > 0;
  const columns = wide ? (asks ? 6 : 5) : 4;
  const estimates = rows.map((row) => number(row.estimate, row.standard_error));
  const names = new Map(rows.map((row) => [row.parameter, row.name]));
  const errors = rows.map((row) =>
    row.standard_error === null ? "–" : number(row.standard_error, row.standard_error),
  );
  const ends = [rows.map((row) => digits(row.lower)), rows.map((row) => digits(row.upper))] as const;
  const behind = {
    estimate: padding(estimates),
    error: padding(errors),
    lower: padding(ends[0]),
    upper: padding(ends[1]),
  };

  function ask(name: string): void {
    setPressed(name);
    setOpened((now) => new Set([...now, name]));
    send({ type: "ask-profile", name });
  }

  function toggle(name: string): void {
    setPressed(null);
    setOpened((now) => {
      const next = new Set(now);
      if (!next.delete(name)) next.add(name);
      return next;
    });
  }

  return (
    <Section
      name="variance_components"
      tools={
        <AskAll
          questions={questions}
          names={left}
          label="Profile all"
          ask={() => send({ type: "ask-profile", name: null })}
        />
      }
      notes={[
        summary.information !== "" &&
          `Standard errors from the ${summary.information}; intervals on the log scale for variances, Fisher's z for correlations.`,
        asks &&
          (opened.size > 0 && profiles.size > 0
            ? "Curve: the log-likelihood with all else fitted again; the interval ends where it has fallen by 1.92. Grey: the Wald interval."
            : "A profile fits all other parameters again along one: its interval needs no scale and holds at a boundary."),
      ]}
    >
      <div ref={place}>
        <Wide
          label={`${TITLES.variance_components} table`}
          look={rows.length > MANY && !wide ? variances.roomy : variances.whole}
        >
          <table className={`cs-table ${tables.effects} ${variances.table}`}>
            <thead>
              <tr>
                <th scope="col">Parameter</th>
                <Head>Estimate</Head>
                <Head>SE</Head>
                {wide ? (
                  <>
                    <Head span={2}>95 % interval</Head>
                    {asks && <Head>by profile</Head>}
                  </>
                ) : (
                  <Head under={asks && "by profile"}>95 % interval</Head>
                )}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, i) => {
                const name = row.parameter;
                const profile = profiles.get(name);
                const trouble = troubles.get(name);
                const wald = numeric(row.lower) === null ? null : ([row.lower, row.upper] as const);
                const more = trouble !== undefined || (profile !== undefined && opened.has(name));
                const status = row.status && (
                  <span className={variances.status}>{told(row.status, row.estimate)}</span>
                );
                const byProfile = (
                  <ByProfile
                    questions={questions}
                    name={name}
                    called={row.name}
                    profile={profile}
                    open={opened.has(name)}
                    focus={pressed === name}
                    ask={() => ask(name)}
                    toggle={() => toggle(name)}
                  />
                );
                return (
                  <Fragment key={name}>
                    <tr className={more ? variances.withMore : undefined}>
                      <td title={name}>
                        <Name>{row.name}</Name>
                      </td>
                      <NumberCell
                        text={estimates[i]}
                        whole={row.estimate}
                        behind={wide ? behind.estimate[i] : 0}
                        under={status}
                      />
                      <NumberCell
                        text={errors[i]}
                        whole={row.standard_error}
                        behind={wide ? behind.error[i] : 0}
                      />
                      {wide ? (
                        <>
                          <NumberCell text={wald && ends[0][i]} whole={row.lower} behind={behind.lower[i]} />
                          <NumberCell text={wald && ends[1][i]} whole={row.upper} behind={behind.upper[i]} />
                          {asks && <td className="cs-number">{byProfile}</td>}
                        </>
                      ) : (
                        <NumberCell text={wald && interval(...wald)} under={byProfile} />
                      )}
                    </tr>
                    {more && (
                      <tr className={variances.more}>
                        <td colSpan={columns}>
                          {trouble !== undefined ? (
                            <div className="cs-error">{trouble}</div>
                          ) : (
                            profile && (
                              <Curve profile={profile} called={row.name} cut={questions.cut} wald={wald} />
                            )
                          )}
                        </td>
                      </tr>
                    )}
                  </Fragment>
                );
              })}
            </tbody>
          </table>
        </Wide>
      </div>
      <UnderWay
        {...{ questions, kind: "profile", verb: "Profiling", unit: "refit" }}
        called={(name) => names.get(name) ?? name}
      />
    </Section>
  );
}

interface CurveProps {
  profile: Found;
  called: string;
  cut: number;
  wald: readonly [Real, Real] | null;
}

function Curve(props: CurveProps) {
  return (
    <>
      <Profile {...props} />
      {props.profile.notes.map((text) => (
        <div key={text} className="cs-note">
          {text}
        </div>
      ))}
    </>
  );
}

/** The profile's interval, the way to it, or how far it is. */
function ByProfile({
  questions,
  name,
  called,
  profile,
  open,
  focus,
  ask,
  toggle,
}: {
  questions: Questions;
  name: string;
  /** What a person calls it. */
  called: string;
  profile: Found | undefined;
  open: boolean;
  /** The button that asked was here, and with it the keyboard. */
  focus: boolean;
  ask: () => void;
  toggle: () => void;
}): ReactNode {
  const { busy } = questions;
  if (profile) {
    const text = interval(profile.lower, profile.upper) ?? "–";
    return (
      <Interval
        text={text}
        label={`Profile interval of ${called}: ${text}`}
        open={open}
        focus={focus}
        toggle={toggle}
      />
    );
  }
  if (busy?.kind === "profile" && busy.names.includes(name))
    return <span className="cs-muted">{busy.name === name ? `refit ${busy.count}` : "waiting"}</span>;
  if (!questions.parameters.includes(name)) return null;
  return (
    <button
      type="button"
      className="cs-link"
      disabled={busy !== null}
      aria-label={`Profile ${called}`}
      onClick={ask}
    >
      Profile
    </button>
  );
}

/** An interval that folds its curve in and out. */
function Interval(props: { text: string; label: string; open: boolean; focus: boolean; toggle: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const first = useRef(props.focus);
  // The button that asked is gone, and the keyboard with it to whatever stood near, unless the person is elsewhere by now.
  useEffect(() => {
    const now = keyboard();
    const near =
      now === null || now.contains(button.current) || button.current?.closest("section")?.contains(now);
    if (first.current && near) button.current?.focus({ preventScroll: true });
  }, []);
  return (
    <button
      type="button"
      ref={button}
      className={`cs-link ${variances.fold} ${props.open ? variances.open : ""}`}
      aria-expanded={props.open}
      aria-label={props.label}
      onClick={props.toggle}
    >
      {props.text}
    </button>
  );
}
