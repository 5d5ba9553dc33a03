"""Rules of structure for the operators that act entry by entry: the sum and the Hadamard product."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.operands import (
    Owner,
    Part,
    TensorFunction,
    assembled,
    both_products,
    diagonal_inverse,
    diagonal_kind,
    diagonal_parts,
    diagonal_precision,
    diagonal_precision_derivatives,
    matrices_of,
    nonzero,
    parts_of,
    signed,
)
from covstudio.covariance.operators.products import HadamardProduct
from covstudio.covariance.operators.sums import Sum

__all__: list[str] = []


def _divided(matrix: Matrix, entries: Tensor, b: Tensor) -> Tensor:
    return b / nonzero(matrix, entries)[:, None]


def _log_product(matrix: Matrix, entries: Tensor) -> Tensor | None:
    """The log determinant of a diagonal matrix; None where it is negative."""
    return None if int((nonzero(matrix, entries) < 0).sum()) % 2 else entries.abs().log().sum()


# -- sum -----------------------------------------------------------------------------------------------------


@linalg.kind.register(Sum)
def _(matrix: Sum) -> linalg.Kind:
    kinds = {linalg.kind(operand) for operand in matrices_of(matrix)}
    if len(kinds) == 1 and kinds <= {"scalar", "toeplitz", "diagonal"}:
        return kinds.pop()
    if kinds <= {"scalar", "diagonal"}:
        return "diagonal"
    return "toeplitz" if kinds <= {"scalar", "toeplitz"} else "dense"


@both_products(Sum)
def _(product: TensorFunction, matrix: Sum, natural: Tensor, b: Tensor) -> Tensor:
    first, *rest = parts_of(matrix, natural)
    total = first.ask(product, b)
    for part in rest:
        total = total + part.ask(product, b)
    return total


@linalg.diagonal.register(Sum)
def _(matrix: Sum, natural: Tensor) -> Tensor:
    return torch.stack([part.ask(linalg.diagonal) for part in parts_of(matrix, natural)]).sum(0)


@linalg.solve.register(Sum, when=diagonal_parts)
def _(matrix: Sum, natural: Tensor, b: Tensor) -> Tensor:
    return _divided(matrix, linalg.diagonal(matrix, natural), b)


@linalg.logdet.register(Sum, when=diagonal_parts)
def _(matrix: Sum, natural: Tensor) -> Tensor:
    found = _log_product(matrix, linalg.diagonal(matrix, natural))
    return linalg.logdet.default(matrix, natural) if found is None else found


@linalg.derivative_matmul.register(Sum)
def _(matrix: Sum, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    empty = natural.new_zeros((0, matrix.shape[0], b.shape[1]))
    return _derivatives(matrix, natural, index, linalg.derivative_matmul, empty, b)


@linalg.derivative_diagonal.register(Sum)
def _(matrix: Sum, natural: Tensor, index: Sequence[int]) -> Tensor:
    empty = natural.new_zeros((0, min(matrix.shape)))
    return _derivatives(matrix, natural, index, linalg.derivative_diagonal, empty)


@linalg.trace_against.register(Sum)
def _(matrix: Sum, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    return _derivatives(matrix, natural, index, linalg.trace_against, natural.new_zeros(0), a)


def _derivatives(
    matrix: Sum,
    natural: Tensor,
    index: Sequence[int],
    function: TensorFunction,
    empty: Tensor,
    *args: Tensor,
) -> Tensor:
    """A function of derivatives: a parameter moves its own operand alone."""
    return assembled(parts_of(matrix, natural), index, lambda owner: owner.ask(function, *args), empty)


diagonal_inverse(Sum, diagonal_parts)


# -- Hadamard product ----------------------------------------------------------------------------------------


def _number(matrix: HadamardProduct) -> int | None:
    """The position of an operand that is one number for all entries."""
    for position, operand in enumerate(matrix.operands.values()):
        if isinstance(operand, Tensor) and operand.numel() == 1:
            return position
    return None


def _scaled(matrix: HadamardProduct, natural: Tensor) -> tuple[Part, Tensor] | None:
    """The other operand, and the number it is multiplied by."""
    position = _number(matrix)
    if position is None:
        return None
    parts = parts_of(matrix, natural)
    return parts[1 - position], parts[position].matrix.evaluate(natural).reshape(())


def _diagonal_hadamard(matrix: HadamardProduct) -> bool:
    if (position := _number(matrix)) is not None:
        return diagonal_kind(matrices_of(matrix)[1 - position])
    return any(map(diagonal_kind, matrices_of(matrix)))


def _number_or_diagonal(matrix: HadamardProduct) -> bool:
    return _number(matrix) is not None or _diagonal_hadamard(matrix)


@linalg.kind.register(HadamardProduct)
def _(matrix: HadamardProduct) -> linalg.Kind:
    matrices = matrices_of(matrix)
    position = _number(matrix)
    if position is not None:
        found = linalg.kind(matrices[1 - position])
        return "dense" if found == "incidence" else found
    kinds = {linalg.kind(operand) for operand in matrices}
    if "scalar" in kinds and kinds <= {"scalar", "toeplitz"}:
        return "scalar"
    if kinds & {"scalar", "diagonal"}:
        return "diagonal"
    return "toeplitz" if kinds == {"toeplitz"} else "dense"


@both_products(HadamardProduct, when=_number_or_diagonal)
def _(product: TensorFunction, matrix: HadamardProduct, natural: Tensor, b: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(product, b)
    return linalg.diagonal(matrix, natural)[:, None] * b


@linalg.diagonal.register(HadamardProduct)
def _(matrix: HadamardProduct, natural: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(linalg.diagonal)
    a, b = parts_of(matrix, natural)
    return a.ask(linalg.diagonal) * b.ask(linalg.diagonal)


@linalg.solve.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor, b: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is None:
        return _divided(matrix, linalg.diagonal(matrix, natural), b)
    return scaled[0].ask(linalg.solve, b) / nonzero(matrix, scaled[1])


@linalg.logdet.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is None:
        found = _log_product(matrix, linalg.diagonal(matrix, natural))
        return linalg.logdet.default(matrix, natural) if found is None else found
    if not float(scaled[1]) > 0.0:
        return linalg.logdet.default(matrix, natural)
    part, number = scaled
    return signed(matrix, natural, lambda: part.ask(linalg.logdet) + matrix.shape[0] * number.log())


@linalg.derivative_matmul.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(linalg.derivative_matmul, index, b)
    return linalg.derivative_diagonal(matrix, natural, index)[:, :, None] * b


@linalg.derivative_diagonal.register(HadamardProduct)
def _(matrix: HadamardProduct, natural: Tensor, index: Sequence[int]) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(linalg.derivative_diagonal, index)
    parts = parts_of(matrix, natural)

    def moved(owner: Owner) -> Tensor:
        return owner.ask(linalg.derivative_diagonal) * parts[1 - owner.position].ask(linalg.diagonal)

    return assembled(parts, index, moved, natural.new_zeros((0, min(matrix.shape))))


@linalg.trace_against.register(HadamardProduct)
def _(matrix: HadamardProduct, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(linalg.trace_against, index, a)
    if _diagonal_hadamard(matrix):
        return linalg.derivative_diagonal(matrix, natural, index) @ a.diagonal()
    values = matrix._values(natural)

    def moved(owner: Owner) -> Tensor:
        return owner.ask(linalg.trace_against, values[1 - owner.position] * a)

    return assembled(parts_of(matrix, natural), index, moved, natural.new_zeros(0))


@linalg.bandwidth.register(HadamardProduct)
def _(matrix: HadamardProduct) -> int | None:
    position = _number(matrix)
    if position is not None:
        return linalg.bandwidth(matrices_of(matrix)[1 - position])
    return 0 if _diagonal_hadamard(matrix) else None


@linalg.precision.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is None:
        return diagonal_precision(matrix, natural)
    return scaled[0].ask(linalg.precision) / nonzero(matrix, scaled[1])


@linalg.precision_derivatives.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor, index: Sequence[int]) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is None:
        return diagonal_precision_derivatives(matrix, natural, index)
    return scaled[0].ask(linalg.precision_derivatives, index) / nonzero(matrix, scaled[1])
