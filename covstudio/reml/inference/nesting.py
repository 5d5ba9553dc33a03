r"""Nested models: whether every V of one model is a V of another, found in the trees and in the numbers.

The rows and the response must be the same, and the fixed effects the same by REML, or those of one model
among those of the other by ML. Of V it is asked whether

.. math:: V_1(\theta_1) B = V_0(\theta_0) B

has a solution :math:`\theta_1` inside the parameters' ranges, ends included, for values :math:`\theta_0`
inside the range of the smaller model and columns B drawn at random: then the two are equal with
probability 1. What both trees have under the same names is tried first, all else at a variance of 0; then
least squares looks for a solution, with as few terms as do.

At the solution some variances are 0, at the end of their range, and some parameters mean nothing there.
That is what the distribution of a likelihood ratio depends on.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.inference.binding import Binding
from covstudio.reml.search.coordinates import Coordinate, Kind

__all__ = ["Nesting", "nesting"]

Vector = NDArray[np.float64]

#: Columns that V is multiplied by.
COLUMNS = 2
#: Combinations of the rows of the product that are searched by at least, and for each parameter.
ROWS, ROWS_OF_PARAMETER = 32, 3
#: Sets of parameters of the smaller model that are tried.
POINTS = 2
#: V is the same where the products differ by less than this share.
SAME = 1e-6
#: A variance that makes less than this share of the mean variance is 0.
NOTHING = 1e-6
#: Of more terms than these it is not tried which can be left out.
TERMS = 6
#: Evaluations of V in one search.
EVALUATIONS = 150


@dataclass(frozen=True)
class Nesting:
    """Whether a model is a special case of another.

    Attributes:
        nested: whether it is.
        boundary: variances of the larger model that are 0 there, at the end of their range.
        loose: other parameters of the larger model that V does not depend on there.
        reason: why it is none, in words that go on after "a is not nested in b:"; "" where it is.
    """

    nested: bool
    boundary: int = 0
    loose: tuple[str, ...] = ()
    reason: str = ""


def nesting(small: Binding, large: Binding, by_names: bool = False) -> Nesting:
    """Whether the model of V of one fit is a special case of that of another.

    Args:
        small: a fit.
        large: a fit of the same rows with at least as many parameters.
        by_names: only what both trees have under the same names is looked at, which takes next to no time.

    Returns:
        The answer, with the reason.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix
        >>> from covstudio.reml import fit
        >>> y, x = torch.tensor([4.0, 6.0, 8.0, 7.0, 1.0, 3.0]), torch.ones(6, 1)
        >>> one, two = (Binding(fit(v, y, x), v, y, x) for v in (ScalarMatrix(6), AR1Matrix(6)))
        >>> nesting(one, two)
        Nesting(nested=True, boundary=0, loose=(), reason='')
        >>> nesting(two, one).nested
        False
    """
    x, within = small.problem.basis, large.problem.basis
    if float(torch.linalg.matrix_norm(x - within @ (within.mT @ x))) > SAME * math.sqrt(small.fit.p + 1):
        return Nesting(False, reason="some of its fixed effects are none of the other")
    generator = torch.Generator().manual_seed(1)
    b = torch.randn((small.problem.n, COLUMNS), dtype=torch.float64, generator=generator)
    search = _Search(large, b)
    found: _Solution | None = None
    for number, natural in enumerate(_points(small)):
        target = small.multiply(small.variance.pieces, b, natural)
        if not bool(torch.isfinite(target).all()):
            continue
        same = dict(zip(small.variance.names, natural.tolist(), strict=True))
        if by_names:
            solution = search.named(target, same)
        else:
            solution = search.solve(target, same, found, sparing=number == 0)
        if solution.gap > SAME:
            least = f"{100.0 * solution.gap:.2g} %"
            return Nesting(
                False,
                reason=f"no values of the latter's parameters give the same V, the nearest is {least} away",
            )
        found = solution if found is None else found
    if found is None:
        return Nesting(False, reason="V of the smaller model is not finite")
    return Nesting(True, len(found.zeros), search.loose(found))


def _points(binding: Binding) -> Iterator[Vector]:
    """Natural values inside the ranges of all parameters, in the size of the estimates."""
    generator = np.random.default_rng(1)
    for _ in range(POINTS):
        natural = binding.natural.copy()
        for c in binding.coordinates:
            natural[c.position] = _inside(c, float(natural[c.position]), binding, generator)
        yield natural


def _inside(c: Coordinate, estimate: float, binding: Binding, generator: np.random.Generator) -> float:
    share = float(generator.uniform(0.4, 0.9))
    if c.kind is Kind.INTERVAL:
        # Off the middle, which is where a correlation is 0.
        return c.low + (c.high - c.low) * (0.5 + float(generator.choice([-0.3, 0.3])) * share)
    spread = _spread(binding)
    known = math.isfinite(estimate) and estimate not in (c.low, c.high)
    if _is_variance(c):
        # No smaller than the estimate, so that covariances beside it stay those of a covariance matrix.
        if known and c.contribution(estimate) > 0.01 * spread:
            return (1.0 + share) * estimate
        return math.pow(share * spread / (c.unit or 1.0), 1.0 / c.degree)
    if c.kind is Kind.SCALE:
        at = estimate if known else 1.0
        return c.low + (at - c.low) * (0.5 + share) if math.isfinite(c.low) else at
    size = math.pow(spread, 1.0 / max(c.degree, 1))
    return share * (estimate if known and abs(estimate) > 1e-3 * size else 0.1 * size)


def _spread(binding: Binding) -> float:
    return binding.problem.residual_variance


def _is_variance(c: Coordinate) -> bool:
    return c.low == 0.0 and bool(c.degree) and c.kind in (Kind.VARIANCE, Kind.SCALE)


@dataclass(frozen=True)
class _Solution:
    """Natural values of the larger model, how far its V is off there, and the variances that are 0."""

    natural: Vector
    gap: float
    zeros: frozenset[int]


class _Search:
    """Looks for values at which V of a model is a given one."""

    def __init__(self, large: Binding, b: Tensor) -> None:
        self.large, self.b = large, b
        self.coordinates = large.coordinates
        self.variances = [c for c in self.coordinates if _is_variance(c)]
        self.spread = _spread(large)
        # A few combinations of the rows tell as much, and take less than all of them.
        generator = torch.Generator().manual_seed(2)
        rows = min(b.shape[0], max(ROWS, ROWS_OF_PARAMETER * len(self.coordinates)))
        self.sketch = torch.randn((rows, b.shape[0]), dtype=torch.float64, generator=generator)

    def product(self, natural: Vector) -> Tensor:
        return self.large.multiply(self.large.variance.pieces, self.b, natural)

    def gap(self, natural: Vector, target: Tensor) -> float:
        away = torch.linalg.vector_norm(self.product(natural) - target) / torch.linalg.vector_norm(target)
        found = float(away)
        return found if math.isfinite(found) else math.inf

    def solve(
        self, target: Tensor, same: dict[str, float], before: _Solution | None, *, sparing: bool
    ) -> _Solution:
        """The solution with most variances at 0, or the nearest that there is."""
        found = self.named(target, same)
        if found.gap <= SAME:
            return found
        if before is not None:
            found = self._least(target, before.natural, before.zeros)
            if found.gap <= SAME:
                return found
        best = min(
            (self._least(target, start, frozenset()) for start in self._starts()), key=lambda one: one.gap
        )
        if best.gap > SAME or not sparing:
            return best
        for held in self._sets():
            fewer = self._least(target, self._middle(), held)
            if fewer.gap <= SAME:
                return fewer
        return best

    def named(self, target: Tensor, same: dict[str, float]) -> _Solution:
        """What both have under the same names, and every other variance 0."""
        start = self._named(same)
        zeros = frozenset(c.position for c in self.variances if c.name not in same)
        return _Solution(start, self.gap(start, target), zeros)

    def _named(self, same: dict[str, float]) -> Vector:
        natural = self.large.natural.copy()
        middle = self._middle()
        for c in self.coordinates:
            if c.name in same and c.low <= same[c.name] <= c.high:
                natural[c.position] = same[c.name]
            else:
                natural[c.position] = 0.0 if _is_variance(c) else middle[c.position]
        return natural

    def _middle(self) -> Vector:
        """Values in the middle of things: uncorrelated, every variance a share of the whole."""
        natural = self.large.natural.copy()
        share = self.spread / max(len(self.variances), 1)
        for c in self.coordinates:
            if c.kind is Kind.INTERVAL:
                natural[c.position] = c.low + 0.55 * (c.high - c.low)
            elif _is_variance(c):
                natural[c.position] = (share / (c.unit or 1.0)) ** (1.0 / c.degree)
            elif c.kind is Kind.FREE:
                natural[c.position] = 0.0
            elif not math.isfinite(natural[c.position]) or natural[c.position] in (c.low, c.high):
                natural[c.position] = c.low + 1.0 if math.isfinite(c.low) else 0.0
        return natural

    def _starts(self) -> Iterator[Vector]:
        yield self._middle()
        second = self._middle()
        for c in self.coordinates:
            if c.kind is Kind.INTERVAL:
                second[c.position] = c.low + 0.8 * (c.high - c.low)
            elif c.kind is Kind.FREE:
                second[c.position] = 0.3 * math.sqrt(self.spread)
        yield second

    def _sets(self) -> Iterator[frozenset[int]]:
        """Variances of all terms but some, the fewest terms left first."""
        terms = [
            held
            for term in self.large.variance.terms
            if (held := frozenset(c.position for c in self.variances if c.position in term.span))
        ]
        if len(terms) > TERMS:
            return
        for left in range(1, len(terms)):
            for gone in itertools.combinations(terms, len(terms) - left):
                yield frozenset().union(*gone)

    def _least(self, target: Tensor, start: Vector, held: frozenset[int]) -> _Solution:
        """Least squares from a start, some variances held at 0; what comes close to 0 is tried at 0."""
        natural = self._minimised(target, start, held)
        found = _Solution(natural, self.gap(natural, target), held)
        small = frozenset(
            c.position
            for c in self.variances
            if c.position not in held and c.contribution(natural[c.position]) < NOTHING**0.5 * self.spread
        )
        if not small or found.gap > NOTHING**0.25:
            return found
        natural = self._minimised(target, natural, held | small)
        snapped = _Solution(natural, self.gap(natural, target), held | small)
        return snapped if snapped.gap <= max(found.gap, SAME) else found

    def _minimised(self, target: Tensor, start: Vector, held: frozenset[int]) -> Vector:
        from scipy.optimize import least_squares

        natural = start.copy()
        natural[list(held)] = 0.0
        free = [c for c in self.coordinates if c.position not in held]
        if not free:
            return natural
        places = [c.position for c in free]
        scale = float(torch.linalg.vector_norm(self.sketch @ target))

        def at(values: Vector) -> Vector:
            natural[places] = values
            return natural

        def residual(values: Vector) -> Vector:
            away = (self.sketch @ (self.product(at(values)) - target)).reshape(-1) / scale
            found: Vector = np.nan_to_num(away.numpy(), nan=1e6, posinf=1e6, neginf=-1e6)
            return found

        def slopes(values: Vector) -> Vector:
            here = at(values)
            columns = [
                (self.sketch @ self.large.derivative(k, self.b, here)).reshape(-1) / scale for k in places
            ]
            written = torch.stack(columns, dim=1).numpy()
            found: Vector = np.nan_to_num(written, nan=0.0, posinf=0.0, neginf=0.0)
            return found

        lower, upper = (np.array([getattr(c, end) for c in free]) for end in ("low", "high"))
        first = np.clip(natural[places], lower + 1e-8 * _widths(free), upper - 1e-8 * _widths(free))
        found = least_squares(
            residual,
            first,
            slopes,
            bounds=(lower, upper),
            x_scale=np.maximum(np.abs(first), 0.1),
            ftol=1e-9,
            xtol=1e-12,
            gtol=1e-15,
            max_nfev=EVALUATIONS,
        )
        return at(found.x).copy()

    def loose(self, found: _Solution) -> tuple[str, ...]:
        """Parameters that V does not depend on at a solution."""
        scale = float(torch.linalg.vector_norm(self.product(found.natural)))
        return tuple(
            c.name
            for c in self.coordinates
            if c.position not in found.zeros
            and c.kind in (Kind.INTERVAL, Kind.SCALE)
            and not c.degree
            and float(torch.linalg.vector_norm(self.large.derivative(c.position, self.b, found.natural)))
            <= SAME * scale
        )


def _widths(coordinates: Sequence[Coordinate]) -> Vector:
    """A length for each parameter that is small in its range."""
    return np.array(
        [c.high - c.low if math.isfinite(c.low) and math.isfinite(c.high) else 1.0 for c in coordinates]
    )
