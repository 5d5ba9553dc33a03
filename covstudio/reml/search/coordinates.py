r"""The behaviour of each estimated parameter, and so how the optimiser may move it.

The kind is found from the bounds of the parameter's natural range and from how V depends on it, not from
its name, so that it holds for structures that nobody has written yet:

- VARIANCE: bounded below by 0, V linear in it. Moved on the natural scale; may reach exactly 0 and leave it
  again.
- SCALE: bounded on one side, V not linear in it (a range, the diagonal of a Cholesky factor). Moved on the
  log scale.
- INTERVAL: bounded on both sides (a correlation). Moved on the natural scale, never more than 90 % of the
  way to an end.
- FREE: unbounded (a covariance, a loading). Moved on the natural scale.

A degree d > 0 says that the diagonal of V grows with the d-th power of the parameter; it gives starting
values and, when all parameters together scale V, the closed-form rescaling c^(1/d): V(theta_1 c^w_1, ...) =
c V(theta).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.problem.likelihood import Derivatives, Point
from covstudio.reml.search.absorbed import Absorbed
from covstudio.reml.search.probe import Probe, WrittenProbe
from covstudio.reml.terms.variance import Variance

__all__ = ["Coordinate", "Kind", "classify", "derivatives_at", "off_zero", "scale_weights"]

Vector = NDArray[np.float64]


class Kind(Enum):
    """What a parameter is to the optimiser."""

    VARIANCE = "variance"
    SCALE = "scale"
    INTERVAL = "interval"
    FREE = "free"


@dataclass(frozen=True)
class Coordinate:
    """One estimated parameter.

    Attributes:
        position: where it stands among all parameters.
        name: its path in V.
        kind: how it moves.
        low: lower end of its natural range.
        high: upper end.
        degree: power with which the diagonal of V grows with it; 0 when it does not scale V.
        unit: mean contribution to the rows it reaches, at the value 1 (degree 1: that of theta; degree 2:
            that of theta^2).
        diagonal: its slice of V is diagonal, as that of a residual variance: V may turn singular without it.
        absorbed: what takes up its whole part of V, where fixed effects do.
    """

    position: int
    name: str
    kind: Kind
    low: float
    high: float
    degree: int
    unit: float
    diagonal: bool
    absorbed: Absorbed | None = None

    @property
    def silent(self) -> bool:
        """Whether it is known beforehand that the likelihood does not depend on it."""
        return self.absorbed is not None and self.absorbed.silent

    def contribution(self, value: float) -> float:
        """Share of V's diagonal that the parameter accounts for, in the units of y squared."""
        return self.unit * abs(value) ** self.degree if self.degree else 0.0

    @property
    def is_range(self) -> bool:
        """Whether V becomes singular as it goes to infinity, if at all: a range."""
        return self.kind is Kind.SCALE and not self.degree and self.low == 0.0 and not np.isfinite(self.high)

    def nearest_end(self, value: float) -> float:
        """The end of its range that a value is closest to."""
        return self.high if self.high - value < value - self.low else self.low


def classify(variance: Variance, natural: Vector, probe: Probe | None = None) -> list[Coordinate]:
    """Find the kind of every estimated parameter.

    Args:
        variance: the model of V.
        natural: values around which V is probed; probed parameters themselves are set to 1 and 2, or doubled.
        probe: what looks at V; None to write V out.

    Returns:
        One `Coordinate` per entry of `variance.estimated`, in that order.

    Example:
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
        >>> model = Variance(Sum(field=AR1Matrix(4), units=ScalarMatrix(4)))
        >>> [c.kind.value for c in classify(model, model.defaults)]
        ['variance', 'interval', 'variance']
    """
    looking = WrittenProbe(variance) if probe is None else probe
    return [_coordinate(variance, looking, natural, k) for k in variance.estimated]


def _coordinate(variance: Variance, probe: Probe, natural: Vector, k: int) -> Coordinate:
    low, high = variance.bounds(k)
    name = variance.names[k]
    if np.isfinite(low) and np.isfinite(high):
        return Coordinate(k, name, Kind.INTERVAL, low, high, 0, 0.0, False)
    if not np.isfinite(low) and not np.isfinite(high):
        degree = 1 if k in variance.linear else 2
        return Coordinate(k, name, Kind.FREE, low, high, degree, 0.0, False)
    if low != 0.0:
        return Coordinate(k, name, Kind.SCALE, low, high, 0, 0.0, False)
    if k in variance.linear:
        unit, diagonal = _unit(probe, natural, k)
        return Coordinate(k, name, Kind.VARIANCE, low, high, 1, unit, diagonal)
    return _probed(variance, probe, natural, k)


def _probed(variance: Variance, probe: Probe, natural: Vector, k: int) -> Coordinate:
    """A positive parameter of a term that is not linear as a whole: compare its slices at two values."""
    name = variance.names[k]
    low, high = variance.bounds(k)
    first, second, zero = natural.copy(), natural.copy(), natural.copy()
    first[k], second[k], zero[k] = 1.0, 2.0, 0.0
    one, two = probe.slice(first, k), probe.slice(second, k)
    size = float(torch.linalg.vector_norm(one))
    usable = np.isfinite(size) and size > 0.0 and bool(torch.isfinite(two).all())
    if (
        usable
        and float(torch.linalg.vector_norm(two - one)) <= 1e-10 * size
        and bool(torch.isfinite(probe.slice(zero, k)).all())
    ):
        unit, diagonal = _unit(probe, first, k)
        return Coordinate(k, name, Kind.VARIANCE, low, high, 1, unit, diagonal)
    d1, d2 = probe.slice_diagonal(first, k), probe.slice_diagonal(second, k)
    scale = float(torch.linalg.vector_norm(d1))
    if usable and scale > 0.0:
        unit, diagonal = _unit(probe, first, k, d1)
        if float(torch.linalg.vector_norm(d2 - d1)) <= 1e-10 * scale:
            return Coordinate(k, name, Kind.SCALE, low, high, 1, unit, diagonal)
        if float(torch.linalg.vector_norm(d2 - 2.0 * d1)) <= 1e-10 * scale:
            return Coordinate(k, name, Kind.SCALE, low, high, 2, unit / 2.0, diagonal)
    return Coordinate(k, name, Kind.SCALE, low, high, 0, 0.0, False)


def _unit(probe: Probe, natural: Vector, k: int, diagonal: Tensor | None = None) -> tuple[float, bool]:
    """Mean of the nonzero diagonal entries of a slice, and whether it has no others."""
    entries = probe.slice_diagonal(natural, k) if diagonal is None else diagonal
    reached = int(torch.count_nonzero(entries))
    unit = float(entries.sum()) / reached if reached else 0.0
    return unit, reached > 0 and probe.slice_is_diagonal(natural, k)


def derivatives_at(point: Point, coordinates: Sequence[Coordinate]) -> Derivatives:
    """Score and average information by natural values, exactly 0 where fixed effects take all of it up.

    Args:
        point: where.
        coordinates: the parameters.
    """
    found = point.derivatives([c.position for c in coordinates])
    absorbed = [i for i, c in enumerate(coordinates) if c.absorbed is not None]
    if not absorbed:
        return found
    score, information = found.score.copy(), found.information.copy()
    score[[i for i in absorbed if coordinates[i].silent]] = 0.0
    information[absorbed, :] = 0.0
    information[:, absorbed] = 0.0
    return Derivatives(score, information)


def scale_weights(
    variance: Variance, natural: Vector, coordinates: Sequence[Coordinate], probe: Probe | None = None
) -> Vector | None:
    """Exponents w with V(theta_k c^w_k) = c V(theta) for every c > 0, or None when V has no such scale.

    The candidate exponents are checked by evaluating V at two scales.

    Args:
        variance: the model of V.
        natural: natural values at which V is finite.
        coordinates: the estimated parameters.
        probe: what looks at V; None to write V out.

    Returns:
        Exponents for all parameters, 0 where the parameter does not scale V; None when the check fails, as
        it does when a variance is fixed or held.

    Example:
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
        >>> model = Variance(Sum(field=AR1Matrix(4), units=ScalarMatrix(4)))
        >>> scale_weights(model, model.defaults, classify(model, model.defaults))
        array([1., 0., 1.])
    """
    weights = np.zeros(len(variance.names))
    for coordinate in coordinates:
        if coordinate.degree:
            weights[coordinate.position] = 1.0 / coordinate.degree
    if not weights.any():
        return None
    if _scales_as_a_whole(variance, coordinates):
        return weights
    looking = WrittenProbe(variance) if probe is None else probe
    natural = off_zero(natural, coordinates)
    base = looking.value(natural)
    _leave_out(variance, natural, coordinates, weights, looking, base)
    size = float(torch.linalg.vector_norm(base))
    for factor in (4.0, 0.3):
        scaled = looking.value(natural * factor**weights)
        if not float(torch.linalg.vector_norm(scaled - factor * base)) <= 1e-12 * factor * size:
            return None
    return weights


def off_zero(natural: Vector, coordinates: Sequence[Coordinate]) -> Vector:
    """Values at which free parameters are not 0: there any power of a scale would leave them as they are.

    Args:
        natural: natural values of all parameters.
        coordinates: the estimated ones.
    """
    moved = natural.copy()
    for i, c in enumerate(coordinates):
        if c.kind is Kind.FREE and c.degree == 2 and moved[c.position] == 0.0:
            moved[c.position] = 0.2 + 0.1 * (i % 5)
    return moved


def _leave_out(
    variance: Variance,
    natural: Vector,
    coordinates: Sequence[Coordinate],
    weights: Vector,
    probe: Probe,
    base: Tensor,
) -> None:
    """Take the weight from free parameters that are no part of their term's scale, such as an exponent.

    With its right exponents a term is linear in the factor.
    """
    free = {c.position for c in coordinates if c.kind is Kind.FREE and c.degree == 2}
    for term in variance.terms:
        positions, own = term.positions, [k for k in term.span if k in free]
        if not own:
            continue
        slopes = []
        for factor in (2.0, 0.5):
            scaled = natural.copy()
            scaled[positions] *= factor ** weights[positions]
            slopes.append((probe.value(scaled) - base) / (factor - 1.0))
        gap = float(torch.linalg.vector_norm(slopes[0] - slopes[1]))
        if not gap <= 1e-10 * float(torch.linalg.vector_norm(slopes[0])):
            weights[own] = 0.0


def _scales_as_a_whole(variance: Variance, coordinates: Sequence[Coordinate]) -> bool:
    """Whether V is linear in all its parameters, without a constant, and all are estimated."""
    linear = all(term.homogeneous for term in variance.terms)
    return linear and len(coordinates) == len(variance.names) and all(c.degree == 1 for c in coordinates)
