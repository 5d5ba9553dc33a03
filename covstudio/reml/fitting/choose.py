"""The choice of an engine for a V, and the reason for it.

`choose` asks every candidate whether it applies and what it would cost, and takes the cheapest. A new engine
is one entry in `CANDIDATES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from covstudio.covariance import Matrix
from covstudio.covariance.core.definiteness import promises_psd
from covstudio.reml.engines.blocks.engine import BlocksCandidate
from covstudio.reml.engines.candidate import Applicable, Candidate
from covstudio.reml.engines.dense import engine as written_out
from covstudio.reml.engines.dense.engine import DenseEngine, check_rows
from covstudio.reml.engines.equations.crossproducts import split
from covstudio.reml.engines.equations.residual import BlockResidual, residual_of
from covstudio.reml.engines.mme.engine import MmeEngine, unit_residual
from covstudio.reml.engines.separable.engine import SeparableCandidate
from covstudio.reml.engines.sparse.engine import SparseCandidate
from covstudio.reml.problem.errors import InvalidModel, TooManyRows
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.design_rows import DenseRows
from covstudio.reml.terms.device import placed
from covstudio.reml.terms.kinds import RandomPiece
from covstudio.reml.terms.lower import Lowered, describe, lower
from covstudio.reml.terms.variance import Variance

__all__ = ["CANDIDATES", "Choice", "Explanation", "choose", "explain"]

#: More memory than this is more than an ordinary machine has.
MEMORY = 16 * 2**30

#: A residual of more entries within groups than this is not inverted group by group.
CELLS = 40_000_000


class DenseCandidate:
    """Any tree of up to `DENSE_LIMIT` rows, V written out."""

    name = "dense"

    def applies(self, lowered: Lowered, p: int) -> Applicable | str:
        """Whether V is small enough to be written out."""
        n, k = lowered.n, lowered.v.num_free_params
        if n > written_out.DENSE_LIMIT:
            return f"V has {n} rows, and written out it may have {written_out.DENSE_LIMIT}"
        return Applicable(
            f"written out, {n} x {n}",
            8.0 * n * n * (5 + min(k, 3)),
            3e-4 + 2.2e-11 * n**3 + (4e-9 + 2e-9 * k) * n * n,
        )

    def build(self, problem: Problem, variance: Variance, lowered: Lowered) -> Engine:
        """The dense engine."""
        check_rows(problem.n, len(variance.free))
        return DenseEngine(problem, variance)


class MmeCandidate:
    """Sums of Z G Z' beside a residual that is inverted row by row, or in small groups."""

    name = "mme"

    def applies(self, lowered: Lowered, p: int) -> Applicable | str:
        """Whether every term of V is an effect Z G Z' or a part of such a residual."""
        if lowered.others:
            term = lowered.others[0]
            kind = type(term.operand).__name__
            return (
                f"{_name(term.path)} ({kind}) is neither Z G Z' with a constant Z nor diagonal nor "
                "independent between groups of rows"
            )
        residual = residual_of(lowered)
        if residual is None:
            return "V has no residual: a term that is diagonal, or independent between groups of rows"
        if isinstance(residual, BlockResidual) and residual.cells > CELLS:
            return f"the residual has {residual.words}, too large to invert one by one"
        absorbed, dense = split(lowered, residual)
        n, q = lowered.n, sum(piece.columns for piece in dense)
        f = q + p + 1
        m, b = 0, 1
        if absorbed is not None and absorbed.family is not None:
            m, b = absorbed.family.groups, absorbed.family.members
        width = sum(
            piece.columns if isinstance(piece.z, DenseRows) else piece.z.width for piece in lowered.random
        )
        # Every iteration: K A, A'K A, E Y'; B Y', Y'Y, their like; gathers and sums over rows.
        seconds = 6e-4 + 5e-11 * (4.0 * m * b * f * f + 6.0 * q**3) + 1e-8 * n * (width + p + 2)
        k = len(lowered.v.free_param_names)
        seconds += 5e-9 * n * k * (width + p + 2)
        memory = 8.0 * (3.0 * m * b * f + 8.0 * f * f + n * (3.0 * k + width + 3 * p + 8))
        if unit_residual(residual) is None:
            entries = residual.cells if isinstance(residual, BlockResidual) else 4 * n
            seconds += 8e-4 + 1e-8 * entries * (2 * max(width, 1) ** 2 + 3 * k) + 5e-11 * 2.0 * m * b * q * q
            memory += 8.0 * entries * (k + 6)
        if isinstance(residual, BlockResidual):
            seconds += 1e-10 * (k + 3) * float((residual.sizes.double() ** 3).sum())
        if memory > MEMORY:
            return f"its {q} effects that cannot be absorbed would need {memory / 2**30:.0f} GB"
        parts = [f"{describe(lowered.random)} beside a residual ({residual.words})"]
        if not lowered.random:
            parts = [f"a residual alone ({residual.words})"]
        if absorbed is not None:
            parts.append(f"{m * b} effects of {_name(absorbed.path)} absorbed")
        if q:
            parts.append(f"{q} effects in one dense matrix")
        return Applicable("; ".join(parts), memory, seconds, _caveat(lowered))

    def build(self, problem: Problem, variance: Variance, lowered: Lowered) -> Engine:
        """The mixed-model-equations engine."""
        there = placed(lowered, problem.device)
        residual = residual_of(there)
        assert residual is not None
        return MmeEngine(problem, there, residual)


def _caveat(lowered: Lowered) -> str:
    """Whether a term might have negative eigenvalues that another term makes up for."""
    for piece in lowered.pieces:
        inner = piece.g if isinstance(piece, RandomPiece) else piece.operand
        if not promises_psd(inner):
            return (
                f"{_name(piece.path)} does not promise to be positive semi-definite for every value of its "
                "parameters, and would be kept so"
            )
    return ""


#: Every engine that can be chosen. One that is added here is found by `fit` and `explain`.
CANDIDATES: list[Candidate] = [
    DenseCandidate(),
    MmeCandidate(),
    BlocksCandidate(),
    SeparableCandidate(),
    SparseCandidate(),
]


@dataclass(frozen=True, eq=False)
class Choice:
    """An engine for V.

    Attributes:
        candidate: it.
        lowered: V, taken apart.
        reason: why this one, in a sentence.
        verdicts: every candidate's answer by name.
    """

    candidate: Candidate
    lowered: Lowered
    reason: str
    verdicts: Mapping[str, Applicable | str]


def choose(v: Matrix, engine: str = "auto", p: int = 1) -> Choice:
    """The engine that takes V at the least cost, or the one asked for.

    Args:
        v: the model of V, (n, n).
        engine: "auto", or the name of an engine.
        p: number of fixed effects.

    Raises:
        ValueError: there is no engine of this name.
        InvalidModel: the engine asked for does not take V.
        TooManyRows: no engine takes V, and it is too large to be written out.

    Example:
        >>> from covstudio.covariance import ScalarMatrix
        >>> choose(ScalarMatrix(50_000)).candidate.name
        'mme'
    """
    names = [candidate.name for candidate in CANDIDATES]
    if engine != "auto" and engine not in names:
        raise ValueError(f"engine must be 'auto' or one of {', '.join(map(repr, names))}, and is {engine!r}.")
    lowered = lower(v)
    verdicts = {candidate.name: candidate.applies(lowered, p) for candidate in CANDIDATES}
    if engine != "auto":
        return _asked_for(engine, lowered, verdicts)
    able = [
        (bool(verdict.caveat), verdict.seconds, candidate, verdict)
        for candidate, verdict in zip(CANDIDATES, verdicts.values(), strict=True)
        if isinstance(verdict, Applicable)
    ]
    if not able:
        raise _too_many(lowered, verdicts)
    _, _, chosen, verdict = min(able, key=lambda entry: entry[:2])
    return Choice(chosen, lowered, f"V is {verdict.why}.", verdicts)


def _asked_for(engine: str, lowered: Lowered, verdicts: Mapping[str, Applicable | str]) -> Choice:
    candidate = next(candidate for candidate in CANDIDATES if candidate.name == engine)
    verdict = verdicts[engine]
    if isinstance(verdict, str):
        if engine == DenseCandidate.name:
            check_rows(lowered.n, lowered.v.num_free_params)
        raise InvalidModel(
            f"the {engine} engine does not take this V: {verdict}. Leave the choice to engine='auto'."
        )
    return Choice(candidate, lowered, f"It was asked for. V is {verdict.why}.", verdicts)


def _too_many(lowered: Lowered, verdicts: Mapping[str, Applicable | str]) -> TooManyRows:
    try:
        check_rows(lowered.n, lowered.v.num_free_params)
    except TooManyRows as error:
        others = [f"{name}: {verdict}" for name, verdict in verdicts.items() if name != DenseCandidate.name]
        return TooManyRows(f"{error} No other engine takes this V ({'; '.join(others)}).")
    raise AssertionError("a V of few rows can be written out")


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
    if not isinstance(v, Matrix):
        raise TypeError(
            f"v must be a covstudio Matrix, and is a {type(v).__name__}: wrap a tensor in KnownMatrix."
        )
    if isinstance(p, bool) or not isinstance(p, int) or p < 0:
        raise ValueError(f"p must be a whole number of at least 0, and is {p!r}.")
    rows, columns = v.shape
    if rows != columns or (n is not None and n != rows):
        raise InvalidModel(
            f"V must have one row and one column for each of {n or rows} rows, and is {rows} x {columns}."
        )
    choice = choose(v, engine, p)
    verdict = choice.verdicts[choice.candidate.name]
    assert isinstance(verdict, Applicable)
    others = {
        name: other if isinstance(other, str) else _dearer(other)
        for name, other in choice.verdicts.items()
        if name != choice.candidate.name
    }
    return Explanation(
        choice.candidate.name,
        choice.reason,
        others,
        verdict.memory,
        verdict.seconds,
        rows,
        p,
        v.num_free_params,
    )


def _dearer(other: Applicable) -> str:
    cost = f"about {_seconds(other.seconds)} an iteration and {_bytes(other.memory)}"
    return f"{other.caveat} ({cost})" if other.caveat else cost


def _name(path: str) -> str:
    return path or "V"


def _seconds(seconds: float) -> str:
    return f"{1e3 * seconds:.2g} ms" if seconds < 1.0 else f"{seconds:.2g} s"


def _bytes(size: float) -> str:
    return f"{size / 2**20:.3g} MB" if size < 2**30 else f"{size / 2**30:.3g} GB"
