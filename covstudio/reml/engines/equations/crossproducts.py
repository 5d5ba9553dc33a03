r"""The cross-products of mixed-model equations: Z'R^-1 Z, Z'R^-1 X and X'R^-1 X, term by term.

Random effects stand in two parts. The largest term whose covariance falls apart into small blocks is
*absorbed*: its effects, in m groups of b, meet only within their group. All others make up the *dense* part
of q effects. X is an orthonormal basis of the columns of the fixed effects, and y what they leave of it, so
that nothing is lost in differences of large sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from covstudio.reml.engines.equations.residual import (
    BlockResidual,
    MarkovResidual,
    Residual,
    ResidualPoint,
    residual_of,
)
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.design_rows import DenseRows, Rows, SparseRows
from covstudio.reml.terms.kinds import RandomPiece
from covstudio.reml.terms.variance import Variance, once

__all__ = ["Crossproducts", "Layout", "layout_of", "split"]


@dataclass(frozen=True, eq=False)
class Crossproducts:
    """W'R^-1 W for W = [Z_1, Z_2, X, y]; Z_1 absorbed, Z_2 dense.

    Attributes:
        a11: Z_1'R^-1 Z_1 by groups, (m, b, b).
        a1f: Z_1'R^-1 [Z_2, X, y], (m, b, q + p + 1).
        aff: [Z_2, X, y]'R^-1 [Z_2, X, y], symmetric, (q + p + 1, q + p + 1).
    """

    a11: Tensor
    a1f: Tensor
    aff: Tensor

    @cached_property
    def flat(self) -> Tensor:
        """Z_1'R^-1 [Z_2, X, y], (m b, q + p + 1)."""
        return self.a1f.flatten(0, 1)

    @cached_property
    def a1w(self) -> Tensor:
        """Z_1'R^-1 [Z_2, X], (m, b, q + p)."""
        return self.a1f[:, :, :-1]

    @cached_property
    def a1y(self) -> Tensor:
        """Z_1'R^-1 y, (m, b, 1)."""
        return self.a1f[:, :, -1:]


@once
def split(variance: Variance) -> tuple[RandomPiece | None, list[RandomPiece]]:
    """The term to absorb, if any, and the others: the largest whose Z'R^-1 Z falls apart by groups."""
    residual = residual_of(variance)
    able = [piece for piece in variance.random if absorbable(piece, residual)]
    absorbed = max(able, key=lambda piece: piece.columns, default=None)
    return absorbed, [piece for piece in variance.random if piece is not absorbed]


def absorbable(piece: RandomPiece, residual: Residual | None) -> bool:
    """Whether the term's effects can be absorbed group by group."""
    if piece.family is None or not isinstance(piece.z, SparseRows) or piece.family.groups < 2:
        return False
    if not isinstance(residual, BlockResidual | MarkovResidual):
        return True
    # Rows that R ties together must belong to one group of effects.
    group, _ = piece.family.split(piece.z.codes)
    used = piece.z.weights() != 0.0
    high = torch.where(used, group, -1).amax(dim=1)
    low = torch.where(used, group, piece.family.groups).amin(dim=1)
    size = int(residual.group.max()) + 1
    most = high.new_full((size,), -1).scatter_reduce_(0, residual.group, high, "amax")
    least = low.new_full((size,), piece.family.groups).scatter_reduce_(0, residual.group, low, "amin")
    return bool((most <= least).all())


@dataclass(eq=False)
class Layout:
    """The parts of W, and how their products are taken.

    Attributes:
        absorbed: the absorbed term.
        dense: the other terms of random effects.
        z1: rows of Z_1, groups changing slowly.
        groups: m.
        members: b.
        starts: where each dense term begins among the q columns, and q.
        xy: [X, y], (n, p + 1).
        pattern: rows and columns of the entries of R^-1; None for the diagonal.
    """

    absorbed: RandomPiece | None
    dense: list[RandomPiece]
    z1: SparseRows | None
    groups: int
    members: int
    starts: list[int]
    xy: Tensor
    pattern: tuple[Tensor, Tensor] | None

    @cached_property
    def q(self) -> int:
        """Effects of the dense part."""
        return self.starts[-1]

    @cached_property
    def p(self) -> int:
        """Fixed effects."""
        return int(self.xy.shape[1]) - 1

    @cached_property
    def x(self) -> Tensor:
        """X, (n, p)."""
        return self.xy[:, :-1]

    @cached_property
    def y(self) -> Tensor:
        """y, (n, 1)."""
        return self.xy[:, -1:]

    @cached_property
    def spans(self) -> list[tuple[RandomPiece, slice]]:
        """The dense terms with their columns."""
        return [
            (piece, slice(start, stop))
            for piece, start, stop in zip(self.dense, self.starts, self.starts[1:], strict=False)
        ]

    def transposed(self, b: Tensor) -> tuple[Tensor, Tensor]:
        """Z_1'b, (m, b, k), and Z_2'b, (q, k)."""
        k = b.shape[1]
        first = b.new_zeros((0, 1, k)) if self.z1 is None else self.z1.transposed(b)
        parts = [piece.z.transposed(b) for piece in self.dense]
        second = parts[0] if len(parts) == 1 else torch.cat(parts) if parts else b.new_zeros((0, k))
        return first.reshape(self.groups, self.members, k), second

    def multiplied(self, u1: Tensor, u2: Tensor) -> Tensor:
        """Z_1 u_1 + Z_2 u_2, (n, k), for effects laid out as `transposed` gives them."""
        k = u2.shape[1]
        total = None if self.z1 is None else self.z1.multiply(u1.flatten(0, 1))
        for piece, span in self.spans:
            part = piece.z.multiply(u2[span])
            total = part if total is None else total + part
        return self.xy.new_zeros((self.xy.shape[0], k)) if total is None else total

    def crossproducts(self, r: ResidualPoint) -> Crossproducts:
        """All of W'R^-1 W."""
        weighted = r.solve(self.xy)
        q, f = self.q, self.q + self.p + 1
        a1f = weighted.new_zeros((self.groups, self.members, f))
        aff = weighted.new_zeros((f, f))
        a1f[:, :, q:], aff[:q, q:] = self.transposed(weighted)
        aff[q:, :q] = aff[:q, q:].mT
        aff[q:, q:] = self.xy.mT @ weighted
        for t, (left, here) in enumerate(self.spans):
            for right, there in self.spans[t:]:
                block = self._product(left.z, right.z, r)
                aff[here, there] = block
                aff[there, here] = block.mT
            if self.z1 is not None:
                block = self._product(self.z1, left.z, r)
                a1f[:, :, here] = block.view(self.groups, self.members, -1)
        return Crossproducts(self._own_product(r), a1f, aff)

    def _product(self, left: Rows, right: Rows, r: ResidualPoint) -> Tensor:
        """Z'R^-1 Z for two terms."""
        if isinstance(right, DenseRows):
            return left.transposed(r.solve(right.matrix))
        if isinstance(left, DenseRows):
            return right.transposed(r.solve(left.matrix)).mT
        pairs = [
            (codes * right.columns + other, weights)
            for codes, other, weights in self._pairs(left, right, r.entries)
        ]
        return _added(pairs, r.entries, left.columns * right.columns).view(left.columns, right.columns)

    def _own_product(self, r: ResidualPoint) -> Tensor:
        """Z_1'R^-1 Z_1 by groups."""
        b = self.members
        # The group of both is that of the first: entries of weight 0 may point anywhere.
        pairs = [
            (codes if b == 1 else codes * b + other % b, weights)
            for codes, other, weights in (() if self.z1 is None else self._pairs(self.z1, self.z1, r.entries))
        ]
        return _added(pairs, r.entries, self.groups * b * b).view(self.groups, b, b)

    def _pairs(
        self, left: SparseRows, right: SparseRows, entries: Tensor
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """For every pair of entries of rows that R^-1 ties: their columns and their product."""
        found = []
        for a in range(left.width):
            for b in range(right.width):
                first, second, weights = left.codes[:, a], right.codes[:, b], entries
                one = None if left.values is None else left.values[:, a]
                two = None if right.values is None else right.values[:, b]
                if self.pattern is not None:
                    i, j = self.pattern
                    first, second = first[i], second[j]
                    one = None if one is None else one[i]
                    two = None if two is None else two[j]
                weights = weights if one is None else weights * one
                weights = weights if two is None else weights * two
                found.append((first, second, weights))
        return found

    def leverage(self, m11: Tensor, m12: Tensor, m22: Tensor) -> Tensor:
        """(Z M Z')_ij at the entries of R^-1, for M given by its parts: (m, b, b), (m b, q) and (q, q)."""
        size = self.xy.shape[0] if self.pattern is None else len(self.pattern[0])
        total = self.xy.new_zeros(size)
        ones = self.xy.new_ones(size)
        if self.z1 is not None:
            flat, b = m11.reshape(-1), self.members
            for codes, other, weights in self._pairs(self.z1, self.z1, ones):
                total += weights * flat[codes * b + other % b]
            for piece, span in self.spans:
                total += self._bilinear(self.z1, m12[:, span], piece.z, both=True)
        for t, (left, here) in enumerate(self.spans):
            for right, there in self.spans[t:]:
                total += self._bilinear(left.z, m22[here, there], right.z, both=left is not right)
        return total

    def _bilinear(self, left: Rows, m: Tensor, right: Rows, *, both: bool) -> Tensor:
        """z_i'M z_j at the entries of R^-1, and z_j'M z_i added to it where `both`."""
        if isinstance(left, SparseRows) and isinstance(right, SparseRows):
            flat, columns = m.reshape(-1), m.shape[1]
            ones = self.xy.new_ones(self.xy.shape[0] if self.pattern is None else len(self.pattern[0]))
            once = torch.zeros_like(ones)
            for codes, other, weights in self._pairs(left, right, ones):
                once += weights * flat[codes * columns + other]
            if both and self.pattern is not None:
                for other, codes, weights in self._pairs(right, left, ones):
                    once += weights * flat[codes * columns + other]
                return once
        else:
            moved, rows = left.multiply(m), right.dense()
            if self.pattern is None:
                once = (moved * rows).sum(dim=1)
            else:
                i, j = self.pattern
                once = (moved[i] * rows[j]).sum(dim=1)
                return once + (moved[j] * rows[i]).sum(dim=1) if both else once
        return 2.0 * once if both else once


def _added(pairs: Sequence[tuple[Tensor, Tensor]], like: Tensor, size: int) -> Tensor:
    """Sums of weights by their places, (size,), in the order in which they come.

    Args:
        pairs: places and weights.
        like: a tensor of the kind that is wanted.
        size: number of places.
    """
    if len(pairs) == 1 and like.device.type == "cpu":
        ((places, weights),) = pairs
        return torch.from_numpy(np.bincount(places.numpy(), weights.numpy(), minlength=size))
    out = like.new_zeros(size)
    for places, weights in pairs:
        out.index_add_(0, places, weights)
    return out


def layout_of(problem: Problem, variance: Variance, residual: Residual) -> Layout:
    """Lay out the parts of W for these data."""
    absorbed, dense = split(variance)
    z1, groups, members = None, 0, 1
    if absorbed is not None:
        assert absorbed.family is not None
        assert isinstance(absorbed.z, SparseRows)
        groups, members = absorbed.family.groups, absorbed.family.members
        z1 = (
            absorbed.z
            if absorbed.family.outer
            else absorbed.z.recoded(absorbed.family.places().to(absorbed.z.codes.device), absorbed.columns)
        )
    return Layout(
        absorbed,
        dense,
        z1,
        groups,
        members,
        _starts(dense),
        torch.cat([problem.basis, problem.remainder.unsqueeze(1)], dim=1),
        residual.pattern,
    )


def _starts(dense: Sequence[RandomPiece]) -> list[int]:
    starts = [0]
    for piece in dense:
        starts.append(starts[-1] + piece.columns)
    return starts
