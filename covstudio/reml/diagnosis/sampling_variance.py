"""Sampling variances from the information, and the combinations of parameters that it says nothing about."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.diagnosis.constants import IDENTIFIABLE, PART
from covstudio.reml.problem.threads import symmetric_eigen

__all__ = ["ScaledInformation", "informed", "sampling_variances"]

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]


def sampling_variances(information: Vector, inside: Flags) -> tuple[Vector, Flags]:
    """Diagonal of A^-1 over the parameters inside their range, and which of them the data tell apart.

    A is equilibrated first. A parameter that takes part in a combination with (almost) no information has
    no variance: NaN.

    Args:
        information: A with respect to natural values, (K, K).
        inside: which parameters are neither at an end of their range nor left out, (K,).

    Returns:
        Variances, (K,), NaN where there is none; and flags, (K,).

    Example:
        >>> sampling_variances(np.array([[4.0, 0.0], [0.0, 0.0]]), np.array([True, True]))
        (array([0.25,  nan]), array([ True, False]))
    """
    count = len(information)
    variances, distinct = np.full(count, math.nan), np.zeros(count, dtype=bool)
    used = np.flatnonzero(inside & informed(information))
    if not len(used):
        return variances, distinct
    variances[used] = ScaledInformation(information, used).variances()
    distinct[used] = ~np.isnan(variances[used])
    return variances, distinct


def informed(information: Vector) -> Flags:
    """Which parameters have any information of their own, (K,)."""
    diagonal = np.diag(information)
    return np.asarray((diagonal > 0.0) & np.isfinite(diagonal), dtype=np.bool_)


class ScaledInformation:
    """The information over some parameters, scaled to a unit diagonal.

    Attributes:
        scale: square roots of its diagonal.
        null: orthonormal combinations without information, (m, d).
        inverse: its inverse over all others, (m, m).
    """

    def __init__(self, information: Vector, used: NDArray[np.intp]) -> None:
        self.scale: Vector = np.sqrt(np.diag(information)[used])
        unit = information[np.ix_(used, used)] / np.outer(self.scale, self.scale)
        eigenvalues, vectors = symmetric_eigen(unit)
        lost = eigenvalues < IDENTIFIABLE
        self.null: Vector = vectors[:, lost]
        self.inverse: Vector = (vectors[:, ~lost] / eigenvalues[~lost]) @ vectors[:, ~lost].T

    def variances(self) -> Vector:
        """Sampling variances, (m,); NaN for what takes part in a combination without information."""
        lost = (self.null**2).sum(axis=1) > PART
        return np.where(lost, math.nan, self.inverse.diagonal() / self.scale**2)
