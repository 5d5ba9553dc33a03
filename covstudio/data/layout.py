"""The layout of a file of text: what separates its fields, and which line names the columns.

Everything is found from the first lines. What is passed over is said, and what cannot be told is asked; a
choice of the person's goes before all that is found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from covstudio.data.choices import Answer, Decision, Question, TableChoices
from covstudio.data.errors import ChoiceError, TableError, count, listed, shown
from covstudio.data.numerals import numeral
from covstudio.data.records import (
    SEPARATORS,
    Record,
    body_width,
    broken_quotes,
    commas_in_numbers,
    find_separator,
    is_number,
    lacks_row_names,
    numeric_columns,
    quotes_error,
    split,
    within_number,
)
from covstudio.data.units import is_unit

SAMPLE_LINES = 200
_NAMED_SEPARATOR = re.compile(r'"?sep=(.)"?[;,\s]*', re.IGNORECASE)
_COMMENT_MARK = re.compile(r"^[\s#/\"']*")
_YEAR = re.compile(r"(?:19|20)\d\d", re.ASCII)
_HALF = 0.5


@dataclass(frozen=True)
class Layout:
    """Where the table in a file is.

    Attributes:
        separator: what stands between fields.
        header: the line that names the columns, counted from 1.
        names: these names; the first is "" where rows have a name that the header has not.
        skipped: how many lines stand before the first record.
        notes: what was passed over, one sentence each.
        questions: what cannot be told.
        decisions: how it is read, and why.
    """

    separator: str
    header: int
    names: tuple[str, ...]
    skipped: int
    notes: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    decisions: tuple[Decision, ...] = ()


def find_layout(lines: Sequence[str], choices: TableChoices) -> Layout:
    """Find the table among the first lines of a file.

    Args:
        lines: up to `SAMPLE_LINES` lines.
        choices: what is said about the file.

    Raises:
        TableError: there is no line that could name columns, or it cannot be told where fields end.
        ChoiceError: the line that is said to name the columns is not there.

    Example:
        >>> layout = find_layout(["Trial 12", "", "gen;rep;yield", "A;1;4,1", "B;1;3,9"], TableChoices())
        >>> layout.separator, layout.header, layout.names, layout.skipped
        (';', 3, ('gen', 'rep', 'yield'), 3)
    """
    named = _NAMED_SEPARATOR.fullmatch(lines[0].strip("\r\n")) if lines else None
    notes = []
    if named:
        notes.append(
            f"Line 1, {shown(lines[0].strip())}, names the separator of the fields and was left out."
        )
        lines = ["\n", *lines[1:]]
        if choices.separator is None and named[1] in SEPARATORS:
            choices = replace(choices, separator=named[1])
    said = choices.separator is not None
    separator = choices.separator or find_separator(lines)
    found = split(lines, separator)
    records = [record for record in found if not record.blank]
    if not records:
        if not found:
            raise TableError(broken_quotes(quotes_error(lines, separator), 1))
        raise TableError(
            "The file holds empty lines only. A table needs a first line with the names of its columns "
            "and a line for every plot or record."
        )
    if separator != "," and not named:
        notes.append(f"The fields are separated by {SEPARATORS[separator]}.")
    reason = (
        "line 1 says so"
        if named and said
        else "as was said"
        if said
        else "it gives most lines as many fields"
    )
    layout = _Finder(records, separator, choices, notes, lines).layout()
    return replace(layout, decisions=(Decision("separator", separator, reason), *layout.decisions))


def layout_of(records: Sequence[Record], choices: TableChoices) -> Layout:
    """Find the table among the first rows of cells, where no separator need be found.

    Args:
        records: the first rows, all of one width.
        choices: what is said about the file.

    Raises:
        TableError: there is no row that could name columns.
        ChoiceError: the row that is said to name the columns is not there.
    """
    filled = [record for record in records if not record.blank]
    if not filled:
        raise TableError(
            f"The first {len(records):,} lines have no cell with a value. Put the table at the top."
        )
    return _Finder(filled, ",", choices, [], ()).layout()


# --- the line that names the columns --------------------------------------------------------------


@dataclass
class _Finder:
    """Looks for the header among the records of a sample."""

    records: list[Record]
    separator: str
    choices: TableChoices
    notes: list[str]
    lines: Sequence[str]

    def layout(self) -> Layout:
        """The layout, with what was passed over."""
        questions: list[Question] = []
        self.width = body_width([len(one.fields) for one in self.records if not one.comment])
        place, names = self._header(questions)
        header = self.records[place]
        if above := self.records[:place]:
            self.notes.append(_passed_over(above))
        below = self.records[place + 1 :]
        names = self._with_row_names(names, below)
        skipped = header.end
        units = "the line below the names holds none"
        if self.choices.units is not None:
            units = "as was said"
        if below and self._units(names, below):
            units = "the line below the names holds them" if self.choices.units is None else units
            skipped = below[0].end
            self.notes.append(
                f"Line {below[0].line} below the names of the columns holds units and was left out: "
                f"{listed([text for text in below[0].fields if text])}."
            )
        why = (
            "as was said"
            if self.choices.header is not None
            else "it could be another line, which is asked"
            if questions
            else "the first line with text"
            if place == 0
            else "the first line that has a name for every column below it"
        )
        decisions = (Decision("header", header.line, why), Decision("units", skipped > header.end, units))
        return Layout(
            self.separator, header.line, names, skipped, tuple(self.notes), tuple(questions), decisions
        )

    def _header(self, questions: list[Question]) -> tuple[int, tuple[str, ...]]:
        """The place of the header among the records, and its names."""
        records, said = self.records, self.choices.header
        if said is not None:
            found = [place for place, one in enumerate(records) if one.line <= said <= one.end]
            if not found:
                raise ChoiceError(
                    f"Line {said:,} is said to name the columns, and it is empty or not among the first "
                    f"{SAMPLE_LINES} lines. The first line with text is line {records[0].line:,}."
                )
            return found[0], _uncommented(records[found[0]].fields, records[found[0]].comment)
        plain = [place for place, one in enumerate(records) if not one.comment]
        if not plain:
            return 0, _uncommented(records[0].fields, True)
        top = plain[0]
        commented = self._commented_header(top)
        if commented is not None:
            return commented
        fits = self._names(top, first=True)
        if fits and len(records[top].fields) == self.width:
            return self._title_or_names(top, questions)
        found = [place for place in plain[1:30] if self._names(place, first=False)]
        # "Year;2023" is no header that lacks a name where a line with all three names follows.
        found.sort(key=lambda place: len(records[place].fields) < self.width)
        for place in found:
            if self._set_apart(top, place, doubtful=fits):
                return place, records[place].fields
        return top, records[top].fields

    def _commented_header(self, top: int) -> tuple[int, tuple[str, ...]] | None:
        """The names in a comment, where the first other line holds data: "# gen, rep, yield"."""
        records = self.records
        if top == 0 or not any(map(is_number, records[top].fields)):
            return None
        for place in range(top - 1, -1, -1):
            text = _uncommented(records[place].fields, True)
            fits = len(text) in (self.width, self.width - 1) and len(text) > 1
            if fits and all(text) and not any(map(is_number, text)):
                return place, text
        return None

    def _names(self, place: int, first: bool) -> bool:
        """Whether a record could name the columns of those below it."""
        fields = self.records[place].fields
        below = [one for one in self.records[place + 1 :] if not one.comment]
        short = lacks_row_names(len(fields), self.width, self.separator)
        if len(fields) != self.width and not (short and all(len(one.fields) == self.width for one in below)):
            return False
        shift = self.width - len(fields)
        filled = {at + shift for at, text in enumerate(fields) if text}
        needed = {
            at
            for at in range(1, self.width)
            if below
            and sum(len(one.fields) > at and bool(one.fields[at]) for one in below) >= _HALF * len(below)
        }
        if not needed <= filled or not filled:
            return False
        numbers = [text for text in fields if text and is_number(text)]
        if first:
            return len(numbers) < len(filled)
        years = all(_YEAR.fullmatch(text) for text in numbers) and len(set(numbers)) == len(numbers)
        return len(numbers) < len(filled) and years and (not numbers or not is_number(fields[0]))

    def _set_apart(self, top: int, place: int, doubtful: bool) -> bool:
        """Whether what stands above a record is no part of the table, beyond doubt.

        Numbers begin below it, an empty line lies between, or cells were left empty beside a title.
        """
        above, below = self.records[top:place], self.records[place + 1 :]
        if any(numeric_columns(below, self.width)):
            return True
        if any(sum(map(bool, one.fields)) > 2 for one in above):
            return False
        padded = not doubtful and all(len(one.fields) == self.width for one in above)
        return padded or self.records[place].line - above[-1].end > 1

    def _title_or_names(self, top: int, questions: list[Question]) -> tuple[int, tuple[str, ...]]:
        """The first record, or the second where the first is a title cut into as many fields."""
        records = self.records
        fields = records[top].fields
        if top + 1 >= len(records):
            return top, fields
        second = records[top + 1]
        numeric = numeric_columns(records[top + 2 :], self.width)
        lost = len(second.fields) == self.width and not any(
            is_number(text) for text, number in zip(second.fields, numeric, strict=False) if number
        )
        names = all(second.fields) and len(set(second.fields)) == len(second.fields)
        if sum(numeric) < min(2, self.width) or not lost or not names or all(map(is_unit, second.fields)):
            return top, fields
        if self._units(fields, records[top + 1 :]):
            return top, fields
        sentences = any(len(text.split()) > 2 or ":" in text for text in fields) or not all(fields)
        if sentences or len(set(fields)) < len(fields):
            return top + 1, second.fields
        if self.width == 1:
            return top, fields
        # A year above numbers is more likely part of a title than a name, where all words stand below it.
        taken, other = (top, top + 1)
        if any(is_number(text) for text, number in zip(fields, numeric, strict=False) if number):
            taken, other = other, taken
        here, there = records[taken].line, records[other].line
        questions.append(
            Question(
                f"Line {records[top].line} or line {second.line} may name the columns: both hold text where "
                f"numbers stand below them. Line {here} is taken: {listed(records[taken].fields)}.",
                tuple(Answer(f"line {line}", replace(self.choices, header=line)) for line in (here, there)),
            )
        )
        return taken, records[taken].fields

    def _with_row_names(self, names: tuple[str, ...], below: Sequence[Record]) -> tuple[str, ...]:
        """The names, with "" for what only the rows have: row names, or nothing behind a last separator."""
        rows = [one.fields for one in below if not one.comment]
        if not rows or any(len(row) != len(names) + 1 for row in rows):
            return names
        if not any(row[-1] for row in rows):
            return (*names, "")
        first = [row[0] for row in rows]
        named = lacks_row_names(len(names), self.width, self.separator)
        if not (named and all(first) and len(set(first)) == len(first)):
            return names
        quoted = all(self.lines[one.line - 1].lstrip().startswith('"') for one in below if not one.comment)
        if self.separator == "," and not quoted and commas_in_numbers(rows, 1):
            header = self.records[self.records.index(below[0]) - 1].line
            raise TableError(
                f"Line {below[0].line} has {len(rows[0])} fields, and line {header} names {len(names)}. If "
                f"commas stand within numbers, as in {shown(within_number(rows))}, write decimal points, or "
                "separate the fields by semicolons; if the first field is the name of a row, give it a name "
                f"in line {header}, too."
            )
        return ("", *names)

    def _units(self, names: Sequence[str], below: Sequence[Record]) -> bool:
        """Whether the record right below the names holds units."""
        if self.choices.units is not None:
            return self.choices.units
        row = below[0].fields
        if len(row) != len(names) or len(below) < 2 or below[0].comment:
            return False
        numeric = numeric_columns(below[1:], len(names))
        over = [text for text, number in zip(row, numeric, strict=True) if number]
        beside = [text for text, number in zip(row, numeric, strict=True) if not number]
        return (
            any(len(text) > 1 for text in over)
            and not any(map(numeral, over))
            and all(not text or is_unit(text) for text in over)
            # A single letter is more likely a label than an ampere.
            and all(
                not text or (is_unit(text) and not (len(text) == 1 and text.isalpha())) for text in beside
            )
        )


def _uncommented(fields: tuple[str, ...], comment: bool) -> tuple[str, ...]:
    """The fields of a comment without the sign of comments."""
    if not comment:
        return fields
    return (_COMMENT_MARK.sub("", fields[0]) or fields[0], *fields[1:])


def _passed_over(above: Sequence[Record]) -> str:
    """A sentence about the lines above the header."""
    first = " ".join(text for text in above[0].fields if text)
    if len(above) == 1:
        which, verb = f"Line {above[0].line}", "was"
    else:
        which, verb = f"{count(len(above), 'line')} from line {above[0].line} to {above[-1].end}", "were"
    more = ", ..." if len(above) > 1 else ""
    return f"{which} above the names of the columns {verb} left out: {shown(first)}{more}."
