"""The operands of an operator as the functions of structure see them, and what is put together from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from covstudio.covariance.core.composite import OWN
from covstudio.covariance.core.definiteness import Operand, SingularMatrixError
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.core.operands import locate
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.linalg.dense import singular
from covstudio.covariance.linalg.functions import kind
from covstudio.covariance.parameters.layout import consecutive, shares

__all__ = [
    "Constant",
    "Part",
    "assembled",
    "diagonal_kind",
    "flattened",
    "matrices_of",
    "matrix_of",
    "nonzero",
    "owners",
    "parts_of",
    "signed",
    "square_parts",
    "symmetric_matrix",
    "unflattened",
]

_R = TypeVar("_R")


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


@dataclass(frozen=True, eq=False)
class Owner:
    """An operand that has some of the parameters asked for."""

    position: int
    part: Part
    #: Where the parameters stand among those asked for.
    places: list[int]

    #: Where they stand among the operand's own.
    index: list[int]


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


def assembled(pieces: Sequence[tuple[Owner, Tensor]], empty: Tensor) -> Tensor:
    """The operands' results, first dimension first, in the order in which the parameters were asked for.

    Args:
        pieces: each owner with its result, shape (len(places), ...).
        empty: the result without parameters, shape (0, ...).
    """
    if not pieces:
        return empty
    order = [place for owner, _ in pieces for place in owner.places]
    joined = pieces[0][1] if len(pieces) == 1 else torch.cat([piece for _, piece in pieces])
    if order == sorted(order):
        return joined
    return joined[torch.as_tensor(order).argsort().to(joined.device)]


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


def square_parts(operator: Operator) -> bool:
    """Whether every operand is square."""
    return all(matrix.shape[0] == matrix.shape[1] for matrix in matrices_of(operator))


def symmetric_matrix(matrix: Matrix) -> bool:
    """Whether the matrix is symmetric: as it is promised, or as the numbers of a constant show."""
    if isinstance(matrix, Constant):
        return matrix.shape[0] == matrix.shape[1] and torch.equal(matrix.tensor, matrix.tensor.mT)
    return matrix.psd


def nonzero(matrix: Matrix, entries: Tensor) -> Tensor:
    """The diagonal of a diagonal matrix, to divide by."""
    if not bool((entries != 0).all()):
        raise singular(matrix)
    return entries


def signed(cheap: Callable[[], Tensor], dense: Callable[[], Tensor]) -> Tensor:
    """A log determinant out of factors' ones, or the dense one where a factor's determinant is negative."""
    try:
        return cheap()
    except SingularMatrixError:
        raise
    except ValueError:
        return dense()
