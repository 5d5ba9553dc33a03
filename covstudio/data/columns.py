"""From the text of a column to numbers or labels.

A column is numeric when everything in it that is not missing is a finite decimal number; everything else is
text, and text is a label, never rewritten except for spaces at its ends.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from covstudio.data.errors import count, listed, shown

#: Spellings of "no value" that nobody uses as a label.
MISSING = frozenset({"", "NA", "N/A", "#N/A", "NaN", "nan", "NAN", "n/a", "NULL", "null", "<NA>"})
#: Spellings that could be labels ("None" is a treatment, "-" a marker genotype), and mean "no value" only
#: among numbers: "*" is GenStat's and ASReml's, "." that of SAS.
MISSING_AMONG_NUMBERS = MISSING | {".", "*", "-", "--", "?", "na", "Na", "None", "none", "#NULL!"}

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_CODE = re.compile(r"[+-]?0\d.*", re.ASCII)
_EXACT_DIGITS = 15

Cells = npt.NDArray[np.object_]


def number(text: str) -> float | None:
    """The finite number that a text spells, or None.

    Args:
        text: a cell without spaces at its ends.

    Returns:
        The nearest float64; None for anything else, an infinite or overflowing number included.

    Example:
        >>> number("-1.5e3"), number("1_000"), number("inf"), number("1e999")
        (-1500.0, None, None, None)
    """
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def label(value: object) -> str | None:
    """How a value reads as the label of a factor's level; None where it is missing.

    Numbers lose a needless ".0" and are written with at most 15 significant digits, as R's `as.character`
    does, so that 1, 1.0 and 1.00 are one level.

    Example:
        >>> label(1.0), label(0.25), label("01"), label(float("nan"))
        ('1', '0.25', '01', None)
    """
    if value is None or value is pd.NA:
        return None
    if isinstance(value, (float, np.floating)):
        return None if math.isnan(value) else f"{float(value) + 0.0:.15g}"
    return str(value)


def sorted_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """The distinct labels in R's order of a factor's levels: numbers by size, anything else by code point.

    Example:
        >>> sorted_labels(["10", "2", "2"]), sorted_labels(["G10", "G2"])
        (('2', '10'), ('G10', 'G2'))
    """
    distinct = set(labels)
    sizes = {text: number(text) for text in distinct}
    if all(size is not None for size in sizes.values()):
        return tuple(sorted(distinct, key=lambda text: (sizes[text], text)))
    return tuple(sorted(distinct))


def parse_column(
    name: str, cells: Cells, *, comma_is_decimal: bool = False
) -> tuple[pd.Series[Any], list[str]]:
    """Read one column of text.

    Args:
        name: the column's name, for the notes.
        cells: the (n,) texts of the column as they stand in the file.
        comma_is_decimal: the file separates its fields by something else than a comma, so "1,234" is a
            decimal.

    Returns:
        An (n,) series: int64 when all are whole numbers, float64 (NaN where missing) when all are numbers,
        otherwise object (str, None where missing); and the notes about what was read differently from how it
        is written.

    Example:
        >>> series, notes = parse_column("yield", np.array(["4.1", "*", "3"], dtype=object))
        >>> series.tolist(), notes
        ([4.1, nan, 3.0], ["Column 'yield': 1 cell with '*' is read as missing."])
    """
    codes, found = pd.factorize(cells)
    texts = [str(text) for text in found]
    values = [text.strip() for text in texts]
    sizes = np.bincount(codes, minlength=len(texts)) if texts else np.zeros(0, dtype=np.int64)
    present = [value for value in values if value not in MISSING_AMONG_NUMBERS]
    notes: list[str] = []
    if present and _decimal_commas(present, comma_is_decimal):
        values = [
            value.replace(",", ".") if value not in MISSING_AMONG_NUMBERS else value for value in values
        ]
        present = [value.replace(",", ".") for value in present]
        notes.append(f"Column {shown(name)}: decimal commas were read as decimal points.")
    if present and all(number(value) is not None for value in present) and not _are_codes(present):
        marks = {
            text: int(size) for text, size in zip(values, sizes, strict=True) if text in MISSING_AMONG_NUMBERS
        }
        unusual = [mark for mark in marks if mark not in MISSING]
        if unusual:
            cells_with = sum(marks[mark] for mark in unusual)
            verb = "is" if cells_with == 1 else "are"
            notes.append(
                f"Column {shown(name)}: {count(cells_with, 'cell')} with {listed(unusual, word='or')} "
                f"{verb} read as missing."
            )
        if not marks and all(_WHOLE.fullmatch(value) for value in present):
            return pd.Series(np.array([int(value) for value in values], dtype=np.int64)[codes]), notes
        floats = [math.nan if value in MISSING_AMONG_NUMBERS else float(value) for value in values]
        return pd.Series(np.array(floats, dtype=np.float64)[codes]), notes
    trimmed = sum(
        int(size)
        for text, value, size in zip(texts, values, sizes, strict=True)
        if text != value and value not in MISSING
    )
    if trimmed:
        notes.append(f"Column {shown(name)}: spaces at the ends of {count(trimmed, 'label')} were trimmed.")
    notes += _look_alikes(name, values)
    labels = np.array([None if value in MISSING else value for value in values], dtype=object)
    return pd.Series(labels[codes] if texts else labels, dtype=object), notes


def _decimal_commas(values: Sequence[str], comma_is_decimal: bool) -> bool:
    """Whether these are numbers of which some have a decimal comma."""
    with_comma = [value for value in values if "," in value]
    if not with_comma or not all(_DECIMAL_COMMA.fullmatch(value) for value in with_comma):
        return False
    if not all(_WHOLE.fullmatch(value) for value in values if "," not in value):
        return False
    # Without a hint from the separator, "1,234" everywhere may as well be a thousand: it stays text, and a
    # response that holds it is refused with that reason.
    return comma_is_decimal or not all(_THOUSANDS.fullmatch(value) for value in with_comma)


def _are_codes(values: Sequence[str]) -> bool:
    """Whether numbers are names in truth: "007", or more digits than a float64 keeps apart."""
    return any(_CODE.fullmatch(value) for value in values) or any(
        len(value.lstrip("+-")) > _EXACT_DIGITS for value in values if _WHOLE.fullmatch(value)
    )


def _look_alikes(name: str, values: Sequence[str]) -> list[str]:
    """Labels that differ in nothing but capitals: two levels, and rarely on purpose."""
    first: dict[str, str] = {}
    pairs = []
    for value in values:
        if value in MISSING:
            continue
        other = first.setdefault(value.casefold(), value)
        if other != value and (other, value) not in pairs:
            pairs.append((other, value))
    if not pairs or len(pairs) > 20:
        return []
    one, two = pairs[0]
    more = f" (and {count(len(pairs) - 1, 'other pair')})" if len(pairs) > 1 else ""
    return [
        f"Column {shown(name)}: labels {shown(one)} and {shown(two)}{more} differ only in capitals and "
        "count as two levels."
    ]
