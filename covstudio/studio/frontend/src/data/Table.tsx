// The whole table. Only the rows in sight are on the page, and of a very wide table only the columns in sight; a very long one is
// shown in parts, because browsers end a page at some height.

import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { useHear, useSend } from "../session/hooks";
import type { ShownTable } from "../session/messages";
import { useWidth } from "../ui/useWide";
import { ColumnAbout } from "./ColumnAbout";
import { type Cell, Cells, columnWidth } from "./cells";
import styles from "./data.module.css";

/** Pixels: the height of a row, the widths of the numbers of rows and of a column. */
const HEIGHT = 26;
const NUMBERS = 64;
const LEAST = 104;
const LEAST_WITH_ROLE = 128;
const MOST = 280;
/** So many columns are on the page whether in sight or not. */
const COLUMNS_AT_ONCE = 60;
/** So many rows can be scrolled through at once: a browser's page is at most some 17 million pixels high. */
const PART = 400_000;

export function Table({ table, proposed, roles }: { table: ShownTable; proposed: boolean; roles: boolean }) {
  const send = useSend("data");
  const { serial, rows, columns } = table;
  const cells = useMemo(() => new Cells(serial, send), [serial, send]);
  useHear("data", (message) => cells.take(message));
  useSyncExternalStore(cells.subscribe, () => cells.version);
  const [part, setPart] = useState(0);
  const [ground, room] = useWidth<HTMLDivElement>(0);
  const width = columnWidth(room - NUMBERS - 1, columns.length, roles ? LEAST_WITH_ROLE : LEAST, MOST);
  const first = Math.min(part, Math.ceil(rows / PART) - 1) * PART;
  const lines = useVirtualizer({
    count: Math.min(rows - first, PART),
    getScrollElement: () => ground.current,
    estimateSize: () => HEIGHT,
    overscan: 12,
  });
  const across = useVirtualizer({
    horizontal: true,
    count: columns.length,
    getScrollElement: () => ground.current,
    estimateSize: () => width,
    overscan: columns.length <= COLUMNS_AT_ONCE ? columns.length : 4,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the columns have this width now
  useEffect(() => across.measure(), [width]);

  const shown = lines.getVirtualItems();
  const seen = across.getVirtualItems();
  const ends = [
    first + (shown[0]?.index ?? 0),
    first + (shown.at(-1)?.index ?? -1),
    seen[0]?.index ?? 0,
    seen.at(-1)?.index ?? -1,
  ] as const;
  const [top, bottom, left, right] = ends;
  useEffect(() => cells.look([top, bottom], [left, right]), [cells, top, bottom, left, right]);

  const space = <div className={styles.space} style={{ width: seen[0]?.start ?? 0 }} />;
  const total = NUMBERS + columns.length * width;
  return (
    <div className={styles.tableArea}>
      {rows > PART && <Parts rows={rows} part={part} choose={setPart} />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to take the keyboard */}
      <div ref={ground} className={styles.ground} tabIndex={0} role="region" aria-label="Table">
        <div
          role="table"
          aria-label={table.name}
          aria-rowcount={rows + 1}
          aria-colcount={columns.length + 1}
          className={styles.table}
          style={{ width: total }}
        >
          <div role="rowgroup" className={styles.heads}>
            <div role="row" aria-rowindex={1} className={styles.row}>
              <div role="columnheader" aria-colindex={1} className={styles.corner}>
                <span className="cs-hidden-text">Row</span>
              </div>
              {space}
              {seen.map(({ index }) => {
                const column = columns[index];
                if (column === undefined) return null;
                return (
                  <div
                    key={column.name}
                    role="columnheader"
                    aria-label={column.name}
                    aria-colindex={index + 2}
                    className={styles.columnHead}
                    data-numeric={column.numeric || undefined}
                    style={{ width }}
                  >
                    {roles ? (
                      <ColumnAbout column={column} proposed={proposed} />
                    ) : (
                      <div className="cs-ellipsis" title={column.name}>
                        {column.name}
                      </div>
                    )}
                  </div>
                );
              })}
            </div>
          </div>
          <div role="rowgroup" className={styles.body} style={{ height: lines.getTotalSize() }}>
            {shown.map(({ index, start }) => (
              <div
                key={index}
                role="row"
                aria-rowindex={first + index + 2}
                className={styles.row}
                style={{ transform: `translateY(${start}px)` }}
              >
                <div role="rowheader" aria-colindex={1} className={styles.number}>
                  {(first + index + 1).toLocaleString("en")}
                </div>
                {space}
                {seen.map((column) => (
                  <div
                    key={column.index}
                    role="cell"
                    aria-colindex={column.index + 2}
                    className={styles.cell}
                    data-numeric={columns[column.index]?.numeric || undefined}
                    style={{ width }}
                  >
                    {written(cells.at(first + index, column.index))}
                  </div>
                ))}
              </div>
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

function written(cell: Cell | undefined): ReactNode {
  if (cell === undefined) return null;
  if (cell === null) return <span className="cs-muted">missing</span>;
  return String(cell);
}

function Parts({ rows, part, choose }: { rows: number; part: number; choose: (part: number) => void }) {
  const parts = Math.ceil(rows / PART);
  return (
    <label className={styles.parts}>
      Rows
      <select
        className="cs-field cs-select"
        aria-label="Rows shown"
        value={part}
        onChange={(event) => choose(Number(event.target.value))}
      >
        {Array.from({ length: parts }, (_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a part has no other name
          <option key={index} value={index}>
            {(index * PART + 1).toLocaleString("en")} to{" "}
            {Math.min((index + 1) * PART, rows).toLocaleString("en")}
          </option>
        ))}
      </select>
    </label>
  );
}
