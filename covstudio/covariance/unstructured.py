"""Matrices of free entries: log-Cholesky covariance, free symmetric matrix, lower triangular factor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .checks import check_size
from .declaration import Argument, declare
from .elementary import variance
from .leaf import Leaf, ParamSpecs
from .parameter import Parameter
from .transform import TransformExp

_SIZE = Argument("n", "size", "Size", "Number of rows and columns", minimum=1)


def lower_entries(n: int, m: int) -> list[tuple[int, int]]:
    """Return the positions (i, j) with j <= i of an n x m matrix, row by row."""
    return [(i, j) for i in range(n) for j in range(min(i + 1, m))]


def fill(natural: Tensor, rows: Tensor, columns: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return a matrix of zeros with ``natural`` at (rows, columns)."""
    positions = (rows.to(natural.device), columns.to(natural.device))
    return natural.new_zeros(shape).index_put(positions, natural)


@declare(
    title="Unstructured",
    category="Unstructured",
    formula=r"\mathbf{V} = \mathbf{L} \mathbf{L}^\top, \quad L_{ii} > 0",
    symbol="L Lᵀ",
    summary="Every variance and covariance free, kept positive definite by its log-Cholesky factor.",
    arguments=(_SIZE,),
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
    psd=True,
    example=lambda: UnstructuredMatrix(3),
)
class UnstructuredMatrix(Leaf):
    r"""A free covariance matrix by its log-Cholesky factor, :math:`V = L L^\top`.

    Parameters, row by row: ``L_i_j`` for j <= i. Those on the diagonal have natural values :math:`L_{ii} > 0`
    and raw values :math:`\log L_{ii}`; those below are free, raw and natural alike. The default is L = I.

    Args:
        n: Number of rows and columns, an int of at least 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: If ``n`` is not an int.
        ValueError: If ``n`` is below 1.

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
        self.n = check_size(n)
        entries = lower_entries(self.n, self.n)
        self._rows, self._columns = torch.tensor(entries, dtype=torch.int64).unbind(1)
        defaults = [
            Parameter(f"L_{i}_{j}", TransformExp()) if i == j else Parameter(f"L_{i}_{j}") for i, j in entries
        ]
        super().__init__((self.n, self.n), param_specs, defaults)

    @property
    def psd(self) -> bool:
        """True: L L' is positive semi-definite whatever the entries of L are."""
        return True

    def factor(self, natural: Tensor) -> Tensor:
        """Return L, shape (n, n), lower triangular, from its natural entries row by row."""
        return fill(natural, self._rows, self._columns, (self.n, self.n))

    def evaluate(self, natural: Tensor) -> Tensor:
        """Return L L', shape (n, n), from the natural entries of L row by row."""
        factor = self.factor(natural)
        return factor @ factor.T

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Return dV/d L_ij = e_i l_j' + l_j e_i', l_j the j-th column of L, shape (len(index), n, n)."""
        chosen = torch.tensor(list(index), dtype=torch.int64)
        row = self._rows[chosen].to(natural.device)
        columns = self.factor(natural).T[self._columns[chosen].to(natural.device)]
        which = torch.arange(len(index), device=natural.device)
        half = natural.new_zeros((len(index), self.n, self.n))
        half[which, row] = columns
        return half + half.mT


@declare(
    title="Unconstrained symmetric",
    category="Unstructured",
    formula=r"\mathbf{V} = (\sigma^2_{ij}), \quad \sigma^2_{ij} = \sigma^2_{ji}",
    symbol="(σ²ᵢⱼ)",
    summary="A symmetric matrix of free entries, which need not be positive semi-definite.",
    arguments=(_SIZE,),
    aliases={"torch-openreml": ("UnconstrainedMatrix",), "SAS": ("UN",)},
    reference="Searle, Casella & McCulloch (1992), Variance Components, chapter 11",
    psd=False,
    example=lambda: UnconstrainedMatrix(3),
)
class UnconstrainedMatrix(Leaf):
    r"""A symmetric matrix of free entries, :math:`V_{ij} = V_{ji} = \sigma^2_{ij}`.

    Parameters, row by row: ``sigma^2_i_j`` for j <= i. Those on the diagonal are variances (raw: exp(2
    theta)); the others are covariances, raw and natural alike. The default is the identity matrix. Nothing
    keeps it positive semi-definite: ``UnstructuredMatrix`` spans the same covariances and does.

    Args:
        n: Number of rows and columns, an int of at least 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: If ``n`` is not an int.
        ValueError: If ``n`` is below 1.

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
        entries = lower_entries(self.n, self.n)
        self._rows, self._columns = torch.tensor(entries, dtype=torch.int64).unbind(1)
        defaults = [
            variance(f"sigma^2_{i}_{j}") if i == j else Parameter(f"sigma^2_{i}_{j}") for i, j in entries
        ]
        super().__init__((self.n, self.n), param_specs, defaults)

    def evaluate(self, natural: Tensor) -> Tensor:
        """Return the symmetric matrix, shape (n, n), from its natural entries row by row."""
        lower = fill(natural, self._rows, self._columns, (self.n, self.n))
        return lower + lower.tril(-1).T

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Return dV/d sigma^2_ij: 1 at (i, j) and at (j, i), shape (len(index), n, n)."""
        chosen = torch.tensor(list(index), dtype=torch.int64)
        row = self._rows[chosen].to(natural.device)
        column = self._columns[chosen].to(natural.device)
        which = torch.arange(len(index), device=natural.device)
        out = natural.new_zeros((len(index), self.n, self.n))
        out[which, row, column] = 1.0
        out[which, column, row] = 1.0
        return out


@declare(
    title="Lower triangular factor",
    category="Unstructured",
    formula=r"\mathbf{L} = (L_{ij}), \quad L_{ij} = 0 \text{ for } j > i",
    symbol="L",
    summary="A lower triangular matrix of free entries: a factor for Gram, not itself a covariance.",
    arguments=(
        Argument("n", "size", "Rows", "Number of rows", minimum=1),
        Argument(
            "m",
            "size",
            "Columns",
            "Number of columns; as many as rows when left out",
            default=None,
            minimum=1,
        ),
    ),
    aliases={"torch-openreml": ("LowerTriangularMatrix",), "SAS": ("FA0(q) factor",)},
    reference="Golub & Van Loan (2013), Matrix Computations, 4th edition, section 4.2",
    psd=False,
    example=lambda: LowerTriangularMatrix(4, 2),
)
class LowerTriangularMatrix(Leaf):
    r"""A lower triangular (or trapezoidal) matrix of free entries :math:`L_{ij}`, :math:`j \le i`.

    Parameters, row by row: ``L_i_j``, raw and natural alike, default 1. ``Gram(L, gram_type="xxt")`` is the
    covariance :math:`L L^\top` of rank m.

    Args:
        n: Number of rows, an int of at least 1.
        m: Number of columns; None for n.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: If a size is not an int.
        ValueError: If a size is below 1.

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
        self.n = check_size(n)
        self.m = self.n if m is None else check_size(m, "m")
        entries = lower_entries(self.n, self.m)
        self._rows, self._columns = torch.tensor(entries, dtype=torch.int64).unbind(1)
        defaults = [Parameter(f"L_{i}_{j}", default=1.0) for i, j in entries]
        super().__init__((self.n, self.m), param_specs, defaults)

    def evaluate(self, natural: Tensor) -> Tensor:
        """Return L, shape (n, m), from its natural entries row by row."""
        return fill(natural, self._rows, self._columns, (self.n, self.m))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Return dL/d L_ij: 1 at (i, j), shape (len(index), n, m)."""
        chosen = torch.tensor(list(index), dtype=torch.int64)
        which = torch.arange(len(index), device=natural.device)
        out = natural.new_zeros((len(index), self.n, self.m))
        out[which, self._rows[chosen].to(natural.device), self._columns[chosen].to(natural.device)] = 1.0
        return out
