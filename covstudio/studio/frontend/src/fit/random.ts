// Random effects as rows to search and sort: a row is its place in the columns.

import type { State } from "../session/connection";
import { numeric, type Real } from "../ui/numbers";

type Table = State<"results">["blups"];
type Column = Exclude<keyof Table, "total">;

export interface Order {
  column: Column;
  up: boolean;
}

export const HEADS: readonly { column: Column; title: string; number: boolean }[] = [
  { column: "term", title: "Term", number: false },
  { column: "level", title: "Level", number: false },
  { column: "blup", title: "BLUP", number: true },
  { column: "standard_error", title: "SE", number: true },
  { column: "reliability", title: "Reliability", number: true },
];

/** The order after a press on a head: numbers from the largest, words from A; then the other way; then as they came. */
export function turned(now: Order | null, column: Column): Order | null {
  const first = !isNumber(column);
  if (now?.column !== column) return { column, up: first };
  return now.up === first ? { column, up: !first } : null;
}

/** How many there are, or how many of them match. */
export function counted(matching: number, listed: number, total: number): string {
  if (matching === listed) return total.toLocaleString("en");
  return `${matching.toLocaleString("en")} of ${listed.toLocaleString("en")}`;
}

function isNumber(column: Column): boolean {
  return HEADS.find((head) => head.column === column)?.number ?? false;
}

/** The rows that hold each word of a search. */
export function matching(table: Table, search: string): number[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = table.term.map((_, i) => i);
  if (words.length === 0) return rows;
  return rows.filter((i) => {
    const cells = HEADS.map(({ column }) => String(table[column][i] ?? "").toLowerCase());
    return words.every((word) => cells.some((text) => text.includes(word)));
  });
}

/** What there is not stands last, whichever way the rest goes. */
export function sorted(table: Table, rows: readonly number[], order: Order | null): number[] {
  if (order === null) return [...rows];
  const values: readonly Real[] = table[order.column];
  const number = isNumber(order.column);
  const sign = order.up ? 1 : -1;
  return [...rows].sort((one, other) => {
    if (!number)
      return sign * String(values[one]).localeCompare(String(values[other]), undefined, { numeric: true });
    const [a, b] = [numeric(values[one]), numeric(values[other])];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return a === b ? 0 : sign * (a - b);
  });
}
