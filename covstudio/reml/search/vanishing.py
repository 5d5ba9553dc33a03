r"""Parameters so close to 0 that V is all but singular.

Where y, or a combination of its rows, is told exactly by what else V and X have, the log-likelihood has
:math:`-\tfrac k2\log\sigma^2` in it, with k the number of combinations that are told so, and nothing that
takes it back: a residual variance goes to 0, or the last diagonal entries of a Cholesky factor of which there
are more than the data can fill. Or almost exactly: then there is a maximum, where the likelihood has lost its
figures. Either way no step raises it any more, and other parameters cannot be told. Such a parameter is put
back to where the likelihood has its figures again, the others are estimated beside it, and in the end it
returns to where it had gone to; what the likelihood gains on the way says which of the two it is.

Sources: Harville (1977), JASA 72:320, section 5, for likelihoods without a maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.search.constants import APPROACH, BACK, ENDLESS, NEGLIGIBLE, ROUGH, TREMBLE
from covstudio.reml.search.coordinates import Coordinate, Kind

__all__ = ["Vanishing", "put_back", "returned", "roughness"]


@dataclass(frozen=True)
class Vanishing:
    """A parameter that has come so close to 0 that V is all but singular.

    Attributes:
        place: among the coordinates.
        value: where it had gone to.
    """

    place: int
    value: float


def put_back(
    engine: Engine, coordinates: Sequence[Coordinate], point: Point, moves: NDArray[np.bool_]
) -> tuple[Vanishing, Point] | None:
    """The parameter that makes V all but singular, and the point with it back where V is not.

    None where no single parameter makes it so. Of several it is the one that
    contributes least to V.

    Args:
        engine: evaluates the likelihood.
        coordinates: the estimated parameters.
        point: where no step raises the likelihood.
        moves: which parameters may move.
    """
    candidates = [
        (c.contribution(float(point.natural[c.position])), i)
        for i, c in enumerate(coordinates)
        if moves[i] and c.degree and c.low == 0.0 and c.kind is not Kind.FREE
    ]
    for share, i in sorted(candidates):
        if share > NEGLIGIBLE * point.mean_diagonal or _with(engine, point, coordinates[i], 0.0) is not None:
            continue
        for factor in BACK:
            there = _with(engine, point, coordinates[i], factor)
            if there is not None and roughness(engine, there) < ROUGH:
                return Vanishing(i, float(point.natural[coordinates[i].position])), there
    return None


def returned(
    engine: Engine, coordinates: Sequence[Coordinate], point: Point, gone: Sequence[Vanishing]
) -> tuple[Point, tuple[int, ...]]:
    """The point with parameters where they had gone to, and the places of those that go on without end.

    Args:
        engine: evaluates the likelihood.
        coordinates: the estimated parameters.
        point: the maximum beside them.
        gone: what was put back.
    """
    natural = point.natural.copy()
    for one in gone:
        natural[coordinates[one.place].position] = one.value
    there = engine.at(natural)
    if there is None:
        return point, tuple(one.place for one in gone)
    endless = [one.place for one in gone if _rises_without_end(engine, there, coordinates[one.place])]
    return there, tuple(endless)


def _rises_without_end(engine: Engine, point: Point, c: Coordinate) -> bool:
    """Whether the likelihood gained as much on the last part of the way to 0 as on the part before."""
    near, far = (_with(engine, point, c, factor) for factor in APPROACH)
    if near is None or far is None:
        return True
    return point.kernel - near.kernel > ENDLESS * (near.kernel - far.kernel)


def _with(engine: Engine, point: Point, c: Coordinate, factor: float) -> Point | None:
    """The point with so many times the parameter's part of V."""
    natural = point.natural.copy()
    natural[c.position] *= factor ** (1.0 / c.degree)
    return engine.at(natural)


def roughness(engine: Engine, point: Point) -> float:
    """Rounding error of the log-likelihood, seen where it should not change; infinite at the edge of V.

    Args:
        engine: evaluates the likelihood.
        point: where.
    """
    count, worst = len(point.natural), 0.0
    for signs in ([1.0], [-1.0], [1.0, -1.0], [-1.0, 1.0]):
        there = engine.at(point.natural * (1.0 + TREMBLE * np.resize(signs, count)))
        worst = max(worst, abs(there.kernel - point.kernel) if there is not None else np.inf)
    return worst
