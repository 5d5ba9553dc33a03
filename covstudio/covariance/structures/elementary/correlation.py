r"""Free correlation matrices by the angles of their Cholesky factor, alone and with a variance per position.

Row i of the factor L of a correlation matrix C = L L' is a point on the unit sphere of i + 1 dimensions, and
such a point is told by i angles between 0 and pi, as spherical coordinates tell it:

.. math:: L_{ij} = \cos \phi_{ij} \prod_{m<j} \sin \phi_{im} \quad (j < i), \qquad
          L_{ii} = \prod_{m<i} \sin \phi_{im}.

Every positive definite correlation matrix has exactly one set of angles in (0, pi), and every other
correlation matrix is reached at 0 or pi (Pinheiro & Bates 1996, section 2.3; Rapisarda, Brigo & Mercurio
2007). Right angles give the identity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import declare
from covstudio.covariance.core.checks import check_correlated_size
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.linalg.dense import negligible
from covstudio.covariance.numerics.bordered import arrow_matmul, arrow_traces, arrows, positions
from covstudio.covariance.numerics.triangular import lower_of
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import (
    Transform,
    TransformChain,
    TransformScaleShift,
    TransformSigmoid,
)
from covstudio.covariance.structures.elementary.elementary import SIZE_2
from covstudio.covariance.structures.elementary.heterogeneous import HeterogeneousLeaf

__all__ = ["CorrelationMatrix", "HeterogeneousCorrelationMatrix", "SphericalFactor"]

_ANGLE = (
    "Angle j of row i in radians, between 0 and pi; at pi/2 it adds no correlation. Position i has with "
    "position 0 the correlation cos(angle_i_0)."
)


def _angle() -> Transform:
    """The transform of an angle onto (0, pi): sigmoid, then scaled."""
    return TransformChain([TransformSigmoid(), TransformScaleShift(math.pi, 0.0)])


class SphericalFactor:
    """The Cholesky factor of an n x n correlation matrix as a function of its angles.

    Args:
        n: Number of rows and columns.

    Example:
        >>> SphericalFactor(3).names
        ['angle_1_0', 'angle_2_0', 'angle_2_1']
    """

    def __init__(self, n: int) -> None:
        self.n = n
        below = torch.tril_indices(n, n, -1)
        self._rows, self._columns = below[0], below[1]

    @property
    def names(self) -> list[str]:
        """Names of the angles, row by row."""
        return [f"angle_{i}_{j}" for i, j in zip(self._rows.tolist(), self._columns.tolist(), strict=True)]

    def parameters(self) -> list[Parameter]:
        """The angles as parameters, pi/2 by default."""
        return [Parameter(name, _angle()) for name in self.names]

    def _trigonometry(self, angles: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines, 1 on the diagonal and 0 above it, and sines, 1 there, both of shape (n, n)."""
        place = self._rows.to(angles.device), self._columns.to(angles.device)
        # The cosine of a right angle is then exactly zero.
        cosines = angles.new_zeros(self.n, self.n).index_put(place, torch.sin(math.pi / 2 - angles))
        sines = angles.new_ones(self.n, self.n).index_put(place, torch.sin(angles))
        return cosines + torch.eye(self.n, dtype=angles.dtype, device=angles.device), sines

    def value(self, angles: Tensor) -> Tensor:
        """L, shape (n, n), from the natural angles."""
        cosines, sines = self._trigonometry(angles)
        before = [torch.ones_like(sines[:, 0])]
        for j in range(self.n - 1):
            before.append(before[-1] * sines[:, j])
        return cosines * torch.stack(before, dim=1)

    def angles(self, lower: Tensor) -> Tensor:
        """The angles of a lower triangular factor L with no negative entry on its diagonal, row by row.

        Its rows may have any length. `value` of them is L with rows of length 1.
        """
        # What is left of a row behind an entry, beside that entry.
        behind = (lower**2).flip(1).cumsum(1).flip(1)[:, 1:].sqrt()
        return torch.atan2(behind[self._rows, self._columns], lower[self._rows, self._columns])

    def correlation(self, angles: Tensor) -> Tensor:
        """L L' with exact ones on its diagonal, shape (n, n)."""
        lower = self.value(angles)
        eye = torch.eye(self.n, dtype=torch.bool, device=angles.device)
        return torch.where(eye, 1.0, lower @ lower.mT)

    def row_slopes(self, angles: Tensor, index: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The row that each angle turns, shape (k,), and the derivative of that row, shape (k, n)."""
        which = positions(index, angles.device)
        rows, columns = self._rows.to(angles.device)[which], self._columns.to(angles.device)[which]
        cosines, sines = self._trigonometry(angles)
        turned, own = torch.arange(len(which), device=angles.device), angles[which]
        # Turning angle j of a row replaces sin by cos in what follows entry j, and cos by -sin in entry j.
        # Products are formed anew, since to divide by a sine would fail where it is zero.
        factors, ends = sines[rows].clone(), cosines[rows].clone()
        factors[turned, columns] = torch.sin(math.pi / 2 - own)
        ends[turned, columns] = -torch.sin(own)
        before = torch.nn.functional.pad(factors[:, :-1].cumprod(1), (1, 0), value=1.0)
        slopes = ends * before
        touched = torch.arange(self.n, device=angles.device) >= columns[:, None]
        return rows, torch.where(touched, slopes, 0.0)

    def shafts(self, angles: Tensor, index: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Tips and shafts of the arrows that the derivatives of L L' are, shapes (k,) and (k, n)."""
        rows, slopes = self.row_slopes(angles, index)
        shafts = slopes @ self.value(angles).mT
        # A row stays of length 1: its derivative is at right angles to it.
        shafts[torch.arange(len(rows), device=angles.device), rows] = 0.0
        return rows, shafts

    def regular(self, angles: Tensor) -> Tensor | None:
        """L, or None where L L' is singular to working precision."""
        lower = self.value(angles)
        return lower if bool((lower.diagonal() ** 2 > negligible(lower)).all()) else None


@declare(
    title="Correlation",
    category="Unstructured",
    place=2,
    formula=(
        r"\mathbf{V} = \mathbf{L} \mathbf{L}^\top, \quad "
        r"L_{ij} = \cos \phi_{ij} \prod_{m<j} \sin \phi_{im}, \quad L_{ii} = \prod_{m<i} \sin \phi_{im}"
    ),
    symbol="C(φ)",
    summary="Unit variances and every correlation free, by the angles of the Cholesky factor's rows.",
    arguments=(SIZE_2,),
    aliases={"ASReml": ("corg",), "nlme": ("corSymm",)},
    reference=(
        "Pinheiro & Bates (1996), Unconstrained parametrizations for variance-covariance matrices, "
        "Statistics and Computing 6, 289-296"
    ),
    parameters={"angle_i_j": _ANGLE},
    usage={"ASReml": "corg(site):id(genotype)", "nlme": "correlation = corSymm(form = ~ 1 | id)"},
    psd=True,
    shown={"angle_i_j": 1.0},
    example=lambda: CorrelationMatrix(4),
)
class CorrelationMatrix(Leaf):
    r"""A free correlation matrix by spherical coordinates, :math:`V = L L^\top` with rows of length 1.

    Parameters, row by row: `angle_i_j` for j < i (natural: :math:`\phi_{ij} \in (0, \pi)`; raw: pi
    sigmoid(theta); default 0, a right angle), with
    :math:`L_{ij} = \cos \phi_{ij} \prod_{m<j} \sin \phi_{im}` and
    :math:`L_{ii} = \prod_{m<i} \sin \phi_{im}`. Every positive definite correlation matrix has exactly one
    set of angles; the singular ones are reached at 0 and pi. The default is the identity, where each angle
    moves its own correlation, and that one alone, at the rate of -1: no stationary point.

    Args:
        n: Number of rows and columns, an int of at least 2.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 2.

    Example:
        >>> import torch
        >>> from covstudio.covariance import CorrelationMatrix
        >>> matrix = CorrelationMatrix(3)
        >>> matrix.param_names
        ['angle_1_0', 'angle_2_0', 'angle_2_1']
        >>> matrix(torch.tensor([-1.0, 0.0, -1.0]))
        tensor([[1.0000, 0.6638, 0.0000],
                [0.6638, 1.0000, 0.4965],
                [0.0000, 0.4965, 1.0000]])

    Reference:
        Pinheiro & Bates (1996), Unconstrained parametrizations for variance-covariance matrices, Statistics
        and Computing 6, 289-296 (section 2.3, spherical); Rapisarda, Brigo & Mercurio (2007), Parameterizing
        correlations: a geometric interpretation, IMA Journal of Management Mathematics 18, 55-73.
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        self.n = check_correlated_size(n)
        self.spherical = SphericalFactor(self.n)
        super().__init__((self.n, self.n), param_specs, self.spherical.parameters())

    @property
    def psd(self) -> bool:
        """True: the rows of L have length 1 whatever the angles are."""
        return True

    def evaluate(self, natural: Tensor) -> Tensor:
        """The correlation matrix, shape (n, n), from its natural angles row by row."""
        return self.spherical.correlation(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d angle_i_j, zero but in row and column i, shape (len(index), n, n)."""
        return arrows(*self.spherical.shafts(natural, index))


@linalg.diagonal.register(CorrelationMatrix)
def _(matrix: CorrelationMatrix, natural: Tensor) -> Tensor:
    return natural.new_ones(matrix.n)


@linalg.solve.register(CorrelationMatrix)
def _(matrix: CorrelationMatrix, natural: Tensor, b: Tensor) -> Tensor:
    lower = matrix.spherical.regular(natural)
    return linalg.solve.default(matrix, natural, b) if lower is None else _solve(lower, b)


@linalg.logdet.register(CorrelationMatrix)
def _(matrix: CorrelationMatrix, natural: Tensor) -> Tensor:
    lower = matrix.spherical.regular(natural)
    return linalg.logdet.default(matrix, natural) if lower is None else _logdet(lower)


@linalg.factor.register(CorrelationMatrix)
def _(matrix: CorrelationMatrix, natural: Tensor) -> Tensor:
    return matrix.spherical.value(natural)


@linalg.derivative_matmul.register(CorrelationMatrix)
def _(matrix: CorrelationMatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    return arrow_matmul(*matrix.spherical.shafts(natural, index), b)


@linalg.derivative_diagonal.register(CorrelationMatrix)
def _(matrix: CorrelationMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    return natural.new_zeros((len(index), matrix.n))


@linalg.trace_against.register(CorrelationMatrix)
def _(matrix: CorrelationMatrix, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    return arrow_traces(*matrix.spherical.shafts(natural, index), a)


def _solve(lower: Tensor, b: Tensor) -> Tensor:
    solution: Tensor = torch.cholesky_solve(b, lower)
    return solution


def _logdet(lower: Tensor) -> Tensor:
    return 2.0 * lower.diagonal().abs().log().sum()


@declare(
    title="Heterogeneous correlation",
    category="Unstructured",
    place=3,
    formula=(
        r"\mathbf{V} = \mathbf{D}^{1/2} \mathbf{C} \mathbf{D}^{1/2}, \quad "
        r"\mathbf{D} = \operatorname{diag}(\sigma^2_0, \ldots, \sigma^2_{n-1})"
    ),
    symbol="D½C(φ)D½",
    summary="Every variance and every correlation free, each by parameters of its own.",
    arguments=(SIZE_2,),
    aliases={"ASReml": ("corgh",), "SAS": ("UNR",)},
    reference=(
        "Pinheiro & Bates (1996), Unconstrained parametrizations for variance-covariance matrices, "
        "Statistics and Computing 6, 289-296"
    ),
    parameters={"sigma^2_i": "Variance of position i.", "angle_i_j": _ANGLE},
    usage={
        "ASReml": "corgh(site):id(genotype)",
        "SAS": "repeated time / subject=id type=unr;",
        "nlme": "correlation = corSymm(form = ~ 1 | id), weights = varIdent(form = ~ 1 | time)",
    },
    psd=True,
    shown={"angle_i_j": 1.0},
    example=lambda: HeterogeneousCorrelationMatrix(3),
)
class HeterogeneousCorrelationMatrix(HeterogeneousLeaf):
    r"""Free variances and free correlations, :math:`V = D^{1/2} C D^{1/2}`.

    Parameters: `sigma^2_0`, ..., `sigma^2_{n-1}` (natural: variances; raw: exp(2 theta), default 0), then
    `angle_i_j` row by row, as in `CorrelationMatrix`. It spans the covariances of `UnstructuredMatrix`
    by parameters that leave one another alone: a variance can be fixed and the correlations estimated.

    Args:
        n: Number of rows and columns, an int of at least 2.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 2.

    Example:
        >>> import torch
        >>> from covstudio.covariance import HeterogeneousCorrelationMatrix
        >>> HeterogeneousCorrelationMatrix(2)(torch.tensor([0.0, 0.5, -1.0]))
        tensor([[1.0000, 1.0944],
                [1.0944, 2.7183]])

    Reference:
        Pinheiro & Bates (1996), Unconstrained parametrizations for variance-covariance matrices, Statistics
        and Computing 6, 289-296 (section 2.3, spherical).
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        size = check_correlated_size(n)
        self.spherical = SphericalFactor(size)
        super().__init__(size, param_specs, self.spherical.parameters())

    def correlation(self, shapes: Tensor) -> Tensor:
        """C, shape (n, n), from its natural angles row by row."""
        return self.spherical.correlation(shapes)

    def correlation_slopes(self, shapes: Tensor, index: Sequence[int]) -> Tensor:
        """dC/d angle_i_j, zero but in row and column i, shape (len(index), n, n)."""
        return arrows(*self.spherical.shafts(shapes, index))

    def _slopes_matmul(self, shapes: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
        return arrow_matmul(*self.spherical.shafts(shapes, index), b)

    def _slopes_trace(self, shapes: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
        return arrow_traces(*self.spherical.shafts(shapes, index), a)

    def _correlation_solve(self, shapes: Tensor, b: Tensor) -> Tensor | None:
        lower = self.spherical.regular(shapes)
        return None if lower is None else _solve(lower, b)

    def _correlation_logdet(self, shapes: Tensor) -> Tensor | None:
        lower = self.spherical.regular(shapes)
        return None if lower is None else _logdet(lower)

    def _correlation_factor(self, shapes: Tensor) -> Tensor | None:
        return self.spherical.value(shapes)


@linalg.recoded.register(HeterogeneousCorrelationMatrix)
def _(matrix: HeterogeneousCorrelationMatrix, natural: Tensor, t: Tensor) -> Tensor:
    variances, shapes = natural[: matrix.n], natural[matrix.n :]
    lower = lower_of(t @ (variances.sqrt()[:, None] * matrix.spherical.value(shapes)))
    return torch.cat([(lower**2).sum(1), matrix.spherical.angles(lower)])
