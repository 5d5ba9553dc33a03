"""What a document asks a table: rows, labels and numbers of columns, levels of factors. Asked once each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from covstudio.data.columns import sorted_labels
from covstudio.data.errors import TableError, count, listed, shown
from covstudio.data.tables import Table
from covstudio.document.node import ArgumentValue


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
        self._sorted: dict[str, tuple[str, ...]] = {}
        self._complete: dict[frozenset[str], tuple[TableFacts, tuple[str, ...]]] = {}

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
            missing = sum(value is None for value in values)
            if missing:
                raise TableError(
                    f"Column {shown(column)} has no label in {count(missing, 'row')}. Fill them in, or make "
                    "this part of V: rows that V cannot use are left out."
                )
            self._labels[column] = [value for value in values if value is not None]
        return self._labels[column]

    def levels(self, column: str) -> tuple[str, ...]:
        """The distinct labels of a column: numbers by size, other labels by code point."""
        if column not in self._sorted:
            self._sorted[column] = sorted_labels(self.labels(column))
        return self._sorted[column]

    def count(self, columns: tuple[str, ...]) -> int:
        """The number of levels of a column; for several, the number of their combinations that occur.

        Raises:
            TableError: a column is not there, or labels are missing in it.
        """
        if columns not in self._counts:
            self._counts[columns] = len(set(zip(*(self.labels(column) for column in columns), strict=True)))
        return self._counts[columns]

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
                    f"Column {shown(column)} has no number in {count(missing, 'row')}. Fill them in, or make "
                    "this part of V: rows that V cannot use are left out."
                )
            self._numbers[column] = numbers
        return self._numbers[column]

    def complete(self, columns: Iterable[str]) -> tuple[TableFacts, tuple[str, ...]]:
        """The facts of the rows with a value in every one of these columns, and notes: `complete_rows`."""
        if self.table is None:
            return self, ()
        key = frozenset(columns)
        if key not in self._complete:
            table, notes = complete_rows(self.table, sorted(key))
            self._complete[key] = (self if table is self.table else TableFacts(table), notes)
        return self._complete[key]

    def _table(self) -> Table:
        if self.table is None:
            raise TableError("There is no table. Load one in the data panel.")
        return self.table


# Facts of a table never change, and a drag asks for them at every step: they live as long as the table
# does. They hold its frame, not the table, which would keep itself alive.
_KEPT: WeakKeyDictionary[Table, TableFacts] = WeakKeyDictionary()


def facts_of(table: Table | None) -> TableFacts:
    """The facts of a table, shared by all who ask about the same object."""
    if table is None:
        return TableFacts(None)
    facts = _KEPT.get(table)
    if facts is None:
        facts = _KEPT.setdefault(table, TableFacts(replace(table)))
    return facts


def complete_rows(table: Table, columns: Iterable[str]) -> tuple[Table, tuple[str, ...]]:
    """The rows of a table that have a value in every one of these columns.

    Args:
        table: the table.
        columns: names; those the table does not have are passed over.

    Returns:
        (the table of those rows, one sentence for every column that made rows go).

    Example:
        >>> table = Table.from_columns({"gen": ["a", None, "b"], "yield": [1.0, 2.0, None]}, "trial")
        >>> kept, notes = complete_rows(table, ["gen", "yield"])
        >>> kept.n, notes
        (1, ("2 of 3 rows were left out: 1 has no value in 'gen' and 1 has none in 'yield'.",))
    """
    wanted = set(columns)
    used = [column for column in table.columns if column in wanted]
    missing = {column: table.missing(column) for column in used}
    missing = {column: where for column, where in missing.items() if where.any()}
    if not missing:
        return table, ()
    gone = next(iter(missing.values())).copy()
    for where in missing.values():
        gone |= where
    parts = []
    for position, (column, where) in enumerate(missing.items()):
        size = int(where.sum())
        verb = "has" if size == 1 else "have"
        parts.append(f"{size:,} {verb} {'none' if position else 'no value'} in {shown(column)}")
    reason = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    dropped = int(gone.sum())
    verb = "was" if dropped == 1 else "were"
    note = f"{dropped:,} of {table.n:,} rows {verb} left out: {reason}."
    return table.rows(~gone), (note,)


def absent(table: Table, columns: Iterable[str]) -> str | None:
    """Which of these columns the table does not have, as a message; None when it has them all."""
    gone = [column for column in columns if column not in table.columns]
    if not gone:
        return None
    try:
        table.require(gone)
    except TableError as error:
        return str(error)
    return f"There are no columns {listed(gone)}."
