"""The power covariance of coordinates: the exponential, by the correlation at distance one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import declare
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.numerics.distance import (
    METRICS,
    Pairs,
    check_dimensions,
    check_metric,
    check_points,
    coordinate_distances,
    distances,
)
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import TransformSigmoid
from covstudio.covariance.structures.elementary.elementary import variance
from covstudio.covariance.structures.spatial.base import (
    ANISOTROPIC,
    VARIANCE_MEANING,
    apart,
    check_flag,
    constant_diagonal,
    constant_diagonal_slopes,
    coordinates_argument,
    metric_argument,
    per_dimension,
)

__all__ = ["PowerMatrix"]


@declare(
    title="Power",
    category="Distance",
    place=8,
    formula=r"V_{ij} = \sigma^2 \rho^{d_{ij}}",
    symbol="σ²ρ^d",
    summary="The exponential covariance by the correlation of positions one unit apart.",
    arguments=(coordinates_argument(), metric_argument(*METRICS), ANISOTROPIC),
    aliases={
        "ASReml": ("exp", "iexp", "aexp", "ieuc"),
        "SAS": ("SP(POW)", "SP(POWA)"),
    },
    reference="Cressie (1993), Statistics for Spatial Data, section 2.3.1",
    parameters={
        "sigma^2": VARIANCE_MEANING,
        "rho": "Correlation of positions one unit of distance apart.",
        "rho_j": "Correlation of positions one unit apart along coordinate j, when anisotropic.",
    },
    usage={
        "ASReml": "ieuc(x, y); city-block: iexp(x, y); anisotropic: aexp(x, y)",
        "SAS": "repeated / subject=intercept type=sp(pow)(x y);",
    },
    psd=True,
    scale="sigma^2",
    example=lambda: PowerMatrix([[0.0, 0.0], [1.0, 0.0], [0.5, 2.0], [2.0, 1.5]]),
)
class PowerMatrix(Leaf):
    r"""Power covariance, :math:`V_{ij} = \sigma^2 \rho^{d_{ij}}` with :math:`\rho \in (0, 1)`.

    It is the exponential covariance with range :math:`-1 / \log \rho`, valid in any dimension and with every
    metric. Anisotropic, it is :math:`\sigma^2 \prod_k \rho_k^{|x_{ik} - x_{jk}|}`, a product over
    coordinates, which has city-block distances only.

    Parameters: `sigma^2` (natural: the marginal variance; raw: exp(2 theta), default 0) and `rho`
    (natural: the correlation at distance 1; raw: sigmoid(theta), default 0, that is 1/2); or, anisotropic,
    `rho_0`, `rho_1`, ..., one per column of the coordinates. A rho near 1 over thousands of units is
    rounded thousands of times: in single precision by 6e-8 each. A larger unit, or `ExponentialMatrix` with
    its range, keeps the digits.

    Args:
        coordinates: One number per row, or one row of d numbers per row: lists, a tensor, an array or the
            columns of a DataFrame, shape (n,) or (n, d). Rows may coincide; V is then singular.
        metric: "euclidean", "cityblock", or for latitude and longitude in degrees "great-circle" or
            "chordal", both in kilometres.
        anisotropic: Whether each coordinate has a correlation of its own; needs the metric "cityblock".
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: the coordinates are not numbers.
        ValueError: they are empty or not finite, are no latitude and longitude where they have to be, the
            metric is unknown, or not "cityblock" when anisotropic.

    Example:
        >>> import torch
        >>> from covstudio.covariance import PowerMatrix
        >>> PowerMatrix([0.0, 1.0, 3.0])(torch.tensor([0.0, 0.0]))
        tensor([[1.0000, 0.5000, 0.1250],
                [0.5000, 1.0000, 0.2500],
                [0.1250, 0.2500, 1.0000]])

    Reference:
        Cressie (1993), Statistics for Spatial Data, section 2.3.1; Gneiting (2013), Strictly and non-strictly
        positive definite functions on spheres, Bernoulli 19, 1327-1349, for great-circle distances.
    """

    def __init__(
        self,
        coordinates: object,
        *,
        metric: str = "euclidean",
        anisotropic: bool = False,
        param_specs: ParamSpecs | None = None,
    ) -> None:
        label = type(self).__name__
        self.metric = check_metric(metric, {}, label)
        self.anisotropic = check_flag(anisotropic, "anisotropic", label)
        self.coordinates = check_points(coordinates)
        check_dimensions(self.coordinates, self.metric, None, "", label)
        size, count = self.coordinates.shape
        if (
            self.anisotropic
            and self.metric != "cityblock"
            and not (count == 1 and self.metric == "euclidean")
        ):
            raise ValueError(
                f"{label}: metric must be 'cityblock' when anisotropic, got {self.metric!r}: powers of one "
                "correlation per coordinate multiply up to city-block distances; choose that metric, or "
                "ExponentialMatrix with a range per coordinate"
            )
        own = self.anisotropic
        parts = (
            coordinate_distances(self.coordinates) if own else distances(self.coordinates, self.metric)[None]
        )
        self._pairs = Pairs(parts)
        self._definite = self._pairs.distinct
        names = per_dimension("rho", count, own)
        rho = [Parameter(name, TransformSigmoid()) for name in names]
        super().__init__((size, size), param_specs, [variance(), *rho])

    def _logs(self, natural: Tensor) -> Tensor:
        """log rho, kept off log 0, shaped to multiply the parts."""
        rho = natural[1:].clamp_min(torch.finfo(natural.dtype).tiny)
        return torch.log(rho).reshape(-1, *[1] * (self._pairs.parts.ndim - 1))

    def evaluate(self, natural: Tensor) -> Tensor:
        """sigma^2 rho^d, shape (n, n), from natural values [sigma^2, rho or rho_0, ...]."""
        exponent = (self._pairs.like(natural) * self._logs(natural)).sum(0)
        return self._pairs.spread(natural[0] * torch.exp(exponent))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2 = rho^d and dV/d rho_k = sigma^2 d_k rho^d / rho_k, each n x n."""
        parts, logs = self._pairs.like(natural), self._logs(natural)
        exponent = (parts * logs).sum(0)
        # One power of rho less in the exponent: a quotient of what may both be zero.
        slices = [
            torch.exp(exponent)
            if position == 0
            else natural[0] * parts[position - 1] * torch.exp(exponent - logs[position - 1])
            for position in index
        ]
        if not slices:
            return natural.new_zeros((0, *self.shape))
        return self._pairs.spread(torch.stack(slices))


linalg.diagonal.register(PowerMatrix)(constant_diagonal)
linalg.derivative_diagonal.register(PowerMatrix)(constant_diagonal_slopes)


@linalg.separation.register(PowerMatrix)
def _(matrix: PowerMatrix, i: int, j: int) -> linalg.Separation:
    return apart(matrix.coordinates, matrix.metric, matrix.anisotropic, i, j)
