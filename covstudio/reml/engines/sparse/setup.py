"""The setup of sparse mixed-model equations: their pattern, and sums over the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from covstudio.reml.engines.equations.residual import residual_of, unit_residual
from covstudio.reml.engines.setup import Setup
from covstudio.reml.engines.sparse.choice import as_effects
from covstudio.reml.engines.sparse.layout import Layout, Pattern, pattern_of
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.variance import Variance

__all__ = ["SparseSetup"]

#: A variance of 0, relative to what the data tell of an effect.
ZERO = 1e-40


@dataclass(frozen=True, eq=False)
class SparseSetup(Setup):
    """y, X and V as sparse equations.

    Attributes:
        pattern: where the equations have entries.
        layout: sums over the rows.
        unit: position of the residual variance, which everything is relative to.
        logdet_r: log|R_0|.
        smallest: the smallest entry of R_0.
        least: what a variance of 0 is taken as.
    """

    pattern: Pattern
    layout: Layout
    unit: int
    logdet_r: float
    smallest: float
    least: float

    @classmethod
    def of(cls, problem: Problem, variance: Variance) -> SparseSetup:
        """Lay out a model and its data.

        Args:
            problem: y and X.
            variance: V, taken apart: random effects beside one residual variance.
        """
        variance = as_effects(variance)
        pattern = pattern_of(variance)
        residual = residual_of(variance)
        assert residual is not None
        unit = unit_residual(residual)
        assert unit is not None
        found = residual.at(np.ones(len(variance.names)))
        assert found is not None
        layout = Layout(problem, pattern, found.entries)
        informed = float(layout.w[~pattern.off].max()) if pattern.size else 1.0
        least = ZERO / (informed if informed > 0.0 else 1.0)
        return cls(problem, variance, pattern, layout, unit, found.logdet, found.smallest(), least)
