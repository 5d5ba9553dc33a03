r"""Steps along a ridge: parameters that run off together move on logarithms.

A strong trend in the data makes the likelihood of a field rise along a ridge: the correlations go to 1, or
the range to infinity, and the variance grows with them, while :math:`\sigma^2(1 - \rho)`, or
:math:`\sigma^2/\text{range}`, stays about the same. In natural values that is a curve: every step leaves it,
is halved, and halved again. In the logarithms of the variance, of the range and of the distance of a
correlation from the end of its range it is a straight line, along which steps may double. So a variance that
runs off moves on its logarithm, and a correlation on

.. math:: \log\frac{\rho - \text{low}}{\text{high} - \rho},

the logarithm of its distance from either end, once it is near that.

Nothing is spent on this before steps have been cut short several times in a row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.search.coordinates import Coordinate, Kind
from covstudio.reml.search.working import Geometry

__all__ = ["Bends", "Stretched", "stretched"]

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: After so many steps in a row that were cut short, look whether parameters run off together.
CUT_SHORT = 3
#: A variance that fell to this share of where its logarithm began goes to 0 sooner without.
FALLEN = 1e-2
#: After so many in logarithms, they do not help.
GIVEN_UP = 6
#: A parameter that changed by less than this, on its logarithm, over these steps does not run off.
STANDING = 0.2
#: Nor does a correlation further than this share of its range from the nearer end.
NEAR_END = 0.25
#: How far logarithms may go in the first step; in any; and at least.
FIRST_REACH, LONGEST_REACH, SHORTEST_REACH = math.log(10.0), math.log(1e4), 0.1


class Stretched(Geometry):
    """Working parameters that let a ridge be straight.

    Args:
        coordinates: the estimated parameters.
        bent: which variances move on their logarithm, and which intervals' parameters on the logarithm of
            the ratio of their distances from the ends.
        far: which parameters may go as far as `reach` in one step.
        reach: how far, on the logarithm.
        least: values below which a logarithm is given up, (K,); None for the ends of the ranges.

    Example:
        >>> variance = Coordinate(0, "sigma^2", Kind.VARIANCE, 0.0, math.inf, 1, 1.0, False)
        >>> rho = Coordinate(1, "rho", Kind.INTERVAL, -1.0, 1.0, 0, 0.0, False)
        >>> ridge = Stretched([variance, rho], [True, True], [True, True], math.log(10.0))
        >>> ridge.move(np.array([5.0, 0.9]), np.array([math.log(10.0), math.log(10.0)]))
        array([50.       ,  0.9895288])
    """

    def __init__(
        self,
        coordinates: Sequence[Coordinate],
        bent: Sequence[bool],
        far: Sequence[bool],
        reach: float,
        least: Vector | None = None,
    ) -> None:
        super().__init__(coordinates)
        self._least = self.low if least is None else least
        self.bent, self.reach = tuple(bent), reach
        self._far = np.array(far, dtype=np.bool_)
        self._own = [(i, c) for i, (c, flag) in enumerate(zip(self.coordinates, bent, strict=True)) if flag]

    def working(self, values: Vector) -> Vector:
        moved = super().working(values)
        for i, c in self._own:
            value = float(values[i])
            moved[i] = math.log(value - c.low)
            if c.kind is Kind.INTERVAL:
                moved[i] -= math.log(c.high - value)
        return moved

    def slope(self, values: Vector) -> Vector:
        slope = super().slope(values)
        for i, c in self._own:
            slope[i] = values[i] - c.low
            if c.kind is Kind.INTERVAL:
                slope[i] *= (c.high - values[i]) / (c.high - c.low)
        return slope

    def move(self, values: Vector, step: Vector) -> Vector:
        moved = super().move(values, step)
        for i, c in self._own:
            below = float(values[i]) - c.low
            if c.kind is Kind.INTERVAL:
                # From the nearer end, so that no figures are lost.
                above, width = c.high - float(values[i]), c.high - c.low
                grown = math.exp(-abs(step[i]))
                if step[i] > 0.0:
                    moved[i] = c.high - width * above * grown / (below + above * grown)
                else:
                    moved[i] = c.low + width * below * grown / (above + below * grown)
            else:
                moved[i] = c.low + below * math.exp(step[i])
        return np.minimum(np.maximum(moved, self.low), self.high)

    def box(self, values: Vector, moves: Flags, total: float) -> tuple[Vector, Vector]:
        low, high = super().box(values, moves, total)
        for i, _ in self._own:
            if moves[i]:
                low[i], high[i] = -FIRST_REACH, FIRST_REACH
        far = self._far & moves
        low[far], high[far] = -self.reach, self.reach
        return low, high

    def inert(self, values: Vector, score: Vector, information: Vector, total: float) -> Flags:
        flags = super().inert(values, score, information, total)
        for i, _ in self._own:
            flags[i] = False
        return flags

    def logarithmic(self, i: int) -> bool:
        """Whether the i-th parameter moves on a logarithm."""
        return self.bent[i] or self.coordinates[i].kind is Kind.SCALE

    def reached(self, step: Vector) -> bool:
        """Whether a step went as far as it might."""
        return bool((np.abs(step[self._far]) > 0.99 * self.reach).any())

    def checked(self, values: Vector) -> Geometry:
        """The same, with natural values for what has arrived at an end, or shrinks below where it began."""
        ended = self.at_end(values) | (values < self._least)
        if not any(ended[i] for i, _ in self._own):
            return self
        bent = [flag and not end for flag, end in zip(self.bent, ended.tolist(), strict=True)]
        if not any(bent):
            return Geometry(self.coordinates)
        return Stretched(self.coordinates, bent, (self._far & ~ended).tolist(), self.reach, self._least)


def stretched(plain: Geometry, before: Vector, values: Vector, moves: Flags) -> Stretched | None:
    """Logarithms where parameters run off together: a scale or a range, and a correlation or a range.

    Args:
        plain: the geometry so far.
        before: values some steps ago.
        values: values now.
        moves: which parameters may move.

    Returns:
        None where nothing of the kind is seen, or where all that run off are logarithms already.
    """
    bent, far = [False] * len(values), [False] * len(values)
    scaling, shaping = False, False
    for i, c in enumerate(plain.coordinates):
        if not moves[i] or c.kind is Kind.FREE:
            continue
        value, old = float(values[i]), float(before[i])
        if c.kind is Kind.INTERVAL:
            near_high = c.high - value < value - c.low
            now, then = (c.high - value, c.high - old) if near_high else (value - c.low, old - c.low)
            change = _change(now, then)
            far[i] = change < -STANDING and now < NEAR_END * (c.high - c.low)
            bent[i] = now > 0.0
            shaping = shaping or far[i]
        else:
            low = math.isfinite(c.low)
            change = _change(value - c.low, old - c.low) if low else _change(c.high - value, c.high - old)
            far[i] = change > STANDING or (c.kind is Kind.SCALE and not c.degree and change < -STANDING)
            bent[i] = far[i] and c.kind is Kind.VARIANCE
            scaling = scaling or far[i]
            shaping = shaping or (far[i] and c.degree == 0)
    if not (scaling and shaping and sum(far) > 1 and any(bent)):
        return None
    variances = [flag and c.kind is Kind.VARIANCE for c, flag in zip(plain.coordinates, bent, strict=True)]
    return Stretched(
        plain.coordinates, bent, far, FIRST_REACH, np.where(variances, FALLEN * values, plain.low)
    )


def _change(now: float, then: float) -> float:
    return math.log(now / then) if now > 0.0 and then > 0.0 else 0.0


class Bends:
    """Watches the steps, and says on which geometry to go on.

    Args:
        plain: where the search begins.
    """

    def __init__(self, plain: Geometry) -> None:
        self.plain = plain
        self.cut = 0
        self._before: Vector | None = None

    def after(
        self,
        geometry: Geometry,
        before: Vector,
        values: Vector,
        share: float,
        bent: bool,
        step: Vector,
        moves: Flags,
    ) -> Geometry:
        """The geometry to go on with.

        Args:
            geometry: the one of the step.
            before: values before the step.
            values: values after it.
            share: share of the step that was taken.
            bent: whether the step went by the curvature of the likelihood itself: it need not be cut short on
                a ridge, but does not get far either.
            step: the step, in working parameters.
            moves: which parameters moved.
        """
        followed = isinstance(geometry, Stretched)
        if share >= 1.0 and (followed or not bent):
            self.cut = 0
        else:
            self._before = before if self.cut == 0 else self._before
            self.cut += 1
        if isinstance(geometry, Stretched):
            if share < 1.0:
                geometry.reach = max(share * geometry.reach, SHORTEST_REACH)
            elif geometry.reached(step):
                geometry.reach = min(2.0 * geometry.reach, LONGEST_REACH)
            if self.cut < GIVEN_UP:
                return geometry
            self.cut = 0
            return self.plain
        if self.cut < CUT_SHORT or self._before is None:
            return geometry
        self.cut = 0
        return stretched(self.plain, self._before, values, moves) or geometry
