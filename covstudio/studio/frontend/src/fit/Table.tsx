// The parts of the tables of a fit.

import { Fragment, type ReactNode, type Ref } from "react";
import { useSend } from "../session/hooks";
import { Icon } from "../ui/Icon";
import { numeric, type Real, short } from "../ui/numbers";
import styles from "./fit.module.css";
import { breaks } from "./format";
import tables from "./table.module.css";

export const TITLES = {
  variance_components: "Variance components",
  variance_shares: "Shares of variance",
  varcorr: "Variances and correlations by name",
  variance_tests: "Tests of terms of V",
  derived: "Derived quantities",
  fixed_effects: "Fixed effects",
  tests: "Tests of fixed effects",
  residuals: "Residuals",
  blups: "Random effects (BLUPs)",
} as const;
export type TableName = keyof typeof TITLES;

export const DOWNLOAD = "M8 2.5v8|M4.8 7.5 8 10.7l3.2-3.2|M2.5 13.5h11";
const COPY = "M5.5 5.5h8v8h-8z|M10.5 5.5v-3h-8v8h3";

/** A table with its title, ways to take it away, and what there is to know about it. */
export function Section({
  name,
  tools,
  take = true,
  notes = [],
  children,
}: {
  name: TableName;
  tools?: ReactNode;
  /** There is something to take away. */
  take?: boolean;
  notes?: readonly (string | false)[];
  children: ReactNode;
}) {
  const title = TITLES[name];
  return (
    <section className={styles.section} aria-label={title}>
      <div className={styles.sectionHead}>
        <h3>{title}</h3>
        {tools}
        {take && <Take name={name} />}
      </div>
      {children}
      {notes.map(
        (note) =>
          note && (
            <p key={note} className={styles.facts}>
              {note}
            </p>
          ),
      )}
    </section>
  );
}

function Take({ name }: { name: TableName }) {
  const send = useSend("fit");
  return (
    <span className={styles.take}>
      <button
        type="button"
        className="cs-icon-button"
        aria-label={`Copy ${TITLES[name]}`}
        data-tip="Copy for a spreadsheet"
        data-tip-side="right"
        onClick={() => send({ type: "copy-table", table: name })}
      >
        <Icon path={COPY} />
      </button>
      <button
        type="button"
        className="cs-icon-button"
        aria-label={`Download ${TITLES[name]} as csv`}
        data-tip="Download as csv"
        data-tip-side="right"
        onClick={() => send({ type: "save-table", table: name })}
      >
        <Icon path={DOWNLOAD} />
      </button>
    </span>
  );
}

/** What scrolls where it is wider than its place. */
export function Wide({
  label,
  look = "",
  role = "group",
  place,
  children,
}: {
  label: string;
  look?: string | undefined;
  role?: "group" | "region";
  place?: Ref<HTMLDivElement>;
  children: ReactNode;
}) {
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: it has one of two roles, and both have names
    <div ref={place} className={`${tables.wideTable} ${look}`} role={role} aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

/** The head of a column of numbers, with a quieter line below. */
export function Head({ children, under, span }: { children: ReactNode; under?: ReactNode; span?: number }) {
  return (
    <th scope="col" className="cs-number" colSpan={span}>
      {children}
      {under && <div className={tables.under}>{under}</div>}
    </th>
  );
}

/** A number as it was rounded for reading; all of it on hover. `behind` is what it lacks to stand below the others. */
export function NumberCell({
  text,
  whole,
  behind = 0,
  under,
}: {
  text: ReactNode;
  whole?: Real;
  behind?: number;
  under?: ReactNode;
}) {
  const title = numeric(whole) === null ? undefined : short(whole, 10);
  return (
    <td className="cs-number" title={title}>
      {text === null || text === "–" ? (
        <span className="cs-muted">–</span>
      ) : behind > 0 ? (
        <span style={{ paddingRight: `${behind}ch` }}>{text}</span>
      ) : (
        text
      )}
      {under && <div className={tables.under}>{under}</div>}
    </td>
  );
}

/** A name that may go on in the next line after each of its parts. */
export function Name({ children }: { children: string }) {
  let place = 0;
  return breaks(children).map((part) => {
    place += part.length;
    return (
      <Fragment key={place}>
        {place > part.length && <wbr />}
        {part}
      </Fragment>
    );
  });
}
