r"""The layout of sparse mixed-model equations: where M has entries, and sums over rows, taken once.

.. math:: M = \operatorname{diag}(K_t^{-1}) + D^{1/2}WD^{1/2}, \qquad W = Z'R_0^{-1}Z

The places of the entries do not depend on parameters. X is an orthonormal basis of the columns of the fixed
effects, and y what they leave of it, so that nothing is lost in differences of large sums.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.sparse.choice import terms_of
from covstudio.reml.engines.sparse.elimination import Elimination, elimination_of
from covstudio.reml.engines.sparse.levels import Closure, Levels, key_of
from covstudio.reml.engines.sparse.places import SymmetricPlaces, distinct
from covstudio.reml.engines.sparse.terms import SparseTerm
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.design_rows import SparseRows
from covstudio.reml.terms.variance import Variance, once

__all__ = ["Layout", "Pattern", "pattern_of"]

Index = NDArray[np.int64]


class Pattern:
    """Where M has entries: its lower triangle, and which of them belong to what.

    Attributes:
        terms: the terms of random effects.
        spans: their columns of M.
        size: number of effects.
        rows: rows of the entries of M.
        columns: their columns.
        levels: the columns of M by levels of the terms.
        closure: the entries by pairs of levels; None where no level has several members.
        prior: the entries at which the K^-1 of all terms stand, one after the other.
        between: for terms of k members a level, the entries between these at the places of K^-1, both of its
            triangles, (k, k, e), and which entry of K^-1 stands there, (e,); None for the others.
        places: all entries as those of symmetric matrices.
        prior_places: likewise, those of `prior`.
        plan: how M is factored.
    """

    def __init__(self, terms: Sequence[SparseTerm]) -> None:
        self.terms = list(terms)
        self.levels = levels = Levels(terms)
        self.spans, self.size = levels.spans, levels.size
        every = [
            levels.mirrored(number, term.level_rows.numpy(), term.level_columns.numpy())
            for number, term in enumerate(terms)
        ]
        # The lower triangle of K^-1 comes first; members of a level are independent under it.
        prior = np.concatenate(
            [
                places[a, a, : len(term.level_rows)]
                for term, (places, _) in zip(terms, every, strict=True)
                for a in range(term.members)
            ]
        )
        pairs = [_distinct(i, j, self.size) for i, j, _ in self._pairs()]
        keys, at = distinct(np.concatenate([prior, *(found for found, _ in pairs)]))
        self.closure: Closure | None = None
        if levels.mixed:
            self.closure = levels.closure(keys)
            at, keys = np.searchsorted(self.closure.keys, keys)[at], self.closure.keys
        at, *places = np.split(at, np.cumsum([len(prior), *(len(found) for found, _ in pairs)])[:-1])
        self.prior = torch.from_numpy(at)
        self._at = [torch.from_numpy(own[which]) for own, (_, which) in zip(places, pairs, strict=True)]
        self.between = [
            None
            if term.members == 1
            else (torch.from_numpy(np.searchsorted(keys, own)), torch.from_numpy(which))
            for term, (own, which) in zip(terms, every, strict=True)
        ]
        rows, columns = keys // self.size, keys % self.size
        self.rows, self.columns = torch.from_numpy(rows), torch.from_numpy(columns)
        self.off = torch.from_numpy(rows != columns)
        self.places = SymmetricPlaces(rows, columns, self.size)
        self.prior_places = SymmetricPlaces(rows[at], columns[at], self.size)
        self.plan: Elimination = elimination_of(rows, columns, self.size, self.spans)

    def _pairs(self) -> list[tuple[Index, Index, Tensor | None]]:
        """For every pair of entries in a row of Z: their columns, and their product (None: 1)."""
        parts: list[tuple[Index, Tensor | None]] = []
        for term, span in zip(self.terms, self.spans, strict=True):
            z = term.piece.z
            assert isinstance(z, SparseRows)
            for a in range(z.width):
                own = None if z.values is None else z.values[:, a]
                parts.append((z.codes[:, a].numpy() + span.start, own))
        found = []
        for a, (i, one) in enumerate(parts):
            for j, two in parts[a:]:
                product = two if one is None else one if two is None else one * two
                found.append((i, j, product))
        return found

    def products(self, weights: Tensor) -> Tensor:
        """W = Z'diag(weights)Z at the entries of M."""
        out = torch.zeros(len(self.rows), dtype=torch.float64)
        which = iter(self._at)
        pairs = self._pairs()
        count = sum(term.piece.z.width for term in self.terms if isinstance(term.piece.z, SparseRows))
        own = {a * count - a * (a - 1) // 2 for a in range(count)}
        for number, ((i, j, product), at) in enumerate(zip(pairs, which, strict=True)):
            values = weights if product is None else weights * product
            if number not in own:
                # Two entries of a row that stand in one column count for both orders of them.
                values = torch.where(torch.from_numpy(i == j), 2.0 * values, values)
            out.index_add_(0, at, values)
        return out

    def within(self, number: int) -> Tensor:
        """The entries between the members of every level of a term, (k, k, m)."""
        mixed = self.between[number]
        assert mixed is not None
        # K^-1 has its whole diagonal, in any order.
        places, which = mixed
        rows, columns = self.terms[number].level_rows, self.terms[number].level_columns
        on = torch.nonzero(rows[which] == columns[which]).reshape(-1)
        return places[:, :, on[torch.argsort(rows[which[on]])]]

    def congruent(self, values: Tensor, mixes: Sequence[Tensor | None]) -> Tensor:
        """U'WU at the entries of M, U mixing the members of levels."""
        return values if self.closure is None else self.closure.congruent(values, mixes)


@once
def pattern_of(variance: Variance) -> Pattern:
    """Where the equations of V have entries."""
    return Pattern([term for term in terms_of(variance) if term is not None])


def _distinct(i: Index, j: Index, size: int) -> tuple[Index, Index]:
    """The different places among some, ascending, and which of them each is."""
    if i is j:
        there = np.bincount(i, minlength=size) > 0
        return np.flatnonzero(there) * (size + 1), (np.cumsum(there) - 1)[i]
    return distinct(key_of(i, j, size))


class Layout:
    """The data, as the equations see them.

    Args:
        problem: y and X.
        pattern: where M has entries.
        weights: the diagonal of R_0^-1.

    Attributes:
        x: an orthonormal basis of X, (n, p).
        y: what it leaves of y, (n,).
        weights: the diagonal of R_0^-1.
        w: W at the entries of M.
        information: W.
        zx: Z'R_0^-1[X, y], (q, p + 1).
        xx: [X, y]'R_0^-1[X, y], (p + 1, p + 1).
    """

    def __init__(self, problem: Problem, pattern: Pattern, weights: Tensor) -> None:
        self.pattern = pattern
        self.x = problem.basis.cpu()
        self.y = problem.remainder.cpu()
        self.weights = weights
        self.w = pattern.products(weights)
        self.information = pattern.places.matrix(self.w)
        xy = torch.cat([self.x, self.y.unsqueeze(1)], dim=1)
        weighted = weights[:, None] * xy
        self.zx = self.transposed(weighted)
        self.xx = xy.mT @ weighted

    def transposed(self, b: Tensor) -> Tensor:
        """Z'b, (q, k)."""
        return torch.cat([term.piece.z.transposed(b) for term in self.pattern.terms])

    def multiplied(self, u: Tensor) -> Tensor:
        """Z u, (n, k)."""
        total = self.x.new_zeros((len(self.x), u.shape[1]))
        for term, span in zip(self.pattern.terms, self.pattern.spans, strict=True):
            total += term.piece.z.multiply(u[span])
        return total
