"""Rules of structure for operands side by side (along the diagonal, by rows, by columns), and for a part."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.operands import (
    Part,
    assembled,
    diagonal_kind,
    matrices_of,
    nonzero,
    owners,
    parts_of,
    signed,
    square_parts,
)
from covstudio.covariance.operators.partitioned import Augment, BlockDiagonal, Stack
from covstudio.covariance.operators.parts import Submatrix

__all__: list[str] = []


# -- block diagonal ------------------------------------------------------------------------------------------


def _square_blocks(matrix: BlockDiagonal) -> bool:
    return square_parts(matrix)


def _spans(parts: Sequence[Part], dimension: int) -> list[slice]:
    spans = []
    start = 0
    for part in parts:
        stop = start + part.matrix.shape[dimension]
        spans.append(slice(start, stop))
        start = stop
    return spans


def _by_block(
    matrix: BlockDiagonal, natural: Tensor, function: Callable[..., Tensor], b: Tensor, dimension: int
) -> Tensor:
    """What a function (matmul, transpose_matmul or solve) makes of every block and its rows of b.

    Args:
        matrix: the blocks.
        natural: natural values of all of them.
        function: what to ask of each.
        b: shape (rows, m).
        dimension: of the blocks' shapes, the one that counts their rows of b.
    """
    parts = parts_of(matrix, natural)
    spans = _spans(parts, dimension)
    return torch.cat([part.ask(function, b[span]) for part, span in zip(parts, spans, strict=True)])


@linalg.kind.register(BlockDiagonal)
def _(matrix: BlockDiagonal) -> linalg.Kind:
    if all(map(diagonal_kind, matrices_of(matrix))):
        return "diagonal"
    return "block diagonal" if square_parts(matrix) else "dense"


@linalg.matmul.register(BlockDiagonal)
def _(matrix: BlockDiagonal, natural: Tensor, b: Tensor) -> Tensor:
    return _by_block(matrix, natural, linalg.matmul, b, 1)


@linalg.transpose_matmul.register(BlockDiagonal)
def _(matrix: BlockDiagonal, natural: Tensor, b: Tensor) -> Tensor:
    return _by_block(matrix, natural, linalg.transpose_matmul, b, 0)


@linalg.diagonal.register(BlockDiagonal, when=_square_blocks)
def _(matrix: BlockDiagonal, natural: Tensor) -> Tensor:
    return torch.cat([part.ask(linalg.diagonal) for part in parts_of(matrix, natural)])


@linalg.solve.register(BlockDiagonal, when=_square_blocks)
def _(matrix: BlockDiagonal, natural: Tensor, b: Tensor) -> Tensor:
    return _by_block(matrix, natural, linalg.solve, b, 0)


@linalg.logdet.register(BlockDiagonal, when=_square_blocks)
def _(matrix: BlockDiagonal, natural: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    return signed(
        lambda: torch.stack([part.ask(linalg.logdet) for part in parts]).sum(),
        lambda: linalg.logdet.default(matrix, natural),
    )


@linalg.derivative_matmul.register(BlockDiagonal)
def _(matrix: BlockDiagonal, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    rows, columns = _spans(parts, 0), _spans(parts, 1)
    pieces = []
    for owner in owners(parts, index):
        inner = owner.part.ask(linalg.derivative_matmul, owner.index, b[columns[owner.position]])
        around = (0, 0, rows[owner.position].start, matrix.shape[0] - rows[owner.position].stop)
        pieces.append((owner, torch.nn.functional.pad(inner, around)))
    return assembled(pieces, natural.new_zeros((0, matrix.shape[0], b.shape[1])))


@linalg.derivative_diagonal.register(BlockDiagonal, when=_square_blocks)
def _(matrix: BlockDiagonal, natural: Tensor, index: Sequence[int]) -> Tensor:
    parts = parts_of(matrix, natural)
    spans = _spans(parts, 0)
    pieces = []
    for owner in owners(parts, index):
        inner = owner.part.ask(linalg.derivative_diagonal, owner.index)
        around = (spans[owner.position].start, matrix.shape[0] - spans[owner.position].stop)
        pieces.append((owner, torch.nn.functional.pad(inner, around)))
    return assembled(pieces, natural.new_zeros((0, matrix.shape[0])))


@linalg.trace_against.register(BlockDiagonal)
def _(matrix: BlockDiagonal, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    rows, columns = _spans(parts, 0), _spans(parts, 1)
    pieces = [
        (
            owner,
            owner.part.ask(
                linalg.trace_against, owner.index, a[rows[owner.position], columns[owner.position]]
            ),
        )
        for owner in owners(parts, index)
    ]
    return assembled(pieces, natural.new_zeros(0))


@linalg.bandwidth.register(BlockDiagonal)
def _(matrix: BlockDiagonal) -> int | None:
    widths = [
        linalg.bandwidth(operand) if operand.shape[0] == operand.shape[1] else None
        for operand in matrices_of(matrix)
    ]
    known = [width for width in widths if width is not None]
    return max(known) if len(known) == len(widths) else None


def _banded_blocks(matrix: BlockDiagonal) -> bool:
    return linalg.bandwidth(matrix) is not None


def _deepened(inner: Tensor, matrix: BlockDiagonal) -> Tensor:
    """Bands of one block with rows of zeros for those bands that only other blocks have."""
    width = linalg.bandwidth(matrix)
    assert width is not None
    return torch.nn.functional.pad(inner, (0, 0, 0, width + 1 - inner.shape[-2]))


@linalg.precision.register(BlockDiagonal, when=_banded_blocks)
def _(matrix: BlockDiagonal, natural: Tensor) -> Tensor:
    return torch.cat(
        [_deepened(part.ask(linalg.precision), matrix) for part in parts_of(matrix, natural)], dim=1
    )


@linalg.precision_derivatives.register(BlockDiagonal, when=_banded_blocks)
def _(matrix: BlockDiagonal, natural: Tensor, index: Sequence[int]) -> Tensor:
    parts = parts_of(matrix, natural)
    spans = _spans(parts, 0)
    pieces = []
    for owner in owners(parts, index):
        inner = _deepened(owner.part.ask(linalg.precision_derivatives, owner.index), matrix)
        around = (spans[owner.position].start, matrix.shape[0] - spans[owner.position].stop)
        pieces.append((owner, torch.nn.functional.pad(inner, around)))
    width = linalg.bandwidth(matrix)
    assert width is not None
    return assembled(pieces, natural.new_zeros((0, width + 1, matrix.shape[0])))


def _promised_blocks(matrix: BlockDiagonal) -> bool:
    return square_parts(matrix) and all(
        operand.psd for operand in matrix.operands.values() if isinstance(operand, Matrix)
    )


@linalg.factor.register(BlockDiagonal, when=_promised_blocks)
def _(matrix: BlockDiagonal, natural: Tensor) -> Tensor:
    joined: Tensor = torch.block_diag(*[part.ask(linalg.factor) for part in parts_of(matrix, natural)])  # type: ignore[no-untyped-call]
    return joined


# -- rows on top of each other, columns beside each other ----------------------------------------------------


def _padded(inner: Tensor, span: slice, size: int) -> Tensor:
    """Rows of one operand among those of all."""
    return torch.nn.functional.pad(inner, (0, 0, span.start, size - span.stop))


@linalg.matmul.register(Stack)
def _(matrix: Stack, natural: Tensor, b: Tensor) -> Tensor:
    return torch.cat([part.ask(linalg.matmul, b) for part in parts_of(matrix, natural)])


@linalg.transpose_matmul.register(Stack)
def _(matrix: Stack, natural: Tensor, b: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    pieces = [
        part.ask(linalg.transpose_matmul, b[span]) for part, span in zip(parts, _spans(parts, 0), strict=True)
    ]
    return torch.stack(pieces).sum(0)


@linalg.derivative_matmul.register(Stack)
def _(matrix: Stack, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    spans = _spans(parts, 0)
    pieces = []
    for owner in owners(parts, index):
        inner = owner.part.ask(linalg.derivative_matmul, owner.index, b)
        pieces.append((owner, _padded(inner, spans[owner.position], matrix.shape[0])))
    return assembled(pieces, natural.new_zeros((0, matrix.shape[0], b.shape[1])))


@linalg.trace_against.register(Stack)
def _(matrix: Stack, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    spans = _spans(parts, 0)
    pieces = [
        (owner, owner.part.ask(linalg.trace_against, owner.index, a[spans[owner.position]]))
        for owner in owners(parts, index)
    ]
    return assembled(pieces, natural.new_zeros(0))


@linalg.matmul.register(Augment)
def _(matrix: Augment, natural: Tensor, b: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    pieces = [part.ask(linalg.matmul, b[span]) for part, span in zip(parts, _spans(parts, 1), strict=True)]
    return torch.stack(pieces).sum(0)


@linalg.transpose_matmul.register(Augment)
def _(matrix: Augment, natural: Tensor, b: Tensor) -> Tensor:
    return torch.cat([part.ask(linalg.transpose_matmul, b) for part in parts_of(matrix, natural)])


@linalg.derivative_matmul.register(Augment)
def _(matrix: Augment, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    spans = _spans(parts, 1)
    pieces = [
        (owner, owner.part.ask(linalg.derivative_matmul, owner.index, b[spans[owner.position]]))
        for owner in owners(parts, index)
    ]
    return assembled(pieces, natural.new_zeros((0, matrix.shape[0], b.shape[1])))


@linalg.trace_against.register(Augment)
def _(matrix: Augment, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    spans = _spans(parts, 1)
    pieces = [
        (owner, owner.part.ask(linalg.trace_against, owner.index, a[:, spans[owner.position]]))
        for owner in owners(parts, index)
    ]
    return assembled(pieces, natural.new_zeros(0))


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


@linalg.matmul.register(Submatrix)
def _(matrix: Submatrix, natural: Tensor, b: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    return a.ask(linalg.matmul, _spread(matrix, natural, b))[_chosen(matrix, natural)]


@linalg.transpose_matmul.register(Submatrix)
def _(matrix: Submatrix, natural: Tensor, b: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    return a.ask(linalg.transpose_matmul, _spread(matrix, natural, b))[_chosen(matrix, natural)]


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


def _diagonal_operand(matrix: Submatrix) -> bool:
    return diagonal_kind(matrices_of(matrix)[0])


@linalg.trace_against.register(Submatrix, when=_diagonal_operand)
def _(matrix: Submatrix, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    return linalg.derivative_diagonal(matrix, natural, index) @ a.diagonal()


@linalg.bandwidth.register(Submatrix)
def _(matrix: Submatrix) -> int | None:
    return 0 if _diagonal_operand(matrix) else None


@linalg.solve.register(Submatrix, when=_diagonal_operand)
def _(matrix: Submatrix, natural: Tensor, b: Tensor) -> Tensor:
    return b / nonzero(matrix, linalg.diagonal(matrix, natural))[:, None]


@linalg.precision.register(Submatrix, when=_diagonal_operand)
def _(matrix: Submatrix, natural: Tensor) -> Tensor:
    return 1.0 / nonzero(matrix, linalg.diagonal(matrix, natural))[None]


@linalg.precision_derivatives.register(Submatrix, when=_diagonal_operand)
def _(matrix: Submatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    return (
        -linalg.derivative_diagonal(matrix, natural, index)
        / nonzero(matrix, linalg.diagonal(matrix, natural)) ** 2
    )[:, None]
