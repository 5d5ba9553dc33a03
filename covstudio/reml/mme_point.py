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
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import SingularMatrixError
from covstudio.reml.crossproducts import Crossproducts
from covstudio.reml.likelihood import Derivatives, average_information, kernel, score
from covstudio.reml.mme_parts import (
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
from covstudio.reml.pieces import DiagonalPiece, Piece, RandomPiece
from covstudio.reml.residual import ResidualPoint

if TYPE_CHECKING:
    from covstudio.reml.mme import MmeEngine

__all__ = ["MmePoint"]

Vector = NDArray[np.float64]


class MmePoint:
    """The restricted likelihood at one V; made by `MmePoint.of`."""

    _engine: MmeEngine
    natural: Vector
    _scale: float
    _r: ResidualPoint
    _cross: Crossproducts
    _effects: Effects
    _absorbed: Absorbed
    _factor: Tensor
    _half: Tensor
    _xvx_factor: Tensor
    _coefficient: Tensor
    _error: Tensor
    _quadratic: float
    _logdet_v: float
    _logdet_xvx: float

    @classmethod
    def of(
        cls,
        engine: MmeEngine,
        natural: Vector,
        scale: float,
        r: ResidualPoint,
        cross: Crossproducts,
        effects: Effects,
    ) -> MmePoint | None:
        """Factor V / scale; None where rounding errors leave it indefinite.

        Args:
            engine: what does not change from point to point.
            natural: natural values of V.
            scale: what R and the effects are relative to.
            r: R / scale.
            cross: cross products with its inverse.
            effects: covariances of the effects, divided by `scale`.
        """
        point = cls.__new__(cls)
        point._engine, point.natural, point._scale = engine, natural, scale
        point._r, point._cross, point._effects = r, cross, effects
        return point if point._factored() else None

    def _factored(self) -> bool:
        layout, cross, effects = self._engine.layout, self._cross, self._effects
        q, p = layout.q, layout.p
        absorbed = absorb(cross, effects)
        if absorbed is None:
            return False
        b = absorbed.b
        scaled = (
            effects.l2[:, None] * b[:q, :q] * effects.l2
            if effects.l2.ndim == 1
            else (effects.l2.mT @ b[:q, :q] @ effects.l2)
        )
        scaled.diagonal().add_(1.0)
        factor, info = torch.linalg.cholesky_ex(scaled)
        half = solved(factor, from_left(effects.l2, b[:q, q:]))
        rest = b[q:, q:] - half.mT @ half
        xvx_factor, info_x = torch.linalg.cholesky_ex(rest[:p, :p])
        if int(info) or int(info_x):
            return False
        beta = torch.cholesky_solve(rest[:p, p:], xvx_factor)
        v2 = solved(factor.mT, half[:, p:] - half[:, :p] @ beta, upper=True)
        u2 = effects.l2[:, None] * v2 if effects.l2.ndim == 1 else effects.l2 @ v2
        right = cross.a1f[:, :, -1:] - cross.a1f[:, :, q:-1] @ beta - cross.a1f[:, :, :q] @ u2
        u1 = times(absorbed.k, right)
        v1 = spherical(absorbed, effects, right)
        error = layout.xy[:, p:] - layout.xy[:, :p] @ beta - layout.multiplied(u1, u2)
        self._error = error[:, 0]
        self._quadratic = float((error * self._r.solve(error)).sum() + (v1 * v1).sum() + (v2 * v2).sum())
        self._absorbed, self._factor, self._half = absorbed, factor, half[:, :p]
        self._xvx_factor, self._coefficient = xvx_factor, beta[:, 0]
        logs = torch.log(factor.diagonal()).sum()
        self._logdet_v = self._r.logdet + absorbed.logdet + 2.0 * float(logs)
        self._logdet_xvx = 2.0 * (
            float(torch.log(xvx_factor.diagonal()).sum()) + self._engine.logdet_triangle
        )
        return True

    # -- the likelihood -------------------------------------------------------------------------------------

    @property
    def logdet_v(self) -> float:
        """log|V|."""
        return self._logdet_v + self._engine.problem.n * float(np.log(self._scale))

    @property
    def logdet_xvx(self) -> float:
        """log|X'V^-1X|."""
        return self._logdet_xvx - self._engine.problem.p * float(np.log(self._scale))

    @property
    def quadratic(self) -> float:
        """y'Py."""
        return self._quadratic / self._scale

    @property
    def kernel(self) -> float:
        """-(log|V| + log|X'V^-1X| + y'Py)/2."""
        return kernel(self.logdet_v, self.logdet_xvx, self.quadratic)

    @cached_property
    def mean_diagonal(self) -> float:
        """Mean of the diagonal of V."""
        return sum(piece.mean_diagonal(self.natural) for piece in self._engine.lowered.pieces)

    def rescaled(self, factor: float, natural: Vector) -> MmePoint:
        """The same point with V multiplied by `factor`, which `natural` is known to give."""
        other = MmePoint.__new__(MmePoint)
        other.__dict__.update(self.__dict__)
        other.__dict__.pop("mean_diagonal", None)
        other._scale = self._scale * factor
        other.natural = natural
        return other

    @property
    def beta(self) -> Tensor:
        """(X'V^-1X)^-1 X'V^-1 y, (p,)."""
        engine = self._engine
        right = (self._coefficient + engine.projected_y).unsqueeze(1)
        return solved(engine.triangle, right, upper=True)[:, 0]

    @property
    def beta_covariance(self) -> Tensor:
        """(X'V^-1X)^-1, (p, p)."""
        half = solved(self._engine.triangle, self._half_inverse, upper=True)
        return self._scale * (half @ half.mT)

    @cached_property
    def _half_inverse(self) -> Tensor:
        """H^(1/2) with H = (X'V^-1X)^-1 for the orthonormal X."""
        eye = torch.eye(len(self._xvx_factor), dtype=torch.float64)
        return solved(self._xvx_factor, eye).mT

    @cached_property
    def _py(self) -> Tensor:
        return self._r.solve(self._error.unsqueeze(1))[:, 0]

    @property
    def py(self) -> Tensor:
        """P y, (n,)."""
        return self._py / self._scale

    def project(self, b: Tensor) -> Tensor:
        """P B, (n, k)."""
        h = self._r.solve(b)
        u1, u2, beta = self._solved(h)[1]
        p = self._engine.layout.p
        fitted = self._engine.layout.xy[:, :p] @ beta + self._engine.layout.multiplied(u1, u2)
        return (h - self._r.solve(fitted)) / self._scale

    def _solved(self, h: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
        """The right-hand sides W'h and the solutions of the mixed-model equations for them."""
        layout, cross, l2 = self._engine.layout, self._cross, self._effects.l2
        q, p = layout.q, layout.p
        first, second = layout.transposed(h)
        fixed = layout.xy[:, :p].mT @ h
        flat = times(self._absorbed.k, first).flatten(0, 1)
        gone = cross.a1f.flatten(0, 1).mT @ flat
        rest = torch.cat([second, fixed]) - gone[: q + p]
        z = solved(self._factor, from_left(l2, rest[:q]))
        beta = torch.cholesky_solve(rest[q:] - self._half.mT @ z, self._xvx_factor)
        v2 = solved(self._factor.mT, z - self._half @ beta, upper=True)
        u2 = l2[:, None] * v2 if l2.ndim == 1 else l2 @ v2
        u1 = times(self._absorbed.k, first - cross.a1f[:, :, : q + p] @ torch.cat([u2, beta]))
        return (first, second, fixed), (u1, u2, beta)

    # -- derivatives ----------------------------------------------------------------------------------------

    @cached_property
    def _y(self) -> Tensor:
        """Y with J = Y'Y, (q, q)."""
        l2 = self._effects.l2
        right = torch.diag(l2) if l2.ndim == 1 else l2.mT
        return solved(self._factor, right)

    @cached_property
    def _projection(self) -> Projection:
        layout, cross, absorbed = self._engine.layout, self._cross, self._absorbed
        q, p = layout.q, layout.p
        b2x, b22 = absorbed.b[:q, q : q + p], absorbed.b[:q, :q]
        w = self._y @ b22
        d2 = (b2x - w.mT @ self._half) @ self._half_inverse
        s22 = b22 - w.mT @ w - d2 @ d2.mT
        a1f = cross.a1f[:, :, :-1]
        if absorbed.ratio is not None:
            left, s11 = a1f * absorbed.ratio, cross.a11 * absorbed.ratio
        else:
            left = a1f - cross.a11 @ (absorbed.k @ a1f)
            s11 = cross.a11 - cross.a11 @ absorbed.k @ cross.a11
        n1 = left[:, :, :q] @ self._y.mT
        d1 = (left[:, :, q:] - n1 @ self._half) @ self._half_inverse
        return Projection(s11 - own_products(n1) - own_products(d1), s22)

    def _leverage(self) -> Tensor:
        """w_i'Mw_j at the entries of R^-1."""
        layout, a1f, k = self._engine.layout, self._cross.a1f, self._absorbed.k
        q, p = layout.q, layout.p
        jt = times(k, a1f[:, :, :q]) @ self._y.mT
        total = layout.leverage(k + own_products(jt), -(jt.flatten(0, 1) @ self._y), self._y.mT @ self._y)
        u2 = self._y.mT @ self._half
        u1 = times(k, a1f[:, :, q : q + p] - a1f[:, :, :q] @ u2)
        rest = (layout.xy[:, :p] - layout.multiplied(u1, u2)) @ self._half_inverse
        if layout.pattern is None:
            return total + (rest * rest).sum(dim=1)
        i, j = layout.pattern
        return total + (rest[i] * rest[j]).sum(dim=1)

    def derivatives(self, positions: Sequence[int]) -> Derivatives:
        """Score and average information with respect to the natural parameters at these positions."""
        engine, count = self._engine, len(positions)
        traces = np.zeros(count)
        n = engine.problem.n
        q = torch.zeros((n, count), dtype=torch.float64)
        h = torch.zeros((n, count), dtype=torch.float64)
        place = {k: i for i, k in enumerate(positions)}
        py = self._py.unsqueeze(1)
        for piece in engine.lowered.random:
            index = [inner for inner, k in enumerate(piece.positions) if k in place]
            if not index:
                continue
            at = [place[piece.positions[inner]] for inner in index]
            try:
                traces[at] = self._traces(piece, index).numpy()
                moved = piece.derivative_effects(self.natural, index, piece.z.transposed(py))[:, :, 0].mT
                q[:, at] = piece.z.multiply(moved.contiguous())
            except (SingularMatrixError, torch.linalg.LinAlgError):  # type: ignore[attr-defined]
                traces[at] = np.nan
            h[:, at] = self._r.solve(q[:, at])
        own = [k for k in positions if k in engine.residual.positions]
        if own:
            at = [place[k] for k in own]
            q[:, at], h[:, at], traces[at] = self._of_residual(own)
        (first, second, fixed), (u1, u2, beta) = self._solved(h)
        k1 = first.flatten(0, 1)
        pqp = q.mT @ h - k1.mT @ u1.flatten(0, 1) - second.mT @ u2 - fixed.mT @ beta
        quadratics = (py.mT @ q)[0].numpy()
        scale = self._scale
        return Derivatives(
            score(traces / scale, quadratics / scale**2),
            average_information(np.eye(count), pqp.numpy()) / scale**3,
        )

    def _traces(self, piece: RandomPiece, index: Sequence[int]) -> Tensor:
        """tr(dG_k Z'PZ) for parameters of a term."""
        layout, projection = self._engine.layout, self._projection
        if piece is layout.absorbed:
            assert piece.family is not None
            slices = piece.family.derivative(piece.own(self.natural), index)
            s11 = projection.s11.sum(dim=0, keepdim=True) if slices.shape[1] == 1 else projection.s11
            return (slices * s11).sum(dim=(1, 2, 3))
        span = next(span for other, span in layout.spans() if other is piece)
        return self._engine.slices_against(piece, self.natural, index, projection.s22[span, span])

    def _of_residual(self, positions: Sequence[int]) -> tuple[Tensor, Tensor, Vector]:
        """dR_k Py, R^-1 of it, and tr(P dR_k), for parameters of R."""
        engine = self._engine
        if engine.unit is not None:
            # dR = R / sigma^2, and tr(PV) = n - p.
            trace = engine.residual_degrees - self._explained()
            return self._error[:, None], self._py[:, None], np.array([trace])
        entries, traces = self._r.derivative(positions)
        traces = traces + entries @ self._leverage()
        pattern = engine.layout.pattern
        if pattern is None:
            h = -(entries * self._error).mT
        else:
            i, j = pattern
            h = torch.zeros((engine.problem.n, len(positions)), dtype=torch.float64)
            h.index_add_(0, i, -(entries * self._error[j]).mT)
        return self._r.multiply(h), h, traces.numpy()

    def _explained(self) -> float:
        """tr(P Z G Z')."""
        layout, effects, projection = self._engine.layout, self._effects, self._projection
        total = float((effects.g1 * projection.s11).sum())
        for (_, span), g in zip(layout.spans(), effects.g2, strict=True):
            s = projection.s22[span, span]
            total += float((g * s.diagonal()).sum() if g.ndim == 1 else (g * s).sum())
        return total

    # -- random effects -------------------------------------------------------------------------------------

    def effects(self, piece: Piece) -> tuple[Tensor, Tensor] | None:
        """Predicted effects of a term Z G Z' and their prediction error variances, (q,) each; None for a term
        that the mixed-model equations have no effects of.

        Args:
            piece: a term of the lowered V.
        """
        layout, effects, projection = self._engine.layout, self._effects, self._projection
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
            if layout.members == 1:
                error = (g - g * projection.s11 * g).reshape(-1)
            else:
                error = (g - g @ projection.s11 @ g).diagonal(dim1=1, dim2=2).reshape(-1)
            return u[place], self._scale * error[place]
        for (other, span), g in zip(layout.spans(), effects.g2, strict=True):
            if other is piece:
                s = projection.s22[span, span]
                if g.ndim == 1:
                    return g * moved[:, 0], self._scale * (g - g * s.diagonal() * g)
                return (g @ moved)[:, 0], self._scale * (g.diagonal() - (g @ s * g).sum(dim=1))
        return None

    def _effects_of_rows(self, piece: DiagonalPiece) -> tuple[Tensor, Tensor] | None:
        """Effects that have one row each at most, where R is diagonal."""
        if self._engine.layout.pattern is not None or piece.rows is not None:
            return None
        variances = piece.family.value(piece.own(self.natural))[:, 0, 0].expand(piece.family.groups)
        entries = self._r.entries
        p_ii = (entries - entries * self._leverage() * entries) / self._scale
        at = variances[piece.group]
        u = torch.zeros_like(variances).index_copy_(0, piece.group, at * self.py)
        return u, variances.clone().index_copy_(0, piece.group, at - at * p_ii * at)
