"""First-order autoregressions of equally spaced positions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import declare
from covstudio.covariance.core.checks import check_correlated_size, check_size
from covstudio.covariance.core.leaf import ParamSpecs
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.structures.elementary.elementary import bounded
from covstudio.covariance.structures.elementary.heterogeneous import recoded_pair, two_positions
from covstudio.covariance.structures.timeseries.autoregression import (
    Autoregression,
    HeterogeneousAutoregression,
)
from covstudio.covariance.structures.timeseries.stationary import positions_argument, symmetric_toeplitz

__all__ = [
    "AR1CorrelationMatrix",
    "AR1Matrix",
    "HeterogeneousAR1Matrix",
    "correlation",
    "power_slopes",
    "powers",
    "symmetric_toeplitz",
]

_SIZE = positions_argument(1)
_RHO = "Correlation of neighbours; at lag k it is ρ^k."


def correlation(name: str, default: float = 0.0) -> Parameter:
    """The usual declaration of a correlation in (-1, 1): 2 sigmoid(theta) - 1, 0 by default."""
    return Parameter(name, bounded(-1.0), default)


def powers(rho: Tensor, n: int) -> Tensor:
    """1, rho, ..., rho^(n-1), shape (n,).

    Whole exponents keep every sign of rho right, and zero.
    """
    power: Tensor = rho ** _exponents(n, rho)
    return power


@lru_cache(maxsize=64)
def _counted(n: int) -> NDArray[np.float64]:
    """0, 1, ..., n - 1: an array, as tensors belong to a mode."""
    return np.arange(n, dtype=np.float64)


def _exponents(n: int, like: Tensor) -> Tensor:
    own = torch.from_numpy(_counted(n))
    return own if like.dtype == torch.float64 and like.device.type == "cpu" else own.to(like)


def power_slopes(values: Tensor) -> Tensor:
    """d rho^k / d rho = k rho^(k-1) from the powers of rho, shape (n,); 0, 1, 0, ... at rho = 0."""
    return _exponents(values.shape[0], values) * torch.cat([values[:1], values[:-1]])


class _FirstOrder:
    """The correlation of an autoregression of order 1, rho^k at lag k, by its one parameter."""

    n: int
    _order = 1

    def _correlations(self, shapes: Tensor) -> Tensor:
        return powers(shapes[0], self.n)

    def _correlation_slopes(self, shapes: Tensor) -> Tensor:
        return power_slopes(powers(shapes[0], self.n))[None]


class _StationaryFirstOrder(_FirstOrder, Autoregression):
    """The same as a stationary structure, whose slopes are multiples of its correlations."""

    def _all_correlation_slopes(self, natural: Tensor, correlations: Tensor | None = None) -> Tensor:
        return power_slopes(self._all_correlations(natural) if correlations is None else correlations)[None]


@declare(
    title="First-order autoregressive",
    category="Time series",
    place=1,
    formula=r"V_{ij} = \sigma^2 \rho^{|i - j|}",
    symbol="σ²ρ^|i−j|",
    keywords=("repeated measures", "serial correlation", "longitudinal"),
    summary="Equally spaced positions whose correlation decays geometrically with their lag.",
    arguments=(_SIZE,),
    aliases={
        "torch-openreml": ("AR1Matrix",),
        "ASReml": ("ar1v",),
        "SAS": ("AR(1)",),
        "nlme": ("corAR1",),
        "glmmTMB": ("ar1",),
    },
    reference="Box & Jenkins (1970), Time Series Analysis: Forecasting and Control, chapter 3",
    parameters={"sigma^2": "Marginal variance of every position.", "rho": _RHO},
    usage={
        "ASReml": "ar1v(time)",
        "SAS": "repeated time / subject=id type=ar(1);",
        "nlme": "correlation = corAR1(form = ~ time | id)",
        "glmmTMB": "ar1(time + 0 | id)",
    },
    psd=True,
    scale="sigma^2",
    shown={"rho": 0.5},
    example=lambda: AR1Matrix(4),
)
class AR1Matrix(_StationaryFirstOrder):
    r"""First-order autoregression, :math:`V_{ij} = \sigma^2 \rho^{|i-j|}` with :math:`\rho \in (-1, 1)`.

    Parameters: `sigma^2` (natural: the marginal variance, not that of the innovations; raw: exp(2 theta),
    default 0) and `rho` (natural: the correlation of neighbours; raw: 2 sigmoid(theta) - 1, default 0, that
    is no correlation).

    Args:
        n: Number of positions, an int of at least 1; of one position `rho` says nothing.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix
        >>> AR1Matrix(3)(torch.tensor([0.5, 1.0]))
        tensor([[2.7183, 1.2562, 0.5805],
                [1.2562, 2.7183, 1.2562],
                [0.5805, 1.2562, 2.7183]])

    Reference:
        Box & Jenkins (1970), Time Series Analysis: Forecasting and Control, chapter 3. In field trials:
        Cullis & Gleeson (1991), Spatial analysis of field experiments - an extension to two dimensions,
        Biometrics 47, 1449-1460.
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        super().__init__(check_size(n), param_specs, [correlation("rho")])


@declare(
    title="First-order autoregressive correlation",
    category="Time series",
    place=2,
    formula=r"V_{ij} = \rho^{|i - j|}",
    symbol="ρ^|i−j|",
    summary="The autoregressive correlation with unit variances, for a factor of a Kronecker product.",
    arguments=(_SIZE,),
    aliases={"ASReml": ("ar1",), "nlme": ("corAR1",)},
    reference=(
        "Cullis & Gleeson (1991), Spatial analysis of field experiments - an extension to two dimensions, "
        "Biometrics 47, 1449-1460"
    ),
    parameters={"rho": _RHO},
    usage={"ASReml": "ar1v(column):ar1(row)", "nlme": "correlation = corAR1(form = ~ time | id)"},
    psd=True,
    shown={"rho": 0.5},
    example=lambda: AR1CorrelationMatrix(4),
)
class AR1CorrelationMatrix(_StationaryFirstOrder):
    r"""First-order autoregressive correlation, :math:`V_{ij} = \rho^{|i-j|}`, :math:`-1 < \rho < 1`.

    Parameters: `rho` (natural: the correlation of neighbours; raw: 2 sigmoid(theta) - 1, default 0). Having
    no variance, it keeps AR1 (x) AR1 times one variance identifiable.

    Args:
        n: Number of positions, an int of at least 1; of one position `rho` says nothing.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1CorrelationMatrix
        >>> AR1CorrelationMatrix(3)(torch.tensor([1.0]))
        tensor([[1.0000, 0.4621, 0.2136],
                [0.4621, 1.0000, 0.4621],
                [0.2136, 0.4621, 1.0000]])

    Reference:
        Cullis & Gleeson (1991), Spatial analysis of field experiments - an extension to two dimensions,
        Biometrics 47, 1449-1460.
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        super().__init__(check_size(n), param_specs, [correlation("rho")], scaled=False)


def _by_lag(matrix: Autoregression) -> linalg.CovarianceFunction:
    scaled = matrix.num_params == 2

    def value(natural: Tensor, lags: Tensor) -> Tensor:
        power = natural[-1] ** lags
        return natural[0] * power if scaled else power

    def derivative(natural: Tensor, index: Sequence[int], lags: Tensor) -> Tensor:
        rho = natural[-1]
        # 0^-1 would spoil the first entry, which is 0 lag^... = 0.
        slope = lags * rho ** (lags - 1.0).clamp(min=0.0)
        slope = natural[0] * slope if scaled else slope
        slices = [rho**lags if scaled and k == 0 else slope for k in index]
        return torch.stack(slices) if slices else natural.new_zeros((0, *lags.shape))

    return linalg.CovarianceFunction(None, value, derivative, markov=True)


linalg.covariance_function.register(AR1Matrix)(_by_lag)
linalg.covariance_function.register(AR1CorrelationMatrix)(_by_lag)


@declare(
    title="Heterogeneous first-order autoregressive",
    category="Time series",
    place=3,
    formula=r"V_{ij} = \sigma_i \sigma_j \rho^{|i - j|}",
    symbol="σᵢσⱼρ^|i−j|",
    summary="The autoregressive correlation, with a variance of its own for each position.",
    arguments=(positions_argument(2),),
    aliases={
        "ASReml": ("ar1h",),
        "SAS": ("ARH(1)",),
        "nlme": ("corAR1", "varIdent"),
        "glmmTMB": ("hetar1",),
    },
    reference=(
        "Wolfinger (1996), Heterogeneous variance-covariance structures for repeated measures, Journal of "
        "Agricultural, Biological, and Environmental Statistics 1, 205-230"
    ),
    parameters={"sigma^2_i": "Variance of position i.", "rho": _RHO},
    usage={
        "ASReml": "ar1h(time)",
        "SAS": "repeated time / subject=id type=arh(1);",
        "nlme": "correlation = corAR1(form = ~ time | id), weights = varIdent(form = ~ 1 | time)",
        "glmmTMB": "hetar1(time + 0 | id)",
    },
    psd=True,
    shown={"rho": 0.5},
    example=lambda: HeterogeneousAR1Matrix(4),
)
class HeterogeneousAR1Matrix(_FirstOrder, HeterogeneousAutoregression):
    r"""First-order autoregression with free variances, :math:`V_{ij} = \sigma_i \sigma_j \rho^{|i-j|}`.

    Parameters: `sigma^2_0`, ..., `sigma^2_{n-1}` (natural: variances; raw: exp(2 theta), default 0, that
    is 1) and `rho` (natural: the correlation of neighbours, in (-1, 1); raw: 2 sigmoid(theta) - 1,
    default 0).

    Args:
        n: Number of positions, an int of at least 2.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 2.

    Example:
        >>> import torch
        >>> from covstudio.covariance import HeterogeneousAR1Matrix
        >>> matrix = HeterogeneousAR1Matrix(3)
        >>> for name, value in {"sigma^2_0": 1.0, "sigma^2_1": 4.0, "sigma^2_2": 9.0, "rho": 0.5}.items():
        ...     matrix.set_param_specs(name, value=value)
        >>> matrix()
        tensor([[1.0000, 1.0000, 0.7500],
                [1.0000, 4.0000, 3.0000],
                [0.7500, 3.0000, 9.0000]])

    Reference:
        Wolfinger (1996), Heterogeneous variance-covariance structures for repeated measures, Journal of
        Agricultural, Biological, and Environmental Statistics 1, 205-230.
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        size = check_correlated_size(n, "positions")
        super().__init__(size, param_specs, [correlation("rho")])


linalg.recoded.register(HeterogeneousAR1Matrix, when=two_positions)(recoded_pair)
