// Variances, standard deviations and correlations of random effects by name, as R's VarCorr has them, where effects are correlated: V's
// parameters, such as entries of a Cholesky factor, do not say these. In a narrow place a standard error stands under its number.

import type { State } from "../session/connection";
import { Name } from "../ui/Name";
import type { Real } from "../ui/numbers";
import { useWide } from "../ui/useWide";
import { decimalsFor, padding, rounded } from "./format";
import { Head, NumberCell, Section, Wide } from "./Table";
import tables from "./table.module.css";
import styles from "./varcorr.module.css";

type Row = State<"results">["varcorr"][number];

/** Pixels from which on each number has a column of its own. */
const WIDE = 440;
/** More rows than this scroll in a window of their own. */
const MANY = 16;

export function Varcorr({ rows }: { rows: Row[] }) {
  const [place, wide] = useWide<HTMLDivElement>(WIDE);
  if (rows.length === 0) return null;
  const single = rows.filter((row) => row.second === "");
  const pairs = rows.filter((row) => row.second !== "");
  return (
    <Section
      name="varcorr"
      notes={["Standard errors by the delta method; parameters at an end of their range are taken as known."]}
    >
      <div ref={place}>
        <Rows label="Variances by name" head="Effect" heads={["Variance", "SD"]} rows={single} wide={wide} />
        <Rows
          label="Correlations by name"
          head="Effects"
          heads={["Covariance", "Correlation"]}
          rows={pairs}
          wide={wide}
        />
      </div>
    </Section>
  );
}

/** The terms in order, each with its rows. */
function byTerm(rows: Row[]): [Row, Row[]][] {
  const found = new Map<string, [Row, Row[]]>();
  for (const row of rows) {
    const known = found.get(row.term);
    if (known) known[1].push(row);
    else found.set(row.term, [row, [row]]);
  }
  return [...found.values()];
}

interface RowsProps {
  label: string;
  head: string;
  heads: readonly [string, string];
  rows: Row[];
  wide: boolean;
}

function Rows({ label, head, heads, rows, wide }: RowsProps) {
  const numbers = [
    column(rows, "vcov", "vcov_standard_error"),
    column(rows, "sdcor", "sdcor_standard_error"),
  ] as const;
  const place = new Map(rows.map((row, i) => [row, i]));
  return (
    <Wide label={`${label} table`} look={rows.length > MANY ? styles.capped : styles.whole}>
      <table className={`cs-table ${tables.effects} ${styles.table}`} aria-label={label}>
        <thead>
          <tr>
            <th scope="col">{head}</th>
            {heads.map((title) =>
              wide ? (
                <HeadWithError key={title} title={title} />
              ) : (
                <Head key={title} under="SE">
                  {title}
                </Head>
              ),
            )}
          </tr>
        </thead>
        {byTerm(rows).map(([first, own]) => (
          <tbody key={first.term}>
            {first.first !== "" && (
              <tr>
                <th scope="rowgroup" colSpan={wide ? 5 : 3} className={styles.term} aria-label={first.name}>
                  <Name text={first.name} />
                </th>
              </tr>
            )}
            {own.map((row) => {
              const i = place.get(row) ?? 0;
              return (
                <tr key={`${row.first}\n${row.second}`}>
                  <td className={row.first === "" ? "" : styles.effect} aria-label={called(row)}>
                    <Called row={row} />
                  </td>
                  {numbers.map((column, at) => (
                    <Cells key={heads[at]} column={column} i={i} wide={wide} />
                  ))}
                </tr>
              );
            })}
          </tbody>
        ))}
      </table>
    </Wide>
  );
}

function HeadWithError({ title }: { title: string }) {
  return (
    <>
      <Head>{title}</Head>
      <Head>SE</Head>
    </>
  );
}

/** What is said of a name whose parts are drawn apart. */
function called(row: Row): string {
  return row.second === "" ? row.first || row.name : `${row.first}, ${row.second}`;
}

/** The name of one effect, or of two: each loses of its own where there is no room. */
function Called({ row }: { row: Row }) {
  if (row.second === "") return <Name text={called(row)} />;
  return (
    <span className={styles.pair}>
      <Name text={row.first} />
      <span className={styles.joint}>, </span>
      <Name text={row.second} />
    </span>
  );
}

interface Column {
  values: Real[];
  errors: Real[];
  texts: string[];
  under: string[];
  behind: number[];
  behindError: number[];
}

/** A column of numbers with their standard errors, both to as many decimals as these are worth. */
function column(rows: Row[], value: "vcov" | "sdcor", error: `${typeof value}_standard_error`): Column {
  const [values, errors] = [rows.map((row) => row[value]), rows.map((row) => row[error])];
  const decimals = errors.map(decimalsFor);
  const texts = values.map((one, i) => rounded(one, decimals[i] ?? null));
  const under = errors.map((one, i) => (one === null ? "–" : rounded(one, decimals[i] ?? null)));
  return { values, errors, texts, under, behind: padding(texts), behindError: padding(under) };
}

function Cells({ column, i, wide }: { column: Column; i: number; wide: boolean }) {
  const [text, under] = [column.texts[i] ?? null, column.under[i] ?? null];
  if (!wide) return <NumberCell text={text} whole={column.values[i]} under={under} />;
  return (
    <>
      <NumberCell text={text} whole={column.values[i]} behind={column.behind[i]} />
      <NumberCell text={under} whole={column.errors[i]} behind={column.behindError[i]} />
    </>
  );
}
