"""Rules of structure for the operators that act entry by entry: the sum and the Hadamard product."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.functions import (
    Kind,
    bandwidth,
    derivative_diagonal,
    derivative_matmul,
    diagonal,
    kind,
    logdet,
    matmul,
    precision,
    precision_derivatives,
    solve,
    trace_against,
    transpose_matmul,
)
from covstudio.covariance.linalg.operands import (
    Part,
    assembled,
    diagonal_kind,
    matrices_of,
    nonzero,
    owners,
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


def _diagonal_sum(matrix: Sum) -> bool:
    return all(map(diagonal_kind, matrices_of(matrix)))


def _added(matrix: Sum, natural: Tensor, function: Callable[..., Tensor], b: Tensor) -> Tensor:
    """The sum of what a product, matmul or transpose_matmul, makes of every operand and b."""
    first, *rest = parts_of(matrix, natural)
    total = first.ask(function, b)
    for part in rest:
        total = total + part.ask(function, b)
    return total


@kind.register(Sum)
def _(matrix: Sum) -> Kind:
    kinds = {kind(operand) for operand in matrices_of(matrix)}
    if len(kinds) == 1 and kinds <= {"scalar", "toeplitz", "diagonal"}:
        return kinds.pop()
    if kinds <= {"scalar", "diagonal"}:
        return "diagonal"
    return "toeplitz" if kinds <= {"scalar", "toeplitz"} else "dense"


@matmul.register(Sum)
def _(matrix: Sum, natural: Tensor, b: Tensor) -> Tensor:
    return _added(matrix, natural, matmul, b)


@transpose_matmul.register(Sum)
def _(matrix: Sum, natural: Tensor, b: Tensor) -> Tensor:
    return _added(matrix, natural, transpose_matmul, b)


@diagonal.register(Sum)
def _(matrix: Sum, natural: Tensor) -> Tensor:
    return torch.stack([part.ask(diagonal) for part in parts_of(matrix, natural)]).sum(0)


@solve.register(Sum, when=_diagonal_sum)
def _(matrix: Sum, natural: Tensor, b: Tensor) -> Tensor:
    return _divided(matrix, diagonal(matrix, natural), b)


@logdet.register(Sum, when=_diagonal_sum)
def _(matrix: Sum, natural: Tensor) -> Tensor:
    found = _log_product(matrix, diagonal(matrix, natural))
    return logdet.default(matrix, natural) if found is None else found


@derivative_matmul.register(Sum)
def _(matrix: Sum, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    found = owners(parts_of(matrix, natural), index)
    pieces = [(owner, owner.part.ask(derivative_matmul, owner.index, b)) for owner in found]
    return assembled(pieces, natural.new_zeros((0, matrix.shape[0], b.shape[1])))


@derivative_diagonal.register(Sum)
def _(matrix: Sum, natural: Tensor, index: Sequence[int]) -> Tensor:
    found = owners(parts_of(matrix, natural), index)
    pieces = [(owner, owner.part.ask(derivative_diagonal, owner.index)) for owner in found]
    return assembled(pieces, natural.new_zeros((0, min(matrix.shape))))


@trace_against.register(Sum)
def _(matrix: Sum, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    found = owners(parts_of(matrix, natural), index)
    pieces = [(owner, owner.part.ask(trace_against, owner.index, a)) for owner in found]
    return assembled(pieces, natural.new_zeros(0))


@bandwidth.register(Sum)
def _(matrix: Sum) -> int | None:
    return 0 if _diagonal_sum(matrix) else None


@precision.register(Sum, when=_diagonal_sum)
def _(matrix: Sum, natural: Tensor) -> Tensor:
    return _divided(matrix, diagonal(matrix, natural), natural.new_ones((matrix.shape[0], 1))).mT


@precision_derivatives.register(Sum, when=_diagonal_sum)
def _(matrix: Sum, natural: Tensor, index: Sequence[int]) -> Tensor:
    inverse = precision(matrix, natural)
    return -derivative_diagonal(matrix, natural, index)[:, None] * inverse**2


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


@kind.register(HadamardProduct)
def _(matrix: HadamardProduct) -> Kind:
    matrices = matrices_of(matrix)
    position = _number(matrix)
    if position is not None:
        found = kind(matrices[1 - position])
        return "dense" if found == "incidence" else found
    kinds = {kind(operand) for operand in matrices}
    if "scalar" in kinds and kinds <= {"scalar", "toeplitz"}:
        return "scalar"
    if kinds & {"scalar", "diagonal"}:
        return "diagonal"
    return "toeplitz" if kinds == {"toeplitz"} else "dense"


@matmul.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor, b: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(matmul, b)
    return diagonal(matrix, natural)[:, None] * b


@transpose_matmul.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor, b: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(transpose_matmul, b)
    return diagonal(matrix, natural)[:, None] * b


@diagonal.register(HadamardProduct)
def _(matrix: HadamardProduct, natural: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(diagonal)
    a, b = parts_of(matrix, natural)
    return a.ask(diagonal) * b.ask(diagonal)


@solve.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor, b: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is None:
        return _divided(matrix, diagonal(matrix, natural), b)
    return scaled[0].ask(solve, b) / nonzero(matrix, scaled[1])


@logdet.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is None:
        found = _log_product(matrix, diagonal(matrix, natural))
        return logdet.default(matrix, natural) if found is None else found
    if not float(scaled[1]) > 0.0:
        return logdet.default(matrix, natural)
    part, number = scaled
    return signed(
        lambda: part.ask(logdet) + matrix.shape[0] * number.log(), lambda: logdet.default(matrix, natural)
    )


@derivative_matmul.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(derivative_matmul, index, b)
    return derivative_diagonal(matrix, natural, index)[:, :, None] * b


@derivative_diagonal.register(HadamardProduct)
def _(matrix: HadamardProduct, natural: Tensor, index: Sequence[int]) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(derivative_diagonal, index)
    parts = parts_of(matrix, natural)
    pieces = [
        (owner, owner.part.ask(derivative_diagonal, owner.index) * parts[1 - owner.position].ask(diagonal))
        for owner in owners(parts, index)
    ]
    return assembled(pieces, natural.new_zeros((0, min(matrix.shape))))


@trace_against.register(HadamardProduct)
def _(matrix: HadamardProduct, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(trace_against, index, a)
    if _diagonal_hadamard(matrix):
        return derivative_diagonal(matrix, natural, index) @ a.diagonal()
    parts = parts_of(matrix, natural)
    values = matrix._values(natural)
    pieces = [
        (owner, owner.part.ask(trace_against, owner.index, values[1 - owner.position] * a))
        for owner in owners(parts, index)
    ]
    return assembled(pieces, natural.new_zeros(0))


@bandwidth.register(HadamardProduct)
def _(matrix: HadamardProduct) -> int | None:
    position = _number(matrix)
    if position is not None:
        return bandwidth(matrices_of(matrix)[1 - position])
    return 0 if _diagonal_hadamard(matrix) else None


@precision.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is None:
        return _divided(matrix, diagonal(matrix, natural), natural.new_ones((matrix.shape[0], 1))).mT
    return scaled[0].ask(precision) / nonzero(matrix, scaled[1])


@precision_derivatives.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor, index: Sequence[int]) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is None:
        return -derivative_diagonal(matrix, natural, index)[:, None] * precision(matrix, natural) ** 2
    return scaled[0].ask(precision_derivatives, index) / nonzero(matrix, scaled[1])
