"""The working parameters of the search: the scale on which each moves, and how far it may go in one step.

A SCALE moves on its logarithm, everything else on the natural scale (see `coordinates`), until steps are cut
short along a ridge: then `logarithms` has variances and correlations move on logarithms too, and those that
run off go as far as a reach, one for all of them, that grows with every step that went the whole way and
shrinks with every one that was cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.search.constants import (
    DIAGONAL_KEEPS,
    FIRST_REACH,
    INERT,
    INTERVAL_AT_END,
    INTERVAL_SHARE,
    INTERVAL_WAY,
    LONGEST_REACH,
    NEGLIGIBLE,
    RANGE_STEP,
    REACH_GROWS,
    REACHED,
    SCALE_DOWN,
    SCALE_UP,
    SHORTEST_REACH,
    STILL,
    VARIANCE_GROWS,
    VARIANCE_KEEPS,
    VARIANCE_OF_V,
)
from covstudio.reml.search.coordinates import Coordinate, Kind
from covstudio.reml.search.scales import Scale

__all__ = ["Working"]

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Working:
    """Natural values of the estimated parameters as points of the search's working space.

    All arrays have one entry per coordinate.

    Args:
        coordinates: the estimated parameters.
        bent: which variances move on their logarithm, and which intervals' parameters on the logarithm of
            the ratio of their distances from the ends; None for none.
        far: which parameters may go as far as `reach` in one step.
        reach: how far, on the logarithm.

    Example:
        >>> variance = Coordinate(0, "sigma^2", Kind.VARIANCE, 0.0, math.inf, 1, 1.0, False)
        >>> rho = Coordinate(1, "rho", Kind.INTERVAL, -1.0, 1.0, 0, 0.0, False)
        >>> plain = Working([variance, rho])
        >>> plain.move(np.array([5.0, 0.9]), np.array([5.0, 0.05]))
        array([10.  ,  0.95])
        >>> ridge = Working([variance, rho], [True, True], [True, True])
        >>> ridge.move(np.array([5.0, 0.9]), np.array([math.log(10.0), math.log(10.0)]))
        array([50.       ,  0.9895288])
    """

    def __init__(
        self,
        coordinates: Sequence[Coordinate],
        bent: Sequence[bool] | None = None,
        far: Sequence[bool] | None = None,
        reach: float = FIRST_REACH,
    ) -> None:
        self.coordinates = list(coordinates)
        count = len(self.coordinates)
        self.low = np.array([c.low for c in coordinates], dtype=np.float64)
        self.high = np.array([c.high for c in coordinates], dtype=np.float64)
        self.bent = (False,) * count if bent is None else tuple(bent)
        self.reach = reach
        self._far = np.zeros(count, dtype=np.bool_) if far is None else np.array(far, dtype=np.bool_)
        # What 1 is to each parameter, itself or beside V; nothing says how large a free one might be: exactly
        # none, then.
        self._size = np.array([_own_size(c) for c in coordinates], dtype=np.float64)
        self._unit = np.array(
            [c.unit if c.kind is Kind.VARIANCE and c.unit > 0.0 else 0.0 for c in coordinates],
            dtype=np.float64,
        )
        self._pinnable = [(i, c) for i, c in enumerate(self.coordinates) if c.kind is Kind.SCALE]
        self._scaled = [
            (i, _scale(c)) for i, c in enumerate(self.coordinates) if c.kind is Kind.SCALE or self.bent[i]
        ]

    # -- the scales -----------------------------------------------------------------------------------------

    @property
    def follows(self) -> bool:
        """Whether parameters move on logarithms that move in natural values otherwise."""
        return any(self.bent)

    def logarithmic(self, i: int) -> bool:
        """Whether the i-th parameter moves on a logarithm."""
        return self.bent[i] or self.coordinates[i].kind is Kind.SCALE

    def working(self, values: Vector) -> Vector:
        """Working values; infinite where a scale stands at an end."""
        moved = values.copy()
        for i, scale in self._scaled:
            moved[i] = scale.to(float(values[i]))
        return moved

    def slope(self, values: Vector) -> Vector:
        """d natural / d working."""
        slope = np.ones(len(values))
        for i, scale in self._scaled:
            slope[i] = scale.rate(float(values[i]))
        return slope

    def move(self, values: Vector, step: Vector) -> Vector:
        """Natural values after a step in working parameters."""
        moved = values + step
        for i, scale in self._scaled:
            moved[i] = scale.move(float(values[i]), float(step[i]))
        return np.minimum(np.maximum(moved, self.low), self.high)

    # -- what may move --------------------------------------------------------------------------------------

    def at_end(self, values: Vector) -> Flags:
        """Which values stand at an end of their range."""
        return np.asarray((values == self.low) | (values == self.high), dtype=np.bool_)

    def outward(self, values: Vector, score: Vector) -> Flags:
        """Which values stand at an end of their range with a score that does not lead away from it.

        Args:
            values: natural values.
            score: score with respect to working parameters.
        """
        low, high = values <= self.low, values >= self.high
        if not (low.any() or high.any()):
            return low
        return np.asarray((low & (score <= 0.0)) | (high & (score >= 0.0)), dtype=np.bool_)

    def pinned(self, values: Vector) -> Flags:
        """Which scales stand at an end of their range, where their logarithm is infinite."""
        flags = np.zeros(len(values), dtype=np.bool_)
        for i, c in self._pinnable:
            flags[i] = values[i] in (c.low, c.high)
        return flags

    def inert(self, values: Vector, score: Vector, information: Vector, total: float) -> Flags:
        """Which parameters the likelihood does not depend on, up to rounding.

        Such is a correlation whose variance is 0.

        Information alone does not tell: in ML the fixed effects can take up all that a variance does to y,
        and leave what it does to |V|.

        Args:
            values: natural values.
            score: score with respect to working parameters.
            information: diagonal of the average information with respect to working parameters.
            total: mean diagonal of V.
        """
        size = self._size + self._unit / total if total > 0.0 else self._size
        flags = np.asarray((information <= INERT * size**2) & (np.abs(score) <= STILL * size), dtype=np.bool_)
        if self.follows:
            # What runs off has less and less information about its logarithm.
            flags[list(self.bent)] = False
        return flags

    def shares(self, values: Vector) -> Vector:
        """What each parameter contributes to the diagonal of V."""
        return np.array(
            [c.contribution(v) for c, v in zip(self.coordinates, values.tolist(), strict=True)],
            dtype=np.float64,
        )

    def negligible(self, values: Vector, i: int, total: float) -> bool:
        """Whether a parameter contributes so little to the mean diagonal of V that zero is worth a try."""
        return bool(self.low[i] == 0.0 and self.shares(values)[i] < NEGLIGIBLE * total)

    # -- how far --------------------------------------------------------------------------------------------

    def box(self, values: Vector, moves: Flags, total: float) -> tuple[Vector, Vector]:
        """How far each working parameter may move in one step.

        No variance loses more than 98 % of itself, one with a diagonal slice 90 %; below 1e-4 of V's mean
        diagonal it may go to zero. A correlation goes at most 90 % of the way to an end of its range, and
        an end it all but stands at it may reach. On a logarithm it is `FIRST_REACH` either way, and for what
        runs off the reach.

        Args:
            values: natural values.
            moves: which parameters may move at all.
            total: mean diagonal of V.

        Returns:
            Lower and upper bounds of the step.
        """
        count = len(values)
        low, high = np.full(count, -np.inf), np.full(count, np.inf)
        shares = self.shares(values)
        for i, c in enumerate(self.coordinates):
            if not moves[i]:
                low[i] = high[i] = 0.0
            elif self.bent[i]:
                low[i], high[i] = -FIRST_REACH, FIRST_REACH
            else:
                low[i], high[i] = _room(c, float(values[i]), float(shares[i]), total)
        far = self._far & moves
        low[far], high[far] = -self.reach, self.reach
        return low, high

    def went(self, step: Vector, share: float) -> None:
        """Let the reach shrink with a step that was cut to a share, or grow with one as long as it."""
        if share < 1.0:
            self.reach = max(share * self.reach, SHORTEST_REACH)
        elif bool((np.abs(step[self._far]) > REACHED * self.reach).any()):
            self.reach = min(REACH_GROWS * self.reach, LONGEST_REACH)

    def within(self, room: float) -> None:
        """Go no further than this in the next step, however far the last one went."""
        self.reach = min(self.reach, max(room, SHORTEST_REACH))

    def checked(self, values: Vector) -> Working:
        """The same, with natural values for what has arrived at an end."""
        ended = self.at_end(values)
        if not any(ended[i] for i, flag in enumerate(self.bent) if flag):
            return self
        bent = [flag and not end for flag, end in zip(self.bent, ended.tolist(), strict=True)]
        if not any(bent):
            return Working(self.coordinates)
        return Working(self.coordinates, bent, (self._far & ~ended).tolist(), self.reach)


def _scale(c: Coordinate) -> Scale:
    """The logarithm of a parameter: of its distance from an end, or of the ratio of those from both."""
    if c.kind is Kind.INTERVAL:
        return Scale("logit", c.low, c.high)
    return Scale("log", c.low) if math.isfinite(c.low) else Scale("log below", -math.inf, c.high)


def _room(c: Coordinate, value: float, share: float, total: float) -> tuple[float, float]:
    """How far a parameter may go down and up, from where it contributes so much to the mean diagonal of V."""
    if c.kind is Kind.VARIANCE:
        keep = 0.0 if share < NEGLIGIBLE * total else (DIAGONAL_KEEPS if c.diagonal else VARIANCE_KEEPS)
        most = VARIANCE_OF_V * total / c.unit if c.unit > 0.0 else math.inf
        return -(1.0 - keep) * value, max(VARIANCE_GROWS * value, most)
    if c.kind is Kind.INTERVAL:
        width = c.high - c.low

        def way(left: float) -> float:
            return min(
                left if left < INTERVAL_AT_END * width else INTERVAL_WAY * left, INTERVAL_SHARE * width
            )

        return -way(value - c.low), way(c.high - value)
    if c.kind is Kind.SCALE:
        return (-SCALE_DOWN, SCALE_UP) if c.degree else (-RANGE_STEP, RANGE_STEP)
    return -math.inf, math.inf


def _own_size(c: Coordinate) -> float:
    """Over the size of a parameter that has one of its own, whatever V is; else 0."""
    if c.kind is Kind.INTERVAL:
        return 1.0 / (c.high - c.low)
    return 1.0 if c.kind is Kind.SCALE else 0.0
