"""Comparisons of several means: p values and intervals adjusted for their number, and letters.

- Tukey: the studentised range of k means; exact for balanced designs, after Tukey and Kramer for others.
- Bonferroni, Sidak, Holm, and false discovery rate (Benjamini and Hochberg): by the number of comparisons.

Intervals of step-wise methods (Holm, false discovery rate) are Bonferroni's, as in emmeans.

Sources: Hsu (1996), Multiple Comparisons, ch. 5; Holm (1979), Scand. J. Statist. 6:65; Benjamini & Hochberg
(1995), J. R. Statist. Soc. B 57:289; Piepho (2004), J. Comput. Graph. Statist. 13:456 (letters).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.inference.distributions import t_quantile, t_tail
from covstudio.reml.inference.studentised_range import range_quantile, range_tail

__all__ = ["ADJUSTMENTS", "Adjustment", "adjusted_p", "adjusted_quantile", "letters"]

Adjustment = Literal["none", "tukey", "bonferroni", "sidak", "holm", "fdr"]
ADJUSTMENTS: tuple[str, ...] = get_args(Adjustment)

Vector = NDArray[np.float64]


def adjusted_p(t: Sequence[float], df: Sequence[float], how: str, means: int) -> list[float]:
    """Two-sided p values of a family of comparisons.

    Args:
        t: the statistics.
        df: degrees of freedom of each.
        how: one of `ADJUSTMENTS`.
        means: how many means are compared, for Tukey.

    Raises:
        ValueError: there is no such adjustment.

    Example:
        >>> [round(p, 4) for p in adjusted_p([2.5, 1.0], [10.0, 10.0], "holm", 3)]
        [0.0629, 0.3409]
    """
    _check(how)
    raw = [t_tail(value, own) for value, own in zip(t, df, strict=True)]
    count = len(raw)
    if how == "none":
        return raw
    if how == "tukey":
        return [
            _range_tail(abs(value) * math.sqrt(2.0), means, own) for value, own in zip(t, df, strict=True)
        ]
    if how == "bonferroni":
        return [min(1.0, count * p) for p in raw]
    if how == "sidak":
        return [-math.expm1(count * math.log1p(-p)) if p < 1.0 else 1.0 for p in raw]
    order = np.argsort(raw)
    found = np.empty(count)
    if how == "holm":
        largest = 0.0
        for rank, i in enumerate(order):
            largest = max(largest, (count - rank) * raw[i])
            found[i] = min(1.0, largest)
    else:
        smallest = 1.0
        for rank in range(count - 1, -1, -1):
            i = order[rank]
            smallest = min(smallest, raw[i] * count / (rank + 1))
            found[i] = smallest
    return [float(p) for p in found]


def adjusted_quantile(level: float, df: float, how: str, means: int, count: int) -> float:
    """What a standard error is multiplied with for an interval.

    Args:
        level: confidence level of the family.
        df: degrees of freedom.
        how: one of `ADJUSTMENTS`.
        means: how many means are compared.
        count: how many comparisons.

    Example:
        >>> round(adjusted_quantile(0.95, 10.0, "bonferroni", 3, 3), 4)
        2.8701
    """
    _check(how)
    if how == "tukey" and means > 2:
        if math.isnan(df) or df < 1.0:
            return math.nan
        return range_quantile(level, means, df) / math.sqrt(2.0)
    if how == "none" or how == "tukey":
        tail = 1.0 - level
    elif how == "sidak":
        tail = -math.expm1(math.log(level) / count)
    else:
        tail = (1.0 - level) / count
    return t_quantile(1.0 - 0.5 * tail, df)


def letters(means: Sequence[float], different: NDArray[np.bool_]) -> list[str]:
    """Letters that means share unless they differ, the largest mean having "a".

    Args:
        means: (k,).
        different: which pairs differ, (k, k).

    Returns:
        For each mean its letters; two means have none in common if, and only if, they differ.

    Example:
        >>> differ = np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], dtype=bool)
        >>> letters([3.0, 2.0, 1.0], differ)
        ['a', 'ab', 'b']
    """
    count = len(means)
    order = sorted(range(count), key=lambda i: -means[i])
    columns: list[set[int]] = [set(range(count))]
    for first in range(count):
        for second in range(first + 1, count):
            i, j = order[first], order[second]
            if not different[i, j]:
                continue
            split: list[set[int]] = []
            for column in columns:
                split += [column - {i}, column - {j}] if {i, j} <= column else [column]
            columns = [
                own
                for k, own in enumerate(split)
                if own and not any(own < other or (own == other and m < k) for m, other in enumerate(split))
            ]
    place = {i: rank for rank, i in enumerate(order)}
    columns.sort(key=lambda column: sorted(place[i] for i in column))
    return ["".join(_letter(k) for k, column in enumerate(columns) if i in column) for i in range(count)]


def _letter(k: int) -> str:
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return alphabet[k] if k < 26 else f"({k + 1})"


def _range_tail(q: float, means: int, df: float) -> float:
    if math.isnan(q) or math.isnan(df) or df <= 0.0:
        return math.nan
    if means < 3:
        return t_tail(q / math.sqrt(2.0), df)
    return range_tail(q, means, df) if df >= 1.0 else math.nan


def _check(how: str) -> None:
    if how not in ADJUSTMENTS:
        raise ValueError(f"adjust must be one of {', '.join(map(repr, ADJUSTMENTS))}, and is {how!r}.")
