"""Rules of structure for the operators that act entry by entry: the sum and the Hadamard product."""

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


@linalg.kind.register(Sum)
def _(matrix: Sum) -> linalg.Kind:
    kinds = {linalg.kind(operand) for operand in matrices_of(matrix)}
    if len(kinds) == 1 and kinds <= {"scalar", "toeplitz", "diagonal"}:
        return kinds.pop()
    if kinds <= {"scalar", "diagonal"}:
        return "diagonal"
    return "toeplitz" if kinds <= {"scalar", "toeplitz"} else "dense"


@linalg.matmul.register(Sum)
def _(matrix: Sum, natural: Tensor, b: Tensor) -> Tensor:
    return _added(matrix, natural, linalg.matmul, b)


@linalg.transpose_matmul.register(Sum)
def _(matrix: Sum, natural: Tensor, b: Tensor) -> Tensor:
    return _added(matrix, natural, linalg.transpose_matmul, b)


@linalg.diagonal.register(Sum)
def _(matrix: Sum, natural: Tensor) -> Tensor:
    return torch.stack([part.ask(linalg.diagonal) for part in parts_of(matrix, natural)]).sum(0)


@linalg.solve.register(Sum, when=_diagonal_sum)
def _(matrix: Sum, natural: Tensor, b: Tensor) -> Tensor:
    return _divided(matrix, linalg.diagonal(matrix, natural), b)


@linalg.logdet.register(Sum, when=_diagonal_sum)
def _(matrix: Sum, natural: Tensor) -> Tensor:
    found = _log_product(matrix, linalg.diagonal(matrix, natural))
    return linalg.logdet.default(matrix, natural) if found is None else found


@linalg.derivative_matmul.register(Sum)
def _(matrix: Sum, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    found = owners(parts_of(matrix, natural), index)
    pieces = [(owner, owner.part.ask(linalg.derivative_matmul, owner.index, b)) for owner in found]
    return assembled(pieces, natural.new_zeros((0, matrix.shape[0], b.shape[1])))


@linalg.derivative_diagonal.register(Sum)
def _(matrix: Sum, natural: Tensor, index: Sequence[int]) -> Tensor:
    found = owners(parts_of(matrix, natural), index)
    pieces = [(owner, owner.part.ask(linalg.derivative_diagonal, owner.index)) for owner in found]
    return assembled(pieces, natural.new_zeros((0, min(matrix.shape))))


@linalg.trace_against.register(Sum)
def _(matrix: Sum, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    found = owners(parts_of(matrix, natural), index)
    pieces = [(owner, owner.part.ask(linalg.trace_against, owner.index, a)) for owner in found]
    return assembled(pieces, natural.new_zeros(0))


@linalg.bandwidth.register(Sum)
def _(matrix: Sum) -> int | None:
    return 0 if _diagonal_sum(matrix) else None


@linalg.precision.register(Sum, when=_diagonal_sum)
def _(matrix: Sum, natural: Tensor) -> Tensor:
    return _divided(matrix, linalg.diagonal(matrix, natural), natural.new_ones((matrix.shape[0], 1))).mT


@linalg.precision_derivatives.register(Sum, when=_diagonal_sum)
def _(matrix: Sum, natural: Tensor, index: Sequence[int]) -> Tensor:
    inverse = linalg.precision(matrix, natural)
    return -linalg.derivative_diagonal(matrix, natural, index)[:, None] * inverse**2


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


@linalg.matmul.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor, b: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(linalg.matmul, b)
    return linalg.diagonal(matrix, natural)[:, None] * b


@linalg.transpose_matmul.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor, b: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(linalg.transpose_matmul, b)
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
    return signed(
        lambda: part.ask(linalg.logdet) + matrix.shape[0] * number.log(),
        lambda: linalg.logdet.default(matrix, natural),
    )


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
    pieces = [
        (
            owner,
            owner.part.ask(linalg.derivative_diagonal, owner.index)
            * parts[1 - owner.position].ask(linalg.diagonal),
        )
        for owner in owners(parts, index)
    ]
    return assembled(pieces, natural.new_zeros((0, min(matrix.shape))))


@linalg.trace_against.register(HadamardProduct)
def _(matrix: HadamardProduct, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is not None:
        return scaled[1] * scaled[0].ask(linalg.trace_against, index, a)
    if _diagonal_hadamard(matrix):
        return linalg.derivative_diagonal(matrix, natural, index) @ a.diagonal()
    parts = parts_of(matrix, natural)
    values = matrix._values(natural)
    pieces = [
        (owner, owner.part.ask(linalg.trace_against, owner.index, values[1 - owner.position] * a))
        for owner in owners(parts, index)
    ]
    return assembled(pieces, natural.new_zeros(0))


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
        return _divided(matrix, linalg.diagonal(matrix, natural), natural.new_ones((matrix.shape[0], 1))).mT
    return scaled[0].ask(linalg.precision) / nonzero(matrix, scaled[1])


@linalg.precision_derivatives.register(HadamardProduct, when=_number_or_diagonal)
def _(matrix: HadamardProduct, natural: Tensor, index: Sequence[int]) -> Tensor:
    scaled = _scaled(matrix, natural)
    if scaled is None:
        return (
            -linalg.derivative_diagonal(matrix, natural, index)[:, None]
            * linalg.precision(matrix, natural) ** 2
        )
    return scaled[0].ask(linalg.precision_derivatives, index) / nonzero(matrix, scaled[1])
