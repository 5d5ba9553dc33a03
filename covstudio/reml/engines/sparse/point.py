r"""The restricted likelihood through sparse mixed-model equations, at one value of the parameters.

Everything is relative to the residual variance. With u_t = sqrt(gamma_t) v_t, D = diag(gamma) and
W = Z'R_0^-1 Z,

.. math:: M = \operatorname{diag}(K_t^{-1}) + D^{1/2}WD^{1/2}, \qquad
          \log|V| = \log|R_0| + \sum_t\log|K_t| + \log|M|,

and, from M^-1 at the entries of M alone, summed over the columns i of a term,

.. math:: \operatorname{tr}(K_tZ_t'V^{-1}Z_t)
          = \sum_{i \in t}\sum_j \sqrt{\gamma_j/\gamma_i}\,W_{ij}(M^{-1})_{ij}
          = \big(q_t - \operatorname{tr}(K_t^{-1}(M^{-1})_{tt})\big)/\gamma_t .

The first form loses no digits where gamma is small, the second where it is large. A variance of 0 is taken as
one of 1e-40 of the information on an effect: M does not change with it in any digit, and neither does a
likelihood, but every quotient by sqrt(gamma) has its limit: all terms of a sum in the factor have the same
power of it, so that no digits are lost.

Where a level has several members, with a covariance B of them, u = F v with F = U diag(sqrt(gamma)) and ones
on the diagonal of U (see `coefficients`): Z U takes the place of Z, and traces between members come out of

.. math:: F'Z'V^{-1}ZF = K^{-1} - K^{-1}M^{-1}K^{-1} .

Sources: Henderson (1975), Biometrics 31:423; Johnson & Thompson (1995), J. Dairy Sci. 78:449; Takahashi,
Fagan & Chin (1973), 8th PICA Conference, p. 63; Gilmour, Thompson & Cullis (1995), Biometrics 51:1440.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.equations.absorption import solved
from covstudio.reml.engines.scaled_point import ScaledPoint
from covstudio.reml.engines.sparse.elimination import Factor, factored
from covstudio.reml.engines.sparse.places import Symmetric
from covstudio.reml.engines.sparse.setup import SparseSetup
from covstudio.reml.engines.sparse.terms import TermPoint
from covstudio.reml.problem.likelihood import Derivatives, score
from covstudio.reml.terms.kinds import Piece, mine

__all__ = ["SparsePoint"]

Vector = NDArray[np.float64]

#: Above this share of what a term's own data tell, its trace comes from M^-1 and K^-1.
SHRUNK = 0.1
#: Entries of the columns of M^-1 that are solved for together.
COLUMNS = 1 << 23


class SparsePoint(ScaledPoint):
    """The restricted likelihood at one V; made by `SparsePoint.of`."""

    _setup: SparseSetup
    _terms: list[TermPoint]
    _roots: Tensor
    _mixes: list[Tensor | None]
    _w: Tensor
    _entries: Tensor
    _prior: Symmetric
    _factor: Factor
    _triangle: Tensor
    _moved: Tensor
    _v: Tensor
    _beta: Tensor

    @classmethod
    def of(
        cls, setup: SparseSetup, natural: Vector, scale: float, terms: list[TermPoint]
    ) -> SparsePoint | None:
        """Factor V / scale; None where rounding errors leave it indefinite.

        Args:
            setup: what does not change from point to point.
            natural: natural values of V.
            scale: the residual variance.
            terms: the random effects, relative to it.
        """
        point = cls.__new__(cls)
        point._setup, point.natural, point._scale, point._terms = setup, natural, scale, terms
        return point if point._factored() else None

    def _factored(self) -> bool:
        setup = self._setup
        layout, pattern = setup.layout, setup.pattern
        self._entries = torch.cat([term.entries for term in self._terms])
        self._prior = pattern.prior_places.matrix(self._entries)
        roots = self._gammas.clamp(min=setup.least).sqrt()
        self._roots = roots
        self._mixes = [term.mix for term in self._terms]
        self._w = pattern.congruent(layout.w, self._mixes)
        values = roots[pattern.rows] * self._w * roots[pattern.columns]
        values[pattern.prior] += self._entries
        factor = factored(pattern.plan, values)
        if factor is None:
            return False
        p = layout.x.shape[1]
        right = self._onto(layout.zx)
        moved = factor.solve(right)
        rest = layout.xx - right.mT @ moved
        triangle, info = torch.linalg.cholesky_ex(rest[:p, :p])
        if int(info):
            return False
        beta = torch.cholesky_solve(rest[:p, p:], triangle)
        self._factor, self._triangle, self._moved, self._beta = factor, triangle, moved[:, :p], beta
        self._v = moved[:, p:] - moved[:, :p] @ beta
        fitted = layout.x @ beta + layout.multiplied(self._effects(self._v))
        self._error = layout.y - fitted[:, 0]
        self._py = layout.weights * self._error
        prior = (self._v * self._prior.times(self._v)).sum()
        self._quadratic = float(self._error @ self._py + prior)
        self._logdet_v = setup.logdet_r + sum(term.logdet for term in self._terms) + factor.logdet
        logs = torch.log(triangle.diagonal())
        self._logdet_xvx = 2.0 * (float(logs.sum()) + setup.problem.logdet_triangle)
        return True

    @cached_property
    def _gammas(self) -> Tensor:
        """The variance of every effect over that of its v and of the residual, (q,)."""
        spans = self._setup.pattern.spans
        parts = [
            term.gammas.expand(span.stop - span.start) for term, span in zip(self._terms, spans, strict=True)
        ]
        return torch.cat(parts)

    def _onto(self, b: Tensor) -> Tensor:
        """F'b, where the effects are u = F v and F = U diag(sqrt(gamma)), (q, k)."""
        turned = [None if mix is None else mix.mT for mix in self._mixes]
        return self._roots[:, None] * self._setup.pattern.levels.mixed_by(turned, b)

    def _effects(self, v: Tensor) -> Tensor:
        """F v, (q, k)."""
        return self._setup.pattern.levels.mixed_by(self._mixes, self._roots[:, None] * v)

    # -- the likelihood -------------------------------------------------------------------------------------

    def _there(self, values: Tensor) -> Tensor:
        """On the device of y."""
        return values.to(self._setup.problem.device)

    @property
    def beta(self) -> Tensor:
        """(X'V^-1X)^-1 X'V^-1 y, (p,)."""
        setup = self._setup
        right = self._beta + setup.problem.projected_y.cpu().unsqueeze(1)
        return self._there(solved(setup.problem.triangle.cpu(), right, upper=True)[:, 0])

    @property
    def beta_covariance(self) -> Tensor:
        """(X'V^-1X)^-1, (p, p)."""
        eye = torch.eye(len(self._triangle), dtype=torch.float64)
        half = solved(self._setup.problem.triangle.cpu(), solved(self._triangle, eye).mT, upper=True)
        return self._there(self._scale * (half @ half.mT))

    @property
    def py(self) -> Tensor:
        """P y, (n,)."""
        return self._there(self._py / self._scale)

    def project(self, b: Tensor) -> Tensor:
        """P B, (n, k)."""
        layout = self._setup.layout
        h = layout.weights[:, None] * b.cpu()
        v, w = self._solved(layout.transposed(h), layout.x.mT @ h)
        fitted = layout.x @ w + layout.multiplied(self._effects(v))
        return self._there((h - layout.weights[:, None] * fitted) / self._scale)

    def solve(self, b: Tensor) -> Tensor:
        """V^-1 B, (n, k)."""
        layout = self._setup.layout
        h = layout.weights[:, None] * b.cpu()
        v = self._factor.solve(self._onto(layout.transposed(h)))
        return self._there((h - layout.weights[:, None] * layout.multiplied(self._effects(v))) / self._scale)

    def _solved(self, effects: Tensor, fixed: Tensor) -> tuple[Tensor, Tensor]:
        """Solutions of the mixed-model equations: v, (q, k), and beta, (p, k).

        Args:
            effects: right-hand sides Z'h, (q, k).
            fixed: right-hand sides X'h, (p, k).
        """
        right = self._onto(effects)
        beta = torch.cholesky_solve(fixed - self._moved.mT @ right, self._triangle)
        return self._factor.solve(right) - self._moved @ beta, beta

    # -- derivatives ----------------------------------------------------------------------------------------

    @cached_property
    def _inverse(self) -> Tensor:
        """M^-1 at the entries of M."""
        return self._factor.inverse_entries()

    @cached_property
    def _half(self) -> Tensor:
        """N with NN' what estimating beta adds to the errors of v, (q, p)."""
        return solved(self._triangle, self._moved.mT).mT

    @cached_property
    def _traces(self) -> list[Tensor]:
        """The diagonal of K Z'PZ (of K Z'V^-1Z in ML) for each term."""
        setup, roots, inverse = self._setup, self._roots, self._inverse
        pattern = setup.pattern
        shares = pattern.places.matrix(self._w * inverse)
        forward = shares.times(roots[:, None])[:, 0] / roots
        own = pattern.prior_places.matrix(self._entries * inverse[pattern.prior]).sums
        effects = self._half / roots[:, None]
        against = self._prior.times(effects)
        found = []
        for number, (term, span) in enumerate(zip(pattern.terms, pattern.spans, strict=True)):
            first, second = forward[span], (1.0 - own[span]) / self._gammas[span].clamp(min=setup.least)
            if len(term.level_rows) * term.members == term.piece.columns:
                # K = I: every effect by itself.
                first = torch.where(own[span] < 1.0 - SHRUNK, second, first)
            else:
                shares_of = pattern.levels.by_members(number, own[span]).mean(dim=1)
                told = pattern.levels.over_levels(number, shares_of < 1.0 - SHRUNK)
                first = torch.where(told, second, first)
            if setup.problem.restricted:
                first = first - (effects[span] * against[span]).sum(dim=1)
            found.append(first)
        return found

    @cached_property
    def _inverses(self) -> list[Tensor | None]:
        """U^-1 of each term, transposed."""
        return [None if mix is None else torch.linalg.inv(mix).mT for mix in self._mixes]

    def _between(self, number: int) -> Tensor:
        """tr(K (Z'PZ)_ab) between the members a and b of the levels of a term, (k, k).

        From F'Z'V^-1Z F = K^-1 - K^-1 S K^-1, S = M^-1, in which nothing is taken from 0 beside the diagonal.
        """
        pattern, span = self._setup.pattern, self._setup.pattern.spans[number]
        mixed, turned = pattern.between[number], self._inverses[number]
        assert mixed is not None
        assert turned is not None
        places, which = mixed
        terms = pattern.terms
        first = sum(len(term.level_rows) * term.members for term in terms[:number])
        entries = self._entries[first : first + len(terms[number].level_rows)]
        roots = pattern.levels.by_members(number, self._roots[span])[:, 0]
        found = -(self._inverse[places] * entries[which]).sum(dim=2) / (roots[:, None] * roots)
        if self._setup.problem.restricted:
            effects = self._half / self._roots[:, None]
            against = pattern.levels.by_members(number, self._prior.times(effects)[span])
            found -= pattern.levels.by_members(number, effects[span]).flatten(1) @ against.flatten(1).mT
        found.diagonal().copy_(pattern.levels.by_members(number, self._traces[number]).sum(dim=1))
        return turned @ found @ turned.mT

    def derivatives(self, positions: Sequence[int]) -> Derivatives:
        """Score and average information with respect to the natural parameters at these positions."""
        setup, layout, count = self._setup, self._setup.layout, len(positions)
        c = self._v / self._roots[:, None]
        s = self._prior.times(c)
        levels = setup.pattern.levels
        s, c = levels.mixed_by(self._inverses, s), levels.mixed_by(self._inverses, c)
        moved = c.new_zeros((len(c), count))
        traces, products = np.zeros(count), np.zeros(count)
        explained = 0.0
        for number, (term, span) in enumerate(zip(setup.pattern.terms, setup.pattern.spans, strict=True)):
            trace = self._traces[number]
            explained += float((self._gammas[span] * trace).sum())
            places, index = mine(term.piece.positions, positions)
            if places:
                trace = trace if self._mixes[number] is None else self._between(number)
                slices, found = term.slopes(self.natural, index, s[span, 0], c[span, 0], trace)
                moved[span, places] = slices
                traces[places] = found.numpy()
                products[places] = (slices.mT @ s[span, 0]).numpy()
        effects, fixed = layout.information.times(moved), layout.zx[:, :-1].mT @ moved
        inner = moved.mT @ effects
        for k in (k for k, position in enumerate(positions) if position == setup.unit):
            # dV = R_0, and tr(PV) = n - p; tr(V^-1 V) = n in ML.
            traces[k] = setup.problem.degrees - explained
            products[k] = float(self._error @ self._py)
            effects[:, k] = s[:, 0]
            inner[k] = s[:, 0] @ moved
            inner[:, k] = inner[k]
            inner[k, k] = products[k]
        v, w = self._solved(effects, fixed)
        pqp = (inner - self._onto(effects).mT @ v - fixed.mT @ w).numpy()
        scale = self._scale
        slopes = score(traces / scale, products / scale**2)
        return Derivatives(slopes, (pqp + pqp.T) * (0.25 / scale**3))

    # -- random effects -------------------------------------------------------------------------------------

    def effects(self, piece: Piece) -> tuple[Tensor, Tensor] | None:
        """Predicted effects of a term Z G Z' and their prediction error variances, (q,) each.

        None for any other term.

        Args:
            piece: a term of V.
        """
        pattern = self._setup.pattern
        for number, (term, span) in enumerate(zip(pattern.terms, pattern.spans, strict=True)):
            if term.piece.path == piece.path:
                sizes = self._gammas[span].sqrt()
                predicted = pattern.levels.of_term(number, self._mixes, sizes[:, None] * self._v[span])
                return self._there(predicted[:, 0]), self._there(self._scale * self._errors(number))
        return None

    def _errors(self, number: int) -> Tensor:
        """The diagonal of var(u_hat - u) of a term, relative to the residual variance, (q,)."""
        pattern, span = self._setup.pattern, self._setup.pattern.spans[number]
        gammas, half, mix = self._gammas[span], self._half[span], self._mixes[number]
        if mix is None:
            return gammas * (self._inverse[~pattern.off][span] + half.square().sum(dim=1))
        # S + NN' between the members of every level.
        members = pattern.levels.by_members(number, half)
        within = torch.einsum("amp,bmp->abm", members, members)
        within += self._inverse[pattern.within(number)]
        turned = mix * pattern.levels.by_members(number, gammas.sqrt())[:, 0]
        return pattern.levels.in_place(number, torch.einsum("ia,ib,abm->im", turned, turned, within))

    def error_covariance(self, piece: Piece) -> Tensor | None:
        """var(u_hat - u) of all effects of a term Z G Z' together, (q, q); None for any other term.

        Args:
            piece: a term of V.
        """
        pattern = self._setup.pattern
        for number, (term, span) in enumerate(zip(pattern.terms, pattern.spans, strict=True)):
            if term.piece.path != piece.path:
                continue
            places = torch.arange(span.start, span.stop)
            found = self._half[span] @ self._half[span].mT
            width = max(1, COLUMNS // pattern.size)
            for first in range(0, len(places), width):
                some = places[first : first + width]
                unit = torch.zeros((pattern.size, len(some)), dtype=torch.float64)
                unit[some, torch.arange(len(some))] = 1.0
                found[:, first : first + width] += self._factor.solve(unit)[span]
            sizes = self._gammas[span].sqrt()
            left = pattern.levels.of_term(number, self._mixes, sizes[:, None] * found * sizes)
            return self._there(self._scale * pattern.levels.of_term(number, self._mixes, left.mT))
        return None
