r"""The entries of a sparse factor, and a good order to take it in: found once for a pattern.

A symmetric positive definite M is factored in an order that keeps its factor L sparse. Neighbouring columns
of L with the same entries below them make a *front*: s pivots and r rows below, which lie among the pivots
and rows of its parent in the elimination tree. Small fronts are merged with their parents where that adds few
zeros, as a few larger matrices are worked through faster than many small ones.

Sources: Liu (1990), SIAM J. Matrix Anal. Appl. 11:134 (elimination trees); Ashcraft & Grimes (1989), ACM
Trans. Math. Software 15:291 (merging); Liu (1985), ACM Trans. Math. Software 11:141 (the order: minimum
degree).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Front", "fill_reducing", "fronts_of"]

Index = NDArray[np.int64]

#: A child of at most so many pivots (with its parent's) is merged where at most this share of the result is
#: zeros.
MERGED = ((8, 0.7), (24, 0.35), (64, 0.15), (1 << 60, 0.05))


@dataclass(eq=False)
class Front:
    """Columns of L with the same entries below them.

    Attributes:
        pivots: their columns of M, in the order of elimination.
        below: the other columns that they meet, in the order of elimination.
        parent: the front that has the first of `below` among its pivots; -1 for a root.
        level: 0 for a leaf of the tree, else one more than the highest child.
    """

    pivots: Index
    below: Index
    parent: int = -1
    level: int = 0

    @property
    def size(self) -> int:
        """Rows of the front."""
        return len(self.pivots) + len(self.below)


def fill_reducing(rows: Index, columns: Index, size: int) -> Index:
    """An order of elimination: the place of every column.

    Args:
        rows: rows of the entries of M, both triangles and the diagonal.
        columns: their columns.
        size: rows of M.
    """
    from scipy.sparse import csc_matrix
    from scipy.sparse.linalg import spilu

    # Diagonally dominant numbers: only where they stand matters. What the incomplete factor drops, the order
    # keeps in mind: it is found from the pattern, before any number is looked at.
    values = np.where(rows == columns, float(size), -0.5)
    matrix = csc_matrix((values, (rows, columns)), shape=(size, size))
    found = spilu(
        matrix,
        drop_tol=0.5,
        fill_factor=1.0,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return np.asarray(found.perm_c, dtype=np.int64)


def fronts_of(rows: Index, columns: Index, size: int, place: Index) -> list[Front]:
    """The fronts of the factor, children before their parents.

    Args:
        rows: rows of the entries of M, both triangles and the diagonal.
        columns: their columns.
        size: rows of M.
        place: an order of elimination.

    Example:
        >>> i, j = np.array([0, 1, 2, 0, 2, 1, 2]), np.array([0, 1, 2, 2, 0, 2, 1])
        >>> [(f.pivots.tolist(), f.below.tolist()) for f in fronts_of(i, j, 3, np.arange(3))]
        [([0, 1, 2], [])]
    """
    below = _below(place[rows], place[columns], size)
    parents, order = _tree(below, size)
    # Numbers again, in an order that follows the tree: children stand just before their parent.
    new = np.empty(size, dtype=np.int64)
    new[order] = np.arange(size)
    place = new[place]
    below = _below(place[rows], place[columns], size)
    parent = np.where(parents[order] < 0, -1, new[parents[order]]).tolist()
    merged = _merged(_columns_together(below, parent))
    original = np.argsort(place)
    return _numbered(merged, original, size)


def _below(rows: Index, columns: Index, size: int) -> list[Index]:
    """The rows of the entries below the diagonal, by columns, ascending."""
    lower = rows > columns
    rows, columns = rows[lower], columns[lower]
    order = np.lexsort((rows, columns))
    starts = np.searchsorted(columns[order], np.arange(1, size))
    return np.split(rows[order], starts)


def _tree(below: list[Index], size: int) -> tuple[Index, Index]:
    """The elimination tree (the parent of every column, -1 for a root), and a postorder of it."""
    above: list[list[int]] = [[] for _ in range(size)]
    for column, found in enumerate(below):
        for row in found.tolist():
            above[row].append(column)
    parent = [-1] * size
    ancestor = [-1] * size
    for row in range(size):
        for column in above[row]:
            at = column
            while at != -1 and at < row:
                following, ancestor[at] = ancestor[at], row
                if following == -1:
                    parent[at] = row
                at = following
    children: list[list[int]] = [[] for _ in range(size)]
    roots: list[int] = []
    for column in range(size):
        (roots if parent[column] < 0 else children[parent[column]]).append(column)
    order: list[int] = []
    stack = roots[::-1]
    while stack:
        at = stack.pop()
        if at < 0:
            order.append(~at)
            continue
        stack.append(~at)
        stack.extend(children[at][::-1])
    return np.array(parent, dtype=np.int64), np.array(order, dtype=np.int64)


@dataclass(eq=False)
class _Group:
    """Pivots and the columns below them, numbered by the order of elimination."""

    pivots: list[int]
    below: Index
    children: list[int]
    zeros: float = 0.0


def _columns_together(below: list[Index], parent: list[int]) -> list[_Group]:
    """Columns with the same entries below them, one group each, children before parents."""
    size = len(below)
    groups: list[_Group] = []
    owner = [-1] * size
    waiting: list[list[int]] = [[] for _ in range(size)]
    structure: list[Index | None] = [None] * size
    for column in range(size):
        own = waiting[column]
        parts = [below[column]]
        for child in own:
            found = structure[child]
            assert found is not None
            parts.append(found[1:])
        mine = parts[0]
        if len(own) == 1 and not len(mine):
            mine = parts[1]
        elif own:
            mine = np.unique(np.concatenate(parts))
        last = own[-1] if own else -1
        before = structure[last] if last >= 0 else None
        if before is not None and last == column - 1 and len(before) == len(mine) + 1:
            group = owner[last]
            groups[group].pivots.append(column)
            groups[group].below = mine
            groups[group].children += [owner[child] for child in own[:-1]]
        else:
            group = len(groups)
            groups.append(_Group([column], mine, [owner[child] for child in own]))
        for child in own:
            structure[child] = None
        owner[column] = group
        structure[column] = mine
        if parent[column] >= 0:
            waiting[parent[column]].append(column)
    return groups


def _merged(groups: list[_Group]) -> list[_Group]:
    """Groups merged into their parents where that adds few zeros; those that are gone have no pivots left."""
    for group in groups:
        kept: list[int] = []
        # Largest first: they have the most in common with their parent.
        for child in sorted(group.children, key=lambda c: -len(groups[c].below)):
            other = groups[child]
            s, r = len(other.pivots) + len(group.pivots), len(group.below)
            zeros = other.zeros + group.zeros
            zeros += len(other.pivots) * float(len(group.pivots) + r - len(other.below))
            share = next(share for most, share in MERGED if s <= most)
            if zeros <= share * (0.5 * s * (s + 1) + s * r):
                group.pivots = other.pivots + group.pivots
                group.zeros = zeros
                kept += other.children
                other.pivots = []
            else:
                kept.append(child)
        group.children = kept
    return groups


def _numbered(groups: list[_Group], original: Index, size: int) -> list[Front]:
    """Fronts with the columns of M, whose order of elimination is that of the fronts."""
    left = [k for k, group in enumerate(groups) if group.pivots]
    number = {k: i for i, k in enumerate(left)}
    rank = np.empty(size, dtype=np.int64)
    owner = np.empty(size, dtype=np.int64)
    start = 0
    fronts: list[Front] = []
    for i, k in enumerate(left):
        pivots = np.array(groups[k].pivots, dtype=np.int64)
        rank[pivots] = np.arange(start, start + len(pivots))
        owner[pivots] = i
        start += len(pivots)
        level = max((fronts[number[child]].level + 1 for child in groups[k].children), default=0)
        fronts.append(Front(pivots, groups[k].below, -1, level))
    for front in fronts:
        order = np.argsort(rank[front.below])
        front.below = front.below[order]
        if len(front.below):
            front.parent = int(owner[front.below[0]])
        front.pivots, front.below = original[front.pivots], original[front.below]
    return fronts
