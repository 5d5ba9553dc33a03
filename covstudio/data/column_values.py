"""The values of a table's columns, asked for by name: labels, levels, numbers, times, gaps."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from covstudio.arguments import checked, given
from covstudio.data.causes import why_no_numbers
from covstudio.data.choices import TableChoices
from covstudio.data.compact import MANY, Coded, arrays_of, coded
from covstudio.data.dates import days
from covstudio.data.errors import TableError, count, listed, shown, suggestion
from covstudio.data.numerals import number
from covstudio.data.ordering import first_distinct, ordered_distinct
from covstudio.data.text import label, plain_label, plain_name

#: So many levels of a column are found where some are asked for, and kept.
KEPT_LEVELS = 64

Bools = npt.NDArray[np.bool_]


class ColumnValues:
    """The columns of a table, each as labels or as numbers; `Table` says what else a table is.

    Attributes:
        frame: the values. A column is int64, float64 (NaN where missing) or object (str, None where missing).
        name: what the table is called.
        choices: what a person has said about it, the order of levels included.
        lines: (n,) the line of the file where each row begins; None for a table that was made in memory.
    """

    frame: pd.DataFrame
    name: str
    choices: TableChoices
    lines: npt.NDArray[np.int64] | None

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.frame)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the order of the file."""
        return tuple(str(name) for name in self.frame.columns)

    def has(self, column: str) -> bool:
        """Whether there is this column, in whichever Unicode form its name is given."""
        if not isinstance(column, str):
            return False
        return column in self.frame.columns or self._own(column) in self.frame.columns

    @checked
    def absent(self, column: str, meant: bool = True) -> str:
        """The sentence about a column that there is not.

        Args:
            column: its name.
            meant: whether to say which may have been meant; with very many names this takes a while.
        """
        told = f"There is no column {shown(column)} in {shown(self.name)}."
        return f"{told} {suggestion(column, self.columns)}" if meant else told

    @checked
    def require(self, columns: Iterable[str]) -> None:
        """Check that the table has these columns.

        Args:
            columns: their names.

        Raises:
            TableError: one or more are not there; the message names them and what may have been meant.

        Example:
            >>> from covstudio.data import Table
            >>> Table.from_columns({"gen": ["G1"], "yield": [4.1]}, "trial").require(["Yield"])
            Traceback (most recent call last):
            covstudio.data.errors.TableError: There is no column 'Yield' in 'trial'. Did you mean 'yield'?
        """
        absent = [one for one in dict.fromkeys(columns) if not self.has(one)]
        if len(absent) == 1:
            raise TableError(self.absent(absent[0]))
        if absent:
            raise TableError(
                f"There are no columns {listed(absent)} in {shown(self.name)}, which has "
                f"{listed(self.columns, limit=12)}. Load the table that the model was made for, or choose "
                "other columns."
            )

    def _array(self, column: str) -> npt.NDArray[Any]:
        """A column, in whichever Unicode form its name is given."""
        found = self._arrays.get(column) if isinstance(column, str) else None
        if found is None:
            self.require([column])
            own = self._own(column)
            found = self._arrays.get(own)
            if found is None:
                found = self.frame[own].to_numpy()
            self._arrays[column] = found
        return found

    @cached_property
    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The columns that somebody asked for, and all of very many: pandas takes long to find one."""
        many = len(self.columns) > MANY
        return dict(zip(self.columns, arrays_of(self.frame), strict=True)) if many else {}

    @cached_property
    def _known(self) -> dict[str, Coded]:
        """Columns of labels as codes, once somebody asked for what follows from them."""
        return {}

    @cached_property
    def _ordered(self) -> dict[str, tuple[str, ...]]:
        """The levels of columns of labels."""
        return {}

    @cached_property
    def _first(self) -> dict[str, tuple[tuple[str, ...], int]]:
        """The first levels of columns of labels, and how many there are."""
        return {}

    def _coded(self, column: str) -> Coded:
        """A column as codes; kept where it holds labels, which are found by comparing texts."""
        cells = self._array(column)
        if self.is_numeric(column):
            return coded(cells)
        own = self._own(column)
        found = self._known.get(own)
        if found is None:
            found = self._known[own] = coded(cells)
        return found

    def _own(self, column: str) -> str:
        """The name of a column as the table has it."""
        if not isinstance(column, str):
            raise TableError(f"A column is asked for by its name, a text; got {given(column)}.")
        there = self.frame.columns
        if column in there:
            return column
        return plain_name(column) if plain_name(column) in there else plain_label(column)

    def is_numeric(self, column: str) -> bool:
        """Whether everything in the column that is not missing is a number.

        Raises:
            TableError: there is no such column.
        """
        return self._array(column).dtype.kind in "iufb"

    def is_time(self, column: str) -> bool:
        """Whether everything in the column that is not missing is a date, with or without a time of day.

        Raises:
            TableError: there is no such column.

        Example:
            >>> from covstudio.data import Table
            >>> Table.from_columns({"sown": ["2023-05-01", None], "rep": ["R1", "R2"]}, "t").is_time("sown")
            True
        """
        if self.is_numeric(column):
            return False
        found = self._coded(column).values
        return len(found) > 0 and all(days(text) is not None for text in found)

    def labels(self, column: str) -> list[str | None]:
        """The column as labels: strings, whatever it holds; None where missing.

        Raises:
            TableError: there is no such column.

        Example:
            >>> from covstudio.data import Table
            >>> Table.from_columns({"rep": [1, 2], "x": [0.50, 1]}, "t").labels("x")
            ['0.5', '1']
        """
        found: list[str | None] = self._labels(column).tolist()
        return found

    def _labels(self, column: str) -> npt.NDArray[np.object_]:
        found = self._coded(column)
        if not self.is_numeric(column):
            return found.cells()
        names = np.array([*map(label, found.values)], dtype=object)
        return Coded(found.codes, names).cells()

    def codes(self, column: str) -> npt.NDArray[np.int32]:
        """A number from 0 for every row, the same for the same value, by first places; -1 where missing.

        Raises:
            TableError: there is no such column.

        Example:
            >>> from covstudio.data import Table
            >>> Table.from_columns({"rep": ["R2", "R1", None, "R2"]}, "t").codes("rep").tolist()
            [0, 1, -1, 0]
        """
        return self._coded(column).codes

    def values(self, column: str) -> npt.NDArray[Any]:
        """The different values of a column, to which `codes` point; missing ones are none.

        Raises:
            TableError: there is no such column.

        Example:
            >>> from covstudio.data import Table
            >>> Table.from_columns({"rep": ["R2", "R1", None, "R2"]}, "t").values("rep").tolist()
            ['R2', 'R1']
        """
        return self._coded(column).values

    def counts(self, column: str) -> dict[str, int]:
        """The labels that occur in a column, in the order in which they first do, and in how many rows.

        Raises:
            TableError: there is no such column.

        Example:
            >>> from covstudio.data import Table
            >>> Table.from_columns({"rep": ["R2", "R1", None, "R2"]}, "t").counts("rep")
            {'R2': 2, 'R1': 1}
        """
        one = self._coded(column)
        found: dict[str, int] = {}
        for value, rows in zip(one.values, one.counts().tolist(), strict=True):
            text = label(value)
            if text is not None:
                found[text] = found.get(text, 0) + rows
        return found

    def single(self, column: str) -> str | None:
        """The one label of a column; None where there are several, or none.

        Raises:
            TableError: there is no such column.

        Example:
            >>> from covstudio.data import Table
            >>> table = Table.from_columns({"rep": ["R1", "R1", None], "x": [0.5, 1, 1]}, "t")
            >>> table.single("rep"), table.single("x")
            ('R1', None)
        """
        if not self.is_numeric(column):
            values = self._coded(column).values
            return str(values[0]) if len(values) == 1 else None
        numbers = self._array(column)
        numbers = numbers[~np.isnan(numbers)]
        if not len(numbers):
            return None
        # Larger numbers never have labels of smaller ones.
        low, high = label(numbers.min()), label(numbers.max())
        return low if low == high else None

    def same_cells(self, other: ColumnValues) -> bool:
        """Whether another table has the same columns of the same kinds, with the same cells.

        Args:
            other: the other table.

        Example:
            >>> from covstudio.data import Table
            >>> one, other = (Table.from_columns({"g": ["a", None]}, name) for name in ("one", "other"))
            >>> one.same_cells(other), one.same_cells(Table.from_columns({"g": ["a", "b"]}, "t"))
            (True, False)
        """
        if self.n != other.n or self.columns != other.columns:
            return False
        return all(self._same_cells(other, column) for column in self.columns)

    def _same_cells(self, other: ColumnValues, column: str) -> bool:
        mine, theirs = self._array(column), other._array(column)
        if mine.dtype != theirs.dtype:
            return False
        if self.is_numeric(column):
            return bool(np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f"))
        one, two = self._coded(column), other._coded(column)
        return one.same(two)

    def levels(self, column: str) -> tuple[str, ...]:
        """The labels that occur in a column, each once, in order.

        The order is the one that somebody has chosen, or else that of `sorted_labels`: numbers by size, dates
        by time, anything else as in a dictionary.

        Raises:
            TableError: there is no such column.

        Example:
            >>> from covstudio.data import Table, TableChoices
            >>> table = Table.from_columns({"row": [10, 2, 2], "dose": ["low", "high", "none"]}, "trial")
            >>> table.levels("row"), table.levels("dose")
            (('2', '10'), ('high', 'low', 'none'))
            >>> said = TableChoices().with_column("dose", levels=["none", "low", "high"])
            >>> table.with_choices(said).levels("dose")
            ('none', 'low', 'high')
        """
        own = self._own(column)
        known = self._ordered.get(own)
        if known is None:
            known = ordered_distinct(self._different(column), self.choices.column(own).levels)
            if not self.is_numeric(column):
                self._ordered[own] = known
        return known

    def first_levels(self, column: str, most: int) -> tuple[tuple[str, ...], int]:
        """The first of a column's levels, in order, and how many there are: of many, sooner.

        Args:
            column: its name.
            most: how many, at most.

        Raises:
            TableError: there is no such column.

        Example:
            >>> from covstudio.data import Table
            >>> Table.from_columns({"dose": ["low", "high", "none"]}, "trial").first_levels("dose", 2)
            (('high', 'low'), 3)
        """
        own = self._own(column)
        known = self._first.get(own)
        if known is None or (len(known[0]) < min(most, known[1])):
            different = self._different(column)
            said = self.choices.column(own).levels
            known = first_distinct(different, said, max(most, KEPT_LEVELS)), len(different)
            if not self.is_numeric(column):
                self._first[own] = known
        return known[0][:most], known[1]

    def _different(self, column: str) -> list[str]:
        """The labels that occur, each once, in no order."""
        found: list[Any] = self._coded(column).values.tolist()
        if not self.is_numeric(column):
            return found
        return list(dict.fromkeys(text for text in map(label, found) if text is not None))

    def reference(self, column: str) -> str | None:
        """The level that somebody has chosen for the others to be compared with, or None.

        Raises:
            TableError: there is no such column.
        """
        self.require([column])
        return self.choices.column(self._own(column)).reference

    def numbers(self, column: str) -> npt.NDArray[np.float64]:
        """The column as an (n,) float64 array, NaN where missing; dates are days since 1970-01-01.

        Raises:
            TableError: there is no such column, or a value is not a number; the message names the first, its
                place, and why it is none.

        Example:
            >>> from covstudio.data import Table
            >>> Table.from_columns({"sown": ["1970-01-11", "1970-01-12T06:00"]}, "t").numbers("sown")
            array([10.  , 11.25])
        """
        if self.is_numeric(column):
            return self._array(column).astype(np.float64)
        one = self._coded(column)
        codes, texts = one.codes, list(map(str, one.values))
        sizes = [number(text) for text in texts]
        if None in sizes:
            times = [days(text) for text in texts]
            if None in times:
                raise TableError(self._no_number(column, codes, texts))
            sizes = times
        return np.array([*(math.nan if size is None else size for size in sizes), math.nan])[codes]

    def _no_number(self, column: str, codes: npt.NDArray[np.integer[Any]], texts: list[str]) -> str:
        """Why a column of text cannot be numbers: the first such cell, where it is, and the cause."""
        place, cause = why_no_numbers(texts)
        row = int(np.flatnonzero(codes == place)[0])
        wrong = int(np.isin(codes, [at for at, text in enumerate(texts) if number(text) is None]).sum())
        where = "" if self.lines is None else f" in line {self.lines[row]:,} of the file"
        verb = "is" if wrong == 1 else "are"
        return (
            f"Column {shown(column)} should hold numbers, and row {row + 1:,} holds {shown(texts[place])}"
            f"{where} ({count(wrong, 'cell')} of {self.n:,} {verb} not numbers). {cause}"
        )

    def missing(self, column: str) -> Bools:
        """Where the column has no value, as an (n,) array.

        Raises:
            TableError: there is no such column.
        """
        if not self.is_numeric(column):
            return self._coded(column).codes < 0
        values = self._array(column)
        if values.dtype.kind in "iu":
            return np.zeros(len(values), dtype=np.bool_)
        return np.isnan(values) if values.dtype.kind == "f" else np.asarray(pd.isna(values), dtype=np.bool_)
