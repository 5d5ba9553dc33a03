"""Huynh and Feldt's structure: free variances, and one variance for all differences."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import declare
from covstudio.covariance.core.checks import check_size
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.linalg.dense import finite
from covstudio.covariance.numerics.bordered import (
    arrow_diagonals,
    arrow_matmul,
    arrow_traces,
    arrows,
    positions,
)
from covstudio.covariance.structures.elementary.compound_symmetric import apart, apart_trace
from covstudio.covariance.structures.elementary.elementary import SIZE_2, variance


@declare(
    title="Huynh-Feldt",
    category="Elementary",
    formula=(
        r"V_{ii} = \sigma^2_i, \quad V_{ij} = \frac{\sigma^2_i + \sigma^2_j}{2} - \lambda \quad (i \neq j)"
    ),
    symbol="(σ²ᵢ+σ²ⱼ)/2 − λ",
    summary=(
        "Sphericity: all differences between two positions have the same variance, 2 lambda; the variances "
        "are free."
    ),
    arguments=(SIZE_2,),
    aliases={"SAS": ("HF",)},
    reference=(
        "Huynh & Feldt (1970), Conditions under which mean square ratios in repeated measurements designs "
        "have exact F-distributions, Journal of the American Statistical Association 65, 1582-1589"
    ),
    parameters={
        "sigma^2_i": "Variance of position i.",
        "lambda": "Half the variance of the difference between any two positions.",
    },
    usage={"SAS": "repeated time / subject=id type=hf;"},
    psd=False,
    symmetric=True,
    linear=True,
    shown={"lambda": 0.5},
    example=lambda: HuynhFeldtMatrix(4),
)
class HuynhFeldtMatrix(Leaf):
    r"""Huynh and Feldt's sphericity, :math:`V_{ij} = (\sigma^2_i + \sigma^2_j)/2 - \lambda` off the diagonal.

    Every difference of two positions has the variance :math:`2 \lambda`, which makes the F tests of repeated
    measures exact. Parameters: `sigma^2_0`, ..., `sigma^2_{n-1}` (the variances on the diagonal), then
    `lambda`. As half the variance of a difference lambda is a variance as well: natural positive, raw exp(2
    theta). The default, all of them 1, is the identity matrix.

    V is linear in its natural parameters, but not promised to be positive semi-definite: variances too far
    apart for the lambda, :math:`\lambda + s \le \sqrt{n}\,\lVert a \rVert` for
    :math:`a_i = (\sigma^2_i - \lambda)/2` of sum s, give a negative eigenvalue. V is
    :math:`a \mathbf{1}^\top + \mathbf{1} a^\top + \lambda I`.

    Args:
        n: Number of rows and columns, an int of at least 2.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 2.

    Example:
        >>> import torch
        >>> from covstudio.covariance import HuynhFeldtMatrix
        >>> HuynhFeldtMatrix(3)(torch.tensor([0.0, 0.5, 0.5, 0.0]))
        tensor([[1.0000, 0.8591, 0.8591],
                [0.8591, 2.7183, 1.7183],
                [0.8591, 1.7183, 2.7183]])

    Reference:
        Huynh & Feldt (1970), Conditions under which mean square ratios in repeated measurements designs have
        exact F-distributions, Journal of the American Statistical Association 65, 1582-1589.
    """

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        self.n = check_size(n, minimum=2, reason="a covariance needs two rows")
        defaults = [*(variance(f"sigma^2_{i}") for i in range(self.n)), variance("lambda")]
        super().__init__((self.n, self.n), param_specs, defaults)

    def evaluate(self, natural: Tensor) -> Tensor:
        """V, shape (n, n), from natural values: n variances, then lambda."""
        variances = natural[: self.n]
        eye = torch.eye(self.n, dtype=torch.bool, device=natural.device)
        return torch.where(eye, variances, (variances[:, None] + variances) / 2 - natural[self.n])

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2_i, 1/2 in row and column i and 1 where they meet, and dV/d lambda = I - J."""
        out = natural.new_empty((len(index), self.n, self.n))
        places, tips, shafts = _half_rows(self, natural, index)
        out[places] = arrows(tips, shafts)
        out[_last(self, index)] = torch.eye(self.n, dtype=natural.dtype, device=natural.device) - 1
        return out


def _half_rows(
    matrix: HuynhFeldtMatrix, natural: Tensor, index: Sequence[int]
) -> tuple[list[int], Tensor, Tensor]:
    """Where in `index` the variances stand, their positions, and the shafts of their derivatives."""
    places = [place for place, k in enumerate(index) if k < matrix.n]
    tips = positions([index[place] for place in places], natural.device)
    return places, tips, natural.new_full((len(places), matrix.n), 0.5)


def _last(matrix: HuynhFeldtMatrix, index: Sequence[int]) -> list[int]:
    """Where in `index` lambda stands."""
    return [place for place, k in enumerate(index) if k == matrix.n]


def _border(matrix: HuynhFeldtMatrix, natural: Tensor) -> Tensor:
    """a of V = a 1' + 1 a' + lambda I."""
    return (natural[: matrix.n] - natural[matrix.n]) / 2


def _eigenvalues(matrix: HuynhFeldtMatrix, natural: Tensor) -> tuple[Tensor, Tensor] | None:
    """The smaller and the larger eigenvalue beside lambda, or None where V is singular to working precision.

    The smaller one may be negative.
    """
    border, scale = _border(matrix, natural), natural[matrix.n]
    middle, spread = scale + border.sum(), matrix.n**0.5 * border.norm()
    least = matrix.n * torch.finfo(natural.dtype).eps * (middle.abs() + spread)
    if not (float((middle - spread).abs()) > float(least) and float(scale) > float(least)):
        return None
    return middle - spread, middle + spread


@linalg.matmul.register(HuynhFeldtMatrix)
def _(matrix: HuynhFeldtMatrix, natural: Tensor, b: Tensor) -> Tensor:
    border = _border(matrix, natural)
    return border[:, None] * b.sum(0) + border @ b + natural[matrix.n] * b


@linalg.diagonal.register(HuynhFeldtMatrix)
def _(matrix: HuynhFeldtMatrix, natural: Tensor) -> Tensor:
    return natural[: matrix.n].clone()


@linalg.solve.register(HuynhFeldtMatrix)
def _(matrix: HuynhFeldtMatrix, natural: Tensor, b: Tensor) -> Tensor:
    if _eigenvalues(matrix, natural) is None:
        return linalg.solve.default(matrix, natural, b)
    # Sherman, Morrison and Woodbury's formula with U = [a, 1].
    border, scale = _border(matrix, natural), natural[matrix.n]
    sides = torch.stack([border, torch.ones_like(border)], dim=1)
    swap = scale * torch.eye(2, dtype=natural.dtype, device=natural.device).flip(0)
    core = swap + sides.mT @ sides

    def woodbury(right: Tensor) -> Tensor:
        inner: Tensor = torch.linalg.solve(core, sides.mT @ right)
        return (right - sides @ inner) / scale

    solution = woodbury(b)
    # Where the variances differ by orders of magnitude, the difference above cancels: once more on the rest.
    return finite(matrix, solution + woodbury(b - linalg.matmul(matrix, natural, solution)))


@linalg.logdet.register(HuynhFeldtMatrix)
def _(matrix: HuynhFeldtMatrix, natural: Tensor) -> Tensor:
    pair = _eigenvalues(matrix, natural)
    if pair is None or float(pair[0]) < 0:
        return linalg.logdet.default(matrix, natural)
    return (matrix.n - 2) * natural[matrix.n].log() + pair[0].log() + pair[1].log()


@linalg.derivative_matmul.register(HuynhFeldtMatrix)
def _(matrix: HuynhFeldtMatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    out = b.new_empty((len(index), *b.shape))
    places, tips, shafts = _half_rows(matrix, natural, index)
    out[places] = arrow_matmul(tips, shafts, b)
    out[_last(matrix, index)] = -apart(b)
    return out


@linalg.derivative_diagonal.register(HuynhFeldtMatrix)
def _(matrix: HuynhFeldtMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    out = natural.new_zeros((len(index), matrix.n))
    places, tips, shafts = _half_rows(matrix, natural, index)
    out[places] = arrow_diagonals(tips, shafts)
    return out


@linalg.trace_against.register(HuynhFeldtMatrix)
def _(matrix: HuynhFeldtMatrix, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    out = natural.new_empty(len(index))
    places, tips, shafts = _half_rows(matrix, natural, index)
    out[places] = arrow_traces(tips, shafts, a)
    out[_last(matrix, index)] = -apart_trace(a)
    return out
