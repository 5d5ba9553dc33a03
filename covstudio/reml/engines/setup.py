"""The base of every engine: a setup, which does not change from point to point."""

from __future__ import annotations

from dataclasses import dataclass

from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.variance import Variance

__all__ = ["Setup", "SetupEngine"]


@dataclass(frozen=True, eq=False)
class Setup:
    """The data and V, laid out for an engine; each engine's own adds to it.

    Points know their setup, and no engine.

    Attributes:
        problem: y and X.
        variance: V, taken apart, where the engine computes.
    """

    problem: Problem
    variance: Variance


class SetupEngine:
    """Base of the engines.

    Attributes:
        setup: what does not change from point to point.
    """

    setup: Setup

    @property
    def residual_degrees(self) -> int:
        """n - p; n in ML."""
        return self.setup.problem.degrees
