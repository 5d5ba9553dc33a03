"""The candidates for a fit: whether an engine takes a V, and what that would cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from covstudio.covariance.core.definiteness import promises_psd
from covstudio.reml.problem.errors import FitError, InvalidModel
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.kinds import Piece, RandomPiece
from covstudio.reml.terms.variance import Variance

__all__ = ["MEMORY", "Applicable", "Candidate", "caveat"]

#: More memory than this is more than an ordinary machine has.
MEMORY = 16 * 2**30


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

    @property
    def rank(self) -> tuple[bool, float]:
        """What engines are compared by: the least comes first."""
        return bool(self.caveat), self.seconds


class Candidate(ABC):
    """One engine that can be chosen.

    An engine is a folder beside this file: `candidate` (this class, and an instance called CANDIDATE),
    `setup` (what does not change from point to point), `engine` and `point` (see `likelihood`). Nothing else
    names it (see `registry`).

    Attributes:
        name: what `fit(..., engine=name)` asks for, and `Fit.engine` says.
        title: what it is called where people read.
        written: whether it works with V written out; a search then looks at V whole as well.
    """

    name: str
    title: str
    written: bool = False

    @abstractmethod
    def applies(self, variance: Variance, p: int) -> Applicable | str:
        """Whether the engine takes this V.

        Args:
            variance: V, taken apart.
            p: number of fixed effects.

        Returns:
            What it would cost; or the reason why not, in words that go on from "not NAME: ".
        """

    @abstractmethod
    def build(self, problem: Problem, variance: Variance) -> Engine:
        """The engine for these data; called only where it applies."""

    def refusal(self, variance: Variance, why: str) -> FitError:
        """The error for somebody who insists on this engine.

        Args:
            variance: V, taken apart.
            why: what `applies` answered.
        """
        return InvalidModel(
            f"the {self.name} engine does not take this V: {why}. Leave the choice to engine='auto'."
        )


def caveat(pieces: Iterable[Piece]) -> str:
    """Why an engine that needs every term positive semi-definite comes second; empty where it need not.

    A term might have negative eigenvalues, which another term makes up for.
    """
    for piece in pieces:
        inner = piece.g if isinstance(piece, RandomPiece) else piece.operand
        if not promises_psd(inner):
            return (
                f"{piece.label} does not promise to be positive semi-definite for every value of its "
                "parameters, and would be kept so"
            )
    return ""
