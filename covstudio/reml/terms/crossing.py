r"""The places of the rows of a separable term on its grid.

A Kronecker product of covariances gives every row a cell of a grid, and the covariance of two rows is the
product of one entry for each direction. The same is written in many ways,

.. math:: A \otimes B, \quad Z(A \otimes B)Z', \quad \sigma^2(A \otimes B), \quad
          (Z_1AZ_1') \circ (Z_2BZ_2'), \quad (A \otimes B)_{uu},

and in what these make of each other; all of them come down to factors and a cell for every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import torch
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from covstudio.covariance.linalg.operands import matrix_of
from covstudio.reml.terms.design_rows import SparseRows, rows_of

__all__ = ["Crossing", "Part", "balanced", "crossing_of"]


@dataclass(frozen=True, eq=False)
class Part:
    """A factor of a separable term, or a number in front of it.

    Attributes:
        operand: a square matrix; 1 x 1 for a number.
        start: where its parameters begin among those of the term.
    """

    operand: Matrix | Tensor
    start: int

    @property
    def size(self) -> int:
        """Number of its rows."""
        return int(self.operand.shape[0])

    @property
    def count(self) -> int:
        """Number of its parameters."""
        return 0 if isinstance(self.operand, Tensor) else self.operand.num_params


@dataclass(frozen=True, eq=False)
class Crossing:
    """A covariance that is the product of one factor for each direction of a grid.

    Attributes:
        factors: one for each direction; the last index changes fastest.
        scales: numbers in front.
        codes: the cell of every row, (n,) int64.

    Example:
        >>> from covstudio.covariance import (
        ...     AR1CorrelationMatrix, AR1Matrix, CovariancePropagation, DummyMatrix, KroneckerProduct
        ... )
        >>> z = DummyMatrix(["r1", "r2"], ["c3", "c1"], levels=[["r1", "r2"], ["c1", "c2", "c3"]])
        >>> g = KroneckerProduct(row=AR1CorrelationMatrix(2), col=AR1Matrix(3))
        >>> found = crossing_of(CovariancePropagation(z=z, g=g))
        >>> found.sizes, found.codes.tolist()
        ((2, 3), [2, 3])
    """

    factors: tuple[Part, ...]
    scales: tuple[Part, ...]
    codes: Tensor

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Cells in each direction."""
        return tuple(factor.size for factor in self.factors)

    @property
    def cells(self) -> int:
        """Cells of the grid."""
        return prod(self.sizes)


def crossing_of(operand: Matrix | Tensor, start: int = 0) -> Crossing:
    """A square matrix as factors and cells; one that is no product is one factor with a cell for each row.

    Args:
        operand: a covariance.
        start: where its parameters begin among those of the term.
    """
    if isinstance(operand, Matrix):
        found = _opened(operand, start)
        if found is not None:
            return found
    return Crossing((Part(operand, start),), (), torch.arange(operand.shape[0]))


def _opened(operand: Matrix, start: int) -> Crossing | None:
    made = linalg.composition(operand)
    if made is None:
        return None
    if made.how == "multiple":
        number, inner = made.parts
        below = crossing_of(inner.operand, start + inner.start)
        scale = Part(matrix_of(number.operand), start + number.start)
        return Crossing(below.factors, (scale, *below.scales), below.codes)
    if made.how == "selection":
        below = crossing_of(made.parts[0].operand, start)
        return Crossing(below.factors, below.scales, below.codes[torch.tensor(made.index)])
    if made.how == "congruence":
        z, g = made.parts
        codes = _one_each(z.operand)
        if codes is None:
            return None
        below = crossing_of(g.operand, start + g.start)
        return Crossing(below.factors, below.scales, below.codes[codes])
    if made.how in ("kronecker product", "entrywise product"):
        a, b = made.parts
        if any(part.operand.shape[0] != part.operand.shape[1] for part in (a, b)):
            return None
        left = crossing_of(a.operand, start + a.start)
        right = crossing_of(b.operand, start + b.start)
        outer, inner_codes = left.codes, right.codes
        if made.how == "kronecker product":
            outer, inner_codes = outer[:, None], inner_codes[None, :]
        elif len(outer) != len(inner_codes):
            return None
        codes = (outer * right.cells + inner_codes).reshape(-1)
        return Crossing(left.factors + right.factors, left.scales + right.scales, codes)
    return None


def _one_each(z: Matrix | Tensor) -> Tensor | None:
    """The column of every row of a constant matrix with one entry a row, a 1; None for any other."""
    if not linalg.is_constant(z):
        return None
    rows = rows_of(z)
    if not isinstance(rows, SparseRows) or rows.width != 1:
        return None
    if rows.values is not None and not bool((rows.values == 1.0).all()):
        return None
    return rows.codes[:, 0]


def balanced(sizes: Sequence[int]) -> int:
    """After how many directions to cut a grid in two, so that the larger half has the fewest levels.

    Example:
        >>> balanced((3, 40, 40)), balanced((40, 40, 3)), balanced((7, 5))
        (2, 1, 1)
    """
    return min(range(1, len(sizes)), key=lambda cut: max(prod(sizes[:cut]), prod(sizes[cut:])))
