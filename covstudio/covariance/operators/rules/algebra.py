"""Rules of structure for the operators of matrix algebra: Gram matrix, product, transpose, inverse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.linalg.operands import (
    Owner,
    Part,
    TensorFunction,
    assembled,
    banded_inverse,
    diagonal_inverse,
    diagonal_parts,
    flattened,
    kind_of_diagonals,
    matrices_of,
    parts_of,
    square_parts,
    summed_logdet,
    symmetric_matrix,
    unflattened,
)
from covstudio.covariance.numerics.triangular import lower_of
from covstudio.covariance.operators.algebra import Gram, Inverse, Product, Transpose
from covstudio.covariance.structures.unstructured.unstructured import LowerTriangularMatrix

__all__: list[str] = []


# -- Gram matrix ---------------------------------------------------------------------------------------------


def _halves(
    matrix: Gram,
) -> tuple[TensorFunction, TensorFunction]:
    """L and L' of V = L L', where L is the operand or its transpose."""
    return (
        (linalg.transpose_matmul, linalg.matmul)
        if matrix.gram_type == "xtx"
        else (linalg.matmul, linalg.transpose_matmul)
    )


def _left(matrix: Gram, x: Tensor) -> Tensor:
    """L of V = L L' from the operand's value, or its derivatives."""
    return x.mT if matrix.gram_type == "xtx" else x


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


def _free_factor(matrix: Gram) -> bool:
    """Whether V = L L' with a square L of free entries."""
    (x,) = matrices_of(matrix)
    return matrix.gram_type == "xxt" and isinstance(x, LowerTriangularMatrix) and x.n == x.m


@linalg.recoded.register(Gram, when=_free_factor)
def _(matrix: Gram, natural: Tensor, t: Tensor) -> Tensor:
    (x,) = matrices_of(matrix)
    rows, columns = torch.tril_indices(*x.shape)
    return lower_of(t @ x.evaluate(natural))[rows, columns]


linalg.matmul.register(Gram)(_twice)
linalg.transpose_matmul.register(Gram)(_twice)
diagonal_inverse(Gram, diagonal_parts)


@linalg.diagonal.register(Gram)
def _(matrix: Gram, natural: Tensor) -> Tensor:
    (x,) = parts_of(matrix, natural)
    if diagonal_parts(matrix):
        return x.ask(linalg.diagonal).square()
    return _left(matrix, x.value()).square().sum(1)


@linalg.solve.register(Gram, when=diagonal_parts)
def _(matrix: Gram, natural: Tensor, b: Tensor) -> Tensor:
    (x,) = parts_of(matrix, natural)
    return x.ask(linalg.solve, x.ask(linalg.solve, b))


@linalg.derivative_matmul.register(Gram)
def _(matrix: Gram, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    left, right = _halves(matrix)
    (x,) = parts_of(matrix, natural)
    slices = _left(matrix, x.slices(index))
    behind = unflattened(x.ask(left, flattened(slices.mT @ b)), len(index), b.shape[1])
    return slices @ x.ask(right, b) + behind


@linalg.derivative_diagonal.register(Gram)
def _(matrix: Gram, natural: Tensor, index: Sequence[int]) -> Tensor:
    (x,) = parts_of(matrix, natural)
    slices = _left(matrix, x.slices(index))
    return 2.0 * torch.einsum("kir,ir->ki", slices, _left(matrix, x.value()))


@linalg.trace_against.register(Gram)
def _(matrix: Gram, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    (x,) = parts_of(matrix, natural)
    value, both = x.value(), a + a.mT
    return x.ask(linalg.trace_against, index, value @ both if matrix.gram_type == "xtx" else both @ value)


@linalg.factor.register(Gram)
def _(matrix: Gram, natural: Tensor) -> Tensor:
    (x,) = parts_of(matrix, natural)
    return _left(matrix, x.value())


# -- product -------------------------------------------------------------------------------------------------


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
    return kind_of_diagonals(matrix) or "dense"


@linalg.diagonal.register(Product, when=diagonal_parts)
def _(matrix: Product, natural: Tensor) -> Tensor:
    return torch.stack([part.ask(linalg.diagonal) for part in parts_of(matrix, natural)]).prod(0)


diagonal_inverse(Product, diagonal_parts)


@linalg.matmul.register(Product)
def _(matrix: Product, natural: Tensor, b: Tensor) -> Tensor:
    return _applied(parts_of(matrix, natural), b)


@linalg.transpose_matmul.register(Product)
def _(matrix: Product, natural: Tensor, b: Tensor) -> Tensor:
    return _applied_transposed(parts_of(matrix, natural), b)


@linalg.solve.register(Product, when=square_parts)
def _(matrix: Product, natural: Tensor, b: Tensor) -> Tensor:
    for part in parts_of(matrix, natural):
        b = part.ask(linalg.solve, b)
    return b


linalg.logdet.register(Product, when=square_parts)(summed_logdet)


@linalg.derivative_matmul.register(Product)
def _(matrix: Product, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)

    def moved(owner: Owner) -> Tensor:
        inner = owner.ask(linalg.derivative_matmul, _applied(parts[owner.position + 1 :], b))
        return unflattened(_applied(parts[: owner.position], flattened(inner)), len(owner.index), b.shape[1])

    return assembled(parts, index, moved, natural.new_zeros((0, matrix.shape[0], b.shape[1])))


@linalg.trace_against.register(Product)
def _(matrix: Product, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)

    def traced(owner: Owner) -> Tensor:
        held = _applied_transposed(parts[: owner.position], a)
        return owner.ask(linalg.trace_against, _applied(parts[owner.position + 1 :], held.mT).mT)

    return assembled(parts, index, traced, natural.new_zeros(0))


# -- transpose -----------------------------------------------------------------------------------------------


def _symmetric_operand(matrix: Transpose | Inverse) -> bool:
    return symmetric_matrix(matrices_of(matrix)[0])


def _asks(function: TensorFunction) -> Callable[..., Tensor]:
    """The rule that asks a function of the one operand, with the same arguments."""

    def rule(matrix: Transpose | Inverse, natural: Tensor, *args: Any) -> Tensor:
        return parts_of(matrix, natural)[0].ask(function, *args)

    return rule


@linalg.kind.register(Transpose)
def _(matrix: Transpose) -> linalg.Kind:
    found = linalg.kind(matrices_of(matrix)[0])
    return "dense" if found == "incidence" else found


@linalg.bandwidth.register(Transpose)
def _(matrix: Transpose) -> int | None:
    return linalg.bandwidth(matrices_of(matrix)[0]) if _symmetric_operand(matrix) else None


linalg.matmul.register(Transpose)(_asks(linalg.transpose_matmul))
linalg.transpose_matmul.register(Transpose)(_asks(linalg.matmul))
for _function in (linalg.diagonal, linalg.logdet, linalg.derivative_diagonal):
    _function.register(Transpose)(_asks(_function))
for _of_symmetric in (
    linalg.solve,
    linalg.derivative_matmul,
    linalg.precision,
    linalg.precision_derivatives,
    linalg.factor,
):
    _of_symmetric.register(Transpose, when=_symmetric_operand)(_asks(_of_symmetric))


@linalg.trace_against.register(Transpose)
def _(matrix: Transpose, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.trace_against, index, a.mT)


# -- inverse -------------------------------------------------------------------------------------------------


def _banded_operand(matrix: Inverse) -> bool:
    return banded_inverse(matrices_of(matrix)[0])


@linalg.kind.register(Inverse)
def _(matrix: Inverse) -> linalg.Kind:
    found = linalg.kind(matrices_of(matrix)[0])
    return found if found in ("scalar", "diagonal", "kronecker", "block diagonal") else "dense"


linalg.matmul.register(Inverse)(_asks(linalg.solve))
linalg.transpose_matmul.register(Inverse, when=_symmetric_operand)(_asks(linalg.solve))
linalg.solve.register(Inverse)(_asks(linalg.matmul))


@linalg.diagonal.register(Inverse, when=_banded_operand)
def _(matrix: Inverse, natural: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.precision)[0]


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
    return 0 if diagonal_parts(matrix) else None


@linalg.precision.register(Inverse, when=diagonal_parts)
def _(matrix: Inverse, natural: Tensor) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.diagonal)[None]


@linalg.precision_derivatives.register(Inverse, when=diagonal_parts)
def _(matrix: Inverse, natural: Tensor, index: Sequence[int]) -> Tensor:
    return parts_of(matrix, natural)[0].ask(linalg.derivative_diagonal, index)[:, None]
