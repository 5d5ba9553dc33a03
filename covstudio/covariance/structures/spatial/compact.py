"""Stationary structures of coordinates that vanish beyond a range: spherical, circular, linear."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import declare
from covstudio.covariance.core.leaf import ParamSpecs
from covstudio.covariance.structures.spatial.base import (
    ANISOTROPIC,
    EUCLIDEAN_ONLY,
    VARIANCE_MEANING,
    PlainSpatialMatrix,
    SpatialMatrix,
    coordinates_argument,
    metric_argument,
)

__all__ = ["CircularMatrix", "LinearDistanceMatrix", "SphericalMatrix"]

_REACH = {
    "range": "Distance from which on the correlation is zero, in the unit of the coordinates.",
    "range_j": "The same along coordinate j, when anisotropic.",
}


@declare(
    title="Spherical",
    category="Distance",
    place=4,
    formula=r"V_{ij} = \sigma^2 \left( 1 - \tfrac{3}{2} h_{ij} + \tfrac{1}{2} h_{ij}^3 \right), \quad "
    r"h_{ij} = \frac{d_{ij}}{\text{range}} < 1",
    symbol="σ²(1−³⁄₂h+½h³)",
    summary="Correlation that falls almost linearly and is exactly zero beyond the range.",
    arguments=(coordinates_argument(3), metric_argument("euclidean", "chordal"), ANISOTROPIC),
    aliases={"ASReml": ("sph",), "SAS": ("SP(SPH)",), "nlme": ("corSpher",)},
    reference="Cressie (1993), Statistics for Spatial Data, section 2.3.1",
    parameters={"sigma^2": VARIANCE_MEANING, **_REACH},
    usage={
        "SAS": "repeated / subject=intercept type=sp(sph)(x y);",
        "nlme": "correlation = corSpher(form = ~ x + y)",
    },
    psd=True,
    scale="sigma^2",
    example=lambda: SphericalMatrix([[0.0, 0.0], [0.4, 0.0], [0.1, 0.5], [0.6, 0.3]]),
)
class SphericalMatrix(PlainSpatialMatrix):
    r"""Spherical covariance, :math:`\sigma^2 (1 - \tfrac32 h + \tfrac12 h^3)` for h = d / range < 1, else 0.

    A covariance in one, two and three dimensions: the volume that two balls of diameter range share. Its
    slope is continuous at h = 1, its curvature is not.

    Parameters: `sigma^2` (natural: the marginal variance; raw: exp(2 theta), default 0) and `range`
    (natural: the distance at which the correlation reaches zero; raw: exp(theta), default 0, that is 1); or,
    anisotropic, `range_0`, `range_1`, ..., one per column of the coordinates.

    Args:
        coordinates: One number per row, or one row of up to 3 numbers per row: lists, a tensor, an array or
            the columns of a DataFrame, shape (n,) or (n, d). Rows may coincide; V is then singular.
        metric: "euclidean", or "chordal" for latitude and longitude in degrees (kilometres).
        anisotropic: Whether each coordinate has a range of its own.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: the coordinates are not numbers.
        ValueError: they are empty or not finite, have more than 3 columns, or the metric is another.

    Example:
        >>> import torch
        >>> from covstudio.covariance import SphericalMatrix
        >>> SphericalMatrix([0.0, 0.5, 2.0])(torch.tensor([0.0, 0.0]))
        tensor([[1.0000, 0.3125, 0.0000],
                [0.3125, 1.0000, 0.0000],
                [0.0000, 0.0000, 1.0000]])

    Reference:
        Cressie (1993), Statistics for Spatial Data, section 2.3.1.
    """

    _most = 3
    _why = "in four dimensions and more the spherical correlation is not positive semi-definite"
    _limit = 2.0

    def correlation(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """1 - 1.5 h + 0.5 h^3 for h < 1, else 0."""
        inside = h.clamp_max(1.0)
        return 1.0 - inside * (1.5 - 0.5 * inside * inside)

    def decline(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """1.5 h (1 - h^2) for h < 1, else 0."""
        inside = h.clamp_max(1.0)
        return 1.5 * inside * (1.0 - inside * inside)


def _circular_profile(h: Tensor) -> Tensor:
    r"""The circular correlation, 0 from h = 1 on.

    As :math:`(z - \sin z) / \pi` with :math:`z = 2 \arccos h`, so that differentiation term by term does not
    meet the difference of infinite slopes at h = 1 that the usual form has.
    """
    outside = h >= 1.0
    inside = h.masked_fill(outside, 0.0)
    z = 2.0 * torch.atan2(torch.sqrt((1.0 - inside) * (1.0 + inside)), inside)
    near = z < 0.7
    small = torch.where(near, z, 0.0)
    series = torch.ones_like(z)
    for k in range(7, 0, -1):
        series = 1.0 - series * small * small / ((2 * k + 2) * (2 * k + 3))
    lens = torch.where(near, small**3 / 6.0 * series, z - torch.sin(z))
    return (lens / math.pi).masked_fill(outside, 0.0)


def _circular_slope(h: Tensor) -> Tensor:
    """Minus the derivative of the circular correlation, (4 / pi) sqrt(1 - h^2), 0 from h = 1 on."""
    outside = h >= 1.0
    inside = h.masked_fill(outside, 0.0)
    return (4.0 / math.pi) * torch.sqrt((1.0 - inside) * (1.0 + inside)).masked_fill(outside, 0.0)


@declare(
    title="Circular",
    category="Distance",
    place=5,
    formula=r"V_{ij} = \sigma^2 \left[ 1 - \tfrac{2}{\pi} \left( h_{ij} \sqrt{1 - h_{ij}^2} + \arcsin h_{ij} "
    r"\right) \right], \quad h_{ij} = \frac{d_{ij}}{\text{range}} < 1",
    symbol="σ² cir(d/r)",
    summary="The overlap of two discs: exactly zero beyond the range, in the plane or on a line.",
    arguments=(coordinates_argument(2), ANISOTROPIC),
    aliases={"ASReml": ("cir",)},
    reference="Cressie (1993), Statistics for Spatial Data, section 2.3.1",
    parameters={"sigma^2": VARIANCE_MEANING, **_REACH},
    usage={"ASReml": "cir(x, y)"},
    psd=True,
    scale="sigma^2",
    example=lambda: CircularMatrix([[0.0, 0.0], [0.4, 0.0], [0.1, 0.5], [0.6, 0.3]]),
)
class CircularMatrix(PlainSpatialMatrix):
    r"""Circular covariance, :math:`\sigma^2 [1 - \tfrac{2}{\pi} (h \sqrt{1 - h^2} + \arcsin h)]`.

    For h = d / range < 1; else 0. A covariance in one and two dimensions: the area that two discs of
    diameter range share.

    Parameters: `sigma^2` (natural: the marginal variance; raw: exp(2 theta), default 0) and `range`
    (natural: the distance at which the correlation reaches zero; raw: exp(theta), default 0, that is 1); or,
    anisotropic, `range_0`, `range_1`, one per column of the coordinates.

    Args:
        coordinates: One number per row, or one row of up to 2 numbers per row: lists, a tensor, an array or
            the columns of a DataFrame, shape (n,) or (n, d). Rows may coincide; V is then singular.
        metric: "euclidean"; others are refused with the reason.
        anisotropic: Whether each coordinate has a range of its own.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: the coordinates are not numbers.
        ValueError: they are empty or not finite, have more than 2 columns, or the metric is another.

    Example:
        >>> import torch
        >>> from covstudio.covariance import CircularMatrix
        >>> CircularMatrix([0.0, 0.5, 2.0])(torch.tensor([0.0, 0.0]))
        tensor([[1.0000, 0.3910, 0.0000],
                [0.3910, 1.0000, 0.0000],
                [0.0000, 0.0000, 1.0000]])

    Reference:
        Cressie (1993), Statistics for Spatial Data, section 2.3.1.
    """

    _refused = EUCLIDEAN_ONLY
    _most = 2
    _why = "in three dimensions and more the circular correlation is not positive semi-definite"
    _limit = 2.0

    def correlation(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """1 - (2 / pi) (h sqrt(1 - h^2) + asin h) for h < 1, else 0."""
        return _circular_profile(h)

    def decline(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """(4 / pi) h sqrt(1 - h^2) for h < 1, else 0."""
        return h * _circular_slope(h)


@declare(
    title="Linear",
    category="Distance",
    place=6,
    formula=r"V_{ij} = \sigma^2 \max\left( 0,\; 1 - \frac{d_{ij}}{\text{range}} \right)",
    symbol="σ²max(0, 1−d/r)",
    summary="Correlation that falls linearly to zero at the range, for positions on a line.",
    arguments=(coordinates_argument(1),),
    aliases={"SAS": ("SP(LIN)",), "nlme": ("corLin",)},
    reference="Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.3.2",
    parameters={"sigma^2": VARIANCE_MEANING, "range": _REACH["range"]},
    usage={
        "SAS": "repeated / subject=intercept type=sp(lin)(x);",
        "nlme": "correlation = corLin(form = ~ x)",
    },
    psd=True,
    scale="sigma^2",
    example=lambda: LinearDistanceMatrix([0.0, 0.4, 0.75, 2.1]),
)
class LinearDistanceMatrix(SpatialMatrix):
    r"""Linear covariance on a line, :math:`V_{ij} = \sigma^2 \max(0, 1 - d_{ij} / \mathrm{range})`.

    A covariance in one dimension only. It has a kink at d = range, where the derivative by the range is taken
    from outside, as 0; an estimate of the range may come to rest at one of the distances.

    Parameters: `sigma^2` (natural: the marginal variance; raw: exp(2 theta), default 0) and `range`
    (natural: the distance at which the correlation reaches zero; raw: exp(theta), default 0, that is 1).

    Args:
        coordinates: One number per row: a list, a tensor, an array or a column, shape (n,) or (n, 1). Rows
            may coincide; V is then singular.
        metric: "euclidean"; others are refused with the reason.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: the coordinates are not numbers.
        ValueError: they are empty or not finite, have more than one column, or the metric is another.

    Example:
        >>> import torch
        >>> from covstudio.covariance import LinearDistanceMatrix
        >>> LinearDistanceMatrix([0.0, 0.25, 2.0])(torch.tensor([0.0, 0.0]))
        tensor([[1.0000, 0.7500, 0.0000],
                [0.7500, 1.0000, 0.0000],
                [0.0000, 0.0000, 1.0000]])

    Reference:
        Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.3.2 (corLin); Cressie (1993),
        Statistics for Spatial Data, section 2.5.1, for why it is none in the plane.
    """

    _refused = EUCLIDEAN_ONLY
    _most = 1
    _why = "in two dimensions and more the linear correlation is not positive semi-definite"
    _limit = 2.0

    def __init__(
        self, coordinates: object, *, metric: str = "euclidean", param_specs: ParamSpecs | None = None
    ) -> None:
        super().__init__(coordinates, metric, False, param_specs)

    def correlation(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """1 - h for h < 1, else 0."""
        return (1.0 - h).masked_fill(h >= 1.0, 0.0)

    def decline(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """h for h < 1, else 0."""
        return h.masked_fill(h >= 1.0, 0.0)
