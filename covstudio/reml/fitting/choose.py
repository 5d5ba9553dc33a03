"""The choice of an engine for a V, and the reason for it.

`choose` asks every engine of the registry whether it applies and what it would cost, and takes the cheapest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from covstudio.arguments import checked
from covstudio.covariance import Matrix
from covstudio.reml.engines.candidate import Applicable, Candidate
from covstudio.reml.engines.registry import CANDIDATES, candidate_named
from covstudio.reml.problem.errors import InvalidModel, TooManyRows
from covstudio.reml.terms.variance import Variance

__all__ = ["Choice", "Explanation", "choose", "explain", "square_matrix"]


@dataclass(frozen=True, eq=False)
class Choice:
    """An engine for V.

    Attributes:
        candidate: it.
        reason: why this one, in a sentence.
        verdicts: every candidate's answer by name.
    """

    candidate: Candidate
    reason: str
    verdicts: Mapping[str, Applicable | str]


def choose(variance: Variance, engine: str = "auto", p: int = 1) -> Choice:
    """The engine that takes V at the least cost, or the one asked for.

    Args:
        variance: V, taken apart, (n, n).
        engine: "auto", or the name of an engine.
        p: number of fixed effects.

    Raises:
        ValueError: there is no engine of this name.
        InvalidModel: the engine asked for does not take V.
        TooManyRows: no engine takes V, and it is too large to be written out.

    Example:
        >>> from covstudio.covariance import ScalarMatrix
        >>> choose(Variance(ScalarMatrix(50_000))).candidate.name
        'mme'
    """
    insisted = None if engine == "auto" else candidate_named(engine)
    verdicts = {candidate.name: candidate.applies(variance, p) for candidate in CANDIDATES}
    if insisted is not None:
        verdict = verdicts[engine]
        if isinstance(verdict, str):
            raise insisted.refusal(variance, verdict)
        return Choice(insisted, f"It was asked for. V is {verdict.why}.", verdicts)
    able = [
        (candidate, verdict)
        for candidate, verdict in zip(CANDIDATES, verdicts.values(), strict=True)
        if isinstance(verdict, Applicable)
    ]
    if not able:
        raise _too_many(variance, verdicts)
    chosen, verdict = min(able, key=lambda entry: entry[1].rank)
    return Choice(chosen, f"V is {verdict.why}.", verdicts)


def _too_many(variance: Variance, verdicts: Mapping[str, Applicable | str]) -> TooManyRows:
    """The error where no engine takes V: one that takes any tree would, if there were fewer rows."""
    reasons = {name: why for name, why in verdicts.items() if isinstance(why, str)}
    for candidate in CANDIDATES:
        error = candidate.refusal(variance, reasons[candidate.name])
        if isinstance(error, TooManyRows):
            others = "; ".join(f"{name}: {why}" for name, why in reasons.items() if name != candidate.name)
            return TooManyRows(f"{error} No other engine takes this V ({others}).")
    raise AssertionError("a V of few rows can be written out")


def square_matrix(v: Matrix, n: int | None = None) -> Matrix:
    """V, if it is the model of a covariance.

    Args:
        v: what was given for V.
        n: rows it must have; None for any number.

    Raises:
        TypeError: v is no `Matrix`.
        InvalidModel: V is not n x n.
    """
    if not isinstance(v, Matrix):
        raise TypeError(
            f"v must be a covstudio Matrix, and is a {type(v).__name__}: wrap a tensor in KnownMatrix."
        )
    rows, columns = v.shape
    if rows != columns or (n is not None and n != rows):
        raise InvalidModel(
            f"V must be square, with one row and one column for each of {n or rows} rows, and is "
            f"{rows} x {columns}."
        )
    return v


@dataclass(frozen=True)
class Explanation:
    """What a fit would do, said before it.

    Attributes:
        engine: the engine that would run.
        reason: why this one.
        others: why not the others, by name.
        memory: bytes at the peak, about.
        seconds: time of one iteration, about.
        n: rows.
        p: fixed effects.
        parameters: free parameters of V.
    """

    engine: str
    reason: str
    others: Mapping[str, str]
    memory: float
    seconds: float
    n: int
    p: int
    parameters: int

    def __str__(self) -> str:
        effects = f"{self.p} fixed effect{'' if self.p == 1 else 's'}"
        lines = [
            f"{self.n} rows, {effects}, {self.parameters} variance parameters: the {self.engine} engine",
            self.reason,
            f"about {_seconds(self.seconds)} an iteration and {_bytes(self.memory)} of memory",
            *(f"not {name}: {why}" for name, why in self.others.items()),
        ]
        return "\n".join(lines)


@checked(own=("v",))
def explain(v: Matrix, n: int | None = None, p: int = 1, engine: str = "auto") -> Explanation:
    """Which engine would fit V, why, and what that would take; nothing is computed.

    Args:
        v: the model of V.
        n: rows of the data it is meant for; None for those of V.
        p: number of fixed effects.
        engine: "auto", or the name of an engine.

    Returns:
        An `Explanation`; printed, it is a few lines to read.

    Raises:
        TypeError: v is no `Matrix`.
        InvalidModel: V is not n x n, or the engine asked for does not take it.
        TooManyRows: no engine takes V.
        ValueError: there is no engine of this name, or p is negative.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> gen, block = ([f"{i % count}" for i in range(20_000)] for count in (100, 9))
        >>> v = Sum(
        ...     gen=CovariancePropagation(z=DummyMatrix(gen), g=ScalarMatrix(100)),
        ...     block=CovariancePropagation(z=DummyMatrix(block), g=ScalarMatrix(9)),
        ...     units=ScalarMatrix(20_000),
        ... )
        >>> found = explain(v, p=2)
        >>> found.engine, found.others["dense"]
        ('mme', 'V has 20000 rows, and written out it may have 8000')
        >>> print(found.reason)
        V is gen (random effects), block (random effects) beside a residual (diagonal); 100 effects of gen
        absorbed; 9 effects in one dense matrix.
    """
    square_matrix(v, n)
    if isinstance(p, bool) or not isinstance(p, int) or p < 0:
        raise ValueError(f"p must be a whole number of at least 0, and is {p!r}.")
    variance = Variance(v)
    choice = choose(variance, engine, p)
    verdict = choice.verdicts[choice.candidate.name]
    assert isinstance(verdict, Applicable)
    able = {name: other for name, other in choice.verdicts.items() if isinstance(other, Applicable)}
    # First those that take V, the cheapest first.
    others = {name: _dearer(able[name]) for name in sorted(able, key=lambda name: able[name].rank)}
    others |= {name: why for name, why in choice.verdicts.items() if isinstance(why, str)}
    del others[choice.candidate.name]
    return Explanation(
        choice.candidate.name,
        choice.reason,
        others,
        verdict.memory,
        verdict.seconds,
        variance.n,
        p,
        len(variance.free),
    )


def _dearer(other: Applicable) -> str:
    cost = f"about {_seconds(other.seconds)} an iteration and {_bytes(other.memory)}"
    return f"{other.caveat} ({cost})" if other.caveat else cost


def _seconds(seconds: float) -> str:
    return f"{1e3 * seconds:.2g} ms" if seconds < 1.0 else f"{seconds:.2g} s"


def _bytes(size: float) -> str:
    return f"{size / 2**20:.3g} MB" if size < 2**30 else f"{size / 2**30:.3g} GB"
