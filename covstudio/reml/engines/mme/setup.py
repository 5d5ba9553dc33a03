"""The setup of the mixed-model equations: y, X and V in the parts that they are made of."""

from __future__ import annotations

from dataclasses import dataclass

from covstudio.reml.engines.equations.crossproducts import Layout, layout_of
from covstudio.reml.engines.equations.residual import Residual, residual_of, unit_residual
from covstudio.reml.engines.setup import Setup
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.device import placed
from covstudio.reml.terms.kinds import Piece
from covstudio.reml.terms.variance import Variance

__all__ = ["MmeSetup"]


@dataclass(frozen=True, eq=False)
class MmeSetup(Setup):
    """y, X and V in the parts that the equations are made of.

    Attributes:
        residual: R.
        layout: the absorbed term, the dense ones, and X and y less their projections.
        unit: position of the one residual variance that everything is relative to; None where there is none.
    """

    residual: Residual
    layout: Layout
    unit: int | None

    @classmethod
    def of(cls, problem: Problem, variance: Variance) -> MmeSetup:
        """Lay out a model and its data.

        Args:
            problem: y and X.
            variance: V, taken apart; with a residual, and without terms of no known structure.
        """
        there = placed(variance, problem.device)
        residual = residual_of(there)
        assert residual is not None
        return cls(problem, there, residual, layout_of(problem, there, residual), unit_residual(residual))

    def own(self, piece: Piece) -> Piece:
        """A term of V where the engine computes: itself on the CPU."""
        return next((term for term in self.variance.pieces if term.path == piece.path), piece)
