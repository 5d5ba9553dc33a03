// What each term of V makes of the variance, and how well the effects of a term are told apart.

import type { State } from "../session/connection";
import { fixed, numeric } from "../ui/numbers";
import { digits, padding } from "./format";
import styles from "./shares.module.css";
import { Head, Name, NumberCell, Section, TITLES, Wide } from "./Table";
import tables from "./table.module.css";

type Row = State<"results">["variance_shares"][number];

const percent = (share: Row["share"]) =>
  numeric(share) === null ? null : `${fixed(100 * (numeric(share) ?? 0), 1)} %`;

export function Shares({ rows }: { rows: Row[] }) {
  const told = rows.some((row) => row.generalised_heritability !== null);
  if (rows.length < 2 && !told) return null;
  const variances = rows.map((row) => digits(row.variance));
  const behind = padding(variances);
  return (
    <Section
      name="variance_shares"
      notes={[
        told &&
          "H² says how well the fit tells the effects of a term apart, from 0 to 1; of genotypes it is their heritability in this trial. Generalised: Oakey et al. (2006); Cullis: by the mean variance of a difference (2006).",
        "Any other ratio, such as the heritability of a plot, is a derived quantity: write it below.",
      ]}
    >
      <Wide label={`${TITLES.variance_shares} table`}>
        <table className={`cs-table ${tables.effects}`}>
          <thead>
            <tr>
              <th scope="col">Term of V</th>
              <Head under="mean of the rows">Variance</Head>
              <Head>Share</Head>
              {told && <Head under="generalised">H²</Head>}
              {told && <Head under="Cullis">H²</Head>}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={row.term}>
                <td title={row.term}>
                  <Name>{row.name}</Name>
                </td>
                <NumberCell text={variances[i]} whole={row.variance} behind={behind[i]} />
                <NumberCell
                  text={percent(row.share)}
                  whole={row.share}
                  under={<Bar share={numeric(row.share) ?? 0} />}
                />
                {told && (
                  <NumberCell
                    text={fixed(row.generalised_heritability, 3)}
                    whole={row.generalised_heritability}
                  />
                )}
                {told && (
                  <NumberCell text={fixed(row.cullis_heritability, 3)} whole={row.cullis_heritability} />
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </Section>
  );
}

/** As long as the share is large. */
function Bar({ share }: { share: number }) {
  return (
    <div className={styles.bar} aria-hidden="true">
      <div style={{ width: `${100 * Math.min(Math.max(share, 0), 1)}%` }} />
    </div>
  );
}
