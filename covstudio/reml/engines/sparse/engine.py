r"""The engine of sparse mixed-model equations: many random effects, each tied to few others.

.. math:: V = \sigma^2\Big(R_0 + \sum_t\gamma_tZ_tK_tZ_t'\Big), \qquad R_0\ \text{a known diagonal}

with incidence-like Z and K of sparse inverse: independent effects, a pedigree, a chain; or with B (x) K
in the place of gamma K, B a small covariance for every level, such as that of random slopes. The coefficient
matrix of the mixed-model equations is then sparse; its factor and the entries of its inverse that derivatives
need are computed without ever writing a matrix of q x q (see `factor`, `point`, `coefficients`).

Sources: Henderson (1976), Biometrics 32:69; Johnson & Thompson (1995), J. Dairy Sci. 78:449; Takahashi, Fagan
& Chin (1973), 8th PICA Conference, p. 63; Smith (1995), J. Comput. Graph. Stat. 4:134, differentiates the
factor instead.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.engines.rounding import rounding
from covstudio.reml.engines.setup import SetupEngine
from covstudio.reml.engines.sparse.point import SparsePoint
from covstudio.reml.engines.sparse.setup import SparseSetup
from covstudio.reml.engines.sparse.terms import TermPoint
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.variance import Variance

__all__ = ["SparseEngine"]

Vector = NDArray[np.float64]


class SparseEngine(SetupEngine):
    """Evaluates the restricted likelihood through sparse mixed-model equations.

    It computes on the CPU wherever y is; what is asked of a point is on the device of y.

    Args:
        problem: y and X.
        variance: V, taken apart: random effects beside one residual variance.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, PedigreeMatrix, ScalarMatrix
        >>> from covstudio.covariance import Sum
        >>> from covstudio.reml.problem.problem import prepare
        >>> a = PedigreeMatrix([("bull", None, None), ("cow", None, None), ("calf", "bull", "cow")])
        >>> z = DummyMatrix(["bull", "cow", "calf", "calf"], levels=[a.pedigree.individuals], lex_order=False)
        >>> v = Variance(Sum(animal=CovariancePropagation(z=z, g=a), units=ScalarMatrix(4)))
        >>> engine = SparseEngine(prepare([1.0, 2.0, 5.0, 4.0], [[1.0]] * 4), v)
        >>> round(engine.at(np.array([1.0, 1.0])).kernel, 4)
        -4.6175
    """

    setup: SparseSetup

    def __init__(self, problem: Problem, variance: Variance) -> None:
        self.setup = SparseSetup.of(problem, variance)

    @property
    def order(self) -> int:
        """Rows of a dense matrix that is as well done on one thread as these: small ones, mostly."""
        return self.setup.pattern.plan.order

    def at(self, natural: Vector) -> SparsePoint | None:
        """The likelihood at these natural values, or None where a variance is negative."""
        scale = float(natural[self.setup.unit])
        if not 0.0 < scale < float("inf"):
            return None
        terms: list[TermPoint] = []
        largest = 0.0
        for term in self.setup.pattern.terms:
            found = term.at(natural, scale)
            if found is None:
                return None
            largest = max(largest, float(found.gammas.max()))
            terms.append(found)
        # A residual that is nothing but rounding error of V leaves no digit of V^-1.
        if not self.setup.smallest > rounding(self.setup.problem.n) * largest:
            return None
        point = SparsePoint.of(self.setup, natural, scale, terms)
        return point if point is not None and math.isfinite(point.kernel) else None
