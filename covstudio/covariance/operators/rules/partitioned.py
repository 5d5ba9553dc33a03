"""Rules of structure for operands side by side (along the diagonal, by rows, by columns), and for a part."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.linalg.inverse_bands import width_of
from covstudio.covariance.linalg.operands import (
    Owner,
    Part,
    TensorFunction,
    assembled,
    banded_inverse,
    both_products,
    diagonal_inverse,
    diagonal_parts,
    matrices_of,
    nonzero,
    parts_of,
    promised_parts,
    square_parts,
    summed_logdet,
    without_bands,
)
from covstudio.covariance.operators.partitioned import Augment, BlockDiagonal, Stack
from covstudio.covariance.operators.parts import Submatrix
from covstudio.covariance.parameters.layout import consecutive

__all__: list[str] = []


# -- block diagonal ------------------------------------------------------------------------------------------


def _spans(parts: Sequence[Part], dimension: int) -> list[slice]:
    spans = consecutive(part.matrix.shape[dimension] for part in parts)
    return [slice(span.start, span.stop) for span in spans]


def _among(values: Tensor, span: slice, size: int) -> Tensor:
    """Entries of one operand among those of all, zeros for the others, along the last dimension."""
    return torch.nn.functional.pad(values, (span.start, size - span.stop))


def _rows_among(values: Tensor, span: slice, size: int) -> Tensor:
    """The same along the last dimension but one."""
    return torch.nn.functional.pad(values, (0, 0, span.start, size - span.stop))


def _each(parts: Sequence[Part], function: TensorFunction, b: Tensor, dimension: int) -> list[Tensor]:
    """What a function (a product, or solve) makes of every operand and its own rows of b.

    Args:
        parts: the operands.
        function: what to apply to each.
        b: one row for each row (dimension 0) or column (1) of all operands.
        dimension: which of the two.
    """
    return [part.ask(function, b[span]) for part, span in zip(parts, _spans(parts, dimension), strict=True)]


@linalg.kind.register(BlockDiagonal)
def _(matrix: BlockDiagonal) -> linalg.Kind:
    if diagonal_parts(matrix):
        return "diagonal"
    return "block diagonal" if square_parts(matrix) else "dense"


@both_products(BlockDiagonal)
def _(product: TensorFunction, matrix: BlockDiagonal, natural: Tensor, b: Tensor) -> Tensor:
    return torch.cat(_each(parts_of(matrix, natural), product, b, 1 if product is linalg.matmul else 0))


@linalg.diagonal.register(BlockDiagonal, when=square_parts)
def _(matrix: BlockDiagonal, natural: Tensor) -> Tensor:
    return torch.cat([part.ask(linalg.diagonal) for part in parts_of(matrix, natural)])


@linalg.solve.register(BlockDiagonal, when=square_parts)
def _(matrix: BlockDiagonal, natural: Tensor, b: Tensor) -> Tensor:
    return torch.cat(_each(parts_of(matrix, natural), linalg.solve, b, 0))


linalg.logdet.register(BlockDiagonal, when=square_parts)(summed_logdet)


@linalg.derivative_matmul.register(BlockDiagonal)
def _(matrix: BlockDiagonal, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    rows, columns = _spans(parts, 0), _spans(parts, 1)

    def moved(owner: Owner) -> Tensor:
        inner = owner.ask(linalg.derivative_matmul, b[columns[owner.position]])
        return _rows_among(inner, rows[owner.position], matrix.shape[0])

    return assembled(parts, index, moved, natural.new_zeros((0, matrix.shape[0], b.shape[1])))


@linalg.derivative_diagonal.register(BlockDiagonal, when=square_parts)
def _(matrix: BlockDiagonal, natural: Tensor, index: Sequence[int]) -> Tensor:
    parts = parts_of(matrix, natural)
    spans = _spans(parts, 0)

    def moved(owner: Owner) -> Tensor:
        return _among(owner.ask(linalg.derivative_diagonal), spans[owner.position], matrix.shape[0])

    return assembled(parts, index, moved, natural.new_zeros((0, matrix.shape[0])))


@linalg.trace_against.register(BlockDiagonal)
def _(matrix: BlockDiagonal, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    rows, columns = _spans(parts, 0), _spans(parts, 1)

    def moved(owner: Owner) -> Tensor:
        return owner.ask(linalg.trace_against, a[rows[owner.position], columns[owner.position]])

    return assembled(parts, index, moved, natural.new_zeros(0))


@linalg.bandwidth.register(BlockDiagonal)
def _(matrix: BlockDiagonal) -> int | None:
    widths = [
        linalg.bandwidth(operand) if operand.shape[0] == operand.shape[1] else None
        for operand in matrices_of(matrix)
    ]
    known = [width for width in widths if width is not None]
    return max(known) if len(known) == len(widths) else None


def _deepened(inner: Tensor, matrix: BlockDiagonal) -> Tensor:
    """Bands of one block with rows of zeros for those bands that only other blocks have."""
    return torch.nn.functional.pad(inner, (0, 0, 0, width_of(matrix) + 1 - inner.shape[-2]))


@linalg.precision.register(BlockDiagonal, when=banded_inverse)
def _(matrix: BlockDiagonal, natural: Tensor) -> Tensor:
    bands = [_deepened(part.ask(linalg.precision), matrix) for part in parts_of(matrix, natural)]
    return torch.cat(bands, dim=1)


@linalg.precision_derivatives.register(BlockDiagonal, when=banded_inverse)
def _(matrix: BlockDiagonal, natural: Tensor, index: Sequence[int]) -> Tensor:
    parts = parts_of(matrix, natural)
    spans = _spans(parts, 0)

    def moved(owner: Owner) -> Tensor:
        bands = _deepened(owner.ask(linalg.precision_derivatives), matrix)
        return _among(bands, spans[owner.position], matrix.shape[0])

    return assembled(parts, index, moved, without_bands(matrix, natural))


@linalg.factor.register(BlockDiagonal, when=promised_parts)
def _(matrix: BlockDiagonal, natural: Tensor) -> Tensor:
    joined: Tensor = torch.block_diag(*[part.ask(linalg.factor) for part in parts_of(matrix, natural)])  # type: ignore[no-untyped-call]
    return joined


# -- rows on top of each other, columns beside each other ----------------------------------------------------


def _side_by_side(product: TensorFunction, matrix: Stack | Augment, natural: Tensor, b: Tensor) -> Tensor:
    """Of operands on top of each other, and of the transpose of operands beside each other."""
    return torch.cat([part.ask(product, b) for part in parts_of(matrix, natural)])


def _added(
    product: TensorFunction, dimension: int, matrix: Stack | Augment, natural: Tensor, b: Tensor
) -> Tensor:
    """Of operands beside each other, and of the transpose of operands on top of each other."""
    return torch.stack(_each(parts_of(matrix, natural), product, b, dimension)).sum(0)


linalg.matmul.register(Stack)(partial(_side_by_side, linalg.matmul))
linalg.transpose_matmul.register(Stack)(partial(_added, linalg.transpose_matmul, 0))
linalg.matmul.register(Augment)(partial(_added, linalg.matmul, 1))
linalg.transpose_matmul.register(Augment)(partial(_side_by_side, linalg.transpose_matmul))


@linalg.derivative_matmul.register(Stack)
def _(matrix: Stack, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    spans = _spans(parts, 0)

    def moved(owner: Owner) -> Tensor:
        return _rows_among(owner.ask(linalg.derivative_matmul, b), spans[owner.position], matrix.shape[0])

    return assembled(parts, index, moved, natural.new_zeros((0, matrix.shape[0], b.shape[1])))


@linalg.derivative_matmul.register(Augment)
def _(matrix: Augment, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    spans = _spans(parts, 1)

    def moved(owner: Owner) -> Tensor:
        return owner.ask(linalg.derivative_matmul, b[spans[owner.position]])

    return assembled(parts, index, moved, natural.new_zeros((0, matrix.shape[0], b.shape[1])))


def _traces(
    matrix: Stack | Augment, natural: Tensor, index: Sequence[int], a: Tensor, dimension: int
) -> Tensor:
    """Each operand's derivatives against its own rows (dimension 0) or columns (1) of A."""
    parts = parts_of(matrix, natural)
    spans = _spans(parts, dimension)

    def moved(owner: Owner) -> Tensor:
        span = spans[owner.position]
        return owner.ask(linalg.trace_against, a[span] if dimension == 0 else a[:, span])

    return assembled(parts, index, moved, natural.new_zeros(0))


linalg.trace_against.register(Stack)(partial(_traces, dimension=0))
linalg.trace_against.register(Augment)(partial(_traces, dimension=1))


# -- submatrix -----------------------------------------------------------------------------------------------


def _chosen(matrix: Submatrix, natural: Tensor) -> Tensor:
    return torch.tensor(matrix.index, device=natural.device)


def _spread(matrix: Submatrix, natural: Tensor, b: Tensor) -> Tensor:
    """(k, m) at the chosen rows of (n, m), zeros elsewhere."""
    size = matrices_of(matrix)[0].shape[0]
    return natural.new_zeros((size, b.shape[1])).index_copy(0, _chosen(matrix, natural), b)


@linalg.kind.register(Submatrix)
def _(matrix: Submatrix) -> linalg.Kind:
    found = linalg.kind(matrices_of(matrix)[0])
    first = matrix.index[0]
    if found == "toeplitz" and matrix.index == tuple(range(first, first + len(matrix.index))):
        return "toeplitz"
    return found if found in ("scalar", "diagonal") else "dense"


@both_products(Submatrix)
def _(product: TensorFunction, matrix: Submatrix, natural: Tensor, b: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    return a.ask(product, _spread(matrix, natural, b))[_chosen(matrix, natural)]


@linalg.diagonal.register(Submatrix)
def _(matrix: Submatrix, natural: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.diagonal)[_chosen(matrix, natural)]


@linalg.derivative_matmul.register(Submatrix)
def _(matrix: Submatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    return a.ask(linalg.derivative_matmul, index, _spread(matrix, natural, b))[:, _chosen(matrix, natural)]


@linalg.derivative_diagonal.register(Submatrix)
def _(matrix: Submatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.derivative_diagonal, index)[:, _chosen(matrix, natural)]


@linalg.trace_against.register(Submatrix, when=diagonal_parts)
def _(matrix: Submatrix, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    return linalg.derivative_diagonal(matrix, natural, index) @ a.diagonal()


@linalg.solve.register(Submatrix, when=diagonal_parts)
def _(matrix: Submatrix, natural: Tensor, b: Tensor) -> Tensor:
    return b / nonzero(matrix, linalg.diagonal(matrix, natural))[:, None]


diagonal_inverse(Submatrix, diagonal_parts)
