"""From the text of a column to numbers, dates or labels.

A column is numeric when everything in it that is not missing is a finite number, whichever way people write
numbers; it holds dates when everything is one; everything else is text, and text is a label, never rewritten
but for spaces at its ends and for forms of characters that look the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from covstudio.data.causes import looks_like_number, why_no_numbers
from covstudio.data.choices import Decision, Question, TableChoices
from covstudio.data.column_text import ColumnText, Marks
from covstudio.data.dates import ORDER_WORDS, Order, compact_dates, compact_iso, date_forms, iso_date
from covstudio.data.doubts import Doubts
from covstudio.data.errors import ChoiceError, count, listed, shown
from covstudio.data.missing import ERRORS, MISSING, MISSING_AMONG_NUMBERS
from covstudio.data.numerals import Numeral, are_codes, numeral
from covstudio.data.text import label

#: Whole numbers from here on are kept as the nearest floating-point number.
_LARGEST = 2.0**63
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_MARKS = {".": "points", ",": "commas", "'": "apostrophes", "\u2019": "apostrophes"}


@dataclass(frozen=True, eq=False)
class Parsed:
    """A column that was read.

    Attributes:
        values: (n,) int64 when all are whole numbers, float64 (NaN where missing) when all are numbers,
            otherwise object (str, None where missing).
        notes: what was read differently from how it is written, one sentence each.
        questions: what the column does not say.
        decisions: what it was read as, and why.
    """

    values: npt.NDArray[Any]
    notes: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    decisions: tuple[Decision, ...] = ()


def parse_column(column: ColumnText, marks: Marks, choices: TableChoices, answers: bool = True) -> Parsed:
    """Read one column of text.

    Args:
        column: the column.
        marks: what the whole file shows about its decimal mark.
        choices: what is said about the table.
        answers: whether its questions have answers to choose from, see `Doubts`.

    Raises:
        ChoiceError: the column is not what a person has said that it is.

    Example:
        >>> cells = np.array(["4.1", "*", "3"], dtype=object)
        >>> parsed = parse_column(ColumnText.of("yield", cells, TableChoices()), Marks(","), TableChoices())
        >>> parsed.values.tolist(), parsed.notes
        ([4.1, nan, 3.0], ("Column 'yield': 1 cell with '*' is read as missing.",))
    """
    doubts = Doubts(column.name, choices, answers)
    kind = column.choice.kind or ("date" if column.choice.order else None)
    if kind == "text" or not column.present:
        return _labels(column, doubts)
    if kind != "date":
        parsed = _numbers(column, marks, doubts)
        if parsed is not None:
            return parsed
        if kind == "number":
            raise ChoiceError(
                f"Column {shown(column.name)} is said to hold numbers. {why_no_numbers(column.present)[1]}"
            )
    return _dates(column, doubts) or _labels(column, doubts)


# --- numbers --------------------------------------------------------------------------------------


def _numbers(column: ColumnText, marks: Marks, doubts: Doubts) -> Parsed | None:
    """The column as numbers, or None where it holds none, or none that are certain."""
    said = column.choice.decimal or doubts.choices.decimal_mark
    certain = column.choice.kind == "number"
    if column.plain and not column.unclear and said != ",":
        if are_codes(column.present) and not certain:
            return None
        sizes = {value: float(value) for value in column.present}
        if column.choice.kind is None and compact_dates(column.present):
            doubts.compact_dates(column.present[0])
        return _numeric(column, sizes, ".", doubts)
    numerals = column.numerals
    if numerals is None or (are_codes([one.digits for one in numerals]) and not certain):
        return None
    decimal = said or _decimal(column, marks, doubts)
    if not decimal:
        return None
    read = {value: (one, one.value(decimal)) for value, one in zip(column.present, numerals, strict=True)}
    sizes = {value: size for value, (_, size) in read.items() if size is not None}
    if len(sizes) == len(read):
        _say_how_read(
            [(value, one, sizes[value]) for value, (one, _) in read.items()], decimal, marks, doubts
        )
        return _numeric(column, sizes, decimal, doubts)
    if column.choice.decimal:
        wrong = next(value for value in read if value not in sizes)
        raise ChoiceError(
            f"Column {shown(column.name)} is said to have decimal {_MARKS[decimal]}, and {shown(wrong)} has "
            "another mark. Say nothing about it, or mend that cell."
        )
    return None


def _decimal(column: ColumnText, marks: Marks, doubts: Doubts) -> str:
    """The decimal mark of a column, from its own numbers, from other columns, or asked for; "" for text."""
    told = column.evidence
    if told.mixed:
        return ""
    if not told.ambiguous:
        return told.decimal or "."
    if doubts.choices.thousands is not None:
        return told.ambiguous
    if marks.decimal:
        return marks.decimal
    if told.ambiguous == "." and marks.separator in (",", " "):
        return "."
    now = "." if told.ambiguous == "." else "," if marks.separator == ";" else ""
    doubts.decimal_or_thousands(
        next(value for value in column.present if told.ambiguous in value), told.ambiguous, now
    )
    return now


def _say_how_read(
    read: Sequence[tuple[str, Numeral, float]], decimal: str, marks: Marks, doubts: Doubts
) -> None:
    """Notes of what was read differently from how it is written, each with the first example."""
    other = "," if decimal == "." else "."

    def example(wanted: Callable[[Numeral], object]) -> tuple[Numeral, str] | None:
        for value, one, size in read:
            if wanted(one):
                return one, f"{value} is read as {label(size)}"
        return None

    if found := example(lambda one: one.spaced or other in one.digits):
        one, as_read = found
        what = _MARKS.get(one.spaced or other, "spaces")
        because = (
            f", as column {shown(marks.column)} has decimal {_MARKS[decimal]}"
            if one.mark.startswith("either") and marks.decimal == decimal and marks.column != doubts.name
            else ""
        )
        doubts.note(f"{what} between thousands were left out{because}: {as_read}.")
    if decimal == "," and example(lambda one: "," in one.digits):
        doubts.note("decimal commas were read as decimal points.")
    if found := example(lambda one: one.percent):
        doubts.note(f"percent signs were left out: {found[1]}.")
    if found := example(lambda one: one.currency):
        doubts.note(f"the currency sign {shown(found[0].currency)} was left out: {found[1]}.")
    if found := example(lambda one: one.typographic):
        doubts.note(f"minus signs of typography were read as minus: {found[1]}.")


def _numeric(column: ColumnText, sizes: Mapping[str, float], decimal: str, doubts: Doubts) -> Parsed:
    """The series of numbers, with what is missing in it and what may be."""
    doubts.decide("kind", "number", "as was said" if column.choice.kind else "every value is a number")
    if any("." in value or "," in value for value in sizes):
        doubts.decide(
            "decimal",
            decimal,
            "as was said"
            if column.choice.decimal or doubts.choices.decimal_mark
            else "its numbers show it"
            if column.evidence.decimal
            else "other columns or the separator show it, and not its own numbers",
        )
    rows = dict(zip(column.values, column.sizes, strict=True))
    _say_missing(column, sizes, MISSING, doubts)
    doubts.codes(sizes, rows, column.choice.values)
    exact = all(abs(size) < _LARGEST for size in sizes.values())
    if exact and all(map(_WHOLE.fullmatch, column.values)) and len(sizes) == len(rows):
        whole = np.array([int(value) for value in column.values], dtype=np.int64)
        return _parsed(whole[column.codes], doubts)
    floats = np.array([sizes.get(value, math.nan) for value in column.values], dtype=np.float64)
    return _parsed(floats[column.codes], doubts)


def _say_missing(column: ColumnText, there: Container[str], usual: Container[str], doubts: Doubts) -> None:
    """Notes of which texts mean that there is no value: those that somebody said, and unusual ones."""
    said: dict[str, int] = {}
    unusual: dict[str, int] = {}
    for value, rows in zip(column.values, column.sizes, strict=True):
        if value not in there and value not in usual:
            group = unusual if value in MISSING_AMONG_NUMBERS | ERRORS else said
            group[value] = group.get(value, 0) + rows
    for group, one, many in (
        (unusual, "is read as missing", "are read as missing"),
        (said, "has no value, as was said", "have no value, as was said"),
    ):
        if group:
            cells = sum(group.values())
            doubts.note(
                f"{count(cells, 'cell')} with {listed(group, word='or')} {one if cells == 1 else many}."
            )


# --- dates and labels -----------------------------------------------------------------------------


def _dates(column: ColumnText, doubts: Doubts) -> Parsed | None:
    """The column as dates of ISO 8601, or None where it holds none, or none that are certain."""
    said, wanted = column.choice.kind == "date", column.choice.order
    if wanted == "ymd" and all(map(compact_iso, column.present)):
        return _as_dates(column, {value: compact_iso(value) for value in column.present}, wanted, doubts)
    forms = date_forms(column.present)
    if forms is None or (wanted and wanted not in forms.orders and not forms.iso):
        if said or wanted:
            raise ChoiceError(_no_dates(column, wanted))
        return None
    if forms.iso:
        return _labels(column, doubts, frozenset(column.present))
    if not wanted and not forms.sure and not (said and len(forms.orders) == 1):
        doubts.dates(forms)
        return None
    order = wanted or forms.orders[0]
    return _as_dates(column, {value: iso_date(value, order) for value in column.present}, order, doubts)


def _as_dates(column: ColumnText, read: Mapping[str, str | None], order: Order, doubts: Doubts) -> Parsed:
    value, as_read = next(iter(read.items()))
    doubts.decide("kind", "date", "as was said" if column.choice.kind else "every value is a date")
    asked = bool(column.choice.order)
    doubts.decide("order", order, "as was said" if asked else "in no other order are all of them days")
    how = "" if any(map(str.isalpha, value)) else f" as {ORDER_WORDS[order]}"
    doubts.note(f"dates were read{how}: {value} is {as_read}.")
    _say_missing(column, read, MISSING, doubts)
    labels = np.array([read.get(value) for value in column.values], dtype=object)
    return _parsed(labels[column.codes], doubts)


def _no_dates(column: ColumnText, wanted: Order | None) -> str:
    def fits(value: str) -> bool:
        forms = date_forms([value])
        return forms is not None and (wanted is None or wanted in forms.orders)

    wrong = next((value for value in column.present if not fits(value)), None)
    what = f"dates ({ORDER_WORDS[wanted]})" if wanted else "dates"
    why = f"{shown(wrong)} is none" if wrong else "they are written in several ways"
    return (
        f"Column {shown(column.name)} is said to hold {what}, and {why}. Write them as 2023-05-01, or say "
        "something else about the column."
    )


def _labels(column: ColumnText, doubts: Doubts, dates: frozenset[str] = frozenset()) -> Parsed:
    """The column as labels; where they are dates, everything else is missing."""
    doubts.decide("kind", *_why_labels(column, dates))
    absent = (MISSING | ERRORS | column.declared).difference(column.choice.values)
    rows: dict[str, int] = {}
    trimmed = alike = 0
    for text, value, size in zip(column.texts, column.values, column.sizes, strict=True):
        if value in dates or not (dates or value in absent):
            rows[value] = rows.get(value, 0) + size
            trimmed += size * (text != value == text.strip())
            alike += size * (text.strip() != value)
    if trimmed:
        doubts.note(f"spaces at the ends of {count(trimmed, 'label')} were trimmed.")
    if alike:
        doubts.note(f"{count(alike, 'label')} had characters that look like others and were given one form.")
    _say_missing(column, rows, frozenset({""}), doubts)
    _say_why_text(column, doubts)
    _say_alike(rows, doubts)
    doubts.labels(rows, column.choice.values)
    labels = np.array([value if value in rows else None for value in column.values], dtype=object)
    return _parsed(labels[column.codes] if column.texts else labels, doubts)


def _why_labels(column: ColumnText, dates: frozenset[str]) -> tuple[str, str]:
    if dates:
        return "date", "every value is a date as ISO 8601 writes it"
    if column.choice.kind:
        return "text", "as was said"
    if not column.present:
        return "text", "it has no values"
    if are_codes(column.present):
        return "text", "its digits are names: they begin with 0, or are too many for a number"
    other = next((value for value in column.present if numeral(value) is None), None)
    if other is None:
        return "text", "its numbers are written in several ways, or may be meant in two"
    return "text", f"{shown(other)} is no number"


def _say_why_text(column: ColumnText, doubts: Doubts) -> None:
    """A note of what keeps a column that looks like one of numbers from being one, and where."""
    present = column.present
    asked = any(question.column == column.name for question in doubts.questions)
    if asked or column.choice.kind or not present or not _half(map(looks_like_number, present), len(present)):
        return
    if are_codes(present):
        _say_codes(column, doubts)
        return
    place, cause = why_no_numbers(present)
    line = column.line_of(present[place])
    if line in column.doubtful:
        return
    where = "" if line is None else f" in line {line:,}"
    doubts.note(f"{shown(present[place])}{where} is why it is text and not numbers. {cause}")


def _half(hits: Iterable[bool], count: int) -> bool:
    """Whether at least half of so many are hits; no more of them are looked at than it takes."""
    missed = 0
    for hit in hits:
        missed += not hit
        if 2 * missed > count:
            return False
    return True


def _say_codes(column: ColumnText, doubts: Doubts) -> None:
    """A note of the few values that make codes of a column whose others are numbers."""
    codes = [value for value in column.present if are_codes([value])]
    if 2 * len(codes) > len(column.present):
        return
    line = column.line_of(codes[0])
    where = "" if line is None else f" in line {line:,}"
    digits = sum(char.isdigit() for char in codes[0])
    why = "begins with 0" if codes[0].lstrip("+-").startswith("0") else f"has {digits} digits"
    doubts.note(
        f"{shown(codes[0])}{where} {why}, as codes do and no number: the column is text. Mend that cell, or "
        "say that the column holds numbers (the choice 'kind')."
    )


def _say_alike(labels: Iterable[str], doubts: Doubts) -> None:
    """A note of labels that differ in nothing but capitals: two levels, and rarely on purpose."""
    first: dict[str, str] = {}
    pairs = []
    for value in labels:
        other = first.setdefault(value.casefold(), value)
        if other != value:
            pairs.append((other, value))
    if pairs and len(pairs) <= 20:
        one, two = pairs[0]
        more = f" (and {count(len(pairs) - 1, 'other pair')})" if len(pairs) > 1 else ""
        doubts.note(
            f"labels {shown(one)} and {shown(two)}{more} differ only in capitals and count as two levels."
        )


def _parsed(values: npt.NDArray[Any], doubts: Doubts) -> Parsed:
    return Parsed(values, tuple(doubts.notes), tuple(doubts.questions), tuple(doubts.decisions))
