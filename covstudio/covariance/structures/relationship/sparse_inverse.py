"""One variance times a covariance whose inverse has few entries, wherever that is from: the algebra of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.linalg.dense import singular
from covstudio.covariance.structures.elementary.elementary import variance

__all__ = ["SparseInverseMatrix"]


class SparseInverseMatrix(Leaf):
    r"""Base of :math:`V = \sigma^2 K` with a known K whose inverse Q has few entries.

    K is not written out unless it is asked for: solutions are products with Q, and engines of sparse
    mixed-model equations take Q as it is.

    Parameters: `sigma^2` (natural: a variance; raw: exp(2 theta), default 0).

    Args:
        size: Rows of K.
        rows: Rows of the entries of Q, lower triangle, each place once.
        columns: Their columns.
        entries: The entries, float64.
        logdet: log|K|.
        param_specs: Declaration to use in place of the default one.
    """

    _definite = True

    def __init__(
        self,
        size: int,
        rows: Tensor,
        columns: Tensor,
        entries: Tensor,
        logdet: float,
        param_specs: ParamSpecs | None,
    ) -> None:
        super().__init__((size, size), param_specs, [variance()])
        self._rows, self._columns, self._entries, self._logdet = rows, columns, entries, logdet

    @property
    def _known(self) -> Tensor:
        """K written out, float64."""
        raise NotImplementedError

    @property
    def _variances(self) -> Tensor:
        """The diagonal of K, float64."""
        raise NotImplementedError

    def _times(self, b: Tensor) -> Tensor:
        """K b."""
        raise NotImplementedError

    def evaluate(self, natural: Tensor) -> Tensor:
        """sigma^2 K, shape (n, n), from natural values [sigma^2]."""
        return natural[0] * self._known.to(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2 = K, shape (1, n, n)."""
        return self._known.to(natural).repeat(len(index), 1, 1)


def _scale(matrix: SparseInverseMatrix, natural: Tensor) -> Tensor:
    """sigma^2, where it can be divided by."""
    if float(natural[0]) == 0.0:
        raise singular(matrix)
    return natural[0]


@linalg.matmul.register(SparseInverseMatrix)
def _(matrix: SparseInverseMatrix, natural: Tensor, b: Tensor) -> Tensor:
    return natural[0] * matrix._times(b)


@linalg.derivative_matmul.register(SparseInverseMatrix)
def _(matrix: SparseInverseMatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    if not len(index):
        return b.new_zeros((0, *b.shape))
    return matrix._times(b).expand(len(index), -1, -1)


@linalg.diagonal.register(SparseInverseMatrix)
def _(matrix: SparseInverseMatrix, natural: Tensor) -> Tensor:
    return natural[0] * matrix._variances.to(natural)


@linalg.derivative_diagonal.register(SparseInverseMatrix)
def _(matrix: SparseInverseMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    return matrix._variances.to(natural).repeat(len(index), 1)


@linalg.solve.register(SparseInverseMatrix)
def _(matrix: SparseInverseMatrix, natural: Tensor, b: Tensor) -> Tensor:
    scale = _scale(matrix, natural)
    rows, columns = matrix._rows.to(b.device), matrix._columns.to(b.device)
    entries, off = matrix._entries.to(b)[:, None], rows != columns
    out = torch.zeros_like(b).index_add_(0, rows, entries * b[columns])
    out.index_add_(0, columns[off], entries[off] * b[rows[off]])
    return out / scale


@linalg.logdet.register(SparseInverseMatrix)
def _(matrix: SparseInverseMatrix, natural: Tensor) -> Tensor:
    scale = _scale(matrix, natural)
    if float(scale) < 0.0:
        return linalg.logdet.default(matrix, natural)
    return matrix.shape[0] * scale.log() + matrix._logdet


@linalg.sparsity.register(SparseInverseMatrix)
def _(matrix: SparseInverseMatrix) -> tuple[Tensor, Tensor] | None:
    return matrix._rows, matrix._columns


@linalg.inverse_entries.register(SparseInverseMatrix)
def _(matrix: SparseInverseMatrix, natural: Tensor) -> Tensor:
    return matrix._entries.to(natural) / _scale(matrix, natural)


@linalg.inverse_derivatives.register(SparseInverseMatrix)
def _(matrix: SparseInverseMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    slope = -matrix._entries.to(natural) / _scale(matrix, natural) ** 2
    return slope.repeat(len(index), 1)
