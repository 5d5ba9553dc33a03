"""Columns of X that depend on all rows: scaled columns, polynomials and splines, with the values of R's.

What a basis takes from the data it was made of (means, norms, knots) is kept, so that it gives the columns of
other rows too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.interpolate import BSpline

from covstudio.data.errors import DesignError, shown
from covstudio.data.expressions import Binary, Call, Expression, Floats, Number, evaluate
from covstudio.data.functions import Function

Numbers = Callable[[str], Floats]
MAX_COLUMNS = 200


class Basis(Protocol):
    """Turns the (n,) values of an expression into (n, k) columns."""

    def __call__(self, values: Floats) -> Floats: ...


@dataclass(frozen=True)
class Scaled:
    """(x - centre) / size."""

    centre: float
    size: float

    def __call__(self, values: Floats) -> Floats:
        return (values - self.centre) / self.size


@dataclass(frozen=True)
class Powers:
    """x, x^2, ..., x^degree."""

    degree: int

    def __call__(self, values: Floats) -> Floats:
        return values[:, None] ** np.arange(1, self.degree + 1)


@dataclass(frozen=True)
class Orthogonal:
    """Polynomials that are orthogonal over the rows they were made of, each of length one.

    They follow from p_0 = 1 and p_{k+1}(x) = (x - a_k) p_k(x) - b_k p_{k-1}(x).

    Reference:
        Kennedy and Gentle (1980), Statistical Computing, 343-344.
    """

    a: tuple[float, ...]
    b: tuple[float, ...]
    norms: tuple[float, ...]

    @classmethod
    def of(cls, values: Floats, degree: int) -> Orthogonal:
        """The polynomials up to a degree for these values."""
        a, b, norms = [], [], [float(len(values))]
        before, present = np.zeros_like(values), np.ones_like(values)
        for _ in range(degree):
            a.append(float(present @ (values * present)) / norms[-1])
            b.append(norms[-1] / norms[-2] if len(norms) > 1 else 0.0)
            before, present = present, (values - a[-1]) * present - b[-1] * before
            norms.append(float(present @ present))
        return cls(tuple(a), tuple(b), tuple(norms))

    def __call__(self, values: Floats) -> Floats:
        before, present = np.zeros_like(values), np.ones_like(values)
        columns = []
        for a, b, norm in zip(self.a, self.b, self.norms[1:], strict=True):
            before, present = present, (values - a) * present - b * before
            columns.append(present / np.sqrt(norm))
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class Spline:
    """B-splines; natural ones are straight lines beyond the boundary knots.

    Attributes:
        knots: all knots, those at the boundary repeated.
        degree: of the pieces.
        combine: (basis, columns) turns B-splines into the columns.
        natural: whether values beyond the boundary lie on straight lines.
    """

    knots: Floats
    degree: int
    combine: Floats
    natural: bool

    def __call__(self, values: Floats) -> Floats:
        low, high = self.knots[self.degree], self.knots[-self.degree - 1]
        inside = np.clip(values, low, high) if self.natural else values
        columns = self._at(inside)
        if self.natural and not np.array_equal(inside, values):
            columns += (values - inside)[:, None] * self._at(inside, 1)
        return columns

    def _at(self, values: Floats, derivative: int = 0) -> Floats:
        count = len(self.knots) - self.degree - 1
        spline = BSpline(self.knots, np.eye(count), self.degree, extrapolate=True)
        found = spline(values) if derivative == 0 else spline.derivative(derivative)(values)
        columns: Floats = np.asarray(found, dtype=np.float64) @ self.combine
        return columns


def learn(function: Function, numbers: Numbers) -> Callable[[Numbers], Floats]:
    """What gives the columns of a function, with all that it takes from these rows kept.

    Args:
        function: a function of numbers, or an offset.
        numbers: the (n,) numbers of a column of the table.

    Returns:
        Numbers of other rows -> their (m, k) columns.

    Raises:
        DesignError: a value is not finite, or there are too few different ones.
    """
    settled = _settled(function.expression, numbers, function.text)
    basis = function.basis
    if basis is None or not isinstance(settled, Call):
        return lambda other: _finite(settled, other, function.text)[:, None]
    values = _finite(settled.of, numbers, function.text)
    columns = _basis(basis, values, function.text)
    return lambda other: columns(_finite(settled.of, other, function.text))


def _settled(expression: Expression, numbers: Numbers, text: str) -> Expression:
    """An expression in which scale and center have become arithmetic with what they take from the rows."""
    if isinstance(expression, Binary):
        left, right = (_settled(one, numbers, text) for one in (expression.left, expression.right))
        return Binary(expression.operator, left, right)
    if not isinstance(expression, Call):
        return expression
    of = _settled(expression.of, numbers, text)
    if expression.function not in ("scale", "center"):
        return Call(expression.function, of, expression.arguments)
    given = dict(expression.arguments)
    values = _finite(of, numbers, text)
    centre = _part(given.get("center", True), float(values.mean()), 0.0, text)
    rest = values - centre
    spread = float(np.sqrt(rest @ rest / max(len(rest) - 1, 1)))
    size = _part(given.get("scale", expression.function == "scale"), spread, 1.0, text)
    if size == 0.0:
        raise DesignError(f"{shown(text)} divides by 0: the values are all the same. Leave it out.")
    return Binary("/", Binary("-", of, Number(centre)), Number(size))


def _part(given: float | tuple[float, ...], found: float, otherwise: float, text: str) -> float:
    """The centre or the size of `scale`: TRUE for what the rows have, FALSE for none, or a number."""
    if isinstance(given, tuple):
        raise DesignError(f"{shown(text)} scales one column, so its centre and size are one number each.")
    if isinstance(given, bool):
        return found if given else otherwise
    return given


def _finite(expression: Expression, numbers: Numbers, text: str) -> Floats:
    values = np.asarray(evaluate(expression, numbers), dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise DesignError(
            f"{shown(text)} has no finite value in {wrong.size:,} of the {values.size:,} rows that are used, "
            f"row {wrong[0] + 1:,} of them the first. Leave these rows out, or mend the column."
        )
    return values


def _basis(call: Call, values: Floats, text: str) -> Basis:
    given = dict(call.arguments)
    distinct = np.unique(values)
    if call.function == "poly":
        degree = _count(given, "degree", 1, text)
        if degree >= len(distinct):
            raise DesignError(
                f"{shown(text)} needs more than {degree} different values, and there are {len(distinct)}. "
                "Lower its degree."
            )
        return Powers(degree) if given.get("raw") else Orthogonal.of(values, degree)
    return _spline(call, given, values, text)


def _spline(call: Call, given: dict[str, float | tuple[float, ...]], values: Floats, text: str) -> Spline:
    natural = call.function == "ns"
    degree = 3 if natural else _count(given, "degree", 3, text)
    intercept = bool(given.get("intercept", 0.0))
    boundary = given.get("Boundary.knots", (float(values.min()), float(values.max())))
    if not isinstance(boundary, tuple) or len(boundary) != 2 or not boundary[0] < boundary[1]:
        raise DesignError(f"{shown(text)} needs two different boundary knots, and has {boundary}.")
    low, high = boundary
    if "knots" in given:
        inner = np.atleast_1d(np.asarray(given["knots"], dtype=np.float64))
    else:
        fewest = 1 + intercept if natural else degree + intercept
        df = _count(given, "df", fewest, text)
        if df < fewest:
            raise DesignError(f"{shown(text)} has df = {df}, and {fewest} is the least. Raise it.")
        within = values[(values >= low) & (values <= high)]
        inner = np.quantile(within, np.linspace(0, 1, df - fewest + 2)[1:-1])
    if ((inner <= low) | (inner >= high)).any() or len(inner) > MAX_COLUMNS:
        raise DesignError(
            f"{shown(text)} needs its knots between {low:.6g} and {high:.6g}, and {MAX_COLUMNS} at most. "
            "Give other knots, or a smaller df."
        )
    knots = np.concatenate([np.full(degree + 1, low), np.sort(inner), np.full(degree + 1, high)])
    first = 0 if intercept else 1
    combine = np.eye(len(knots) - degree - 1)[:, first:]
    if natural:
        # Splines whose second derivatives are zero at both ends: what is orthogonal to these derivatives.
        ends = BSpline(knots, combine, degree).derivative(2)(np.array([low, high]))
        combine = combine @ np.linalg.qr(ends.T, mode="complete")[0][:, 2:]
    return Spline(knots, degree, combine, natural)


def _count(given: dict[str, float | tuple[float, ...]], name: str, otherwise: int, text: str) -> int:
    value = given.get(name, float(otherwise))
    if isinstance(value, tuple) or value != round(value) or not 0 < value <= MAX_COLUMNS:
        raise DesignError(f"The {name} of {shown(text)} is a whole number from 1 to {MAX_COLUMNS}.")
    return int(value)
