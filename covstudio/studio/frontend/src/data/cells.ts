// The cells of a table that are here: blocks of them are asked for when they come into sight.

import type { TableCells, WantCells } from "../session/messages";

export type Cell = TableCells["cells"][number][number];

/** Rows and columns of a block. */
const ROWS = 100;
const COLUMNS = 50;
/** So many blocks are kept; those that were not looked at for longest go first. */
const KEPT = 200;

export class Cells {
  /** Another number whenever there are other cells. */
  version = 0;
  private readonly blocks = new Map<string, Cell[][] | null>(); // null: asked for
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly serial: number,
    private readonly ask: (message: WantCells) => void,
  ) {}

  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed);
    return () => this.listeners.delete(changed);
  };

  /** These are looked at, both ends included: what is not here is asked for. */
  look(rows: readonly [number, number], columns: readonly [number, number]): void {
    for (let row = start(rows[0], ROWS); row <= rows[1]; row += ROWS)
      for (let column = start(columns[0], COLUMNS); column <= columns[1]; column += COLUMNS) {
        const name = place(row, column);
        const block = this.blocks.get(name);
        if (block === undefined)
          this.ask({
            type: "want-cells",
            serial: this.serial,
            row,
            rows: ROWS,
            column,
            columns: COLUMNS,
          });
        this.blocks.delete(name);
        this.blocks.set(name, block ?? null);
      }
    for (const name of this.blocks.keys()) {
      if (this.blocks.size <= KEPT) break;
      this.blocks.delete(name);
    }
  }

  /** A block arrives. */
  take({ serial, row, column, cells }: TableCells): void {
    if (serial !== this.serial) return;
    this.blocks.set(place(row, column), cells);
    this.version++;
    for (const changed of this.listeners) changed();
  }

  /** A cell; undefined while it is not here. */
  at(row: number, column: number): Cell | undefined {
    const block = this.blocks.get(place(start(row, ROWS), start(column, COLUMNS)));
    return block?.[column % COLUMNS]?.[row % ROWS];
  }
}

const start = (index: number, size: number) => index - (index % size);
const place = (row: number, column: number) => `${row} ${column}`;

/** How wide a column is, so that all together fill what there is, if they can. */
export function columnWidth(room: number, columns: number, least: number, most: number): number {
  return Math.floor(Math.min(Math.max(room / Math.max(columns, 1), least), most));
}
