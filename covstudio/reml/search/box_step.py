r"""The step within bounds: maximise a concave quadratic over a box.

.. math:: \max_d\; s'd - \tfrac12 d'Ad \quad\text{subject to}\quad l \le d \le u, \qquad l \le 0 \le u.

Cutting each component of A^-1 s by itself would point the others the wrong way; solving for them given the
cut ones does not, and the solution is an ascent direction whenever s is not zero on the components that may
move.

The primal active-set method for bounds (Nocedal & Wright 2006, Numerical Optimization, section 16.5) ends
after finitely many solves; there is one row per variance parameter, so each costs nothing beside a
factorisation of V.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.search.constants import DAMPED
from covstudio.reml.search.step_length import diagonal_of

__all__ = ["box_step", "scaled_box_step"]

Vector = NDArray[np.float64]


def box_step(score: Vector, information: Vector, low: Vector, high: Vector) -> Vector:
    """The maximiser of s'd - d'Ad/2 over low <= d <= high.

    Args:
        score: s, (K,).
        information: A, (K, K), symmetric positive definite.
        low: lower bounds of the step, (K,), at most 0; may be -inf.
        high: upper bounds, (K,), at least 0; may be inf.

    Returns:
        d, (K,).

    Raises:
        numpy.linalg.LinAlgError: A is singular.

    Example:
        >>> a = np.array([[2.0, 1.0], [1.0, 2.0]])
        >>> box_step(np.array([1.0, -4.0]), a, np.full(2, -1.0), np.full(2, 9.0))
        array([ 1., -1.])
    """
    count = len(score)
    step = np.zeros(count)
    if count and (low < 0.0).all() and (high > 0.0).all():
        whole = np.linalg.solve(information, score)
        if (low <= whole).all() and (whole <= high).all():
            return np.asarray(whole, dtype=np.float64)
    clamped = (low >= 0.0) & (high <= 0.0)
    for _ in range(20 * count + 20):
        free = np.flatnonzero(~clamped)
        if len(free):
            right = score[free] - information[np.ix_(free, np.flatnonzero(clamped))] @ step[clamped]
            change = np.linalg.solve(information[np.ix_(free, free)], right) - step[free]
            share, blocking = _room(step[free], change, low[free], high[free])
            step[free] += share * change
            if blocking is not None:
                k = free[blocking]
                step[k] = high[k] if change[blocking] > 0.0 else low[k]
                clamped[k] = True
                continue
        slope = score - information @ step
        wants = np.where(step <= low, slope, np.where(step >= high, -slope, 0.0))
        wants[~clamped | (low >= high)] = 0.0
        release = int(np.argmax(wants)) if count else 0
        if not count or wants[release] <= 0.0:
            break
        clamped[release] = False
    return np.minimum(np.maximum(step, low), high)


def scaled_box_step(score: Vector, curvature: Vector, low: Vector, high: Vector) -> Vector | None:
    """`box_step` with every parameter in units of its own information; None where that is singular.

    Args:
        score: s, (K,).
        curvature: A, (K, K), positive semi-definite.
        low: lower bounds of the step, (K,).
        high: upper bounds, (K,).
    """
    scale = np.sqrt(diagonal_of(score, curvature))
    # A trace of damping keeps the system solvable where the information is singular.
    unit = curvature / (scale[:, None] * scale)
    unit.flat[:: len(unit) + 1] += DAMPED
    try:
        return np.asarray(box_step(score / scale, unit, low * scale, high * scale) / scale)
    except np.linalg.LinAlgError:
        return None


def _room(step: Vector, change: Vector, low: Vector, high: Vector) -> tuple[float, int | None]:
    """How much of `change` fits into the box, and which component stops it (None when all of it fits)."""
    share = np.full(len(step), np.inf)
    up, down = change > 0.0, change < 0.0
    share[up] = (high[up] - step[up]) / change[up]
    share[down] = (low[down] - step[down]) / change[down]
    blocking = int(np.argmin(share))
    if share[blocking] >= 1.0:
        return 1.0, None
    return max(float(share[blocking]), 0.0), blocking
