r"""A sparse Cholesky factor, solutions, and the entries of the inverse where the matrix has entries.

.. math:: M = LL', \qquad F = \begin{pmatrix} F_{11} & \cdot\\ F_{21} & F_{22}\end{pmatrix}, \quad
          F_{11} = L_{11}L_{11}', \quad L_{21} = F_{21}L_{11}^{-T}, \quad F_{22} \to F_{22} - L_{21}L_{21}'

front by front, each passing the rest F_22 on to its parent. With S = M^-1 and Y = L_21 L_11^-1, the entries
of the inverse come out the other way round, from the roots to the leaves (Takahashi's equations for fronts),

.. math:: S_{21} = -S_{22}Y, \qquad S_{11} = (L_{11}L_{11}')^{-1} - Y'S_{21},

since all of S_22 stands in the front of the parent. No other entry of M^-1 is ever computed.

Sources: Duff & Reid (1983), ACM Trans. Math. Software 9:302; Takahashi, Fagan & Chin (1973), 8th PICA
Conference, p. 63; Erisman & Tinney (1975), Comm. ACM 18:177; Campbell & Davis (1995), Univ. of Florida report
TR-95-021.
"""

from __future__ import annotations

import torch
from torch import Tensor

from covstudio.reml.engines.sparse.plan import Plan, Step

__all__ = ["SparseFactor"]


class SparseFactor:
    """M = LL' for a sparse M; made by `SparseFactor.of`.

    Attributes:
        logdet: log|M|.

    Example:
        >>> import numpy as np
        >>> from covstudio.reml.engines.sparse.plan import plan_of
        >>> i, j = np.array([0, 1, 2, 2]), np.array([0, 1, 2, 0])
        >>> values = torch.tensor([4.0, 2.0, 1.0, 1.0], dtype=torch.float64)
        >>> factor = SparseFactor.of(plan_of(i, j, 3), values)
        >>> round(factor.logdet, 4), factor.inverse_entries().round(decimals=4).tolist()
        (1.7918, [0.3333, 0.5, 1.3333, -0.3333])
    """

    logdet: float

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pool = torch.zeros(plan.pool, dtype=torch.float64)
        #: L_11 and L_21 of every step.
        self._l11: list[Tensor] = []
        self._l21: list[Tensor] = []

    @classmethod
    def of(cls, plan: Plan, values: Tensor) -> SparseFactor | None:
        """Factor M; None where it is not positive definite.

        Args:
            plan: how.
            values: the entries of M that the plan was made for, in that order.
        """
        factor = cls(plan)
        return factor if factor._factored(values) else None

    def _factored(self, values: Tensor) -> bool:
        plan, pool = self._plan, self._pool
        pool.index_copy_(0, plan.places, values.index_select(0, plan.entries))
        pool.index_fill_(0, plan.ones, 1.0)
        rest: dict[int, Tensor] = {}
        total = 0.0
        for number, step in enumerate(plan.steps):
            fronts = self._assembled(step, values, rest)
            s = step.s
            l11, info = torch.linalg.cholesky_ex(fronts[:, :s, :s])
            if bool(info.any()):
                return False
            total += float(torch.log(l11.diagonal(dim1=1, dim2=2)).sum())
            l21 = fronts[:, s:, :s]
            if step.r:
                l21 = torch.linalg.solve_triangular(l11.mT, l21, upper=True, left=False)
                fronts[:, s:, s:].baddbmm_(l21, l21.mT, alpha=-1.0)
            self._l11.append(l11)
            self._l21.append(l21)
            if step.large and step.r:
                rest[number] = fronts[0, s:, s:].clone()
        self.logdet = 2.0 * total
        # What fronts passed on is not needed again.
        self._pool = pool[:0]
        return True

    def _assembled(self, step: Step, values: Tensor, rest: dict[int, Tensor]) -> Tensor:
        """The fronts of a step, lower triangles, (count, s + r, s + r)."""
        size, pool = step.size, self._pool
        if step.large:
            front = torch.zeros(size * size, dtype=torch.float64)
            front.index_copy_(0, step.places, values.index_select(0, step.entries))
            front.index_add_(0, step.put, pool.index_select(0, step.taken))
        else:
            pool.index_add_(0, step.put, pool.index_select(0, step.taken))
            front = pool
        for link in step.links:
            own = front[link.start : link.start + size * size].view(size, size)
            own[link.places[:, None], link.places] += rest.pop(link.child)
        fronts = front if step.large else pool[step.start : step.stop]
        return fronts.view(step.count, size, size)

    # -- solutions ------------------------------------------------------------------------------------------

    def solve(self, b: Tensor) -> Tensor:
        """M^-1 B, (q, k)."""
        # The last row stands for the rows that fill fronts up; it stays 0.
        x = torch.cat([b, b.new_zeros((1, b.shape[1]))])
        shape = (-1, b.shape[1])
        for step, l11, l21 in zip(self._plan.steps, self._l11, self._l21, strict=True):
            pivots = step.pivots.view(-1)
            y = x.index_select(0, pivots).view(step.count, step.s, -1)
            y = torch.linalg.solve_triangular(l11, y, upper=False)
            x.index_copy_(0, pivots, y.reshape(shape))
            if step.r:
                x.index_add_(0, step.below.view(-1), (l21 @ y).view(shape), alpha=-1.0)
        for step, l11, l21 in zip(
            reversed(self._plan.steps), reversed(self._l11), reversed(self._l21), strict=True
        ):
            pivots = step.pivots.view(-1)
            y = x.index_select(0, pivots).view(step.count, step.s, -1)
            if step.r:
                below = x.index_select(0, step.below.view(-1)).view(step.count, step.r, -1)
                y.baddbmm_(l21.mT, below, alpha=-1.0)
            x.index_copy_(0, pivots, torch.linalg.solve_triangular(l11.mT, y, upper=True).reshape(shape))
        return x[:-1]

    # -- the selected inverse -------------------------------------------------------------------------------

    def inverse_entries(self) -> Tensor:
        """The entries of M^-1 at the entries of M that the plan was made for, in that order."""
        plan = self._plan
        count = len(plan.entries) + sum(len(step.entries) for step in plan.steps)
        out = torch.zeros(count, dtype=torch.float64)
        pool = torch.zeros(plan.pool, dtype=torch.float64)
        known: dict[int, Tensor] = {}
        for number in range(len(plan.steps) - 1, -1, -1):
            step = plan.steps[number]
            l11, l21, s, size = self._l11[number], self._l21[number], step.s, step.size
            if step.large:
                inverse = torch.empty((1, size, size), dtype=torch.float64)
                if step.r:
                    inverse[0, s:, s:] = known.pop(number)
            else:
                inverse = pool[step.start : step.stop].view(step.count, size, size)
                if step.r:
                    below = inverse[:, s:, s:]
                    below += torch.tril(below, -1).mT
            inverse[:, :s, :s] = torch.cholesky_inverse(l11)
            if step.r:
                y = torch.linalg.solve_triangular(l11, l21, upper=False, left=False)
                s21 = inverse[:, s:, s:] @ y
                inverse[:, s:, :s] = -s21
                inverse[:, :s, s:] = -s21.mT
                inverse[:, :s, :s] += y.mT @ s21
            front = inverse.view(-1) if step.large else pool
            if step.large:
                out.index_copy_(0, step.entries, front.index_select(0, step.places))
            pool.index_copy_(0, step.taken, front.index_select(0, step.put))
            for link in step.links:
                own = front[link.start : link.start + size * size].view(size, size)
                known[link.child] = own[link.places[:, None], link.places]
        out.index_copy_(0, plan.entries, pool.index_select(0, plan.places))
        return out
