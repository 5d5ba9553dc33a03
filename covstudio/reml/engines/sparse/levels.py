"""The levels of terms, whose members all meet where one of them does, and products by levels.

The entries of M are made to stand by whole levels: where one coefficient of a level has an entry with one of
another, all of both have. Z U in the place of Z, U mixing the members of a level, then leaves all entries
where they are, and what traces need of M^-1 stands at entries of M.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.sparse.coefficients import among_members
from covstudio.reml.engines.sparse.places import distinct
from covstudio.reml.engines.sparse.terms import SparseTerm

__all__ = ["Closure", "Levels", "key_of"]

Index = NDArray[np.int64]


def key_of(i: Index, j: Index, size: int) -> Index:
    """One number for a place and its mirror image."""
    return np.asarray(np.maximum(i, j) * size + np.minimum(i, j))


class Levels:
    """The columns of M, by levels of terms and their members.

    Args:
        terms: the terms.

    Attributes:
        spans: their columns of M.
        size: columns of M.
        mixed: whether any level has more than one member.
    """

    def __init__(self, terms: Sequence[SparseTerm]) -> None:
        starts = np.cumsum([0, *(term.piece.columns for term in terms)]).tolist()
        self.spans = [slice(start, stop) for start, stop in pairwise(starts)]
        self.size: int = starts[-1]
        self._members = [term.members for term in terms]
        self._outer = [term.outer for term in terms]
        self._counts = [term.piece.columns // term.members for term in terms]
        self._starts = np.cumsum([0, *self._counts])
        self.mixed = any(k > 1 for k in self._members)

    def columns(self, term: int, level: Index) -> Index:
        """The columns of the members of some levels of a term, (k, ...)."""
        k, start = self._members[term], self.spans[term].start
        member = np.arange(k).reshape(-1, *[1] * level.ndim)
        if self._outer[term]:
            return np.asarray(start + level * k + member)
        return np.asarray(start + member * self._counts[term] + level)

    def _of_columns(self) -> Index:
        """The level of every column, counted over all terms."""
        parts = []
        for term, span in enumerate(self.spans):
            own = np.arange(span.stop - span.start)
            own = own // self._members[term] if self._outer[term] else own % self._counts[term]
            parts.append(self._starts[term] + own)
        return np.concatenate(parts)

    def closure(self, keys: Index) -> Closure:
        """All places between levels that have one of these, by the terms of the levels."""
        of, count = self._of_columns(), int(self._starts[-1])
        found = distinct(key_of(of[keys // self.size], of[keys % self.size], count))[0]
        high, low = found // count, found % count
        which = np.searchsorted(self._starts, high, side="right") - 1
        other = np.searchsorted(self._starts, low, side="right") - 1
        pairs, parts = [], []
        for a in range(len(self.spans)):
            for b in range(a + 1):
                both = np.flatnonzero((which == a) & (other == b))
                rows = self.columns(a, high[both] - self._starts[a])
                columns = self.columns(b, low[both] - self._starts[b])
                pairs.append((a, b))
                parts.append(key_of(rows[:, None], columns[None, :], self.size))
        closed, at = distinct(np.concatenate([part.reshape(-1) for part in parts]))
        ends = np.cumsum([part.size for part in parts])[:-1]
        places = [own.reshape(part.shape) for own, part in zip(np.split(at, ends), parts, strict=True)]
        return Closure(
            closed, [(a, b, torch.from_numpy(own)) for (a, b), own in zip(pairs, places, strict=True)]
        )

    def mirrored(self, term: int, rows: Index, columns: Index) -> tuple[Index, Index]:
        """The places of a term's members at some places of its levels, both triangles, and which of these.

        Args:
            term: which.
            rows: rows of K^-1, its lower triangle.
            columns: its columns.

        Returns:
            Keys, (k, k, e), and which of the places of K^-1 each belongs to, (e,).
        """
        off = np.flatnonzero(rows != columns)
        which = np.concatenate([np.arange(len(rows)), off])
        i = self.columns(term, np.concatenate([rows, columns[off]]))
        j = self.columns(term, np.concatenate([columns, rows[off]]))
        return key_of(i[:, None], j[None, :], self.size), which

    def mixed_by(self, mixes: Sequence[Tensor | None], b: Tensor) -> Tensor:
        """The members of every level mixed, A b; b itself where no term has an A.

        Args:
            mixes: for each term A, (k, k), or None for the identity.
            b: (q, c).
        """
        if not any(mix is not None for mix in mixes):
            return b
        return torch.cat([self.of_term(term, mixes, b[span]) for term, span in enumerate(self.spans)])

    def of_term(self, term: int, mixes: Sequence[Tensor | None], b: Tensor) -> Tensor:
        """The same for the effects of one term, (q, c)."""
        mix = mixes[term]
        return b if mix is None else among_members(mix, b, self._outer[term])

    def by_members(self, term: int, b: Tensor) -> Tensor:
        """What stands by the effects of a term, by members and then levels: (k, m, ...) of (k m, ...)."""
        k, m = self._members[term], self._counts[term]
        if self._outer[term]:
            return b.reshape(m, k, *b.shape[1:]).transpose(0, 1)
        return b.reshape(k, m, *b.shape[1:])

    def in_place(self, term: int, b: Tensor) -> Tensor:
        """The other way round, (k m,) of (k, m)."""
        return (b.mT if self._outer[term] else b).reshape(-1)

    def over_levels(self, term: int, b: Tensor) -> Tensor:
        """What is told of the members of a term, (k,), for every effect, (k m,)."""
        return self.in_place(term, b[:, None].expand(-1, self._counts[term]))


class Closure:
    """Places that stand by whole levels.

    Args:
        keys: they, ascending.
        pairs: for two terms the places of their pairs of levels among them, (k, k', pairs of levels).
    """

    def __init__(self, keys: Index, pairs: Sequence[tuple[int, int, Tensor]]) -> None:
        self.keys = keys
        self._pairs = list(pairs)

    def congruent(self, values: Tensor, mixes: Sequence[Tensor | None]) -> Tensor:
        """U'WU at the places, for W at the places and U that mixes the members of every level.

        Args:
            values: W.
            mixes: U of every term, (k, k); None for the identity.
        """
        out = values.clone()
        for a, b, places in self._pairs:
            one, other = mixes[a], mixes[b]
            if (one is None and other is None) or not places.numel():
                continue
            block = values.index_select(0, places.reshape(-1)).view(places.shape)
            if one is not None:
                block = (one.mT @ block.reshape(len(one), -1)).view(places.shape)
            if other is not None:
                block = other.mT @ block
            out.index_copy_(0, places.reshape(-1), block.reshape(-1))
        return out
