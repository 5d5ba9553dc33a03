"""Equally spaced positions of levels that read as numbers or dates, and the gaps between them."""

from __future__ import annotations

import math
import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from numbers import Integral, Real
from operator import itemgetter
from typing import Any

__all__ = ["Grid", "UnevenLevels", "evenly_spaced_levels", "grid_of", "in_order", "shown_levels"]

Label = Any

#: The most positions that levels are filled up to, for each level that there is.
MOST_FOR_EACH_LEVEL = 10
#: So many positions are filled up to in any case.
FEW_POSITIONS = 100

_NUMBER = re.compile(r"[+-]?(\d+)(?:\.(\d+))?", re.ASCII)
#: A text with a number behind it: "Week 10", "V2.5", "Block-3".
_NAMED = re.compile(r"(.*[^\d.])(\d+(?:\.\d+)?)", re.ASCII | re.DOTALL)
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?", re.ASCII)
#: A month of a year that somebody has lived in: "1001-01" is a plot.
_ISO_MONTH = re.compile(r"((?:18|19|20)\d\d)-(0[1-9]|1[0-2])", re.ASCII)
_SHOWN = 6
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


class UnevenLevels(ValueError):
    """Levels whose steps have no common measure that leaves a reasonable number of positions."""


@dataclass(frozen=True)
class Grid:
    """The equally spaced positions that some levels stand at.

    Attributes:
        levels: all positions in order; those at which a level stands by its own label.
        added: the positions between at which none stands.
        step: the distance between neighbours, in words: "0.5", "7 days".
    """

    levels: tuple[Label, ...]
    added: tuple[Label, ...]
    step: str


@dataclass(frozen=True)
class _Scale:
    """How labels are read as places on a line, and how a place is written as a label."""

    places: tuple[Fraction, ...]
    write: Callable[[Fraction], Label]
    words: Callable[[Fraction], str]


def grid_of(labels: Sequence[Label]) -> Grid | None:
    """The equally spaced positions of levels, by the greatest common divisor of their distances.

    Dates that are one day of the month, or its last, count months.

    Args:
        labels: different levels, in any order: numbers, dates, or texts of such (ISO 8601, months too); or
            one text in all of them and a number behind it.

    Returns:
        The grid; None where some level is neither a number nor a date, or two stand at one place.

    Raises:
        UnevenLevels: there would be far more positions than levels; the message has the choices.

    Example:
        >>> grid = grid_of(["1", "2", "10", "4"])
        >>> grid.levels[:4], len(grid.levels), len(grid.added), grid.step
        (('1', '2', '3', '4'), 10, 6, '1')
        >>> grid_of(["2023-05-01", "2023-05-15", "2023-05-08", "2023-06-05"]).added
        ('2023-05-22', '2023-05-29')
        >>> grid_of(["2022-11", "2022-12", "2023-02"]).added
        ('2023-01',)
        >>> grid_of(["Week 4", "Week 1", "Week 2"]).levels
        ('Week 1', 'Week 2', 'Week 3', 'Week 4')
        >>> grid_of(["low", "high"]) is None
        True
        >>> grid_of([1, 2, 2.5, 1000])
        Traceback (most recent call last):
            ...
        covstudio.covariance.structures.design.positions.UnevenLevels: the levels 1, 2, 2.5, 1000 have no
        common step that would leave a reasonable number of positions (1999 at steps of 0.5)...
    """
    scale = _scale(labels)
    if scale is None or len(set(scale.places)) < len(scale.places):
        return None
    own = dict(zip(scale.places, labels, strict=True))
    places = sorted(own)
    first, last = places[0], places[-1]
    step = _common([place - first for place in places])
    if not step:
        return Grid(tuple(labels), (), "")
    count = int((last - first) / step) + 1
    if count > max(FEW_POSITIONS, MOST_FOR_EACH_LEVEL * len(places)):
        raise UnevenLevels(
            f"the levels {shown_levels([own[place] for place in places])} have no common step that would "
            f"leave a reasonable number of positions ({count} at steps of {scale.words(step)})"
        )
    levels, added = [], []
    for k in range(count):
        place = first + k * step
        if place in own:
            levels.append(own[place])
        else:
            added.append(scale.write(place))
            levels.append(added[-1])
    return Grid(tuple(levels), tuple(added), scale.words(step))


def evenly_spaced_levels(labels: Iterable[Label]) -> list[Label]:
    """The levels of a factor in order, those between filled in so that neighbours are one step apart.

    What an autoregression over levels takes for its positions: levels 1 to 6 and 10 are ten positions, of
    which four are in nobody's data. The step is the greatest common divisor of the distances.

    Args:
        labels: levels, or the labels of rows, in any order: numbers, dates, or texts of such.

    Returns:
        All positions in order; labels that are neither numbers nor dates as they come, each once.

    Raises:
        UnevenLevels: there would be far more positions than levels.

    Example:
        >>> from covstudio.covariance import evenly_spaced_levels
        >>> evenly_spaced_levels(["10", "2", "4", "2"])
        ['2', '4', '6', '8', '10']
    """
    different = list(dict.fromkeys(labels))
    grid = grid_of(different)
    return different if grid is None else list(grid.levels)


def in_order(labels: Sequence[Label]) -> tuple[Label, ...] | None:
    """Levels in the order of the numbers or dates that they read as.

    Args:
        labels: different levels, see `grid_of`.

    Returns:
        The same levels; None where some level is neither a number nor a date, or two stand at one place.

    Example:
        >>> in_order(["Week 1", "Week 10", "Week 2"])
        ('Week 1', 'Week 2', 'Week 10')
        >>> in_order(["low", "medium", "high"]) is None
        True
    """
    scale = _scale(labels)
    if scale is None or len(set(scale.places)) < len(scale.places):
        return None
    return tuple(label for _, label in sorted(zip(scale.places, labels, strict=True), key=itemgetter(0)))


def shown_levels(levels: Sequence[Label]) -> str:
    """Some levels for a message, the middle left out where there are many.

    Example:
        >>> shown_levels(range(1, 21))
        '1, 2, 3, ..., 19, 20'
    """
    texts = [str(level) for level in levels]
    return ", ".join(texts if len(texts) <= _SHOWN else [*texts[:3], "...", *texts[-2:]])


def _common(distances: Sequence[Fraction]) -> Fraction:
    """The greatest common divisor of fractions; 0 of zeros."""
    below = math.lcm(*(distance.denominator for distance in distances))
    return Fraction(math.gcd(*(int(distance * below) for distance in distances)), below)


def _scale(labels: Sequence[Label]) -> _Scale | None:
    if not labels:
        return None
    if all(isinstance(label, str) for label in labels):
        return _text_numbers(labels) or _text_months(labels) or _text_dates(labels) or _named_numbers(labels)
    if all(isinstance(label, Real) and not isinstance(label, bool) for label in labels):
        return _numbers(labels)
    if all(isinstance(label, date) for label in labels):
        return _dates(labels, lambda moment: moment)
    return None


def _numbers(labels: Sequence[Any]) -> _Scale | None:
    if not all(math.isfinite(label) for label in labels):
        return None
    whole = all(isinstance(label, Integral) for label in labels)
    # A float stands for the decimal number that it is written as: 0.1 is a tenth.
    places = tuple(Fraction(int(label)) if whole else Fraction(repr(float(label))) for label in labels)
    return _Scale(places, int if whole else float, _decimal)


def _text_numbers(labels: Sequence[str]) -> _Scale | None:
    matches = [_NUMBER.fullmatch(label) for label in labels]
    found = [match for match in matches if match is not None]
    if len(found) < len(labels):
        return None
    digits = [len(match[2] or "") for match in found]
    whole = [len(match[1]) for match in found]
    # "01" beside "10": all numbers are written that wide; and "0.50" beside "1.25" with as many decimals.
    width = max(whole) if any(match[1][0] == "0" and len(match[1]) > 1 for match in found) else 0
    decimals = digits[0] if len(set(digits)) == 1 else None

    def write(place: Fraction) -> str:
        text = _decimal(place) if decimals is None else f"{float(place):.{decimals}f}"
        return text if not width else text.zfill(width + len(text) - len(text.split(".")[0]))

    return _Scale(tuple(Fraction(label) for label in labels), write, _decimal)


def _named_numbers(labels: Sequence[str]) -> _Scale | None:
    """Numbers behind one and the same text, in which is a letter: without, "1-02" is a plot."""
    found = [match for label in labels if (match := _NAMED.fullmatch(label)) is not None]
    names = {match[1] for match in found}
    if len(found) < len(labels) or len(names) > 1 or not any(map(str.isalpha, name := names.pop())):
        return None
    scale = _text_numbers([match[2] for match in found])
    return None if scale is None else replace(scale, write=lambda place: name + scale.write(place))


def _text_months(labels: Sequence[str]) -> _Scale | None:
    """Months as ISO 8601 writes them, such as "2023-05"."""
    found = [match for label in labels if (match := _ISO_MONTH.fullmatch(label)) is not None]
    if len(found) < len(labels):
        return None
    places = tuple(Fraction(12 * int(match[1]) + int(match[2]) - 1) for match in found)
    return _Scale(
        places,
        lambda place: f"{int(place) // 12}-{int(place) % 12 + 1:02d}",
        lambda step: _counted(step, "month"),
    )


def _text_dates(labels: Sequence[str]) -> _Scale | None:
    if not all(_ISO_DATE.fullmatch(label) for label in labels):
        return None
    try:
        moments = [datetime.fromisoformat(label) for label in labels]
    except ValueError:
        return None
    timed = any(len(label) > 10 for label in labels)
    form = "%Y-%m-%d" if not timed else f"%Y-%m-%d{labels[0][10:11] or 'T'}%H:%M"
    if any(len(label) > 16 for label in labels):
        form += ":%S"
    return _dates(moments, lambda moment: moment.strftime(form))


def _dates(moments: Sequence[Any], write: Callable[[Any], Label]) -> _Scale | None:
    """Dates as places: months where they are one day of the month, or its last, else microseconds."""
    timed = isinstance(moments[0], datetime)
    if any(isinstance(moment, datetime) != timed for moment in moments):
        return None
    clocks = {moment.time() for moment in moments} if timed else set()
    months = {(moment.year, moment.month) for moment in moments}
    ends = all(moment.day == monthrange(moment.year, moment.month)[1] for moment in moments)
    if len(clocks) < 2 and len(months) == len(moments) > 1 and (ends or len({m.day for m in moments}) == 1):
        first = moments[0]

        def in_month(place: Fraction) -> Label:
            year, month = divmod(int(place), 12)
            last = monthrange(year, month + 1)[1]
            day = last if ends else min(first.day, last)
            return write(first.replace(year=year, month=month + 1, day=day))

        places = tuple(Fraction(12 * moment.year + moment.month - 1) for moment in moments)
        return _Scale(places, in_month, lambda step: _counted(step, "month"))
    try:
        places = tuple(Fraction((moment - moments[0]) // _MICROSECOND) for moment in moments)
    except TypeError:
        # Some with a time zone and some without: there is no distance between these.
        return None
    return _Scale(
        places,
        lambda place: write(moments[0] + int(place) * _MICROSECOND),
        lambda step: _counted(step / (_DAY // _MICROSECOND), "day"),
    )


def _counted(step: Fraction, unit: str) -> str:
    return f"{_decimal(step)} {unit}{'' if step == 1 else 's'}"


def _decimal(value: Fraction) -> str:
    return str(int(value)) if value.denominator == 1 else f"{float(value):.15g}"
