"""Rules of structure for the operators of matrix algebra: Gram matrix, product, transpose, inverse."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.linalg.operands import (
    Part,
    assembled,
    diagonal_kind,
    flattened,
    matrices_of,
    nonzero,
    owners,
    parts_of,
    signed,
    square_parts,
    symmetric_matrix,
    unflattened,
)
from covstudio.covariance.operators.algebra import Gram, Inverse, Product, Transpose

__all__: list[str] = []


# -- Gram matrix ---------------------------------------------------------------------------------------------


def _halves(
    matrix: Gram,
) -> tuple[linalg.StructureFunction[..., Tensor], linalg.StructureFunction[..., Tensor]]:
    """L and L' of V = L L', where L is the operand or its transpose."""
    return (
        (linalg.transpose_matmul, linalg.matmul)
        if matrix.gram_type == "xtx"
        else (linalg.matmul, linalg.transpose_matmul)
    )


def _left(matrix: Gram, x: Tensor) -> Tensor:
    """L of V = L L' from the operand's value, or its derivatives."""
    return x.mT if matrix.gram_type == "xtx" else x


def _value(part: Part, natural: Tensor) -> Tensor:
    return part.matrix.evaluate(part.natural).to(natural)


def _derivatives(part: Part, natural: Tensor, index: Sequence[int]) -> Tensor:
    return part.matrix.natural_jacobian(part.natural, index).to(natural)


def _thin(matrix: Gram) -> bool:
    rows, columns = matrices_of(matrix)[0].shape
    return rows < columns if matrix.gram_type == "xtx" else columns < rows


@linalg.kind.register(Gram)
def _(matrix: Gram) -> linalg.Kind:
    found = linalg.kind(matrices_of(matrix)[0])
    if found in ("scalar", "diagonal"):
        return found
    return "low rank" if _thin(matrix) else "dense"


def _twice(matrix: Gram, natural: Tensor, b: Tensor) -> Tensor:
    left, right = _halves(matrix)
    (x,) = parts_of(matrix, natural)
    return x.ask(left, x.ask(right, b))


linalg.matmul.register(Gram)(_twice)
linalg.transpose_matmul.register(Gram)(_twice)


@linalg.diagonal.register(Gram)
def _(matrix: Gram, natural: Tensor) -> Tensor:
    (x,) = parts_of(matrix, natural)
    if _diagonal_factor(matrix):
        return x.ask(linalg.diagonal).square()
    return _left(matrix, _value(x, natural)).square().sum(1)


def _diagonal_factor(matrix: Gram) -> bool:
    return diagonal_kind(matrices_of(matrix)[0])


@linalg.bandwidth.register(Gram)
def _(matrix: Gram) -> int | None:
    return 0 if _diagonal_factor(matrix) else None


@linalg.solve.register(Gram, when=_diagonal_factor)
def _(matrix: Gram, natural: Tensor, b: Tensor) -> Tensor:
    (x,) = parts_of(matrix, natural)
    return x.ask(linalg.solve, x.ask(linalg.solve, b))


@linalg.precision.register(Gram, when=_diagonal_factor)
def _(matrix: Gram, natural: Tensor) -> Tensor:
    return 1.0 / nonzero(matrix, linalg.diagonal(matrix, natural))[None]


@linalg.derivative_matmul.register(Gram)
def _(matrix: Gram, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    left, right = _halves(matrix)
    (x,) = parts_of(matrix, natural)
    slices = _left(matrix, _derivatives(x, natural, index))
    behind = unflattened(x.ask(left, flattened(slices.mT @ b)), len(index), b.shape[1])
    return slices @ x.ask(right, b) + behind


@linalg.derivative_diagonal.register(Gram)
def _(matrix: Gram, natural: Tensor, index: Sequence[int]) -> Tensor:
    (x,) = parts_of(matrix, natural)
    slices = _left(matrix, _derivatives(x, natural, index))
    return 2.0 * torch.einsum("kir,ir->ki", slices, _left(matrix, _value(x, natural)))


@linalg.trace_against.register(Gram)
def _(matrix: Gram, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    (x,) = parts_of(matrix, natural)
    value = _value(x, natural)
    both = a + a.mT
    return x.ask(linalg.trace_against, index, value @ both if matrix.gram_type == "xtx" else both @ value)


@linalg.factor.register(Gram)
def _(matrix: Gram, natural: Tensor) -> Tensor:
    (x,) = parts_of(matrix, natural)
    return _left(matrix, _value(x, natural))


# -- product -------------------------------------------------------------------------------------------------


def _square_operands(matrix: Product) -> bool:
    return square_parts(matrix)


def _applied(parts: Sequence[Part], b: Tensor) -> Tensor:
    for part in reversed(parts):
        b = part.ask(linalg.matmul, b)
    return b


def _applied_transposed(parts: Sequence[Part], b: Tensor) -> Tensor:
    for part in parts:
        b = part.ask(linalg.transpose_matmul, b)
    return b


@linalg.kind.register(Product)
def _(matrix: Product) -> linalg.Kind:
    kinds = {linalg.kind(operand) for operand in matrices_of(matrix)}
    if kinds <= {"scalar", "diagonal"}:
        return "scalar" if kinds == {"scalar"} else "diagonal"
    return "dense"


def _diagonal_product(matrix: Product) -> bool:
    return all(map(diagonal_kind, matrices_of(matrix)))


@linalg.diagonal.register(Product, when=_diagonal_product)
def _(matrix: Product, natural: Tensor) -> Tensor:
    return torch.stack([part.ask(linalg.diagonal) for part in parts_of(matrix, natural)]).prod(0)


@linalg.bandwidth.register(Product)
def _(matrix: Product) -> int | None:
    return 0 if _diagonal_product(matrix) else None


@linalg.precision.register(Product, when=_diagonal_product)
def _(matrix: Product, natural: Tensor) -> Tensor:
    return 1.0 / nonzero(matrix, linalg.diagonal(matrix, natural))[None]


@linalg.matmul.register(Product)
def _(matrix: Product, natural: Tensor, b: Tensor) -> Tensor:
    return _applied(parts_of(matrix, natural), b)


@linalg.transpose_matmul.register(Product)
def _(matrix: Product, natural: Tensor, b: Tensor) -> Tensor:
    return _applied_transposed(parts_of(matrix, natural), b)


@linalg.solve.register(Product, when=_square_operands)
def _(matrix: Product, natural: Tensor, b: Tensor) -> Tensor:
    for part in parts_of(matrix, natural):
        b = part.ask(linalg.solve, b)
    return b


@linalg.logdet.register(Product, when=_square_operands)
def _(matrix: Product, natural: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    return signed(
        lambda: torch.stack([part.ask(linalg.logdet) for part in parts]).sum(),
        lambda: linalg.logdet.default(matrix, natural),
    )


@linalg.derivative_matmul.register(Product)
def _(matrix: Product, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    pieces = []
    for owner in owners(parts, index):
        behind = _applied(parts[owner.position + 1 :], b)
        moved = owner.part.ask(linalg.derivative_matmul, owner.index, behind)
        ahead = _applied(parts[: owner.position], flattened(moved))
        pieces.append((owner, unflattened(ahead, len(owner.index), b.shape[1])))
    return assembled(pieces, natural.new_zeros((0, matrix.shape[0], b.shape[1])))


@linalg.trace_against.register(Product)
def _(matrix: Product, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    pieces = []
    for owner in owners(parts, index):
        held = _applied_transposed(parts[: owner.position], a)
        held = _applied(parts[owner.position + 1 :], held.mT).mT
        pieces.append((owner, owner.part.ask(linalg.trace_against, owner.index, held)))
    return assembled(pieces, natural.new_zeros(0))


# -- transpose -----------------------------------------------------------------------------------------------


def _symmetric_operand(matrix: Transpose | Inverse) -> bool:
    return symmetric_matrix(matrices_of(matrix)[0])


@linalg.kind.register(Transpose)
def _(matrix: Transpose) -> linalg.Kind:
    found = linalg.kind(matrices_of(matrix)[0])
    return "dense" if found == "incidence" else found


@linalg.matmul.register(Transpose)
def _(matrix: Transpose, natural: Tensor, b: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.transpose_matmul, b)


@linalg.transpose_matmul.register(Transpose)
def _(matrix: Transpose, natural: Tensor, b: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.matmul, b)


@linalg.diagonal.register(Transpose)
def _(matrix: Transpose, natural: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.diagonal)


@linalg.solve.register(Transpose, when=_symmetric_operand)
def _(matrix: Transpose, natural: Tensor, b: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.solve, b)


@linalg.logdet.register(Transpose)
def _(matrix: Transpose, natural: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.logdet)


@linalg.derivative_matmul.register(Transpose, when=_symmetric_operand)
def _(matrix: Transpose, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.derivative_matmul, index, b)


@linalg.derivative_diagonal.register(Transpose)
def _(matrix: Transpose, natural: Tensor, index: Sequence[int]) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.derivative_diagonal, index)


@linalg.trace_against.register(Transpose)
def _(matrix: Transpose, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.trace_against, index, a.mT)


@linalg.bandwidth.register(Transpose)
def _(matrix: Transpose) -> int | None:
    return linalg.bandwidth(matrices_of(matrix)[0]) if _symmetric_operand(matrix) else None


@linalg.precision.register(Transpose, when=_symmetric_operand)
def _(matrix: Transpose, natural: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.precision)


@linalg.precision_derivatives.register(Transpose, when=_symmetric_operand)
def _(matrix: Transpose, natural: Tensor, index: Sequence[int]) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.precision_derivatives, index)


@linalg.factor.register(Transpose, when=_symmetric_operand)
def _(matrix: Transpose, natural: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.factor)


# -- inverse -------------------------------------------------------------------------------------------------


def _banded_operand(matrix: Inverse) -> bool:
    return linalg.bandwidth(matrices_of(matrix)[0]) is not None


def _diagonal_operand(matrix: Inverse) -> bool:
    return diagonal_kind(matrices_of(matrix)[0])


@linalg.kind.register(Inverse)
def _(matrix: Inverse) -> linalg.Kind:
    found = linalg.kind(matrices_of(matrix)[0])
    return found if found in ("scalar", "diagonal", "kronecker", "block diagonal") else "dense"


@linalg.matmul.register(Inverse)
def _(matrix: Inverse, natural: Tensor, b: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.solve, b)


@linalg.transpose_matmul.register(Inverse, when=_symmetric_operand)
def _(matrix: Inverse, natural: Tensor, b: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.solve, b)


@linalg.diagonal.register(Inverse, when=_banded_operand)
def _(matrix: Inverse, natural: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.precision)[0]


@linalg.solve.register(Inverse)
def _(matrix: Inverse, natural: Tensor, b: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.matmul, b)


@linalg.logdet.register(Inverse)
def _(matrix: Inverse, natural: Tensor) -> Tensor:
    return -parts_of(matrix, natural)[0].ask(linalg.logdet)


@linalg.derivative_matmul.register(Inverse)
def _(matrix: Inverse, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    moved = a.ask(linalg.derivative_matmul, index, a.ask(linalg.solve, b))
    return -unflattened(a.ask(linalg.solve, flattened(moved)), len(index), b.shape[1])


@linalg.derivative_diagonal.register(Inverse, when=_banded_operand)
def _(matrix: Inverse, natural: Tensor, index: Sequence[int]) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.precision_derivatives, index)[:, 0]


@linalg.trace_against.register(Inverse, when=_symmetric_operand)
def _(matrix: Inverse, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    (operand,) = parts_of(matrix, natural)
    held = operand.ask(linalg.solve, operand.ask(linalg.solve, a).mT).mT
    return -operand.ask(linalg.trace_against, index, held)


@linalg.bandwidth.register(Inverse)
def _(matrix: Inverse) -> int | None:
    return 0 if _diagonal_operand(matrix) else None


@linalg.precision.register(Inverse, when=_diagonal_operand)
def _(matrix: Inverse, natural: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.diagonal)[None]


@linalg.precision_derivatives.register(Inverse, when=_diagonal_operand)
def _(matrix: Inverse, natural: Tensor, index: Sequence[int]) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.derivative_diagonal, index)[:, None]
