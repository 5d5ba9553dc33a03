"""Matrices of free entries: log-Cholesky covariance, free symmetric matrix, lower triangular factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import declare
from covstudio.covariance.core.checks import check_rectangle, check_size
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.linalg.dense import finite, negligible, singular
from covstudio.covariance.numerics.triangular import lower_of
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import TransformExp
from covstudio.covariance.structures.elementary.elementary import ROWS_AND_COLUMNS, SIZE, variance
from covstudio.covariance.structures.unstructured.lower_factor import FactorLeaf, LowerEntries


@declare(
    title="Unstructured",
    category="Unstructured",
    place=1,
    formula=r"\mathbf{V} = \mathbf{L} \mathbf{L}^\top, \quad L_{ii} > 0",
    symbol="L Lᵀ",
    keywords=("random slopes and intercepts", "multi-trait"),
    summary="Every variance and covariance free, kept positive definite by its log-Cholesky factor.",
    arguments=(SIZE,),
    aliases={
        "ASReml": ("us", "chol"),
        "SAS": ("UN", "UNR"),
        "nlme": ("pdSymm", "pdLogChol"),
        "lme4": ("(x | g)",),
        "glmmTMB": ("us",),
    },
    reference=(
        "Pinheiro & Bates (1996), Unconstrained parametrizations for variance-covariance matrices, "
        "Statistics and Computing 6, 289-296"
    ),
    parameters={
        "L_i_j": "Entry of the Cholesky factor: on the diagonal the standard deviation of position i that "
        "those before it do not explain, below it the part that follows factor j."
    },
    usage={
        "ASReml": "us(trait):id(genotype)",
        "SAS": "repeated time / subject=id type=un;",
        "nlme": "random = list(genotype = pdLogChol(~ site - 1))",
        "lme4": "(0 + site | genotype)",
        "glmmTMB": "us(0 + site | genotype)",
    },
    psd=True,
    shown={"L_i_j": lambda i, j: None if i == j else 0.6 if (i - j) % 2 else -0.3},
    example=lambda: UnstructuredMatrix(3),
)
class UnstructuredMatrix(FactorLeaf):
    r"""A free covariance matrix by its log-Cholesky factor, :math:`V = L L^\top`.

    Parameters, row by row: `L_i_j` for j <= i. Those on the diagonal have natural values :math:`L_{ii} > 0`
    and raw values :math:`\log L_{ii}`; those below are free, raw and natural alike. The default is L = I.

    Args:
        n: Number of rows and columns, an int of at least 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import UnstructuredMatrix
        >>> matrix = UnstructuredMatrix(2)
        >>> matrix.param_names
        ['L_0_0', 'L_1_0', 'L_1_1']
        >>> matrix(torch.tensor([0.0, 2.0, 0.0]))
        tensor([[1., 2.],
                [2., 5.]])

    Reference:
        Pinheiro & Bates (1996), Unconstrained parametrizations for variance-covariance matrices, Statistics
        and Computing 6, 289-296 (the log-Cholesky parametrization).
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        size = check_size(n)
        defaults = [
            Parameter(f"L_{i}_{j}", TransformExp()) if i == j else Parameter(f"L_{i}_{j}")
            for i, j in LowerEntries(size, size).pairs
        ]
        super().__init__(size, size, param_specs, defaults)


def _regular_factor(matrix: UnstructuredMatrix, natural: Tensor) -> Tensor:
    """The factor, when it leaves every row a part of its variance unexplained by the rows before it."""
    lower = matrix.factor(natural)
    squares = lower**2
    if not bool((squares.diagonal() > negligible(lower) * squares.sum(1)).all()):
        raise singular(matrix)
    return lower


@linalg.solve.register(UnstructuredMatrix)
def _(matrix: UnstructuredMatrix, natural: Tensor, b: Tensor) -> Tensor:
    return finite(matrix, torch.cholesky_solve(b, _regular_factor(matrix, natural)))


@linalg.logdet.register(UnstructuredMatrix)
def _(matrix: UnstructuredMatrix, natural: Tensor) -> Tensor:
    return 2.0 * _regular_factor(matrix, natural).diagonal().abs().log().sum()


@linalg.recoded.register(UnstructuredMatrix)
def _(matrix: UnstructuredMatrix, natural: Tensor, t: Tensor) -> Tensor:
    entries = matrix._entries
    return lower_of(t @ matrix.factor(natural))[entries.places(range(len(entries)), natural.device)]


@linalg.sign_symmetry.register(UnstructuredMatrix)
def _(matrix: UnstructuredMatrix) -> Mapping[str, tuple[str, ...]]:
    size = matrix.shape[0]
    called = dict(zip(LowerEntries(size, size).pairs, matrix.param_names, strict=True))
    return {called[j, j]: tuple(called[i, j] for i in range(j + 1, size)) for j in range(size)}


@declare(
    title="Unconstrained symmetric",
    category="Unstructured",
    place=7,
    formula=r"\mathbf{V} = (\sigma^2_{ij}), \quad \sigma^2_{ij} = \sigma^2_{ji}",
    symbol="(σ²ᵢⱼ)",
    summary="A symmetric matrix of free entries, which need not be positive semi-definite.",
    arguments=(SIZE,),
    aliases={"torch-openreml": ("UnconstrainedMatrix",), "SAS": ("UN",)},
    reference="Searle, Casella & McCulloch (1992), Variance Components, chapter 11",
    parameters={"sigma^2_i_j": "Covariance of positions i and j; for i = j the variance of position i."},
    usage={"SAS": "proc mixed nobound; random site / subject=genotype type=un;"},
    psd=False,
    symmetric=True,
    linear=True,
    shown={"sigma^2_i_j": lambda i, j: 0.5 ** (i - j) if i > j else None},
    example=lambda: UnconstrainedMatrix(3),
)
class UnconstrainedMatrix(Leaf):
    r"""A symmetric matrix of free entries, :math:`V_{ij} = V_{ji} = \sigma^2_{ij}`.

    Parameters, row by row: `sigma^2_i_j` for j <= i. Those on the diagonal are variances (raw: exp(2
    theta)); the others are covariances, raw and natural alike. The default is the identity matrix. Nothing
    keeps it positive semi-definite: `UnstructuredMatrix` spans the same covariances and does.

    Args:
        n: Number of rows and columns, an int of at least 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import UnconstrainedMatrix
        >>> UnconstrainedMatrix(2)(torch.tensor([0.0, 0.3, 0.5]))
        tensor([[1.0000, 0.3000],
                [0.3000, 2.7183]])

    Reference:
        Searle, Casella & McCulloch (1992), Variance Components, chapter 11 (covariances as components).
    """

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        self.n = check_size(n)
        self._entries = LowerEntries(self.n, self.n)
        defaults = [
            variance(f"sigma^2_{i}_{j}") if i == j else Parameter(f"sigma^2_{i}_{j}")
            for i, j in self._entries.pairs
        ]
        super().__init__((self.n, self.n), param_specs, defaults)

    def evaluate(self, natural: Tensor) -> Tensor:
        """The symmetric matrix, shape (n, n), from its natural entries row by row."""
        lower = self._entries.fill(natural)
        return lower + lower.tril(-1).T

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2_ij: 1 at (i, j) and at (j, i), shape (len(index), n, n)."""
        row, column = self._entries.places(index, natural.device)
        which = torch.arange(len(index), device=natural.device)
        out = natural.new_zeros((len(index), self.n, self.n))
        out[which, row, column] = 1.0
        out[which, column, row] = 1.0
        return out


@linalg.recoded.register(UnconstrainedMatrix)
def _(matrix: UnconstrainedMatrix, natural: Tensor, t: Tensor) -> Tensor:
    entries = matrix._entries
    value = t @ matrix.evaluate(natural) @ t.mT
    return value[entries.places(range(len(entries)), natural.device)]


@linalg.derivative_matmul.register(UnconstrainedMatrix)
def _(matrix: UnconstrainedMatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    row, column = matrix._entries.places(index, natural.device)
    which = torch.arange(len(index), device=natural.device)
    out = b.new_zeros((len(index), *b.shape))
    out[which, row] = b[column]
    out[which, column] = b[row]
    return out


@linalg.derivative_diagonal.register(UnconstrainedMatrix)
def _(matrix: UnconstrainedMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    row, column = matrix._entries.places(index, natural.device)
    out = natural.new_zeros((len(index), matrix.n))
    out[torch.arange(len(index), device=natural.device), row] = (row == column).to(natural.dtype)
    return out


@linalg.trace_against.register(UnconstrainedMatrix)
def _(matrix: UnconstrainedMatrix, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    row, column = matrix._entries.places(index, natural.device)
    return torch.where(row == column, a[row, column], a[row, column] + a[column, row])


@declare(
    title="Lower triangular factor",
    category="Unstructured",
    place=8,
    formula=r"\mathbf{L} = (L_{ij}), \quad L_{ij} = 0 \text{ for } j > i",
    symbol="L",
    summary="A lower triangular matrix of free entries: a factor for Gram, not itself a covariance.",
    arguments=ROWS_AND_COLUMNS,
    aliases={"torch-openreml": ("LowerTriangularMatrix",), "SAS": ("FA0(q) factor",)},
    reference="Golub & Van Loan (2013), Matrix Computations, 4th edition, section 4.2",
    parameters={"L_i_j": "Entry in row i and column j, on or below the diagonal."},
    usage={"SAS": "random site / subject=genotype type=fa0(2);"},
    psd=False,
    linear=True,
    example=lambda: LowerTriangularMatrix(4, 2),
)
class LowerTriangularMatrix(Leaf):
    r"""A lower triangular (or trapezoidal) matrix of free entries :math:`L_{ij}`, :math:`j \le i`.

    Parameters, row by row: `L_i_j`, raw and natural alike, default 1. `Gram(L, gram_type="xxt")` is the
    covariance :math:`L L^\top` of rank m.

    Args:
        n: Number of rows, an int of at least 1.
        m: Number of columns; None for n.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: a size is not an int.
        ValueError: a size is below 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import LowerTriangularMatrix
        >>> matrix = LowerTriangularMatrix(3, 2)
        >>> matrix.param_names
        ['L_0_0', 'L_1_0', 'L_1_1', 'L_2_0', 'L_2_1']
        >>> matrix(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]))
        tensor([[1., 0.],
                [2., 3.],
                [4., 5.]])

    Reference:
        Golub & Van Loan (2013), Matrix Computations, 4th edition, section 4.2 (the Cholesky factor).
    """

    def __init__(self, n: int, m: int | None = None, param_specs: ParamSpecs | None = None) -> None:
        self.n, self.m = check_rectangle(n, m)
        self._entries = LowerEntries(self.n, self.m)
        defaults = [Parameter(f"L_{i}_{j}", default=1.0) for i, j in self._entries.pairs]
        super().__init__((self.n, self.m), param_specs, defaults)

    def evaluate(self, natural: Tensor) -> Tensor:
        """L, shape (n, m), from its natural entries row by row."""
        return self._entries.fill(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dL/d L_ij: 1 at (i, j), shape (len(index), n, m)."""
        which = torch.arange(len(index), device=natural.device)
        out = natural.new_zeros((len(index), self.n, self.m))
        out[(which, *self._entries.places(index, natural.device))] = 1.0
        return out


def _square(matrix: LowerTriangularMatrix) -> bool:
    return matrix.n == matrix.m


@linalg.solve.register(LowerTriangularMatrix, when=_square)
def _(matrix: LowerTriangularMatrix, natural: Tensor, b: Tensor) -> Tensor:
    lower = matrix.evaluate(natural)
    if not bool((lower.diagonal().abs() > negligible(lower) * lower.abs().amax(0)).all()):
        raise singular(matrix)
    return finite(matrix, torch.linalg.solve_triangular(lower, b, upper=False))


@linalg.logdet.register(LowerTriangularMatrix, when=_square)
def _(matrix: LowerTriangularMatrix, natural: Tensor) -> Tensor:
    own = matrix.evaluate(natural).diagonal()
    # A determinant of zero or below is for the dense way to refuse.
    return own.log().sum() if bool((own > 0).all()) else linalg.logdet.default(matrix, natural)


@linalg.derivative_matmul.register(LowerTriangularMatrix)
def _(matrix: LowerTriangularMatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    row, column = matrix._entries.places(index, natural.device)
    out = b.new_zeros((len(index), matrix.n, b.shape[1]))
    out[torch.arange(len(index), device=natural.device), row] = b[column]
    return out


@linalg.derivative_diagonal.register(LowerTriangularMatrix)
def _(matrix: LowerTriangularMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    row, column = matrix._entries.places(index, natural.device)
    places = torch.arange(min(matrix.shape), device=natural.device)
    return ((row == column)[:, None] & (row[:, None] == places)).to(natural.dtype)


@linalg.trace_against.register(LowerTriangularMatrix)
def _(matrix: LowerTriangularMatrix, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    return a[matrix._entries.places(index, natural.device)]
