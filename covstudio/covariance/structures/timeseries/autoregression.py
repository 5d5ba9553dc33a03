"""The base of autoregressions: their inverse has as few bands as they have lags."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.numerics.pacf import autocorrelation_slopes, autocorrelations
from covstudio.covariance.structures.timeseries.prediction_errors import (
    autoregressive_filter_slopes,
    autoregressive_filters,
    check_errors,
    determined,
    precision_band_slopes,
    precision_bands,
    solve_by_prediction,
)
from covstudio.covariance.structures.timeseries.stationary import (
    HeterogeneousStationaryMatrix,
    StationaryMatrix,
)

__all__ = ["Autoregression", "HeterogeneousAutoregression"]


class Autoregression(StationaryMatrix):
    """A stationary autoregression, by the partial autocorrelations that its parameters give it."""

    _order: int

    def _partials(self, shapes: Tensor) -> Tensor:
        """The partial autocorrelations at lags 1 to p, shape (p,), from natural values of k parameters."""
        return shapes

    def _partial_slopes(self, shapes: Tensor) -> Tensor:
        """Their derivatives with respect to each of these, shape (k, p)."""
        return torch.eye(shapes.shape[0], dtype=shapes.dtype, device=shapes.device)

    def _correlations(self, shapes: Tensor) -> Tensor:
        return autocorrelations(self._partials(shapes), self.n)

    def _correlation_slopes(self, shapes: Tensor) -> Tensor:
        return self._partial_slopes(shapes) @ autocorrelation_slopes(self._partials(shapes), self.n)

    def _split(self, natural: Tensor) -> tuple[Tensor, Tensor]:
        """The variance, 1 where the structure has none, and the parameters of the correlation."""
        return (natural[0], natural[1:]) if self._scaled else (natural.new_ones(()), natural)


class HeterogeneousAutoregression(HeterogeneousStationaryMatrix):
    """A stationary autoregression with a variance of its own for each position."""

    _order: int

    def _correlation_solve(self, shapes: Tensor, b: Tensor) -> Tensor | None:
        filters, errors = autoregressive_filters(shapes, self.n)
        return None if determined(errors) else solve_by_prediction(filters, errors, b)

    def _correlation_logdet(self, shapes: Tensor) -> Tensor | None:
        _, errors = autoregressive_filters(shapes, self.n)
        return None if determined(errors) else errors.log().sum()


def _kind(matrix: Autoregression | HeterogeneousAutoregression) -> linalg.Kind:
    return "banded precision"


def _bandwidth(matrix: Autoregression | HeterogeneousAutoregression) -> int | None:
    return min(matrix._order, matrix.n - 1)


linalg.kind.register(Autoregression)(_kind)
linalg.kind.register(HeterogeneousAutoregression)(_kind)
linalg.bandwidth.register(Autoregression)(_bandwidth)
linalg.bandwidth.register(HeterogeneousAutoregression)(_bandwidth)


def _filters(matrix: Autoregression, natural: Tensor) -> tuple[Tensor, Tensor]:
    """Filters and error variances.

    Raises:
        SingularMatrixError: the variance, or that of an error relative to it, is zero to working precision.
    """
    scale, shapes = matrix._split(natural)
    filters, errors = autoregressive_filters(matrix._partials(shapes), matrix.n)
    check_errors(matrix, errors * (scale > 0))
    return filters, scale * errors


@linalg.precision.register(Autoregression)
def _(matrix: Autoregression, natural: Tensor) -> Tensor:
    return precision_bands(*_filters(matrix, natural))


@linalg.precision_derivatives.register(Autoregression)
def _(matrix: Autoregression, natural: Tensor, index: Sequence[int]) -> Tensor:
    scale, shapes = matrix._split(natural)
    filters, errors = _filters(matrix, natural)
    filter_slopes, error_slopes = autoregressive_filter_slopes(matrix._partials(shapes), matrix.n)
    by_partial = precision_band_slopes(filters, errors, filter_slopes, scale * error_slopes)
    chain = matrix._partial_slopes(shapes)[:, : by_partial.shape[0]]
    slopes = torch.einsum("kp,pdi->kdi", chain, by_partial)
    if matrix._scaled:
        slopes = torch.cat([-precision_bands(filters, errors)[None] / scale, slopes])
    return slopes[list(index)]


@linalg.solve.register(Autoregression)
def _(matrix: Autoregression, natural: Tensor, b: Tensor) -> Tensor:
    return solve_by_prediction(*_filters(matrix, natural), b)


@linalg.logdet.register(Autoregression)
def _(matrix: Autoregression, natural: Tensor) -> Tensor:
    return _filters(matrix, natural)[1].log().sum()


def _scaled_filters(matrix: HeterogeneousAutoregression, natural: Tensor) -> tuple[Tensor, Tensor]:
    """Filters and error variances of the correlation.

    Raises:
        SingularMatrixError: a variance is zero, or that of an error is to working precision.
    """
    filters, errors = autoregressive_filters(natural[matrix.n :], matrix.n)
    check_errors(matrix, errors * (natural[: matrix.n] > 0))
    return filters, errors


def _scale_bands(bands: Tensor, variances: Tensor) -> Tensor:
    """D^(-1/2) Q D^(-1/2) in bands, shape (..., w + 1, n)."""
    inverse = variances.rsqrt()
    rows = []
    for d in range(bands.shape[-2]):
        below = torch.nn.functional.pad(inverse[d:], (0, d))
        rows.append(bands[..., d, :] * inverse * below)
    return torch.stack(rows, dim=-2)


@linalg.precision.register(HeterogeneousAutoregression)
def _(matrix: HeterogeneousAutoregression, natural: Tensor) -> Tensor:
    filters, errors = _scaled_filters(matrix, natural)
    return _scale_bands(precision_bands(filters, errors), natural[: matrix.n])


@linalg.precision_derivatives.register(HeterogeneousAutoregression)
def _(matrix: HeterogeneousAutoregression, natural: Tensor, index: Sequence[int]) -> Tensor:
    size, variances = matrix.n, natural[: matrix.n]
    filters, errors = _scaled_filters(matrix, natural)
    value = _scale_bands(precision_bands(filters, errors), variances)
    out = natural.new_zeros((len(index), *value.shape))
    slopes = autoregressive_filter_slopes(natural[size:], size)
    by_partial = _scale_bands(precision_band_slopes(filters, errors, *slopes), variances)
    for place, k in enumerate(index):
        if k >= size:
            # A correlation that no two positions show has no part in the inverse.
            if k - size < by_partial.shape[0]:
                out[place] = by_partial[k - size]
            continue
        for d in range(value.shape[0]):
            # The entries (k + d, k) and (k, k - d) fall with sigma_k, the diagonal with its square.
            for column in {k, k - d}:
                if column >= 0:
                    out[place, d, column] -= value[d, column] / variances[k] * (1.0 if d == 0 else 0.5)
    return out
