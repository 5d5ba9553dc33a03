"""Combinations of parameters in words: sums, products, and which of them can be estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.diagnosis.constants import COEFFICIENT, LISTED, WHOLE

__all__ = ["Confounded", "Estimable", "in_words", "independent_rows", "listed", "sentence"]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Estimable:
    """A combination of parameters that the data do tell.

    Attributes:
        words: the combination, such as "gen/g/sigma^2 + residual/sigma^2".
        value: its value at the estimates.
        standard_error: its standard error, by the average information.
    """

    words: str
    value: float
    standard_error: float


@dataclass(frozen=True)
class Confounded:
    """Parameters that the data cannot tell apart.

    Attributes:
        names: their paths.
        estimable: the combinations of them that the data do tell; empty where they tell nothing about any.
        sentence: all this in a sentence.
        final: whether it is so for good; False for what means nothing only because a variance is zero, and
            for parameters that run to the ends of their ranges together.
        leads: of parameters that run off together, those that are taken as known: beside them the others
            have standard errors, and the combinations have. Empty where nothing runs off.
    """

    names: tuple[str, ...]
    estimable: tuple[Estimable, ...]
    sentence: str
    final: bool = True
    leads: tuple[str, ...] = ()


def independent_rows(directions: Vector) -> Vector:
    """Rows that span what is orthogonal to some columns, reduced to few and simple coefficients.

    Args:
        directions: columns, (m, d), of rank d < m.

    Returns:
        Rows, (m - d, m).

    Example:
        >>> independent_rows(np.array([[1.0], [-1.0]]))
        array([[1., 1.]])
    """
    _, sizes, right = np.linalg.svd(directions.T, full_matrices=True)
    rank = int((sizes > COEFFICIENT * sizes.max()).sum())
    rows = right[rank:].copy()
    # Units would count as sizes: pivot on the largest entry of each column in turn.
    for r in range(len(rows)):
        column = next(
            (
                k
                for k in range(rows.shape[1])
                if np.abs(rows[r:, k]).max() > COEFFICIENT * np.abs(rows[r:]).max()
            ),
            None,
        )
        if column is None:
            break
        best = r + int(np.argmax(np.abs(rows[r:, column])))
        rows[[r, best]] = rows[[best, r]]
        rows[r] /= rows[r, column]
        for other in range(len(rows)):
            if other != r:
                rows[other] -= rows[other, column] * rows[r]
    for row in rows:
        row[np.abs(row) < COEFFICIENT * np.abs(row).max()] = 0.0
        # A coefficient found by rounding is a whole number but for rounding.
        for unit in (np.abs(row[row != 0.0]).min(), 1.0):
            whole = np.rint(row / unit)
            if np.abs(row / unit - whole).max() < WHOLE:
                row[:] = whole
                break
    return rows


def in_words(row: Vector, names: Sequence[str], product: bool) -> str:
    """A sum or a product of parameters.

    Args:
        row: coefficients, or exponents.
        names: names of the parameters.
        product: whether they are exponents.

    Example:
        >>> row = np.array([1.0, -2.0])
        >>> in_words(row, ["a", "b"], False), in_words(row, ["a", "b"], True)
        ('a - 2 b', 'a / (b)^2')
    """
    text = ""
    for weight, name in zip(row.tolist(), names, strict=True):
        if weight == 0.0:
            continue
        size = f"{abs(weight):.4g}"
        if product:
            part = name if abs(weight) == 1.0 else f"({name})^{size}"
            text += (
                f"{' * ' if weight > 0.0 else ' / '}{part}"
                if text
                else (part if weight > 0.0 else f"1 / {part}")
            )
        else:
            part = name if abs(weight) == 1.0 else f"{size} {name}"
            text += (
                f"{' + ' if weight > 0.0 else ' - '}{part}"
                if text
                else (part if weight > 0.0 else f"-{part}")
            )
    return text


def sentence(names: Sequence[str], estimable: Sequence[Estimable], form: str, simplest: str = "") -> str:
    """What cannot be told apart, what is estimable, and what to do.

    Args:
        names: names of the parameters.
        estimable: the combinations that are.
        form: "sum", "product" or "local".
        simplest: the parameter that is best left out, if one is.
    """
    fixed = len(names) - len(estimable)
    such = f", such as {simplest}" if simplest else ""
    advice = f"Fix or remove {'one' if fixed == 1 else fixed} of them{such}."
    apart = f"{listed(names)} cannot be told apart"
    if len(estimable) > LISTED:
        return f"{apart}: only {len(estimable)} combinations of these {len(names)} are estimable. {advice}"
    if len(estimable) == 1 and form != "local":
        (only,) = estimable
        if only.words == (" * " if form == "product" else " + ").join(names):
            return f"{apart}: only their {form} ({only.value:.4g}) is estimable. {advice}"
    shown = listed([f"{one.words} ({one.value:.4g})" for one in estimable])
    near = "near the estimates " if form == "local" else ""
    return f"{apart}: {near}only {shown} {'is' if len(estimable) == 1 else 'are'} estimable. {advice}"


def listed(names: Sequence[str]) -> str:
    """Names as one writes them in a sentence, six at most.

    Example:
        >>> listed(["a"]), listed(["a", "b", "c"])
        ('a', 'a, b and c')
    """
    shown = [*names[:6], f"{len(names) - 6} more"] if len(names) > 6 else list(names)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
