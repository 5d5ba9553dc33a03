r"""The engine of sparse mixed-model equations: many random effects, each tied to few others.

.. math:: V = \sigma^2\Big(R_0 + \sum_t\gamma_tZ_tK_tZ_t'\Big), \qquad R_0\ \text{a known diagonal}

with incidence-like Z and K of sparse inverse: independent effects, a pedigree, a chain. The coefficient
matrix of the mixed-model equations is then sparse; its factor and the entries of its inverse that derivatives
need are computed without ever writing a matrix of q x q (see `sparse_factor`, `sparse_point`).

Sources: Henderson (1976), Biometrics 32:69; Johnson & Thompson (1995), J. Dairy Sci. 78:449; Takahashi, Fagan
& Chin (1973), 8th PICA Conference, p. 63; Smith (1995), J. Comput. Graph. Stat. 4:134, differentiates the
factor instead.
"""

from __future__ import annotations

import math
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.covariance import linalg
from covstudio.covariance.core.definiteness import promises_psd
from covstudio.reml.engines.candidate import Applicable
from covstudio.reml.engines.equations.crossproducts import split
from covstudio.reml.engines.equations.residual import residual_of
from covstudio.reml.engines.mme.engine import unit_residual
from covstudio.reml.engines.sparse.layout import Layout, Pattern
from covstudio.reml.engines.sparse.point import ZERO, SparsePoint
from covstudio.reml.engines.sparse.terms import TermPoint, refused, term_of
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.design_rows import SparseRows
from covstudio.reml.terms.lower import Lowered, describe
from covstudio.reml.terms.variance import Variance

__all__ = ["SparseCandidate", "SparseEngine"]

Vector = NDArray[np.float64]

#: With fewer effects beyond the absorbed ones than this, a dense matrix of them is always quicker.
FEW = 600
#: More memory than this is more than an ordinary machine has.
MEMORY = 16 * 2**30


class SparseEngine:
    """Evaluates the restricted likelihood through sparse mixed-model equations.

    It computes on the CPU wherever y is; what is asked of a point is on the device of y.

    Args:
        problem: y and X.
        lowered: V, taken apart: terms that `refused` has nothing against, and one residual variance.
        pattern: where the equations have entries.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, PedigreeMatrix, ScalarMatrix
        >>> from covstudio.covariance import Sum
        >>> from covstudio.reml.terms.lower import lower
        >>> from covstudio.reml.problem.problem import prepare
        >>> a = PedigreeMatrix([("bull", None, None), ("cow", None, None), ("calf", "bull", "cow")])
        >>> z = DummyMatrix(["bull", "cow", "calf", "calf"], levels=[a.pedigree.individuals], lex_order=False)
        >>> v = lower(Sum(animal=CovariancePropagation(z=z, g=a), units=ScalarMatrix(4)))
        >>> engine = SparseEngine(prepare([1.0, 2.0, 5.0, 4.0], [[1.0]] * 4), v, pattern_of(v))
        >>> round(engine.at(np.array([1.0, 1.0])).kernel, 4)
        -4.6175
    """

    name = "sparse"

    def __init__(self, problem: Problem, lowered: Lowered, pattern: Pattern) -> None:
        self.problem = problem
        self.lowered = lowered
        self.pattern = pattern
        residual = residual_of(lowered)
        assert residual is not None
        unit = unit_residual(residual)
        assert unit is not None
        #: Position of the residual variance, which everything is relative to.
        self.unit = unit
        one = np.ones(lowered.v.num_params)
        found = residual.at(one)
        assert found is not None
        self.layout = Layout(problem, pattern, found.entries)
        self.logdet_r = found.logdet
        self._smallest = found.smallest()
        informed = float(self.layout.w[~pattern.off].max()) if pattern.size else 1.0
        #: What a variance of 0 is taken as.
        self.least = ZERO / (informed if informed > 0.0 else 1.0)
        self.triangle = self.layout.x.mT @ problem.x.cpu()
        self.logdet_triangle = float(torch.log(torch.diagonal(self.triangle).abs()).sum())

    @property
    def residual_degrees(self) -> int:
        """n - p; n in ML."""
        return self.problem.degrees

    @property
    def order(self) -> int:
        """Rows of a dense matrix that is as well done on one thread as these: small ones, mostly."""
        return self.pattern.plan.largest // 4

    def at(self, natural: Vector) -> SparsePoint | None:
        """The likelihood at these natural values, or None where a variance is negative."""
        scale = float(natural[self.unit])
        if not 0.0 < scale < float("inf"):
            return None
        terms: list[TermPoint] = []
        largest = 0.0
        for term in self.pattern.terms:
            found = term.at(natural, scale)
            if found is None:
                return None
            largest = max(largest, float(found.gammas.max()))
            terms.append(found)
        # A residual that is nothing but rounding error of V leaves no digit of V^-1.
        if not self._smallest > 4.0 * self.problem.n * np.finfo(np.float64).eps * largest:
            return None
        point = SparsePoint.of(self, natural, scale, terms)
        return point if point is not None and math.isfinite(point.kernel) else None


def pattern_of(lowered: Lowered) -> Pattern:
    """Where the equations of a V have entries, found once."""
    if lowered not in _PATTERNS:
        terms = [term_of(piece) for piece in lowered.random]
        _PATTERNS[lowered] = Pattern([term for term in terms if term is not None])
    return _PATTERNS[lowered]


#: Putting the effects in order is worth doing once for a V.
_PATTERNS: WeakKeyDictionary[Lowered, Pattern] = WeakKeyDictionary()


class SparseCandidate:
    """Sums of Z G Z' with sparse inverses of G, beside one residual variance."""

    name = "sparse"

    def applies(self, lowered: Lowered, p: int) -> Applicable | str:
        """Whether every term of V is such an effect or the residual, and what their factor takes."""
        random, diagonals = lowered.random, lowered.diagonals
        if lowered.others or lowered.blocks or not random:
            return "V is not a sum of random effects beside a diagonal residual"
        if (
            len(diagonals) != 1
            or len(diagonals[0].positions) != 1
            or not linalg.is_multiple(diagonals[0].operand)
        ):
            return "the residual is not one variance times a known diagonal"
        reason = refused(random)
        if reason:
            return reason
        n, size, k = lowered.n, sum(piece.columns for piece in random), len(lowered.v.param_names)
        width = sum(piece.z.width for piece in random if isinstance(piece.z, SparseRows))
        seconds = 4e-3 + 1e-8 * n * (width * width + 2 * width + 2 * p + 4)
        memory = 8.0 * n * (width * width + 4 * p + 8)
        if size < FEW or sum(piece.columns for piece in split(lowered, residual_of(lowered))[1]) < FEW:
            # In a dense matrix these effects cost less; how much less does not matter.
            seconds += 2e-6 * size * (k + p + 2) + 5e-11 * float(min(size, FEW + k)) ** 3
            return Applicable(f"random effects, {size} in all, in sparse equations", memory, seconds)
        plan = pattern_of(lowered).plan
        seconds += plan.seconds + 1e-8 * plan.nonzeros * (k + p + 1)
        memory += plan.memory + 8.0 * size * (4 * p + 4 * k)
        if memory > MEMORY:
            return f"the factor of its {size} effects would need {memory / 2**30:.0f} GB"
        entries = f"{plan.nonzeros:.3g}" if plan.nonzeros >= 1e6 else str(plan.nonzeros)
        why = f"{describe(random)} beside one residual variance; {size} effects in sparse equations, whose "
        return Applicable(f"{why}factor has {entries} entries", memory, seconds, _caveat(lowered))

    def build(self, problem: Problem, variance: Variance, lowered: Lowered) -> Engine:
        """The engine of sparse mixed-model equations."""
        return SparseEngine(problem, lowered, pattern_of(lowered))


def _caveat(lowered: Lowered) -> str:
    """Whether a term might have negative eigenvalues that another term makes up for."""
    for piece in lowered.random:
        if not promises_psd(piece.g):
            return (
                f"{piece.path or 'V'} does not promise to be positive semi-definite for every value of its "
                "parameters, and would be kept so"
            )
    return ""
