"""From lines or cells to columns of text: where the table is in a file, and whether every line of it fits.

The rows come from the standard library's csv reader alone, so that the check of the lines and the reading of
the values can never disagree about where a field ends.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covstudio.data.choices import Decision, Question, TableChoices
from covstudio.data.column_text import Cells
from covstudio.data.compact import coded
from covstudio.data.errors import TableError, count, shown
from covstudio.data.layout import SAMPLE_LINES, Layout, find_layout, layout_of
from covstudio.data.records import (
    SEPARATORS,
    Record,
    broken_quotes,
    commas_in_numbers,
    fielded,
    is_remark,
    within_number,
)

if TYPE_CHECKING:
    from covstudio.data.tables import Table

#: So many lines of a file are shown as they stand.
FIRST_LINES = 20
MAX_COLUMNS = 10_000
MAX_LINE = 4_000_000
MAX_CELLS = 30_000_000
MAX_FOOTERS = 20
_BLOCK = 65_536
_SAMPLE_SIZE = 200_000
#: Cells read at a time: larger chunks cost more in garbage collection than they save. Rows, for wide tables.
_CHUNK, _CHUNK_ROWS = 20_000, 500


@dataclass(frozen=True)
class RawTable:
    """The header and the columns of a file, as text.

    Attributes:
        header: the names as they stand in the line that names the columns.
        columns: one array of texts per name, all of one length.
        lines: (n,) the line where each row begins, counted from 1.
        separator: what separates the fields.
        notes: what was passed over while reading.
        questions: what the layout of the file does not tell.
        decisions: how it was read, and why.
        recorded: those of them, by name, that another reading of the file could take differently: they are
            kept among the choices of the table.
        first: the first lines as they stand in the file.
        typed: the table itself where the file has types; there are no columns of text then.
    """

    header: tuple[str, ...]
    columns: tuple[Cells, ...]
    lines: npt.NDArray[np.int64]
    separator: str
    notes: tuple[str, ...]
    questions: tuple[Question, ...] = ()
    decisions: tuple[Decision, ...] = ()
    recorded: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    typed: Table | None = None


def read_raw(data: bytes, choices: TableChoices | None = None) -> RawTable:
    """Split a text into its columns, and refuse it when a line does not fit the header.

    Args:
        data: the whole text, UTF-8 (a byte order mark is passed over).
        choices: what is said about the file.

    Returns:
        The header and the texts of every column. Empty lines and lines of nothing but separators are left
        out, and so are comments and a few lines of one field below the table.

    Raises:
        TableError: the quotes do not close, lines have more or fewer fields than the header, or a limit is
            passed.

    Example:
        >>> raw = read_raw(b'gen,yield\\n"G1",4.1\\n\\nG2,3.9\\n')
        >>> raw.header, [column.tolist() for column in raw.columns], raw.lines.tolist(), raw.notes
        (('gen', 'yield'), [['G1', 'G2'], ['4.1', '3.9']], [2, 4], ('1 empty line was left out.',))
    """
    sample = sample_lines(data)
    layout = find_layout(sample, choices or TableChoices())
    width = _width(layout)
    rows = _Rows(width, layout)
    reader = _reader(data, layout)
    chunks: list[list[Cells]] = []
    try:
        while read := list(islice(reader, max(_CHUNK_ROWS, _CHUNK // width))):
            kept = rows.keep(read, layout.skipped + reader.line_num)
            if rows.cells > MAX_CELLS:
                raise TableError(too_much(f"The file has {rows.cells:,} cells or more", MAX_CELLS))
            if rows.ragged:
                raise TableError(_ragged(data, layout))
            if kept:
                chunks.append([_shared(np.array(column, dtype=object)) for column in zip(*kept, strict=True)])
    except csv.Error as error:
        raise TableError(broken_quotes(error, layout.skipped + reader.line_num)) from None
    first = tuple(line.rstrip("\r\n") for line in sample[:FIRST_LINES])
    return _raw_table(layout, rows, chunks, first)


def read_grid(grid: Sequence[Sequence[str]], choices: TableChoices, separator: str = " | ") -> RawTable:
    """The columns of a sheet, or of any text whose fields are found: the header, and the rows below it.

    Args:
        grid: all rows from the first line on, of the texts of their cells; shorter ones are filled up.
        choices: what is said about the file.
        separator: what to show between the cells of a row.

    Raises:
        TableError: no line could name the columns, or a limit is passed.

    Example:
        >>> raw = read_grid([["Trial 12"], [], ["gen", "yield"], ["A", "4.1"]], TableChoices())
        >>> raw.header, raw.lines.tolist()
        (('gen', 'yield'), [4])
    """
    width = max((at + 1 for row in grid for at in range(len(row) - 1, -1, -1) if row[at]), default=0)
    if not width:
        raise TableError(
            "It has no cell with a value. A table needs a line of names and a line for every record."
        )
    full = [[*row[:width], *([""] * (width - len(row)))] for row in grid]
    records = [
        Record(line, line, tuple(map(str.strip, row)))
        for line, row in enumerate(full[:SAMPLE_LINES], start=1)
    ]
    layout = layout_of(records, choices)
    rows = _Rows(_width(layout), layout)
    rows.cells = width * len(full)
    if rows.cells > MAX_CELLS:
        raise TableError(too_much(f"The file has {rows.cells:,} cells", MAX_CELLS))
    kept = rows.keep(full[layout.skipped :], len(full))
    chunks = [[_shared(np.array(column, dtype=object)) for column in zip(*kept, strict=True)]] if kept else []
    first = tuple(separator.join(row) for row in full[:FIRST_LINES])
    return _raw_table(layout, rows, chunks, first)


def _width(layout: Layout) -> int:
    width = len(layout.names)
    if width > MAX_COLUMNS:
        raise TableError(too_much(f"The first line names {width:,} columns", MAX_COLUMNS))
    return width


def _raw_table(layout: Layout, rows: _Rows, chunks: list[list[Cells]], first: tuple[str, ...]) -> RawTable:
    columns = tuple(
        np.concatenate(parts) if chunks else np.zeros(0, dtype=object)
        for parts in ([chunk[j] for chunk in chunks] for j in range(rows.width))
    )
    lines = np.concatenate(rows.lines) if rows.lines else np.zeros(0, dtype=np.int64)
    return RawTable(
        layout.names,
        columns,
        lines,
        layout.separator,
        (*layout.notes, *rows.notes()),
        layout.questions,
        layout.decisions,
        first=first,
    )


def sample_lines(data: bytes) -> list[str]:
    """The first lines of a text, fewer where they are long.

    Args:
        data: the text in UTF-8.
    """
    found: list[str] = []
    size = 0
    for line in islice(text_lines(data), SAMPLE_LINES):
        found.append(line)
        size += len(line)
        if size > _SAMPLE_SIZE and len(found) >= FIRST_LINES:
            break
    return found


def text_lines(data: bytes) -> Iterator[str]:
    """The lines of a text with their ends, whichever of the three line ends it uses.

    Args:
        data: the text in UTF-8.
    """
    if data.count(b"\r") != data.count(b"\r\n"):
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return chain.from_iterable(
        _blocks(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="\n"))
    )


def _blocks(stream: io.TextIOWrapper) -> Iterator[list[str]]:
    position = 0
    while lines := stream.readlines(_BLOCK):
        if max(map(len, lines)) > MAX_LINE:
            row, size = next((row, len(line)) for row, line in enumerate(lines, 1) if len(line) > MAX_LINE)
            raise TableError(
                f"Line {position + row:,} has {size:,} characters, and {MAX_LINE:,} is the most that can be "
                "read. A table needs one line for every record: are the line ends missing?"
            )
        position += len(lines)
        yield lines


def _reader(data: bytes, layout: Layout) -> csv.Reader:  # type: ignore[name-defined]
    """The records below the header."""
    lines = islice(text_lines(data), layout.skipped, None)
    return csv.reader(
        fielded(lines, layout.separator), delimiter=layout.separator, strict=True, skipinitialspace=True
    )


@dataclass
class _Rows:
    """Keeps the rows that fit, and counts the others."""

    width: int
    layout: Layout
    cells: int = 0
    ragged: bool = False
    lines: list[npt.NDArray[np.int64]] = field(default_factory=list)
    between: int = 0  # empty lines above the last row
    _pending: int = 0  # and below the last one so far
    _comments: list[int] = field(default_factory=list)
    _footers: list[tuple[int, str]] = field(default_factory=list)
    _next: int = 0

    def __post_init__(self) -> None:
        self._next = self.layout.skipped + 1

    def keep(self, rows: list[list[str]], last: int) -> list[list[str]]:
        """The rows of a chunk that belong to the table.

        Args:
            rows: as they were read.
            last: the line where the chunk ends.
        """
        starts = self._starts(rows, last)
        fitting = set(map(len, rows)) == {self.width} and all(map(any, rows))
        if fitting and not self._pending and not self._footers:
            self.lines.append(starts)
            self.cells += self.width * len(rows)
            return rows
        kept, places = [], []
        for row, line in zip(rows, starts.tolist(), strict=True):
            if not any(map(str.strip, row)):
                self._pending += 1
            elif self._fits(row) and not self._footers:
                self.between, self._pending = self.between + self._pending, 0
                kept.append(row)
                places.append(line)
            elif row[0].lstrip().startswith("#"):
                self._comments.append(line)
            elif not self._fits(row) and sum(map(bool, row)) == 1 and row[0] and self._may_end(row):
                self._footers.append((line, row[0]))
            else:
                self.ragged = True
        self.ragged |= len(self._footers) > MAX_FOOTERS
        self.lines.append(np.array(places, dtype=np.int64))
        self.cells += self.width * len(kept)
        return kept

    def _fits(self, row: list[str]) -> bool:
        return len(row) == self.width and any(row)

    def _may_end(self, row: list[str]) -> bool:
        """Whether a line of one field may stand below the table: of two columns, one may have got lost."""
        return self.width > 2 or is_remark(row)

    def _starts(self, rows: list[list[str]], last: int) -> npt.NDArray[np.int64]:
        """The lines where rows begin: one each, unless quoted values hold line breaks."""
        first, self._next = self._next, last + 1
        if last - first + 1 == len(rows):
            return np.arange(first, last + 1, dtype=np.int64)
        taken = [1 + sum(text.count("\n") for text in row) for row in rows]
        return first + np.cumsum([0, *taken[:-1]], dtype=np.int64)

    def notes(self) -> list[str]:
        """What was left out."""
        notes = []
        if self.between:
            notes.append(
                f"{count(self.between, 'empty line')} {'was' if self.between == 1 else 'were'} left out."
            )
        if self._comments:
            more = count(len(self._comments), "comment")
            verb = "was" if len(self._comments) == 1 else "were"
            notes.append(f"{more} (#) within the table {verb} left out, in line {self._comments[0]:,}.")
        if self._footers:
            line, text = self._footers[0]
            what = "a line" if len(self._footers) == 1 else count(len(self._footers), "line")
            notes.append(
                f"Below the table {what} of one field was left out, from line {line:,}: {shown(text)}."
            )
        return notes


def too_much(what: str, limit: int) -> str:
    """The sentence about a table that is too large."""
    return (
        f"{what}, and {limit:,} is the most that can be read. Keep the columns and rows that the model needs."
    )


def _shared(cells: Cells) -> Cells:
    """Equal texts as one object: a column of labels then costs a pointer per row."""
    return coded(cells).cells()


def _ragged(data: bytes, layout: Layout) -> str:
    """What to say of a file whose lines differ in length: the first three, and how many there are."""
    reader = _reader(data, layout)
    width, records, start = len(layout.names), 0, layout.skipped + 1
    wrong: list[int] = []
    examples: list[str] = []
    longer: list[list[str]] = []
    try:
        for row in reader:
            here, start = start, layout.skipped + reader.line_num + 1
            if not any(row) or (row[0].startswith("#") and len(row) != width):
                continue
            records += 1
            if len(row) != width:
                wrong.append(len(row))
                if len(row) > width and len(longer) < SAMPLE_LINES:
                    longer.append([text.strip() for text in row])
                if len(examples) < 3:
                    examples.append(f"line {here:,} has {len(row):,}")
    except csv.Error as error:
        return broken_quotes(error, layout.skipped + reader.line_num)
    separator = SEPARATORS[layout.separator][:-1]
    more = f", and {len(wrong) - 3:,} more are wrong" if len(wrong) > 3 else ""
    first = "the first line has" if layout.header == 1 else f"line {layout.header:,}, which names them, has"
    alike = len(wrong) == records > 1 and len(set(wrong)) == 1 and width < wrong[0]
    if alike and layout.separator == "," and commas_in_numbers(longer, wrong[0] - width):
        fix = (
            f"If commas stand within numbers, as in {shown(within_number(longer))}, write decimal points, or "
            "separate the fields by semicolons."
        )
    elif alike:
        fix = (
            f"If {'the first line' if layout.header == 1 else f'line {layout.header:,}'} is a title and does "
            "not name the columns, delete the lines above the one that does, or say which it is (the choice "
            "'header')."
        )
    elif max(wrong) > width:
        fix = f"A value that holds a {separator} needs quotes around it"
        fix += ", and a decimal comma a point instead." if layout.separator == "," else "."
    else:
        fix = f"Write a {separator} for every missing field, even at the end of a line."
    return (
        f"Every line should have {count(width, 'field')}, as {first}; {', '.join(examples)}{more} "
        f"({len(wrong):,} of {count(records, 'line')}). {fix}"
    )
