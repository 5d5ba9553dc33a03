r"""Matrices that are too large to be written out, as the means of their blocks.

With A, whose columns are 1/s at the s rows of a block, the means of the blocks are

.. math:: A'VA,

products with V, which are cheap where V is made of cheap parts; no entry of V is written down. With
:math:`D^{-1/2}A` in place of A, D the diagonal of V, they are the means of the correlations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from covstudio.covariance import Matrix, Operator, linalg
from covstudio.covariance.linalg.compositions import placed_operands
from covstudio.plots.raster import Array, block_size

__all__ = ["Blocks", "block_means", "can_be_multiplied"]

#: Blocks of a matrix on either side: at most as many as every sheet tells apart, at least as a picture needs;
#: between these so many that the columns of all products together have no more entries.
MOST, LEAST, PRODUCTS = 300, 100, 100_000_000
#: Entries of a product that are held at once.
AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Blocks:
    """How a matrix is cut into blocks of as many rows as columns; the last ones may have fewer.

    Attributes:
        shape: of the matrix.
        size: rows and columns of a block.
    """

    shape: tuple[int, int]
    size: int

    @classmethod
    def of(cls, shape: tuple[int, int]) -> Blocks:
        """The blocks of a matrix of this shape."""
        most = min(MOST, max(LEAST, PRODUCTS // max(shape)))
        return cls(shape, block_size(shape, most))

    def starts(self, axis: int) -> list[int]:
        """The first row, or column, of each block."""
        return list(range(0, self.shape[axis], self.size))

    def names(self, axis: int, names: tuple[str, ...] | None) -> list[str]:
        """What the blocks are called: by their first and last rows, or by the number of the first.

        Example:
            >>> Blocks((5, 5), 2).names(0, None), Blocks((5, 5), 2).names(0, tuple("abcde"))
            (['0', '2', '4'], ['a … b', 'c … d', 'e'])
        """
        if names is None:
            return list(map(str, self.starts(axis)))
        ends = [(names[k], names[min(k + self.size, len(names)) - 1]) for k in self.starts(axis)]
        return [first if first == last else f"{first} … {last}" for first, last in ends]

    @property
    def note(self) -> str:
        """The words for what a cell is."""
        n, m = self.shape
        return f"{n:,} x {m:,}; a cell is the mean of {self.size} x {self.size} entries"


def can_be_multiplied(operand: Matrix | Tensor, entries: int) -> bool:
    """Whether products with a matrix are cheap all the way down.

    Args:
        operand: the matrix.
        entries: a part of so many may be written out.

    Example:
        >>> from covstudio.covariance import AR1Matrix, KroneckerProduct, MaternMatrix, ScalarMatrix, Sum
        >>> field = KroneckerProduct(a=AR1Matrix(100), b=AR1Matrix(100))
        >>> can_be_multiplied(Sum(field=field, units=ScalarMatrix(10_000)), 40_000_000)
        True
        >>> places = MaternMatrix([[0.0, 0.0], [0.0, 1.0], [2.0, 1.0]])
        >>> can_be_multiplied(Sum(places=places, units=ScalarMatrix(3)), entries=8)
        False
    """
    if isinstance(operand, Tensor) or operand.shape[0] * operand.shape[1] <= entries:
        return True
    if not linalg.matmul.is_cheap(operand):
        return False
    below = placed_operands(operand) if isinstance(operand, Operator) else ()
    return all(can_be_multiplied(part.operand, entries) for part in below)


def block_means(
    multiply: Callable[[Tensor], Tensor],
    blocks: Blocks,
    weights: tuple[Tensor, Tensor] | None = None,
    count: int = 1,
) -> Array:
    """The means of the blocks of one matrix, or of several.

    Args:
        multiply: the product with some columns (m, w): (n, w), or (k, n, w) of several matrices.
        blocks: of the matrix.
        weights: what rows and columns are multiplied by, (n,) and (m,).
        count: of the matrices, to hold no more at once than can be.

    Returns:
        Shape (r, c), or (k, r, c).

    Example:
        >>> v = torch.arange(9.0, dtype=torch.float64).reshape(3, 3)
        >>> block_means(lambda b: v @ b, Blocks((3, 3), 2)).tolist()
        [[2.0, 3.5], [6.5, 8.0]]
    """
    n, m = blocks.shape
    left, top = blocks.starts(1), np.array(blocks.starts(0))
    sizes = np.diff(np.append(top, n))[:, None]
    wide = max(1, AT_ONCE // (n * count))
    found = []
    for first in range(0, len(left), wide):
        own = left[first : first + wide]
        columns = torch.zeros((m, len(own)), dtype=torch.float64)
        for k, start in enumerate(own):
            end = min(start + blocks.size, m)
            columns[start:end, k] = 1.0 / (end - start)
        if weights is not None:
            columns *= weights[1][:, None]
        product = multiply(columns)
        if weights is not None:
            product = product * weights[0][:, None]
        found.append(np.add.reduceat(product.cpu().to(torch.float64).numpy(), top, axis=-2) / sizes)
    means: Array = np.concatenate(found, axis=-1)
    return means
