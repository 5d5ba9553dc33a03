"""Values that expressions compute, and the functions of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from covstudio.data.dates import days
from covstudio.data.errors import ChoiceError, shown
from covstudio.data.expressions import ELEMENTWISE
from covstudio.data.numerals import number
from covstudio.data.text import label

__all__ = ["FUNCTIONS", "Computed", "Values", "as_labels", "as_numbers", "as_truth"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.object_]
_EPOCH = datetime(1970, 1, 1)
_DIGITS = 15


@dataclass(frozen=True, eq=False)
class Values:
    """What an expression is in every row, or one value for all.

    Attributes:
        kind: numbers, labels, or whether something holds (1 and 0).
        data: (n,) or () values; what they are where one is missing means nothing.
        missing: where there is no value.
        numbers: the numbers of labels, where somebody knows better than their texts.
        unknown: it is NA itself, and of any kind.
    """

    kind: Literal["number", "text", "truth"]
    data: npt.NDArray[Any]
    missing: Bools
    numbers: Callable[[], Floats] | None = None
    unknown: bool = False


def as_numbers(values: Values, text: str) -> Floats:
    """Values as numbers; labels that are dates count days since 1970-01-01.

    Args:
        values: any.
        text: the whole expression, for messages.

    Raises:
        ChoiceError: a label is neither a number nor a date.
    """
    if values.kind != "text":
        return np.asarray(values.data, dtype=np.float64)
    if values.numbers is not None:
        return values.numbers()
    found = np.full(values.data.shape, math.nan)
    for place in np.flatnonzero(~np.broadcast_to(values.missing, values.data.shape)):
        one = str(values.data.flat[place])
        size = number(one)
        size = days(one) if size is None else size
        if size is None:
            raise ChoiceError(
                f"{shown(text)} needs numbers or dates, and {shown(one)} is neither. Compare labels with == "
                "or %in%, "
                "and write dates as 2023-05-01."
            )
        found.flat[place] = size
    return found


def as_labels(values: Values) -> Labels:
    """Values as labels; None where there is none."""
    if values.kind == "text":
        found: Labels = np.where(values.missing, None, values.data)  # type: ignore[call-overload]
        return found
    flat = np.broadcast_to(values.missing, values.data.shape).ravel().tolist()
    words = {1.0: "TRUE", 0.0: "FALSE"}
    texts = [
        None if absent else words[one] if values.kind == "truth" else label(float(one))
        for one, absent in zip(values.data.ravel().tolist(), flat, strict=True)
    ]
    made: Labels = np.empty(len(texts), dtype=object)
    made[:] = texts
    return made.reshape(values.data.shape)


def as_truth(values: Values, text: str) -> Values:
    """What holds or not.

    Raises:
        ChoiceError: it is something else.
    """
    if values.kind == "truth" or values.unknown:
        return values
    raise ChoiceError(
        f"{shown(text)} joins comparisons by & | !, or asks for one, and has a {values.kind} in its place. "
        "Write "
        "yield > 0, say."
    )


@dataclass(frozen=True)
class Computed:
    """A function of expressions.

    Attributes:
        arguments: how many it takes, at least and at most.
        compute: its values, of those of its arguments, the whole expression and the number of rows.
    """

    arguments: tuple[int, int]
    compute: Callable[[Sequence[Values], str, int], Values]


def _row_by_row(function: Callable[[Floats], Floats]) -> Computed:
    def compute(given: Sequence[Values], text: str, rows: int) -> Values:
        with np.errstate(all="ignore"):
            return Values("number", function(as_numbers(given[0], text)), given[0].missing)

    return Computed((1, 1), compute)


def _log(given: Sequence[Values], text: str, rows: int) -> Values:
    with np.errstate(all="ignore"):
        found = np.log(as_numbers(given[0], text))
        if len(given) > 1:
            found = found / np.log(as_numbers(given[1], text))
    return Values("number", found, given[0].missing)


def _round(given: Sequence[Values], text: str, rows: int) -> Values:
    wanted = as_numbers(given[1], text) if len(given) > 1 else np.array(0.0)
    if wanted.shape or not (wanted == np.round(wanted) and abs(wanted) <= _DIGITS):
        raise ChoiceError(
            f"{shown(text)} rounds to a whole number of digits, up to {_DIGITS}, as in round(x, 1)."
        )
    digits = int(wanted)
    return Values("number", np.round(as_numbers(given[0], text), digits), given[0].missing)


Statistic = Callable[[Any], Any]


def _of_rows(statistic: Statistic, then: Callable[[Floats, Floats], Floats] | None = None) -> Computed:
    """A number of all rows that have a value, or of those with the same label of a second argument."""

    def compute(given: Sequence[Values], text: str, rows: int) -> Values:
        missing = np.broadcast_to(given[0].missing, rows)
        numbers = np.where(missing, math.nan, np.broadcast_to(as_numbers(given[0], text), rows))
        series = pd.Series(numbers)
        if len(given) > 1:
            groups = pd.Series(np.broadcast_to(as_labels(given[1]), rows), dtype=object)
            found = statistic(series.groupby(groups)).reindex(groups).to_numpy(dtype=np.float64)
            missing = missing | np.broadcast_to(given[1].missing, rows)
        else:
            found = np.full(rows, float(statistic(series)))
        if then is None:
            # Of the group's rows, those without a value have its number all the same.
            return Values("number", found, np.isnan(found))
        with np.errstate(all="ignore"):
            return Values("number", then(numbers, found), missing)

    return Computed((1, 2), compute)


def _scale(given: Sequence[Values], text: str, rows: int) -> Values:
    centred = FUNCTIONS["center"].compute(given, text, rows)
    spread = FUNCTIONS["sd"].compute(given, text, rows)
    with np.errstate(all="ignore"):
        return Values("number", centred.data / spread.data, centred.missing | spread.missing)


def _if_else(given: Sequence[Values], text: str, rows: int) -> Values:
    test, yes, no = as_truth(given[0], text), given[1], given[2]
    kinds = {one.kind for one in (yes, no) if not one.unknown} or {"number"}
    taken = test.data == 1.0
    missing = test.missing | np.where(taken, yes.missing, no.missing)
    if kinds == {"number"} or kinds == {"truth"}:
        found = np.where(taken, yes.data.astype(np.float64), no.data.astype(np.float64))
        return Values("number" if kinds == {"number"} else "truth", found, missing)
    return Values("text", np.where(taken, as_labels(yes), as_labels(no)), missing)


def _is_missing(given: Sequence[Values], text: str, rows: int) -> Values:
    return Values("truth", given[0].missing.astype(np.float64), np.zeros_like(given[0].missing))


def _to_text(given: Sequence[Values], text: str, rows: int) -> Values:
    return Values("text", as_labels(given[0]), given[0].missing)


def _to_number(given: Sequence[Values], text: str, rows: int) -> Values:
    return Values("number", as_numbers(given[0], text), given[0].missing)


def _of_date(part: Callable[[datetime], float]) -> Computed:
    def compute(given: Sequence[Values], text: str, rows: int) -> Values:
        counted = np.where(given[0].missing, 0.0, as_numbers(given[0], text))
        known: dict[float, float] = {}
        for one in np.unique(counted).tolist():
            try:
                known[one] = float(part(_EPOCH + timedelta(days=one)))
            except (OverflowError, ValueError):
                raise ChoiceError(
                    f"{shown(text)} takes a date apart, and {label(one)} days from 1970-01-01 are none."
                ) from None
        found = np.array([known[one] for one in counted.ravel().tolist()]).reshape(counted.shape)
        return Values("number", found, given[0].missing)

    return Computed((1, 1), compute)


def _of_label(function: Callable[[str], str]) -> Computed:
    def compute(given: Sequence[Values], text: str, rows: int) -> Values:
        labels = as_labels(given[0])
        found = np.array(
            [None if one is None else function(one) for one in labels.ravel().tolist()], dtype=object
        )
        return Values("text", found.reshape(labels.shape), given[0].missing)

    return Computed((1, 1), compute)


def _asked_of_label(function: Callable[[str, str], bool]) -> Computed:
    def compute(given: Sequence[Values], text: str, rows: int) -> Values:
        part = as_labels(given[1])
        if part.shape:
            raise ChoiceError(
                f"{shown(text)} looks for a text in quotes within labels, and has a column in its place."
            )
        labels = as_labels(given[0])
        truth = [one is not None and function(one, str(part[()])) for one in labels.ravel().tolist()]
        return Values("truth", np.array(truth, dtype=np.float64).reshape(labels.shape), given[0].missing)

    return Computed((2, 2), compute)


#: The functions of expressions by name; those of R under R's names, too.
FUNCTIONS: Mapping[str, Computed] = {
    **{
        name: _row_by_row(function)
        for name, function in ELEMENTWISE.items()
        if name not in ("log", "as.numeric")
    },
    "log": Computed((1, 2), _log),
    "round": Computed((1, 2), _round),
    "floor": _row_by_row(np.floor),
    "ceiling": _row_by_row(np.ceil),
    "sign": _row_by_row(np.sign),
    "mean": _of_rows(lambda series: series.mean()),
    "median": _of_rows(lambda series: series.median()),
    "sd": _of_rows(lambda series: series.std()),
    "sum": _of_rows(lambda series: series.sum()),
    "min": _of_rows(lambda series: series.min()),
    "max": _of_rows(lambda series: series.max()),
    "count": _of_rows(lambda series: series.count()),
    "center": _of_rows(lambda series: series.mean(), lambda numbers, found: numbers - found),
    "scale": Computed((1, 2), _scale),
    "if_else": Computed((3, 3), _if_else),
    "ifelse": Computed((3, 3), _if_else),
    "is_missing": Computed((1, 1), _is_missing),
    "is.na": Computed((1, 1), _is_missing),
    "text": Computed((1, 1), _to_text),
    "factor": Computed((1, 1), _to_text),
    "as.factor": Computed((1, 1), _to_text),
    "as.character": Computed((1, 1), _to_text),
    "number": Computed((1, 1), _to_number),
    "as.numeric": Computed((1, 1), _to_number),
    "year": _of_date(lambda when: when.year),
    "quarter": _of_date(lambda when: (when.month + 2) // 3),
    "month": _of_date(lambda when: when.month),
    "week": _of_date(lambda when: when.isocalendar()[1]),
    "day": _of_date(lambda when: when.day),
    "weekday": _of_date(lambda when: when.isoweekday()),
    "yearday": _of_date(lambda when: when.timetuple().tm_yday),
    "hour": _of_date(lambda when: when.hour),
    "lower": _of_label(str.lower),
    "upper": _of_label(str.upper),
    "contains": _asked_of_label(lambda one, part: part in one),
    "starts_with": _asked_of_label(lambda one, part: one.startswith(part)),
    "ends_with": _asked_of_label(lambda one, part: one.endswith(part)),
}
