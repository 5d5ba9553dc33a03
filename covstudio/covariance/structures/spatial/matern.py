"""The Matern covariance: half-integer smoothness in closed form, any other by quadrature."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.leaf import ParamSpecs
from covstudio.covariance.numerics.bessel import matern_correlation, matern_decline, matern_derivatives
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
    NOT_CITYBLOCK,
    NOT_GREAT_CIRCLE,
    RANGE_MEANING,
    VARIANCE_MEANING,
    SpatialMatrix,
    coordinates_argument,
    metric_argument,
)

__all__ = ["MaternMatrix"]

_CLOSED = {"1/2": 0.5, "3/2": 1.5, "5/2": 2.5}
_ESTIMATED = "estimated"


@declare(
    title="Matérn",
    category="Distance",
    place=3,
    formula=r"V_{ij} = \sigma^2 \frac{2^{1-\nu}}{\Gamma(\nu)} h_{ij}^{\nu} K_\nu(h_{ij}), \quad "
    r"h_{ij} = \frac{\sqrt{2\nu}\, d_{ij}}{\text{range}}",
    symbol="σ²Mᵥ(d/r)",
    summary="Spatial correlation of any smoothness, from the exponential to the Gaussian.",
    arguments=(
        coordinates_argument(),
        Argument(
            "nu",
            "choice",
            "Smoothness",
            "Smoothness nu: given, or estimated as a parameter",
            default="3/2",
            choices=(*_CLOSED, _ESTIMATED),
        ),
        metric_argument("euclidean", "great-circle", "chordal"),
        ANISOTROPIC,
    ),
    aliases={
        "ASReml": ("mtrn",),
        "SAS": ("SP(MATERN)", "SP(MATHSW)"),
        "glmmTMB": ("mat",),
        "GPyTorch": ("MaternKernel",),
        "scikit-learn": ("Matern",),
    },
    reference="Stein (1999), Interpolation of Spatial Data: Some Theory for Kriging, section 2.10",
    parameters={
        "sigma^2": VARIANCE_MEANING,
        **RANGE_MEANING,
        "nu": "Smoothness: 1/2 is the exponential covariance; Gaussian as it grows.",
    },
    usage={
        "ASReml": "mtrn(x, y)",
        "SAS": "repeated / subject=intercept type=sp(matern)(x y);",
        "glmmTMB": "mat(numFactor(x, y) + 0 | group)",
        "GPyTorch": "ScaleKernel(MaternKernel(nu=1.5))",
        "scikit-learn": "ConstantKernel() * Matern(nu=1.5)",
    },
    psd=True,
    scale="sigma^2",
    example=lambda: MaternMatrix([[0.0, 0.0], [1.0, 0.0], [0.5, 2.0], [2.0, 1.5]], nu="estimated"),
)
class MaternMatrix(SpatialMatrix):
    r"""Matern covariance, :math:`\sigma^2\, 2^{1-\nu} / \Gamma(\nu)\; h^\nu K_\nu(h)`.

    With :math:`h = \sqrt{2 \nu}\, d / \mathrm{range}`. Valid in any dimension; the process has as many mean
    square derivatives as there are whole numbers below nu. In closed form :math:`e^{-h}` for nu = 1/2,
    :math:`(1 + h) e^{-h}` for 3/2 and :math:`(1 + h + h^2 / 3) e^{-h}` for 5/2. Estimated, the correlation
    and its derivatives by nu and by range come from a quadrature, to about 14 digits (see the module
    `bessel` for the formula and the bound of its error). Any other given nu is an estimated one
    that is fixed: `matrix.set_param_specs("nu", value=0.8, fixed=True)`.

    Data tell little of nu: a profile of it by range and variance is long and flat.

    Parameters: `sigma^2` (natural: the marginal variance; raw: exp(2 theta), default 0); `range` (raw:
    exp(theta), default 0, that is 1), or `range_0`, ... when anisotropic; and, when estimated, `nu`
    (natural: positive; raw: exp(theta), default 0, that is 1; for great-circle distances sigmoid(theta) / 2,
    default 1/4).

    Args:
        coordinates: One number per row, or one row of d numbers per row: lists, a tensor, an array or the
            columns of a DataFrame, shape (n,) or (n, d). Rows may coincide; V is then singular.
        nu: "1/2", "3/2", "5/2" (also as numbers, 0.5, 1.5, 2.5), or "estimated".
        metric: "euclidean"; or for latitude and longitude in degrees, in kilometres, "chordal", or
            "great-circle" with nu up to 1/2 (nu is estimated below 1/2 then).
        anisotropic: Whether each coordinate has a range of its own; not for latitude and longitude.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: the coordinates are not numbers.
        ValueError: they are empty or not finite, or nu or the metric is another, or great-circle distances
            meet a nu of 3/2 or 5/2.

    Example:
        >>> import torch
        >>> from covstudio.covariance import MaternMatrix
        >>> MaternMatrix([0.0, 1.0, 3.0])(torch.tensor([0.0, 0.0]))
        tensor([[1.0000, 0.4834, 0.0343],
                [0.4834, 1.0000, 0.1397],
                [0.0343, 0.1397, 1.0000]])
        >>> smooth = MaternMatrix([0.0, 1.0, 3.0], nu="estimated")
        >>> smooth.param_names
        ['sigma^2', 'range', 'nu']

    Reference:
        Stein (1999), Interpolation of Spatial Data: Some Theory for Kriging, section 2.10; Rasmussen &
        Williams (2006), Gaussian Processes for Machine Learning, equation 4.14, for this scaling of h;
        Gneiting (2013), Bernoulli 19, 1327-1349, for great-circle distances.
    """

    def __init__(
        self,
        coordinates: object,
        *,
        nu: str | float = "3/2",
        metric: str = "euclidean",
        anisotropic: bool = False,
        param_specs: ParamSpecs | None = None,
    ) -> None:
        self.nu = _smoothness(nu)
        if self.nu in ("1/2", _ESTIMATED):
            self._refused = NOT_CITYBLOCK
        else:
            self._refused = {**NOT_CITYBLOCK, **NOT_GREAT_CIRCLE}
        self._logarithmic = self.nu == _ESTIMATED
        super().__init__(coordinates, metric, anisotropic, param_specs)

    def shape_parameters(self) -> list[Parameter]:
        """The declaration of `nu` where it is estimated."""
        if not self._logarithmic:
            return []
        transform: Transform = TransformExp()
        if self.metric == "great-circle":
            transform = TransformChain([TransformSigmoid(), TransformScaleShift(0.5, 0.0)])
        return [Parameter("nu", transform)]

    def correlation(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """The Matern correlation from d / range, or from its logarithm where nu is estimated."""
        if self._logarithmic:
            return matern_correlation(h, shape_values[0])
        t = math.sqrt(2.0 * _CLOSED[self.nu]) * h
        if self.nu == "1/2":
            return torch.exp(-t)
        return (1.0 + t if self.nu == "3/2" else 1.0 + t * (1.0 + t / 3.0)) * torch.exp(-t)

    def decline(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """Minus its derivative by log distance, likewise."""
        if self._logarithmic:
            return matern_decline(h, shape_values[0])
        t = math.sqrt(2.0 * _CLOSED[self.nu]) * h
        if self.nu == "1/2":
            return t * torch.exp(-t)
        return t * t * (1.0 if self.nu == "3/2" else (1.0 + t) / 3.0) * torch.exp(-t)

    def shape_slope(self, h: Tensor, shape_values: Tensor, which: int) -> Tensor:
        """The derivative by nu at a fixed d / range, from its logarithm."""
        return matern_derivatives(h, shape_values[0])[1]


def _smoothness(nu: object) -> str:
    if isinstance(nu, str) and (nu in _CLOSED or nu == _ESTIMATED):
        return nu
    if isinstance(nu, (int, float)) and not isinstance(nu, bool):
        for name, number in _CLOSED.items():
            if nu == number:
                return name
    raise ValueError(
        f"MaternMatrix: nu must be {', '.join(map(repr, _CLOSED))} or {_ESTIMATED!r}, got {nu!r}; for "
        "another smoothness take 'estimated' and fix it: set_param_specs('nu', value=..., fixed=True)"
    )
