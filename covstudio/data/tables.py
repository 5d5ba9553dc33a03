"""Tables of plots or records: checked, and asked for labels, numbers or times."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from covstudio.data.causes import why_no_numbers
from covstudio.data.choices import Question, TableChoices
from covstudio.data.dates import days
from covstudio.data.errors import TableError, count, listed, shown, suggestion
from covstudio.data.in_memory import Cell, checked_names, frame_of, series_of
from covstudio.data.numerals import number
from covstudio.data.ordering import ordered_labels
from covstudio.data.text import label, plain_label, plain_name
from covstudio.registry import Given

Bools = npt.NDArray[np.bool_]

#: What is shown of a table in a terminal: rows, columns, and characters of a cell.
SHOWN_ROWS, SHOWN_COLUMNS, SHOWN_WIDTH = 6, 8, 18


def _cell(value: object) -> str:
    """A value as the table of a terminal has it; "NA" where there is none."""
    if value is None or value != value:
        return "NA"
    return f"{value:g}" if isinstance(value, float) else shown(value, SHOWN_WIDTH)[1:-1]


@dataclass(frozen=True, eq=False)
class Table:
    """A table of n rows whose columns are numbers or labels. It is read, never written to.

    Attributes:
        frame: the values. A column is int64, float64 (NaN where missing) or object (str, None where missing).
        name: what the table is called, usually the name of its file.
        notes: what was read differently from how it is written, one sentence each.
        questions: what the file does not say, and how it was read until somebody does.
        choices: what a person has said about it, the order of levels included.
        lines: (n,) the line of the file where each row begins; None for a table that was made in memory.
        base: the table before the steps of its choices, where there are any.
        places: (n,) the row of `base` that each row is, counted from 0.

    Example:
        >>> from covstudio.data import read_table
        >>> table = read_table(b"gen,yield\\nG1,4.1\\nG2,NA\\n", name="trial")
        >>> table.n, table.columns, table.labels("gen"), table.numbers("yield")
        (2, ('gen', 'yield'), ['G1', 'G2'], array([4.1, nan]))
    """

    frame: pd.DataFrame
    name: str
    notes: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    choices: TableChoices = field(default_factory=TableChoices)
    lines: npt.NDArray[np.int64] | None = None
    base: Table | None = None
    places: npt.NDArray[np.int64] | None = None

    _repr_html_ = Given("table.html", method=True)

    def __repr__(self) -> str:
        """Rows and columns, what the columns hold, and the first rows: at most some twenty lines."""
        first = self.frame.iloc[:SHOWN_ROWS, :SHOWN_COLUMNS]
        kinds = {name: "numbers" if self.is_numeric(str(name)) else "labels" for name in first.columns}
        heads = pd.MultiIndex.from_tuples(
            [(shown(name, SHOWN_WIDTH)[1:-1], kinds[name]) for name in first.columns]
        )
        texts = [[_cell(value) for value in row] for row in first.itertuples(index=False, name=None)]
        said = f"{self.name}: {count(self.n, 'row')}, {count(len(self.columns), 'column')}"
        lines = [said]
        if len(first.columns):
            body = pd.DataFrame(texts, columns=heads)
            lines.append(body.to_string(index=False))
        rows, columns = self.n - SHOWN_ROWS, len(self.columns) - SHOWN_COLUMNS
        left = [
            count(more, what) for more, what in ((rows, "more row"), (columns, "more column")) if more > 0
        ]
        if left:
            lines.append(f"... and {' and '.join(left)}")
        if self.questions:
            lines.append(f"{count(len(self.questions), 'question')} open: see `questions`")
        return "\n".join(lines)

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
        return column in self.frame.columns or self._own(column) in self.frame.columns

    def absent(self, column: str, meant: bool = True) -> str:
        """The sentence about a column that there is not.

        Args:
            column: its name.
            meant: whether to say which may have been meant; with very many names this takes a while.
        """
        told = f"There is no column {shown(column)} in {shown(self.name)}."
        return f"{told} {suggestion(column, self.columns)}" if meant else told

    def require(self, columns: Iterable[str]) -> None:
        """Check that the table has these columns.

        Raises:
            TableError: one or more are not there; the message names them and what may have been meant.

        Example:
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

    def _series(self, column: str) -> pd.Series[Any]:
        """A column, in whichever Unicode form its name is given."""
        found = self._found.get(column)
        if found is None:
            self.require([column])
            found = self._found[column] = self.frame[self._own(column)]
        return found

    @cached_property
    def _found(self) -> dict[str, pd.Series[Any]]:
        """The columns that somebody asked for: pandas takes longer to find one than many are long."""
        return {}

    @cached_property
    def _numeric(self) -> dict[str, bool]:
        return {}

    def _own(self, column: str) -> str:
        """The name of a column as the table has it."""
        if column in self.frame.columns:
            return column
        return plain_name(column) if plain_name(column) in self.frame.columns else plain_label(column)

    def is_numeric(self, column: str) -> bool:
        """Whether everything in the column that is not missing is a number.

        Raises:
            TableError: there is no such column.
        """
        known = self._numeric.get(column)
        if known is None:
            known = self._numeric[column] = bool(pd.api.types.is_numeric_dtype(self._series(column)))
        return known

    def is_time(self, column: str) -> bool:
        """Whether everything in the column that is not missing is a date, with or without a time of day.

        Raises:
            TableError: there is no such column.

        Example:
            >>> Table.from_columns({"sown": ["2023-05-01", None], "rep": ["R1", "R2"]}, "t").is_time("sown")
            True
        """
        series = self._series(column)
        if self.is_numeric(column):
            return False
        found = [text for text in pd.unique(series) if text is not None]
        return bool(found) and all(days(text) is not None for text in found)

    def labels(self, column: str) -> list[str | None]:
        """The column as labels: strings, whatever it holds; None where missing.

        Raises:
            TableError: there is no such column.

        Example:
            >>> Table.from_columns({"rep": [1, 2], "x": [0.50, 1]}, "t").labels("x")
            ['0.5', '1']
        """
        codes, values = pd.factorize(self._series(column).to_numpy(), use_na_sentinel=True)
        # A code of -1, for what is missing, is the last one.
        names = np.array([*map(label, values), None], dtype=object)
        found: list[str | None] = names[codes].tolist()
        return found

    def counts(self, column: str) -> dict[str, int]:
        """The labels that occur in a column, in the order in which they first do, and in how many rows.

        Raises:
            TableError: there is no such column.

        Example:
            >>> Table.from_columns({"rep": ["R2", "R1", None, "R2"]}, "t").counts("rep")
            {'R2': 2, 'R1': 1}
        """
        codes, values = pd.factorize(self._series(column).to_numpy(), use_na_sentinel=True)
        found: dict[str, int] = {}
        for value, rows in zip(values, np.bincount(codes[codes >= 0], minlength=len(values)), strict=True):
            text = label(value)
            if text is not None:
                found[text] = found.get(text, 0) + int(rows)
        return found

    def levels(self, column: str) -> tuple[str, ...]:
        """The labels that occur in a column, each once, in order.

        The order is the one that somebody has chosen, or else that of `sorted_labels`: numbers by size, dates
        by time, anything else as in a dictionary.

        Raises:
            TableError: there is no such column.

        Example:
            >>> table = Table.from_columns({"row": [10, 2, 2], "dose": ["low", "high", "none"]}, "trial")
            >>> table.levels("row"), table.levels("dose")
            (('2', '10'), ('high', 'low', 'none'))
            >>> said = TableChoices().with_column("dose", levels=["none", "low", "high"])
            >>> table.with_choices(said).levels("dose")
            ('none', 'low', 'high')
        """
        found = (label(value) for value in pd.unique(self._series(column)))
        return ordered_labels(
            [text for text in found if text is not None], self.choices.column(self._own(column)).levels
        )

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
            >>> Table.from_columns({"sown": ["1970-01-11", "1970-01-12T06:00"]}, "t").numbers("sown")
            array([10.  , 11.25])
        """
        series = self._series(column)
        if self.is_numeric(column):
            return series.to_numpy(dtype=np.float64, copy=True)
        codes, found = pd.factorize(series.to_numpy(), use_na_sentinel=True)
        texts = list(map(str, found))
        sizes = [number(text) for text in texts]
        if None in sizes:
            times = [days(text) for text in texts]
            if None in times:
                raise TableError(self._no_number(column, codes, texts))
            sizes = times
        return np.array([*(math.nan if size is None else size for size in sizes), math.nan])[codes]

    def _no_number(self, column: str, codes: npt.NDArray[np.intp], texts: list[str]) -> str:
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
        values = self._series(column).to_numpy()
        if values.dtype.kind in "iu":
            return np.zeros(len(values), dtype=np.bool_)
        return np.isnan(values) if values.dtype.kind == "f" else np.asarray(pd.isna(values), dtype=np.bool_)

    def rows(self, kept: Bools) -> Table:
        """The table of the rows where `kept`, an (n,) array, is true.

        Raises:
            ValueError: `kept` has another length.
        """
        if kept.shape != (self.n,):
            raise ValueError(f"kept should have shape ({self.n},), one entry per row, and has {kept.shape}")
        if bool(kept.all()):
            return self
        lines = None if self.lines is None else self.lines[kept]
        frame = self.frame.loc[kept].reset_index(drop=True)
        if self.base is None or self.places is None:
            return replace(self, frame=frame, lines=lines)
        left = np.zeros(self.base.n, dtype=np.bool_)
        left[self.places[kept]] = True
        places = np.arange(len(frame), dtype=np.int64)
        return replace(self, frame=frame, lines=lines, base=self.base.rows(left), places=places)

    def rows_from(self, first: int, count: int) -> Table:
        """The table of some rows that follow each other.

        Args:
            first: the first of them, counted from 0.
            count: how many, at most.

        Example:
            >>> Table.from_columns({"x": [1, 2, 3]}, "t").rows_from(1, 5).to_columns()
            {'x': [2, 3]}
        """
        kept = np.zeros(self.n, dtype=np.bool_)
        kept[first : first + count] = True
        return self.rows(kept)

    def with_choices(self, choices: TableChoices) -> Table:
        """The same table under other choices.

        Cells that are said to have no value lose it, columns become what they are said to be, levels take
        their order; then the steps are taken, one after the other. Where fields begin and end was settled
        when the file was read: what is said about it changes nothing here. The same table comes back for the
        same choices.

        Args:
            choices: all that is said, in place of what was said before.

        Raises:
            ChoiceError: a column is not what it is said to be.

        Example:
            >>> table = Table.from_columns({"gen": ["A", "."], "yield": [4.1, -99.0]}, "trial")
            >>> table.with_choices(TableChoices(missing=("-99", "."))).to_columns()
            {'gen': ['A', None], 'yield': [4.1, None]}
        """
        if choices == self.choices:
            return self
        if not self._derived or self._derived[0][0] != choices:
            self._derived[:] = [(choices, _DERIVE[0](self, choices))]
        return self._derived[0][1]

    # It stands on this table, and this one on it: no dictionary of all tables could ever let them go.
    @cached_property
    def _derived(self) -> list[tuple[TableChoices, Table]]:
        return []

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_derived"}

    def before_steps(self) -> Table:
        """The table as it was read, before the steps of its choices.

        Example:
            >>> table = Table.from_columns({"y": [1.0, 4.0]}, "t")
            >>> table.with_choices(TableChoices(steps=[{"keep": "y > 2"}])).before_steps().n
            2
        """
        return self if self.base is None else self.base

    def to_columns(self) -> dict[str, list[Cell]]:
        """The values by column: str, int, float, and None where missing; ready for JSON.

        Example:
            >>> Table.from_columns({"gen": ["G1", "G2"], "yield": [4.1, float("nan")]}, "t").to_columns()
            {'gen': ['G1', 'G2'], 'yield': [4.1, None]}
        """
        return {
            name: [None if pd.isna(value) else value for value in self.frame[name].tolist()]
            for name in self.columns
        }

    def to_csv(self) -> str:
        """The table as csv text that `read_table` reads back to the same values; missing is written NA.

        It is written as it was read: whoever keeps the choices takes their steps again.
        """
        values = self.before_steps().to_columns()
        columns = [["NA" if cell is None else cell for cell in cells] for cells in values.values()]
        texts = [*values, *(cell for cells in columns for cell in cells if isinstance(cell, str))]
        stream = io.StringIO()
        # Where a text holds another separator, quotes show that it is none.
        quoted = any(re.search(r"[;|\t ]", text) for text in texts)
        mode: Literal[0, 2] = csv.QUOTE_NONNUMERIC if quoted else csv.QUOTE_MINIMAL
        writer = csv.writer(stream, lineterminator="\n", quoting=mode)
        writer.writerow(list(values))
        writer.writerows(zip(*columns, strict=True))
        return stream.getvalue()

    @classmethod
    def from_columns(
        cls, columns: Mapping[str, Sequence[Any]], name: str, notes: Sequence[str] = ()
    ) -> Table:
        """A table from values in memory, with the checks that an uploaded one goes through.

        Text stays text, so a label "1" is not turned into a number.

        Args:
            columns: the values by name: str, int, float, or None where missing.
            name: what to call the table.
            notes: sentences to carry along.

        Raises:
            TableError: there is no column or no row, lengths differ, a name is blank or twice, a value is of
                another type or infinite.

        Example:
            >>> Table.from_columns({"rep": ["1", "2"], "yield": [4.1, None]}, "trial").labels("rep")
            ['1', '2']
        """
        names = checked_names([plain_label(str(key)) for key in columns])
        lengths = {key: len(values) for key, values in zip(names, columns.values(), strict=True)}
        if not lengths or not max(lengths.values()):
            raise TableError("A table needs at least one column and one row, and there is none.")
        if len(set(lengths.values())) > 1:
            parts = ", ".join(f"{shown(key)} has {size:,}" for key, size in list(lengths.items())[:6])
            raise TableError(f"Every column should have the same number of rows; {parts}.")
        data = {key: series_of(key, values) for key, values in zip(names, columns.values(), strict=True)}
        return cls(frame_of(data), name, tuple(notes))


_DERIVE: list[Callable[[Table, TableChoices], Table]] = []


def derives(function: Callable[[Table, TableChoices], Table]) -> Callable[[Table, TableChoices], Table]:
    """Tell tables what gives one under other choices: it stands on formulas, these on tables; a decorator."""
    _DERIVE[:] = [function]
    return function
