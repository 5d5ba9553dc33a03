r"""The plan of a sparse factor: fronts of one size and level together, large ones one by one.

Small fronts of a level of the elimination tree that have about the same size, filled up with a diagonal of 1
and zeros, are one batch of dense matrices; what they pass on to their parents is one gather and one sum. A
pedigree of 10 000 animals takes some hundred such steps. Large fronts, where most of the arithmetic is, are
dense matrices of their own.

Sources: Duff & Reid (1983), ACM Trans. Math. Software 9:302 (the multifrontal method).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.sparse.symbolic import Front, fill_reducing, fronts_of

__all__ = ["Link", "Plan", "Step", "plan_of"]

Index = NDArray[np.int64]

#: Fronts of more rows are worked on one by one.
LARGE = 64
#: Sizes that smaller fronts are filled up to.
SIZES = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


@dataclass(frozen=True, eq=False)
class Link:
    """A large front that passes on to this step.

    Attributes:
        child: its step.
        start: where the front of its parent begins in the pool; 0 when that is a large one.
        places: its rows below, as rows of the front of its parent.
    """

    child: int
    start: int
    places: Tensor


@dataclass(eq=False)
class Step:
    """Fronts that are worked on together.

    Attributes:
        count: how many.
        s: pivots of each.
        r: rows below.
        start: where the first begins in the pool of small fronts; -1 for a large one.
        pivots: their columns of M, (count, s); the number of columns where filled up.
        below: the columns below, (count, r), likewise.
        taken: places of children's entries in the pool.
        put: where they are added: in the pool, or in a large front.
        links: its large children.
        entries: for a large front, which entries of M it has.
        places: and where they stand in it.
    """

    count: int
    s: int
    r: int
    start: int
    pivots: Tensor
    below: Tensor
    taken: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    put: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    links: list[Link] = field(default_factory=list)
    entries: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    places: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))

    @property
    def size(self) -> int:
        """Rows of each front."""
        return self.s + self.r

    @property
    def large(self) -> bool:
        """Whether it is one large front."""
        return self.start < 0

    @property
    def stop(self) -> int:
        """Where the next step's fronts begin in the pool."""
        return self.start + self.count * self.size * self.size


@dataclass(eq=False)
class Plan:
    """The steps of a factor, children before parents.

    Attributes:
        size: columns of M.
        steps: the steps.
        pool: entries of all small fronts.
        entries: which entries of M small fronts have.
        places: where they stand in the pool.
        ones: places of the diagonals that fill up fronts.
        diagonal: places of all diagonals of pivots in the pool.
        largest: rows of the largest front.
    """

    size: int
    steps: list[Step]
    pool: int
    entries: Tensor
    places: Tensor
    ones: Tensor
    diagonal: Tensor
    largest: int

    @property
    def nonzeros(self) -> int:
        """Entries of L, zeros that fill up fronts included."""
        return sum(step.count * (step.s * (step.s + 1) // 2 + step.s * step.r) for step in self.steps)

    @property
    def seconds(self) -> float:
        """Time of a factor and its selected inverse, about."""
        work = sum(step.count * float(step.s) * step.size * step.size for step in self.steps)
        passed = sum(len(step.taken) for step in self.steps)
        return 1e-4 * len(self.steps) + 1.5e-10 * work + 1e-8 * (passed + 4.0 * self.pool)

    @property
    def order(self) -> int:
        """Rows of a dense matrix that is as well done on one thread as these: small ones, mostly."""
        return self.largest // 4

    @property
    def memory(self) -> float:
        """Bytes of the plan, the factor and the selected inverse at their peak, about."""
        large = sum(3.0 * step.size**2 for step in self.steps if step.large)
        passed = sum(len(step.taken) for step in self.steps)
        return 8.0 * (3.0 * self.pool + large + 3.0 * passed + 4.0 * len(self.entries))


def plan_of(rows: Index, columns: Index, size: int) -> Plan:
    """How a symmetric positive definite matrix with these entries is factored.

    Args:
        rows: rows of its entries, one of each pair (i, j) and (j, i); the diagonal among them.
        columns: their columns.
        size: rows of the matrix.
    """
    off = rows != columns
    both = np.concatenate([rows, columns[off]]), np.concatenate([columns, rows[off]])
    fronts = fronts_of(*both, size, fill_reducing(*both, size))
    return _Planning(fronts, size).plan(rows, columns)


class _Planning:
    """Lays fronts out in steps."""

    def __init__(self, fronts: list[Front], size: int) -> None:
        self.fronts = fronts
        self.size = size
        self.rank = np.empty(size, dtype=np.int64)
        self.owner = np.empty(size, dtype=np.int64)
        self.rank[np.concatenate([front.pivots for front in fronts])] = np.arange(size)
        counts = [len(front.pivots) for front in fronts]
        self.owner[np.concatenate([front.pivots for front in fronts])] = np.repeat(
            np.arange(len(fronts)), counts
        )
        #: Columns of all fronts, ascending by front and by the order of elimination.
        self.starts = np.cumsum([0, *(front.size for front in fronts)])
        self.keys = np.concatenate(
            [
                k * size + self.rank[np.concatenate([front.pivots, front.below])]
                for k, front in enumerate(fronts)
            ]
        )
        self.s = np.zeros(len(fronts), dtype=np.int64)
        self.r = np.zeros(len(fronts), dtype=np.int64)
        self.base = np.zeros(len(fronts), dtype=np.int64)
        self.step_of = np.zeros(len(fronts), dtype=np.int64)
        self.own = np.array(counts, dtype=np.int64)
        self.steps: list[Step] = []
        self.pool = 0

    def plan(self, rows: Index, columns: Index) -> Plan:
        self._lay_out()
        self._link()
        swap = self.rank[rows] < self.rank[columns]
        low, high = np.where(swap, rows, columns), np.where(swap, columns, rows)
        front = self.owner[low]
        place = self._place(front, high) * (self.s + self.r)[front] + self._place(front, low)
        small = self.base[front] >= 0
        every = np.arange(len(rows))
        for number, step in enumerate(self.steps):
            if step.large:
                step.entries = _tensor(every[self.step_of[front] == number])
                step.places = _tensor(place[self.step_of[front] == number])
        diagonal = [_diagonals(step) for step in self.steps if not step.large]
        filled = np.concatenate(
            [np.zeros(0, dtype=np.int64), *(at[step] for at, step in self._filled(diagonal))]
        )
        return Plan(
            self.size,
            self.steps,
            self.pool,
            _tensor(every[small]),
            _tensor((self.base[front] + place)[small]),
            _tensor(filled),
            _tensor(np.concatenate([np.zeros(0, dtype=np.int64), *(at.reshape(-1) for at in diagonal)])),
            max(step.size for step in self.steps),
        )

    def _filled(self, diagonal: list[Index]) -> Iterable[tuple[Index, NDArray[np.bool_]]]:
        small = [step for step in self.steps if not step.large]
        return ((at, step.pivots.numpy() == self.size) for at, step in zip(diagonal, small, strict=True))

    def _place(self, front: Index, column: Index) -> Index:
        """Rows of fronts, filled up, at which these columns stand."""
        at = np.searchsorted(self.keys, front * self.size + self.rank[column]) - self.starts[front]
        return np.asarray(np.where(at < self.own[front], at, at - self.own[front] + self.s[front]))

    def _lay_out(self) -> None:
        together: dict[tuple[int, int, int, int], list[int]] = {}
        for k, front in enumerate(self.fronts):
            s, r = len(front.pivots), len(front.below)
            if front.size > LARGE:
                together[front.level, s, r, k] = [k]
            else:
                s, r = SIZES[bisect_left(SIZES, s)], SIZES[bisect_left(SIZES, r)]
                together.setdefault((front.level, s, r, -1), []).append(k)
        for (_, s, r, single), members in sorted(together.items()):
            pivots = np.full((len(members), s), self.size)
            below = np.full((len(members), r), self.size)
            for i, k in enumerate(members):
                pivots[i, : self.own[k]] = self.fronts[k].pivots
                below[i, : len(self.fronts[k].below)] = self.fronts[k].below
            start = self.pool if single < 0 else -1
            self.s[members], self.r[members], self.step_of[members] = s, r, len(self.steps)
            area = (s + r) * (s + r)
            self.base[members] = start + np.arange(len(members)) * area if single < 0 else -1
            self.steps.append(Step(len(members), s, r, start, _tensor(pivots), _tensor(below)))
            self.pool = self.pool if single >= 0 else self.pool + len(members) * area

    def _link(self) -> None:
        """What every step takes from its children."""
        taken: list[list[Index]] = [[] for _ in self.steps]
        put: list[list[Index]] = [[] for _ in self.steps]
        triangles: dict[int, tuple[Index, Index]] = {}
        for k, front in enumerate(self.fronts):
            if front.parent < 0:
                continue
            parent = front.parent
            places = self._place(np.full(len(front.below), parent), front.below)
            into = int(self.step_of[parent])
            start = max(int(self.base[parent]), 0)
            if self.base[k] < 0:
                self.steps[into].links.append(Link(int(self.step_of[k]), start, _tensor(places)))
                continue
            r = len(front.below)
            if r not in triangles:
                triangles[r] = np.tril_indices(r)
            i, j = triangles[r]
            size, own = int(self.s[parent] + self.r[parent]), int(self.s[k] + self.r[k])
            put[into].append(start + places[i] * size + places[j])
            taken[into].append(self.base[k] + (self.s[k] + i) * own + self.s[k] + j)
        for number, step in enumerate(self.steps):
            if taken[number]:
                step.taken = _tensor(np.concatenate(taken[number]))
                step.put = _tensor(np.concatenate(put[number]))


def _diagonals(step: Step) -> Index:
    """Places in the pool of the diagonals of the pivots, (count, s)."""
    first = step.start + np.arange(step.count) * step.size * step.size
    return np.asarray(first[:, None] + np.arange(step.s) * (step.size + 1))


def _tensor(values: Index) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.int64))
