"""The cause that keeps a column from being one of numbers, and what to do about it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from covstudio.data.dates import date_forms
from covstudio.data.errors import shown
from covstudio.data.numerals import Numeral, evidence, number, numeral
from covstudio.data.units import is_unit

_LIMIT = re.compile(r"[<>≤≥~≈]=?\s*(.*)")
_BRACKETS = re.compile(r"\(\s*(.*?)\s*\)")
_BEHIND = re.compile(r"([+-]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?)\s*([^\d_]+)")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?", re.ASCII)
_NO_VALUE = "Leave a cell empty, or write NA, where there is no value."
_MARKS = "Write decimals with a point and thousands without a separator."
_DATES = (
    "These are dates: write them as 2023-05-01, or say which of day, month and year comes first "
    "(the choice 'order': dmy, mdy or ymd)."
)


def looks_like_number(text: str) -> bool:
    """Whether a person would call a text a number, read or not: "4,1", "<0.5", "($5.00)", "5 kg", "8:30".

    Example:
        >>> [looks_like_number(text) for text in ("4,1", "<0.5", "5 kg", "8:30", "12B", "R1")]
        [True, True, True, True, False, False]
    """
    if numeral(text) is not None or _CLOCK.fullmatch(text):
        return True
    if (found := _LIMIT.fullmatch(text) or _BRACKETS.fullmatch(text)) and numeral(found[1]):
        return True
    found = _BEHIND.fullmatch(text)
    # "12B" and "3d" are plots and lines as often as amounts.
    return bool(found and is_unit(found[2]) and (len(found[2]) > 1 or " " in text) and numeral(found[1]))


def why_no_numbers(texts: Sequence[str]) -> tuple[int, str]:
    """The first text that keeps a column from being numbers, and a sentence about its cause.

    Args:
        texts: the values that are there; not all of them plain numbers.

    Returns:
        The place among `texts`, and the sentence.

    Example:
        >>> why_no_numbers(["4.1", "<0.5"])[1][:38]
        "'<0.5' is a limit, not a value: write "
        >>> why_no_numbers(["4.1", "3,9"])
        (1, "Decimal points and decimal commas are mixed: '4.1' and '3,9'. Write decimals with a point and
          thousands without a separator.")
    """
    numerals = [numeral(text) for text in texts]
    for place, (text, one) in enumerate(zip(texts, numerals, strict=True)):
        if number(text) is None and (one is None or (one.value(".") is None and one.value(",") is None)):
            return place, _cause(text, texts)
    found = [(place, text, one) for place, (text, one) in enumerate(zip(texts, numerals, strict=True)) if one]
    return _marks(found)


def _marks(found: Sequence[tuple[int, str, Numeral]]) -> tuple[int, str]:
    """What keeps numbers that are written in several ways from being read."""
    plain = next((text for _, text, _ in found if number(text) is not None), None)
    place, text, first = next(
        (entry for entry in found if number(entry[1]) is None or entry[2].mark == "either point"), found[0]
    )
    currencies = list(dict.fromkeys(one.currency for _, _, one in found if one.currency))
    if len(currencies) > 1:
        at, text, _ = next(entry for entry in found if entry[2].currency == currencies[1])
        return at, (
            f"Amounts in {shown(currencies[0])} and in {shown(currencies[1])} stand in one column: convert "
            "them to one currency."
        )
    with_percent = [entry for entry in found if entry[2].percent]
    if 0 < len(with_percent) < len(found):
        at, text, _ = with_percent[0]
        other = next(text for _, text, one in found if not one.percent)
        return at, (
            f"{shown(text)} has a percent sign and {shown(other)} has none: write all in percent, or none."
        )
    told = evidence([one for _, _, one in found])
    if told.mixed:
        point = next(((at, t) for at, t, one in found if one.mark in ("point", "either point")), None)
        comma = next(((at, t) for at, t, one in found if one.mark in ("comma", "either comma")), None)
        if point and comma:
            at = max(point[0], comma[0]) if plain is None else comma[0]
            return at, (
                f"Decimal points and decimal commas are mixed: {shown(point[1])} and {shown(comma[1])}. "
                f"{_MARKS}"
            )
    if told.ambiguous:
        as_decimal, as_group = first.value(told.ambiguous), first.value("," if told.ambiguous == "." else ".")
        return place, (
            f"{shown(text)} may be {as_decimal:.15g} or {as_group:.15g}, and nothing shows which. {_MARKS} "
            "Or say it (the choice 'decimal')."
        )
    if first.currency:
        return place, f"Write the number alone, without {shown(first.currency)}."
    if first.percent:
        return place, "Write the number alone, without the percent sign."
    if first.typographic:
        return place, "Its minus sign is one of typography: write the hyphen of the keyboard, -."
    return place, _MARKS


def _cause(text: str, texts: Sequence[str]) -> str:
    """What is wrong with one text that is no number in any way of writing."""
    if date_forms([text]) is not None:
        forms = date_forms([other for other in texts if date_forms([other]) is not None])
        if forms is None:
            return "These are dates, and they are written in several ways: write all of them as 2023-05-01."
        return _DATES
    if (found := _LIMIT.fullmatch(text)) and numeral(found[1]):
        return (
            f"{shown(text)} is a limit, not a value: write the value that is to stand for it, or leave the "
            "cell empty."
        )
    if (found := _BRACKETS.fullmatch(text)) and numeral(found[1]):
        return f"{shown(text)} has brackets, as accountants write a minus: write -{found[1]} if it is one."
    if text.endswith("-") and numeral(text[:-1]):
        return f"{shown(text)} has its minus sign behind it: write it in front."
    if text.lstrip("+-").casefold() in ("inf", "infinity", "∞") or _overflows(text):
        return f"{shown(text)} is no finite number: leave the cell empty, or write the value that is meant."
    if (found := _BEHIND.fullmatch(text)) and numeral(found[1].rstrip(".,")):
        return (
            f"{shown(found[2])} stands behind the number in {shown(text)}: keep the number alone, and a unit "
            "in the name of the column."
        )
    if _CLOCK.fullmatch(text):
        return f"{shown(text)} is a time of day or a duration: write it as one number, in hours or minutes."
    if any(char.isdigit() for char in text):
        return f"Write {shown(text)} as a number such as -1234.5, or leave the cell empty."
    return _NO_VALUE


def _overflows(text: str) -> bool:
    try:
        return math.isinf(float(text)) and "_" not in text
    except ValueError:
        return False
