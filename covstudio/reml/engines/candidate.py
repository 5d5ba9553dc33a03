"""The candidates for a fit: whether an engine takes a V, and what that would cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.lower import Lowered
from covstudio.reml.terms.variance import Variance

__all__ = ["Applicable", "Candidate"]


@dataclass(frozen=True)
class Applicable:
    """An engine takes this V.

    Attributes:
        why: what in V makes it so, in words that go on from "V is ...".
        memory: bytes it needs at its peak, about.
        seconds: time of one iteration, about: factors, log-likelihood, score and average information.
        caveat: a reason to prefer another engine where there is one, in words; empty when there is none.
    """

    why: str
    memory: float
    seconds: float
    caveat: str = ""


class Candidate(Protocol):
    """One engine that can be chosen.

    Attributes:
        name: what `fit(..., engine=name)` asks for, and `Fit.engine` says.
    """

    name: str

    def applies(self, lowered: Lowered, p: int) -> Applicable | str:
        """Whether the engine takes this V.

        Args:
            lowered: V, taken apart.
            p: number of fixed effects.

        Returns:
            What it would cost; or the reason why not, in words that go on from "not NAME: ".
        """
        ...

    def build(self, problem: Problem, variance: Variance, lowered: Lowered) -> Engine:
        """The engine for these data; called only where it applies."""
        ...
