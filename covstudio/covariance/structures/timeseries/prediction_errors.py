r"""Banded inverses of processes with a short memory, by the errors of predicting each position.

If the error of predicting position i from the w positions before it is
:math:`e_i = x_i + \sum_{d=1}^{w} f_{id} x_{i-d}`, with variance :math:`v_i`, and these errors are
uncorrelated, then :math:`V^{-1} = F' \operatorname{diag}(1/v_i) F`, F being unit lower triangular with w
bands (Pourahmadi 1999, Biometrika 86, 677-690). Filters are stored as an n x (w + 1) table of the
:math:`f_{id}`, with ones in its first column and zeros where i - d would be negative.
"""

from __future__ import annotations

import torch
from torch import Tensor

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.dense import negligible, singular
from covstudio.covariance.numerics.pacf import predictor_slopes, predictors

__all__ = [
    "autoregressive_filter_slopes",
    "autoregressive_filters",
    "check_errors",
    "determined",
    "precision_band_slopes",
    "precision_bands",
    "solve_by_prediction",
]


def autoregressive_filters(pacf: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Filters and error variances of a stationary autoregression of unit variance at n positions.

    Args:
        pacf: partial autocorrelations at lags 1 to p; those beyond lag n - 1 play no part.
        n: the number of positions.

    Returns:
        Filters, shape (n, w + 1) with w = min(p, n - 1), and variances, shape (n,).

    Example:
        >>> autoregressive_filters(torch.tensor([0.5]), 3)
        (tensor([[ 1.0000,  0.0000],
                [ 1.0000, -0.5000],
                [ 1.0000, -0.5000]]), tensor([1.0000, 0.7500, 0.7500]))
    """
    filters, errors = predictors(pacf[: n - 1])
    order = _orders(filters, n)
    return filters[order], errors[order]


def autoregressive_filter_slopes(pacf: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Derivatives of `autoregressive_filters`, shapes (w, n, w + 1) and (w, n)."""
    filters, errors = predictor_slopes(pacf[: n - 1])
    order = _orders(filters, n)
    return filters[:, order], errors[:, order]


def _orders(filters: Tensor, n: int) -> Tensor:
    return torch.arange(n, device=filters.device).clamp_max(filters.shape[-1] - 1)


def determined(relative: Tensor) -> bool:
    """Whether a position is, to working precision, determined by those before it: V is then singular.

    Args:
        relative: the variance of each position's prediction error, relative to that of the position, (n,).
    """
    return not bool((relative > negligible(relative)).all())


def check_errors(matrix: Matrix, relative: Tensor) -> None:
    """Refuse a matrix of which a position is determined by those before it; `relative` as above.

    Args:
        matrix: the matrix, for the message.
        relative: shape (n,).

    Raises:
        SingularMatrixError: one of them is zero to working precision.
    """
    if determined(relative):
        raise singular(matrix)


def precision_bands(filters: Tensor, errors: Tensor) -> Tensor:
    """The lower bands of V^-1.

    Args:
        filters: shape (n, w + 1).
        errors: variances of the prediction errors, shape (n,).

    Returns:
        Shape (w + 1, n): row d holds the entries (i + d, i), left aligned, zeros behind them.

    Example:
        >>> precision_bands(torch.tensor([[1.0, 0.0], [1.0, -0.5]]), torch.tensor([1.0, 0.75]))
        tensor([[ 1.3333,  1.3333],
                [-0.6667,  0.0000]])
    """
    return _bands(filters, filters / errors[..., None])


def precision_band_slopes(
    filters: Tensor, errors: Tensor, filter_slopes: Tensor, error_slopes: Tensor
) -> Tensor:
    """Derivatives of `precision_bands` in k directions, shape (k, w + 1, n).

    Args:
        filters: shape (n, w + 1).
        errors: shape (n,).
        filter_slopes: shape (k, n, w + 1).
        error_slopes: shape (k, n).
    """
    weighted = filters / errors[:, None]
    slopes = (filter_slopes - weighted * error_slopes[..., None]) / errors[:, None]
    return _bands(filter_slopes, weighted) + _bands(filters, slopes)


def _bands(left: Tensor, right: Tensor) -> Tensor:
    """The lower bands of F' G, from the tables of F and G."""
    size, count = right.shape[-2:]
    rows = []
    for d in range(count):
        row = torch.zeros_like((left * right)[..., 0])
        for e in range(count - d):
            # Position t = j + d + e couples its neighbours e and d + e steps back: the entry (j + d, j).
            row[..., : size - d - e] += (left[..., e] * right[..., d + e])[..., d + e :]
        rows.append(row)
    return torch.stack(rows, dim=-2)


def solve_by_prediction(filters: Tensor, errors: Tensor, b: Tensor) -> Tensor:
    """V^-1 b = F' diag(1/v) F b, in O(n w) for each column.

    Args:
        filters: shape (n, w + 1).
        errors: shape (n,).
        b: shape (n, m).

    Returns:
        Shape (n, m).
    """
    size, count = filters.shape
    found = b.clone()
    for d in range(1, count):
        found[d:] += filters[d:, d, None] * b[: size - d]
    found /= errors[:, None]
    solution = found.clone()
    for d in range(1, count):
        solution[: size - d] += filters[d:, d, None] * found[d:]
    return solution
