r"""The restricted likelihood of independent blocks of rows, at one value of the parameters.

With C = (X'V^-1X)^-1 and r = y - X beta, sums over the blocks g of kind kappa, which share one covariance,

.. math:: T_\kappa = \sum_g X_gCX_g', \qquad E_\kappa = V_\kappa^{-1}\Big(\sum_g r_gr_g'\Big)V_\kappa^{-1},
          \qquad H_{\kappa a} = V_\kappa^{-1}\Big(\sum_g x_{ga}r_g'\Big)V_\kappa^{-1},

give the score and the average information without any vector of n:

.. math:: \operatorname{tr}(P\dot V_k) = \sum_\kappa \big\langle \dot V_{k\kappa},\;
          n_\kappa V_\kappa^{-1} - V_\kappa^{-1}T_\kappa V_\kappa^{-1}\big\rangle, \qquad
          y'P\dot V_kPy = \sum_\kappa\langle \dot V_{k\kappa}, E_\kappa\rangle,

.. math:: 2A_{kl} = \sum_\kappa \operatorname{tr}(\dot V_{k\kappa}V_\kappa^{-1}\dot V_{l\kappa}E_\kappa)
          - h_k'Ch_l, \qquad h_{ka} = \sum_\kappa\langle\dot V_{k\kappa}, H_{\kappa a}\rangle.

When all blocks are parts of one sheet of few types, the first sum of A is a form in the derivatives of
the sheet, with the matrix sum V^-1 (x) E. Where that would be larger than the data, the vectors dV_k Py are
formed block by block instead.

Sources: Jennrich & Schluchter (1986), Biometrics 42:805, for repeated measures by patterns of missing times;
Gilmour, Thompson & Cullis (1995), Biometrics 51:1440, for the average information.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.blocks.effects import predicted
from covstudio.reml.engines.blocks.layout import Batch
from covstudio.reml.engines.blocks.moments import gathered, spread
from covstudio.reml.engines.blocks.pairs import BlockPairs
from covstudio.reml.engines.blocks.setup import BlocksSetup
from covstudio.reml.engines.rounding import rounding
from covstudio.reml.engines.scaled_point import ScaledPoint
from covstudio.reml.problem.likelihood import Derivatives, score
from covstudio.reml.terms.kinds import Piece

__all__ = ["BlocksPoint", "by_pairs"]

Vector = NDArray[np.float64]

#: The largest sheet whose pairs of entries are paired again: t^4 numbers.
SHEET = 40
#: Entries of derivatives held at a time.
CHUNK = 8_000_000


def by_pairs(size: int, kinds: int, blocks: int, parameters: int) -> bool:
    """Whether the average information is cheaper from pairs of entries of a sheet than block by block.

    Args:
        size: rows of the sheet.
        kinds: different blocks on it.
        blocks: blocks in all.
        parameters: derivatives asked for.

    Example:
        >>> by_pairs(10, 1, 500, 55), by_pairs(30, 1, 50, 2)
        (True, False)
    """
    pairs = size**4 * (kinds + parameters + 1) + parameters**2 * size**2
    return size <= SHEET and pairs < 2 * parameters * blocks * size**2 + parameters**2 * blocks * size


class BlocksPoint(ScaledPoint):
    """The restricted likelihood at one V; made by `BlocksPoint.of`."""

    _setup: BlocksSetup
    _inverses: list[Tensor]
    _diagonal: float
    _root: Tensor
    _beta: Tensor

    @classmethod
    def of(cls, setup: BlocksSetup, natural: Vector) -> BlocksPoint | None:
        """Factor the blocks; None where one is not positive definite."""
        point = cls.__new__(cls)
        point._setup, point.natural, point._scale = setup, natural, 1.0
        point._inverses, point._logdet_v, point._diagonal = [], 0.0, 0.0
        for batch in setup.layout.batches:
            if not point._factored(batch, setup.layout.values(batch, natural)):
                return None
        return point if point._solved() else None

    def _factored(self, batch: Batch, values: Tensor) -> bool:
        diagonal = torch.diagonal(values, dim1=1, dim2=2)
        factor, info = torch.linalg.cholesky_ex(values)
        pivots = torch.diagonal(factor, dim1=1, dim2=2)
        # A pivot that is nothing but rounding error of its diagonal entry leaves no digit of the inverse.
        # Written so that a NaN fails too.
        least = rounding(values.shape[1]) * diagonal
        fine = (pivots**2 > least).all() & torch.isfinite(pivots).all() & (info == 0).all()
        if not bool(fine):
            return False
        inverse = torch.cholesky_inverse(factor)
        if batch.present is not None:
            both = batch.present[:, :, None] & batch.present[:, None, :]
            inverse = torch.where(both, inverse, 0.0)
            diagonal = torch.where(batch.present, diagonal, 0.0)
        self._inverses.append(inverse)
        self._logdet_v += 2.0 * float(torch.log(pivots).sum(dim=1) @ batch.counts)
        self._diagonal += float(diagonal.sum(dim=1) @ batch.counts)
        return True

    def _solved(self) -> bool:
        """beta in terms of the orthonormal basis of X, for y less its projection on it."""
        setup, p = self._setup, self._setup.problem.p
        cross = torch.zeros((p + 1, p + 1), dtype=torch.float64, device=setup.layout.device)
        for moments, inverse in zip(setup.moments, self._inverses, strict=True):
            cross += moments.within(inverse)
        self._root, info = torch.linalg.cholesky_ex(0.5 * (cross[:p, :p] + cross[:p, :p].mT))
        if int(info):
            return False
        self._beta = torch.cholesky_solve(cross[:p, p:], self._root)[:, 0]
        least = self._residual @ cross @ self._residual
        logs = torch.log(torch.diagonal(self._root)).sum()
        self._quadratic, self._logdet_xvx = float(least), 2.0 * (float(logs) + setup.problem.logdet_triangle)
        return bool(np.isfinite(self.kernel)) and self._quadratic > 0.0

    @cached_property
    def _residual(self) -> Tensor:
        """c with D c = y - X beta, for D = [basis, y less its projection]."""
        return torch.cat([-self._beta, self._beta.new_ones(1)])

    # -- the likelihood -------------------------------------------------------------------------------------

    @cached_property
    def mean_diagonal(self) -> float:
        """Mean of the diagonal of V."""
        return self._scale * self._diagonal / self._setup.problem.n

    @property
    def beta(self) -> Tensor:
        """(X'V^-1X)^-1 X'V^-1 y, (p,)."""
        setup = self._setup
        right = (self._beta + setup.problem.projected_y).unsqueeze(1)
        found: Tensor = torch.linalg.solve_triangular(setup.problem.triangle, right, upper=True)[:, 0]
        return found

    @property
    def beta_covariance(self) -> Tensor:
        """(X'V^-1X)^-1, (p, p)."""
        half = torch.linalg.solve_triangular(self._setup.problem.triangle, self._half, upper=True)
        covariance: Tensor = self._scale * (half @ half.mT)
        return covariance

    @cached_property
    def _half(self) -> Tensor:
        """F with F F' = (Q'V^-1Q)^-1, Q the basis of X, (p, p)."""
        eye = torch.eye(len(self._root), dtype=torch.float64, device=self._root.device)
        inverse: Tensor = torch.linalg.solve_triangular(self._root, eye, upper=False)
        return inverse.mT

    def solve(self, b: Tensor) -> Tensor:
        """V^-1 b, (n, k), for the V that was factored (before rescaling)."""
        out = b.new_zeros((len(b) + 1, b.shape[1]))
        for batch, inverse in zip(self._setup.layout.batches, self._inverses, strict=True):
            out[batch.rows] = spread(inverse, batch.kind) @ gathered(b, batch.rows)
        return out[:-1]

    @cached_property
    def _py(self) -> Tensor:
        return self.solve((self._setup.data @ self._residual).unsqueeze(1))[:, 0]

    @property
    def py(self) -> Tensor:
        """P y, (n,)."""
        return self._py / self._scale

    @cached_property
    def _vq(self) -> Tensor:
        """V^-1 Q, (n, p)."""
        return self.solve(self._setup.data[:, :-1])

    def project(self, b: Tensor) -> Tensor:
        """P B, (n, k)."""
        half = self._vq @ self._half
        return (self.solve(b) - half @ (half.mT @ b)) / self._scale

    def effects(self, piece: Piece) -> tuple[Tensor, Tensor] | None:
        """Predicted effects of a term Z G Z' and their prediction error variances, (q,) each.

        None for a term whose effects are not independent between groups.

        Args:
            piece: a term of V.
        """
        setup = self._setup
        batches = list(zip(setup.layout.batches, self._inverses, strict=True))
        # All relative to the V that was factored.
        found = predicted(
            piece, self.natural, self._scale, self._py, self._vq @ self._half, batches, setup.layout.block
        )
        return None if found is None else (found[0], self._scale * found[1])

    # -- derivatives ----------------------------------------------------------------------------------------

    def derivatives(self, positions: Sequence[int]) -> Derivatives:
        """Score and average information with respect to the natural parameters at these positions."""
        count, p = len(positions), self._setup.problem.p
        device = self._setup.layout.device
        traces = torch.zeros(count, dtype=torch.float64, device=device)
        quadratics, h = torch.zeros_like(traces), traces.new_zeros((count, p))
        information = traces.new_zeros((count, count))
        for which, batch in enumerate(self._setup.layout.batches):
            blocks, size = batch.rows.shape
            paired = batch.shared and by_pairs(size, len(batch.counts), blocks, count)
            parts = (self._by_pairs if paired else self._by_blocks)(which, positions)
            for total, part in zip((traces, quadratics, h, information), parts, strict=True):
                total += part
        moved = h @ self._half
        information = 0.5 * (information - moved @ moved.mT)
        scale = self._scale
        slopes = score(traces.cpu().numpy() / scale, quadratics.cpu().numpy() / scale**2)
        symmetric = 0.5 * (information + information.mT) / scale**3
        return Derivatives(slopes, np.asarray(symmetric.cpu().numpy(), dtype=np.float64))

    def pairs(self, positions: Sequence[int]) -> BlockPairs:
        """Sums over pairs of the derivatives at these positions."""
        return BlockPairs(self._setup, self._inverses, self._half, self._scale, self.natural, list(positions))

    def _inner(self) -> Tensor:
        """A of D A D' = Q C Q', r r' and x_a r' for every column a of Q, (2 + p, p + 1, p + 1)."""
        p, c = self._setup.problem.p, self._residual
        inner = c.new_zeros((2 + p, p + 1, p + 1))
        # In ML tr(V^-1 dV) stands in place of tr(P dV).
        if self._setup.problem.restricted:
            inner[0, :p, :p] = self._half @ self._half.mT
        inner[1] = torch.outer(c, c)
        index = torch.arange(p, device=c.device)
        inner[2 + index, index] = c
        return inner

    def _by_pairs(self, which: int, positions: Sequence[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """tr(P dV), y'P dV Py, h and sum tr(dV V^-1 dV E) over the parts of a sheet."""
        setup, inverse = self._setup, self._inverses[which]
        batch, size = setup.layout.batches[which], inverse.shape[1]
        pooled = inverse @ setup.moments[which].between(self._inner()) @ inverse
        slices = setup.layout.slices(batch, self.natural, positions).flatten(1)
        left = (batch.counts[:, None, None] * inverse - pooled[0]).sum(dim=0)
        found = slices @ torch.cat([left[None], pooled[1:].sum(dim=1)]).flatten(1).mT
        # (b, c) x (d, a) turned into (a, b) x (c, d).
        form = (inverse.flatten(1).mT @ pooled[1].flatten(1)).view(size, size, size, size)
        form = form.permute(3, 0, 1, 2).reshape(size * size, size * size)
        return found[:, 0], found[:, 1], found[:, 2:], slices @ form @ slices.mT

    def _by_blocks(self, which: int, positions: Sequence[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The same from the vectors dV Py, block by block."""
        setup, inverse = self._setup, self._inverses[which]
        batch, moments = setup.layout.batches[which], setup.moments[which]
        blocks, size = batch.rows.shape
        left = batch.counts[:, None, None] * inverse
        left = left - inverse @ moments.between(self._inner()[:1])[0] @ inverse
        left = left.sum(dim=0, keepdim=True) if batch.shared else left
        every = spread(inverse, batch.kind)
        e = every @ (moments.data @ self._residual)[:, :, None]
        traces, q = [], []
        room = max(len(batch.types), 1 if batch.shared else blocks) * size**2
        step = max(1, CHUNK // room)
        for start in range(0, len(positions), step):
            slices = setup.layout.slices(batch, self.natural, positions[start : start + step])
            traces.append(slices.flatten(1) @ left.flatten())
            if batch.shared:
                q.append((slices[:, 0] @ e[:, :, 0].mT).permute(2, 1, 0))
            else:
                q.append((slices[:, batch.kind] @ e)[..., 0].permute(1, 2, 0))
        if not q:
            empty = e.new_zeros(0)
            return empty, empty, e.new_zeros((0, setup.problem.p)), e.new_zeros((0, 0))
        # (m, t, k); what stands in empty places meets zeros of V^-1 and e below.
        vectors = torch.cat(q, dim=2)
        flat = vectors.flatten(0, 1)
        vq = (every @ moments.data[:, :, :-1]).flatten(0, 1)
        return (
            torch.cat(traces),
            flat.mT @ e.flatten(),
            flat.mT @ vq,
            flat.mT @ (every @ vectors).flatten(0, 1),
        )
