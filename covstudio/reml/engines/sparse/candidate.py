"""The sparse mixed-model equations to choose from."""

from __future__ import annotations

from covstudio.reml.engines.candidate import MEMORY, Applicable, Candidate, caveat
from covstudio.reml.engines.equations.crossproducts import split
from covstudio.reml.engines.equations.residual import residual_of, unit_residual
from covstudio.reml.engines.sparse.choice import as_effects, refused, terms_of
from covstudio.reml.engines.sparse.engine import SparseEngine
from covstudio.reml.engines.sparse.layout import pattern_of
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.design_rows import SparseRows
from covstudio.reml.terms.lower import describe
from covstudio.reml.terms.variance import Variance

__all__ = ["CANDIDATE", "SparseCandidate"]

#: With fewer effects beyond the absorbed ones than this, a dense matrix of them is always quicker.
FEW = 600
#: Where coefficients are absorbed by levels, with fewer seconds of an iteration than this: nothing to gain.
BRIEF = 0.03


class SparseCandidate(Candidate):
    """Sums of Z G Z' with sparse inverses of G, beside one residual variance."""

    name = "sparse"
    title = "sparse mixed-model equations"

    def applies(self, variance: Variance, p: int) -> Applicable | str:
        """Whether every term of V is such an effect or the residual, and what their factor takes."""
        variance = as_effects(variance)
        random, residual = variance.random, residual_of(variance)
        if variance.others or variance.blocks or not random:
            return "V is not a sum of random effects beside a diagonal residual"
        if residual is None or unit_residual(residual) is None:
            return "the residual is not one variance times a known diagonal"
        reason = refused(variance)
        if reason:
            return reason
        n, size, k = variance.n, sum(piece.columns for piece in random), len(variance.names)
        width = sum(piece.z.width for piece in random if isinstance(piece.z, SparseRows))
        seconds = 4e-3 + 1e-8 * n * (width * width + 2 * width + 2 * p + 4)
        memory = 8.0 * n * (width * width + 4 * p + 8)
        memory += 24.0 * _closed(variance)
        if memory > MEMORY:
            return f"the places of its equations would need {memory / 2**30:.0f} GB"
        if _small(variance):
            # In a dense matrix these effects cost less; how much less does not matter.
            seconds += 2e-6 * size * (k + p + 2) + 5e-11 * float(min(size, FEW + k)) ** 3
            return Applicable(f"random effects, {size} in all, in sparse equations", memory, seconds)
        plan = pattern_of(variance).plan
        seconds += plan.seconds + 1e-8 * plan.nonzeros * (k + p + 1)
        memory += plan.memory + 8.0 * size * (4 * p + 4 * k)
        if memory > MEMORY:
            return f"the factor of its {size} effects would need {memory / 2**30:.0f} GB"
        entries = f"{plan.nonzeros:.3g}" if plan.nonzeros >= 1e6 else str(plan.nonzeros)
        why = f"{describe(random)} beside one residual variance; {size} effects in sparse equations, whose "
        return Applicable(f"{why}factor has {entries} entries", memory, seconds, caveat(variance.random))

    def build(self, problem: Problem, variance: Variance) -> Engine:
        """The engine of sparse mixed-model equations."""
        return SparseEngine(problem, variance)


def _small(variance: Variance) -> bool:
    """Whether all effects but the absorbed ones are so few that a dense matrix of them is the quicker way."""
    absorbed, dense = split(variance)
    first, q = 0 if absorbed is None else absorbed.columns, sum(piece.columns for piece in dense)
    if first + q < FEW:
        return True
    if _by_levels(variance):
        # Factors of G by levels go through products with all columns beside them.
        return 5e-11 * (4.0 * first * q**2 + 6.0 * q**3) < BRIEF
    return q < FEW


def _closed(variance: Variance) -> float:
    """Entries between whole levels that the rows make, at most; none where every level has one member."""
    if not _by_levels(variance):
        return 0.0
    met = 0
    for term in terms_of(variance):
        if term is not None and isinstance(term.piece.z, SparseRows):
            met += term.members * -(-term.piece.z.width // term.members)
    return float(variance.n) * met * met


def _by_levels(variance: Variance) -> bool:
    """Whether the levels of any term have several members."""
    return any(term is not None and term.members > 1 for term in terms_of(variance))


#: For the registry.
CANDIDATE = SparseCandidate()
