"""Numbers of tables as people read them: as many digits as say something, the same in a column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from covstudio.covariance.linalg.compositions import JOINER

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cells_of", "probability", "shown_rows", "side_by_side"]

#: Characters across a table, across a column of texts (longer ones have lines), and between columns.
WIDEST, LONGEST, BETWEEN = 104, 40, 3
_MINUS = "\N{MINUS SIGN}"
_NOTHING = "\N{EN DASH}"
#: Columns of probabilities, which end at 0.001.
_PROBABILITIES = frozenset(["p", "p_value", "p value", "Pr(>F)", "p.value"])


def cells_of(frame: pd.DataFrame) -> tuple[list[list[str]], list[bool]]:
    """The cells of a table as texts, column by column, and which columns hold numbers.

    Example:
        >>> import pandas as pd
        >>> cells_of(pd.DataFrame({"name": ["a", "b"], "value": [0.5, -12.25], "p": [0.2, 1e-9]}))[0]
        [['a', 'b'], ['0.500', '\u221212.250'], ['0.200', '<0.001']]
    """
    texts, numeric = [], []
    for name in frame.columns:
        column = list(frame[name])
        numbers = all(
            isinstance(one, int | float | np.number) and not isinstance(one, bool) for one in column
        )
        numeric.append(numbers)
        if not numbers:
            texts.append(["" if one is None else _NOTHING if _is_nan(one) else _words(one) for one in column])
        elif str(name) in _PROBABILITIES:
            texts.append([probability(float(one)) for one in column])
        else:
            texts.append(_numbers([float(one) for one in column], all(_is_whole(one) for one in column)))
    return texts, numeric


def probability(value: float) -> str:
    """A probability, exact to 0.001.

    Example:
        >>> probability(0.0412), probability(1e-7)
        ('0.041', '<0.001')
    """
    if math.isnan(value):
        return _NOTHING
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def shown_rows(count: int, most: int) -> tuple[list[int], int]:
    """Which rows of a long table are shown, and before which of these some are left out.

    Example:
        >>> shown_rows(3, 60), shown_rows(100, 4)
        (([0, 1, 2], 3), ([0, 1, 98, 99], 2))
    """
    if count <= most:
        return list(range(count)), count
    half = most // 2
    return [*range(half), *range(count - (most - half), count)], half


def side_by_side(names: Sequence[str], columns: Sequence[Sequence[str]]) -> list[list[int]]:
    """Which columns stand in the same table, of those that together are too wide: each has the first one.

    Args:
        names: of the columns.
        columns: their cells.

    Example:
        >>> side_by_side(["name", "a", "b"], [["x"], ["1" * 60], ["2" * 60]])
        [[0, 1, 2]]
        >>> side_by_side(["name", *"abcd"], [["x"], *(["1" * 36] for _ in range(4))])
        [[0, 1, 2], [0, 3, 4]]
    """
    widths = [
        min(LONGEST, max(map(len, (name, *cells)))) + BETWEEN
        for name, cells in zip(names, columns, strict=True)
    ]
    found = [[0]]
    for j in range(1, len(names)):
        if len(found[-1]) > 1 and sum(widths[k] for k in found[-1]) + widths[j] > WIDEST:
            found.append([0])
        found[-1].append(j)
    return found


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _words(value: Any) -> str:
    """A text; levels of crossed factors with a dot between them."""
    return str(value).replace(JOINER, " · ")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer)


def _numbers(values: Sequence[float], whole: bool) -> list[str]:
    """Numbers with as many decimals as the least of them needs for three digits, the largest for four."""
    if whole or all(math.isnan(value) or value.is_integer() for value in values):
        return [_NOTHING if math.isnan(value) else f"{value:,.0f}".replace("-", _MINUS) for value in values]
    sizes = [abs(value) for value in values if math.isfinite(value) and value != 0.0]
    if not sizes:
        return [_NOTHING if math.isnan(value) else f"{value:g}".replace("-", _MINUS) for value in values]
    least, largest = min(sizes), max(sizes)
    digits = max(2 - math.floor(math.log10(least)), 3 - math.floor(math.log10(largest)))
    decimals = min(max(digits, 0), max(2, 4 - max(0, math.floor(math.log10(largest)))))
    return [_one(value, decimals) for value in values]


def _one(value: float, decimals: int) -> str:
    if math.isnan(value):
        return _NOTHING
    if math.isinf(value):
        return ("" if value > 0 else _MINUS) + "\N{INFINITY}"
    small = value != 0.0 and abs(value) < 0.5 * 10.0**-decimals
    text = f"{value:.2g}" if small or abs(value) >= 1e9 else f"{value:.{decimals}f}"
    return text.replace("-", _MINUS)
