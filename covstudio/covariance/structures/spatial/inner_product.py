"""Kernels of inner products of coordinates: dot product and polynomial."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import check_size
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.numerics.distance import check_points
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import TransformExp
from covstudio.covariance.structures.elementary.elementary import variance
from covstudio.covariance.structures.spatial.base import coordinates_argument

__all__ = ["DotProductMatrix", "PolynomialMatrix"]


class _InnerProductMatrix(Leaf):
    r"""A power of inner products, :math:`V = \sigma^2 (c + x x')^p` entry by entry, c the offset.

    It is of low rank: V = F F' with one column of F per monomial of degree up to p.
    """

    def __init__(self, coordinates: object, degree: int, param_specs: ParamSpecs | None) -> None:
        self.coordinates = check_points(coordinates)
        self.degree = degree
        size, count = self.coordinates.shape
        largest = float((self.coordinates**2).sum(1).max())
        if math.log(largest + math.exp(10.0)) * degree > 650.0:
            raise ValueError(
                f"{type(self).__name__}: coordinates must be small enough for their powers, got a squared "
                f"length of {largest:.3g} to the degree {degree}; rescale the coordinates or lower the degree"
            )
        self._columns = math.comb(count + degree, degree)
        defaults = [variance(), Parameter("offset", TransformExp())]
        super().__init__((size, size), param_specs, defaults)

    def _base(self, natural: Tensor) -> Tensor:
        """c + x x', shape (n, n)."""
        points = self.coordinates.to(natural)
        return natural[1] + points @ points.T

    def evaluate(self, natural: Tensor) -> Tensor:
        """sigma^2 (offset + x x')^degree, shape (n, n), from natural values [sigma^2, offset]."""
        return natural[0] * self._base(natural) ** self.degree

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2 = b^p and dV/d offset = sigma^2 p b^(p-1), b = offset + x x'."""
        base = self._base(natural)
        slices = [
            base**self.degree
            if position == 0
            else natural[0]
            * self.degree
            * (torch.ones_like(base) if self.degree == 1 else base ** (self.degree - 1))
            for position in index
        ]
        return torch.stack(slices) if slices else natural.new_zeros((0, *self.shape))


def _is_thin(matrix: _InnerProductMatrix) -> bool:
    return 2 * matrix._columns <= matrix.shape[0]


def _monomials(matrix: _InnerProductMatrix, natural: Tensor, degree: int) -> Tensor:
    """F, shape (n, r), with F F' = (offset + x x')^degree.

    By the multinomial theorem over the offset and the coordinates: the column of the exponents e is
    sqrt(degree! / (e_0! e_1! ...) offset^e_0) x_1^e_1 x_2^e_2 ...
    """
    points = matrix.coordinates.to(natural)
    count = points.shape[1]
    columns = []
    for chosen in itertools.combinations_with_replacement(range(count + 1), degree):
        exponents = [chosen.count(k) for k in range(count + 1)]
        ways = math.factorial(degree) // math.prod(math.factorial(e) for e in exponents)
        column = torch.sqrt(ways * natural[1] ** exponents[0]).expand(len(points))
        for k, exponent in enumerate(exponents[1:]):
            if exponent:
                column = column * points[:, k] ** exponent
        columns.append(column)
    return torch.stack(columns, dim=1)


def _slice_factor(matrix: _InnerProductMatrix, natural: Tensor, position: int) -> tuple[Tensor, Tensor]:
    """F and a number w with dV / d natural_position = w F F'."""
    if position == 0:
        return _monomials(matrix, natural, matrix.degree), torch.ones_like(natural[0])
    return _monomials(matrix, natural, matrix.degree - 1), natural[0] * matrix.degree


@linalg.kind.register(_InnerProductMatrix, when=_is_thin)
def _(matrix: _InnerProductMatrix) -> linalg.Kind:
    return "low rank"


@linalg.factor.register(_InnerProductMatrix, when=_is_thin)
def _(matrix: _InnerProductMatrix, natural: Tensor) -> Tensor:
    return torch.sqrt(natural[0]) * _monomials(matrix, natural, matrix.degree)


def _product(matrix: _InnerProductMatrix, natural: Tensor, b: Tensor) -> Tensor:
    columns = _monomials(matrix, natural, matrix.degree)
    return natural[0] * (columns @ (columns.T @ b))


linalg.matmul.register(_InnerProductMatrix, when=_is_thin)(_product)


@linalg.diagonal.register(_InnerProductMatrix)
def _(matrix: _InnerProductMatrix, natural: Tensor) -> Tensor:
    lengths = (matrix.coordinates.to(natural) ** 2).sum(1)
    return natural[0] * (natural[1] + lengths) ** matrix.degree


@linalg.derivative_diagonal.register(_InnerProductMatrix)
def _(matrix: _InnerProductMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    base = natural[1] + (matrix.coordinates.to(natural) ** 2).sum(1)
    by_offset = natural[0] * matrix.degree * base ** (matrix.degree - 1)
    return torch.stack([base**matrix.degree, by_offset])[list(index)]


@linalg.derivative_matmul.register(_InnerProductMatrix, when=_is_thin)
def _(matrix: _InnerProductMatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    pieces = []
    for position in index:
        columns, weight = _slice_factor(matrix, natural, position)
        pieces.append(weight * (columns @ (columns.T @ b)))
    return torch.stack(pieces) if pieces else natural.new_zeros((0, *b.shape))


@linalg.trace_against.register(_InnerProductMatrix, when=_is_thin)
def _(matrix: _InnerProductMatrix, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    pieces = []
    for position in index:
        columns, weight = _slice_factor(matrix, natural, position)
        pieces.append(weight * ((a @ columns) * columns).sum())
    return torch.stack(pieces) if pieces else natural.new_zeros(0)


_OFFSET_MEANING = "Added to every inner product: the variance of an intercept, beside that of the slopes."


@declare(
    title="Dot product",
    category="Kernels",
    place=2,
    formula=r"V_{ij} = \sigma^2 \left( \text{offset} + \mathbf{x}_i^\top \mathbf{x}_j \right)",
    symbol="σ²(c + x·x′)",
    summary="Random intercept and random slopes on the coordinates, with a common variance.",
    arguments=(coordinates_argument(),),
    aliases={"GPyTorch": ("LinearKernel",), "scikit-learn": ("DotProduct",)},
    reference="Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, section 4.2.2",
    parameters={"sigma^2": "Variance of the slopes.", "offset": _OFFSET_MEANING},
    usage={
        "GPyTorch": "ScaleKernel(LinearKernel() + ConstantKernel())",
        "scikit-learn": "ConstantKernel() * DotProduct()",
    },
    psd=True,
    scale="sigma^2",
    example=lambda: DotProductMatrix([0.0, 0.5, 1.0, 2.0, -1.0]),
)
class DotProductMatrix(_InnerProductMatrix):
    r"""Dot product covariance, :math:`V_{ij} = \sigma^2 (\mathrm{offset} + x_i' x_j)`.

    That of random coefficients: slopes of variance :math:`\sigma^2` and an intercept of variance
    :math:`\sigma^2` offset, all uncorrelated. Of rank d + 1 at most, so that it needs a residual beside it.

    Parameters: `sigma^2` (natural: the variance of the slopes; raw: exp(2 theta), default 0) and `offset`
    (natural: at least 0; raw: exp(theta), default 0, that is 1).

    Args:
        coordinates: One number per row, or one row of d numbers per row: lists, a tensor, an array or the
            columns of a DataFrame, shape (n,) or (n, d). Center them where the offset is to be the variance
            at their mean.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: the coordinates are not numbers.
        ValueError: they are empty or not finite.

    Example:
        >>> import torch
        >>> from covstudio.covariance import DotProductMatrix
        >>> DotProductMatrix([0.0, 1.0, 2.0])(torch.tensor([0.0, 0.0]))
        tensor([[1., 1., 1.],
                [1., 2., 3.],
                [1., 3., 5.]])

    Reference:
        Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, section 4.2.2.
    """

    def __init__(self, coordinates: object, *, param_specs: ParamSpecs | None = None) -> None:
        super().__init__(coordinates, 1, param_specs)


@declare(
    title="Polynomial",
    category="Kernels",
    place=3,
    formula=r"V_{ij} = \sigma^2 \left( \text{offset} + \mathbf{x}_i^\top \mathbf{x}_j \right)^{p}",
    symbol="σ²(c + x·x′)ᵖ",
    summary="Random coefficients on all monomials of the coordinates up to a degree.",
    arguments=(
        coordinates_argument(),
        Argument("degree", "integer", "Degree", "The power p, at least 1", default=2, minimum=1),
    ),
    aliases={"GPyTorch": ("PolynomialKernel",), "scikit-learn": ("polynomial_kernel",)},
    reference="Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, section 4.2.2",
    parameters={
        "sigma^2": "Variance of the coefficient of the highest power.",
        "offset": "Added to every inner product: the weight of the lower powers.",
    },
    usage={"GPyTorch": "ScaleKernel(PolynomialKernel(power=2))"},
    psd=True,
    scale="sigma^2",
    example=lambda: PolynomialMatrix([0.0, 0.5, 1.0, 2.0, -1.0]),
)
class PolynomialMatrix(_InnerProductMatrix):
    r"""Polynomial covariance, :math:`V_{ij} = \sigma^2 (\mathrm{offset} + x_i' x_j)^p`.

    That of random coefficients on all monomials of degree up to p, with variances given by the multinomial
    coefficients and powers of the offset. Of rank :math:`\binom{d + p}{p}` at most.

    Parameters: `sigma^2` (natural: a variance; raw: exp(2 theta), default 0) and `offset` (natural: at
    least 0; raw: exp(theta), default 0, that is 1).

    Args:
        coordinates: One number per row, or one row of d numbers per row: lists, a tensor, an array or the
            columns of a DataFrame, shape (n,) or (n, d).
        degree: The power p, an int of at least 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: the coordinates are not numbers, or the degree is not an int.
        ValueError: the coordinates are empty or not finite, the degree is below 1, or the powers would
            overflow.

    Example:
        >>> import torch
        >>> from covstudio.covariance import PolynomialMatrix
        >>> PolynomialMatrix([0.0, 1.0, 2.0], degree=2)(torch.tensor([0.0, 0.0]))
        tensor([[ 1.,  1.,  1.],
                [ 1.,  4.,  9.],
                [ 1.,  9., 25.]])

    Reference:
        Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, section 4.2.2.
    """

    def __init__(
        self, coordinates: object, *, degree: int = 2, param_specs: ParamSpecs | None = None
    ) -> None:
        super().__init__(coordinates, check_size(degree, "degree"), param_specs)
