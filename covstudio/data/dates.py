"""Dates as people and programs write them, and as numbers: days since the first of January 1970.

A date is kept as ISO 8601 writes it, 2023-05-01 or 2023-05-01T10:30, which no country reads differently and
which sorts by time. Which of the other forms a column has is found from all of its dates together, and where
they do not show it (03/04/2023), nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

#: Which of year, month and day comes first, second and third.
Order = Literal["ymd", "dmy", "mdy"]
ORDERS: tuple[Order, ...] = get_args(Order)

ORDER_WORDS: dict[Order, str] = {"ymd": "year-month-day", "dmy": "day/month/year", "mdy": "month/day/year"}

_CLOCK = (
    r"(?:(?:[T ]|,? +)(\d{1,2}):(\d{2})(?::(\d{2}(?:[.,]\d+)?))?"
    r"(?: ?([AaPp])\.?[Mm]\.?)?(?: ?(Z|UTC|[+-]\d\d:?\d\d))?)?"
)
_NUMERIC = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})\.?" + _CLOCK, re.ASCII)
_NAMED_MONTH = re.compile(r"(\d{1,2})\.?[- /]?([^\W\d_]{3,9})\.?,?[- /]?(\d{4}|\d\d)" + _CLOCK)
_MONTH_FIRST = re.compile(r"([^\W\d_]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})" + _CLOCK)
_COMPACT = re.compile(r"(?:19|20)\d{6}", re.ASCII)
_ISO = re.compile(r"\d{4}-\d\d-\d\d" + _CLOCK, re.ASCII)
_MONTH_NAMES = (
    ("jan", "januar", "january"),
    ("feb", "februar", "february"),
    ("mar", "mär", "mrz", "märz", "march"),
    ("apr", "april"),
    ("may", "mai"),
    ("jun", "juni", "june"),
    ("jul", "juli", "july"),
    ("aug", "august"),
    ("sep", "sept", "september"),
    ("oct", "okt", "october", "oktober"),
    ("nov", "november"),
    ("dec", "dez", "december", "dezember"),
)
_MONTHS = {name: month for month, names in enumerate(_MONTH_NAMES, start=1) for name in names}
_EPOCH = datetime(1970, 1, 1)
#: A year of two digits lies from 1969 to 2068, as in POSIX and in R.
_PIVOT = 69


@dataclass(frozen=True)
class _Written:
    """A date as it is written: its parts in their order, and its time of day."""

    parts: tuple[int, int, int]
    named: bool  # the month by its name: then the parts are year, month and day
    separator: str
    short: bool  # a year of two digits
    seconds: float | None
    zone: str

    def moment(self, order: Order) -> datetime | None:
        """The moment, read in an order; None where there is no such day."""
        places = (0, 1, 2) if self.named else tuple(order.index(part) for part in "ymd")
        year, month, day = (self.parts[place] for place in places)
        if year < 100 and self.short:
            year += 2000 if year < _PIVOT else 1900
        try:
            found = datetime(year, month, day)
        except ValueError:
            return None
        return found + timedelta(seconds=self.seconds or 0.0) - _offset(self.zone)


def _offset(zone: str) -> timedelta:
    if zone in ("", "Z", "UTC"):
        return timedelta()
    sign = -1 if zone[0] == "-" else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))


def _written(text: str) -> _Written | None:
    """Take a date apart, or None when a text is none."""
    if not 6 <= len(text) <= 40 or not any(char.isdigit() for char in text):
        return None
    if found := _NUMERIC.fullmatch(text):
        first, separator, second, third = found.group(1, 2, 3, 4)
        lengths = (len(first), len(third))
        if 3 in lengths or lengths == (4, 4) or (max(lengths) == 4 and min(lengths) > 2):
            return None
        clock = found.group(5, 6, 7, 8, 9)
        parts = (int(first), int(second), int(third))
        return _timed(parts, False, separator, max(lengths) <= 2, clock)
    if found := _NAMED_MONTH.fullmatch(text):
        month = _MONTHS.get(found[2].casefold())
        year = found[3]
        parts = (int(year), month or 0, int(found[1]))
        return _timed(parts, True, "", len(year) == 2, found.group(4, 5, 6, 7, 8)) if month else None
    if found := _MONTH_FIRST.fullmatch(text):
        month = _MONTHS.get(found[1].casefold())
        parts = (int(found[3]), month or 0, int(found[2]))
        return _timed(parts, True, "", False, found.group(4, 5, 6, 7, 8)) if month else None
    return None


def _timed(
    parts: tuple[int, int, int],
    named: bool,
    separator: str,
    short: bool,
    clock: tuple[str | None, ...],
) -> _Written | None:
    hour, minute, second, half, zone = clock
    if hour is None or minute is None:
        return _Written(parts, named, separator, short, None, "")
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half in "pP" else 0)
    seconds = float((second or "0").replace(",", "."))
    if hours > 24 or int(minute) > 59 or seconds >= 61.0:
        return None
    return _Written(parts, named, separator, short, 3600.0 * hours + 60.0 * int(minute) + seconds, zone or "")


@dataclass(frozen=True)
class DateForms:
    """How the dates of a column may be read.

    Attributes:
        orders: the orders in which every one of them is a day.
        sure: they are written so that one order alone is meant, and who wrote them is known to mean it.
        iso: they are written as ISO 8601 writes them already.
        separator: what stands between day, month and year.
        example: the first of them, as it is written.
    """

    orders: tuple[Order, ...]
    sure: bool
    iso: bool
    separator: str
    example: str


def date_forms(texts: Sequence[str]) -> DateForms | None:
    """How a column of dates may be read; None where some are no dates, or no day in any order.

    Day, month and year with points between them come in this order, as German and its neighbours write them;
    with strokes or hyphens both orders are in use.

    Args:
        texts: the distinct texts of a column.

    Example:
        >>> date_forms(["01.05.2023", "08.05.2023"]).orders, date_forms(["5/14/2023", "5/1/2023"]).orders
        (('dmy',), ('mdy',))
        >>> date_forms(["03/04/2023"]).orders, date_forms(["2023-05-01"]).iso, date_forms(["2023-02-30"])
        (('dmy', 'mdy'), True, None)
    """
    dates: list[_Written] = []
    for text in texts:
        date = _written(text)
        if date is None:
            return None
        dates.append(date)
    if not dates:
        return None
    separators = {date.separator for date in dates}
    if len(separators) > 1 or len({date.named for date in dates}) > 1:
        return None
    iso = all(_ISO.fullmatch(text) for text in texts)
    if dates[0].named:
        fine = all(date.moment("ymd") for date in dates)
        return DateForms(("ymd",), True, False, "", texts[0]) if fine else None
    if all(date.parts[0] > 99 for date in dates):
        fine = all(date.moment("ymd") for date in dates)
        return DateForms(("ymd",), True, iso, dates[0].separator, texts[0]) if fine else None
    if any(date.parts[0] > 99 for date in dates):
        return None
    (separator,) = separators
    short = any(date.short for date in dates)
    wanted: tuple[Order, ...] = ("dmy",) if separator == "." else ("dmy", "mdy")
    if short and separator == "-":
        wanted = ORDERS
    orders = tuple(order for order in wanted if all(date.moment(order) for date in dates))
    # 1.2.10 may be the number of a version or a paragraph.
    sure = len(orders) == 1 and not short
    return DateForms(orders, sure, False, separator, texts[0]) if orders else None


def iso_date(text: str, order: Order) -> str | None:
    """A date in the form of ISO 8601, or None for a text that is none.

    It keeps its time of day, in universal time where it has a zone.

    Example:
        >>> iso_date("1.5.2023", "dmy"), iso_date("5/1/2023 4:30 PM", "mdy"), iso_date("01MAY2023", "ymd")
        ('2023-05-01', '2023-05-01T16:30', '2023-05-01')
    """
    date = _written(text)
    moment = None if date is None else date.moment(order)
    if date is None or moment is None:
        return None
    if date.seconds is None:
        return f"{moment:%Y-%m-%d}" if moment.year > 999 else f"{moment.year:04d}{moment:-%m-%d}"
    kept = moment.isoformat(timespec="auto")
    return kept.removesuffix(":00") if kept.count(":") == 2 else kept


def days(text: str) -> float | None:
    """The days from 1970-01-01 to a date in the form of ISO 8601; None for anything else.

    These are R's `as.numeric(as.Date(x))`; a time of day is a part of a day.

    Example:
        >>> days("1970-01-11"), days("2023-05-01T12:00"), days("01.05.2023")
        (10.0, 19478.5, None)
    """
    if not text[:4].isdecimal() or not _ISO.fullmatch(text):
        return None
    date = _written(text)
    moment = None if date is None else date.moment("ymd")
    return None if moment is None else (moment - _EPOCH) / timedelta(days=1)


def compact_dates(texts: Sequence[str]) -> bool:
    """Whether whole numbers may be dates written without anything between: 20230501.

    Example:
        >>> compact_dates(["20230501", "20230508"]), compact_dates(["20230501", "20239901"])
        (True, False)
    """
    return len(texts) > 1 and all(_COMPACT.fullmatch(text) and compact_iso(text) for text in texts)


def compact_iso(text: str) -> str | None:
    """A date that is written as eight digits, as ISO 8601 writes it; None where it is none."""
    if len(text) != 8 or not text.isdecimal():
        return None
    return iso_date(f"{text[:4]}-{text[4:6]}-{text[6:]}", "ymd")
