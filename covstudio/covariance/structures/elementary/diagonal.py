"""The base of diagonal structures: a vector of variances says everything about them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.leaf import Leaf
from covstudio.covariance.core.rows import OnDiagonal, Rows
from covstudio.covariance.linalg.dense import singular
from covstudio.covariance.parameters.differentiation import chain

__all__ = ["DiagonalLeaf"]


class DiagonalLeaf(Leaf):
    r"""A diagonal structure, :math:`V = \mathrm{diag}(v_0, \ldots, v_{n-1})`.

    A subclass gives the variances and their slopes; the matrix, its Jacobian and all that is cheap for a
    diagonal follow. It overrides both or neither.

    Args:
        shape: (n, n).
        param_specs: The caller's declaration, or None.
        defaults: The parameters of the formula, in the order of its natural values.

    Raises:
        TypeError: `param_specs` is not a mapping.
        ValueError: it declares another number of parameters than the formula has.

    Example:
        >>> import torch
        >>> from covstudio.covariance import DiagonalMatrix
        >>> DiagonalMatrix(2).variances(torch.tensor([2.0, 3.0]))
        tensor([2., 3.])
    """

    @property
    def symmetric(self) -> bool:
        """True: whatever its variances are."""
        return True

    def variances(self, natural: Tensor) -> Tensor:
        """The diagonal of V, shape (n,), from the natural values."""
        raise NotImplementedError(f"{type(self).__name__} does not override variances.")

    def variance_slopes(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """The diagonals of dV/d natural_k, shape (len(index), n)."""
        raise NotImplementedError(f"{type(self).__name__} does not override variance_slopes.")

    def evaluate(self, natural: Tensor) -> Tensor:
        """diag(v), shape (n, n), from the natural values."""
        return torch.diag_embed(self.variances(natural))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d natural_k, zero off the diagonal, shape (len(index), n, n)."""
        return torch.diag_embed(self.variance_slopes(natural, index))

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Write V and slices of its Jacobian, zero off the diagonal; see `Matrix.write`."""
        if value is not None:
            value.zero_().diagonal().copy_(self.variances(natural))
        if len(index):
            diagonals = chain(self.variance_slopes(natural, index), slopes)
            slices.zero_().diagonal(dim1=-2, dim2=-1).copy_(diagonals)

    def write_added(
        self, natural: Tensor, value: Tensor, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Add V on the diagonal, and write slices of its Jacobian; see `Matrix.write_added`."""
        value.diagonal().add_(self.variances(natural))
        self.write(natural, None, index, slopes, slices)

    def by_rows(self, natural: Tensor, k: int | None) -> Rows:
        """V or a derivative of it, from its diagonal; see `Matrix.by_rows`."""
        return OnDiagonal(self.variances(natural) if k is None else self.variance_slopes(natural, [k])[0])


def _invertible(matrix: DiagonalLeaf, natural: Tensor) -> Tensor:
    """The variances, when none of them is zero."""
    variances = matrix.variances(natural)
    if not bool((variances.isfinite() & (variances != 0)).all()):
        raise singular(matrix)
    return variances


@linalg.kind.register(DiagonalLeaf)
def _(matrix: DiagonalLeaf) -> linalg.Kind:
    return "diagonal"


@linalg.matmul.register(DiagonalLeaf)
def _(matrix: DiagonalLeaf, natural: Tensor, b: Tensor) -> Tensor:
    return matrix.variances(natural)[:, None] * b


@linalg.diagonal.register(DiagonalLeaf)
def _(matrix: DiagonalLeaf, natural: Tensor) -> Tensor:
    return matrix.variances(natural).clone()


@linalg.solve.register(DiagonalLeaf)
def _(matrix: DiagonalLeaf, natural: Tensor, b: Tensor) -> Tensor:
    return b / _invertible(matrix, natural)[:, None]


@linalg.logdet.register(DiagonalLeaf)
def _(matrix: DiagonalLeaf, natural: Tensor) -> Tensor:
    variances = _invertible(matrix, natural)
    # Declared anew, a variance may be negative: whether the determinant is, the dense way finds out.
    return variances.log().sum() if bool((variances > 0).all()) else linalg.logdet.default(matrix, natural)


@linalg.derivative_matmul.register(DiagonalLeaf)
def _(matrix: DiagonalLeaf, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    return matrix.variance_slopes(natural, index)[:, :, None] * b


@linalg.derivative_diagonal.register(DiagonalLeaf)
def _(matrix: DiagonalLeaf, natural: Tensor, index: Sequence[int]) -> Tensor:
    return matrix.variance_slopes(natural, index).clone()


@linalg.trace_against.register(DiagonalLeaf)
def _(matrix: DiagonalLeaf, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    return matrix.variance_slopes(natural, index) @ a.diagonal()


@linalg.bandwidth.register(DiagonalLeaf)
def _(matrix: DiagonalLeaf) -> int | None:
    return 0


@linalg.precision.register(DiagonalLeaf)
def _(matrix: DiagonalLeaf, natural: Tensor) -> Tensor:
    return 1.0 / _invertible(matrix, natural)[None]


@linalg.precision_derivatives.register(DiagonalLeaf)
def _(matrix: DiagonalLeaf, natural: Tensor, index: Sequence[int]) -> Tensor:
    # Divided twice: the square of a small variance may underflow.
    variances = _invertible(matrix, natural)
    return (-matrix.variance_slopes(natural, index) / variances / variances)[:, None, :]


@linalg.factor.register(DiagonalLeaf)
def _(matrix: DiagonalLeaf, natural: Tensor) -> Tensor:
    variances = matrix.variances(natural)
    if not bool((variances >= 0).all()):
        return linalg.factor.default(matrix, natural)
    return torch.diag_embed(variances.sqrt())
