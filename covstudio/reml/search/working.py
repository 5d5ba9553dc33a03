"""The working parameters of the optimiser: their natural values, and how far they may go in one step.

A SCALE works on the log scale, everything else on the natural one (see `coordinates`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.search.coordinates import Coordinate, Kind

__all__ = ["Geometry"]

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Below this share of the mean diagonal of V a variance may go to exactly zero.
NEGLIGIBLE = 1e-4
#: Information below this, for a parameter measured in units of its own size, is rounding error: V does not
#: depend on it.
INERT = 1e-20
#: Likewise for its score, in the same units.
STILL = 1e-8


class Geometry:
    """Natural values of the estimated parameters as points of the optimiser's working space.

    All arrays have one entry per coordinate.

    Args:
        coordinates: the estimated parameters.
    """

    def __init__(self, coordinates: Sequence[Coordinate]) -> None:
        self.coordinates = list(coordinates)
        self.low = np.array([c.low for c in coordinates], dtype=np.float64)
        self.high = np.array([c.high for c in coordinates], dtype=np.float64)
        # What 1 is to each parameter, itself or beside V; nothing says how large a free one might be: exactly
        # none, then.
        self._size = np.array([_own_size(c) for c in coordinates], dtype=np.float64)
        self._unit = np.array(
            [c.unit if c.kind is Kind.VARIANCE and c.unit > 0.0 else 0.0 for c in coordinates],
            dtype=np.float64,
        )
        self._scales = [(i, c) for i, c in enumerate(self.coordinates) if c.kind is Kind.SCALE]

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
        for i, c in self._scales:
            flags[i] = values[i] in (c.low, c.high)
        return flags

    def shares(self, values: Vector) -> Vector:
        """What each parameter contributes to the diagonal of V."""
        return np.array(
            [c.contribution(v) for c, v in zip(self.coordinates, values.tolist(), strict=True)],
            dtype=np.float64,
        )

    def working(self, values: Vector) -> Vector:
        """Working values; infinite where a scale stands at an end."""
        moved = values.copy()
        for i, c in self._scales:
            away = values[i] - c.low if math.isfinite(c.low) else c.high - values[i]
            size = math.log(away) if away > 0.0 else -math.inf
            moved[i] = size if math.isfinite(c.low) else -size
        return moved

    def slope(self, values: Vector) -> Vector:
        """d natural / d working."""
        slope = np.ones(len(values))
        for i, c in self._scales:
            slope[i] = values[i] - c.low if math.isfinite(c.low) else c.high - values[i]
        return slope

    def move(self, values: Vector, step: Vector) -> Vector:
        """Natural values after a step in working parameters."""
        moved = values + step
        for i, c in self._scales:
            if math.isfinite(c.low):
                moved[i] = c.low + (values[i] - c.low) * math.exp(step[i])
            else:
                moved[i] = c.high - (c.high - values[i]) * math.exp(-step[i])
        return np.minimum(np.maximum(moved, self.low), self.high)

    def box(self, values: Vector, moves: Flags, total: float) -> tuple[Vector, Vector]:
        """How far each working parameter may move in one step.

        No variance loses more than 98 % of itself, one with a diagonal slice 90 %; below 1e-4 of V's mean
        diagonal it may go to zero. A correlation goes at most 90 % of the way to an end of its range, and
        an end it all but stands at it may reach.

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
            value = float(values[i])
            if not moves[i]:
                low[i] = high[i] = 0.0
            elif c.kind is Kind.VARIANCE:
                keep = 0.0 if shares[i] < NEGLIGIBLE * total else (0.1 if c.diagonal else 0.02)
                low[i] = -(1.0 - keep) * value
                high[i] = max(9.0 * value, 10.0 * total / c.unit if c.unit > 0.0 else math.inf)
            elif c.kind is Kind.INTERVAL:
                width = c.high - c.low
                below, above = value - c.low, c.high - value
                low[i] = -min(below if below < 1e-4 * width else 0.9 * below, 0.25 * width)
                high[i] = min(above if above < 1e-4 * width else 0.9 * above, 0.25 * width)
            elif c.kind is Kind.SCALE:
                low[i], high[i] = (-math.log(50.0), math.log(10.0)) if c.degree else (-2.0, 2.0)
        return low, high

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
        return np.asarray((information <= INERT * size**2) & (np.abs(score) <= STILL * size), dtype=np.bool_)

    def negligible(self, values: Vector, i: int, total: float) -> bool:
        """Whether a parameter contributes so little to the mean diagonal of V that zero is worth a try."""
        return bool(self.low[i] == 0.0 and self.shares(values)[i] < NEGLIGIBLE * total)


def _own_size(c: Coordinate) -> float:
    """Over the size of a parameter that has one of its own, whatever V is; else 0."""
    if c.kind is Kind.INTERVAL:
        return 1.0 / (c.high - c.low)
    return 1.0 if c.kind is Kind.SCALE else 0.0
