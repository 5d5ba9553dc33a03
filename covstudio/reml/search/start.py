r"""Starting values from the data.

Every term of V that has a scale gets an equal share of the ordinary least squares residual variance s^2 of
y on X: with T such terms, the mean diagonal of each is s^2/T. Within a term the parameters that scale it
contribute alike, covariances are 0, and correlations stand at the model's own defaults, moved off 0, where
structures cannot be told apart. A range starts where V depends on it most. The safeguarded steps do the
rest; but a good start saves half of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.problem.problem import Problem
from covstudio.reml.search.constants import CORRELATION_START, RANGE_DEFAULT, RANGE_LOOKS, RANGE_TRIES
from covstudio.reml.search.coordinates import Coordinate, Kind
from covstudio.reml.search.probe import Probe, WrittenProbe
from covstudio.reml.terms.variance import Variance

__all__ = ["data_start", "neutral", "ranges", "tuned"]

Vector = NDArray[np.float64]


def data_start(
    problem: Problem,
    variance: Variance,
    natural: Vector,
    coordinates: Sequence[Coordinate],
    probe: Probe | None = None,
) -> Vector:
    """Natural starting values of all parameters; fixed and held ones at their defaults.

    Args:
        problem: y and X.
        variance: the model of V.
        natural: the `neutral` values.
        coordinates: the estimated parameters, classified there.
        probe: what looks at V; None to write V out.

    Returns:
        Natural values, (number of parameters,).

    Example:
        >>> from covstudio.covariance import DummyMatrix, CovariancePropagation, ScalarMatrix, Sum
        >>> from covstudio.reml.search.coordinates import classify
        >>> from covstudio.reml.problem.problem import prepare
        >>> gen = CovariancePropagation(z=DummyMatrix(["a", "b", "a"]), g=ScalarMatrix(2))
        >>> v = Sum(gen=gen, units=ScalarMatrix(3))
        >>> variance = Variance(v)
        >>> values = neutral(variance)
        >>> data_start(prepare([1.0, 2.0, 6.0], [[1.0]] * 3), variance, values, classify(variance, values))
        array([3.5, 3.5])
    """
    natural = natural.copy()
    looking = WrittenProbe(variance) if probe is None else probe
    by_position = {c.position: c for c in coordinates}
    for coordinate in ranges(coordinates):
        natural[coordinate.position] = _informative(looking, natural, coordinate)
    scaled = []
    for term in variance.terms:
        own = [by_position[k] for k in term.span if k in by_position and by_position[k].degree]
        if own:
            scaled.append((term.positions, own))
    for positions, own in scaled:
        _balance(natural, own)
        _spread(looking, natural, positions, own, problem.residual_variance / len(scaled))
    return natural


def neutral(variance: Variance) -> Vector:
    """The model's defaults, with correlations inside their range and off 0, and variances above 0.

    Example:
        >>> from covstudio.covariance import AR1Matrix
        >>> neutral(Variance(AR1Matrix(3)))
        array([1. , 0.3])
    """
    natural = variance.defaults.copy()
    for k in variance.estimated:
        low, high = variance.bounds(k)
        if np.isfinite(low) and np.isfinite(high):
            if abs(natural[k]) < 1e-12 or not low < natural[k] < high:
                natural[k] = CORRELATION_START * high if high > 0.0 > low else 0.5 * (low + high)
        elif low == 0.0 and not np.isfinite(high) and not 0.0 < natural[k] < np.inf:
            natural[k] = 1.0
    return natural


def ranges(coordinates: Sequence[Coordinate]) -> list[Coordinate]:
    """The parameters that do not scale V, such as ranges: their likelihood may have more than one maximum.

    Example:
        >>> from covstudio.covariance import ExponentialMatrix
        >>> from covstudio.reml.search.coordinates import classify
        >>> model = Variance(ExponentialMatrix([[0.0], [1.0], [3.0]]))
        >>> [c.name for c in ranges(classify(model, model.defaults))]
        ['range']
    """
    return [c for c in coordinates if c.kind is Kind.SCALE and c.degree == 0 and c.low == 0.0]


def tuned(engine: Engine, point: Point, coordinates: Sequence[Coordinate]) -> Point:
    """The best of a few values of every range, at the best scale of V.

    A start near a poor maximum, such as a field too short to tell from a nugget, would stay there.

    Args:
        engine: evaluates the likelihood.
        point: the start so far.
        coordinates: the estimated parameters.
    """
    for c in ranges(coordinates):
        base = float(point.natural[c.position])
        for factor in RANGE_TRIES if base > 0.0 else ():
            natural = point.natural.copy()
            natural[c.position] = base * factor
            other = engine.at(natural)
            if other is not None and _at_best_scale(engine, other) > _at_best_scale(engine, point):
                point = other
    return point


def _at_best_scale(engine: Engine, point: Point) -> float:
    """The kernel after the best change of scale of V, whether or not its parameters allow it."""
    degrees = engine.residual_degrees
    return point.kernel + 0.5 * (point.quadratic - degrees * (1.0 + math.log(point.quadratic / degrees)))


def _informative(probe: Probe, natural: Vector, coordinate: Coordinate) -> float:
    """The value of a range at which V changes most with its logarithm, relative to its own size.

    The default when that is nearly as good.
    """
    k = coordinate.position
    default = float(natural[k])
    candidates = default * 4.0 ** np.arange(-RANGE_LOOKS, RANGE_LOOKS + 1)
    at = natural.copy()
    change = []
    for candidate in candidates:
        at[k] = candidate
        whole = float(torch.linalg.vector_norm(probe.value(at)))
        size = candidate * float(torch.linalg.vector_norm(probe.slice(at, k))) / whole if whole > 0.0 else 0.0
        change.append(size if np.isfinite(size) else 0.0)
    best = int(np.argmax(change))
    return default if change[RANGE_LOOKS] >= RANGE_DEFAULT * change[best] else float(candidates[best])


def _balance(natural: Vector, coordinates: list[Coordinate]) -> None:
    """Let every parameter that scales a term contribute 1 to the rows it reaches."""
    for c in coordinates:
        if c.unit > 0.0 and c.kind is not Kind.FREE:
            natural[c.position] = (1.0 / c.unit) ** (1.0 / c.degree)


def _spread(
    probe: Probe, natural: Vector, positions: list[int], coordinates: list[Coordinate], target: float
) -> None:
    """Scale a term until its mean diagonal is `target`.

    Leave it where its parameters do not scale it together.
    """
    without = natural.copy()
    for c in coordinates:
        # A logarithm may stand behind a scale: as good as 0, without being it.
        without[c.position] = np.finfo(np.float64).tiny if c.kind is Kind.SCALE else 0.0
    constant = probe.mean_diagonal(without, positions)
    own = probe.mean_diagonal(natural, positions) - constant
    if not (np.isfinite(own) and own > 0.0):
        return
    proposal = natural.copy()
    for c in coordinates:
        proposal[c.position] *= (target / own) ** (1.0 / c.degree)
    if abs(probe.mean_diagonal(proposal, positions) - constant - target) <= 1e-6 * target:
        natural[:] = proposal
