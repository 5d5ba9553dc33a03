"""The mixed-model equations to choose from, in dense matrices."""

from __future__ import annotations

from covstudio.reml.engines.candidate import MEMORY, Applicable, Candidate, caveat
from covstudio.reml.engines.equations.crossproducts import split
from covstudio.reml.engines.equations.residual import (
    BlockResidual,
    MarkovResidual,
    residual_of,
    unit_residual,
)
from covstudio.reml.engines.mme.components import component_positions
from covstudio.reml.engines.mme.engine import MmeEngine
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.design_rows import DenseRows
from covstudio.reml.terms.lower import describe
from covstudio.reml.terms.variance import Variance

__all__ = ["CANDIDATE", "MmeCandidate"]

#: A residual of more entries within groups than this is not inverted group by group.
CELLS = 40_000_000


class MmeCandidate(Candidate):
    """Sums of Z G Z' beside a residual that is inverted row by row, or in small groups."""

    name = "mme"
    title = "mixed-model equations"

    def applies(self, variance: Variance, p: int) -> Applicable | str:
        """Whether every term of V is an effect Z G Z' or a part of such a residual."""
        if variance.others:
            term = variance.others[0]
            kind = type(term.operand).__name__
            return (
                f"{term.label} ({kind}) is neither Z G Z' with a constant Z nor diagonal nor "
                "independent between groups of rows"
            )
        residual = residual_of(variance)
        if residual is None:
            return "V has no residual: a term that is diagonal, or independent between groups of rows"
        if isinstance(residual, BlockResidual) and residual.cells > CELLS:
            return f"the residual has {residual.words}, too large to invert one by one"
        absorbed, dense = split(variance)
        n, q = variance.n, sum(piece.columns for piece in dense)
        f = q + p + 1
        m, b = 0, 1
        if absorbed is not None and absorbed.family is not None:
            m, b = absorbed.family.groups, absorbed.family.members
        width = sum(
            piece.columns if isinstance(piece.z, DenseRows) else piece.z.width for piece in variance.random
        )
        k = len(variance.free)
        terms = dense if absorbed is None else [absorbed, *dense]
        plain = component_positions(terms, residual) is not None
        seconds = _of_components(m, f) if plain else _of_factors(m * b, f, n * (width + p + 2))
        memory = 8.0 * (3.0 * m * b * f + 8.0 * f * f + n * (3.0 * k + width + 3 * p + 8))
        if unit_residual(residual) is None:
            entries = residual.cells if isinstance(residual, BlockResidual) else n
            entries *= 4 if isinstance(residual, MarkovResidual) else 1
            # The cross products again, and a derivative of R for every row.
            seconds += (
                8e-4
                + 5e-9 * n * k * (width + p + 2)
                + 1e-8 * entries * (2 * max(width, 1) ** 2 + 3 * k)
                + 5e-11 * 2.0 * m * b * q * q
            )
            memory += 8.0 * entries * (k + 6)
        if isinstance(residual, BlockResidual):
            seconds += 1e-10 * (k + 3) * float((residual.sizes.double() ** 3).sum())
        if memory > MEMORY:
            return f"its {q} effects that cannot be absorbed would need {memory / 2**30:.0f} GB"
        parts = [f"{describe(variance.random)} beside a residual ({residual.words})"]
        if not variance.random:
            parts = [f"a residual alone ({residual.words})"]
        if absorbed is not None:
            parts.append(f"{m * b} effects of {absorbed.label} absorbed")
        if q:
            parts.append(f"{q} effects in one dense matrix")
        return Applicable("; ".join(parts), memory, seconds, caveat(variance.pieces))

    def build(self, problem: Problem, variance: Variance) -> Engine:
        """The mixed-model-equations engine."""
        return MmeEngine(problem, variance)


def _of_components(m: int, f: int) -> float:
    """Seconds of an iteration of variance components: there is no pass over the rows.

    Args:
        m: absorbed effects.
        f: columns beside them: other effects, fixed effects and y.
    """
    # A'K A and A Y' for the absorbed; a factor, its inverse and products with it; A K, column by column.
    return 6e-4 + 2.5e-11 * 4.0 * m * f**2 + 5.5e-11 * f**3 + 1e-8 * m * f


def _of_factors(absorbed: int, f: int, gathered: int) -> float:
    """Seconds of an iteration by factors of G, R being one variance.

    Args:
        absorbed: absorbed effects.
        f: columns beside them.
        gathered: entries that gathers and sums over rows go through.
    """
    # K A, A'K A, A Y'; B Y', Y'Y and their like.
    return 6e-4 + 5e-11 * (4.0 * absorbed * f**2 + 6.0 * f**3) + 1e-8 * gathered


#: For the registry.
CANDIDATE = MmeCandidate()
