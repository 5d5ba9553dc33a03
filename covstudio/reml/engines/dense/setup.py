"""The setup of the dense engine: y, X and V written out."""

from __future__ import annotations

from dataclasses import dataclass

from covstudio.reml.engines.setup import Setup
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.variance import Variance
from covstudio.reml.terms.written import Written

__all__ = ["DenseSetup"]


@dataclass(frozen=True, eq=False)
class DenseSetup(Setup):
    """y, X and V.

    Attributes:
        written: V written out, on the device of y.
    """

    written: Written

    @classmethod
    def of(cls, problem: Problem, variance: Variance) -> DenseSetup:
        """Lay out a model and its data."""
        return cls(problem, variance, variance.written(problem.device))
