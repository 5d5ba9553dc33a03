r"""Restarts where the score vanishes but the maximum may lie elsewhere.

A vanishing score is not enough in three places: a scale that stands at 0 has no derivative there (V depends
on its square); a range so short or long that V no longer depends on it; and a variance of 0, under which
its own correlations mean nothing and may have been left where they spoil its score. For each there are
points just off that place, at which the likelihood is looked at, once, at the end of a fit.

On the way a scale that a step has cut down far is looked after: the sign of some is kept positive by
convention only (`linalg.sign_symmetry`), and the likelihood may rise on the far side of 0; or 0 itself costs
nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.search.constants import (
    AT_ZERO,
    AWAKE,
    AWAKE_CORRELATIONS,
    LOOKED_AT,
    OFF_ZERO,
    RANGE_FLAT,
    RANGE_POWERS,
    RESTART_GAIN,
    RESTARTS,
    SHRINKING,
)
from covstudio.reml.search.coordinates import Coordinate, Kind
from covstudio.reml.search.outcome import Local, Trial, rounding_error
from covstudio.reml.search.working import Working

__all__ = ["Restarts"]

Vector = NDArray[np.float64]


class Restarts:
    """Looks off the places where derivatives do not help.

    Args:
        coordinates: the estimated parameters.
        mirrors: sign conventions, by name (see `linalg.sign_symmetry`).
        terms: positions of the parameters of every term of the outer sum.
        names: all parameters of V.
        change: how much V changes with a parameter, natural values of all and its position; None where
            nobody tells.
    """

    def __init__(
        self,
        coordinates: Sequence[Coordinate],
        mirrors: Mapping[str, Sequence[str]],
        terms: Sequence[Sequence[int]],
        names: Sequence[str],
        change: Callable[[Vector, int], float] | None = None,
    ) -> None:
        self.coordinates = list(coordinates)
        place = {name: k for k, name in enumerate(names)}
        movable = {c.position for c in coordinates}
        self._mirrored: dict[int, list[int]] = {}
        for name, others in mirrors.items():
            positions = [place[other] for other in others]
            if place[name] in movable and positions and movable.issuperset(positions):
                self._mirrored[place[name]] = positions
        self._mates: dict[int, list[Coordinate]] = {}
        for members in terms:
            for k in members:
                self._mates[k] = [c for c in coordinates if c.position in members and c.position != k]
        self._change = change
        self._taken = 0

    def scales(self, c: Coordinate) -> tuple[Coordinate, ...]:
        """The variances, or their roots, that scale the term of a correlation; none where they are known."""
        mates = self._mates.get(c.position, [])
        return tuple(m for m in mates if m.degree and m.unit > 0.0 and m.kind is not Kind.FREE)

    def power(self, c: Coordinate, natural: Vector) -> float | None:
        """With which power of its distance from the end the part of V vanishes that goes with a parameter.

        That of a correlation is 1; of a range, with one over it for the distance, it is seen in V.

        Args:
            c: a parameter, where a range began in its `unit`.
            natural: natural values of all parameters.
        """
        if c.kind is Kind.INTERVAL:
            return 1.0
        if not c.is_range or self._change is None:
            return None
        sizes = []
        for left in (LOOKED_AT, 4.0 * LOOKED_AT):
            there = natural.copy()
            there[c.position] = c.unit / left
            sizes.append(self._change(there, c.position) * float(there[c.position]))
        if not (all(map(math.isfinite, sizes)) and min(sizes) > 0.0):
            return None
        seen = math.log(sizes[1] / sizes[0]) / math.log(4.0)
        # The double of the smoothness, which is half of a whole number in most.
        near = round(2.0 * seen) / 2.0
        return near if near > 0.0 and abs(seen - near) < 1e-3 else None

    # -- on the way -----------------------------------------------------------------------------------------

    def settle(self, engine: Engine, working: Working, trial: Trial, local: Local) -> Point:
        """The point of a step, or one beside it where the step has cut scales down.

        They cross to the far side of 0, or go to exactly 0, if that costs nothing.

        Args:
            engine: evaluates the likelihood.
            working: the working parameters of the step.
            trial: the step.
            local: the quadratic model that it began with.
        """
        point, positions = trial.point, [c.position for c in self.coordinates]
        for i, c in enumerate(self.coordinates):
            shrunk = local.moves[i] and c.kind is Kind.SCALE and trial.share * trial.step[i] < -SHRINKING
            if not shrunk:
                continue
            if not c.degree:
                if c.low == 0.0 and local.information[i, i] < RANGE_FLAT:
                    point = _at_zero(engine, point, c)
                continue
            across = self.across(point.natural, c.position)
            if across is not None:
                beyond = engine.at(across)
                if beyond is not None and beyond.kernel > point.kernel + rounding_error(point):
                    point = beyond
                    continue
            if working.negligible(point.natural[positions], i, point.mean_diagonal):
                point = _at_zero(engine, point, c)
        return point

    def across(self, natural: Vector, position: int) -> Vector | None:
        """The point on the far side of a scale that is kept positive by convention.

        None where there is no such side.
        """
        others = self._mirrored.get(position)
        if not others or not natural[others].any():
            return None
        proposal = natural.copy()
        proposal[others] *= -1.0
        return proposal

    # -- at the end -----------------------------------------------------------------------------------------

    def better(self, engine: Engine, point: Point, inert: Sequence[bool]) -> Point | None:
        """A better point off a place where the score vanishes for want of a derivative.

        None where there is none, or where the search has gone on from such points often enough.
        """
        if self._taken >= RESTARTS:
            return None
        for natural in self.away(point.natural, inert, point.mean_diagonal):
            trial = engine.at(natural)
            if trial is not None and trial.kernel > point.kernel + RESTART_GAIN * rounding_error(point):
                self._taken += 1
                return trial
        return None

    def away(self, natural: Vector, inert: Sequence[bool], total: float) -> Iterator[Vector]:
        """Points worth a look before the search ends.

        Args:
            natural: values of all parameters, where the score vanishes.
            inert: for every coordinate, whether V does not depend on it here.
            total: mean diagonal of V.

        Yields:
            Values of all parameters.
        """
        still = {c.position for c, flag in zip(self.coordinates, inert, strict=True) if flag}
        for c in self.coordinates:
            value = float(natural[c.position])
            if c.kind is Kind.SCALE and c.degree:
                if c.unit > 0.0 and c.low == 0.0 and c.contribution(value) <= AT_ZERO * total:
                    yield from self._off_zero(natural, c, total)
            elif c.kind is Kind.SCALE:
                if c.low == 0.0 and (c.position in still or not value):
                    yield from _other_ranges(natural, c)
            elif c.kind is Kind.VARIANCE and value == 0.0 and c.unit > 0.0:
                yield from self._awake(natural, c, still, total)

    def _off_zero(self, natural: Vector, c: Coordinate, total: float) -> Iterator[Vector]:
        """A scale off 0, on both sides."""
        for share in OFF_ZERO:
            proposal = natural.copy()
            proposal[c.position] = (share * total / c.unit) ** (1.0 / c.degree)
            yield proposal
            across = self.across(proposal, c.position)
            if across is not None:
                yield across

    def _awake(self, natural: Vector, c: Coordinate, still: set[int], total: float) -> Iterator[Vector]:
        """A variance off 0, with the correlations that mean nothing under it elsewhere."""
        mates = [
            m for m in self._mates.get(c.position, []) if m.position in still and m.kind is Kind.INTERVAL
        ]
        for reach in AWAKE_CORRELATIONS if mates else ():
            proposal = natural.copy()
            proposal[c.position] = AWAKE * total / c.unit
            for mate in mates:
                proposal[mate.position] = reach * (mate.high if mate.high > 0.0 else mate.low)
            yield proposal


def _other_ranges(natural: Vector, c: Coordinate) -> Iterator[Vector]:
    value = float(natural[c.position])
    base = value if 0.0 < value < np.inf else 1.0
    for power in RANGE_POWERS:
        proposal = natural.copy()
        proposal[c.position] = base * 4.0**power
        yield proposal


def _at_zero(engine: Engine, point: Point, c: Coordinate) -> Point:
    """The point with this parameter at exactly 0, if that costs nothing."""
    natural = point.natural.copy()
    natural[c.position] = 0.0
    zero = engine.at(natural)
    return zero if zero is not None and zero.kernel >= point.kernel - rounding_error(point) else point
