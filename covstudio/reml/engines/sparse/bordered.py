r"""The plan of a factor of small blocks with a border, and the entries that it puts where.

.. math:: M = \begin{pmatrix} A & C\\ C' & B\end{pmatrix}, \qquad A \text{ block diagonal}, \qquad
          M/A = B - C'A^{-1}C

Crossed effects look like this. Those of the largest term do not meet one another, so that their columns of M
are blocks of one; with uncorrelated slopes, or effects nested in them, blocks of a few. They are eliminated
first, all at once, and what is left of the others, the *border*, is written out: beyond a share of entries
that are not zero an order of elimination has nothing to keep sparse, and looking for one takes longer than
the factor. Of small blocks alone nothing is left.

Source: Duff, Erisman & Reid (2017), Direct Methods for Sparse Matrices, 2nd ed., section 9 (bordered block
diagonal form).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.engines.sparse.places import distinct

__all__ = ["BorderedPlan", "Together", "bordered_plan_of"]

Index = NDArray[np.int64]

#: Columns of a block, at most.
BLOCK = 8
#: From this share of entries that are not zero on, what is left of the border is written out.
FILLED = 0.2
#: A border of so few columns is written out anyway.
NARROW = 64
#: One of more than so many is not: it is a dense matrix.
WIDE = 12_000
#: Nor is one of so many times the columns in blocks, whose elimination changes little.
WIDER = 4
#: Columns of the border by which the share of its entries is told.
SAMPLE = 64
#: Entries of the inverse of the border that are gathered at once: they stay in the processor's cache.
GATHERED = 1 << 17


@dataclass(frozen=True, eq=False)
class Together:
    """Blocks that are worked on together, filled up to the most entries of C that one of them has.

    Attributes:
        blocks: which, (c,).
        entries: their entries of C, (c, r); any of them where filled up.
        there: where they are not filled up, (c, r).
        columns: the columns of the border of these entries, (c, r).
    """

    blocks: Index
    entries: Index
    there: NDArray[np.bool_]
    columns: Index


@dataclass(eq=False)
class BorderedPlan:
    """Where the entries of M stand in A, C and B.

    The m blocks of A are filled up to s columns, with a diagonal of 1. The columns that the rows of one block
    have entries in are the same for all of its rows: the rows of C that belong to pivot k of every block are
    a sparse matrix, all s of them have one pattern.

    Attributes:
        size: columns of M.
        pivots: the columns of M in each block, (m, s); the number of columns where filled up.
        border: the columns of M in the border, (q,).
        starts: where each block begins among the entries of C, and how many there are, (m + 1,).
        columns: their columns of the border, ascending in each block, (e,).
        of_blocks: which entries of M stand in A, and where in (m, s, s), lower triangles.
        ones: places of the diagonals that fill blocks up.
        of_sides: which entries of M stand in C, and where in (s, e).
        of_border: which entries of M stand in B, and where in (q, q), lower triangle.
    """

    size: int
    pivots: Index
    border: Index
    starts: Index
    columns: NDArray[np.int32]
    of_blocks: tuple[Index, Index]
    ones: Index
    of_sides: tuple[Index, Index]
    of_border: tuple[Index, Index]

    @property
    def members(self) -> int:
        """Columns of a block."""
        return int(self.pivots.shape[1])

    @property
    def nonzeros(self) -> int:
        """Entries of L, those that fill blocks up included."""
        m, s = self.pivots.shape
        q = len(self.border)
        return int(m * (s * (s + 1) // 2) + s * len(self.columns) + q * (q + 1) // 2)

    @property
    def products(self) -> float:
        """Products of two entries in a row of C."""
        return float((np.diff(self.starts).astype(np.float64) ** 2).sum())

    @property
    def seconds(self) -> float:
        """Time of a factor and its selected inverse, about."""
        q, s = float(len(self.border)), self.members
        work = self.products * (3e-9 * s + 6e-9)
        return (
            4e-4 + work + 1e-10 * q**3 + 2e-8 * q * q + 2e-8 * s * (len(self.columns) + len(self.pivots) * s)
        )

    @property
    def memory(self) -> float:
        """Bytes of the plan, the factor and the selected inverse at their peak, about."""
        q, s, e = len(self.border), self.members, len(self.columns)
        return 8.0 * (6.0 * q * q + (3.0 * s + 5.0) * e + 4.0 * self.pivots.size * s + 4.0 * GATHERED)

    @property
    def order(self) -> int:
        """Rows of a dense matrix that is as well done on one thread as these."""
        return len(self.border) // 4

    @cached_property
    def together(self) -> list[Together]:
        """All blocks that meet the border, those of about as many entries of C together."""
        counts = np.diff(self.starts)
        order = np.argsort(counts, kind="stable")
        order = order[np.searchsorted(counts[order], 1) :]
        found = []
        while len(order):
            # Ascending: the last of those that are taken has the most entries.
            most = counts[order].astype(np.float64)
            take = max(int((np.arange(1, len(order) + 1) * most**2 <= GATHERED).sum()), 1)
            blocks, order = order[:take], order[take:]
            place = np.arange(counts[blocks[-1]])
            there = place < counts[blocks][:, None]
            entries = self.starts[blocks][:, None] + np.where(there, place, 0)
            found.append(Together(blocks, entries, there, self.columns[entries].astype(np.int64)))
        return found


def bordered_plan_of(rows: Index, columns: Index, size: int, groups: Sequence[slice]) -> BorderedPlan | None:
    """The plan of small blocks with a border; None where M has another shape, or its border stays sparse.

    Args:
        rows: rows of the entries of M, one of each pair (i, j) and (j, i); the diagonal among them.
        columns: their columns.
        size: columns of M.
        groups: columns that are taken into blocks together or not at all: those of one term.

    Example:
        >>> i, j = np.r_[np.arange(11), np.full(10, 10)], np.r_[np.arange(11), np.arange(10)]
        >>> plan = bordered_plan_of(i, j, 11, [slice(0, 10), slice(10, 11)])
        >>> plan.pivots.T.tolist(), plan.border.tolist()
        ([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]], [10])
    """
    block = _blocks(rows, columns, size, groups)
    inside = block >= 0
    border = np.flatnonzero(~inside)
    if len(border) > min(WIDE, WIDER * (size - len(border))):
        return None
    place = np.cumsum(~inside) - 1
    one, other = inside[rows], inside[columns]
    side = np.flatnonzero(one != other)
    within = np.where(one[side], rows[side], columns[side])
    beyond = place[np.where(one[side], columns[side], rows[side])]
    count, q = int(block.max()) + 1, len(border)
    keys, at = distinct(block[within] * q + beyond)
    starts = np.searchsorted(keys, np.arange(count + 1) * q)
    met = (keys % q).astype(np.int32)
    in_border = np.flatnonzero(~one & ~other)
    if q > NARROW and _share(starts, met, q, len(in_border)) < FILLED:
        return None
    pivots, local = _pivots(block, size)
    s = pivots.shape[1]
    in_blocks = np.flatnonzero(one & other)
    i, j = _sorted(local[rows[in_blocks]], local[columns[in_blocks]])
    k, m = _sorted(place[rows[in_border]], place[columns[in_border]])
    empty = np.flatnonzero(pivots.ravel() == size)
    return BorderedPlan(
        size,
        pivots,
        border,
        starts,
        met,
        (in_blocks, block[rows[in_blocks]] * s * s + i * s + j),
        empty // s * s * s + empty % s * (s + 1),
        (side, local[within] * len(met) + at),
        (in_border, k * q + m),
    )


def _blocks(rows: Index, columns: Index, size: int, groups: Sequence[slice]) -> Index:
    """The block of every column, -1 for those of the border: the largest groups that leave blocks small."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    inside = np.zeros(size, dtype=np.bool_)
    block = np.full(size, -1)
    off = np.flatnonzero(rows != columns)
    i, j = rows[off], columns[off]
    for group in sorted(groups, key=lambda group: group.start - group.stop):
        wider = inside.copy()
        wider[group] = True
        both = wider[i] & wider[j]
        tied = coo_array((both[both], (i[both], j[both])), shape=(size, size))
        _, found = connected_components(tied, directed=False)
        if int(np.bincount(found).max()) <= BLOCK:
            inside = wider
            block = np.where(inside, found, -1)
    # Blocks are counted in the order of their first columns.
    numbers = np.full(size, -1)
    numbers[inside] = distinct(block[inside])[1]
    return numbers


def _pivots(block: Index, size: int) -> tuple[Index, Index]:
    """The columns of each block, (m, s), and the place of every column in its block."""
    order = np.argsort(block, kind="stable")
    order = order[np.searchsorted(block[order], 0) :]
    counts = np.bincount(block[order])
    local = np.zeros(size, dtype=np.int64)
    local[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    pivots = np.full((len(counts), int(counts.max())), size)
    pivots[block[order], local[order]] = order
    return pivots, local


def _share(starts: Index, columns: NDArray[np.int32], q: int, own: int) -> float:
    """The share of entries of B - C'A^-1 C that are not zero, by some of its columns.

    Args:
        starts: where each block begins among the entries of C.
        columns: their columns.
        q: columns of the border.
        own: entries of B, its lower triangle.
    """
    from scipy.sparse import csr_array

    met = csr_array((np.ones(len(columns), dtype=np.float32), columns, starts), shape=(len(starts) - 1, q))
    some = np.unique(np.linspace(0, q - 1, SAMPLE).astype(np.int64))
    filled = int((met.tocsc()[:, some].T @ met).nnz)
    return max(filled / (len(some) * q), 2.0 * own / q**2)


def _sorted(i: Index, j: Index) -> tuple[Index, Index]:
    """The larger and the smaller of each pair."""
    return np.maximum(i, j), np.minimum(i, j)
