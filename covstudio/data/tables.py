"""Tables of plots or records: checked, and asked for labels, numbers or times."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from covstudio.arguments import checked
from covstudio.data.choices import Question, TableChoices
from covstudio.data.column_values import Bools, ColumnValues
from covstudio.data.compact import Coded, Compact
from covstudio.data.errors import TableError, count, shown
from covstudio.data.in_memory import Cell, checked_names, frame_of, series_of
from covstudio.data.text import plain_label
from covstudio.registry import Given

#: What is shown of a table in a terminal: rows, columns, and characters of a cell.
SHOWN_ROWS, SHOWN_COLUMNS, SHOWN_WIDTH = 6, 8, 18


def _cell(value: object) -> str:
    """A value as the table of a terminal has it; "NA" where there is none."""
    if value is None or value != value:
        return "NA"
    return f"{value:g}" if isinstance(value, float) else shown(value, SHOWN_WIDTH)[1:-1]


@dataclass(frozen=True, eq=False)
class Table(ColumnValues):
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

    @checked
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

    @checked
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

    def same(self) -> Table:
        """The same table as another object, which knows what this one has found."""
        twin = replace(self)
        for name in ("_known", "_ordered", "_first", "_arrays"):
            vars(twin)[name] = getattr(self, name)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """The fields; the frame as arrays, which travel without being looked at cell by cell."""
        state = {one.name: getattr(self, one.name) for one in fields(self)}
        with contextlib.suppress(TypeError):
            state["frame"] = Compact.of(self.frame, self._coded)
        return state | {"_first": self._first}

    def __setstate__(self, state: dict[str, Any]) -> None:
        known: dict[str, Coded] = {}
        if isinstance(state["frame"], Compact):
            frame, known = state["frame"].opened()
            state = {**state, "frame": frame}
        vars(self).update(state, _known=known)

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
    @checked
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
