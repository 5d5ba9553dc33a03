r"""The mixed-model equations of plain variance components, where what a point costs is calling functions.

.. math:: V = \sigma^2\left(R_0 + \gamma_1Z_1Z_1' + \gamma_2Z_2Z_2' + \cdots\right), \qquad R_0\ \text{known}

Cross products never change here and each derivative is one Z_t Z_t', so that everything a derivative needs is
at hand in the factors. With V_1 = R_0 + gamma_1 Z_1 Z_1' (Z_1 absorbed), B = W'V_1^-1 W for W = [Z_2, X] and
Y'Y the inverse of its coefficient matrix, products of the vectors q_k = dV_k Py come as

.. math:: q_k'Pq_l = q_k'V_1^{-1}q_l - (YW'V_1^{-1}q_k)'(YW'V_1^{-1}q_l),

and Z_1'Py = (I + gamma_1 Z_1'R_0^-1 Z_1)^-1 Z_1'R_0^-1(y - X beta - Z_2 u_2), without loss of digits. No pass
over the rows is left. Small arrays are worked on in numpy, whose calls cost a third of torch's; larger matrix
products are torch's, whose threads a fit sets. Everything else that can be asked of a point is `MmePoint`'s.

Sources: as for `mme_point`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.equations.absorption import Absorbed, Effects
from covstudio.reml.engines.equations.crossproducts import Crossproducts
from covstudio.reml.engines.equations.residual import (
    DiagonalResidual,
    Residual,
    ResidualPoint,
    unit_residual,
)
from covstudio.reml.engines.mme.point import MmePoint
from covstudio.reml.engines.mme.setup import MmeSetup
from covstudio.reml.engines.rounding import rounding
from covstudio.reml.problem.likelihood import Derivatives, score
from covstudio.reml.terms.kinds import Piece, RandomPiece
from covstudio.threads import SMALL, inverse_factor

__all__ = ["Components", "ComponentsPoint", "component_positions", "components_of"]

Vector = NDArray[np.float64]

#: Below this share of y'R_0^-1 y the residual sum of squares is summed over the rows: as a difference of
#: cross products it would lack two digits.
CANCELLED = 1e-2
#: Above this share of what a level's own data tell of its effect, its variance says the same without loss.
SHRUNK = 1e-2


@dataclass(frozen=True, eq=False)
class Components:
    """What stays the same throughout a fit of variance components.

    Attributes:
        positions: of the variances of the effects, the absorbed term first, and of the residual, last.
        means: mean diagonal of each term at a variance of 1, in the same order.
        cross: cross products with R_0^-1.
        a11: Z_1'R_0^-1 Z_1, (m,).
        flat: Z_1'R_0^-1 [Z_2, X, y], (m, q + p + 1).
        aff: [Z_2, X, y]'R_0^-1 [Z_2, X, y], (q + p + 1, q + p + 1).
        total: y'R_0^-1 y.
        sizes: number of effects of each dense term.
        spans: their columns.
        spread: which dense term each column belongs to, as columns of the identity, (q, terms).
        absorbing: 1 where a term is absorbed, else 0: where the dense terms begin in `positions`.
        limit: from this gamma on the residual is nothing but rounding error of V, which leaves no digit of
            V^-1.
    """

    positions: list[int]
    means: Vector
    cross: Crossproducts
    a11: Vector
    flat: Vector
    aff: Vector
    total: float
    sizes: list[int]
    spans: list[slice]
    spread: Vector
    absorbing: int
    limit: float


def component_positions(terms: Sequence[RandomPiece], residual: Residual) -> list[int] | None:
    """Where the variances of V stand, that of the residual last; None where V is more than such components.

    Args:
        terms: the random effects.
        residual: R.
    """
    unit = unit_residual(residual)
    if unit is None or not all(piece.component for piece in terms):
        return None
    positions = [*(piece.positions[0] for piece in terms), unit]
    return positions if len(set(positions)) == len(positions) else None


def components_of(setup: MmeSetup, r: ResidualPoint, cross: Crossproducts) -> Components | None:
    """The constants of a fit, or None where V is more than variance components.

    Args:
        setup: the data and V.
        r: R_0.
        cross: cross products with its inverse.
    """
    layout = setup.layout
    terms = [layout.absorbed, *layout.dense] if layout.absorbed is not None else layout.dense
    positions = component_positions(terms, setup.residual)
    if positions is None or cross.aff.device.type != "cpu":
        return None
    assert isinstance(setup.residual, DiagonalResidual)
    ones = np.ones(max(positions) + 1)
    pieces = [*terms, *setup.residual.pieces]
    sizes = [piece.columns for piece in layout.dense]
    spans = [span for _, span in layout.spans]
    spread = np.zeros((layout.q, len(sizes)))
    for term, span in enumerate(spans):
        spread[span, term] = 1.0
    return Components(
        positions,
        np.array([piece.mean_diagonal(ones) for piece in pieces]),
        cross,
        cross.a11.numpy().reshape(-1),
        cross.flat.numpy(),
        cross.aff.numpy(),
        float(cross.aff[-1, -1]),
        sizes,
        spans,
        spread,
        len(terms) - len(sizes),
        r.smallest() / rounding(setup.problem.n),
    )


def _product(a: Vector, b: Vector) -> Vector:
    """A B, or A b."""
    if a.size <= SMALL:
        small: Vector = np.dot(a, b)
        return small
    product: Vector = (torch.from_numpy(a) @ torch.from_numpy(b)).numpy()
    return product


class ComponentsPoint(MmePoint):
    """The restricted likelihood at one value of some variance components; made by `ComponentsPoint.at`."""

    _own: Components
    _gammas: Vector
    _first: float
    _second: Vector
    _ratio: Vector
    _left: Vector
    _s1: Vector
    _s2: Vector
    _b: Vector
    _leftover: float
    _lower: Vector
    _rows: Vector
    _solution: Vector

    @classmethod
    def at(
        cls, setup: MmeSetup, own: Components, r: ResidualPoint, natural: Vector, scale: float
    ) -> ComponentsPoint | None:
        """Factor V / scale.

        None where a variance is negative or not finite, or rounding errors leave it indefinite.

        Args:
            setup: the data and V.
            own: what stays the same.
            r: R_0.
            natural: natural values of V.
            scale: the residual variance.
        """
        gammas = natural[own.positions[:-1]] / scale
        for gamma in gammas.tolist():
            if not 0.0 <= gamma < own.limit:
                return None
        point = cls.__new__(cls)
        point._setup, point.natural, point._scale = setup, natural, scale
        point._own, point._gammas, point._r, point._cross = own, gammas, r, own.cross
        return point if point._factored() else None

    def _factored(self) -> bool:
        own, q = self._own, self._setup.layout.q
        self._first = first = float(self._gammas[0]) if own.absorbing else 0.0
        self._second = second = own.spread @ self._gammas[own.absorbing :]
        grown = first * own.a11
        self._ratio = ratio = 1.0 / (1.0 + grown)
        self._left = left = own.flat * ratio[:, None]
        b = _product(own.flat.T, left)
        b *= -first
        b += own.aff
        self._b = b
        size = len(b) - 1
        roots = np.ones(size)
        np.sqrt(second, out=roots[:q])
        inner = b[:-1, :-1] * roots
        inner *= roots[:, None]
        inner.ravel()[: q * (size + 1) : size + 1] += 1.0
        found = inverse_factor(inner)
        if found is None:
            return False
        self._lower, y = found
        y *= roots
        self._rows, rest = y, np.ones(size + 1)
        self._solution = w = _product(y.T, _product(y, b[:-1, -1]))
        np.negative(w, out=rest[:-1])
        self._s1 = s1 = ratio * _product(own.flat, rest)
        products = _product(b, rest)
        # Z_2'Py: a difference without loss of digits where shrinkage is strong, u_2 / gamma where it is weak.
        self._s2 = s2 = products[:q].copy()
        np.divide(w[:q], second, out=s2, where=second * b.diagonal()[:q] > 1.0)
        predicted = first * float(s1 @ s1)
        leftover = float(rest @ products) - predicted
        if not leftover > CANCELLED * own.total:
            leftover = float(self._error @ self._py)
        self._leftover = leftover
        self._quadratic = leftover + predicted + float(second @ (s2 * s2))
        logs = np.log(self._lower.diagonal())
        self._logdet_v = self._r.logdet + float(np.log1p(grown).sum()) + 2.0 * float(logs[:q].sum())
        self._logdet_xvx = 2.0 * (float(logs[q:].sum()) + self._setup.problem.logdet_triangle)
        return True

    @cached_property
    def _factor(self) -> Tensor:  # type: ignore[override]
        return torch.from_numpy(self._lower)

    @cached_property
    def _y(self) -> Tensor:
        return torch.from_numpy(self._rows)

    @cached_property
    def _w(self) -> Tensor:  # type: ignore[override]
        return torch.from_numpy(self._solution).unsqueeze(1)

    @cached_property
    def _error(self) -> Tensor:  # type: ignore[override]
        """y - X beta - Zu, (n,)."""
        layout, q = self._setup.layout, self._setup.layout.q
        error = torch.addmm(layout.y, layout.x, self._w[q:], alpha=-1.0)
        error -= layout.multiplied(torch.from_numpy(self._first * self._s1).view(-1, 1, 1), self._w[:q])
        return error[:, 0]

    @cached_property
    def _py(self) -> Tensor:  # type: ignore[override]
        return self._r.solve(self._error.unsqueeze(1))[:, 0]

    @cached_property
    def mean_diagonal(self) -> float:
        """Mean of the diagonal of V."""
        return float(self.natural[self._own.positions] @ self._own.means)

    # -- what MmePoint goes on from -------------------------------------------------------------------------

    @cached_property
    def _absorbed(self) -> Absorbed:  # type: ignore[override]
        ratio = torch.from_numpy(self._ratio).view(-1, 1, 1)
        return Absorbed(self._first * ratio, ratio, None, torch.from_numpy(self._b), 0.0)

    @cached_property
    def _effects(self) -> Effects:  # type: ignore[override]
        own = self._own
        first = torch.full((own.absorbing, 1, 1), self._first, dtype=torch.float64)
        second = [
            torch.full((size,), gamma, dtype=torch.float64)
            for size, gamma in zip(own.sizes, self._gammas[own.absorbing :].tolist(), strict=True)
        ]
        ones = torch.ones(self._setup.layout.p, dtype=torch.float64)
        roots = torch.cat([*(gamma.sqrt() for gamma in second), ones])
        return Effects(first, first.sqrt(), second, roots, float(self._gammas.max(initial=0.0)))

    def effects(self, piece: Piece) -> tuple[Tensor, Tensor] | None:
        """Predicted effects of a term and their prediction error variances, (q,) each; see `MmePoint`."""
        layout, first, scale = self._setup.layout, self._first, self._scale
        if piece is layout.absorbed:
            reached = np.einsum("ij,ij->i", self._reached, self._reached)
            errors = scale * (first * self._ratio + first**2 * reached)
            return torch.from_numpy(first * self._s1), torch.from_numpy(errors)
        for other, span in layout.spans:
            if other is piece:
                own = self._rows[:, span]
                errors = scale * np.einsum("ij,ij->j", own, own)
                return torch.from_numpy(self._solution[span]), torch.from_numpy(errors)
        return super().effects(piece)

    # -- derivatives ----------------------------------------------------------------------------------------

    def derivatives(self, positions: Sequence[int]) -> Derivatives:
        """Score and average information with respect to the variances at these positions."""
        own, scale = self._own, self._scale
        traces, squares, inner = self._products
        slopes = score(traces / scale, squares / scale**2)
        inner = (0.5 / scale**3) * inner
        if list(positions) != own.positions:
            place = np.array([own.positions.index(k) for k in positions], dtype=np.intp)
            slopes, inner = slopes[place], inner[place[:, None], place]
        return Derivatives(slopes, inner)

    @cached_property
    def _reached(self) -> Vector:
        """Z_1'V_1^-1 W Y', (m, q + p)."""
        return _product(self._left[:, :-1], self._rows.T)

    @cached_property
    def _products(self) -> tuple[Vector, Vector, Vector]:
        """tr(P dV_k), y'P dV_k Py and q_k'Pq_l for all variances, everything relative."""
        own, q, b, s1, s2 = self._own, self._setup.layout.q, self._b, self._s1, self._s2
        start, ratio = own.absorbing, self._ratio
        rows = self._rows if self._setup.problem.restricted else self._rows[:q]
        count = len(own.positions)
        traces, squares = np.empty(count), np.empty(count)
        # The columns of W'V_1^-1 q_k, and q_k'V_1^-1 q_l.
        side, own_part = np.zeros((len(b) - 1, count)), np.zeros((count, count))
        if q:
            dense = s2[:, None] * own.spread
            traces[start:-1] = self._own_traces(rows) @ own.spread
            squares[start:-1] = s2 @ dense
            side[:, start:-1] = _product(b[:-1, :q], dense)
            side[:q, -1] = s2
        own_part[-1, -1] = self._leftover
        if start:
            shrunk = ratio * own.a11
            reached = self._reached[:, : len(rows)].reshape(-1)
            traces[0] = shrunk.sum() - float(reached @ reached)
            squares[0] = s1 @ s1
            side[:, 0] = _product(self._left[:, :-1].T, s1)
            side[:, -1] -= self._first * side[:, 0]
            product = float((ratio * s1) @ s1)
            own_part[0, 0] = (shrunk * s1) @ s1
            own_part[0, -1] = own_part[-1, 0] = product
            own_part[-1, -1] -= self._first * product
        # tr(PV) = n - p; tr(V^-1 V) = n in ML.
        traces[-1] = self._setup.problem.degrees - self._gammas @ traces[:-1]
        squares[-1] = self._leftover
        if q:
            across = dense.T @ side[:q]
            own_part[start:-1] = across
            own_part[:, start:-1] = across.T
        moved = _product(self._rows, side)
        inner = own_part - moved.T @ moved
        return traces, squares, 0.5 * (inner + inner.T)

    def _own_traces(self, rows: Vector) -> Vector:
        """The diagonal of Z_2'PZ_2 (of Z_2'V^-1Z_2 in ML), (q,), which is B - BCB with C = (B + G^-1)^-1.

        That is (1 - C/gamma)/gamma as well, which is had from C alone but loses digits where a level has
        little data beside gamma.

        Args:
            rows: Y, or its rows that belong to Z_2, so that C = Y'Y there.
        """
        q, second = self._setup.layout.q, self._second
        diagonal = self._b.diagonal()[:q]
        if (second * diagonal).min() > SHRUNK:
            own = rows[:, :q]
            return np.asarray((1.0 - np.einsum("ij,ij->j", own, own) / second) / second)
        half = _product(rows, self._b[:-1, :q])
        return np.asarray(diagonal - np.einsum("ij,ij->j", half, half))
