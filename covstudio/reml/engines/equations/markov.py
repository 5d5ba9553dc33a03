r"""R with a Markov covariance within groups of rows: an autoregression, a process in continuous time.

A row depends on those before it through the last one only, whatever places are missing, so that R^-1 is
tridiagonal in the order of the places,

.. math:: R^{-1} = \sum_i t_i t_i' / s_i, \quad t_i = e_i - \varphi_i e_{i-1}, \quad
          \varphi_i = c_{i-1,i} / v_{i-1}, \quad s_i = v_i - \varphi_i c_{i-1,i},

with v the variances and c the covariances of neighbours.

Source: Rue & Held (2005), Gaussian Markov Random Fields, section 1.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.terms.kinds import BlockPiece, mine

__all__ = ["MarkovResidual"]

Vector = NDArray[np.float64]


class MarkovResidual:
    """R a Markov covariance within long groups: nothing is larger than n.

    Args:
        n: rows.
        piece: its one term, which covers all rows.
    """

    def __init__(self, n: int, piece: BlockPiece) -> None:
        self.n = n
        self.piece = piece
        self.positions = frozenset(piece.positions)
        group, place = torch.empty_like(piece.group), torch.empty_like(piece.place)
        group[piece.rows], place[piece.rows] = piece.group, piece.place
        self.group, self.place = group, place
        key = group * (int(place.max()) + 1) + place
        #: Rows, group by group, each in the order of its places.
        self.order = torch.argsort(key)
        same = group[self.order][1:] == group[self.order][:-1]
        #: Rows that have one before them, and those before them.
        self.after, self.before = self.order[1:][same], self.order[:-1][same]
        rows = torch.arange(n, device=group.device)
        self.pattern: tuple[Tensor, Tensor] | None = (
            torch.cat([rows, self.before, self.after, self.before]),
            torch.cat([rows, self.before, self.before, self.after]),
        )
        self.words = "a Markov covariance along groups of rows"

    def at(self, natural: Vector) -> _MarkovPoint | None:
        """R at these natural values of V, or None where it is not positive definite."""
        universe, own = self.piece.universe, self.piece.own(natural)
        v = universe.entries(own, self.place, self.place)
        c = universe.entries(own, self.place[self.before], self.place[self.after])
        phi = c / v[self.before]
        s = v.clone()
        s[self.after] -= phi * c
        if not bool((s > 0.0).all()) or not bool((v > 0.0).all()) or not bool(torch.isfinite(s).all()):
            return None
        return _MarkovPoint(self, v, c, phi, s)


class _MarkovPoint:
    def __init__(self, owner: MarkovResidual, v: Tensor, c: Tensor, phi: Tensor, s: Tensor) -> None:
        self._owner = owner
        self._v, self._c, self._phi, self._s = v, c, phi, s
        self.logdet = float(torch.log(s).sum())
        weight = 1.0 / s
        at = weight[owner.after]
        self.entries = torch.cat([weight, phi**2 * at, -phi * at, -phi * at])

    def solve(self, b: Tensor) -> Tensor:
        after, before, phi = self._owner.after, self._owner.before, self._phi[:, None]
        whitened = b.clone()
        whitened[after] -= phi * b[before]
        whitened /= self._s[:, None]
        out = whitened.clone()
        # No row comes before two others.
        out[before] -= phi * whitened[after]
        return out

    def multiply(self, b: Tensor) -> Tensor:
        order = self._owner.order
        step = self._phi.new_zeros(self._owner.n)
        step[self._owner.after] = self._phi
        step = step[order][:, None]
        # T'^-1 runs against the order, T^-1 along it.
        following = torch.cat([step[1:], step.new_zeros((1, 1))])
        x = _running(following.flip(0), b[order].flip(0)).flip(0)
        x = _running(step, x * self._s[order][:, None])
        out: Tensor = torch.empty_like(x).index_copy_(0, order, x)
        return out

    def smallest(self) -> float:
        return float(self._s.min())

    def derivative(self, natural: Vector, positions: Sequence[int]) -> tuple[Tensor, Tensor]:
        owner, universe = self._owner, self._owner.piece.universe
        places, index = mine(owner.piece.positions, positions)
        own = owner.piece.own(natural)
        before, after, phi, s = owner.before, owner.after, self._phi, self._s
        out = self.entries.new_zeros((len(positions), len(self.entries)))
        traces = self.entries.new_zeros(len(positions))
        dv = universe.derivative_entries(own, index, owner.place, owner.place)
        dc = universe.derivative_entries(own, index, owner.place[before], owner.place[after])
        dphi = (dc - phi * dv[:, before]) / self._v[before]
        ds = dv.clone()
        ds[:, after] -= dphi * self._c + phi * dc
        dweight = -ds / s**2
        at, weight = dweight[:, after], (1.0 / s)[after]
        cross = -(dphi * weight + phi * at)
        out[places] = torch.cat([dweight, 2.0 * phi * dphi * weight + phi**2 * at, cross, cross], dim=1)
        traces[places] = (ds / s).sum(dim=1)
        return out, traces


def _running(step: Tensor, b: Tensor) -> Tensor:
    """x_i = b_i + step_i x_(i-1), all i at once in log2(n) sweeps."""
    x, factor, reach = b.clone(), step.clone(), 1
    while reach < len(x) and bool(factor.any()):
        x = torch.cat([x[:reach], x[reach:] + factor[reach:] * x[:-reach]])
        factor = torch.cat([torch.zeros_like(factor[:reach]), factor[reach:] * factor[:-reach]])
        reach *= 2
    return x
