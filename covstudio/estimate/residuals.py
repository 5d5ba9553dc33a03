r"""Residuals of a fit to look at: in standard deviations, beside the normal quantiles they would have.

The residuals are the conditional ones, y - X beta - Z u. They are studentised, so that under the model each
has variance 1, or where that takes too long divided by the standard deviation of the errors (Pearson). The
quantile beside the i-th smallest of m is

.. math:: \Phi^{-1}\left(\frac{i - a}{m + 1 - 2a}\right), \qquad a = 3/8 \ (m \le 10), \quad 1/2\ (m > 10),

as R's `qqnorm` has it. Of m independent standard normal numbers the i-th smallest is :math:`\Phi^{-1}` of a
beta variable with i and m + 1 - i, whose quantiles are the band.

Source: Nobre & Singer (2007), Biometrical Journal 49:863; Blom (1958), Statistical Estimates and Transformed
Beta Variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.inference import Residuals

if TYPE_CHECKING:
    from pandas import DataFrame

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

__all__ = ["Band", "Standardised", "band", "choice", "standardised"]

#: The share of the band that a quantile of standard normal numbers lies in.
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Standardised:
    """Conditional residuals of the rows used, each array (n,).

    Attributes:
        fitted: X beta + Z u.
        residual: y - fitted.
        value: the residual in standard deviations; NaN where it has no variance.
        quantile: what a standard normal number of that rank would be; NaN where `value` is.
        by: what a residual was divided by: "studentised", its own standard deviation; "Pearson", that of the
            errors.
    """

    fitted: Numbers
    residual: Numbers
    value: Numbers
    quantile: Numbers
    by: Literal["studentised", "Pearson"]

    @property
    def order(self) -> Places:
        """The rows with a value, from the smallest to the largest."""
        known = np.flatnonzero(~np.isnan(self.value))
        return known[np.argsort(self.value[known], kind="stable")]

    def table(self) -> DataFrame:
        """Row by row of those used: row, fitted, residual, standardised, normal_quantile."""
        import pandas as pd

        return pd.DataFrame(
            {
                "row": np.arange(1, len(self.fitted) + 1),
                "fitted": self.fitted,
                "residual": self.residual,
                "standardised": self.value,
                "normal_quantile": self.quantile,
            }
        )


def standardised(residuals: Residuals) -> Standardised | None:
    """Residuals of a fit to look at; None where no row has any.

    Args:
        residuals: of `Inference.residuals`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ScalarMatrix
        >>> from covstudio.reml import Inference, fit
        >>> v, y, x = ScalarMatrix(4), torch.tensor([1.0, 2.0, 4.0, 5.0]).double(), torch.ones(4, 1).double()
        >>> found = standardised(Inference(fit(v, y, x), v, y, x).residuals)
        >>> found.by, found.value.round(3).tolist(), found.quantile.round(3).tolist()
        ('studentised', [-1.265, -0.632, 0.632, 1.265], [-1.049, -0.299, 0.299, 1.049])
    """
    from scipy import special

    value = residuals.conditional_studentised.numpy()
    studentised = not bool(np.isnan(value).all())
    if not studentised:
        value = residuals.conditional_pearson.numpy()
    quantile = np.full(len(value), np.nan)
    found = Standardised(
        residuals.fitted.numpy(),
        residuals.conditional.numpy(),
        value,
        quantile,
        "studentised" if studentised else "Pearson",
    )
    order = found.order
    count = len(order)
    if count == 0:
        return None
    shift = 3 / 8 if count <= 10 else 1 / 2
    quantile[order] = special.ndtri((np.arange(1, count + 1) - shift) / (count + 1 - 2 * shift))
    return found


@dataclass(frozen=True, eq=False)
class Band:
    """Where 95 % of the standard normal numbers of some ranks lie.

    Attributes:
        lower: ends below.
        upper: ends above.
    """

    lower: Numbers
    upper: Numbers


def band(ranks: Places, count: int) -> Band:
    """The band of the numbers of these ranks among independent standard normal ones, each by itself.

    Args:
        ranks: from 1 for the smallest.
        count: of all numbers.

    Example:
        >>> import numpy as np
        >>> found = band(np.array([1, 50]), 99)
        >>> found.lower.round(2).tolist(), found.upper.round(2).tolist()
        ([-3.47, -0.25], [-1.79, 0.25])
    """
    from scipy import special

    ends = [
        special.ndtri(special.betaincinv(ranks, count + 1 - ranks, share))
        for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    ]
    return Band(*ends)


def choice(count: int, most: int) -> Places:
    """Which of so many sorted numbers to draw, by their places: an eighth at either end, the rest evenly.

    Args:
        count: of all numbers.
        most: of those drawn.

    Example:
        >>> choice(5, 8).tolist(), choice(100, 8).tolist()
        ([0, 1, 2, 3, 4], [0, 1, 20, 40, 59, 79, 98, 99])
    """
    if count <= most:
        return np.arange(count)
    tail = most // 8
    between = np.linspace(tail, count - 1 - tail, most - 2 * tail).round().astype(np.int64)
    return np.concatenate([np.arange(tail), between, np.arange(count - tail, count)])
