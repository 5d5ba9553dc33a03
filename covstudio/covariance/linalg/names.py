"""Names of the rows and columns of a matrix and of its parts: levels of factors and their combinations."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.compositions import JOINER, column_names, composition, crossed_levels

__all__ = ["Names", "NamesBelow"]


class Names:
    """What rows or columns stand for: combinations of levels of factors, the last varying fastest."""

    def __init__(self, factors: Sequence[Sequence[str]]) -> None:
        self._factors = [list(levels) for levels in factors]

    @classmethod
    def flat(cls, names: Sequence[str]) -> Names:
        """Names as they are, or as combinations of levels where they are that."""
        parts = [name.split(JOINER) for name in names]
        if len({len(own) for own in parts}) == 1:
            factors = [list(dict.fromkeys(levels)) for levels in zip(*parts, strict=True)]
            crossed = cls(factors)
            count = math.prod(map(len, factors))
            if count == len(names) and all(crossed._levels(k) == own for k, own in enumerate(parts)):
                return crossed
        return cls([names])

    @classmethod
    def of_columns(cls, z: Matrix | Tensor) -> Names | None:
        """Names of the columns of a design."""
        if not isinstance(z, Matrix):
            return None
        crossed = crossed_levels(z)
        if crossed is not None and math.prod(len(one.levels) for one in crossed) == z.shape[1]:
            return cls([[str(level) for level in one.levels] for one in crossed])
        names = column_names(z)
        return None if names is None else cls.flat(names)

    def of(self, k: int) -> str:
        """The name of one of them."""
        return " · ".join(self._levels(k))

    def _levels(self, k: int) -> list[str]:
        parts: list[str] = []
        for levels in reversed(self._factors):
            parts.insert(0, levels[k % len(levels)])
            k //= len(levels)
        return parts

    def split(self, sizes: Sequence[int]) -> list[Names] | None:
        """Names of the parts of a Kronecker product, where its sizes are those of the factors."""
        found, rest = [], list(self._factors)
        for size in sizes:
            taken: list[list[str]] = []
            while rest and math.prod(map(len, taken)) < size:
                taken.append(rest.pop(0))
            if not taken or math.prod(map(len, taken)) != size:
                return None
            found.append(Names(taken))
        return None if rest else found


class NamesBelow:
    """What the rows and columns of the parts of a matrix stand for.

    Args:
        matrix: the matrix.
        rows: what its own rows stand for.
        columns: what its own columns stand for.
    """

    def __init__(self, matrix: Matrix, rows: Names | None, columns: Names | None) -> None:
        self._made = composition(matrix)
        self._rows, self._columns = rows, columns
        self._split: tuple[list[Names] | None, list[Names] | None] = (None, None)
        self._levels: Names | None = None
        how = "" if self._made is None else self._made.how
        if self._made is not None and how == "congruence":
            self._levels = Names.of_columns(self._made.parts[0].operand)
        if self._made is not None and how == "kronecker product":
            shapes = [tuple(part.operand.shape) for part in self._made.parts]
            self._split = (
                None if rows is None else rows.split([shape[0] for shape in shapes]),
                None if columns is None else columns.split([shape[1] for shape in shapes]),
            )

    def of(self, name: str) -> tuple[Names | None, Names | None]:
        """For the rows and the columns of the part of a name."""
        if self._made is None:
            return None, None
        how = self._made.how
        if how in ("sum", "entrywise product"):
            return self._rows, self._columns
        which = [part.name for part in self._made.parts].index(name)
        if how == "multiple":
            return (self._rows, self._columns) if which == 1 else (None, None)
        if how == "congruence":
            return (self._levels, self._levels) if which == 1 else (None, self._levels)
        if how == "kronecker product":
            rows, columns = (None if names is None else names[which] for names in self._split)
            return rows, columns
        return None, None
