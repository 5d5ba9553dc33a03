r"""Parameters so close to 0, or to the end of their range, that V is all but singular.

Where y, or a combination of its rows, is told exactly by what else V and X have, the log-likelihood has
:math:`-\tfrac k2\log\sigma^2` in it, with k the number of combinations that are told so, and nothing that
takes it back: a residual variance goes to 0, a correlation to 1, or the last diagonal entries of a Cholesky
factor of which there are more than the data can fill. Or almost exactly: then there is a maximum, where the
likelihood has lost its figures. Either way no step raises it any more, and other parameters cannot be told.
Such a parameter is put back to where V is sound, the others are estimated beside it, and again at each of a
few stages of the way, while the likelihood has its figures. In the end it returns to where it had gone to;
what the likelihood gains on the last part of the way says which of the two it is.

Sources: Harville (1977), JASA 72:320, section 5, for likelihoods without a maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.search.constants import (
    APPROACH,
    AWAY,
    BACK,
    CLOSER,
    ENDLESS,
    LOOKED_AT,
    NEGLIGIBLE,
    ROUGH,
    TREMBLE,
)
from covstudio.reml.search.coordinates import Coordinate, Kind

__all__ = ["Vanishing", "closer", "distance", "put_back", "returned", "roughness"]


@dataclass(frozen=True)
class Vanishing:
    """A parameter that has come so close to an end of its range that V is all but singular.

    Attributes:
        place: among the coordinates.
        left: what was left of the way to the end.
        power: with which power of that the part of V vanishes that goes with it; None where nobody knows.
    """

    place: int
    left: float
    power: float | None = None


def put_back(
    engine: Engine, coordinates: Sequence[Coordinate], point: Point, moves: NDArray[np.bool_]
) -> tuple[list[Vanishing], Point] | None:
    """The few parameters that make V all but singular, and the point with them back where V is not.

    Args:
        engine: evaluates the likelihood.
        coordinates: the estimated parameters.
        point: where no step raises the likelihood.
        moves: which parameters may move.

    Returns:
        None where no parameters are found that make it so.
    """
    near = sorted((_nearness(c, point), i) for i, c in enumerate(coordinates) if moves[i])
    close = [i for share, i in near if 0.0 < share < NEGLIGIBLE]
    close = [i for i in close if _moved(engine, point, {coordinates[i]: 0.0}) is None]
    for count in range(1, len(close) + 1):
        few = close[:count]
        there = _sound(engine, coordinates, point, few)
        if there is None:
            continue
        for i in few[:-1]:
            without = [k for k in few if k != i]
            other = _sound(engine, coordinates, point, without)
            if other is not None:
                few, there = without, other
        return [Vanishing(i, _left(coordinates[i], point)) for i in few], there
    return None


def closer(
    engine: Engine,
    coordinates: Sequence[Coordinate],
    point: Point,
    gone: Sequence[Vanishing],
    held: Callable[[Point], Engine],
) -> Point | None:
    """The point with parameters a part of the way on to where they had gone to; None where V is lost there.

    Args:
        engine: evaluates the likelihood.
        coordinates: the estimated parameters.
        point: the maximum beside them.
        gone: what was put back.
        held: the engine by which others are estimated beside them, from there.
    """
    lefts = {}
    for one in gone:
        c = coordinates[one.place]
        left = max(_times(c, _left(c, point), CLOSER), one.left)
        if left < _left(c, point):
            lefts[c] = left
    there = _moved(engine, point, lefts) if lefts else None
    return there if there is not None and roughness(held(there), there) < ROUGH else None


def returned(
    engine: Engine, coordinates: Sequence[Coordinate], point: Point, gone: Sequence[Vanishing]
) -> tuple[Point, tuple[int, ...]]:
    """The point with parameters where they had gone to, and the places of those that go on without end.

    It is as near to there as V exists.

    Args:
        engine: evaluates the likelihood.
        coordinates: the estimated parameters.
        point: the maximum beside them.
        gone: what was put back.
    """
    found = point
    told = {coordinates[one.place]: _told(engine, point, coordinates[one.place], one.power) for one in gone}
    for factor in (0.0, *BACK):
        lefts = {}
        for one in gone:
            c = coordinates[one.place]
            left = _times(c, one.left, factor) if factor else told[c] or one.left
            # Not beyond where the others were estimated.
            lefts[c] = min(left, _left(c, point))
        there = _moved(engine, point, lefts)
        if there is not None and there.kernel >= point.kernel and roughness(engine, there) < np.inf:
            found = there
            break
    endless = [one.place for one in gone if _rises_without_end(engine, found, coordinates[one.place])]
    return found, tuple(endless)


def _told(engine: Engine, point: Point, c: Coordinate, power: float | None) -> float | None:
    """What the data leave of the way of a correlation to its end; None where that is not seen.

    Near there the part of V that its distance from the end scales has a space of its own, of k dimensions, in
    which the residuals have the sum of squares Q beside it: the maximum is at Q/k times the distance, and Q
    is twice the average information about its logarithm. Where it is looked at, that part has its figures.
    """
    if power is None:
        return None
    left = LOOKED_AT * (1.0 if c.is_range else c.high - c.low)
    there = _moved(engine, point, {c: left}) if left < _left(c, point) else point
    if there is None:
        return None
    left, value, found = _left(c, there), float(there.natural[c.position]), there.derivatives([c.position])
    # d value / d log(left).
    rate = -value if c.is_range else -left if c.nearest_end(value) == c.high else left
    squares = 2.0 * float(found.information[0, 0]) * (rate / power) ** 2
    dimensions = squares - 2.0 * float(found.score[0]) * rate / power
    if not (squares > 0.0 and dimensions > 0.0):
        return None
    return float(left * (squares / dimensions) ** (1.0 / power))


def _rises_without_end(engine: Engine, point: Point, c: Coordinate) -> bool:
    """Whether the likelihood gained as much on the last part of the way to the end as on the one before."""
    near, far = (_moved(engine, point, {c: _times(c, _left(c, point), factor)}) for factor in APPROACH)
    if near is None or far is None:
        return True
    before = near.kernel - far.kernel
    # Where rounding hides it, a maximum cannot be claimed.
    hidden = roughness(engine, point, c) > (1.0 - ENDLESS) * before
    return hidden or point.kernel - near.kernel > ENDLESS * before


def _sound(
    engine: Engine, coordinates: Sequence[Coordinate], point: Point, places: Sequence[int]
) -> Point | None:
    """The point with some parameters well away from their ends; None where V is all but singular still."""
    some = [coordinates[i] for i in places]
    lefts = {c: _times(c, _left(c, point), AWAY / _nearness(c, point)) for c in some}
    there = _moved(engine, point, lefts)
    return there if there is not None and roughness(engine, there) < ROUGH else None


# -- the way to the end of a range ---------------------------------------------------------------------------


def distance(c: Coordinate, natural: NDArray[np.float64]) -> float:
    """Share of its range that is left to a correlation; of a range how many times it is where it began.

    Infinite for anything else.
    """
    if c.is_range:
        return c.unit / float(natural[c.position]) if natural[c.position] else np.inf
    if c.kind is not Kind.INTERVAL:
        return np.inf
    value = float(natural[c.position])
    return abs(value - c.nearest_end(value)) / (c.high - c.low)


def _nearness(c: Coordinate, point: Point) -> float:
    """Share of V that a parameter makes up, or of its range that is left; infinite where there is no end."""
    if c.kind is Kind.INTERVAL or c.is_range:
        return distance(c, point.natural)
    if c.kind is Kind.FREE or not c.degree or c.low != 0.0:
        return np.inf
    return c.contribution(float(point.natural[c.position])) / point.mean_diagonal


def _left(c: Coordinate, point: Point) -> float:
    """What is left of the way to the nearest end; of a range how many times it is where the search began."""
    if c.is_range:
        return c.unit / float(point.natural[c.position])
    return abs(float(point.natural[c.position]) - c.nearest_end(float(point.natural[c.position])))


def _times(c: Coordinate, left: float, factor: float) -> float:
    """What is left of the way to the end where the part of V is so many times as large."""
    if c.kind is Kind.INTERVAL:
        return min(left * factor, 0.5 * (c.high - c.low))
    if c.is_range:
        return left * factor
    return float(left * factor ** (1.0 / c.degree))


def _moved(engine: Engine, point: Point, lefts: Mapping[Coordinate, float]) -> Point | None:
    """The point with so much left of the way to their ends."""
    natural = point.natural.copy()
    for c, left in lefts.items():
        if c.is_range:
            natural[c.position] = c.unit / left if left else np.inf
            continue
        end = c.nearest_end(float(point.natural[c.position]))
        natural[c.position] = end - left if end == c.high else end + left
    return engine.at(natural)


def roughness(engine: Engine, point: Point, near: Coordinate | None = None) -> float:
    """Rounding error of the log-likelihood, seen where it should not change; infinite at the edge of V.

    Args:
        engine: evaluates the likelihood.
        point: where.
        near: a correlation that is so near to its end that its own last digits may change it: it stays, if
            there are others to move.
    """
    worst = 0.0
    stays = near is not None and (near.kind is Kind.INTERVAL or near.is_range) and len(point.natural) > 1
    for moved in ([1.0], [1.0, 0.0], [0.0, 1.0]):
        # Towards 0, so that nothing leaves its range.
        shares = np.resize(moved, len(point.natural))
        if stays and near is not None:
            shares[near.position] = 0.0
        there = engine.at(point.natural * (1.0 - TREMBLE * shares))
        worst = max(worst, abs(there.kernel - point.kernel) if there is not None else np.inf)
    return worst
