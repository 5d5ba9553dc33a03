"""Stationary structures of coordinates with smooth processes: Gaussian and rational quadratic."""

from __future__ import annotations

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import declare
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import TransformExp
from covstudio.covariance.structures.spatial.base import (
    ANISOTROPIC,
    RANGE_MEANING,
    VARIANCE_MEANING,
    PlainSpatialMatrix,
    coordinates_argument,
    metric_argument,
)

__all__ = ["GaussianMatrix", "RationalQuadraticMatrix"]


@declare(
    title="Gaussian",
    category="Distance",
    place=2,
    formula=r"V_{ij} = \sigma^2 \exp\left( -\frac{d_{ij}^2}{2\,\text{range}^2} \right)",
    symbol="σ²e^(−d²/2r²)",
    summary="A very smooth spatial process: correlation flat near distance zero, then falling fast.",
    arguments=(coordinates_argument(), metric_argument("euclidean", "chordal"), ANISOTROPIC),
    aliases={
        "ASReml": ("gau", "igau", "agau"),
        "SAS": ("SP(GAU)",),
        "nlme": ("corGaus",),
        "glmmTMB": ("gau",),
        "GPyTorch": ("RBFKernel",),
        "scikit-learn": ("RBF",),
    },
    reference="Diggle & Ribeiro (2007), Model-based Geostatistics, section 3.4",
    parameters={"sigma^2": VARIANCE_MEANING, **RANGE_MEANING},
    usage={
        "SAS": "repeated / subject=intercept type=sp(gau)(x y);",
        "nlme": "correlation = corGaus(form = ~ x + y)",
        "glmmTMB": "gau(numFactor(x, y) + 0 | group)",
        "GPyTorch": "ScaleKernel(RBFKernel(ard_num_dims=2))",
        "scikit-learn": "ConstantKernel() * RBF(length_scale=[1, 1])",
    },
    psd=True,
    scale="sigma^2",
    example=lambda: GaussianMatrix([[0.0, 0.0], [1.0, 0.0], [0.5, 2.0], [2.0, 1.5]]),
)
class GaussianMatrix(PlainSpatialMatrix):
    r"""Gaussian covariance, :math:`V_{ij} = \sigma^2 \exp(-d_{ij}^2 / (2\,\mathrm{range}^2))`.

    Valid in any dimension. The range here is that of radial basis functions; nlme and SAS write
    :math:`\exp(-(d / r)^2)`, so that their r is :math:`\sqrt{2}` times this range. With many near points V
    soon is singular to working precision: add a nugget, or prefer Matern's with a finite smoothness.

    Parameters: `sigma^2` (natural: the marginal variance; raw: exp(2 theta), default 0) and `range`
    (natural: in the unit of the coordinates; raw: exp(theta), default 0, that is 1); or, anisotropic,
    `range_0`, `range_1`, ..., one per column of the coordinates.

    Args:
        coordinates: One number per row, or one row of d numbers per row: lists, a tensor, an array or the
            columns of a DataFrame, shape (n,) or (n, d). Rows may coincide; V is then singular.
        metric: "euclidean", or "chordal" for latitude and longitude in degrees (kilometres).
        anisotropic: Whether each coordinate has a range of its own.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: the coordinates are not numbers.
        ValueError: they are empty or not finite, or the metric is another.

    Example:
        >>> import torch
        >>> from covstudio.covariance import GaussianMatrix
        >>> GaussianMatrix([0.0, 1.0, 3.0])(torch.tensor([0.0, 0.0]))
        tensor([[1.0000, 0.6065, 0.0111],
                [0.6065, 1.0000, 0.1353],
                [0.0111, 0.1353, 1.0000]])

    Reference:
        Diggle & Ribeiro (2007), Model-based Geostatistics, section 3.4; Rasmussen & Williams (2006), Gaussian
        Processes for Machine Learning, equation 4.9.
    """

    # exp(-h^2 / 2) is zero beyond this.
    _limit = 40.0

    def correlation(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """exp(-h^2 / 2)."""
        return torch.exp(-0.5 * h * h)

    def decline(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """h^2 exp(-h^2 / 2)."""
        square = h * h
        return square * torch.exp(-0.5 * square)

    def decline_beside(self, h: Tensor, shape_values: Tensor, correlation: Tensor | None) -> Tensor:
        """h^2 exp(-h^2 / 2), with an exponential that may be there."""
        return self.decline(h, shape_values) if correlation is None else h * h * correlation


@declare(
    title="Rational quadratic",
    category="Distance",
    place=7,
    formula=r"V_{ij} = \sigma^2 \left( 1 + \frac{d_{ij}^2}{2 \alpha\,\text{range}^2} \right)^{-\alpha}",
    symbol="σ²(1+d²/2αr²)^−α",
    summary="A mixture of Gaussian covariances of many ranges: smooth, with a long tail.",
    arguments=(coordinates_argument(), metric_argument("euclidean", "chordal"), ANISOTROPIC),
    aliases={
        "nlme": ("corRatio",),
        "GPyTorch": ("RQKernel",),
        "scikit-learn": ("RationalQuadratic",),
    },
    reference="Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, equation 4.19",
    parameters={
        "sigma^2": VARIANCE_MEANING,
        **RANGE_MEANING,
        "alpha": "Weight of the tail: the smaller, the longer; Gaussian as it grows.",
    },
    usage={
        "nlme": "correlation = corRatio(form = ~ x + y)  # alpha = 1",
        "GPyTorch": "ScaleKernel(RQKernel())",
        "scikit-learn": "ConstantKernel() * RationalQuadratic()",
    },
    psd=True,
    scale="sigma^2",
    example=lambda: RationalQuadraticMatrix([[0.0, 0.0], [1.0, 0.0], [0.5, 2.0], [2.0, 1.5]]),
)
class RationalQuadraticMatrix(PlainSpatialMatrix):
    r"""Rational quadratic, :math:`V_{ij} = \sigma^2 (1 + d_{ij}^2 / (2 \alpha\,\mathrm{range}^2))^{-\alpha}`.

    Valid in any dimension. With alpha fixed at 1 it is nlme's corRatio, with a range :math:`\sqrt{2}` times
    smaller; with alpha growing it becomes the Gaussian covariance.

    Parameters: `sigma^2` (natural: the marginal variance; raw: exp(2 theta), default 0); `range` (raw:
    exp(theta), default 0, that is 1), or `range_0`, ... when anisotropic; and `alpha` (natural: positive;
    raw: exp(theta), default 0, that is 1).

    Args:
        coordinates: One number per row, or one row of d numbers per row, shape (n,) or (n, d). Rows may
            coincide; V is then singular.
        metric: "euclidean", or "chordal" for latitude and longitude in degrees (kilometres).
        anisotropic: Whether each coordinate has a range of its own.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: the coordinates are not numbers.
        ValueError: they are empty or not finite, or the metric is another.

    Example:
        >>> import torch
        >>> from covstudio.covariance import RationalQuadraticMatrix
        >>> RationalQuadraticMatrix([0.0, 1.0, 3.0])(torch.tensor([0.0, 0.0, 0.0]))
        tensor([[1.0000, 0.6667, 0.1818],
                [0.6667, 1.0000, 0.3333],
                [0.1818, 0.3333, 1.0000]])

    Reference:
        Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, equation 4.19; Pinheiro & Bates
        (2000), Mixed-Effects Models in S and S-PLUS, section 5.3.2 (corRatio).
    """

    # Its tail is a power: no distance is so far that it could be left out.
    _logarithmic = True

    def shape_parameters(self) -> list[Parameter]:
        """The declaration of `alpha`."""
        return [Parameter("alpha", TransformExp())]

    @staticmethod
    def _terms(h: Tensor, shape_values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """alpha, log u and log(1 + u) for u = h^2 / (2 alpha), from log h."""
        alpha = shape_values[0].clamp_min(torch.finfo(h.dtype).tiny)
        log_u = 2.0 * h - torch.log(2.0 * alpha)
        # log(1 + e^x) for x of any size, and with finite derivatives.
        return alpha, log_u, torch.logaddexp(log_u, torch.zeros_like(log_u))

    def correlation(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """(1 + h^2 / (2 alpha))^-alpha, from log h."""
        alpha, _, log_sum = self._terms(h, shape_values)
        return torch.exp(-alpha * log_sum)

    def decline(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """2 alpha u / (1 + u) times the correlation, u = h^2 / (2 alpha), from log h."""
        alpha, log_u, log_sum = self._terms(h, shape_values)
        return 2.0 * alpha * torch.sigmoid(log_u) * torch.exp(-alpha * log_sum)

    def shape_slope(self, h: Tensor, shape_values: Tensor, which: int) -> Tensor:
        """The derivative by alpha, (u / (1 + u) - log(1 + u)) times the correlation, from log h."""
        alpha, log_u, log_sum = self._terms(h, shape_values)
        return (torch.sigmoid(log_u) - log_sum) * torch.exp(-alpha * log_sum)
