r"""Correlations held near 1, while the variance that they belong to is estimated.

In :math:`V = \sigma^2R(\rho)` with rho near 1 what is singular is :math:`\sigma^2(1 - \rho)`, the part that
differs within a group. To hold rho is to let sigma^2 take this part along, and a data set without it would
pull sigma^2 to 0. Held is therefore the product, and rho goes with sigma^2:

.. math:: 1 - \rho = u / S(\theta), \qquad \frac{\partial\ell}{\partial\theta_k}\Big|_u
          = s_k + s_\rho\,\frac{1 - \rho}{S}\frac{\partial S}{\partial\theta_k},

with S the sum of what the variances of rho's term contribute to the diagonal of V, so that c V has c S. Of a
range r held at a large value the same goes for :math:`\sigma^2 / r^\kappa`, with kappa the power of the
distance with which its correlation leaves 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.problem.likelihood import Derivatives, Engine, Point
from covstudio.reml.search.coordinates import Coordinate

__all__ = ["Tie", "TiedEngine", "TiedPoint"]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Tie:
    """A correlation or a range, the variances that scale its term, and the product that is held.

    Attributes:
        correlation: it.
        end: the end of its range that it is near.
        scales: the variances.
        product: S times the distance from the end; for a range S over its power.
        power: of the distance; of one over a range.
    """

    correlation: Coordinate
    end: float
    scales: tuple[Coordinate, ...]
    product: float
    power: float = 1.0

    @classmethod
    def at(
        cls, natural: Vector, correlation: Coordinate, scales: Sequence[Coordinate], power: float = 1.0
    ) -> Tie:
        """The tie that natural values of all parameters agree with."""
        value = float(natural[correlation.position])
        end = math.inf if correlation.is_range else correlation.nearest_end(value)
        left = 1.0 / value if correlation.is_range else abs(end - value)
        return cls(correlation, end, tuple(scales), _scale(natural, scales) * left**power, power)

    def left(self, natural: Vector) -> float:
        """The distance from the end that goes with the variances; for a range one over it."""
        left = (self.product / _scale(natural, self.scales)) ** (1.0 / self.power)
        return float(min(left, 0.5 * (self.correlation.high - self.correlation.low)))

    def value(self, natural: Vector) -> float:
        """The correlation, or the range, that goes with the variances."""
        left = self.left(natural)
        if self.correlation.is_range:
            return 1.0 / left
        return self.end - left if self.end == self.correlation.high else self.end + left

    def slopes(self, natural: Vector, positions: Sequence[int]) -> Vector:
        """d correlation / d natural values at these positions."""
        out = np.zeros(len(positions))
        left = self.left(natural)
        towards = 1.0 if self.end == self.correlation.high else -1.0
        rate = (1.0 / left if self.correlation.is_range else towards * left) / self.power
        rate /= _scale(natural, self.scales)
        for c in self.scales:
            if c.position in positions:
                value = float(natural[c.position])
                slope = c.unit * c.degree * abs(value) ** (c.degree - 1) * np.sign(value)
                out[list(positions).index(c.position)] = rate * slope
        return out


def _scale(natural: Vector, scales: Sequence[Coordinate]) -> float:
    return sum(c.contribution(float(natural[c.position])) for c in scales)


class TiedEngine:
    """An engine whose correlations follow their variances.

    Args:
        engine: evaluates the likelihood.
        ties: what is held.
    """

    def __init__(self, engine: Engine, ties: Sequence[Tie]) -> None:
        self._engine, self._ties = engine, tuple(ties)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def at(self, natural: Vector) -> Point | None:
        """The likelihood at these natural values, the correlations being those that go with the variances."""
        moved = natural.copy()
        for tie in self._ties:
            if not _scale(natural, tie.scales) > 0.0:
                return None
            moved[tie.correlation.position] = tie.value(natural)
        point = self._engine.at(moved)
        return None if point is None else self.tied(point)

    def tied(self, point: Point) -> Point:
        """A point that agrees with the ties, with derivatives along them."""
        return TiedPoint(point, self._ties)


class TiedPoint:
    """The likelihood at one value of the parameters, with derivatives by what is not tied.

    Args:
        point: the likelihood there.
        ties: what is held.
    """

    def __init__(self, point: Point, ties: Sequence[Tie]) -> None:
        self._point, self._ties = point, tuple(ties)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._point, name)

    def derivatives(self, positions: Sequence[int]) -> Derivatives:
        """Score and average information; a variance takes its correlation along."""
        natural = self._point.natural
        asked = list(dict.fromkeys([*positions, *(tie.correlation.position for tie in self._ties)]))
        along = np.zeros((len(asked), len(positions)))
        along[: len(positions)] = np.eye(len(positions))
        for tie in self._ties:
            along[asked.index(tie.correlation.position)] += tie.slopes(natural, positions)
        found = self._point.derivatives(asked)
        return Derivatives(along.T @ found.score, along.T @ found.information @ along)
