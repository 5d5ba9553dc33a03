r"""Stationary processes by their partial autocorrelations: coefficients, autocorrelations, derivatives.

A sequence of partial autocorrelations in (-1, 1) is a stationary autoregression and the other way round
(Barndorff-Nielsen & Schou 1973), and the same numbers give every invertible moving average polynomial
(Monahan 1984). Three recursions make use of it here.

- `predictors`: Durbin's and Levinson's, for the coefficients of the best linear predictors.
- `shift`: one step of the process, on the basis of the prediction errors of one position from those
  before it. In this basis the step is a contraction, and so the autocorrelations, which are the corner of
  its powers, keep all their digits. Durbin's and Levinson's recursion loses half of them for long processes
  with partial autocorrelations near 1, and positive definiteness with them.
- `orbit`: powers of that step on a vector, by doubling.

The basis is scaled so that everything is a polynomial in the partial autocorrelations: nothing divides by
1 - pacf^2, nor takes its root, and all stays finite at pacf = 1 and -1.

Reference:
    Barndorff-Nielsen & Schou (1973), On the parametrization of autoregressive models by partial
    autocorrelations, J. Multivariate Analysis 3, 408-419; Monahan (1984), A note on enforcing stationarity in
    autoregressive-moving average models, Biometrika 71, 403-404; Brockwell & Davis (1991), Time Series:
    Theory and Methods, section 5.2 (Durbin-Levinson); Simon (2005), Orthogonal Polynomials on the Unit
    Circle, section 4.1 (the matrix of the shift).
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "autocorrelation_slopes",
    "autocorrelations",
    "invertible",
    "invertible_slopes",
    "orbit",
    "orbit_slopes",
    "padded",
    "predictor_slopes",
    "predictors",
    "shift",
    "shift_slopes",
    "toeplitz_autocorrelation_slopes",
    "toeplitz_autocorrelations",
]


def padded(pacf: Tensor, length: int) -> Tensor:
    """Partial autocorrelations followed by zeros, shape (length,): the same process, to a higher order."""
    return torch.nn.functional.pad(pacf, (0, length - pacf.shape[-1]))


def predictors(pacf: Tensor) -> tuple[Tensor, Tensor]:
    """The prediction error filters of every order, and the variances of their errors.

    Args:
        pacf: partial autocorrelations at lags 1 to p, shape (p,).

    Returns:
        The filters, shape (p + 1, p + 1): entry (k, j) multiplies the value j steps back in the error of
        predicting a value from the k before it, so that it is 1 for j = 0 and -phi_kj for j = 1 to k; and the
        variances of these errors relative to the marginal variance, shape (p + 1,).

    Example:
        >>> predictors(torch.tensor([0.5]))
        (tensor([[ 1.0000,  0.0000],
                [ 1.0000, -0.5000]]), tensor([1.0000, 0.7500]))
    """
    size = pacf.shape[0] + 1
    row = torch.cat([pacf.new_ones(1), pacf.new_zeros(size - 1)])
    error = pacf.new_ones(())
    rows, errors = [row], [error]
    for k, partial in enumerate(pacf):
        row = row - partial * _reversed(row, k)
        error = error * ((1 - partial) * (1 + partial))
        rows.append(row)
        errors.append(error)
    return torch.stack(rows), torch.stack(errors)


def predictor_slopes(pacf: Tensor) -> tuple[Tensor, Tensor]:
    """The derivatives of `predictors`, shapes (p, p + 1, p + 1) and (p, p + 1)."""
    count = pacf.shape[0]
    filters, errors = predictors(pacf)
    unit = torch.eye(count, dtype=pacf.dtype, device=pacf.device)
    # The first filter is (1, 0, ...) and the first variance 1, whatever the partial autocorrelations.
    row, error = filters.new_zeros((count, count + 1)), errors.new_zeros(count)
    row_slopes, error_slopes = [row], [error]
    for k, partial in enumerate(pacf):
        row = row - partial * _reversed(row, k) - unit[:, k, None] * _reversed(filters[k], k)
        error = (1 - partial) * (1 + partial) * error - 2 * partial * errors[k] * unit[:, k]
        row_slopes.append(row)
        error_slopes.append(error)
    return torch.stack(row_slopes, 1), torch.stack(error_slopes, 1)


def _reversed(row: Tensor, order: int) -> Tensor:
    """The filter of the backward prediction error: the first order + 1 entries turned round, a lag later."""
    turned = row[..., : order + 1].flip(-1)
    return torch.nn.functional.pad(turned, (1, row.shape[-1] - order - 2))


def invertible(pacf: Tensor) -> Tensor:
    """The coefficients 1, theta_1, ..., theta_q of an invertible moving average, shape (q + 1,).

    The polynomial is that of the prediction error of the autoregression whose partial autocorrelations are
    -pacf, so that a single positive number gives neighbours a positive correlation: x_t = e_t + pacf e_(t-1).

    Args:
        pacf: the partial autocorrelations of the polynomial, shape (q,).

    Example:
        >>> invertible(torch.tensor([0.5, 0.5]))
        tensor([1.0000, 0.7500, 0.5000])
    """
    return predictors(-pacf)[0][-1]


def invertible_slopes(pacf: Tensor) -> Tensor:
    """The derivatives of `invertible`, shape (q, q + 1)."""
    return -predictor_slopes(-pacf)[0][:, -1]


def shift(pacf: Tensor) -> Tensor:
    """The step of a stationary process on the basis of its prediction errors, shape (p, p).

    Entry (k, l) is -pacf_k pacf_(l+1) for k <= l, where pacf_0 = -1, and 1 - pacf_k^2 for k = l + 1. The
    entry (0, 0) of its h-th power is the autocorrelation at lag h.

    Args:
        pacf: partial autocorrelations at lags 1 to p, shape (p,).

    Example:
        >>> step = shift(torch.tensor([0.5, 0.25]))
        >>> (step @ step)[0, 0]  # 0.5 * 0.5 + 0.25 * (1 - 0.5 * 0.5)
        tensor(0.4375)
    """
    before = _before(pacf)
    upper = torch.triu(-before[:, None] * pacf)
    return upper + torch.diag_embed(((1 - pacf) * (1 + pacf))[:-1], offset=-1)


def shift_slopes(pacf: Tensor) -> Tensor:
    """The derivatives of `shift`, shape (p, p, p)."""
    count = pacf.shape[0]
    unit = torch.eye(count, dtype=pacf.dtype, device=pacf.device)
    unit_before = torch.nn.functional.pad(unit[:, :-1], (1, 0))
    upper = torch.triu(-unit_before[:, :, None] * pacf - _before(pacf)[:, None] * unit[:, None, :])
    return upper + torch.diag_embed((-2 * pacf * unit)[:, :-1], offset=-1)


def _before(pacf: Tensor) -> Tensor:
    """-1, pacf_1, ..., pacf_(p-1)."""
    return torch.cat([-pacf.new_ones(1), pacf[:-1]])


def orbit(step: Tensor, start: Tensor, length: int) -> Tensor:
    """The vectors start, step start, step^2 start, ... as columns, shape (p, length).

    Args:
        step: shape (p, p).
        start: shape (p,).
        length: how many.
    """
    columns = start[:, None]
    while columns.shape[1] < length:
        columns = torch.cat([columns, step @ columns], dim=1)
        step = step @ step
    return columns[:, :length]


def orbit_slopes(
    step: Tensor, step_slopes: Tensor, start: Tensor, start_slopes: Tensor, length: int
) -> tuple[Tensor, Tensor]:
    """`orbit` and its derivatives in k directions.

    Args:
        step: shape (p, p).
        step_slopes: its derivatives, shape (k, p, p).
        start: shape (p,).
        start_slopes: its derivatives, shape (k, p).
        length: how many columns.

    Returns:
        The columns, shape (p, length), and their derivatives, shape (k, p, length).
    """
    columns, slopes = start[:, None], start_slopes[:, :, None]
    while columns.shape[1] < length:
        slopes = torch.cat([slopes, step_slopes @ columns + step @ slopes], dim=2)
        columns = torch.cat([columns, step @ columns], dim=1)
        step_slopes = step_slopes @ step + step @ step_slopes
        step = step @ step
    return columns[:, :length], slopes[:, :, :length]


def autocorrelations(pacf: Tensor, length: int) -> Tensor:
    """The autocorrelations of an autoregression of low order at lags 0 to length - 1.

    Args:
        pacf: partial autocorrelations at lags 1 to p, shape (p,); those at higher lags are zero.
        length: the number of lags, at least 1.

    Returns:
        Shape (length,), the first of them 1.

    Example:
        >>> autocorrelations(torch.tensor([0.5, 0.25]), 4)
        tensor([1.0000, 0.5000, 0.4375, 0.2891])
    """
    return orbit(shift(pacf), _first(pacf), length)[0]


def autocorrelation_slopes(pacf: Tensor, length: int) -> Tensor:
    """The derivatives of `autocorrelations`, shape (p, length)."""
    start = _first(pacf)
    steady = pacf.new_zeros((pacf.shape[0], pacf.shape[0]))
    return orbit_slopes(shift(pacf), shift_slopes(pacf), start, steady, length)[1][:, 0]


def _first(pacf: Tensor) -> Tensor:
    return torch.cat([pacf.new_ones(1), pacf.new_zeros(pacf.shape[0] - 1)])


def toeplitz_autocorrelations(pacf: Tensor) -> Tensor:
    """The autocorrelations at lags 0 to n - 1 from the partial ones at lags 1 to n - 1.

    The same as `autocorrelations(pacf, n)`, but each step costs O(n) where all lags have their own.

    Args:
        pacf: shape (n - 1,).

    Returns:
        Shape (n,).

    Example:
        >>> toeplitz_autocorrelations(torch.tensor([0.5, 0.25]))
        tensor([1.0000, 0.5000, 0.4375])
    """
    before, rest = _before(pacf), (1 - pacf) * (1 + pacf)
    state = _first(pacf)
    found = [state[0]]
    for _ in range(pacf.shape[0]):
        onward = torch.nn.functional.pad((rest * state)[:-1], (1, 0))
        state = onward - before * _tail(pacf * state)
        found.append(state[0])
    return torch.stack(found)


def toeplitz_autocorrelation_slopes(pacf: Tensor) -> Tensor:
    """The derivatives of `toeplitz_autocorrelations`, shape (n - 1, n)."""
    count = pacf.shape[0]
    before, rest, rest_slopes = _before(pacf), (1 - pacf) * (1 + pacf), -2 * pacf
    state = _first(pacf)
    slopes = pacf.new_zeros((count, count))
    found = pacf.new_zeros((count, count + 1))
    for lag in range(1, count + 1):
        tail = _tail(pacf * state)
        # Only the partial autocorrelations at lags 1 to `lag` have a part in this step, and only as many
        # entries of the state differ from zero.
        active = slopes[:lag, :lag]
        onward = rest[:lag] * active
        onward.diagonal().add_(rest_slopes[:lag] * state[:lag])
        inward = pacf[:lag] * active
        inward.diagonal().add_(state[:lag])
        fresh = -before[:lag] * _tail(inward)
        fresh[:, 1:] += onward[:, :-1]
        fresh.diagonal(1).sub_(tail[1:lag])
        slopes[:lag, :lag] = fresh
        if lag < count:
            slopes[:lag, lag] = onward[:, -1]
        state = torch.nn.functional.pad((rest * state)[:-1], (1, 0)) - before * tail
        found[:lag, lag] = slopes[:lag, 0]
    return found


def _tail(terms: Tensor) -> Tensor:
    """The sums of each term and all behind it, along the last dimension."""
    return terms.flip(-1).cumsum(-1).flip(-1)
