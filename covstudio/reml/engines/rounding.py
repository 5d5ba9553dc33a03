"""The tolerance for numbers that only rounding errors keep from zero."""

from __future__ import annotations

import numpy as np

__all__ = ["rounding"]

_EPS = float(np.finfo(np.float64).eps)


def rounding(n: int) -> float:
    """What rounding errors alone make of a pivot or an eigenvalue, beside the largest: 4 n times the epsilon.

    Args:
        n: rows of the matrix that is factored.

    Example:
        >>> f"{rounding(1000):.1e}"
        '8.9e-13'

    Reference:
        Higham (2002), Accuracy and Stability of Numerical Algorithms, 2nd ed., section 10.1.
    """
    return 4.0 * n * _EPS
