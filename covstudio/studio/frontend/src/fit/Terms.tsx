// Likelihood-ratio tests of the terms of V.

import type { State } from "../session/connection";
import { useSend } from "../session/hooks";
import { fixed } from "../ui/numbers";
import { AskAll, UnderWay } from "./Asking";
import { probability } from "./format";
import { Head, Name, NumberCell, Section, TITLES, Wide } from "./Table";
import tables from "./table.module.css";

type Questions = State<"fit">["questions"];

export function Terms({ questions }: { questions: Questions }) {
  const send = useSend("fit");
  const { terms, omissions } = questions;
  if (terms.length === 0) return null;
  const found = new Map(omissions.map((one) => [one.name, one]));
  const left = terms.filter((name) => !found.has(name));
  return (
    <Section
      name="variance_tests"
      take={left.length < terms.length}
      tools={
        <AskAll
          questions={questions}
          names={left}
          label="Test all"
          ask={() => send({ type: "ask-omission", name: null })}
        />
      }
      notes={[
        "Likelihood-ratio test of V against V without the term. A variance is then zero, at the end of its range, so p comes from a mixture of chi-squares.",
      ]}
    >
      <Wide label={`${TITLES.variance_tests} table`}>
        <table className={`cs-table ${tables.effects}`}>
          <thead>
            <tr>
              <th scope="col">Term of V</th>
              <Head under="against">LR</Head>
              <Head>p</Head>
            </tr>
          </thead>
          <tbody>
            {terms.map((name) => (
              <tr key={name}>
                <Omission questions={questions} name={name} found={found.get(name)} />
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
      <UnderWay questions={questions} kind="omit" verb="Fitting without" unit="iteration" />
    </Section>
  );
}

function Omission({
  questions,
  name,
  found,
}: {
  questions: Questions;
  name: string;
  found: Questions["omissions"][number] | undefined;
}) {
  const send = useSend("fit");
  const { busy } = questions;
  if (found?.trouble)
    return (
      <>
        <td>
          <Name>{name}</Name>
        </td>
        <td colSpan={2}>
          <div className="cs-error">{found.trouble}</div>
        </td>
      </>
    );
  if (found)
    return (
      <>
        <td>
          <Name>{name}</Name>
          <div className={tables.under}>{`log-likelihood without it ${fixed(found.loglik, 2)}`}</div>
          {found.note && <div className={tables.under}>{found.note}</div>}
        </td>
        <NumberCell text={fixed(found.statistic, 2)} under={found.mixture} />
        <NumberCell text={probability(found.p)} />
      </>
    );
  const mine = busy?.kind === "omit" && busy.names.includes(name);
  return (
    <>
      <td>
        <Name>{name}</Name>
      </td>
      <NumberCell text={null} />
      <td className="cs-number">
        {mine ? (
          <span className="cs-muted">{busy.name === name ? "fitting" : "waiting"}</span>
        ) : (
          <button
            type="button"
            className="cs-link"
            disabled={busy !== null}
            aria-label={`Test ${name}`}
            onClick={() => send({ type: "ask-omission", name })}
          >
            Test
          </button>
        )}
      </td>
    </>
  );
}
