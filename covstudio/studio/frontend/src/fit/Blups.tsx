// Random effects: searched, sorted, and as many of them drawn as the person asks for.

import { useLayoutEffect, useRef, useState } from "react";
import type { State } from "../session/connection";
import { fixed } from "../ui/numbers";
import { decimalsFor, rounded } from "./format";
import { counted, HEADS, matching, type Order, sorted, turned } from "./random";
import { Name, NumberCell, Section, Wide } from "./Table";
import tables from "./table.module.css";

type Table = State<"results">["blups"];

/** So many are drawn until somebody wants all. */
const SHOWN = 200;

export function Blups({ table }: { table: Table }) {
  const [search, setSearch] = useState("");
  const [order, setOrder] = useState<Order | null>(null);
  const [all, setAll] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other rows are read from the first
  useLayoutEffect(() => {
    if (place.current) place.current.scrollTop = 0;
  }, [search, order]);
  const known = table.term.length;
  if (known === 0) return null;
  const rows = sorted(table, matching(table, search), order);
  const shown = all ? rows : rows.slice(0, SHOWN);

  return (
    <Section
      name="blups"
      tools={
        <span className="cs-badge" role="status" aria-label="Random effects listed">
          {counted(rows.length, known, table.total)}
        </span>
      }
    >
      <input
        type="search"
        className={`cs-field ${tables.search}`}
        placeholder="Search terms and levels"
        aria-label="Search random effects"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <Wide label="Random effects table" role="region" look={tables.tall} place={place}>
        <table className="cs-table">
          <thead>
            <tr>
              {HEADS.map(({ column, title, number }) => {
                const way = order?.column === column ? (order.up ? "ascending" : "descending") : "none";
                return (
                  <th key={column} scope="col" className={number ? "cs-number" : ""} aria-sort={way}>
                    <button
                      type="button"
                      aria-label={`Sort by ${title}`}
                      onClick={() => setOrder(turned(order, column))}
                    >
                      {title}
                      {way === "none" ? "" : way === "ascending" ? " ↑" : " ↓"}
                    </button>
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {shown.map((i) => {
              const decimals = decimalsFor(table.standard_error[i]);
              const [term, level, reliability] = [
                table.term[i] ?? "",
                table.level[i] ?? "",
                table.reliability[i],
              ];
              return (
                <tr key={i}>
                  <td title={term}>
                    <Name>{term}</Name>
                  </td>
                  <td title={level}>
                    <Name>{level}</Name>
                  </td>
                  <NumberCell text={rounded(table.blup[i], decimals)} whole={table.blup[i]} />
                  <NumberCell
                    text={rounded(table.standard_error[i], decimals)}
                    whole={table.standard_error[i]}
                  />
                  <NumberCell text={fixed(reliability, 3)} />
                </tr>
              );
            })}
          </tbody>
        </table>
        {rows.length === 0 && <div className="cs-empty">No random effect matches.</div>}
      </Wide>
      {rows.length > shown.length && (
        <div className="cs-note">
          {`${shown.length} of ${rows.length.toLocaleString()} shown. `}
          <button type="button" className="cs-link" onClick={() => setAll(true)}>
            Show all
          </button>
        </div>
      )}
      {(shown.length < known || known < table.total) && (
        <div className="cs-note">
          {`Copy and Download take all ${table.total.toLocaleString()}, whatever is searched for or shown here.`}
        </div>
      )}
      {known < table.total && (
        <div className="cs-note">
          {`The first ${known.toLocaleString()} of ${table.total.toLocaleString()} are listed and searched.`}
        </div>
      )}
    </Section>
  );
}
