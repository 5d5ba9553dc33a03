r"""Parameters that run to the ends of their ranges together, in words.

Along a ridge (`ridge`) the logarithms of a variance, of a range, of the distance of a correlation from the
end of its range move by fixed shares: a product of their powers stays the same, and that is what the data
tell,

.. math:: \sigma^2(1 - \rho^2), \qquad \sigma^2 / \text{range}, \qquad \sigma^2 / \text{range}^2, \qquad \dots

The limit is an intrinsic process: a random walk, a random line, a random plane.

Sources: Zhang (2004), JASA 99:250, for what of a covariance function can be estimated when its range is long;
Matheron (1973), Advances in Applied Probability 5:439, for intrinsic processes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.diagnosis.combinations import (
    Confounded,
    Estimable,
    in_words,
    independent_rows,
    listed,
)
from covstudio.reml.diagnosis.constants import DYING, LISTED
from covstudio.reml.search.constants import RIDGE_GAIN
from covstudio.reml.search.coordinates import Coordinate, Kind
from covstudio.reml.search.ridge import Ridge

__all__ = ["unbounded"]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class _End:
    """A parameter and the end it runs to.

    Attributes:
        name: its path.
        factor: what goes to 0 or grows without end, in words, such as "(1 - rho^2)".
        value: its value.
        slope: d log factor / d parameter.
        sign: of the logarithm of the factor beside the working parameter.
        end: the end, such as "1"; empty for one that grows without end.
        scale: whether V grows with it.
    """

    name: str
    factor: str
    value: float
    slope: float
    sign: float
    end: str
    scale: bool


def unbounded(
    ridge: Ridge, coordinates: Sequence[Coordinate], values: Vector, covariance: Vector
) -> tuple[Confounded, ...]:
    """The groups of parameters that run off together, each with what of it can be estimated.

    Args:
        ridge: where the search ended.
        coordinates: the estimated parameters.
        values: their natural values, (K,).
        covariance: sampling covariances of all but those that are held, (K, K).

    Example:
        >>> variance = Coordinate(0, "sigma^2", Kind.VARIANCE, 0.0, math.inf, 1, 1.0, False)
        >>> rho = Coordinate(1, "rho", Kind.INTERVAL, -1.0, 1.0, 0, 0.0, False)
        >>> ones = np.ones((2, 1))
        >>> ridge = Ridge((0, 1), (0,), ones, np.zeros((2, 1)), np.array([1e-7]), np.array([1e6]))
        >>> covariance = np.diag([0.0, 4e-14])
        >>> (group,) = unbounded(ridge, [variance, rho], np.array([1e6, 1.0 - 1e-6]), covariance)
        >>> (only,) = group.estimable
        >>> only.words, round(only.value, 4), round(only.standard_error, 4)
        ('sigma^2 * (1 - rho^2)', 2.0, 0.4)
    """
    rates = ridge.directions.sum(axis=1)
    groups = []
    for rows, columns in _connected(ridge.directions):
        who = [ridge.members[r] for r in rows]
        ends = [
            _end(coordinates[i], float(values[i]), float(rates[r])) for i, r in zip(who, rows, strict=True)
        ]
        turned = ridge.directions[np.ix_(rows, columns)] * np.array([[end.sign] for end in ends])
        own = covariance[np.ix_(who, who)]
        estimable = []
        for row in _products(turned, [i in ridge.leads for i in who]):
            value = math.prod(end.value**power for end, power in zip(ends, row.tolist(), strict=True))
            gradient = row * [end.slope for end in ends]
            error = value * math.sqrt(max(float(gradient @ own @ gradient), 0.0))
            estimable.append(Estimable(in_words(row, [end.factor for end in ends], True), value, error))
        left = float(np.maximum(ridge.slopes[columns], 0.0).sum())
        groups.append(
            Confounded(
                tuple(end.name for end in ends),
                tuple(estimable),
                _sentence(ends, estimable, left),
                final=False,
                leads=tuple(coordinates[i].name for i in who if i in ridge.leads),
            )
        )
    return tuple(groups)


def _end(c: Coordinate, value: float, rate: float) -> _End:
    scale = bool(c.degree)
    if c.kind is Kind.INTERVAL:
        high = c.nearest_end(value) == c.high
        end, sign = (c.high, -1.0) if high else (c.low, 1.0)
        if (c.low, c.high) == (-1.0, 1.0):
            factor = (1.0 - value) * (1.0 + value)
            slope = -2.0 * value / factor
            return _End(c.name, f"(1 - {c.name}^2)", factor, slope, sign, f"{end:g}", scale)
        words = f"({c.high:g} - {c.name})" if high else _above(c)
        return _End(c.name, words, abs(end - value), 1.0 / (value - end), sign, f"{end:g}", scale)
    if math.isfinite(c.low):
        away, end_words = value - c.low, "" if rate > 0.0 else f"{c.low:g}"
        return _End(c.name, _above(c), away, 1.0 / away, 1.0, end_words, scale)
    away = c.high - value
    return _End(c.name, f"({c.high:g} - {c.name})", away, -1.0 / away, -1.0, f"{c.high:g}", scale)


def _above(c: Coordinate) -> str:
    return (
        c.name if c.low == 0.0 else f"({c.name} - {c.low:g})" if c.low > 0.0 else f"({c.name} + {-c.low:g})"
    )


def _products(directions: Vector, leads: Sequence[bool]) -> Vector:
    """Exponents of products that stay the same along all combinations, (k, m)."""
    count, combinations = directions.shape
    if count == combinations:
        return np.zeros((0, count))
    if combinations > 1:
        return _rounded(independent_rows(directions))
    # Each other one with the one that is held.
    rows = np.eye(count)[[not lead for lead in leads]]
    first = leads.index(True)
    for row in rows:
        other = int(np.argmax(row))
        row[first], row[other] = 1.0, -directions[first, 0] / directions[other, 0]
    return _rounded(rows)


def _rounded(exponents: Vector) -> Vector:
    near = np.rint(4.0 * exponents) / 4.0
    return np.asarray(np.where(np.abs(exponents - near) < DYING, near, exponents), dtype=np.float64)


def _connected(directions: Vector) -> list[tuple[list[int], list[int]]]:
    """Rows and columns that hang together."""
    left = set(range(directions.shape[1]))
    groups = []
    while left:
        columns, rows = {min(left)}, set[int]()
        while True:
            wider = set(np.flatnonzero(directions[:, sorted(columns)].any(axis=1)).tolist())
            if wider == rows:
                break
            rows = wider
            columns = set(np.flatnonzero(directions[sorted(rows)].any(axis=0)).tolist())
        left -= columns
        groups.append((sorted(rows), sorted(columns)))
    return groups


def _sentence(ends: Sequence[_End], estimable: Sequence[Estimable], left: float) -> str:
    parts = []
    for end in dict.fromkeys(end.end for end in ends):
        names = [one.name for one in ends if one.end == end]
        plural = "" if len(names) > 1 else "s"
        parts.append(f"{listed(names)} " + (f"near{plural} {end}" if end else f"grow{plural} without end"))
    text = (
        f"At the boundary: {' while '.join(parts)}. Along this ridge the log-likelihood rises to a limit, "
        f"and is within {max(left, RIDGE_GAIN):.1g} of it"
    )
    if len(estimable) > LISTED:
        text += f": only {len(estimable)} combinations of these {len(ends)} are estimable"
    elif estimable:
        shown = listed([f"{one.words} ({one.value:.4g})" for one in estimable])
        text += f": only {shown} {'is' if len(estimable) == 1 else 'are'} estimable"
    if any(end.scale and not end.end for end in ends):
        text += (
            ". That is what a trend does: put it among the fixed effects (time, rows, columns), or take a "
            "random walk or a spline for it"
        )
    return f"{text}."
