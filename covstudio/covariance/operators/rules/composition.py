"""The composition of operators, and how they depend on what their operands depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.operators.partitioned import Augment, BlockDiagonal, Stack
from covstudio.covariance.operators.parts import Conditional, Submatrix
from covstudio.covariance.operators.products import HadamardProduct, KroneckerProduct
from covstudio.covariance.operators.rowwise import KhatriRaoProduct
from covstudio.covariance.operators.scaled import Scale
from covstudio.covariance.operators.sums import CovariancePropagation, Sum

__all__: list[str] = []


def _of_operands(how: linalg.How) -> Callable[[Operator], linalg.Composition]:
    return lambda matrix: linalg.Composition(how, linalg.placed_operands(matrix))


linalg.composition.register(Sum)(_of_operands("sum"))
linalg.composition.register(BlockDiagonal)(_of_operands("direct sum"))
linalg.composition.register(KroneckerProduct)(_of_operands("kronecker product"))
linalg.composition.register(CovariancePropagation)(_of_operands("congruence"))
linalg.composition.register(Scale)(_of_operands("multiple"))
linalg.composition.register(Augment)(_of_operands("beside"))
linalg.composition.register(Stack)(_of_operands("below"))
linalg.composition.register(KhatriRaoProduct)(_of_operands("rowwise product"))


@linalg.composition.register(Submatrix)
def _(matrix: Submatrix) -> linalg.Composition:
    return linalg.Composition("selection", linalg.placed_operands(matrix), matrix.index)


@linalg.composition.register(HadamardProduct)
def _(matrix: HadamardProduct) -> linalg.Composition:
    parts = linalg.placed_operands(matrix)
    # One number takes the shape of the other factor: it is a multiple of that.
    for number, other in (parts, parts[::-1]):
        if isinstance(number.operand, Tensor) and number.operand.numel() == 1:
            one = replace(number, operand=number.operand.reshape(1, 1))
            return linalg.Composition("multiple", (one, other))
    return linalg.Composition("entrywise product", parts)


@linalg.column_names.register(Augment)
def _(matrix: Augment) -> tuple[str, ...]:
    names: list[str] = []
    for name, operand in matrix.operands.items():
        own = None if isinstance(operand, Tensor) else linalg.column_names(operand)
        found = [str(k) for k in range(operand.shape[1])] if own is None else own
        names += [f"{name}: {level}" for level in found]
    return tuple(names)


@linalg.scale_parameter.register(Conditional)
def _(matrix: Conditional) -> int | None:
    (operand,) = matrix.operands.values()
    return linalg.scale_parameter(operand) if isinstance(operand, Matrix) else None
