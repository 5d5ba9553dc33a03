"""Tables from files: raw lines or cells, then what was found and said about them, then the table.

Nothing here trusts a file: sizes are limited, text stays text, and what cannot be read is refused with the
place and the fix. What was passed over or read differently from how it is written becomes a note, and what
the file does not tell a question.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd

from covstudio.arguments import checked
from covstudio.data.choices import Decision, TableChoices
from covstudio.data.column_text import Cells, ColumnText, Marks
from covstudio.data.columns import parse_column
from covstudio.data.compact import coded, frame_from
from covstudio.data.doubts import MOST_ANSWERED
from covstudio.data.errors import TableError, count, listed, shown
from covstudio.data.in_memory import checked_names
from covstudio.data.numerals import number
from covstudio.data.readers import MAX_BYTES, File, read_file, too_large
from covstudio.data.records import is_remark
from covstudio.data.source import RawTable
from covstudio.data.stepping import unheard
from covstudio.data.tables import Table
from covstudio.data.text import plain_name

ROW_NAMES = "rowname"


@checked
def read_table(
    source: str | os.PathLike[str] | bytes,
    *,
    name: str | None = None,
    max_bytes: int = MAX_BYTES,
    choices: TableChoices | None = None,
    missing: Sequence[str | float] | Mapping[str, str | float | Sequence[str | float]] = (),
    reference: Mapping[str, str] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
) -> Table:
    """Read a file: csv and its relatives, a workbook, a packed one, or the bytes of one.

    What kind it is, its bytes tell (`covstudio.data.readers`). One line names the columns: the first, unless
    it is a title or a comment. Fields are separated by commas, semicolons, tabs, vertical bars or spaces,
    whichever fits; text is UTF-8, UTF-16, or what its characters look like, which is said. A column whose
    values are all numbers is numeric, with decimal points or commas, marks between thousands, currency or
    percent signs; one with leading zeros ("007") stays text. Dates become those of ISO 8601. Missing values
    are empty or spelled NA, N/A, NaN, NULL; among numbers also `*`, `.`, `-`, `?`.
    What a file does not tell is read in the way that loses nothing, and asked (`Table.questions`).

    Args:
        source: the path of a file, or its content.
        name: what to call the table; by default the file's name.
        max_bytes: the largest file to read.
        choices: what is said about the file, to be kept and used again.
        missing: in short for `choices`: further codes for "no value", in all columns or by column.
        reference: in short for `choices`: the level that others are compared with, by column.
        levels: in short for `choices`: labels in their order, by column.

    Returns:
        The table, with notes about what was read differently from how it is written.

    Raises:
        TableError: there is no such file; it is too large, empty or no table; it has no header or nothing
            below it; lines differ in length; names are blank or twice.
        ChoiceError: what is said does not suit the file.

    Example:
        >>> table = read_table("rep;yield\\nR1 ;4,1\\nR2;-99\\n".encode(), missing=["-99"])
        >>> table.to_columns()
        {'rep': ['R1', 'R2'], 'yield': [4.1, None]}
        >>> for note in table.notes:
        ...     print(note)
        The fields are separated by semicolons.
        Column 'rep': spaces at the ends of 1 label were trimmed.
        Column 'yield': decimal commas were read as decimal points.
        Column 'yield': 1 cell with '-99' has no value, as was said.
        >>> read_table(b"rep,yield\\nR1,4.1\\nR2\\n")
        Traceback (most recent call last):
        covstudio.data.errors.TableError: Every line should have 2 fields, as the first line has; line 3 has 1
        (1 of 2 lines). Write a comma for every missing field, even at the end of a line.
    """
    said = _all_said(choices or TableChoices(), missing, reference or {}, levels or {})
    file = opened(source, said, name=name, max_bytes=max_bytes)
    table, _ = table_from(read_file(file), file.name, said)
    table.require([*(missing if isinstance(missing, Mapping) else ()), *(reference or ()), *(levels or ())])
    return table


def _all_said(
    choices: TableChoices,
    missing: Sequence[str | float] | Mapping[str, str | float | Sequence[str | float]],
    reference: Mapping[str, str],
    levels: Mapping[str, Sequence[str]],
) -> TableChoices:
    """The choices with those that are given in short."""
    if isinstance(missing, Mapping):
        choices = choices.with_columns({name: {"missing": codes} for name, codes in missing.items()})
    elif missing:
        choices = replace(choices, missing=missing)  # type: ignore[arg-type]
    choices = choices.with_columns({name: {"reference": level} for name, level in reference.items()})
    return choices.with_columns({name: {"levels": order} for name, order in levels.items()})


@checked
def read(source: str | os.PathLike[str] | bytes, choices: TableChoices | None = None) -> Table:
    """Read a file by choices, such as those that `inspect` gives: the same table each time.

    Args:
        source: the path of a file, or its content.
        choices: what is said about it.

    Raises:
        TableError: as for `read_table`.

    Example:
        >>> read(b"gen;y\\nA;1,5\\n", TableChoices(separator=";", decimal=",")).to_columns()
        {'gen': ['A'], 'y': [1.5]}
    """
    return read_table(source, choices=choices)


def opened(
    source: str | os.PathLike[str] | bytes,
    choices: TableChoices,
    *,
    name: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> File:
    """A file with its content.

    Args:
        source: its path, or its content.
        choices: what is said about it.
        name: what to call it; by default its own name.
        max_bytes: the largest that is read.

    Raises:
        TableError: there is no such file, or it is too large.
    """
    if isinstance(source, bytes):
        data, name = source, name or "table"
    else:
        path = Path(source)
        data, name = _file_content(path, max_bytes), name or path.name
    if len(data) > max_bytes:
        raise TableError(too_large(len(data), max_bytes))
    return File(data, name, choices, max_bytes)


def table_from(raw: RawTable, name: str, choices: TableChoices) -> tuple[Table, tuple[Decision, ...]]:
    """The table of a file, and how its columns were read.

    Args:
        raw: its columns of text, or its table where it has types.
        name: what to call it.
        choices: what is said about it.

    Returns:
        The table under the choices, and the decisions about its columns.
    """
    recorded = {one.name: one.value for one in raw.decisions if one.name in raw.recorded}
    if raw.typed is not None:
        own = replace(choices.over(raw.typed.choices), **recorded)
        typed = replace(
            raw.typed,
            name=name,
            notes=(*raw.notes, *raw.typed.notes),
            questions=(*raw.questions, *raw.typed.questions),
        )
        return typed.with_choices(own), ()
    notes = list(raw.notes)
    header, texts = _named([plain_name(text) for text in raw.header], list(raw.columns), notes)
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
    names = checked_names(header)
    rows = _without_footers(names, texts, notes)
    notes += unheard(choices, names)
    # What stands in a line that may name the columns is no fault of theirs.
    doubtful = tuple({answer.choices.header or 0 for one in raw.questions for answer in one.answers})
    columns = [
        ColumnText.of(column, cells[:rows], choices, raw.lines[:rows], doubtful)
        for column, cells in zip(names, texts, strict=True)
    ]
    marks = Marks.of(columns, raw.separator)
    found: dict[str, npt.NDArray[Any]] = {}
    questions = list(raw.questions)
    decisions: list[Decision] = []
    for column in columns:
        parsed = parse_column(column, marks, choices, len(questions) < MOST_ANSWERED)
        found[column.name] = parsed.values
        decisions += parsed.decisions
        notes += parsed.notes
        questions += parsed.questions
    notes += [question.text for question in questions]
    own = replace(choices, steps=(), **recorded)
    table = Table(
        frame_from(list(found), list(found.values())),
        name,
        tuple(notes),
        tuple(questions),
        own,
        raw.lines[:rows],
    )
    return table.with_choices(replace(own, steps=choices.steps)), tuple(decisions)


def _named(header: list[str], texts: list[Cells], notes: list[str]) -> tuple[list[str], list[Cells]]:
    """The names and columns, without empty ones and row numbers, a first column of row names with a name."""
    held = [
        position
        for position, (name, cells) in enumerate(zip(header, texts, strict=True))
        if name or any(str(text).strip() for text in coded(cells).values)
    ]
    notes += [
        f"Column {position + 1} has no name and no values and was left out."
        for position in sorted(set(range(len(header))).difference(held))
    ]
    names, columns = [header[position] for position in held], [texts[position] for position in held]
    if len(names) < 2 or names[0] or held[0] or not all(names[1:]):
        return names, columns
    if _row_numbers(columns[0]):
        notes.append("The first column has no name and holds row numbers; it was left out.")
        return names[1:], columns[1:]
    free = (ROW_NAMES, *(f"{ROW_NAMES}_{number}" for number in range(2, len(names) + 2)))
    taken = frozenset(names)
    names[0] = next(text for text in free if text not in taken)
    what = "row names" if pd.Series(columns[0]).is_unique else "labels that repeat"
    notes.append(f"The first column has no name and holds {what}; it is called {names[0]!r}.")
    return names, columns


def _row_numbers(cells: Cells) -> bool:
    return any(all(text == str(row) for row, text in enumerate(cells, start=start)) for start in (0, 1))


def _without_footers(names: list[str], texts: list[Cells], notes: list[str]) -> int:
    """How many rows there are, without lines of a source or a remark below the table."""
    rows = last = len(texts[0])
    while rows > 1 and len(names) > 2 and is_remark([str(cells[rows - 1]).strip() for cells in texts]):
        rows -= 1
    if rows < last:
        what = "a line" if last - rows == 1 else count(last - rows, "line")
        notes.append(f"Below the table {what} of one field was left out: {shown(texts[0][rows])}.")
    return rows


def _file_content(path: Path, max_bytes: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise TableError(too_large(size, max_bytes))
        if path.is_dir():
            raise TableError(f"A file was expected, and {shown(path)} is a folder. Give the path of a file.")
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
