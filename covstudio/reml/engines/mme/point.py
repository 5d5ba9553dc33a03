r"""The restricted likelihood through the mixed-model equations, at one value of the parameters.

Everything is relative to a common scale of V (the residual variance, where there is one). With Z'PZ, which
comes out of the factors by groups and for the dense part, the score of a parameter of G_t is

.. math:: s_k = -\tfrac12\left(\operatorname{tr}(\dot G_kZ_t'PZ_t) - y'PZ_t\dot G_kZ_t'Py\right);

for one of R, with M the inverse of the coefficient matrix and W = [Z, X],

.. math:: \operatorname{tr}(P\dot R_k) = \operatorname{tr}(R^{-1}\dot R_k)
          + \sum_{ij} (\dot{R^{-1}_k})_{ij}\, w_i'Mw_j,

over the few entries of R^-1, or from tr(PV) = n - p where R has a single variance. y'Py is the least value of
a sum of squares, (y - X beta - Zu)'R^-1(...) + u'G^-1 u, and computed as such: errors in beta and u count by
their squares only.

Sources: Johnson & Thompson (1995), J. Dairy Sci. 78:449; Gilmour, Thompson & Cullis (1995), Biometrics
51:1440.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import structure
from covstudio.reml.engines.equations.absorption import (
    Absorbed,
    Effects,
    Projection,
    absorb,
    from_left,
    own_products,
    solved,
    spherical,
    times,
)
from covstudio.reml.engines.equations.crossproducts import Crossproducts
from covstudio.reml.engines.equations.residual import ResidualPoint
from covstudio.reml.engines.mme.setup import MmeSetup
from covstudio.reml.engines.scaled_point import ScaledPoint
from covstudio.reml.problem.errors import SINGULAR
from covstudio.reml.problem.likelihood import Derivatives, score
from covstudio.reml.terms.kinds import DiagonalPiece, Piece, RandomPiece, mine

__all__ = ["MmePoint"]

Vector = NDArray[np.float64]


class MmePoint(ScaledPoint):
    """The restricted likelihood at one V; made by `MmePoint.of`."""

    _setup: MmeSetup
    _r: ResidualPoint
    _cross: Crossproducts
    _effects: Effects
    _absorbed: Absorbed
    _factor: Tensor
    _w: Tensor
    _py: Tensor
    _error: Tensor

    @classmethod
    def of(
        cls,
        setup: MmeSetup,
        natural: Vector,
        scale: float,
        r: ResidualPoint,
        cross: Crossproducts,
        effects: Effects,
    ) -> MmePoint | None:
        """Factor V / scale; None where rounding errors leave it indefinite.

        Args:
            setup: what does not change from point to point.
            natural: natural values of V.
            scale: what R and the effects are relative to.
            r: R / scale.
            cross: cross products with its inverse.
            effects: covariances of the effects, divided by `scale`.
        """
        point = cls.__new__(cls)
        point._setup, point.natural, point._scale = setup, natural, scale
        point._r, point._cross, point._effects = r, cross, effects
        return point if point._factored() else None

    def _factored(self) -> bool:
        layout, cross, effects = self._setup.layout, self._cross, self._effects
        q, roots = layout.q, effects.roots
        absorbed = absorb(cross, effects)
        if absorbed is None:
            return False
        inner = absorbed.b[:-1, :-1]
        inner = roots[:, None] * inner * roots if roots.ndim == 1 else roots.mT @ inner @ roots
        inner.diagonal()[:q].add_(1.0)
        factor, info = torch.linalg.cholesky_ex(inner)
        if int(info):
            return False
        v = solved(factor, from_left(roots, absorbed.b[:-1, -1:]))
        v = solved(factor.mT, v, upper=True)
        w = from_left(roots, v, transposed=False)
        right = cross.a1y - cross.a1w @ w
        v1, v2 = spherical(absorbed, effects, right).flatten(), v[:q, 0]
        error = torch.addmm(layout.y, layout.x, w[q:], alpha=-1.0)
        error -= layout.multiplied(times(absorbed.k, right), w[:q])
        py = self._r.solve(error)
        self._error, self._py, self._w = error[:, 0], py[:, 0], w
        self._quadratic = float(self._error @ self._py + v1 @ v1 + v2 @ v2)
        self._absorbed, self._factor = absorbed, factor
        logs = torch.log(factor.diagonal())
        self._logdet_v = self._r.logdet + absorbed.logdet + 2.0 * float(logs[:q].sum())
        self._logdet_xvx = 2.0 * (float(logs[q:].sum()) + self._setup.problem.logdet_triangle)
        return True

    # -- the likelihood -------------------------------------------------------------------------------------

    @property
    def beta(self) -> Tensor:
        """(X'V^-1X)^-1 X'V^-1 y, (p,)."""
        setup = self._setup
        right = self._w[setup.layout.q :] + setup.problem.projected_y.unsqueeze(1)
        return solved(setup.problem.triangle, right, upper=True)[:, 0]

    @property
    def beta_covariance(self) -> Tensor:
        """(X'V^-1X)^-1, (p, p)."""
        half = solved(self._setup.problem.triangle, self._y[:, self._setup.layout.q :].mT, upper=True)
        return self._scale * (half @ half.mT)

    @property
    def py(self) -> Tensor:
        """P y, (n,)."""
        return self._py / self._scale

    def project(self, b: Tensor) -> Tensor:
        """P B, (n, k)."""
        layout, h = self._setup.layout, self._r.solve(b)
        first, second = layout.transposed(h)
        u1, w = self._solved(first, torch.cat([second, layout.x.mT @ h]))
        fitted = layout.x @ w[layout.q :] + layout.multiplied(u1, w[: layout.q])
        return (h - self._r.solve(fitted)) / self._scale

    def _solved(self, first: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
        """Solutions of the mixed-model equations: u_1, (m, b, k), and u_2 and beta, (q + p, k).

        Args:
            first: right-hand sides Z_1'h, (m, b, k).
            rest: right-hand sides [Z_2, X]'h, (q + p, k).
        """
        cross, roots, k = self._cross, self._effects.roots, self._absorbed.k
        if len(k):
            rest = rest - (cross.flat.mT @ times(k, first).flatten(0, 1))[:-1]
        v = solved(self._factor, from_left(roots, rest))
        w = from_left(roots, solved(self._factor.mT, v, upper=True), transposed=False)
        return times(k, first - cross.a1w @ w), w

    # -- derivatives ----------------------------------------------------------------------------------------

    @cached_property
    def _y(self) -> Tensor:
        """Y with Y'Y the inverse of the coefficient matrix of u_2 and beta, (q + p, q + p)."""
        roots = self._effects.roots
        return solved(self._factor, torch.diag(roots) if roots.ndim == 1 else roots.mT)

    @cached_property
    def _projection(self) -> Projection:
        """Z'PZ."""
        return self._projected(self._y)

    @cached_property
    def _traced(self) -> Projection:
        """What derivatives of V are traced against: Z'PZ; Z'V^-1Z in ML."""
        return self._projection if self._setup.problem.restricted else self._projected(self._traced_rows)

    @property
    def _traced_rows(self) -> Tensor:
        """The rows of Y that belong to it.

        Without those of fixed effects, Y'Y inverts the coefficient matrix of u_2 alone.
        """
        return self._y if self._setup.problem.restricted else self._y[: self._setup.layout.q]

    def _projected(self, y: Tensor) -> Projection:
        q, cross, absorbed = self._setup.layout.q, self._cross, self._absorbed
        half = y @ absorbed.b[:-1, :q]
        s22 = torch.addmm(absorbed.b[:q, :q], half.mT, half, alpha=-1.0)
        if absorbed.ratio is not None:
            left, s11 = cross.a1w * absorbed.ratio, cross.a11 * absorbed.ratio
        else:
            left = cross.a1w - cross.a11 @ (absorbed.k @ cross.a1w)
            s11 = cross.a11 - cross.a11 @ absorbed.k @ cross.a11
        return Projection(s11 - own_products(left @ y.mT) if len(s11) else s11, s22)

    def _leverage(self, y: Tensor) -> Tensor:
        """w_i'Mw_j at the entries of R^-1, M the inverse of the coefficient matrix, Y'Y in its dense part."""
        layout, cross, k = self._setup.layout, self._cross, self._absorbed.k
        q = layout.q
        half = times(k, cross.a1w) @ y.mT
        m1w, mww = -(half @ y), y.mT @ y
        total = layout.leverage(k + own_products(half), m1w.flatten(0, 1)[:, :q], mww[:q, :q])
        fixed = layout.multiplied(m1w[:, :, q:], mww[:q, q:]) + 0.5 * (layout.x @ mww[q:, q:])
        if layout.pattern is None:
            return total + 2.0 * (fixed * layout.x).sum(dim=1)
        i, j = layout.pattern
        return total + (fixed[i] * layout.x[j] + fixed[j] * layout.x[i]).sum(dim=1)

    def derivatives(self, positions: Sequence[int]) -> Derivatives:
        """Score and average information with respect to the natural parameters at these positions.

        For a parameter of an effect, q = dV Py = Z c with c = dG Z'Py: its products with everything come from
        the cross products, without a vector of n.
        """
        setup, layout, cross, count = self._setup, self._setup.layout, self._cross, len(positions)
        q = layout.q
        py = self._py.unsqueeze(1)
        s1, s2 = layout.transposed(py)
        c1 = py.new_zeros((layout.groups, layout.members, count))
        c2 = py.new_zeros((q, count))
        # Parameters stand term by term here, those of R last.
        order: list[int] = []
        traces: list[Tensor] = []
        for piece, span in self._terms():
            at, index = mine(piece.positions, positions)
            if not at:
                continue
            here = slice(len(order), len(order) + len(at))
            order += at
            try:
                if span is None:
                    c1[:, :, here], found = self._of_absorbed(piece, index, s1)
                else:
                    c2[span, here], found = self._of_dense(piece, index, s2, span)
            except SINGULAR:
                found = py.new_full((len(at),), torch.nan)
            traces.append(found)
        flat = c1.flatten(0, 1)
        first = times(cross.a11, c1)
        if q:
            first += cross.a1f[:, :, :q] @ c2
        rest = (cross.flat.mT @ flat)[:-1]
        rest += cross.aff[:-1, :q] @ c2
        quadratics = flat.mT @ s1.flatten(0, 1) + c2.mT @ s2
        known = len(order)
        if known < count:
            own = [i for i, k in enumerate(positions) if k in setup.residual.positions]
            order += own
            moved, h, found = self._of_residual([positions[i] for i in own])
            traces.append(found)
            first[:, :, known:], rest[:q, known:] = (
                (s1, s2) if setup.unit is not None else layout.transposed(h)
            )
            rest[q:, known:] = layout.x.mT @ h
        inner = flat.mT @ first.flatten(0, 1)
        inner += c2.mT @ rest[:q]
        if known < count:
            inner[known:, :known] = inner[:known, known:].mT
            inner[known:, known:] = moved.mT @ h
            quadratics[known:] = moved.mT @ py
        u1, w = self._solved(first, rest)
        pqp = inner - first.flatten(0, 1).mT @ u1.flatten(0, 1) - rest.mT @ w
        scale, back = self._scale, np.argsort(order)
        taken, products = torch.cat(traces).numpy(force=True), quadratics[:, 0].numpy(force=True)
        slopes = score(taken / scale, products / scale**2)
        information = (pqp + pqp.mT).numpy(force=True) * (0.25 / scale**3)
        return Derivatives(slopes[back], information[back[:, None], back])

    def _terms(self) -> list[tuple[RandomPiece, slice | None]]:
        """The terms of random effects; the absorbed one has no columns in the dense part."""
        layout = self._setup.layout
        dense: list[tuple[RandomPiece, slice | None]] = list(layout.spans)
        return dense if layout.absorbed is None else [(layout.absorbed, None), *dense]

    def _of_absorbed(self, piece: RandomPiece, index: Sequence[int], s: Tensor) -> tuple[Tensor, Tensor]:
        """dG_k s, (m, b, k), and tr(dG_k Z'PZ), (k,)."""
        assert piece.family is not None
        slices, s11 = piece.family.derivative(piece.own(self.natural), index), self._traced.s11
        s11 = s11.sum(dim=0, keepdim=True) if slices.shape[1] == 1 else s11
        return times(slices, s)[..., 0].permute(1, 2, 0), (slices * s11).sum(dim=(1, 2, 3))

    def _of_dense(
        self, piece: RandomPiece, index: Sequence[int], s: Tensor, span: slice
    ) -> tuple[Tensor, Tensor]:
        """dG_k s, (q_t, k), and tr(dG_k Z'PZ), (k,)."""
        s22 = self._traced.s22[span, span]
        if piece.family is not None and piece.family.members == 1:
            slices = piece.family.derivative(piece.own(self.natural), index)[:, :, 0, 0]
            diagonal = s22.diagonal()
            diagonal = diagonal.sum().unsqueeze(0) if slices.shape[1] == 1 else diagonal
            return (slices * s[span, 0]).mT, slices @ diagonal
        assert not isinstance(piece.g, Tensor)
        own, which = piece.own(self.natural), list(index)
        moved = structure.derivative_matmul(piece.g, own, which, s[span])[:, :, 0]
        return moved.mT, structure.trace_against(piece.g, own, which, s22)

    def _of_residual(self, positions: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """dR_k Py, R^-1 of it, and tr(P dR_k), for parameters of R."""
        setup = self._setup
        if setup.unit is not None:
            # dR = R / sigma^2, and tr(PV) = n - p; tr(V^-1 V) = n in ML.
            trace = setup.problem.degrees - self._explained()
            return self._error[:, None], self._py[:, None], self._py.new_tensor([trace])
        entries, traces = self._r.derivative(self.natural, positions)
        traces = traces + entries @ self._leverage(self._traced_rows)
        pattern = setup.layout.pattern
        if pattern is None:
            h = -(entries * self._error).mT
        else:
            i, j = pattern
            h = self._error.new_zeros((setup.problem.n, len(positions)))
            h.index_add_(0, i, -(entries * self._error[j]).mT)
        return self._r.multiply(h), h, traces

    def _explained(self) -> float:
        """tr(P Z G Z'); tr(V^-1 Z G Z') in ML."""
        layout, effects, projection = self._setup.layout, self._effects, self._traced
        total = float((effects.g1 * projection.s11).sum())
        for (_, span), g in zip(layout.spans, effects.g2, strict=True):
            s = projection.s22[span, span]
            total += float((g * s.diagonal()).sum() if g.ndim == 1 else (g * s).sum())
        return total

    # -- random effects -------------------------------------------------------------------------------------

    def effects(self, piece: Piece) -> tuple[Tensor, Tensor] | None:
        """Predicted effects of a term Z G Z' and their prediction error variances, (q,) each.

        None for a term that the mixed-model equations have no effects of.

        The variances stand on the diagonal of the inverse of the coefficient matrix: a sum of squares there,
        a small difference of large numbers in G - G Z'PZ G.

        Args:
            piece: a term of V.
        """
        layout, effects = self._setup.layout, self._effects
        piece = self._setup.own(piece)
        if isinstance(piece, DiagonalPiece):
            return self._effects_of_rows(piece)
        if not isinstance(piece, RandomPiece):
            return None
        moved = piece.z.transposed(self._py.unsqueeze(1))
        if piece is layout.absorbed:
            assert piece.family is not None
            place = piece.family.places()
            g = effects.g1
            u = times(g, moved[torch.argsort(place)].reshape(layout.groups, layout.members, 1)).reshape(-1)
            own = times(self._absorbed.k, self._cross.a1w) @ self._y.mT
            error = (self._absorbed.k + own_products(own)).diagonal(dim1=1, dim2=2).reshape(-1)
            return u[place], self._scale * error[place]
        for (other, span), g in zip(layout.spans, effects.g2, strict=True):
            if other is piece:
                u = g * moved[:, 0] if g.ndim == 1 else (g @ moved)[:, 0]
                return u, self._scale * self._y[:, span].square().sum(dim=0)
        return None

    def error_covariance(self, piece: Piece) -> Tensor | None:
        """var(u_hat - u) of all effects of a term Z G Z' together, (q, q); None for any other term.

        Args:
            piece: a term of V.
        """
        layout, piece = self._setup.layout, self._setup.own(piece)
        if isinstance(piece, RandomPiece) and piece is layout.absorbed:
            assert piece.family is not None
            place, k = piece.family.places(), self._absorbed.k
            rows = (times(k, self._cross.a1w) @ self._y.mT).flatten(0, 1)
            found = rows @ rows.mT
            each, (m, b) = torch.arange(len(k), device=k.device), k.shape[:2]
            found.view(m, b, m, b)[each, :, each, :] += k
            return self._scale * found[place][:, place]
        for other, span in layout.spans:
            if other is piece:
                return self._scale * (self._y[:, span].mT @ self._y[:, span])
        return None

    def _effects_of_rows(self, piece: DiagonalPiece) -> tuple[Tensor, Tensor] | None:
        """Effects that have one row each at most, where R is diagonal."""
        if self._setup.layout.pattern is not None or piece.rows is not None:
            return None
        variances = piece.family.value(piece.own(self.natural))[:, 0, 0].expand(piece.family.groups)
        entries = self._r.entries
        p_ii = (entries - entries * self._leverage(self._y) * entries) / self._scale
        at = variances[piece.group]
        u = torch.zeros_like(variances).index_copy_(0, piece.group, at * self.py)
        return u, variances.clone().index_copy_(0, piece.group, at - at * p_ii * at)
