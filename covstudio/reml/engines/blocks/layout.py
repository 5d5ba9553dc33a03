r"""The blocks of rows that a V falls apart into, and which of them have the same covariance.

Rows that share a group of some term are in one block. Two rows are of one type when all terms treat them
alike within their blocks (the same time, the same covariates of the same effects); blocks with rows of the
same types have the same covariance for every theta, so that it is factored once: with balanced repeated
measures once for all subjects, with missing times once for every pattern of times.

Where all types together are hardly more than the rows of a block, all blocks are laid out on one common
sheet of types, missing rows left empty; the derivatives of V are then those of the sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.blocks.terms import BlockTerm
from covstudio.reml.problem.errors import SINGULAR
from covstudio.reml.terms.kinds import mine
from covstudio.reml.terms.partition import codes_of, joined, occurrences

__all__ = ["Batch", "BlockLayout", "Partition"]

Vector = NDArray[np.float64]

#: All blocks share one sheet while it is at most so many times the size of the blocks themselves.
PADDING = 3.0


class Partition:
    """The blocks of rows of a V.

    Args:
        n: rows of V.
        terms: its terms.
    """

    def __init__(self, n: int, terms: Sequence[BlockTerm]) -> None:
        self.n = n
        self.terms = tuple(terms)
        self.block = joined(n, [(term.rows, term.group) for term in terms if term.joins])
        self.sizes = torch.bincount(self.block)
        self.largest = int(self.sizes.max())
        #: The blocks in batches, once they have been sorted.
        self.laid: BlockLayout | None = None

    @property
    def cells(self) -> int:
        """Entries of all blocks."""
        return int((self.sizes**2).sum())


@dataclass(frozen=True, eq=False)
class Batch:
    """Blocks that are worked with side by side.

    Attributes:
        rows: their rows, (m, t); n where a place of the sheet is empty.
        kind: which of the different covariances each has, (m,).
        counts: blocks of each kind, (kinds,).
        types: the types of the rows of each kind, (kinds, t); (1, t) when all kinds are parts of one sheet.
        present: for parts of a sheet, (kinds, t), which types a kind has; None when it has all.
    """

    rows: Tensor
    kind: Tensor
    counts: Tensor
    types: Tensor
    present: Tensor | None

    @property
    def shared(self) -> bool:
        """Whether one sheet serves all kinds."""
        return len(self.types) == 1


class BlockLayout:
    """Blocks in batches, ready for factoring.

    Args:
        partition: the blocks.
        device: where to work.

    Example:
        >>> from covstudio.covariance import IdentityMatrix, KroneckerProduct, UnstructuredMatrix
        >>> from covstudio.reml.engines.blocks.terms import term_of
        >>> from covstudio.reml.terms.variance import Variance
        >>> v = Variance(KroneckerProduct(subject=IdentityMatrix(500), time=UnstructuredMatrix(10)))
        >>> term = term_of(v.pieces[0], np.ones(55))
        >>> layout = BlockLayout(Partition(v.n, [term]), torch.device("cpu"))
        >>> [(tuple(batch.rows.shape), len(batch.counts)) for batch in layout.batches]
        [((500, 10), 1)]
    """

    def __init__(self, partition: Partition, device: torch.device) -> None:
        self.n = partition.n
        self.terms = partition.terms
        self.device = device
        self._partition = partition
        block = partition.block
        labels = [self._labels(term, block) for term in self.terms]
        type_of = self._types(labels, block)
        example = torch.zeros(int(type_of.max()) + 1, dtype=torch.int64)
        example.scatter_(0, type_of, torch.arange(self.n))
        for term, label in zip(self.terms, labels, strict=True):
            term.take(example.to(device), label[example].to(device))
        self.types = len(example)
        self.batches = self._batches(type_of)

    @cached_property
    def block(self) -> Tensor:
        """The block of every row, (n,)."""
        return self._partition.block.to(self.device)

    @property
    def largest(self) -> int:
        """Rows of the largest block."""
        return self._partition.largest

    @cached_property
    def kinds(self) -> int:
        """Different blocks."""
        return sum(len(batch.counts) for batch in self.batches)

    def _labels(self, term: BlockTerm, block: Tensor) -> Tensor:
        """The group of every row as its block sees it: -1 outside the term.

        Where all groups are alike it is counted within the block.
        """
        label = torch.full((self.n,), -1)
        if not (term.alike and term.joins):
            label[term.rows] = term.group if term.joins else 0
            return label
        first = torch.full((int(term.group.max()) + 1,), self.n)
        first.scatter_reduce_(0, term.group, term.rows, "amin")
        used = torch.nonzero(first < self.n).reshape(-1)
        # Groups in the order of their first rows, within the blocks they belong to.
        order = used[torch.argsort(first[used])]
        number = torch.zeros_like(first)
        number[order] = occurrences(block[first[order]])
        label[term.rows] = number[term.group]
        return label

    def _types(self, labels: Sequence[Tensor], block: Tensor) -> Tensor:
        columns = []
        for term, label in zip(self.terms, labels, strict=True):
            columns += [label, *term.keys()]
        kind = codes_of(columns, self.n)
        # Rows of a block with the same type are told apart by their order.
        return codes_of([kind, occurrences(block * (int(kind.max()) + 1) + kind)], self.n)

    def _batches(self, type_of: Tensor) -> list[Batch]:
        block, sizes = self._partition.block, self._partition.sizes
        order = torch.argsort(block * self.types + type_of)
        starts = torch.cumsum(sizes, 0) - sizes
        batches = []
        for size in torch.unique(sizes).tolist():
            which = torch.nonzero(sizes == size).reshape(-1)
            rows = order[starts[which][:, None] + torch.arange(size)]
            pattern = type_of[rows]
            kind = codes_of(pattern.unbind(dim=1), len(pattern))
            batches.append((rows, kind, _examples(pattern, kind)))
        total = sum(types.numel() * types.shape[1] for _, _, types in batches)
        kinds = sum(len(types) for _, _, types in batches)
        if kinds * self.types**2 <= PADDING * total:
            return [self._sheet(batches)]
        return [
            Batch(
                rows.to(self.device),
                kind.to(self.device),
                torch.bincount(kind).to(self.device, torch.float64),
                types.to(self.device),
                None,
            )
            for rows, kind, types in batches
        ]

    def _sheet(self, batches: Sequence[tuple[Tensor, Tensor, Tensor]]) -> Batch:
        """All blocks on one sheet of all types."""
        rows, kinds, present = [], [], []
        start = 0
        for part, kind, types in batches:
            laid = torch.full((len(part), self.types), self.n)
            rows.append(laid.scatter_(1, types[kind], part))
            here = torch.zeros((len(types), self.types), dtype=torch.bool)
            present.append(here.scatter_(1, types, True))
            kinds.append(kind + start)
            start += len(types)
        kind, there = torch.cat(kinds), torch.cat(present)
        return Batch(
            torch.cat(rows).to(self.device),
            kind.to(self.device),
            torch.bincount(kind).to(self.device, torch.float64),
            torch.arange(self.types, device=self.device)[None],
            None if bool(there.all()) else there.to(self.device),
        )

    def values(self, batch: Batch, natural: Vector) -> Tensor:
        """The covariance of every kind of block, (kinds, t, t); 1 on the diagonal of empty places."""
        total = self.terms[0].values(natural, batch.types)
        for term in self.terms[1:]:
            total = total + term.values(natural, batch.types)
        if batch.present is None:
            return total.expand(len(batch.counts), -1, -1)
        here = batch.present
        both = here[:, :, None] & here[:, None, :]
        return torch.where(both, total, 0.0) + torch.diag_embed((~here).to(torch.float64))

    def slices(self, batch: Batch, natural: Vector, positions: Sequence[int]) -> Tensor:
        """The derivatives for parameters of V, (k, kinds, t, t), or (k, 1, t, t) on a sheet.

        The empty places of a sheet are not made empty.
        """
        shape = (*batch.types.shape, batch.types.shape[1])
        out = torch.zeros((len(positions), *shape), dtype=torch.float64, device=self.device)
        for term in self.terms:
            places, index = mine(term.piece.positions, positions)
            if not places:
                continue
            try:
                out[places] = term.slices(natural, index, batch.types)
            except SINGULAR:
                out[places] = torch.nan
        return out


def _examples(pattern: Tensor, kind: Tensor) -> Tensor:
    """The pattern of every kind."""
    example = torch.zeros(int(kind.max()) + 1, dtype=torch.int64)
    return pattern[example.scatter_(0, kind, torch.arange(len(kind)))]
