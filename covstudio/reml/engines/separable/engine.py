r"""The engine of separable fields: V = s A (x) B + tau^2 I on a grid, beside random effects.

.. math:: V = E'\big(s\,A \otimes B + \tau^2 I\big)E + \sum_t Z_tG_tZ_t'

E picks the rows that are there from the complete grid. The eigenvectors of A and B make the first part
diagonal (see `separable_solver`); missing cells are completed by a fixed effect each (`separable_missing`),
and random effects come in by Woodbury's identity (`separable_point`). Nothing is larger than the grid by the
number of effects: an iteration takes O(N (r + c) f + N f^2) operations for N = r c cells and f effects,
random and fixed. Trials at several sites, each a field of its own with common genotypes, are a list of such
grids.

Sources: Cullis & Gleeson (1991), Biometrics 47:1449; Gilmour, Cullis & Verbyla (1997), J. Agric. Biol.
Environ. Stat. 2:269.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.rounding import rounding
from covstudio.reml.engines.separable.point import SeparablePoint
from covstudio.reml.engines.separable.setup import SeparableSetup
from covstudio.reml.engines.separable.solver import FieldPoint
from covstudio.reml.engines.setup import SetupEngine
from covstudio.reml.problem.errors import SINGULAR
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.effect_covariance import along
from covstudio.reml.terms.variance import Variance

__all__ = ["SeparableEngine"]

Vector = NDArray[np.float64]


class SeparableEngine(SetupEngine):
    """Evaluates the restricted likelihood in the eigenbases of the directions of a grid.

    Args:
        problem: y and X.
        variance: V, taken apart: fields and random effects.

    Example:
        >>> from covstudio.covariance import AR1CorrelationMatrix, AR1Matrix, KroneckerProduct
        >>> from covstudio.covariance import ScalarMatrix, Sum
        >>> from covstudio.reml.problem.problem import prepare
        >>> field = KroneckerProduct(row=AR1Matrix(2), col=AR1CorrelationMatrix(2))
        >>> v = Variance(Sum(field=field, units=ScalarMatrix(4)))
        >>> engine = SeparableEngine(prepare([1.0, 2.0, 5.0, 4.0], [[1.0]] * 4), v)
        >>> round(engine.at(np.array([2.0, 0.5, 0.4, 1.0])).kernel, 4)
        -4.0682
    """

    setup: SeparableSetup

    def __init__(self, problem: Problem, variance: Variance) -> None:
        self.setup = SeparableSetup.of(problem, variance)

    @property
    def order(self) -> int:
        """Rows of the largest dense matrix; missing cells are taken line by line, in many small products."""
        sizes = [max(*field.shape, field.gaps // 8) for field in self.setup.plan.fields]
        return max([self.setup.q + self.setup.problem.p, *sizes])

    def at(self, natural: Vector) -> SeparablePoint | None:
        """The likelihood at these natural values.

        None where V_0 is not positive definite or a G has a negative eigenvalue.
        """
        try:
            return self._at(natural)
        except SINGULAR:
            return None

    def _at(self, natural: Vector) -> SeparablePoint | None:
        setup = self.setup
        device = setup.problem.device
        roots: list[Tensor] = []
        largest = 0.0
        for piece in setup.plan.random:
            pair = setup.covariances.of(piece, natural)
            if pair is None:
                return None
            largest = max(largest, float((pair[0] if pair[0].ndim == 1 else pair[0].diagonal()).max()))
            roots.append(pair[1].to(device))
        fields = []
        for field in setup.plan.fields:
            point = FieldPoint.of(field, natural, device)
            # A field that is nothing but rounding error of V leaves no digit of V^-1.
            if point is None or not point.smallest > rounding(setup.problem.n) * largest:
                return None
            fields.append(point)
        ones = torch.ones(setup.problem.p, dtype=torch.float64, device=device)
        if all(root.ndim == 1 for root in roots):
            return SeparablePoint.of(setup, natural, fields, torch.cat([*roots, ones]))
        written = [torch.diag(root) if root.ndim == 1 else root for root in (*roots, ones)]
        return SeparablePoint.of(setup, natural, fields, along(written))
