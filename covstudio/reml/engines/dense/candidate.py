"""The dense engine to choose from: V written out."""

from __future__ import annotations

from covstudio.reml.engines.candidate import Applicable, Candidate
from covstudio.reml.engines.dense.engine import DenseEngine
from covstudio.reml.problem.errors import FitError, TooManyRows
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.variance import Variance

__all__ = ["CANDIDATE", "DENSE_LIMIT", "DenseCandidate"]

#: More rows than this are refused: V, its factor and its inverse would not fit beside each other in
#: ordinary memory.
DENSE_LIMIT = 8000


class DenseCandidate(Candidate):
    """Any tree of up to `DENSE_LIMIT` rows, V written out."""

    name = "dense"
    title = "dense engine"
    written = True

    def applies(self, variance: Variance, p: int) -> Applicable | str:
        """Whether V is small enough to be written out."""
        n, k = variance.n, len(variance.free)
        if n > DENSE_LIMIT:
            return f"V has {n} rows, and written out it may have {DENSE_LIMIT}"
        return Applicable(
            f"written out, {n:,} × {n:,}",
            _memory(n, k),
            3e-4 + 2.2e-11 * n**3 + (4e-9 + 2e-9 * k) * n * n,
        )

    def build(self, problem: Problem, variance: Variance) -> Engine:
        """The dense engine."""
        return DenseEngine(problem, variance)

    def refusal(self, variance: Variance, why: str) -> FitError:
        """`TooManyRows`, with the memory they would take.

        Example:
            >>> from covstudio.covariance import AR1Matrix
            >>> print(CANDIDATE.refusal(Variance(AR1Matrix(9000)), ""))
            V has 9000 rows; the dense engine takes up to 8000. It would need about 4 GB of memory and 18 s or
            more an iteration. Fit a part of the data, such as one trial or environment.
        """
        n = variance.n
        return TooManyRows(
            f"V has {n} rows; the dense engine takes up to {DENSE_LIMIT}. It would need about "
            f"{_memory(n, len(variance.free)) / 2**30:.0f} GB of memory and {(n / 2000) ** 3 * 0.2:.0f} s or "
            "more an iteration. Fit a part of the data, such as one trial or environment."
        )


def _memory(n: int, parameters: int) -> float:
    """Bytes: V, its factor, P, a slice and a term's value at least."""
    return 8.0 * n * n * (5 + min(parameters, 3))


#: For the registry.
CANDIDATE = DenseCandidate()
