"""Entries of a matrix as sums of products of entries of its parts, and what lies between two rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.compositions import (
    Composition,
    PlacedOperand,
    composition,
    covariance_function,
    incidence,
)
from covstudio.covariance.linalg.dispatch import StructureFunction

__all__ = ["EntryTerm", "PartEntry", "Separation", "between", "entry_terms", "row_entries", "separation"]

#: An entry that is a sum of more terms than this is taken as a whole.
TERMS = 400


@dataclass(frozen=True, eq=False)
class PartEntry:
    """An entry of a part.

    Attributes:
        part: which part, with the places of its parameters.
        i: row.
        j: column.
    """

    part: PlacedOperand
    i: int
    j: int


@dataclass(frozen=True, eq=False)
class EntryTerm:
    """A product of entries of parts, times a number.

    Attributes:
        factors: the entries.
        weight: the number.
    """

    factors: tuple[PartEntry, ...]
    weight: float = 1.0


@dataclass(frozen=True)
class Separation:
    """What lies between two rows, where the covariance is a function of it.

    Attributes:
        what: such as "lag" or "distance".
        size: how much; one number, or one for each coordinate.
        places: where the two rows are, in words.
    """

    what: str
    size: tuple[float, ...]
    places: tuple[str, str] = ("", "")

    def __str__(self) -> str:
        """Such as "lag 2, from 3 to 5"."""
        text = f"{self.what} {' x '.join(f'{size:.6g}' for size in self.size)}"
        first, second = self.places
        return f"{text}, from {first} to {second}" if first else text


@StructureFunction
def separation(matrix: Matrix, i: int, j: int, /) -> Separation | None:
    """What lies between two rows of a matrix.

    Args:
        matrix: a structure or an operator, of shape (n, n).
        i: a row.
        j: another, or the same.

    Returns:
        The lag, the distance, or the step along each coordinate; None where rows have no places. Without a
        rule it follows from `covariance_function`, or from the declared arguments: a size that counts equally
        spaced positions, coordinates that the structure keeps under their name.

    Example:
        >>> from covstudio.covariance import AR1Matrix, linalg
        >>> print(linalg.separation(AR1Matrix(9), 2, 6))
        lag 4
    """
    function = covariance_function(matrix)
    if function is not None:
        return between(None if function.times is None else function.times[:, None], i, j, "lag")
    declared = matrix.governing_declaration()
    for argument in () if declared is None else declared.arguments:
        if argument.evenly_spaced:
            return between(None, i, j, "lag")
        places = getattr(matrix, argument.name, None) if argument.kind == "coordinates" else None
        if isinstance(places, Tensor) and places.shape[0] == matrix.shape[0] == matrix.shape[1]:
            return between(places.reshape(len(places), -1), i, j, "step")
    return None


def between(places: Tensor | None, i: int, j: int, what: str, size: float | None = None) -> Separation:
    """What lies between two places.

    Args:
        places: of all rows, (n, d); None for 0, 1, ..., n - 1.
        i: a row.
        j: another.
        what: what it is called.
        size: how much it is; None for the difference in each coordinate.
    """
    if places is None:
        return Separation(what, (float(abs(i - j)),))
    first, second = (places[k].tolist() for k in (i, j))
    steps = tuple(abs(a - b) for a, b in zip(first, second, strict=True))
    words = tuple(", ".join(f"{x:.6g}" for x in place) for place in (first, second))
    return Separation(what, steps if size is None else (size,), (words[0], words[1]))


@StructureFunction
def entry_terms(matrix: Matrix, i: int, j: int, /) -> tuple[EntryTerm, ...] | None:
    """An entry as a sum of products of entries of the parts.

    Args:
        matrix: a structure or an operator, of shape (r, c).
        i: row.
        j: column.

    Returns:
        The terms, none where the entry is 0 whatever the parameters; None where the matrix is to be taken as
        a whole. Without a rule it follows from `composition`.

    Example:
        >>> from covstudio.covariance import AR1Matrix, IdentityMatrix, KroneckerProduct, linalg
        >>> (term,) = linalg.entry_terms(KroneckerProduct(a=AR1Matrix(2), b=IdentityMatrix(3)), 1, 5)
        >>> [(entry.part.name, entry.i, entry.j) for entry in term.factors]
        [('a', 0, 1), ('b', 1, 2)]
    """
    made = composition(matrix)
    return None if made is None else _OF[made.how](made, i, j)


def _sum(made: Composition, i: int, j: int) -> tuple[EntryTerm, ...]:
    return tuple(EntryTerm((PartEntry(part, i, j),)) for part in made.parts)


def _entrywise(made: Composition, i: int, j: int) -> tuple[EntryTerm, ...]:
    return (EntryTerm(tuple(PartEntry(part, i, j) for part in made.parts)),)


def _multiple(made: Composition, i: int, j: int) -> tuple[EntryTerm, ...]:
    number, other = made.parts
    return (EntryTerm((PartEntry(number, 0, 0), PartEntry(other, i, j))),)


def _selection(made: Composition, i: int, j: int) -> tuple[EntryTerm, ...]:
    (part,) = made.parts
    return (EntryTerm((PartEntry(part, made.index[i], made.index[j]),)),)


def _kronecker(made: Composition, i: int, j: int) -> tuple[EntryTerm, ...]:
    factors: list[PartEntry] = []
    for part in reversed(made.parts):
        rows, columns = part.operand.shape
        factors.insert(0, PartEntry(part, i % rows, j % columns))
        i, j = i // rows, j // columns
    return (EntryTerm(tuple(factors)),)


def _rowwise(made: Composition, i: int, j: int) -> tuple[EntryTerm, ...]:
    factors: list[PartEntry] = []
    for part in reversed(made.parts):
        columns = part.operand.shape[1]
        factors.insert(0, PartEntry(part, i, j % columns))
        j //= columns
    return (EntryTerm(tuple(factors)),)


def _direct(made: Composition, i: int, j: int) -> tuple[EntryTerm, ...]:
    row = column = 0
    for part in made.parts:
        rows, columns = part.operand.shape
        if row <= i < row + rows and column <= j < column + columns:
            return (EntryTerm((PartEntry(part, i - row, j - column),)),)
        row, column = row + rows, column + columns
    return ()


def _beside(made: Composition, i: int, j: int) -> tuple[EntryTerm, ...]:
    for part in made.parts:
        columns = part.operand.shape[1]
        if j < columns:
            return (EntryTerm((PartEntry(part, i, j),)),)
        j -= columns
    return ()


def _below(made: Composition, i: int, j: int) -> tuple[EntryTerm, ...]:
    for part in made.parts:
        rows = part.operand.shape[0]
        if i < rows:
            return (EntryTerm((PartEntry(part, i, j),)),)
        i -= rows
    return ()


def _congruence(made: Composition, i: int, j: int) -> tuple[EntryTerm, ...] | None:
    z, g = made.parts
    if z.count:
        q = int(z.operand.shape[1])
        if q * q > TERMS:
            return None
        return tuple(
            EntryTerm((PartEntry(z, i, a), PartEntry(g, a, b), PartEntry(z, j, b)))
            for a in range(q)
            for b in range(q)
        )
    left, right = row_entries(z.operand, i), row_entries(z.operand, j)
    if len(left) * len(right) > TERMS:
        return None
    return tuple(EntryTerm((PartEntry(g, a, b),), x * y) for a, x in left for b, y in right)


_OF = {
    "sum": _sum,
    "direct sum": _direct,
    "kronecker product": _kronecker,
    "entrywise product": _entrywise,
    "rowwise product": _rowwise,
    "congruence": _congruence,
    "multiple": _multiple,
    "selection": _selection,
    "beside": _beside,
    "below": _below,
}


def row_entries(operand: Matrix | Tensor, i: int) -> Sequence[tuple[int, float]]:
    """The entries of a row that are not 0, of a matrix without parameters: columns and values.

    Example:
        >>> from covstudio.covariance import DummyMatrix
        >>> row_entries(DummyMatrix(["b", "a"]), 0)
        [(1, 1.0)]
    """
    if isinstance(operand, Matrix):
        codes = incidence(operand)
        if codes is not None:
            column = int(codes[i])
            return [] if column < 0 else [(column, 1.0)]
        with torch.no_grad():
            row = operand.evaluate(torch.zeros(0, dtype=torch.float64))[i]
    else:
        row = operand[i]
    kept = torch.nonzero(row).reshape(-1).tolist()
    return [(int(k), float(row[k])) for k in kept]
