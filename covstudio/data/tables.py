"""Tables of plots or records: read from a csv, checked, and asked for labels or numbers.

Nothing here trusts a file: sizes are limited, text stays text, and what cannot be read is refused with the
place and the fix. What was passed over or read differently from how it is written becomes a note.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from covstudio.data.columns import Cells, label, number, parse_column
from covstudio.data.errors import TableError, count, listed, shown, suggestion
from covstudio.data.source import check_content, read_raw

MAX_BYTES = 100_000_000
_MAX_NAME = 200
Bools = npt.NDArray[np.bool_]
Cell = str | int | float | None


@dataclass(frozen=True, eq=False)
class Table:
    """A table of n rows whose columns are numbers or labels. It is read, never written to.

    Attributes:
        frame: the values. A column is int64, float64 (NaN where missing) or object (str, None where missing).
        name: what the table is called, usually the name of its file.
        notes: what was read differently from how it is written, one sentence each.

    Example:
        >>> table = read_table(b"gen,yield\\nG1,4.1\\nG2,NA\\n", name="trial")
        >>> table.n, table.columns, table.labels("gen"), table.numbers("yield")
        (2, ('gen', 'yield'), ['G1', 'G2'], array([4.1, nan]))
    """

    frame: pd.DataFrame
    name: str
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.frame)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the order of the file."""
        return tuple(str(name) for name in self.frame.columns)

    def require(self, columns: Iterable[str]) -> None:
        """Check that the table has these columns.

        Raises:
            TableError: one or more are not there; the message names them and what may have been meant.

        Example:
            >>> read_table(b"gen,yield\\nG1,4.1\\n", name="trial").require(["Yield"])
            Traceback (most recent call last):
            covstudio.data.errors.TableError: There is no column 'Yield' in 'trial'. Did you mean 'yield'?
        """
        absent = [column for column in dict.fromkeys(columns) if column not in self.frame.columns]
        if len(absent) == 1:
            raise TableError(
                f"There is no column {shown(absent[0])} in {shown(self.name)}. "
                f"{suggestion(absent[0], self.columns)}"
            )
        if absent:
            raise TableError(
                f"There are no columns {listed(absent)} in {shown(self.name)}, which has "
                f"{listed(self.columns, limit=12)}. Load the table that the model was made for, or choose "
                "other columns."
            )

    def is_numeric(self, column: str) -> bool:
        """Whether everything in the column that is not missing is a number.

        Raises:
            TableError: there is no such column.
        """
        self.require([column])
        return bool(pd.api.types.is_numeric_dtype(self.frame[column]))

    def labels(self, column: str) -> list[str | None]:
        """The column as labels: strings, whatever it holds; None where missing.

        Raises:
            TableError: there is no such column.

        Example:
            >>> read_table(b"rep,x\\n1,0.50\\n2,1\\n").labels("x")
            ['0.5', '1']
        """
        self.require([column])
        codes, values = pd.factorize(self.frame[column].to_numpy(), use_na_sentinel=True)
        names = [label(value) for value in values]
        return [names[code] if code >= 0 else None for code in codes]

    def numbers(self, column: str) -> npt.NDArray[np.float64]:
        """The column as an (n,) float64 array, NaN where missing.

        Raises:
            TableError: there is no such column, or a value is not a number; the message names the first and
                its row.
        """
        self.require([column])
        series = self.frame[column]
        if self.is_numeric(column):
            return series.to_numpy(dtype=np.float64, copy=True)
        sizes = [math.nan if value is None else number(value) for value in series]
        wrong = [row for row, size in enumerate(sizes) if size is None]
        if wrong:
            first = str(series.iloc[wrong[0]])
            hint = (
                " Write decimals with a point and thousands without a separator."
                if number(first.replace(",", "")) is not None
                else " Leave a cell empty, or write NA, where there is no value."
            )
            raise TableError(
                f"Column {shown(column)} should hold numbers, and row {wrong[0] + 1:,} holds {shown(first)} "
                f"({count(len(wrong), 'cell')} of {self.n:,} {'is' if len(wrong) == 1 else 'are'} not "
                f"numbers).{hint}"
            )
        return np.array(sizes, dtype=np.float64)

    def missing(self, column: str) -> Bools:
        """Where the column has no value, as an (n,) array.

        Raises:
            TableError: there is no such column.
        """
        self.require([column])
        return self.frame[column].isna().to_numpy(dtype=np.bool_)

    def rows(self, kept: Bools) -> Table:
        """The table of the rows where `kept`, an (n,) array, is true.

        Raises:
            ValueError: `kept` has another length.
        """
        if kept.shape != (self.n,):
            raise ValueError(f"kept should have shape ({self.n},), one entry per row, and has {kept.shape}")
        return (
            self
            if bool(kept.all())
            else Table(self.frame.loc[kept].reset_index(drop=True), self.name, self.notes)
        )

    def to_columns(self) -> dict[str, list[Cell]]:
        """The values by column: str, int, float, and None where missing; ready for JSON.

        Example:
            >>> read_table(b"gen,yield\\nG1,4.1\\nG2,NA\\n").to_columns()
            {'gen': ['G1', 'G2'], 'yield': [4.1, None]}
        """
        return {
            name: [None if pd.isna(value) else value for value in self.frame[name].tolist()]
            for name in self.columns
        }

    def to_csv(self) -> str:
        """The table as csv text that `read_table` reads back to the same values; missing is written NA."""
        columns = [["NA" if cell is None else cell for cell in cells] for cells in self.to_columns().values()]
        texts = [*self.columns, *(cell for cells in columns for cell in cells if isinstance(cell, str))]
        stream = io.StringIO()
        # Where a text holds another separator, quotes show that it is none.
        quoted = any(re.search(r"[;|\t ]", text) for text in texts)
        mode: Literal[0, 2] = csv.QUOTE_NONNUMERIC if quoted else csv.QUOTE_MINIMAL
        writer = csv.writer(stream, lineterminator="\n", quoting=mode)
        writer.writerow(self.columns)
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
        names = _checked_names([str(key) for key in columns])
        lengths = {key: len(values) for key, values in zip(names, columns.values(), strict=True)}
        if not lengths or not max(lengths.values()):
            raise TableError("A table needs at least one column and one row, and there is none.")
        if len(set(lengths.values())) > 1:
            parts = ", ".join(f"{shown(key)} has {size:,}" for key, size in list(lengths.items())[:6])
            raise TableError(f"Every column should have the same number of rows; {parts}.")
        data = {key: _series(key, values) for key, values in zip(names, columns.values(), strict=True)}
        return cls(pd.DataFrame(data), name, tuple(notes))


def _series(name: str, values: Sequence[Any]) -> pd.Series[Any]:
    """One column of values in memory, of one of the three kinds a table has."""
    cells: list[Cell] = []
    for row, value in enumerate(values, start=1):
        plain = value.item() if isinstance(value, np.generic) else value
        if plain is None or plain is pd.NA or (isinstance(plain, float) and math.isnan(plain)):
            cells.append(None)
        elif isinstance(plain, bool) or not isinstance(plain, (str, int, float)):
            raise TableError(
                f"Column {shown(name)} should hold text or numbers, and row {row:,} holds a "
                f"{type(plain).__name__}. Write it as text."
            )
        elif isinstance(plain, float) and math.isinf(plain):
            raise TableError(f"Column {shown(name)} should hold finite numbers, and row {row:,} is infinite.")
        else:
            cells.append(plain)
    if any(isinstance(cell, str) for cell in cells) or all(cell is None for cell in cells):
        return pd.Series([label(cell) for cell in cells], dtype=object)
    if all(isinstance(cell, int) and abs(cell) < 2**63 for cell in cells):
        return pd.Series(np.array(cells, dtype=np.int64))
    return pd.Series(
        np.array([math.nan if cell is None else float(cell) for cell in cells], dtype=np.float64)
    )


def read_table(
    source: str | os.PathLike[str] | bytes, *, name: str | None = None, max_bytes: int = MAX_BYTES
) -> Table:
    """Read a csv file, or the bytes of one.

    The first line names the columns. Fields are separated by commas, semicolons, tabs or vertical bars,
    whichever fits; text is UTF-8, with or without a byte order mark. A column whose values are all numbers is
    numeric; one with leading zeros ("007") stays text. Missing values are empty or spelled NA, N/A, NaN,
    NULL; among numbers also `*`, `.`, `-`, `?`.

    Args:
        source: the path of a file, or its content.
        name: what to call the table; by default the file's name.
        max_bytes: the largest file to read.

    Returns:
        The table, with notes about what was read differently from how it is written.

    Raises:
        TableError: there is no such file; it is too large, empty, not UTF-8 or not a csv; it has no header or
            nothing below it; lines differ in length; names are blank or twice.

    Example:
        >>> table = read_table("rep;yield\\nR1 ;4,1\\nR2;3,9\\n".encode())
        >>> table.to_columns()
        {'rep': ['R1', 'R2'], 'yield': [4.1, 3.9]}
        >>> for note in table.notes:
        ...     print(note)
        The fields are separated by semicolons.
        Column 'rep': spaces at the ends of 1 label were trimmed.
        Column 'yield': decimal commas were read as decimal points.
        >>> read_table(b"rep,yield\\nR1,4.1\\nR2\\n")
        Traceback (most recent call last):
        covstudio.data.errors.TableError: Every line should have 2 fields, as the first line has; line 3 has 1
        (1 of 2 lines). Write a comma for every missing field, even at the end of a line.
    """
    if isinstance(source, bytes):
        data = source
        name = name or "table"
    else:
        path = Path(source)
        name = name or path.name
        data = _file_content(path, max_bytes)
    if len(data) > max_bytes:
        raise TableError(_too_large(len(data), max_bytes))
    check_content(data)
    raw = read_raw(data)
    notes = list(raw.notes)
    header, texts = _without_unnamed([_plain_name(text) for text in raw.header], list(raw.columns), notes)
    if not header:
        raise TableError(
            "No column has a name or a value. Put a line with a name for every column at the top."
        )
    if all(number(text) is not None for text in header):
        raise TableError(
            f"The first line should name the columns, and it holds numbers: {listed(header)}. Put a line "
            "with a name for every column above it."
        )
    if not len(texts[0]):
        raise TableError(
            f"The file has a first line with {count(len(header), 'name')} and nothing below it. A table "
            "needs a line for every plot or record."
        )
    names = _checked_names(header)
    columns: dict[str, pd.Series[Any]] = {}
    for column, cells in zip(names, texts, strict=True):
        columns[column], found = parse_column(column, cells, comma_is_decimal=raw.delimiter != ",")
        notes += found
    return Table(pd.DataFrame(columns), name, tuple(notes))


def _file_content(path: Path, max_bytes: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise TableError(_too_large(size, max_bytes))
        if path.is_dir():
            raise TableError(
                f"A csv file was expected, and {shown(path)} is a folder. Give the path of a file."
            )
        with path.open("rb") as stream:
            return stream.read(max_bytes + 1)
    except FileNotFoundError:
        fix = (
            "Download it first and give the path of the file."
            if "://" in str(path) or ":/" in str(path)
            else "Check its path."
        )
        raise TableError(f"There is no file {shown(path, limit=200)}. {fix}") from None
    except (OSError, ValueError) as error:
        if isinstance(error, TableError):
            raise
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise TableError(
            f"The file {shown(path, limit=200)} cannot be read: {reason}. Check its path and permissions."
        ) from None


def _too_large(size: int, max_bytes: int) -> str:
    return (
        f"The file has {size:,} bytes, and {max_bytes:,} is the most that is read. "
        "Keep the columns and rows that the model needs; in Python, max_bytes of read_table raises the limit."
    )


def _plain_name(text: str) -> str:
    """A column's name on one line, without characters that cannot be shown."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _without_unnamed(
    header: list[str], texts: list[Cells], notes: list[str]
) -> tuple[list[str], list[Cells]]:
    """Leave out columns without a name that hold nothing: empty ones, and row numbers as R writes them."""
    kept = []
    for position, (name, cells) in enumerate(zip(header, texts, strict=True)):
        if not name and not any(str(text).strip() for text in pd.unique(cells)):
            notes.append(f"Column {position + 1} has no name and no values and was left out.")
        elif not name and position == 0 and len(header) > 1 and _row_numbers(cells):
            notes.append("The first column has no name and holds row numbers; it was left out.")
        else:
            kept.append(position)
    return [header[position] for position in kept], [texts[position] for position in kept]


def _row_numbers(cells: Cells) -> bool:
    return any(all(text == str(row) for row, text in enumerate(cells, start=start)) for start in (0, 1))


def _checked_names(names: list[str]) -> list[str]:
    """Names of columns, all there, all different, all of a length that can be shown."""
    blank = [position for position, name in enumerate(names, start=1) if not name]
    if blank:
        which = (
            f"Column {blank[0]} has" if len(blank) == 1 else f"Columns {', '.join(map(str, blank[:6]))} have"
        )
        raise TableError(
            f"{which} no name. Every column needs one in the first line: name it, or delete the column if "
            "it is not needed."
        )
    long = [position for position, name in enumerate(names, start=1) if len(name) > _MAX_NAME]
    if long:
        raise TableError(
            f"The name of column {long[0]} has {len(names[long[0] - 1]):,} characters, and {_MAX_NAME} is "
            "the most. Is the line with the names of the columns missing?"
        )
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        places = [str(position) for position, name in enumerate(names, start=1) if name == twice[0]]
        others = f" So do {listed(twice[1:])}." if len(twice) > 1 else ""
        raise TableError(
            f"Every column needs a name of its own, and {shown(twice[0])} names columns "
            f"{', '.join(places[:-1])} and {places[-1]}.{others} Rename or delete one."
        )
    return names
