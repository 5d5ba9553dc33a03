r"""Cells of a separable grid without a row: each is given a fixed effect of its own.

With D the indicator columns of the missing cells, V_0 the covariance of the complete grid and Q its inverse,

.. math:: |V_{oo}| = |V_0|\,|H|, \qquad
          \begin{pmatrix} V_{oo}^{-1} & 0 \\ 0 & 0 \end{pmatrix} = Q - QDH^{-1}D'Q, \qquad H = D'QD,

so that likelihoods of the rows that are there come from the complete grid, exactly. In the bases S and T of
the two directions Q = (S (x) T) diag(d) (S (x) T)' and an entry of H is

.. math:: h_{jk} = \sum_{ab} d_{ab}\, s_{r_ja}s_{r_ka}\, t_{c_jb}t_{c_kb}.

Cells are taken line by line, so that neither H nor the traces that involve H^-1 need the m x rc matrix
D'Q(S (x) T): for m cells in l of r lines of c, m^2 c multiplications instead of m^2 r c.

Sources: Bartlett (1937), Suppl. J. R. Stat. Soc. 4:137, for missing plots as covariates; Searle, Casella &
McCulloch (1992), Variance Components, appendix M, for the partitioned inverse.
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from covstudio.reml.engines.separable.axis import Axis

__all__ = ["Gaps", "Lines", "Missing"]

#: Numbers held at a time.
CHUNK = 8_000_000


class Lines:
    """Missing cells in the order of one direction.

    Args:
        place: the level of every missing cell in this direction, (m,).

    Attributes:
        order: the cells in the order of their levels.
        levels: the levels that have a missing cell, (l,).
        line: for the cells in order, where their level stands among these.
        spans: where each level's cells stand in order.
    """

    def __init__(self, place: Tensor) -> None:
        self.order = torch.argsort(place, stable=True)
        self.levels, self.line, counts = torch.unique_consecutive(
            place[self.order], return_inverse=True, return_counts=True
        )
        stops = torch.cumsum(counts, 0).tolist()
        self.spans = [slice(start, stop) for start, stop in zip([0, *stops], stops, strict=False)]


class Missing:
    """The missing cells of a grid.

    Args:
        codes: their cells, (m,).
        shape: levels of the outer and the inner direction.

    Attributes:
        codes: their cells, (m,).
        outer: their levels in the outer direction, (m,).
        inner: their levels in the inner direction, (m,).
    """

    def __init__(self, codes: Tensor, shape: tuple[int, int]) -> None:
        self.codes = codes
        self.shape = shape
        self.outer, self.inner = codes // shape[1], codes % shape[1]
        self.by_outer, self.by_inner = Lines(self.outer), Lines(self.inner)

    def __len__(self) -> int:
        return len(self.codes)


class Gaps:
    """The missing cells at one value of the parameters.

    Args:
        missing: the cells.
        outer: the basis S.
        inner: the basis T.
        d: the diagonal of Q in these bases, (r, c); 0-d where it is one number.

    Raises:
        torch.linalg.LinAlgError: V_0 is singular to working precision.
    """

    def __init__(self, missing: Missing, outer: Axis, inner: Axis, d: Tensor) -> None:
        self.missing, self.outer, self.inner, self.d = missing, outer, inner, d
        self._s, self._t = outer.basis[missing.outer], inner.basis[missing.inner]
        self.factor: Tensor = torch.linalg.cholesky(self._h())
        self.logdet = 2.0 * float(torch.log(self.factor.diagonal()).sum())

    def _h(self) -> Tensor:
        """D'QD, (m, m)."""
        if self.d.ndim == 0:
            return self.d * (self._s @ self._s.mT) * (self._t @ self._t.mT)
        lines = self.missing.by_outer
        s, t = self.outer.basis[lines.levels], self._t[lines.order]
        h = t.new_empty((len(t), len(t)))
        for line, span in enumerate(lines.spans):
            # What a pair of lines has in common, for each eigenvector of the other direction.
            both = (s * s[line]) @ self.d
            h[span] = t[span] @ (t * both[lines.line]).mT
        back = torch.argsort(lines.order)
        return h[back][:, back]

    @cached_property
    def _inverse(self) -> Tensor:
        """H^-1, (m, m)."""
        return torch.cholesky_inverse(self.factor)

    def lift(self, w: Tensor) -> Tensor:
        """(S (x) T)'D w', (k, r, c), for w of shape (k, m)."""
        grid = w.new_zeros((len(w), self.missing.shape[0] * self.missing.shape[1]))
        grid[:, self.missing.codes] = w
        return self.inner.forward(self.outer.forward(grid.view(-1, *self.missing.shape), 1), 2)

    def fill(self, x: Tensor) -> Tensor:
        """The grids (S (x) T)'(B + D w) for those of B, (k, r, c), with w = -H^-1 D'QB.

        Q times it is V_oo^-1 B, and zero in missing cells.
        """
        grid = self.inner.backward(self.outer.backward(self.d * x, 1), 2)
        there = grid.flatten(1)[:, self.missing.codes]
        return x - self.lift(torch.cholesky_solve(there.mT, self.factor).mT)

    def halves(self, start: int, stop: int) -> Tensor:
        """Columns start to stop of QDC'^-1, in the bases, (k, r, c), with H = CC'.

        The outer products of all add up to QDH^-1D'Q.
        """
        unit = torch.zeros((len(self.missing), stop - start), dtype=self.d.dtype, device=self.d.device)
        unit[start:stop].fill_diagonal_(1.0)
        return self.d * self.lift(torch.linalg.solve_triangular(self.factor.mT, unit, upper=True).mT)

    def outer_form(self, weights: Tensor) -> tuple[Tensor, float]:
        """Sums over the inner direction of what QDH^-1D'Q is in the bases.

        Args:
            weights: for each level of the inner basis, (c,).

        Returns:
            sum_b w_b X_(ab),(a'b), (r, r); and the trace of X.
        """
        return self._form(self.missing.by_outer, self.outer, self._t, self.d, weights)

    def inner_form(self, weights: Tensor) -> tuple[Tensor, float]:
        """The same with the directions exchanged: sum_a w_a X_(ab),(ab'), (c, c); and the trace of X."""
        d = self.d if self.d.ndim == 0 else self.d.mT
        return self._form(self.missing.by_inner, self.inner, self._s, d, weights)

    def _form(
        self, lines: Lines, axis: Axis, others: Tensor, d: Tensor, weights: Tensor
    ) -> tuple[Tensor, float]:
        u, inverse = axis.basis[lines.levels], self._inverse[lines.order][:, lines.order]
        t, size, many = others[lines.order], len(u), axis.basis.shape[0]
        if d.ndim == 0:
            # X is a product of one matrix for each direction, summed over pairs of cells.
            common = (inverse * ((t * weights) @ t.mT)).reshape(-1)
            pairs = (lines.line[:, None] * size + lines.line).reshape(-1)
            total = u.new_zeros(size * size).index_add_(0, pairs, common).view(size, size)
            form = d**2 * (u.mT @ total @ u)
            return form, float(form.diagonal().sum())
        form, trace = u.new_zeros((many, many)), 0.0
        step = max(1, CHUNK // max(size * size, size * many, len(t)))
        for start in range(0, t.shape[1], step):
            here = slice(start, start + step)
            scaled = u * d[:, here].mT.contiguous()[:, None, :]
            moved = self._between(lines, t[:, here], inverse) @ scaled
            trace += float((scaled * moved).sum())
            scaled *= weights[here, None, None]
            form += scaled.flatten(0, 1).mT @ moved.flatten(0, 1)
        return form, trace

    @staticmethod
    def _between(lines: Lines, t: Tensor, inverse: Tensor) -> Tensor:
        """For each b: sums of t_jb (H^-1)_jk t_kb over the cells of every pair of lines, (c, l, l)."""
        size = len(lines.spans)
        out = t.new_zeros((size, size, t.shape[1]))
        for line, span in enumerate(lines.spans):
            out[line].index_add_(0, lines.line, (inverse[:, span] @ t[span]) * t)
        return out.permute(2, 0, 1).contiguous()
