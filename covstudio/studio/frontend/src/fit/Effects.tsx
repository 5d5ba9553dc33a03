// Fixed effects to as many digits as their standard errors are worth, and the tests of their terms. In a narrow place an interval
// stands under its estimate and degrees of freedom under t.

import type { State } from "../session/connection";
import { fixed, numeric } from "../ui/numbers";
import { useWide } from "../ui/useWide";
import { decimalsFor, degrees, interval, padding, probability, rounded } from "./format";
import { Head, Name, NumberCell, Section, TITLES, Wide } from "./Table";
import tables from "./table.module.css";

type Results = State<"results">;

/** Pixels from which on each number has a column of its own. */
const WIDE = 440;

export function Effects({ rows, degrees: from }: { rows: Results["fixed_effects"]; degrees: string }) {
  const [place, wide] = useWide<HTMLDivElement>(WIDE);
  if (rows.length === 0) return null;
  const tested = rows.some((row) => row.p !== null);
  const decimals = rows.map((row) => decimalsFor(row.standard_error));
  const text = (name: "estimate" | "standard_error" | "lower" | "upper") =>
    rows.map((row, i) => rounded(row[name], decimals[i] ?? null));
  const [estimates, errors, lower, upper] = [
    text("estimate"),
    text("standard_error"),
    text("lower"),
    text("upper"),
  ];
  const t = rows.map((row) => fixed(row.t, 2));
  const df = rows.map((row) => (row.df === null ? "–" : degrees(row.df)));
  const behind = {
    estimate: padding(estimates),
    error: padding(errors),
    lower: padding(lower),
    upper: padding(upper),
    df: padding(df),
  };
  return (
    <Section name="fixed_effects" notes={[from !== "" && `t tests with ${from} degrees of freedom.`]}>
      <div ref={place}>
        <Wide label={`${TITLES.fixed_effects} table`} look={tables.fixed}>
          <table className={`cs-table ${tables.effects}`}>
            <thead>
              <tr>
                <th scope="col">Effect</th>
                {wide ? (
                  <>
                    <Head>Estimate</Head>
                    <Head>SE</Head>
                    {tested && <Head span={2}>95 % interval</Head>}
                    <Head>t</Head>
                    {tested && <Head>df</Head>}
                  </>
                ) : (
                  <>
                    <Head under={tested && "95 % interval"}>Estimate</Head>
                    <Head>SE</Head>
                    <Head under={tested && "df"}>t</Head>
                  </>
                )}
                {tested && <Head>p</Head>}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, i) => (
                <tr key={row.effect}>
                  <td>
                    <Name>{row.effect}</Name>
                  </td>
                  {wide ? (
                    <>
                      <NumberCell text={estimates[i]} whole={row.estimate} behind={behind.estimate[i]} />
                      <NumberCell text={errors[i]} whole={row.standard_error} behind={behind.error[i]} />
                      {tested && (
                        <>
                          <NumberCell text={lower[i]} whole={row.lower} behind={behind.lower[i]} />
                          <NumberCell text={upper[i]} whole={row.upper} behind={behind.upper[i]} />
                        </>
                      )}
                      <NumberCell text={t[i]} />
                      {tested && <NumberCell text={df[i]} behind={behind.df[i]} />}
                    </>
                  ) : (
                    <>
                      <NumberCell
                        text={estimates[i]}
                        whole={row.estimate}
                        under={interval(row.lower, row.upper, (end) => rounded(end, decimals[i] ?? null))}
                      />
                      <NumberCell text={errors[i]} whole={row.standard_error} />
                      <NumberCell text={t[i]} under={numeric(row.df) !== null && df[i]} />
                    </>
                  )}
                  {tested && <NumberCell text={probability(row.p)} />}
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      </div>
    </Section>
  );
}

export function Tests({ rows, summary }: { rows: Results["tests"]; summary: Results["summary"] }) {
  if (rows.length === 0) return null;
  const { degrees: from, contained } = summary;
  const untested =
    contained.length > 0 ? ` Not tested: ${contained.join(", ")}, contained in other terms.` : "";
  return (
    <Section name="tests" notes={[from !== "" && `Wald F tests with ${from} degrees of freedom.${untested}`]}>
      <Wide label={`${TITLES.tests} table`}>
        <table className="cs-table">
          <thead>
            <tr>
              <th scope="col">Term</th>
              <Head>F</Head>
              <Head>df</Head>
              <Head>Den. df</Head>
              <Head>p</Head>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.term}>
                <td>
                  <Name>{row.term}</Name>
                </td>
                <NumberCell text={fixed(row.F, 2)} />
                <NumberCell text={row.df === null ? null : degrees(row.df)} />
                <NumberCell text={row.den_df === null ? null : degrees(row.den_df)} />
                <NumberCell text={probability(row.p)} />
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </Section>
  );
}
