r"""Parameters on logarithms, where they run off together along a ridge.

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

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.search.constants import CUT_SHORT, GIVEN_UP, NEAR_END, STANDING
from covstudio.reml.search.coordinates import Kind
from covstudio.reml.search.working import Working

__all__ = ["Logarithms", "on_logarithms"]

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]


def on_logarithms(plain: Working, before: Vector, values: Vector, moves: Flags) -> Working | None:
    """Logarithms where parameters run off together: a scale or a range, and a correlation or a range.

    Args:
        plain: the working parameters so far.
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
            near_high = c.nearest_end(value) == c.high
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
    return Working(plain.coordinates, bent, far)


def _change(now: float, then: float) -> float:
    return math.log(now / then) if now > 0.0 and then > 0.0 else 0.0


class Logarithms:
    """Watches the steps, and says on which scales to go on.

    Args:
        plain: the working parameters that the search begins with.
    """

    def __init__(self, plain: Working) -> None:
        self.plain = plain
        #: Steps in a row that were cut short.
        self.cut = 0
        self._before: Vector | None = None

    def after(
        self,
        working: Working,
        before: Vector,
        values: Vector,
        share: float,
        curved: bool,
        step: Vector,
        moves: Flags,
    ) -> Working:
        """The working parameters to go on with.

        Args:
            working: those of the step.
            before: values before the step.
            values: values after it.
            share: share of the step that was taken.
            curved: whether the step went by the curvature of the likelihood itself: it need not be cut short
                on a ridge, but does not get far either.
            step: the step, in working parameters.
            moves: which parameters moved.
        """
        if share >= 1.0 and (working.follows or not curved):
            self.cut = 0
        else:
            self._before = before if self.cut == 0 else self._before
            self.cut += 1
        if working.follows:
            working.went(step, share)
            if self.cut < GIVEN_UP:
                return working
            self.cut = 0
            return self.plain
        if self.cut < CUT_SHORT or self._before is None:
            return working
        self.cut = 0
        return on_logarithms(self.plain, self._before, values, moves) or working
