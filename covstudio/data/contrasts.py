"""Contrasts of the levels of a factor, with the values of R's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from covstudio.data.bases import Orthogonal
from covstudio.data.choices import Contrasts
from covstudio.data.errors import DesignError, shown
from covstudio.data.expressions import Floats

__all__ = ["contrast_columns"]

#: Polynomials over more levels than these lose their digits.
_MOST_POLYNOMIAL = 95


def contrast_columns(
    contrasts: Contrasts, levels: Sequence[str], reference: str, column: str
) -> list[tuple[str, Floats]]:
    """The columns that code k levels beside an intercept, each with what it is called.

    Args:
        contrasts: which.
        levels: in their order.
        reference: the level that the others are compared with, for treatment contrasts alone.
        column: the factor, for messages.

    Returns:
        k - 1 pairs of a name and the (k,) values at the levels.

    Raises:
        DesignError: polynomial contrasts of very many levels.

    Example:
        >>> [(name, values.tolist()) for name, values in contrast_columns("sum", ["a", "b", "c"], "a", "f")]
        [('S.a', [1.0, 0.0, -1.0]), ('S.b', [0.0, 1.0, -1.0])]
        >>> [(name, values.tolist()) for name, values in contrast_columns("helmert", list("abc"), "a", "f")]
        [('H.b', [-1.0, 1.0, 0.0]), ('H.c', [-1.0, -1.0, 2.0])]
        >>> [name for name, _ in contrast_columns("polynomial", list("abcde"), "a", "f")]
        ['.L', '.Q', '.C', '^4']

    Reference:
        Chambers and Hastie (1992), Statistical Models in S, section 2.3.2.
    """
    eye = np.eye(len(levels))
    if contrasts == "treatment":
        return [(level, eye[:, k]) for k, level in enumerate(levels) if level != reference]
    if contrasts == "sum":
        return [(f"S.{level}", eye[:, k] - eye[:, -1]) for k, level in enumerate(levels[:-1])]
    if contrasts == "helmert":
        places = np.arange(len(levels))
        return [
            (f"H.{level}", np.where(places < k, -1.0, np.where(places == k, float(k), 0.0)))
            for k, level in enumerate(levels)
            if k
        ]
    if len(levels) > _MOST_POLYNOMIAL:
        raise DesignError(
            f"Polynomial contrasts take {_MOST_POLYNOMIAL} levels at most, and {shown(column)} has "
            f"{len(levels):,}. Use poly of a number, or other contrasts."
        )
    values = np.arange(1.0, len(levels) + 1)
    columns = Orthogonal.of(values - values.mean(), len(levels) - 1)(values - values.mean())
    names = [".L", ".Q", ".C", *(f"^{k}" for k in range(4, len(levels)))]
    return [(name, columns[:, k]) for k, name in enumerate(names[: len(levels) - 1])]
