"""The information, scaled to a unit diagonal, and the combinations of parameters that it does not tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.diagnosis.constants import IDENTIFIABLE
from covstudio.threads import symmetric_eigen

__all__ = ["ScaledInformation", "informed"]

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]


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
