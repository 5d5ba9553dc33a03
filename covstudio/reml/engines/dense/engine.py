r"""The dense engine: one Cholesky factor and one inverse of V per iteration, for any tree.

With V = L L' and everything whitened by L,

.. math:: B = L^{-1}[X\;y], \quad \log|V| = 2\sum\log L_{ii}, \quad X'V^{-1}X = B_X'B_X, \quad
          y'Py = \lVert B_y - B_X\hat\beta\rVert^2,

which is all the log-likelihood needs. For the derivatives P is formed once from V^-1 by a rank-p
correction (ML keeps V^-1 as it is); then tr(P dV_k) is an elementwise sum and the average information comes
from the vectors dV_k P y. No product of two n x n matrices is ever taken.

The floor for such an engine is the Cholesky factor plus the inverse; `benchmarks/bench_reml.py` measures
the distance to it.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.reml.engines.dense.point import DensePoint
from covstudio.reml.engines.dense.setup import DenseSetup
from covstudio.reml.engines.rounding import rounding
from covstudio.reml.engines.setup import SetupEngine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.variance import Variance

__all__ = ["DenseEngine"]

Vector = NDArray[np.float64]


class DenseEngine(SetupEngine):
    """Evaluates the restricted likelihood by factoring V whole.

    Args:
        problem: y and X.
        variance: the model of V.
    """

    setup: DenseSetup

    def __init__(self, problem: Problem, variance: Variance) -> None:
        self.setup = DenseSetup.of(problem, variance)

    @property
    def order(self) -> int:
        """n."""
        return self.setup.problem.n

    def at(self, natural: Vector) -> DensePoint | None:
        """The likelihood at these natural values, or None where V is not positive definite.

        V counts as not positive definite when the factorisation breaks down, or when a pivot is nothing but
        rounding error of the diagonal entry it came from. Nothing is ever added to the diagonal.
        """
        v = self.setup.written.value(natural)
        diagonal = torch.diagonal(v).clone()
        if not bool(torch.isfinite(diagonal).all()):
            return None
        factor, info = torch.linalg.cholesky_ex(v)
        del v
        if int(info):
            return None
        pivots = torch.diagonal(factor) ** 2
        tolerance = rounding(self.setup.problem.n)
        # Written so that a NaN fails too.
        if not bool((pivots > tolerance * diagonal).all()):
            return None
        try:
            point = DensePoint(self.setup, natural, factor)
        except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
            # X'V^-1X has no factor: V is singular in the directions of X, for all that its pivots say.
            return None
        return point if np.isfinite(point.kernel) else None
