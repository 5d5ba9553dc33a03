"""The dense ways of the functions of structure: values, slices, factorisations, and how they fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor

from covstudio.covariance.core.definiteness import ShapeError, SingularMatrixError
from covstudio.covariance.core.matrix import Matrix

__all__ = [
    "bands",
    "cholesky",
    "finite",
    "negligible",
    "singular",
    "slices_of",
    "solved",
    "square",
    "symmetric",
    "value_of",
]

#: Slices of derivatives are formed so many entries at a time, to bound the memory of the dense way.
_ENTRIES = 1 << 25


def bands(values: Tensor, width: int) -> Tensor:
    """The diagonal and the first lower bands of matrices.

    Args:
        values: shape (..., n, n).
        width: how many bands below the diagonal.

    Returns:
        Shape (..., width + 1, n): row d holds the entries (i + d, i), left aligned, zeros behind them.

    Example:
        >>> import torch
        >>> from covstudio.covariance import structure
        >>> structure.bands(torch.tensor([[2.0, 1.0], [1.0, 3.0]]), 1)
        tensor([[2., 3.],
                [1., 0.]])
    """
    size = values.shape[-1]
    rows = [values.diagonal(-d, -2, -1) if d < size else values[..., 0, :0] for d in range(width + 1)]
    return torch.stack([torch.nn.functional.pad(row, (0, size - row.shape[-1])) for row in rows], dim=-2)


def value_of(matrix: Matrix, natural: Tensor) -> Tensor:
    return matrix.evaluate(natural).to(dtype=natural.dtype, device=natural.device)


def square(matrix: Matrix, natural: Tensor) -> Tensor:
    if matrix.shape[0] != matrix.shape[1]:
        raise ShapeError(
            f"{type(matrix).__name__}: expected a square matrix, got {matrix.shape[0]} x {matrix.shape[1]}; "
            "a rectangle has neither inverse, determinant nor factor."
        )
    return value_of(matrix, natural)


def slices_of(matrix: Matrix, natural: Tensor, index: Sequence[int]) -> Iterator[Tensor]:
    """The derivatives in natural values, as many at a time as memory allows."""
    step = max(1, _ENTRIES // (matrix.shape[0] * matrix.shape[1]))
    for start in range(0, len(index), step):
        slices = matrix.natural_jacobian(natural, list(index[start : start + step]))
        yield slices.to(dtype=natural.dtype, device=natural.device)


def symmetric(value: Tensor) -> bool:
    """Whether a matrix is symmetric up to rounding, which is quicker to see than what is promised of it."""
    return float((value - value.mT).abs().max()) <= negligible(value) * float(value.abs().max())


def negligible(value: Tensor) -> float:
    return value.shape[-1] * torch.finfo(value.dtype).eps


def cholesky(matrix: Matrix, value: Tensor) -> Tensor | None:
    """The Cholesky factor, or None where the matrix has none.

    Raises:
        SingularMatrixError: it has one, or of a promised covariance has none, by rounding only.
    """
    if not symmetric(value):
        return None
    lower, info = torch.linalg.cholesky_ex(value)
    if int(info) != 0:
        if matrix.psd:
            raise singular(matrix)
        return None
    # The squared pivot is the part of a row's variance that the rows before it leave unexplained.
    if not bool((lower.diagonal() ** 2 > negligible(value) * value.diagonal()).all()):
        raise singular(matrix)
    return cast(Tensor, lower)


def solved(matrix: Matrix, natural: Tensor, b: Tensor) -> Tensor:
    """V^-1 b, by Cholesky where V is positive definite, else by LU."""
    value = square(matrix, natural)
    lower = cholesky(matrix, value)
    if lower is not None:
        return finite(matrix, torch.cholesky_solve(b, lower))
    packed, pivots, info = torch.linalg.lu_factor_ex(value)
    # A pivot is what the earlier columns leave of its own column.
    left = packed.diagonal().abs() / value.abs().amax(0)
    if int(info) != 0 or not bool((left > negligible(value)).all()):
        raise singular(matrix)
    return finite(matrix, torch.linalg.lu_solve(packed, pivots, b))


def finite(matrix: Matrix, solution: Tensor) -> Tensor:
    """The solution of equations.

    Raises:
        SingularMatrixError: it is too large to be represented.
    """
    if not bool(torch.isfinite(solution).all()):
        raise singular(matrix)
    return solution


def singular(matrix: Matrix) -> SingularMatrixError:
    return SingularMatrixError(
        f"{type(matrix).__name__}: expected an invertible matrix, got one of {matrix.shape[0]} x "
        f"{matrix.shape[1]} that is singular to working precision at these parameters; add a residual, or "
        "move variances away from 0 and correlations away from the ends of their range."
    )
