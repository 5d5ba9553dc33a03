import { expect, test, vi } from "vitest";
import { Cells, columnWidth } from "./cells";

test("what comes into sight is asked for once, block by block", () => {
  const ask = vi.fn();
  const cells = new Cells(3, ask);
  cells.look([90, 110], [0, 6]);
  cells.look([95, 112], [0, 6]);
  expect(ask.mock.calls.map(([said]) => [said.serial, said.row, said.column])).toEqual([
    [3, 0, 0],
    [3, 100, 0],
  ]);
  cells.look([0, 5], [45, 55]);
  expect(ask).toHaveBeenCalledTimes(3);
});

test("cells are where they belong, and others' are not taken", () => {
  const cells = new Cells(3, () => {});
  const told = vi.fn();
  cells.subscribe(told);
  cells.look([100, 101], [50, 51]);
  expect(cells.at(100, 50)).toBeUndefined();
  cells.take({ type: "table-cells", serial: 2, row: 100, column: 50, cells: [["old"]] });
  expect(told).not.toHaveBeenCalled();
  cells.take({
    type: "table-cells",
    serial: 3,
    row: 100,
    column: 50,
    cells: [
      ["a", null],
      [1, 2.5],
    ],
  });
  expect(told).toHaveBeenCalledTimes(1);
  expect([cells.at(100, 50), cells.at(101, 50), cells.at(101, 51)]).toEqual(["a", null, 2.5]);
  expect(cells.at(102, 50)).toBeUndefined();
});

test("what was not looked at for long is asked for again", () => {
  const ask = vi.fn();
  const cells = new Cells(3, ask);
  for (let row = 0; row < 30_000; row += 100) cells.look([row, row], [0, 0]);
  expect(ask).toHaveBeenCalledTimes(300);
  cells.look([29_900, 29_900], [0, 0]);
  expect(ask).toHaveBeenCalledTimes(300);
  cells.look([0, 0], [0, 0]);
  expect(ask).toHaveBeenCalledTimes(301);
});

test("columns fill the room between the least and the most", () => {
  expect(columnWidth(1000, 7, 100, 300)).toBe(142);
  expect(columnWidth(1000, 70, 100, 300)).toBe(100);
  expect(columnWidth(1000, 2, 100, 300)).toBe(300);
  expect(columnWidth(0, 0, 100, 300)).toBe(100);
});
