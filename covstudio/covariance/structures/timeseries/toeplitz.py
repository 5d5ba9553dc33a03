"""Toeplitz matrices: any stationary correlation of equally spaced positions, or one of the first lags."""

from __future__ import annotations

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import check_correlated_size
from covstudio.covariance.core.leaf import ParamSpecs
from covstudio.covariance.linalg.dense import singular
from covstudio.covariance.numerics.pacf import toeplitz_autocorrelation_slopes, toeplitz_autocorrelations
from covstudio.covariance.structures.timeseries.ar import check_order, partial_autocorrelations
from covstudio.covariance.structures.timeseries.arma import (
    moving_average_correlation_slopes,
    moving_average_correlations,
)
from covstudio.covariance.structures.timeseries.prediction_errors import determined
from covstudio.covariance.structures.timeseries.stationary import (
    HeterogeneousStationaryMatrix,
    StationaryMatrix,
    positions_argument,
)

__all__ = ["HeterogeneousToeplitzMatrix", "ToeplitzMatrix"]

_ARGUMENTS = (
    positions_argument(2),
    Argument(
        "bands",
        "integer",
        "Bands",
        "Lags up to which positions are correlated; all n - 1 when left out",
        minimum=1,
        optional=True,
    ),
)
_PACF = "Partial autocorrelation at lag k; with fewer than n - 1 bands, of the moving average polynomial."


def _check_bands(n: object, bands: object) -> tuple[int, int]:
    """The positions, and the lags up to which they are correlated."""
    if bands is not None:
        return check_order(n, bands, "bands")
    size = check_correlated_size(n, "positions")
    return size, size - 1


class _Banded:
    """A correlation of its own for each lag up to the last of the bands, and zero beyond."""

    n: int
    bands: int

    def _correlations(self, shapes: Tensor) -> Tensor:
        if self.bands < self.n - 1:
            return moving_average_correlations(shapes, self.n)
        return toeplitz_autocorrelations(shapes)

    def _correlation_slopes(self, shapes: Tensor) -> Tensor:
        if self.bands < self.n - 1:
            return moving_average_correlation_slopes(shapes, self.n)
        return toeplitz_autocorrelation_slopes(shapes)


@declare(
    title="Toeplitz",
    category="Time series",
    place=8,
    formula=r"V_{ij} = \sigma^2 r_{|i-j|}, \quad r_0 = 1, \; r_h = 0 \text{ for } h > \text{bands}",
    symbol="σ²r_|i−j|",
    summary="One variance and a correlation of its own for each lag, or for the first few lags.",
    arguments=_ARGUMENTS,
    aliases={
        "ASReml": ("corb", "corbv"),
        "SAS": ("TOEP", "TOEP(q)"),
        "glmmTMB": ("homtoep",),
    },
    reference=(
        "Barndorff-Nielsen & Schou (1973), On the parametrization of autoregressive models by partial "
        "autocorrelations, J. Multivariate Analysis 3, 408-419"
    ),
    parameters={"sigma^2": "Marginal variance of every position.", "pacf_k": _PACF},
    usage={
        "ASReml": "corbv(time)",
        "SAS": "repeated time / subject=id type=toep;",
        "glmmTMB": "homtoep(time + 0 | id)",
    },
    psd=True,
    scale="sigma^2",
    shown={"pacf_k": lambda k: {1: 0.5, 2: 0.4}.get(k)},
    example=lambda: ToeplitzMatrix(4),
)
class ToeplitzMatrix(_Banded, StationaryMatrix):
    r"""A stationary covariance, :math:`V_{ij} = \sigma^2 r_{|i-j|}`: all of them, or banded ones.

    Parameters: `sigma^2` (natural: the marginal variance; raw: exp(2 theta), default 0) and `pacf_1`,
    ..., `pacf_bands` (natural: each anywhere in (-1, 1); raw: 2 sigmoid(theta) - 1, default 0).

    With all n - 1 bands these are the partial autocorrelations, and give every positive definite Toeplitz
    matrix once. With fewer bands they are those of a moving average polynomial of that order, as in
    `MAMatrix`: V is then zero beyond the bands and positive definite at every size. That is narrower
    than SAS's TOEP(bands + 1), which frees the correlations within the bands and may find ones that are
    positive definite at this size only, or not at all.

    Args:
        n: Number of positions, an int of at least 2.
        bands: Lags up to which positions are correlated, an int from 1 to n - 1; None for n - 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` or `bands` is not an int.
        ValueError: `n` is below 2, or `bands` below 1 or above n - 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ToeplitzMatrix
        >>> matrix = ToeplitzMatrix(3)
        >>> matrix.set_param_specs("pacf_1", value=0.5)
        >>> matrix.set_param_specs("pacf_2", value=-0.5)
        >>> matrix()  # r_2 = r_1^2 + pacf_2 (1 - r_1^2)
        tensor([[ 1.0000,  0.5000, -0.1250],
                [ 0.5000,  1.0000,  0.5000],
                [-0.1250,  0.5000,  1.0000]])

    Reference:
        Barndorff-Nielsen & Schou (1973), On the parametrization of autoregressive models by partial
        autocorrelations, Journal of Multivariate Analysis 3, 408-419.
    """

    _definite = True

    def __init__(self, n: int, bands: int | None = None, param_specs: ParamSpecs | None = None) -> None:
        size, self.bands = _check_bands(n, bands)
        super().__init__(size, param_specs, partial_autocorrelations(self.bands))


@declare(
    title="Heterogeneous Toeplitz",
    category="Time series",
    place=9,
    formula=r"V_{ij} = \sigma_i \sigma_j r_{|i-j|}, \quad r_0 = 1, \; r_h = 0 \text{ for } h > \text{bands}",
    symbol="σᵢσⱼr_|i−j|",
    summary="A variance of its own for each position, and a correlation of its own for each lag.",
    arguments=_ARGUMENTS,
    aliases={
        "ASReml": ("corbh",),
        "SAS": ("TOEPH", "TOEPH(q)"),
        "glmmTMB": ("toep",),
    },
    reference=(
        "Wolfinger (1996), Heterogeneous variance-covariance structures for repeated measures, Journal of "
        "Agricultural, Biological, and Environmental Statistics 1, 205-230"
    ),
    parameters={"sigma^2_i": "Variance of position i.", "pacf_k": _PACF},
    usage={
        "ASReml": "corbh(time)",
        "SAS": "repeated time / subject=id type=toeph;",
        "glmmTMB": "toep(time + 0 | id)",
    },
    psd=True,
    shown={"pacf_k": lambda k: {1: 0.5, 2: 0.4}.get(k)},
    example=lambda: HeterogeneousToeplitzMatrix(4),
)
class HeterogeneousToeplitzMatrix(_Banded, HeterogeneousStationaryMatrix):
    r"""A stationary correlation with free variances, :math:`V_{ij} = \sigma_i \sigma_j r_{|i-j|}`.

    Parameters: `sigma^2_0`, ..., `sigma^2_{n-1}` (natural: variances; raw: exp(2 theta), default 0) and
    `pacf_1`, ..., `pacf_bands`, as in `ToeplitzMatrix`.

    Args:
        n: Number of positions, an int of at least 2.
        bands: Lags up to which positions are correlated, an int from 1 to n - 1; None for n - 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` or `bands` is not an int.
        ValueError: `n` is below 2, or `bands` below 1 or above n - 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import HeterogeneousToeplitzMatrix
        >>> matrix = HeterogeneousToeplitzMatrix(3, bands=1)
        >>> matrix.set_param_specs("sigma^2_1", value=4.0)
        >>> matrix.set_param_specs("pacf_1", value=0.5)
        >>> matrix()
        tensor([[1.0000, 0.8000, 0.0000],
                [0.8000, 4.0000, 0.8000],
                [0.0000, 0.8000, 1.0000]])

    Reference:
        Wolfinger (1996), Heterogeneous variance-covariance structures for repeated measures, Journal of
        Agricultural, Biological, and Environmental Statistics 1, 205-230.
    """

    _definite = True

    def __init__(self, n: int, bands: int | None = None, param_specs: ParamSpecs | None = None) -> None:
        size, self.bands = _check_bands(n, bands)
        super().__init__(size, param_specs, partial_autocorrelations(self.bands))

    def _correlation_logdet(self, shapes: Tensor) -> Tensor | None:
        return _log_determinant(shapes) if self.bands == self.n - 1 else None


def _is_full(matrix: ToeplitzMatrix) -> bool:
    return matrix.bands == matrix.n - 1


def _log_determinant(pacf: Tensor) -> Tensor | None:
    """That of the correlation: the sum of those of its prediction errors; None where it is singular."""
    errors = torch.cumprod((1 - pacf) * (1 + pacf), dim=0)
    return None if determined(errors) else errors.log().sum()


@linalg.logdet.register(ToeplitzMatrix, when=_is_full)
def _(matrix: ToeplitzMatrix, natural: Tensor) -> Tensor:
    log = _log_determinant(natural[1:])
    if log is None or not bool(natural[0] > 0):
        raise singular(matrix)
    return matrix.n * natural[0].log() + log
