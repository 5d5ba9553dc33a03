"""The rows of a table that a model takes: the complete ones, with the response and the levels of factors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
import torch

from covstudio.arguments import checked
from covstudio.data.column_values import Bools
from covstudio.data.errors import DesignError, TableError, count, listed, shown
from covstudio.data.numerals import number as as_number
from covstudio.data.tables import Table

LEVEL_SEPARATOR = "\u22c8"
_MAX_LEVELS = 1_000_000


@dataclass(frozen=True, eq=False)
class CompleteRows:
    """The rows without a missing value.

    Attributes:
        table: these rows.
        kept: (n,) bool, where the original table has them.
        dropped: how many are not among them.
        note: how many were dropped and why, or "".
    """

    table: Table
    kept: Bools
    dropped: int
    note: str


@dataclass(frozen=True, eq=False)
class Response:
    """The values to explain.

    Attributes:
        y: float64 tensor of the values that are there.
        kept: (n,) bool, where they are in the table.
        dropped: how many rows have none.
        note: how many were dropped, or "".
    """

    y: torch.Tensor
    kept: Bools
    dropped: int
    note: str


def complete_rows(table: Table, columns: Iterable[str]) -> CompleteRows:
    """Drop the rows where one of these columns has no value.

    A model that uses several parts of a table takes its rows from here once, with every column it uses, so
    that y, X and V belong to the same rows.

    Args:
        table: a table of n rows.
        columns: the columns that matter.

    Raises:
        TableError: there is no such column.
        DesignError: no row is left.

    Example:
        >>> table = Table.from_columns({"rep": ["R1", None, "R2"], "yield": [4.1, 3.0, None]}, "trial")
        >>> complete_rows(table, ["yield", "rep"]).note
        "2 of 3 rows were dropped: 1 has no 'yield', 1 has no 'rep'."
    """
    columns = list(dict.fromkeys(columns))
    table.require(columns)
    kept = np.ones(table.n, dtype=np.bool_)
    reasons = []
    for column in columns:
        missing = table.missing(column) & kept
        kept &= ~missing
        if missing.any():
            number = int(missing.sum())
            reasons.append(f"{number:,} {'has' if number == 1 else 'have'} no {shown(column)}")
    dropped = table.n - int(kept.sum())
    if dropped == table.n:
        raise DesignError(
            f"No row of {shown(table.name)} has a value in each of {listed(columns)}: {', '.join(reasons)}. "
            "Use fewer columns, or complete the table."
        )
    verb = "was" if dropped == 1 else "were"
    note = f"{dropped:,} of {count(table.n, 'row')} {verb} dropped: {', '.join(reasons)}." if dropped else ""
    return CompleteRows(table.rows(kept), kept, dropped, note)


@checked
def response(table: Table, column: str) -> Response:
    """The response, without the rows that have none.

    Args:
        table: a table of n rows.
        column: a numeric column.

    Raises:
        TableError: there is no such column, or it holds text; the message names the first such value and row.
        DesignError: it has no values, or the same in every row.

    Example:
        >>> table = Table.from_columns({"yield": [4.1, None, 3.9]}, "trial")
        >>> response(table, "yield").y, response(table, "yield").note
        (tensor([4.1000, 3.9000], dtype=torch.float64), "1 of 3 rows was dropped: 1 has no 'yield'.")
    """
    if not table.is_numeric(column):
        texts = [text for text in table.labels(column) if text is not None]
        # Where some are numbers, or have a decimal comma, `numbers` says which cells to mend.
        if texts and all(as_number(text.replace(",", "")) is None for text in texts):
            raise TableError(
                f"The response should hold numbers, and column {shown(column)} holds text such as "
                f"{shown(texts[0])}. Choose another column as the response."
            )
    values = table.numbers(column)
    complete = complete_rows(table, [column])
    present = values[complete.kept]
    if len(present) > 1 and (present == present[0]).all():
        raise DesignError(
            f"The response {shown(column)} is {present[0]:.15g} in every row, so there is nothing to "
            "explain. Choose another column."
        )
    return Response(torch.from_numpy(present), complete.kept, complete.dropped, complete.note)


@checked
def factor_columns(table: Table, columns: Sequence[str]) -> list[list[str]]:
    """The labels of each factor, row by row: what `DummyMatrix` takes.

    Args:
        table: a table of n rows.
        columns: the factors.

    Returns:
        A list of n strings for each column. Labels are strings, whatever the column holds.

    Raises:
        TableError: there is no such column.
        DesignError: a label is missing; drop those rows first with `complete_rows`.

    Example:
        >>> factor_columns(Table.from_columns({"rep": [1, 2]}, "trial"), ["rep"])
        [['1', '2']]
    """
    table.require(columns)
    found = []
    for column in columns:
        labels = table.labels(column)
        if None in labels:
            raise DesignError(
                f"Column {shown(column)} has no label in row {labels.index(None) + 1:,}. Fill it in, or drop "
                "the rows without one before."
            )
        found.append([label for label in labels if label is not None])
    return found


def factor_levels(table: Table, column: str) -> tuple[str, ...]:
    """The levels of one factor, sorted as R does: by size when all are numbers, otherwise by code point.

    Raises:
        TableError: there is no such column.

    Example:
        >>> factor_levels(Table.from_columns({"row": [10, 2, 2]}, "trial"), "row")
        ('2', '10')
    """
    return table.levels(column)


@checked
def levels(table: Table, columns: Sequence[str], *, crossed: bool = True) -> tuple[str, ...]:
    """The levels of a factor, or of several crossed: the columns of `DummyMatrix`, in order.

    Args:
        table: the table.
        columns: one or more factors.
        crossed: all combinations, whether they occur or not; else those that occur.

    Returns:
        The labels, those of several factors joined by the sign ⋈, the last factor changing fastest.

    Raises:
        TableError: there is no such column.
        DesignError: there are more combinations than can be handled.

    Example:
        >>> table = Table.from_columns({"rep": ["R1", "R2"], "block": ["B1", "B2"]}, "trial")
        >>> levels(table, ["rep", "block"])
        ('R1⋈B1', 'R1⋈B2', 'R2⋈B1', 'R2⋈B2')
        >>> levels(table, ["rep", "block"], crossed=False)
        ('R1⋈B1', 'R2⋈B2')
    """
    sets = [factor_levels(table, column) for column in columns]
    total = prod(len(names) for names in sets)
    if crossed and total > _MAX_LEVELS:
        raise DesignError(
            f"The factors {listed(columns)} have {total:,} combinations of levels, and {_MAX_LEVELS:,} is "
            "the most. Use fewer of them."
        )
    if crossed:
        return tuple(LEVEL_SEPARATOR.join(combination) for combination in product(*sets))
    places = [{name: place for place, name in enumerate(names)} for names in sets]
    rows = zip(*(table.labels(column) for column in columns), strict=True)
    found = {tuple(label for label in row if label is not None) for row in rows if None not in row}
    order = sorted(found, key=lambda row: [place[label] for place, label in zip(places, row, strict=True)])
    return tuple(LEVEL_SEPARATOR.join(row) for row in order)
