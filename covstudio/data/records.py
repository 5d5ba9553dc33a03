"""Lines of text as records of fields, and what separates the fields."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from covstudio.data.dates import date_forms
from covstudio.data.errors import TableError
from covstudio.data.missing import ERRORS, MISSING_AMONG_NUMBERS
from covstudio.data.numerals import are_numbers, number, numeral

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "spaces"}
_COMMENT = re.compile(r"\s*[\"']?(?:#|//)")
_POINT = re.compile(r"\d\.\d|^\.\d", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_MOST = 0.8
#: So many cells are looked at to tell which columns hold numbers, and so many rows at least.
_LOOKED_AT, _FEWEST_ROWS = 100_000, 20


@dataclass(frozen=True)
class Record:
    """A line of fields, or several lines where a quoted value holds line breaks.

    Attributes:
        line: where it begins, counted from 1.
        end: the last line of it.
        fields: its texts, without spaces at their ends.
    """

    line: int
    end: int
    fields: tuple[str, ...]

    @property
    def comment(self) -> bool:
        """Whether it begins as a comment does."""
        return bool(_COMMENT.match(self.fields[0]))

    @property
    def blank(self) -> bool:
        """Whether nothing stands in it."""
        return not any(self.fields)


def split(lines: Sequence[str], separator: str) -> list[Record]:
    """Lines as records of fields; what comes after quotes that do not close is left out."""
    reader = csv.reader(fielded(lines, separator), delimiter=separator, strict=True, skipinitialspace=True)
    records: list[Record] = []
    line = 1
    try:
        for row in reader:
            records.append(Record(line, reader.line_num, tuple(map(str.strip, row)) or ("",)))
            line = reader.line_num + 1
    except csv.Error:
        pass  # the sample may end within a quoted value; what is wrong is said when all is read
    return records


def quotes_error(lines: Sequence[str], separator: str) -> csv.Error:
    """What is wrong with the quotes of lines that cannot be read."""
    try:
        list(csv.reader(fielded(lines, separator), delimiter=separator, strict=True, skipinitialspace=True))
    except csv.Error as error:
        return error
    return csv.Error("unexpected end of data")


def broken_quotes(error: csv.Error, line: int) -> str:
    """What is wrong with the quotes of a file, and where."""
    reason = str(error)
    if "field larger" in reason:
        return (
            f"A field that ends near line {line:,} is longer than {csv.field_size_limit():,} characters. "
            'Probably a quote (") before it is never closed: close or remove it.'
        )
    if "unexpected end of data" in reason:
        return (
            f'A quote (") is opened and not closed before the file ends (line {line:,}). Close or remove it.'
        )
    return (
        f"Line {line:,} has a quoted value with text after its closing quote. Put the quotes around the "
        'whole value, and write a quote inside a value twice ("").'
    )


def fielded(lines: Iterable[str], separator: str) -> Iterable[str]:
    """The lines, and where spaces separate fields without those at their ends and without tabs."""
    return lines if separator != " " else (line.replace("\t", " ").strip() for line in lines)


def find_separator(lines: Sequence[str]) -> str:
    """The separator that gives most lines one number of fields, and the more of them.

    Raises:
        TableError: the fields are separated by spaces, and a label with a space could not be told from two.
    """
    best, best_score = ",", (0.0, 0, 0)
    for separator in SEPARATORS:
        records = [one for one in split(lines, separator) if not one.blank and not one.comment]
        widths = [len(record.fields) for record in records]
        width = body_width(widths)
        if width < 2:
            continue
        if separator == " ":
            if best_score[0] < 1.0 and _spaced(records, lines):
                best = separator
            elif not best_score[0] and all(one - widths[0] in (0, 1) for one in widths[1:]):
                raise TableError(
                    "The fields seem to be separated by spaces, and commas, semicolons or tabs were "
                    'expected. Save the table as csv; in R: write.csv(d, "d.csv", row.names = FALSE).'
                )
            continue
        # A header may lack a name for the names of rows, and had better not.
        short = lacks_row_names(widths[0], width, separator)
        score = ((sum(one == width for one in widths) + short) / len(widths), -short, width)
        if score > best_score:
            best, best_score = separator, score
    return best


def _spaced(records: Sequence[Record], lines: Sequence[str]) -> bool:
    """Whether spaces separate fields.

    Every line has as many, some hold numbers, and a field more than there are names is quoted or a number.
    """
    header, *body = records
    widths = {len(record.fields) for record in body}
    if len(widths) != 1:
        return False
    (width,) = widths
    if len(header.fields) == width - 1:
        if not all(lines[one.line - 1].lstrip().startswith('"') or one.fields[0].isdigit() for one in body):
            return False
    elif len(header.fields) != width:
        return False
    return any(numeric_columns(body, width))


def lacks_row_names(names: int, width: int, separator: str) -> bool:
    """Whether a header of so many names can stand above rows that begin with a row name more.

    R's write.table writes such files. One name before commas is more likely a title.
    """
    return names == width - 1 and (names > 1 or separator in "\t ")


def commas_in_numbers(rows: Sequence[Sequence[str]], count: int) -> bool:
    """Whether decimal commas may be what makes lines of a comma-separated file too long.

    Args:
        rows: the fields of lines.
        count: how many fields they have more than there are names.

    Example:
        >>> commas_in_numbers([["A", "4", "1"], ["B", "-3", "95"]], 1)
        True
        >>> commas_in_numbers([["r1", "A", "4.1"]], 1), commas_in_numbers([["r1", "A", "4"]], 1)
        (False, False)
    """
    if not rows or any(_POINT.search(text) for row in rows for text in row):
        return False
    return len(_pairs(rows)) >= count


def within_number(rows: Sequence[Sequence[str]]) -> str:
    """The first number of lines with decimal commas between commas, put together again."""
    place = _pairs(rows)[0]
    return f"{rows[0][place]},{rows[0][place + 1]}"


def _pairs(rows: Sequence[Sequence[str]]) -> list[int]:
    """Places of whole numbers with digits behind them in all lines, none in two pairs; from the end on."""
    found: list[int] = []
    at = min(map(len, rows)) - 2
    while at >= 0:
        if all(_WHOLE.fullmatch(row[at]) and row[at + 1].isdecimal() for row in rows):
            found.append(at)
            at -= 1
        at -= 1
    return found


def is_remark(fields: Sequence[str]) -> bool:
    """Whether a line holds a source or a remark, in its first field alone.

    Example:
        >>> is_remark(["Source: CIMMYT"]), is_remark(["* lost", ""]), is_remark(["B"])
        (True, True, False)
    """
    first, *others = fields
    return not any(others) and (":" in first or len(first.split()) > 2 or first.startswith(("*", "#")))


def body_width(widths: Sequence[int]) -> int:
    """How many fields most of the lines have; the later lines count where there is a title above them."""
    many = Counter(width for width in widths if width > 1)
    if not many:
        return 1
    most = max(many.values())
    width = max(width for width, times in many.items() if times == most)
    ones = sum(one == 1 for one in widths)
    return width if most >= ones or widths[-1] == width else 1


def numeric_columns(records: Sequence[Record], width: int) -> list[bool]:
    """Which columns hold numbers or dates, nearly all of them; of a wide table the first rows tell."""
    most = max(_FEWEST_ROWS, _LOOKED_AT // max(width, 1))
    fitting_rows = (one.fields for one in records if not one.comment and len(one.fields) == width)
    rows = list(islice(fitting_rows, most))
    found = []
    for at in range(width):
        texts = [row[at] for row in rows if row[at]]
        fitting = len(texts) if are_numbers(texts) else sum(map(is_number, texts))
        found.append(fitting > 0 and fitting >= _MOST * len(texts) and any(map(numeral, texts)))
    return found


def is_number(text: str) -> bool:
    """Whether a text is a number, a date, or a sign for a missing one."""
    return (
        number(text) is not None
        or numeral(text) is not None
        or date_forms([text]) is not None
        or (bool(text) and text in MISSING_AMONG_NUMBERS | ERRORS)
    )
