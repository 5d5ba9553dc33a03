"""The composition of operators, and how they depend on what their operands depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.linalg.compositions import (
    Composition,
    How,
    column_names,
    composition,
    placed_operands,
)
from covstudio.covariance.linalg.dependence import scale_parameter
from covstudio.covariance.operators.partitioned import Augment, BlockDiagonal, Stack
from covstudio.covariance.operators.parts import Conditional, Submatrix
from covstudio.covariance.operators.products import HadamardProduct, KroneckerProduct
from covstudio.covariance.operators.scaled import Scale
from covstudio.covariance.operators.sums import CovariancePropagation, Sum

__all__: list[str] = []


def _of_operands(how: How) -> Callable[[Operator], Composition]:
    return lambda matrix: Composition(how, placed_operands(matrix))


composition.register(Sum)(_of_operands("sum"))
composition.register(BlockDiagonal)(_of_operands("direct sum"))
composition.register(KroneckerProduct)(_of_operands("kronecker product"))
composition.register(CovariancePropagation)(_of_operands("congruence"))
composition.register(Scale)(_of_operands("multiple"))
composition.register(Augment)(_of_operands("beside"))
composition.register(Stack)(_of_operands("below"))


@composition.register(Submatrix)
def _(matrix: Submatrix) -> Composition:
    return Composition("selection", placed_operands(matrix), matrix.index)


@composition.register(HadamardProduct)
def _(matrix: HadamardProduct) -> Composition:
    parts = placed_operands(matrix)
    # One number takes the shape of the other factor: it is a multiple of that.
    for number, other in (parts, parts[::-1]):
        if isinstance(number.operand, Tensor) and number.operand.numel() == 1:
            one = replace(number, operand=number.operand.reshape(1, 1))
            return Composition("multiple", (one, other))
    return Composition("entrywise product", parts)


@column_names.register(Augment)
def _(matrix: Augment) -> tuple[str, ...]:
    names: list[str] = []
    for name, operand in matrix.operands.items():
        own = None if isinstance(operand, Tensor) else column_names(operand)
        found = [str(k) for k in range(operand.shape[1])] if own is None else own
        names += [f"{name}: {level}" for level in found]
    return tuple(names)


@scale_parameter.register(Conditional)
def _(matrix: Conditional) -> int | None:
    (operand,) = matrix.operands.values()
    return scale_parameter(operand) if isinstance(operand, Matrix) else None
