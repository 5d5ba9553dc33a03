r"""The algebra of matrices that are not written out: products, solutions, determinants, derivatives.

Every function here takes any matrix and answers densely, by forming V. A class whose structure allows more
(a diagonal, a band, a Kronecker product, an incidence) registers a rule next to its definition, and whoever
calls the function profits: an engine that asks for `solve` never needs to know which classes there are.

    @linalg.solve.register(AR1Matrix)
    def _(matrix: AR1Matrix, natural: Tensor, b: Tensor) -> Tensor: ...

A rule is found along the method resolution order, so subclasses inherit it, but only as long as they are the
same matrix: a class that redefines the value or the derivative below the registered one is answered densely
until it registers rules of its own.

`natural` always holds the NATURAL values of all the matrix's parameters, free and fixed, in the order of
`param_names`, shape (num_params,); the result has its dtype and device. `index` holds positions in
`param_names`. Derivatives are with respect to natural values.
"""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from torch import Tensor

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.compositions import (
    Composition,
    CovarianceFunction,
    FactorLevels,
    How,
    PlacedOperand,
    column_names,
    composition,
    covariance_function,
    crossed_levels,
    incidence,
    parts,
    placed_operands,
)
from covstudio.covariance.linalg.dense import (
    bands,
    cholesky,
    negligible,
    singular,
    solved,
    square,
    symmetric,
    value_of,
)
from covstudio.covariance.linalg.dependence import (
    homogeneous,
    is_constant,
    is_linear,
    is_multiple,
    linear,
    recoded,
    scale_parameter,
    sign_symmetry,
)
from covstudio.covariance.linalg.derivatives import derivative_diagonal, derivative_matmul, trace_against
from covstudio.covariance.linalg.dispatch import StructureFunction
from covstudio.covariance.linalg.entries import (
    EntryTerm,
    PartEntry,
    Separation,
    between,
    entry_terms,
    separation,
)
from covstudio.covariance.linalg.inverse_bands import bandwidth, precision, precision_derivatives
from covstudio.covariance.linalg.inverse_entries import inverse_derivatives, inverse_entries, sparsity

__all__ = [
    "GENERICS",
    "Composition",
    "CovarianceFunction",
    "EntryTerm",
    "FactorLevels",
    "How",
    "Kind",
    "PartEntry",
    "PlacedOperand",
    "Separation",
    "StructureFunction",
    "bands",
    "bandwidth",
    "between",
    "column_names",
    "composition",
    "covariance_function",
    "crossed_levels",
    "derivative_diagonal",
    "derivative_matmul",
    "diagonal",
    "entry_terms",
    "factor",
    "homogeneous",
    "incidence",
    "inverse_derivatives",
    "inverse_entries",
    "is_constant",
    "is_linear",
    "is_multiple",
    "kind",
    "linear",
    "logdet",
    "matmul",
    "parts",
    "placed_operands",
    "precision",
    "precision_derivatives",
    "recoded",
    "scale_parameter",
    "separation",
    "sign_symmetry",
    "solve",
    "sparsity",
    "trace_against",
    "transpose_matmul",
]

#: The structure of a matrix, by which an engine chooses its way.
#:
#: "scalar": one number times the identity; "diagonal"; "banded precision": V^-1 has few bands; "toeplitz":
#: V_ij depends on i - j; "kronecker": products go factor by factor; "low rank": V = L L' with few columns,
#: perhaps plus a diagonal; "block diagonal"; "incidence": one 1 per row; "dense": nothing that would help.
Kind = Literal[
    "scalar",
    "diagonal",
    "banded precision",
    "toeplitz",
    "kronecker",
    "low rank",
    "block diagonal",
    "homogeneous",
    "incidence",
    "dense",
]


@StructureFunction
def kind(matrix: Matrix, /) -> Kind:
    """The structure of a matrix, by which an engine chooses its way.

    Args:
        matrix: a structure or an operator.

    Returns:
        One of the names in `Kind`; "dense" where nothing is known.

    Example:
        >>> from covstudio.covariance import UnstructuredMatrix, structure
        >>> structure.kind(UnstructuredMatrix(3))
        'dense'
    """
    return "dense"


@StructureFunction
def matmul(matrix: Matrix, natural: Tensor, b: Tensor, /) -> Tensor:
    """The product V b.

    Args:
        matrix: a structure or an operator, of shape (r, c).
        natural: NATURAL values of all its parameters, shape (num_params,).
        b: shape (c, m), in the dtype of `natural`.

    Returns:
        V b, shape (r, m).

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, structure
        >>> structure.matmul(AR1Matrix(2), torch.tensor([2.0, 0.5]), torch.eye(2))
        tensor([[2., 1.],
                [1., 2.]])
    """
    return value_of(matrix, natural) @ b


@StructureFunction
def transpose_matmul(matrix: Matrix, natural: Tensor, b: Tensor, /) -> Tensor:
    """The product V' b, such as the sums over levels Z' b.

    Args:
        matrix: a structure or an operator, of shape (r, c).
        natural: NATURAL values of all its parameters, shape (num_params,).
        b: shape (r, m), in the dtype of `natural`.

    Returns:
        V' b, shape (c, m).

    Example:
        >>> import torch
        >>> from covstudio.covariance import DummyMatrix, structure
        >>> structure.transpose_matmul(DummyMatrix(["a", "b", "a"]), torch.zeros(0), torch.ones(3, 1))
        tensor([[2.],
                [1.]])
    """
    return value_of(matrix, natural).mT @ b


@transpose_matmul.otherwise
def _(matrix: Matrix) -> StructureFunction[[Tensor, Tensor], Tensor] | None:
    return matmul if matrix.symmetric else None


@StructureFunction
def diagonal(matrix: Matrix, natural: Tensor, /) -> Tensor:
    """The diagonal of V: the variances.

    Args:
        matrix: a structure or an operator, of shape (n, n).
        natural: NATURAL values of all its parameters, shape (num_params,).

    Returns:
        Shape (n,).

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, structure
        >>> structure.diagonal(AR1Matrix(3), torch.tensor([2.0, 0.5]))
        tensor([2., 2., 2.])
    """
    return value_of(matrix, natural).diagonal().clone()


@StructureFunction
def solve(matrix: Matrix, natural: Tensor, b: Tensor, /) -> Tensor:
    """The solution x of V x = b; by Cholesky where V is positive definite, else by LU.

    Args:
        matrix: a structure or an operator, of shape (n, n).
        natural: NATURAL values of all its parameters, shape (num_params,).
        b: shape (n, m), in the dtype of `natural`.

    Returns:
        V^-1 b, shape (n, m).

    Raises:
        SingularMatrixError: V is singular to working precision.
        ShapeError: V is not square.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, structure
        >>> b = torch.tensor([[6.0], [0.0]])
        >>> structure.solve(AR1Matrix(2), torch.tensor([4.0, 0.5]), b).round(decimals=4)
        tensor([[ 2.],
                [-1.]])

    Reference:
        Golub & Van Loan (2013), Matrix Computations, sections 3.4 and 4.2.
    """
    return solved(matrix, natural, b)


@StructureFunction
def logdet(matrix: Matrix, natural: Tensor, /) -> Tensor:
    """The logarithm of the determinant of V.

    Args:
        matrix: a structure or an operator, of shape (n, n).
        natural: NATURAL values of all its parameters, shape (num_params,).

    Returns:
        log det V, 0-d.

    Raises:
        SingularMatrixError: V is singular to working precision.
        ShapeError: V is not square.
        ValueError: the determinant is negative.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, structure
        >>> structure.logdet(AR1Matrix(2), torch.tensor([2.0, 0.5]))
        tensor(1.0986)

    Reference:
        Searle, Casella & McCulloch (1992), Variance Components, appendix M.
    """
    value = square(matrix, natural)
    lower = cholesky(matrix, value)
    if lower is not None:
        return 2.0 * lower.diagonal().log().sum()
    sign, log = torch.linalg.slogdet(value)
    if not bool(torch.isfinite(log)):
        raise singular(matrix)
    if float(sign) < 0:
        raise ValueError(
            f"{type(matrix).__name__}: expected a positive determinant, got a negative one at these "
            "parameters; only a positive definite matrix has a log determinant: use a structure that "
            "promises to be one."
        )
    return cast(Tensor, log)


@StructureFunction
def factor(matrix: Matrix, natural: Tensor, /) -> Tensor:
    """A factor L of V = L L': Cholesky's where V is positive definite, else from its eigenvalues.

    Args:
        matrix: a structure or an operator, of shape (n, n).
        natural: NATURAL values of all its parameters, shape (num_params,).

    Returns:
        L, shape (n, r); r may be below n where V is singular.

    Raises:
        ValueError: V has a negative eigenvalue, or is not symmetric.
        ShapeError: V is not square.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, structure
        >>> lower = structure.factor(AR1Matrix(2), torch.tensor([4.0, 0.5]))
        >>> torch.allclose(lower @ lower.T, torch.tensor([[4.0, 2.0], [2.0, 4.0]]))
        True

    Reference:
        Golub & Van Loan (2013), Matrix Computations, section 4.2.
    """
    value = square(matrix, natural)
    if symmetric(value):
        lower, info = torch.linalg.cholesky_ex(value)
        if int(info) == 0:
            return cast(Tensor, lower)
        # As a correlation matrix, so that small variances keep their digits beside large ones.
        deviations = value.diagonal().clamp_min(0.0).sqrt()
        scales = torch.where(deviations > 0, deviations, torch.ones_like(deviations))[:, None]
        eigenvalues, vectors = torch.linalg.eigh(value / scales / scales.mT)
        noise = negligible(value) * float(eigenvalues.abs().max())
        # Where a covariance is promised, what is negative is rounding, however far the value is from exact.
        if matrix.psd or float(eigenvalues[0]) >= -noise:
            keep = eigenvalues > noise
            return cast(Tensor, scales * vectors[:, keep] * eigenvalues[keep].sqrt())
    raise ValueError(
        f"{type(matrix).__name__}: expected a symmetric positive semi-definite matrix to take a factor of, "
        "got one that is not at these parameters; use a structure that promises to be a covariance."
    )


#: All functions of this module that take rules.
GENERICS: tuple[StructureFunction[..., Any], ...] = (
    kind,
    matmul,
    transpose_matmul,
    diagonal,
    solve,
    logdet,
    derivative_matmul,
    derivative_diagonal,
    trace_against,
    bandwidth,
    precision,
    precision_derivatives,
    sparsity,
    inverse_entries,
    inverse_derivatives,
    factor,
    composition,
    incidence,
    column_names,
    crossed_levels,
    covariance_function,
    linear,
    homogeneous,
    scale_parameter,
    sign_symmetry,
    recoded,
    entry_terms,
    separation,
)
