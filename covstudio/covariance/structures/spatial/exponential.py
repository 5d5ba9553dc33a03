"""Stationary structures of coordinates that decay exponentially: exponential, power, damped cosine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from types import MappingProxyType

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import declare
from covstudio.covariance.core.definiteness import SingularMatrixError
from covstudio.covariance.linalg.dense import singular
from covstudio.covariance.numerics.distance import METRICS
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import (
    Transform,
    TransformChain,
    TransformExp,
    TransformScaleShift,
    TransformSigmoid,
)
from covstudio.covariance.structures.spatial.base import (
    ANISOTROPIC,
    RANGE_MEANING,
    VARIANCE_MEANING,
    PlainSpatialMatrix,
    coordinates_argument,
    metric_argument,
)
from covstudio.covariance.structures.timeseries.ornstein_uhlenbeck import OrnsteinUhlenbeckMatrix

__all__ = ["DampedCosineMatrix", "ExponentialMatrix"]


@declare(
    title="Exponential",
    category="Distance",
    place=1,
    formula=r"V_{ij} = \sigma^2 \exp\left( -\frac{d_{ij}}{\text{range}} \right)",
    symbol="σ²e^(−d/r)",
    summary="Correlation that falls exponentially with distance: a rough spatial process.",
    arguments=(coordinates_argument(), metric_argument(*METRICS), ANISOTROPIC),
    aliases={
        "ASReml": ("exp", "iexp", "aexp", "ieuc"),
        "SAS": ("SP(EXP)",),
        "nlme": ("corExp",),
        "glmmTMB": ("exp",),
        "GPyTorch": ("MaternKernel(nu=0.5)",),
        "scikit-learn": ("Matern(nu=0.5)",),
    },
    reference="Cressie (1993), Statistics for Spatial Data, section 2.3.1",
    parameters={"sigma^2": VARIANCE_MEANING, **RANGE_MEANING},
    usage={
        "SAS": "repeated / subject=intercept type=sp(exp)(x y);",
        "nlme": "correlation = corExp(form = ~ x + y)",
        "glmmTMB": "exp(numFactor(x, y) + 0 | group)",
        "GPyTorch": "ScaleKernel(MaternKernel(nu=0.5))",
        "scikit-learn": "ConstantKernel() * Matern(nu=0.5)",
    },
    psd=True,
    scale="sigma^2",
    example=lambda: ExponentialMatrix([[0.0, 0.0], [1.0, 0.0], [0.5, 2.0], [2.0, 1.5]]),
)
class ExponentialMatrix(PlainSpatialMatrix):
    r"""Exponential covariance, :math:`V_{ij} = \sigma^2 \exp(-d_{ij} / \mathrm{range})`.

    Valid in any dimension, and with every metric: the only one here that is a covariance of city-block
    distances (it is then a product over coordinates) and, with Matern's up to smoothness 1/2, of great-circle
    distances.

    Parameters: `sigma^2` (natural: the marginal variance; raw: exp(2 theta), default 0) and `range`
    (natural: the distance over which the correlation falls to 1/e; raw: exp(theta), default 0, that is 1);
    or, anisotropic, `range_0`, `range_1`, ..., one per column of the coordinates.

    Args:
        coordinates: One number per row, or one row of d numbers per row: lists, a tensor, an array or the
            columns of a DataFrame, shape (n,) or (n, d). Rows may coincide; V is then singular.
        metric: "euclidean", "cityblock", or for latitude and longitude in degrees "great-circle" or
            "chordal", both in kilometres on a sphere of radius 6371.0088.
        anisotropic: Whether each coordinate has a range of its own; not for latitude and longitude.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: the coordinates are not numbers.
        ValueError: they are empty or not finite, are no latitude and longitude where they have to be, or
            the metric is unknown.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ExponentialMatrix
        >>> ExponentialMatrix([[0.0, 0.0], [3.0, 4.0]])(torch.tensor([0.0, 1.0]))
        tensor([[1.0000, 0.1589],
                [0.1589, 1.0000]])
        >>> ExponentialMatrix([[0, 0], [3, 4]], metric="cityblock", anisotropic=True).param_names
        ['sigma^2', 'range_0', 'range_1']

    Reference:
        Cressie (1993), Statistics for Spatial Data, section 2.3.1; Gneiting (2013), Strictly and non-strictly
        positive definite functions on spheres, Bernoulli 19, 1327-1349, for great-circle distances.
    """

    _refused: Mapping[str, str] = MappingProxyType({})

    @cached_property
    def _process(self) -> OrnsteinUhlenbeckMatrix | None:
        """On a line it is the Ornstein-Uhlenbeck process, which knows its inverse."""
        line = self.coordinates.shape[1] == 1 and self._pairs.distinct
        return OrnsteinUhlenbeckMatrix(self.coordinates[:, 0]) if line else None

    def correlation(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """exp(-h)."""
        return torch.exp(-h)

    def decline(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """h exp(-h)."""
        return h * torch.exp(-h)

    def decline_beside(self, h: Tensor, shape_values: Tensor, correlation: Tensor | None) -> Tensor:
        """h exp(-h), h times the correlation."""
        return self.decline(h, shape_values) if correlation is None else h * correlation


def _on_a_line(matrix: ExponentialMatrix) -> bool:
    return matrix._process is not None


def _in_order(matrix: ExponentialMatrix) -> bool:
    return matrix._process is not None and linalg.bandwidth(matrix._process) is not None


@contextmanager
def _process(matrix: ExponentialMatrix) -> Iterator[OrnsteinUhlenbeckMatrix]:
    """The same matrix as a process on the line; its errors speak of the structure that was asked."""
    assert matrix._process is not None
    try:
        yield matrix._process
    except SingularMatrixError:
        raise singular(matrix) from None


@linalg.kind.register(ExponentialMatrix, when=_on_a_line)
def _(matrix: ExponentialMatrix) -> linalg.Kind:
    with _process(matrix) as process:
        return linalg.kind(process)


@linalg.bandwidth.register(ExponentialMatrix, when=_on_a_line)
def _(matrix: ExponentialMatrix) -> int | None:
    with _process(matrix) as process:
        return linalg.bandwidth(process)


@linalg.solve.register(ExponentialMatrix, when=_on_a_line)
def _(matrix: ExponentialMatrix, natural: Tensor, b: Tensor) -> Tensor:
    with _process(matrix) as process:
        return linalg.solve(process, natural, b)


@linalg.logdet.register(ExponentialMatrix, when=_on_a_line)
def _(matrix: ExponentialMatrix, natural: Tensor) -> Tensor:
    with _process(matrix) as process:
        return linalg.logdet(process, natural)


@linalg.precision.register(ExponentialMatrix, when=_in_order)
def _(matrix: ExponentialMatrix, natural: Tensor) -> Tensor:
    with _process(matrix) as process:
        return linalg.precision(process, natural)


@linalg.precision_derivatives.register(ExponentialMatrix, when=_in_order)
def _(matrix: ExponentialMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    with _process(matrix) as process:
        return linalg.precision_derivatives(process, natural, index)


@declare(
    title="Damped cosine",
    category="Distance",
    place=9,
    formula=r"V_{ij} = \sigma^2 e^{-h_{ij}} \cos(\text{omega\_range}\; h_{ij}), \quad "
    r"h_{ij} = \frac{d_{ij}}{\text{range}}",
    symbol="σ²e^(−h)cos(ωr·h)",
    summary="Correlation that swings below zero as it falls: a hole effect, as between rows and gaps.",
    arguments=(coordinates_argument(), metric_argument("euclidean", "chordal"), ANISOTROPIC),
    aliases={"RandomFields": ("RMdampedcos",)},
    reference="Yaglom (1987), Correlation Theory of Stationary and Related Random Functions, volume 1",
    parameters={
        "sigma^2": VARIANCE_MEANING,
        **RANGE_MEANING,
        "omega_range": "Radians through which the cosine turns over one range.",
    },
    usage={"RandomFields": "RMdampedcos(lambda, var, scale)"},
    psd=True,
    scale="sigma^2",
    example=lambda: DampedCosineMatrix([[0.0, 0.0], [1.0, 0.0], [0.5, 2.0], [2.0, 1.5]]),
)
class DampedCosineMatrix(PlainSpatialMatrix):
    r"""Damped cosine, :math:`V_{ij} = \sigma^2 \exp(-d_{ij} / \mathrm{range}) \cos(\omega d_{ij})`.

    In D dimensions it is a covariance exactly when :math:`\omega\,\mathrm{range} \le \tan(\pi / (2 D))`: any
    frequency on a line, at most 1 / range in the plane and :math:`1 / (\sqrt{3}\,\mathrm{range})` in space.
    The parameters are therefore the range and the product `omega_range` of both, whose transform ends at
    that bound; :math:`\omega` itself is `omega_range / range`.

    Parameters: `sigma^2` (natural: the marginal variance; raw: exp(2 theta), default 0); `range` (raw:
    exp(theta), default 0), or `range_0`, ... when anisotropic, h then being the scaled distance; and
    `omega_range` (natural: positive; raw: exp(theta) on a line, otherwise tan(pi / (2 D)) sigmoid(theta);
    default 0). On a line a cosine of many turns keeps the digits that omega_range has: at e^10 the value is
    right to 3e-4 in single precision.

    Args:
        coordinates: One number per row, or one row of d numbers per row, shape (n,) or (n, d). Rows may
            coincide; V is then singular.
        metric: "euclidean", or "chordal" for latitude and longitude in degrees (in space, kilometres).
        anisotropic: Whether each coordinate has a range of its own.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: the coordinates are not numbers.
        ValueError: they are empty or not finite, or the metric is another.

    Example:
        >>> import torch
        >>> from covstudio.covariance import DampedCosineMatrix
        >>> matrix = DampedCosineMatrix([0.0, 1.0, 3.0])
        >>> matrix.param_names
        ['sigma^2', 'range', 'omega_range']
        >>> matrix(torch.tensor([0.0, 0.0, 0.0]))
        tensor([[ 1.0000,  0.1988, -0.0493],
                [ 0.1988,  1.0000, -0.0563],
                [-0.0493, -0.0563,  1.0000]])

    Reference:
        Yaglom (1987), Correlation Theory of Stationary and Related Random Functions, volume 1;
        Zastavnyi (1993), Positive definite functions depending on a norm, Russian Academy of Sciences
        Doklady Mathematics 46, 112-114, for the bound in D dimensions.
    """

    def shape_parameters(self) -> list[Parameter]:
        """The declaration of `omega_range`, bounded by what the dimensions allow."""
        transform: Transform = TransformExp()
        if self.dimensions > 1:
            bound = math.tan(0.5 * math.pi / self.dimensions)
            transform = TransformChain([TransformSigmoid(), TransformScaleShift(bound, 0.0)])
        return [Parameter("omega_range", transform)]

    def _widened(self, natural: Tensor) -> Tensor:
        """The natural values in float64: of many turns a cosine in single precision leaves nothing."""
        return natural.double()

    def correlation(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """exp(-h) cos(w h), w = omega_range."""
        return torch.exp(-h) * torch.cos(shape_values[0] * h)

    def decline(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """h exp(-h) (cos(w h) + w sin(w h))."""
        angle = shape_values[0] * h
        return h * torch.exp(-h) * (torch.cos(angle) + shape_values[0] * torch.sin(angle))

    def shape_slope(self, h: Tensor, shape_values: Tensor, which: int) -> Tensor:
        """The derivative by omega_range, -h exp(-h) sin(w h)."""
        return -h * torch.exp(-h) * torch.sin(shape_values[0] * h)
