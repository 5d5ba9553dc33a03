"""Facts of a table that documents ask for: rows, labels and numbers of columns, levels of factors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from covstudio.covariance.structures.design.positions import Grid, grid_of
from covstudio.data.errors import DesignError, TableError, count, shown
from covstudio.data.rows import complete_rows, factor_levels
from covstudio.data.tables import Table
from covstudio.document.model.node import ArgumentValue, Levels


class TableFacts:
    """Answers about one table, kept once found.

    Args:
        table: the table; None answers that there is none.
    """

    def __init__(self, table: Table | None) -> None:
        self.table = table
        self.shapes: dict[tuple[str, Mapping[str, ArgumentValue]], tuple[int, int] | None] = {}
        """Shapes of leaves by kind and arguments, kept by those who measure them."""
        self._labels: dict[str, list[str]] = {}
        self._numbers: dict[str, Tensor] = {}
        self._counts: dict[tuple[str, ...], int] = {}
        self._grids: dict[str, Grid | None] = {}
        self._sorted: dict[str, tuple[str, ...]] = {}
        self._complete: dict[frozenset[str], Complete] = {}

    @property
    def rows(self) -> int | None:
        """The number of rows, or None without a table."""
        return None if self.table is None else self.table.n

    def labels(self, column: str) -> list[str]:
        """The labels of a column.

        Raises:
            TableError: there is no such column, or labels are missing in it.
        """
        if column not in self._labels:
            values = self._table().labels(column)
            missing = values.count(None)
            if missing:
                raise TableError(
                    f"Column {shown(column)} has no label in {count(missing, 'row')}. Fill them in, or "
                    "choose another column."
                )
            self._labels[column] = [value for value in values if value is not None]
        return self._labels[column]

    def levels(self, column: str) -> tuple[str, ...]:
        """The distinct labels of a column in order, see `Table.levels`."""
        if column not in self._sorted:
            self.labels(column)
            self._sorted[column] = factor_levels(self._table(), column)
        return self._sorted[column]

    def chosen(self, column: str) -> tuple[str, ...]:
        """The labels of a column in the order that somebody has said, or ()."""
        return () if self.table is None else self.table.choices.column(column).levels

    def count(self, columns: tuple[str, ...]) -> int:
        """The number of levels of a column; for several, the number of their combinations that occur.

        Raises:
            TableError: a column is not there, or labels are missing in it.
        """
        if columns not in self._counts:
            labels = [self.labels(column) for column in columns]
            self._counts[columns] = len(set(labels[0] if len(labels) == 1 else zip(*labels, strict=True)))
        return self._counts[columns]

    def size(self, levels: Levels) -> int:
        """The size that follows some levels.

        Raises:
            TableError: a column is not there, or labels are missing in it.
        """
        grid = self.grid(levels.columns[0]) if levels.filled else None
        return self.count(levels.columns) if grid is None else len(grid.levels)

    def grid(self, column: str) -> Grid | None:
        """The equally spaced positions of a column's levels; None where these are no numbers or dates.

        Raises:
            TableError: there is no such column, or labels are missing in it.
            UnevenLevels: there would be far more positions than levels.
        """
        if column not in self._grids:
            self._grids[column] = grid_of(self.levels(column))
        return self._grids[column]

    def numbers(self, column: str) -> Tensor:
        """The numbers of a column, (n,) float64.

        Raises:
            TableError: there is no such column, it holds something else, or numbers are missing in it.
        """
        if column not in self._numbers:
            numbers = torch.as_tensor(self._table().numbers(column), dtype=torch.float64)
            missing = int(numbers.isnan().sum())
            if missing:
                raise TableError(
                    f"Column {shown(column)} has no number in {count(missing, 'row')}. Fill them in, or "
                    "choose another column."
                )
            self._numbers[column] = numbers
        return self._numbers[column]

    def complete(self, columns: Iterable[str]) -> Complete:
        """The facts of the rows that have a value in every one of these columns.

        Args:
            columns: names; those the table does not have are passed over.
        """
        if self.table is None:
            return Complete(self)
        key = frozenset(columns).intersection(self.table.columns)
        if key not in self._complete:
            used = [column for column in self.table.columns if column in key]
            try:
                rows = complete_rows(self.table, used)
                facts = self if rows.table is self.table else TableFacts(rows.table)
                self._complete[key] = Complete(facts, rows.note)
            except DesignError as error:
                self._complete[key] = Complete(self, problem=str(error))
        return self._complete[key]

    def _table(self) -> Table:
        if self.table is None:
            raise TableError("There is no table. Load one in the data panel.")
        return self.table


@dataclass(frozen=True)
class Complete:
    """The rows that a model uses.

    Args:
        facts: about these rows.
        note: how many rows were left out and why, or "".
        problem: why there are none; the facts are those of the whole table then.
    """

    facts: TableFacts
    note: str = ""
    problem: str | None = None


#: Facts of a table never change, and a drag asks for them at every step: they live as long as the table
#: does. They hold its frame, not the table, which would keep itself alive.
_KEPT: WeakKeyDictionary[Table, TableFacts] = WeakKeyDictionary()


def facts_of(table: Table | None) -> TableFacts:
    """The facts of a table, shared by all who ask about the same object."""
    if table is None:
        return TableFacts(None)
    facts = _KEPT.get(table)
    if facts is None:
        facts = _KEPT.setdefault(table, TableFacts(table.same()))
    return facts
