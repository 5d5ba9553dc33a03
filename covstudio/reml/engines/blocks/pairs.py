r"""Sums over pairs of derivatives of a V of independent blocks, kind by kind.

With C = (X'V^-1X)^-1 and, for the n_kappa blocks g of a kind kappa, which share one covariance,

.. math:: T_\kappa = \sum_g X_gCX_g', \qquad
          E_\kappa = n_\kappa V_\kappa^{-1} - 2V_\kappa^{-1}T_\kappa V_\kappa^{-1}, \qquad
          P_k = \sum_g X_g'V_g^{-1}\dot V_{kg}V_g^{-1}X_g,

.. math:: \operatorname{tr}(P\dot V_kP\dot V_l) = \sum_\kappa
          \operatorname{tr}(\dot V_{k\kappa}V_\kappa^{-1}\dot V_{l\kappa}E_\kappa)
          + \operatorname{tr}(CP_kCP_l),

.. math:: X'V^{-1}\Big(\sum_{kl}W_{kl}\dot V_kP\dot V_l\Big)V^{-1}X =
          \sum_g X_g'V_g^{-1}\Big(\sum_k\dot V_{kg}V_g^{-1}\sum_lW_{kl}\dot V_{lg}\Big)V_g^{-1}X_g
          - \sum_{kl}W_{kl}P_kCP_l .

Of m kinds of t rows and K parameters that is m (2 K t^3 + K^2 t^2) products, whatever the number of subjects;
X_g and X_g' meet by their moments, which are summed once for a fit.

Source: Kenward & Roger (1997), Biometrics 53:983, whose Q_ij and P_i these are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.blocks.layout import Batch
from covstudio.reml.engines.blocks.moments import Moments
from covstudio.reml.engines.blocks.setup import BlocksSetup
from covstudio.reml.problem.pairs import Combination

__all__ = ["BlockPairs"]

Vector = NDArray[np.float64]

#: Entries of derivatives held at a time.
CHUNK = 8_000_000


@dataclass(frozen=True, eq=False)
class _Kinds:
    """Some kinds of blocks of one batch.

    Attributes:
        batch: the batch, with the types of these kinds only.
        moments: sums over the blocks of the whole batch.
        start: the first of these kinds.
        inverse: V^-1 of each, (m, t, t).
        weight: E of each, (m, t, t).
    """

    batch: Batch
    moments: Moments
    start: int
    inverse: Tensor
    weight: Tensor

    def within(self, middle: Tensor) -> Tensor:
        """The sums of X'V^-1 M V^-1X for every M, (k, m, t, t), in terms of the basis, (k, p, p)."""
        found = self.moments.within_some(self.inverse @ middle @ self.inverse, self.start)
        return found[:, :-1, :-1]


class BlockPairs:
    """Sums over pairs of derivatives; see `problem.pairs.DerivativePairs`.

    Args:
        setup: the blocks, and the data in them.
        inverses: V^-1 of every kind, by batch, for the V that was factored.
        half: F with F F' = (Q'V^-1Q)^-1 for that V, Q the basis of X, (p, p).
        scale: what that V is to be multiplied with.
        natural: natural values of V.
        positions: of the K parameters.
    """

    def __init__(
        self,
        setup: BlocksSetup,
        inverses: Sequence[Tensor],
        half: Tensor,
        scale: float,
        natural: Vector,
        positions: Sequence[int],
    ) -> None:
        self._setup, self._inverses, self._scale = setup, inverses, scale
        self._natural, self._positions = natural, list(positions)
        self._c = half @ half.mT
        #: Phi X'V^-1 M V^-1X Phi is this times Q'V^-1 M V^-1 Q times its transpose.
        self._left: Tensor = torch.linalg.solve_triangular(setup.problem.triangle, self._c, upper=True)

    def traces(self) -> Vector:
        """tr(P dV_k P dV_l), (K, K); in ML tr(V^-1 dV_k V^-1 dV_l)."""
        count = len(self._positions)
        total = self._c.new_zeros((count, count))
        for part, slices in self._parts():
            right = part.inverse @ slices @ part.weight
            if slices.shape[1] == 1:
                right = right.sum(dim=1, keepdim=True)
            total += slices.flatten(1) @ right.flatten(1).mT
        if self._setup.problem.restricted and count:
            moved = self._c @ self._basis_slopes
            total += moved.flatten(1) @ moved.mT.flatten(1).mT
        return _numbers(0.5 * (total + total.mT)) / self._scale**2

    def slopes(self) -> Vector:
        """d Phi / d theta_k, (K, p, p)."""
        return _numbers(self._outside(self._basis_slopes))

    def weighted(self, w: Vector) -> Vector:
        """Phi X'V^-1 (sum w_kl dV_k P dV_l) V^-1X Phi, (p, p)."""
        weights = torch.as_tensor(w, dtype=torch.float64, device=self._c.device)
        total = torch.zeros_like(self._c)
        for part, slices in self._parts():
            along = torch.einsum("kl,lmab->kmab", weights, slices)
            total += part.within((slices @ part.inverse @ along).sum(dim=0)[None])[0]
        slopes = self._basis_slopes
        total -= (slopes @ self._c @ torch.einsum("kl,lab->kab", weights, slopes)).sum(dim=0)
        return _numbers(self._outside(0.5 * (total + total.mT))) / self._scale

    def against(self, combinations: Sequence[Combination]) -> tuple[Vector, Vector]:
        """Phi X'V^-1 S V^-1X Phi, (p, p), and tr(P dV_k P S), (K,), for the sum S of combinations."""
        found = torch.zeros_like(self._c)
        traces = self._c.new_zeros(len(self._positions))
        for part, slices in self._parts():
            s = torch.zeros_like(slices[0])
            for combination in combinations:
                moved = self._setup.layout.slices(part.batch, combination.natural, self._positions)
                weights = torch.as_tensor(combination.weights, dtype=torch.float64, device=s.device)
                s += (weights @ moved.flatten(1)).view_as(s)
            found += part.within(s.expand_as(part.inverse)[None])[0]
            right = part.inverse @ s @ part.weight
            if slices.shape[1] == 1:
                right = right.sum(dim=0, keepdim=True)
            traces += slices.flatten(1) @ right.flatten()
        moved = self._c @ found @ self._c
        traces += self._basis_slopes.flatten(1) @ moved.flatten()
        return _numbers(self._outside(found)), _numbers(traces) / self._scale**2

    def _outside(self, inner: Tensor) -> Tensor:
        """From the basis of X to beta; the scale of V^-1 twice and that of Phi twice cancel."""
        return self._left @ inner @ self._left.mT

    @cached_property
    def _basis_slopes(self) -> Tensor:
        """Q'V^-1 dV_k V^-1Q for the V that was factored, (K, p, p)."""
        total = self._c.new_zeros((len(self._positions), *self._c.shape))
        for part, slices in self._parts():
            total += part.within(slices)
        return total

    def _parts(self) -> Iterator[tuple[_Kinds, Tensor]]:
        """Some kinds at a time, with the derivatives of their blocks, (K, m or 1, t, t)."""
        count, p = len(self._positions), len(self._c)
        if not count:
            return
        inner = self._c.new_zeros((1, p + 1, p + 1))
        if self._setup.problem.restricted:
            inner[0, :p, :p] = self._c
        layout, all_moments = self._setup.layout, self._setup.moments
        for batch, moments, inverse in zip(layout.batches, all_moments, self._inverses, strict=True):
            between = inverse @ moments.between(inner)[0] @ inverse
            weight = batch.counts[:, None, None] * inverse - 2.0 * between
            step = max(1, CHUNK // (count * inverse.shape[1] ** 2))
            for start in range(0, len(inverse), step):
                some = slice(start, start + step)
                own = batch if batch.shared else replace(batch, types=batch.types[some])
                part = _Kinds(own, moments, start, inverse[some], weight[some])
                yield part, layout.slices(own, self._natural, self._positions)


def _numbers(values: Tensor) -> Vector:
    return np.asarray(values.cpu().numpy(), dtype=np.float64)
