"""The parts of a matrix, for whoever would rather work with these than with the whole.

An engine opens the outer sum of V, looks for Z G Z' and follows the factors of a Kronecker product to a grid.
It asks `composition`, and so meets the operators of the library and those of others alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.core.operands import PlacedOperand
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.linalg.dispatch import StructureFunction

__all__ = [
    "JOINER",
    "Composition",
    "CovarianceFunction",
    "FactorLevels",
    "How",
    "PlacedOperand",
    "column_names",
    "composition",
    "covariance_function",
    "crossed_levels",
    "incidence",
    "parts",
    "placed_operands",
]

#: What joins the levels of crossed factors in a column's name: the bowtie.
JOINER = "\u22c8"

#: How parts A, B, ... make a matrix.
#:
#: "sum": A + B + ...; "direct sum": A, B, ... along the diagonal; "kronecker product": A (x) B;
#: "entrywise product": A o B; "congruence": A B A', as Z G Z'; "multiple": a 1 x 1 matrix A times B;
#: "selection": rows and columns of A at `index`; "beside": [A, B, ...]; "below": A above B above ...;
#: "rowwise product": row i is the Kronecker product of the rows i
How = Literal[
    "sum",
    "direct sum",
    "kronecker product",
    "entrywise product",
    "congruence",
    "multiple",
    "selection",
    "beside",
    "below",
    "rowwise product",
]


@dataclass(frozen=True, eq=False)
class Composition:
    """A matrix as its parts.

    Attributes:
        how: what is done with them.
        parts: in order; every parameter of the whole belongs to one of them.
        index: the positions kept by a "selection".
    """

    how: How
    parts: tuple[PlacedOperand, ...]
    index: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class CovarianceFunction:
    r"""A covariance of rows by their distance on a line, :math:`V_{ij} = c(|t_i - t_j|)`.

    Attributes:
        times: place of every row, (n,) float64; None for 0, 1, ..., n - 1.
        value: natural values and distances of any shape -> covariances of that shape.
        derivative: natural values, positions of k parameters and distances -> (k, ...).
        markov: whether a row depends on those before it, in the order of their places, through the last
            alone: the inverse of the covariance of different places is tridiagonal.
    """

    times: Tensor | None
    value: Callable[[Tensor, Tensor], Tensor]
    derivative: Callable[[Tensor, Sequence[int], Tensor], Tensor]
    markov: bool = False


@StructureFunction
def composition(matrix: Matrix, /) -> Composition | None:
    """What a matrix is put together from.

    Args:
        matrix: a structure or an operator.

    Returns:
        Its parts and what is done with them; None where it is to be taken as a whole.

    Example:
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum, linalg
        >>> made = linalg.composition(Sum(field=AR1Matrix(3), units=ScalarMatrix(3)))
        >>> made.how, [(part.name, part.start) for part in made.parts]
        ('sum', [('field', 0), ('units', 2)])
        >>> linalg.composition(AR1Matrix(3)) is None
        True
    """
    return None


def parts(operand: Matrix | Tensor, how: How) -> tuple[PlacedOperand, ...] | None:
    """The parts of a matrix that is put together in this way, or None for any other.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix
        >>> term = CovariancePropagation(z=DummyMatrix(["a", "b", "a"]), g=ScalarMatrix(2))
        >>> [part.name for part in parts(term, "congruence")], parts(term, "sum")
        (['z', 'g'], None)
    """
    made = composition(operand) if isinstance(operand, Matrix) else None
    return made.parts if made is not None and made.how == how else None


@StructureFunction
def incidence(matrix: Matrix, /) -> Tensor | None:
    """The column of the one entry, a 1, that every row of an incidence matrix has.

    Args:
        matrix: a structure or an operator, of shape (n, q).

    Returns:
        Shape (n,), int64, -1 for a row of zeros; None for a matrix that is not known to be one. A structure
        without a rule is one where it has such a tensor as its attribute `codes`.

    Example:
        >>> from covstudio.covariance import DummyMatrix, linalg
        >>> linalg.incidence(DummyMatrix(["a", "b", "a"]))
        tensor([0, 1, 0])
    """
    codes = None if isinstance(matrix, Operator) or matrix.num_params else getattr(matrix, "codes", None)
    return codes if isinstance(codes, Tensor) and codes.ndim == 1 else None


@StructureFunction
def column_names(matrix: Matrix, /) -> tuple[str, ...] | None:
    """What the columns of a design matrix are called.

    Args:
        matrix: a structure or an operator, of shape (n, q).

    Returns:
        q names, or None for a matrix whose columns have none.

    Example:
        >>> from covstudio.covariance import DummyMatrix, linalg
        >>> linalg.column_names(DummyMatrix(["b", "a", "b"]))
        ('a', 'b')
    """
    return None


@dataclass(frozen=True)
class FactorLevels:
    """The levels of one of the factors whose combinations the columns of a design stand for.

    Attributes:
        levels: in the order of the columns.
        chosen: whether somebody said that they are neighbours, whatever they read as.
        as_texts: whether their order is that of texts, which nobody has said.
    """

    levels: tuple[Any, ...]
    chosen: bool = False
    as_texts: bool = False


@StructureFunction
def crossed_levels(matrix: Matrix, /) -> tuple[FactorLevels, ...] | None:
    """The factors whose every combination of levels has a column, the last factor varying fastest.

    Args:
        matrix: a structure or an operator, of shape (n, q).

    Returns:
        One for each factor; q is the product of their numbers of levels. None for a matrix whose columns are
        not known to be of this kind.

    Example:
        >>> from covstudio.covariance import DummyMatrix, linalg
        >>> [factor.levels for factor in linalg.crossed_levels(DummyMatrix(["a", "b"], [1, 2]))]
        [('a', 'b'), (1, 2)]
    """
    return None


@StructureFunction
def covariance_function(matrix: Matrix, /) -> CovarianceFunction | None:
    """The covariance function of rows on a line, from which that of any other places on it follows.

    Args:
        matrix: a structure or an operator, of shape (n, n).

    Returns:
        Places and function; None where V is not known to be of this kind.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, linalg
        >>> found = linalg.covariance_function(AR1Matrix(3))
        >>> found.value(torch.tensor([2.0, 0.5]), torch.tensor([0.0, 1.0, 5.0]))
        tensor([2.0000, 1.0000, 0.0625])
    """
    return None


def placed_operands(operator: Operator) -> tuple[PlacedOperand, ...]:
    """An operator's operands with their places; first, nameless, the structure with its own parameters.

    Example:
        >>> from covstudio.covariance import AR1CorrelationMatrix, Scale
        >>> [(part.name, part.start) for part in placed_operands(Scale(a=AR1CorrelationMatrix(3)))]
        [('', 0), ('a', 1)]
    """
    return operator._placed()
