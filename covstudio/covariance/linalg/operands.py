"""The operands of an operator as the functions of structure see them, and what is put together from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from covstudio.covariance.core.composite import OWN
from covstudio.covariance.core.definiteness import Operand, SingularMatrixError
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.core.operands import locate
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.linalg.dense import singular, value_of
from covstudio.covariance.linalg.dispatch import StructureFunction
from covstudio.covariance.linalg.functions import (
    Kind,
    bandwidth,
    derivative_diagonal,
    diagonal,
    kind,
    logdet,
    matmul,
    precision,
    precision_derivatives,
    transpose_matmul,
)
from covstudio.covariance.linalg.inverse_bands import width_of
from covstudio.covariance.parameters.layout import consecutive, in_order, shares

__all__ = [
    "Constant",
    "Part",
    "TensorFunction",
    "assembled",
    "banded_inverse",
    "both_products",
    "diagonal_inverse",
    "diagonal_kind",
    "diagonal_parts",
    "diagonal_precision",
    "diagonal_precision_derivatives",
    "flattened",
    "kind_of_diagonals",
    "matrices_of",
    "matrix_of",
    "nonzero",
    "owners",
    "parts_of",
    "promised_parts",
    "signed",
    "square_parts",
    "summed_logdet",
    "symmetric_matrix",
    "unflattened",
    "without_bands",
]

_R = TypeVar("_R")
_O = TypeVar("_O", bound=Operator)

#: A function of structure that gives numbers.
TensorFunction = StructureFunction[..., Tensor]

_ProductRule = Callable[[TensorFunction, _O, Tensor, Tensor], Tensor]


class Constant(Matrix):
    """A fixed tensor as a matrix without parameters, so that operands need no telling apart."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        super().__init__((tensor.shape[0], tensor.shape[1]), {})

    def evaluate(self, natural: Tensor) -> Tensor:
        return self.tensor.to(dtype=natural.dtype, device=natural.device)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        return natural.new_zeros((len(index), *self.shape))


@dataclass(frozen=True, eq=False)
class Part:
    """One operand with its share of the natural values."""

    name: str
    matrix: Matrix
    natural: Tensor

    def ask(self, function: Callable[..., _R], *args: Any) -> _R:
        """A function of structure of this operand; an error says which operand it comes from."""
        try:
            return function(self.matrix, self.natural, *args)
        except (ValueError, TypeError, RuntimeError) as error:
            if self.name != OWN:
                locate(error, self.name)
            raise

    def value(self) -> Tensor:
        """The operand written out."""
        return value_of(self.matrix, self.natural)

    def slices(self, index: Sequence[int]) -> Tensor:
        """Its derivatives in natural values, written out, shape (len(index), r, c)."""
        return self.matrix.natural_jacobian(self.natural, index).to(self.natural)


@dataclass(frozen=True, eq=False)
class Owner:
    """An operand that has some of the parameters asked for."""

    position: int
    part: Part
    #: Where the parameters stand among those asked for.
    places: list[int]

    #: Where they stand among the operand's own.
    index: list[int]

    def ask(self, function: Callable[..., Tensor], *args: Any) -> Tensor:
        """A function of derivatives in these parameters of this operand."""
        return self.part.ask(function, self.index, *args)


def matrices_of(operator: Operator) -> list[Matrix]:
    """The operands as matrices; first the structure with the operator's own parameters, where it has some."""
    return [matrix_of(operand) for operand in operator._operands.values()]


def matrix_of(operand: Operand) -> Matrix:
    """An operand as a matrix: a tensor as one without parameters."""
    if isinstance(operand, Matrix):
        return operand
    # An operator that multiplies by a number takes it in any shape.
    return Constant(operand if operand.ndim == 2 else operand.reshape(1, -1))


def parts_of(operator: Operator, natural: Tensor) -> list[Part]:
    """The operands with their shares of the natural values, in the order of `matrices_of`."""
    return [
        Part(name, matrix_of(operand), natural[span.start : span.stop])
        for (name, operand), span in zip(operator._operands.items(), operator._spans(), strict=True)
    ]


def owners(parts: Sequence[Part], index: Sequence[int]) -> Iterator[Owner]:
    """The operands that have some of the parameters asked for, and which."""
    for share in shares(consecutive(len(part.natural) for part in parts), index):
        yield Owner(share.position, parts[share.position], share.places, share.index)


def assembled(
    parts: Sequence[Part], index: Sequence[int], piece: Callable[[Owner], Tensor], empty: Tensor
) -> Tensor:
    """What is made of derivatives operand by operand, in the order in which the parameters were asked for.

    Args:
        parts: the operands.
        index: positions of the parameters asked for.
        piece: what is made of those that one operand owns, shape (len(places), ...).
        empty: the result without parameters, shape (0, ...).
    """
    found = list(owners(parts, index))
    return in_order([piece(owner) for owner in found], [owner.places for owner in found]) if found else empty


def flattened(stack: Tensor) -> Tensor:
    """Matrices side by side: (k, r, c) -> (r, k c), to send them through one product."""
    count, rows, columns = stack.shape
    return stack.movedim(0, 1).reshape(rows, count * columns)


def unflattened(wide: Tensor, count: int, columns: int) -> Tensor:
    """The inverse of `flattened`: (r, k c) -> (k, r, c)."""
    return wide.reshape(wide.shape[0], count, columns).movedim(1, 0)


def diagonal_kind(matrix: Matrix) -> bool:
    """Whether the matrix is known to be diagonal."""
    return kind(matrix) in ("scalar", "diagonal")


def diagonal_parts(operator: Operator) -> bool:
    """Whether every operand is known to be diagonal."""
    return all(map(diagonal_kind, matrices_of(operator)))


def kind_of_diagonals(operator: Operator) -> Kind | None:
    """The kind of a product of diagonal operands: scalar where all are; None where one is not diagonal."""
    kinds = set(map(kind, matrices_of(operator)))
    if not kinds <= {"scalar", "diagonal"}:
        return None
    return "scalar" if kinds == {"scalar"} else "diagonal"


def square_parts(operator: Operator) -> bool:
    """Whether every operand is square."""
    return all(matrix.shape[0] == matrix.shape[1] for matrix in matrices_of(operator))


def promised_parts(operator: Operator) -> bool:
    """Whether every operand is square, and every one that is no tensor a promised covariance."""
    return square_parts(operator) and all(
        operand.psd for operand in operator._operands.values() if isinstance(operand, Matrix)
    )


def symmetric_matrix(matrix: Matrix) -> bool:
    """Whether the matrix is symmetric: as it is promised, or as the numbers of a constant show."""
    if isinstance(matrix, Constant):
        return matrix.shape[0] == matrix.shape[1] and torch.equal(matrix.tensor, matrix.tensor.mT)
    return matrix.symmetric


def nonzero(matrix: Matrix, entries: Tensor) -> Tensor:
    """The diagonal of a diagonal matrix, to divide by."""
    if not bool((entries != 0).all()):
        raise singular(matrix)
    return entries


def signed(matrix: Matrix, natural: Tensor, cheap: Callable[[], Tensor]) -> Tensor:
    """A log determinant out of factors' ones, or the dense one where a factor's determinant is negative."""
    try:
        return cheap()
    except SingularMatrixError:
        raise
    except ValueError:
        return logdet.default(matrix, natural)


def summed_logdet(operator: Operator, natural: Tensor) -> Tensor:
    """The log determinant of what has the product of its operands' determinants for its own."""
    parts = parts_of(operator, natural)
    return signed(operator, natural, lambda: torch.stack([part.ask(logdet) for part in parts]).sum())


def both_products(
    cls: type[_O], *, when: Callable[[_O], bool] | None = None
) -> Callable[[_ProductRule[_O]], _ProductRule[_O]]:
    """A decorator that makes one rule serve V b and V' b, where an operator asks its operands the same.

    Args:
        cls: the class of operators.
        when: as for `register`.

    Returns:
        The decorator; its rule is told first which product to ask for, `matmul` or `transpose_matmul`.
    """

    def put(rule: _ProductRule[_O]) -> _ProductRule[_O]:
        for product in (matmul, transpose_matmul):
            product.register(cls, when=when)(partial(rule, product))
        return rule

    return put


def banded_inverse(matrix: Matrix) -> bool:
    """Whether V^-1 is known to have few bands."""
    return bandwidth(matrix) is not None


def without_bands(matrix: Matrix, natural: Tensor) -> Tensor:
    """The bands of no derivative of V^-1, shape (0, w + 1, n)."""
    return natural.new_zeros((0, width_of(matrix) + 1, matrix.shape[0]))


def diagonal_precision(matrix: Matrix, natural: Tensor) -> Tensor:
    """The one band of the inverse of a diagonal matrix, shape (1, n)."""
    return 1.0 / nonzero(matrix, diagonal(matrix, natural))[None]


def diagonal_precision_derivatives(matrix: Matrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    """Its derivatives, shape (k, 1, n)."""
    # Divided twice: the square of a small variance may underflow.
    entries = nonzero(matrix, diagonal(matrix, natural))
    return (-derivative_diagonal(matrix, natural, index) / entries / entries)[:, None]


def diagonal_inverse(cls: type[Operator], when: Callable[[Operator], bool]) -> None:
    """Register what the diagonal of a diagonal operator says of its inverse.

    Args:
        cls: the class of operators.
        when: whether one of them is diagonal.
    """
    bandwidth.register(cls, when=when)(lambda matrix: 0)
    precision.register(cls, when=when)(diagonal_precision)
    precision_derivatives.register(cls, when=when)(diagonal_precision_derivatives)
