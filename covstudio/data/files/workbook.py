"""Workbooks of spreadsheets: values and not formulas, one sheet, merged cells filled down."""

from __future__ import annotations

import html
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from covstudio.data.choices import Answer, Decision, Question, TableChoices
from covstudio.data.errors import ChoiceError, TableError, count, listed, shown, suggestion
from covstudio.data.packing import checked_archive
from covstudio.data.readers import READERS, File, Reader, too_large
from covstudio.data.records import is_number
from covstudio.data.source import MAX_CELLS, RawTable, read_grid, too_much

__all__ = ["cell_name"]

#: What a workbook is packed from may be so many times as large as the largest file of text.
_UNPACKED = 10
_OLD = b"\xd0\xcf\x11\xe0"
_MERGED_NAMES = 30

#: Cells with something in them, cells that show a text of the list of texts, and the texts of that list.
_FILLED = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d{1,7})"(?:[^>]*[^>/])?>')
_TEXTS = re.compile(rb't="s"[^>]*>\s*<(?:\w+:)?v>(\d+)<')
_SHARED = re.compile(rb"<(?:\w+:)?si\b.*?</(?:\w+:)?si>", re.DOTALL)
_WHOLE = re.compile(r"\d{1,4}", re.ASCII)
_NOT_COMPUTED = re.compile(rb"<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>")

Merge = tuple[tuple[int, int], tuple[int, int]]
Grid = list[list[str]]


def fits(file: File) -> str:
    """Why a file is a workbook, or ""."""
    if file.data.startswith(_OLD):
        return "it begins as an old workbook (.xls) does"
    if not file.data.startswith(b"PK\x03\x04"):
        return ""
    try:
        with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
            parts = archive.namelist()
            if any(part.startswith("xl/workbook.") for part in parts):
                return "its parts are those of an Excel workbook"
            if "mimetype" in parts and "content.xml" in parts:
                return "its parts are those of an OpenDocument file"
    except (zipfile.BadZipFile, ValueError, OSError):
        return ""
    return ""


def read(file: File) -> RawTable:
    """The columns of a sheet.

    Raises:
        TableError: it cannot be read, it would be too large, or no sheet has a table.
        ChoiceError: there is no such sheet.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    if not file.data.startswith(_OLD):
        most = _UNPACKED * file.max_bytes
        with checked_archive(file.data, most, "The workbook") as archive:
            if "xl/workbook.xml" not in archive.namelist():
                raise TableError(
                    "This is an OpenDocument file or a binary workbook (.ods, .xlsb), which is not read. In "
                    "the "
                    "spreadsheet program, save it as an Excel workbook (.xlsx) and load that file."
                )
            try:
                _check_size(archive, most)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:
                raise TableError(f"The workbook is damaged: {error}. Save or download it again.") from None
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(file.data))
        sheets = {
            one.name: (str(one.visible).endswith("Visible"), book.get_sheet_by_name(one.name))
            for one in book.sheets_metadata
            if str(one.typ).endswith("WorkSheet")
        }
        name, reason, others = _chosen(file.choices, sheets)
        sheet = sheets[name][1]
        cells = sheet.to_python(skip_empty_area=False)
        merges: Sequence[Merge] = sheet.merged_cell_ranges or ()
    except (CalamineError, OSError) as error:
        raise TableError(
            f"The workbook cannot be read: {str(error).rstrip('.')}. If it has a password, save it without; "
            "else save "
            "the sheet as 'CSV UTF-8 (comma delimited)' and load that file."
        ) from None
    notes = _without_value(file.data, name)
    grid = [[_text(value) for value in row] for row in cells]
    _fill_down(grid, merges, notes)
    _join_names(grid, merges, notes)
    raw = read_grid(grid, file.choices)
    header = next(one.value for one in raw.decisions if one.name == "header")
    _check_names(grid, merges, header)
    decisions = (Decision("sheet", name, reason), *raw.decisions)
    raw = replace(raw, decisions=decisions, notes=(*notes, *raw.notes))
    if others and file.choices.sheet is None:
        answers = tuple(Answer(f"sheet {one}", replace(file.choices, sheet=one)) for one in (name, *others))
        asked = Question(
            f"The workbook has {count(len(answers), 'sheet')} with values; sheet {shown(name)} is read, the "
            "first "
            "of them.",
            answers,
        )
        return replace(raw, questions=(asked, *raw.questions), recorded=("sheet",))
    return raw


def _chosen(choices: TableChoices, sheets: dict[str, Any]) -> tuple[str, str, list[str]]:
    """The sheet that is read, why, and others that may be meant."""
    if choices.sheet is not None:
        names = {name.casefold(): name for name in reversed(sheets)}
        found = names.get(choices.sheet.casefold())
        if found is None and choices.sheet.isdecimal() and 0 < int(choices.sheet) <= len(sheets):
            found = list(sheets)[int(choices.sheet) - 1]
        if found is None:
            raise ChoiceError(
                f"The workbook has no sheet {shown(choices.sheet)}. "
                f"{suggestion(choices.sheet, list(sheets), 'sheet')}"
            )
        return found, "as was said", []
    filled = [name for name, (_, sheet) in sheets.items() if sheet.height > 1]
    visible = [name for name in filled if sheets[name][0]]
    candidates = visible or filled
    if not candidates:
        raise TableError(
            "No sheet of the workbook has two rows of values. Load the workbook that has the table."
        )
    if len(candidates) == 1:
        return candidates[0], "the only sheet with rows of values", []
    return candidates[0], f"the first of {listed(candidates)}", candidates[1:]


def _text(value: Any) -> str:
    """A cell as text: numbers to the last digit, dates as ISO 8601 writes them."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        whole = value.time() == time()
        return (
            value.date().isoformat()
            if whole
            else value.replace(microsecond=0).isoformat(timespec="minutes" if not value.second else "seconds")
        )
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return repr(value / timedelta(days=1))
    return "" if value is None else str(value)


def cell_name(row: int, column: int) -> str:
    """The name of a cell in a spreadsheet, of its row and column from 0.

    Example:
        >>> cell_name(3, 0), cell_name(0, 27)
        ('A4', 'AB1')
    """
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


def _without_value(data: bytes, sheet: str) -> list[str]:
    """Notes of formulas that nobody has computed, and of those that failed."""
    content = b"" if data.startswith(_OLD) else _part(data, sheet)
    formulas, errors = len(_NOT_COMPUTED.findall(content)), content.count(b' t="e"')
    notes = []
    if formulas:
        verb = "has" if formulas == 1 else "have"
        notes.append(
            f"{count(formulas, 'formula')} {verb} no value, as no spreadsheet program has computed it: open "
            "the "
            "workbook in one and save it."
        )
    if errors:
        verb = "has" if errors == 1 else "have"
        notes.append(f"{count(errors, 'cell')} with an error such as #DIV/0! {verb} no value.")
    return notes


def _part(data: bytes, sheet: str) -> bytes:
    """The part of a workbook that holds a sheet; nothing where it cannot be told."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        try:
            book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
            relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
            sheets = re.findall(r"<(?:\w+:)?sheet\b[^>]*>", book)
            wanted = next(_named(one, "r:id") for one in sheets if _named(one, "name") == sheet)
            links = re.findall(r"<Relationship\b[^>]*>", relations)
            target = next(_named(one, "Target") for one in links if _named(one, "Id") == wanted)
            return archive.read(target[1:] if target.startswith("/") else f"xl/{target}")
        except (KeyError, StopIteration):
            return b""


def _check_size(archive: zipfile.ZipFile, most: int) -> None:
    """Refuse a workbook whose cells would not fit: few that lie far apart, or many of one long text.

    Raises:
        TableError: there are too many.
    """
    texts: list[int] = []
    for part in archive.namelist():
        if part.casefold().endswith("sharedstrings.xml"):
            texts = [len(one) for one in _SHARED.findall(archive.read(part))]
    for part in archive.namelist():
        content = archive.read(part)
        if b"sheetData" not in content:
            continue
        last = row = 0
        for letters, number in set(_FILLED.findall(content)):
            row, last = max(row, int(number)), max(last, _column(letters))
        if row * last > MAX_CELLS:
            raise TableError(
                f"A sheet of the workbook has values up to cell {cell_name(row - 1, last - 1)}, which makes "
                f"{row * last:,} cells, and {MAX_CELLS:,} is the most that can be read. Delete what lies far "
                "from the "
                "table, or save the table as csv."
            )
        size = sum(texts[at] for at in map(int, _TEXTS.findall(content)) if at < len(texts))
        if size > most:
            raise TableError(too_large(size, most, "The texts of a sheet have together"))


def _column(letters: bytes) -> int:
    found = 0
    for letter in letters:
        found = 26 * found + letter - 64
    return found


def _named(element: str, attribute: str) -> str:
    found = re.search(rf'\s{attribute}="([^"]*)"', element)
    return html.unescape(found[1]) if found else ""


def _range(merge: Merge) -> str:
    return f"{cell_name(*merge[0])}:{cell_name(*merge[1])}"


def _fill_down(grid: Grid, merges: Iterable[Merge], notes: list[str]) -> None:
    """Give all rows of merged cells the value of the first; merged cells of one row are left as they are."""
    filled = [one for one in merges if one[1][0] > one[0][0] and _at(grid, one[0])]
    if (cells := sum(min(bottom, len(grid)) - top for (top, _), (bottom, _) in filled)) > MAX_CELLS:
        raise TableError(too_much(f"The merged cells of the sheet make {cells:,} cells", MAX_CELLS))
    for (top, left), (bottom, _) in filled:
        for row in grid[top + 1 : bottom + 1]:
            if left < len(row):
                row[left] = grid[top][left]
    if filled:
        verb = "was" if len(filled) == 1 else "were"
        notes.append(
            f"{count(len(filled), 'range')} of merged cells {verb} filled down, the first "
            f"{_range(filled[0])} with "
            f"{shown(_at(grid, filled[0][0]))}."
        )


def _at(grid: Grid, place: tuple[int, int]) -> str:
    row, column = place
    return grid[row][column] if row < len(grid) and column < len(grid[row]) else ""


def _join_names(grid: Grid, merges: Iterable[Merge], notes: list[str]) -> None:
    """Join names of two rows, the upper ones merged over several columns, and empty the upper row."""
    wide = sorted(one for one in merges if one[0][0] == one[1][0] < _MERGED_NAMES and one[1][1] > one[0][1])
    for row in dict.fromkeys(top for (top, _), _ in wide):
        if row + 1 >= len(grid):
            continue
        groups = [one for one in wide if one[0][0] == row]
        below, above = grid[row + 1], grid[row]
        under = [below[at] for (_, left), (_, right) in groups for at in range(left, right + 1)]
        # A title is merged from the first column on, with nothing beside it.
        title = len(groups) == 1 and groups[0][0][1] == 0 and sum(map(bool, above)) == 1
        beside = set(range(len(below))) - {
            at for (_, left), (_, right) in groups for at in range(left, right + 1)
        }
        # What stands below a name of its own are data, and so are numbers that are no years or the like.
        data = any(above[at] and below[at] not in ("", above[at]) for at in beside)
        data |= any(is_number(text) and not _WHOLE.fullmatch(text) for text in under)
        if title or data or not all(under) or not all(above[at] or below[at] for at in range(len(below))):
            continue
        names = [text.strip() for text in below]
        for (_, left), (_, right) in groups:
            for at in range(left, right + 1):
                names[at] = f"{above[left].strip()} {below[at].strip()}"
        for at, text in enumerate(above):
            names[at] = names[at] or text.strip()
        if len(set(names)) < len(names):
            continue
        grid[row + 1], grid[row] = names, [""] * len(above)
        (_, left), _ = groups[0]
        notes.append(
            f"Names stand in rows {row + 1} and {row + 2}, merged over several columns "
            f"({_range(groups[0])}): they "
            f"were joined, as in {shown(names[left])}."
        )
        return


def _check_names(grid: Grid, merges: Iterable[Merge], header: int) -> None:
    """Refuse merged cells that name several columns together.

    Raises:
        TableError: there are some.
    """
    for (top, left), (bottom, right) in merges:
        if top <= header - 1 <= bottom and right > left and not all(grid[header - 1][left : right + 1]):
            raise TableError(
                f"Row {header} names the columns, and its cells {_range(((top, left), (bottom, right)))} are "
                "merged: "
                f"{shown(_at(grid, (top, left)))} names {right - left + 1} columns together. Give every "
                "column a "
                "name of its own in that row, or say which row has the names (the choice 'header')."
            )


READERS.register(
    Reader(
        "workbook",
        "an Excel workbook",
        (".xlsx", ".xlsm", ".xls"),
        fits,
        read,
        order=10,
    )
)
