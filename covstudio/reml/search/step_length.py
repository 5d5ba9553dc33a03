"""The length of a score in the metric of the information, singular or not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.search.constants import SINGULAR, SOUND
from covstudio.threads import inverse_factor, symmetric_eigen

__all__ = ["diagonal_of", "newton_step", "squared_length"]

Vector = NDArray[np.float64]


def squared_length(score: Vector, information: Vector) -> float:
    """s'A^-1 s, after scaling A to a unit diagonal and with its eigenvalues bounded below by 1e-9.

    The bound matters where A is singular: there the score is 0 as well, up to rounding, and a combination
    of parameters that the data do not tell apart must not keep a fit from ending.

    Example:
        >>> squared_length(np.array([2.0, 0.0]), np.array([[4.0, 0.0], [0.0, 1.0]]))
        1.0
    """
    return newton_step(score, information)[0]


def newton_step(score: Vector, information: Vector) -> tuple[float, Vector | None]:
    """`squared_length`, and the step A^-1 s itself where A is far from singular.

    Example:
        >>> newton_step(np.array([2.0, 0.0]), np.array([[4.0, 0.0], [0.0, 1.0]]))
        (1.0, array([0.5, 0. ]))
    """
    if not len(score):
        return 0.0, None
    scale = np.sqrt(diagonal_of(score, information))
    unit = information / (scale[:, None] * scale)
    along = score / scale
    found = inverse_factor(unit)
    if found is not None:
        inverse = found[1]
        # The squares of L^-1 add up to the trace of A^-1, and no eigenvalue of A is smaller than one over
        # that, which is much cheaper to have.
        trace = float(np.vdot(inverse, inverse))
        if trace * 10.0 * SINGULAR < 1.0:
            reached = inverse @ along
            return float(reached @ reached), (reached @ inverse) / scale if trace < SOUND else None
    eigenvalues, vectors = symmetric_eigen(unit)
    along = vectors.T @ along
    return float(np.sum(along**2 / np.maximum(eigenvalues, SINGULAR))), None


def diagonal_of(score: Vector, information: Vector) -> Vector:
    """Diagonal of A; where it vanishes but the score does not, a stand-in that makes s'A^-1 s about 1.

    Args:
        score: s, (K,).
        information: A, (K, K).

    Example:
        >>> diagonal_of(np.array([3.0, 1.0]), np.diag([0.0, 2.0]))
        array([9., 2.])
    """
    diagonal = information.diagonal().copy()
    empty = ~(diagonal > 0.0)
    if not empty.any():
        return diagonal
    diagonal[empty] = np.where(score[empty] == 0.0, 1.0, score[empty] ** 2)
    return np.asarray(diagonal, dtype=np.float64)
