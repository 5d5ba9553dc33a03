"""The engine of fields on grids to choose from."""

from __future__ import annotations

from covstudio.reml.engines.candidate import MEMORY, Applicable, Candidate, caveat
from covstudio.reml.engines.separable.engine import SeparableEngine
from covstudio.reml.engines.separable.plan import Plan, plan_of
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.lower import describe
from covstudio.reml.terms.variance import Variance

__all__ = ["CANDIDATE", "SeparableCandidate"]

#: More missing cells than this need a dense matrix that is no smaller than V.
GAPS = 8000


class SeparableCandidate(Candidate):
    """Fields on grids, with or without a nugget, beside random effects."""

    name = "separable"
    title = "engine for grids"

    def applies(self, variance: Variance, p: int) -> Applicable | str:
        """Whether every row of V stands in a separable field, and what else V has are random effects."""
        plan = plan_of(variance)
        if isinstance(plan, str):
            return plan
        gaps = max(field.gaps for field in plan.fields)
        if gaps > GAPS:
            return f"its grid has {gaps} cells without a row, and up to {GAPS} can be completed"
        seconds, memory = _cost(variance, plan, p)
        if memory > MEMORY:
            effects = sum(piece.columns for piece in plan.random)
            return f"its {effects} effects would need {memory / 2**30:.0f} GB"
        parts = [", ".join(field.words for field in plan.fields)]
        if any(field.nuggets for field in plan.fields):
            parts.append("a nugget")
        if plan.random:
            parts.append(describe(plan.random))
        why = parts[0] if len(parts) == 1 else f"{parts[0]} beside {' and '.join(parts[1:])}"
        return Applicable(why, memory, seconds, caveat(variance.pieces))

    def build(self, problem: Problem, variance: Variance) -> Engine:
        """The engine of separable fields."""
        return SeparableEngine(problem, variance)


def _cost(variance: Variance, plan: Plan, p: int) -> tuple[float, float]:
    """Seconds of an iteration, and bytes at its peak."""
    f = sum(piece.columns for piece in plan.random) + p + 1
    k = len(variance.free)
    seconds, memory = 1.2e-3 + 3e-11 * 8.0 * f**3, 8.0 * 6.0 * f * f
    for field in plan.fields:
        (r, c), m = field.shape, field.gaps
        cells = float(r * c)
        # Turning [Z, X, y] once, thrice where cells are missing; cross products and K; sums over both
        # directions; a few vectors for each parameter.
        work = 2.0 * cells * (r + c) * f * ((3.0 if m else 1.0) + 1.0) + 4.0 * cells * f * f
        work += 2.0 * cells * (r + c) * (4.0 * k) + 30.0 * (r**3 + c**3 if field.nuggets else (r + c) ** 2)
        work += 2.0 * m**3 + 4.0 * m * m * (r + c) + 3.0 * cells * (r + c) * min(m, r, c)
        seconds += 3e-11 * work + 1e-8 * cells * (k + 4) + 6e-5 * (min(m, r) + min(m, c))
        memory += 8.0 * (cells * (4.0 * f + 4.0 * k) + 3.0 * m * m + 4.0 * (r * r + c * c))
    return seconds, memory


#: For the registry.
CANDIDATE = SeparableCandidate()
