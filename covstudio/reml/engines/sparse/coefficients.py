r"""The random coefficients of sparse mixed-model equations: Z G Z' with G a small covariance for every level.

.. math:: G = B(\theta) \otimes K \quad\text{or}\quad K \otimes B(\theta), \qquad
          \tfrac1{\sigma^2}B = U\operatorname{diag}(e_1^2, \ldots, e_k^2)\,U'

K ties the levels together: it is the identity, or a pedigree. U has ones on its diagonal, so that the effects
are u = U E v with v ~ N(0, I (x) K): variances e^2 as in any other term, of effects whose columns of Z are
Z U. A correlation of 1, or a variance of 0, is an e of 0. The member of a level with the largest variance, in
the units of its columns of Z, is taken out first, so that U has no large entries.

Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, 2nd ed., section 10.3 (pivoting).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix, structure
from covstudio.reml.engines.sparse.terms import TermPoint, known_entries
from covstudio.reml.terms.design_rows import SparseRows
from covstudio.reml.terms.effect_covariance import psd_factor
from covstudio.reml.terms.families import Grouped, grouped, related
from covstudio.reml.terms.kinds import RandomPiece

__all__ = ["CoefficientsTerm", "unit_factor"]

Vector = NDArray[np.float64]

#: Members of a level, at most: they all meet.
MEMBERS = 24


class CoefficientsTerm:
    """G the covariance of a level's coefficients, for levels that are independent or tied by a known K."""

    def __init__(self, piece: RandomPiece, family: Grouped, levels: Matrix | None) -> None:
        self.piece = piece
        self.members, self.outer = family.members, family.outer
        self._family = family
        self._levels = levels
        if levels is None:
            self.level_rows = self.level_columns = torch.arange(family.groups)
        else:
            found = structure.sparsity(levels)
            assert found is not None
            self.level_rows, self.level_columns = found
        self._known: tuple[Tensor, float] | None = None
        z = piece.z
        assert isinstance(z, SparseRows)
        _, member = family.split(z.codes)
        sizes = torch.zeros(family.members, dtype=torch.float64)
        sizes.index_add_(0, member.reshape(-1), z.weights().square().reshape(-1))
        self._sizes = torch.where(sizes > 0.0, sizes, 1.0)

    @classmethod
    def of(cls, piece: RandomPiece) -> CoefficientsTerm | None:
        """The term, where its covariance is of this kind and small enough; None for any other."""
        family = grouped(piece.g)
        if family is not None and 1 < family.members <= MEMBERS:
            return cls(piece, family, None)
        found = related(piece.g)
        if found is not None and 1 < found[0].members <= MEMBERS:
            return cls(piece, *found)
        return None

    def at(self, natural: Vector, scale: float) -> TermPoint | None:
        """K^-1, and U and e^2 for every effect; None where B is no covariance."""
        own = self.piece.own(natural)
        block = self._family.value(own)[0] / scale
        if psd_factor(block[None]) is None:
            return None
        if self._known is None:
            self._known = self._of_levels()
        if self._known is None:
            return None
        entries, logdet = self._known
        mix, sizes = unit_factor(block, self._sizes)
        gammas = sizes.expand(self._family.groups, -1)
        gammas = (gammas if self.outer else gammas.mT).reshape(-1)
        return TermPoint(gammas, entries.repeat(self.members), self.members * logdet, mix)

    def _of_levels(self) -> tuple[Tensor, float] | None:
        if self._levels is None:
            return torch.ones(self._family.groups, dtype=torch.float64), 0.0
        return known_entries(self._levels)

    def slopes(
        self, natural: Vector, index: Sequence[int], s: Tensor, c: Tensor, t: Tensor
    ) -> tuple[Tensor, Tensor]:
        """dG_k s and tr(dG_k Z'PZ), t being the traces of K Z'PZ between members, (k, k)."""
        slices = self._family.derivative(self.piece.own(natural), index)[:, 0]
        moved = torch.stack([among_members(part, c[:, None], self.outer)[:, 0] for part in slices])
        return moved.mT, (slices * t).sum(dim=(1, 2))


def among_members(matrix: Tensor, b: Tensor, outer: bool) -> Tensor:
    """(I (x) A) b where levels change slowly, (A (x) I) b where members do.

    Args:
        matrix: A, (k, k).
        b: (m k, c).
        outer: whether levels change slowly.

    Example:
        >>> swap, b = torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.arange(4.0)[:, None]
        >>> [among_members(swap, b, outer)[:, 0].tolist() for outer in (True, False)]
        [[1.0, 0.0, 3.0, 2.0], [2.0, 3.0, 0.0, 1.0]]
    """
    k, width = len(matrix), b.shape[1]
    if not outer:
        return (matrix @ b.reshape(k, -1)).reshape(b.shape)
    first = b.reshape(-1, k, width).transpose(0, 1).reshape(k, -1)
    return (matrix @ first).reshape(k, -1, width).transpose(0, 1).reshape(b.shape)


def unit_factor(g: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """U with ones on its diagonal and e^2 with G = U diag(e^2) U', for a positive semi-definite G.

    What is left of a variance in rounding errors of it counts as 0, and so does its e.

    Args:
        g: (k, k).
        sizes: by what the variances are weighed where the next one is chosen, (k,).

    Example:
        >>> u, e = unit_factor(torch.tensor([[1.0, 2.0], [2.0, 4.0]]).double(), torch.ones(2))
        >>> u.tolist(), e.tolist()
        ([[1.0, 0.5], [0.0, 1.0]], [0.0, 4.0])
    """
    rest, weights = g.numpy().copy(), sizes.numpy()
    k = len(rest)
    u, e = np.eye(k), np.zeros(k)
    floor = 4.0 * k * np.finfo(np.float64).eps * rest.diagonal().copy()
    left = np.ones(k, dtype=np.bool_)
    while True:
        able = left & (rest.diagonal() > floor)
        if not able.any():
            return torch.from_numpy(u), torch.from_numpy(e)
        j = int(np.argmax(np.where(able, rest.diagonal() * weights, -1.0)))
        left[j] = False
        e[j] = rest[j, j]
        u[left, j] = rest[left, j] / e[j]
        taken = u[:, j] * left
        rest -= e[j] * np.outer(taken, taken)
