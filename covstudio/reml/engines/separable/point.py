r"""The restricted likelihood of separable fields and random effects, at one value of the parameters.

With V_0 the fields and their nuggets, W = [Z, X] and G = LL',

.. math:: V = V_0 + ZGZ', \qquad
          F F' = \begin{pmatrix} I + L'Z'V_0^{-1}ZL & L'Z'V_0^{-1}X \\ \cdot & X'V_0^{-1}X \end{pmatrix},
          \qquad Y = F^{-1}\begin{pmatrix} L' & \\ & I \end{pmatrix},

.. math:: P = V_0^{-1} - V_0^{-1}WY'YW'V_0^{-1}, \qquad |V|\,|X'V^{-1}X| = |V_0|\,|F|^2,

so that no G is ever inverted. Traces of P with derivatives of a field come from K = V_0^-1 W Y' (see
`separable_solver`), those with derivatives of G from Z'PZ, and the average information from the vectors
dV_k Py. ML has the rows of Y that belong to effects alone in the place of Y.

Sources: Henderson (1975), Biometrics 31:423; Harville (1977), J. Am. Stat. Assoc. 72:320, for V^-1 by
Woodbury's identity; Gilmour, Thompson & Cullis (1995), Biometrics 51:1440.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.equations.absorption import from_left, solved
from covstudio.reml.engines.scaled_point import ScaledPoint
from covstudio.reml.engines.separable.setup import SeparableSetup
from covstudio.reml.engines.separable.solver import FieldPoint
from covstudio.reml.problem.errors import SINGULAR
from covstudio.reml.problem.likelihood import Derivatives, average_information, score
from covstudio.reml.terms.effect_covariance import slopes_of
from covstudio.reml.terms.kinds import Piece, mine

__all__ = ["SeparablePoint"]

Vector = NDArray[np.float64]


class SeparablePoint(ScaledPoint):
    """The restricted likelihood at one V; made by `SeparablePoint.of`."""

    _setup: SeparableSetup
    _fields: list[FieldPoint]
    _roots: Tensor

    @classmethod
    def of(
        cls, setup: SeparableSetup, natural: Vector, fields: list[FieldPoint], roots: Tensor
    ) -> SeparablePoint | None:
        """Factor V; None where rounding errors leave it indefinite.

        Args:
            setup: what does not change from point to point.
            natural: natural values of V.
            fields: the fields there.
            roots: a factor of the covariance of all effects beside the identity for fixed effects,
                (q + p, q + p), or by its diagonal, (q + p,).
        """
        point = cls.__new__(cls)
        point._setup, point.natural, point._scale = setup, natural, 1.0
        point._fields, point._roots = fields, roots
        return point if point._factored() else None

    def _factored(self) -> bool:
        setup, q = self._setup, self._setup.q
        #: [Z, X, y] in the bases, and their cross products with V_0^-1.
        self._lifted = [
            point.lifted(data.designs) for point, data in zip(self._fields, setup.data, strict=True)
        ]
        self._cross = setup.problem.triangle.new_zeros((self._roots.shape[0] + 1,) * 2)
        for point, lifted in zip(self._fields, self._lifted, strict=True):
            self._cross += lifted.flatten(1) @ (point.d * lifted).flatten(1).mT
        inner = from_left(self._roots, from_left(self._roots, self._cross[:-1, :-1]).mT)
        inner.diagonal()[:q].add_(1.0)
        factor, info = torch.linalg.cholesky_ex(inner)
        if int(info):
            return False
        v = solved(factor, from_left(self._roots, self._cross[:-1, -1:]))
        v = solved(factor.mT, v, upper=True)
        self._w = from_left(self._roots, v, transposed=False)
        left = torch.cat([-self._w, self._w.new_ones((1, 1))])[:, 0]
        self._py = setup.problem.y.new_zeros(setup.problem.n)
        self._quadratic = float(v[:q, 0] @ v[:q, 0])
        for point, data, lifted in zip(self._fields, setup.data, self._lifted, strict=True):
            error = torch.tensordot(left, lifted, 1)
            weighted = point.d * error
            self._quadratic += float((error * weighted).sum())
            data.put(self._py, point.gathered(point.grounded(weighted[None]))[:, 0])
        self._factor = factor
        logs = torch.log(factor.diagonal())
        self._logdet_v = sum(point.logdet for point in self._fields) + 2.0 * float(logs[:q].sum())
        self._logdet_xvx = 2.0 * (float(logs[q:].sum()) + setup.problem.logdet_triangle)
        return bool(np.isfinite(self.kernel))

    # -- the likelihood -------------------------------------------------------------------------------------

    @property
    def beta(self) -> Tensor:
        """(X'V^-1X)^-1 X'V^-1 y, (p,)."""
        setup = self._setup
        right = self._w[setup.q :] + setup.problem.projected_y.unsqueeze(1)
        return solved(setup.problem.triangle, right, upper=True)[:, 0]

    @property
    def beta_covariance(self) -> Tensor:
        """(X'V^-1X)^-1, (p, p)."""
        half = solved(self._setup.problem.triangle, self._y[:, self._setup.q :].mT, upper=True)
        return self._scale * (half @ half.mT)

    @property
    def py(self) -> Tensor:
        """P y, (n,)."""
        return self._py / self._scale

    def project(self, b: Tensor) -> Tensor:
        """P B, (n, k)."""
        setup, h = self._setup, self._solve(b)
        w = self._y.mT @ (self._y @ setup.transposed(h))
        return (h - self._solve(setup.multiplied(w))) / self._scale

    def _solve(self, b: Tensor) -> Tensor:
        """V_0^-1 b, (n, k)."""
        out = torch.zeros_like(b)
        for point, data in zip(self._fields, self._setup.data, strict=True):
            data.put(out, point.solve(data.taken(b)))
        return out

    # -- derivatives ----------------------------------------------------------------------------------------

    @cached_property
    def _y(self) -> Tensor:
        """Y, (q + p, q + p)."""
        roots = self._roots
        return solved(self._factor, torch.diag(roots) if roots.ndim == 1 else roots.mT)

    def _columns(self, which: int, y: Tensor) -> Tensor:
        """K on one field, in its bases, (j, r, c)."""
        lifted = self._lifted[which]
        k = y @ lifted[:-1].flatten(1)
        return self._fields[which].d * k.view(-1, *lifted.shape[1:])

    def _effect_projection(self, y: Tensor) -> Tensor:
        """Z'PZ, (q, q)."""
        q = self._setup.q
        half = y @ self._cross[:-1, :q]
        return torch.addmm(self._cross[:q, :q], half.mT, half, alpha=-1.0)

    def derivatives(self, positions: Sequence[int]) -> Derivatives:
        """Score and average information with respect to the natural parameters at these positions."""
        setup, count, q = self._setup, len(positions), self._setup.q
        # In ML V^-1 stands in the place of P, which is P without fixed effects.
        y = self._y if setup.problem.restricted else self._y[:q]
        traces = self._py.new_zeros(count)
        #: dV_k Py: on the rows for fields, and as effects c, Z c, for random terms.
        vectors, effects = self._py.new_zeros((setup.problem.n, count)), self._py.new_zeros((q, count))
        for which, (point, data) in enumerate(zip(self._fields, setup.data, strict=True)):
            known = any(k in data.positions for k in positions)
            found = (
                point.slopes(self.natural, positions, data.taken(self._py), self._columns(which, y))
                if known
                else None
            )
            if found is not None:
                traces[found.places] += found.traces
                part = self._py.new_zeros((len(found.vectors), count))
                part[:, found.places] = found.vectors
                data.put(vectors, part)
        moved = setup.transposed(self._py.unsqueeze(1))[:q] if q else effects[:, :1]
        inside = self._effect_projection(y) if q else effects
        for piece, span in setup.spans:
            at, index = mine(piece.positions, positions)
            if not at:
                continue
            try:
                effects[span, at], traces[at] = slopes_of(
                    piece, self.natural, index, moved[span], inside[span, span]
                )
            except SINGULAR:
                traces[at] = torch.nan
        h = self._solve(vectors)
        onto = setup.transposed(h)
        right = onto + self._cross[:-1, :q] @ effects
        inner = vectors.mT @ h + onto[:q].mT @ effects + effects.mT @ right[:q]
        half = self._y @ right
        quadratics = vectors.mT @ self._py + effects.mT @ moved[:, 0]
        scale = self._scale
        return Derivatives(
            score(traces.cpu().numpy() / scale, quadratics.cpu().numpy() / scale**2),
            average_information((inner - half.mT @ half).cpu().numpy()) / scale**3,
        )

    # -- random effects -------------------------------------------------------------------------------------

    def effects(self, piece: Piece) -> tuple[Tensor, Tensor] | None:
        """Predicted effects of a term Z G Z' and their prediction error variances, (q,) each.

        None for a term without effects.

        Args:
            piece: a term of V.
        """
        setup = self._setup
        for which, (point, data) in enumerate(zip(self._fields, setup.data, strict=True)):
            cells = data.field.effect_cells() if data.field.piece is piece else None
            if cells is not None:
                found = point.effects(
                    self.natural, self._scale, data.taken(self.py), self._columns(which, self._y)
                )
                return found[0][cells], found[1][cells]
        for other, span in setup.spans:
            if other is piece:
                pair = setup.covariances.of(other, self.natural)
                assert pair is not None
                g = pair[0].to(self._py.device)
                s = self._effect_projection(self._y)[span, span] / self._scale
                moved = setup.transposed(self.py.unsqueeze(1))[span]
                if g.ndim == 1:
                    return g * moved[:, 0], g - g * s.diagonal() * g
                return (g @ moved)[:, 0], g.diagonal() - (g @ s * g).sum(dim=1)
        return None
