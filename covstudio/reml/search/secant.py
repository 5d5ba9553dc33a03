r"""Curvature that the average information misses, learnt from the scores on the way.

The average information leaves out second derivatives of V and half of the difference between observed and
expected information. For variance components that costs nothing; for ranges and correlations estimated from
few data it makes the last steps many. As in nonlinear least squares the curvature is modelled as A + S,
with S fitted to the change of the score along the last step,

.. math:: (A_{k+1} + S_{k+1})\,\Delta = s_k - s_{k+1},

by the symmetric rank-one formula, after shrinking S when it claims more than it was seen to be.

Sources: Dennis, Gay & Welsch (1981), An adaptive nonlinear least-squares algorithm, ACM TOMS 7:348; Nocedal &
Wright (2006), Numerical Optimization, sections 6.2 and 10.3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.search.constants import SECANT_ANGLE, SECANT_LEAST
from covstudio.threads import symmetric_eigen

__all__ = ["Secant"]

Vector = NDArray[np.float64]
#: Working values, score, information, and which parameters move.
_Seen = tuple[Vector, Vector, Vector, NDArray[np.bool_]]


class Secant:
    """Keeps S from step to step; everything in working parameters.

    Args:
        count: number of parameters.

    Example:
        The second score tells that the curvature is 3 where the information says 2:

        >>> secant = Secant(1)
        >>> secant.observe(np.array([0.0]), np.array([3.0]), np.array([[2.0]]), np.array([True]))
        >>> secant.observe(np.array([0.5]), np.array([1.5]), np.array([[2.0]]), np.array([True]))
        >>> secant.curvature(np.array([[2.0]]))
        array([[3.]])
    """

    def __init__(self, count: int) -> None:
        self._extra = np.zeros((count, count))
        self._last: _Seen | None = None
        self._ahead: list[_Seen] = []

    def forget(self) -> None:
        """Start afresh: the search has jumped, or is still far away."""
        self._extra[:] = 0.0
        self._last = None
        self._ahead.clear()

    def observe(self, working: Vector, score: Vector, information: Vector, moves: NDArray[np.bool_]) -> None:
        """Take in the next point of the search; its arrays must not be written to afterwards.

        Args:
            working: working values.
            score: score there.
            information: average information there.
            moves: which parameters may move there.
        """
        # Most fits end before anybody asks.
        self._ahead.append((working, score, information, moves))

    def _learn(self, seen: _Seen) -> None:
        """Fit S to the change of the score since the last point."""
        last, self._last = self._last, seen
        if last is None:
            return
        working, score, information, moves = seen
        both = last[3] & moves
        if not both.all():
            self._extra[~both, :] = 0.0
            self._extra[:, ~both] = 0.0
        change = np.where(both, working, 0.0) - np.where(both, last[0], 0.0)
        if not both.any() or not np.isfinite(change).all():
            return
        wanted = np.where(both, last[1] - score, 0.0) - information @ change
        claimed = float(change @ self._extra @ change)
        seen_along = float(change @ wanted)
        if abs(claimed) > abs(seen_along):
            self._extra *= abs(seen_along) / abs(claimed)
        rest = np.where(both, wanted - self._extra @ change, 0.0)
        # In units of the information, so that parameters of different size weigh alike.
        diagonal = information.diagonal()
        scale = np.sqrt(np.where(both & (diagonal > 0.0), diagonal, 1.0))
        along = float(rest @ change)
        if abs(along) > SECANT_ANGLE * float(np.linalg.norm(rest / scale) * np.linalg.norm(change * scale)):
            self._extra += rest[:, None] * rest / along

    def curvature(self, information: Vector) -> Vector | None:
        """A + S, or None when S is empty or the sum is not safely positive definite in units of A."""
        for seen in self._ahead:
            self._learn(seen)
        self._ahead.clear()
        if not self._extra.any():
            return None
        total = information + self._extra
        diagonal = np.diag(information)
        used = np.flatnonzero(diagonal > 0.0)
        scale = np.sqrt(diagonal[used])
        unit = np.ix_(used, used)
        smallest = symmetric_eigen(total[unit] / np.outer(scale, scale))[0][0]
        return total if smallest > SECANT_LEAST else None
