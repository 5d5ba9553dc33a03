"""Is a term of V needed? The likelihood-ratio test of the fit against the one without the term."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from covstudio.covariance import Matrix, Sum, linalg
from covstudio.covariance.linalg import PlacedOperand
from covstudio.estimate.model import Assembled
from covstudio.reml import Fit, FitCancelled, FitError, NotPositiveDefinite
from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.comparison import Candidate, compare_candidates
from covstudio.reml.problem.iteration import Callback

__all__ = ["Omission", "mixture_words", "omissible_terms", "omit"]

FRACTIONS = {0.5: "½", 0.25: "¼", 0.125: "⅛", 0.375: "⅜", 0.75: "¾"}


@dataclass(frozen=True)
class Omission:
    """A fit against the one without one of its terms.

    Args:
        name: of the term.
        statistic: twice the difference of the log-likelihoods; NaN where there is no test.
        df: parameters that the term has more.
        boundary: how many of them are variances that are zero without it.
        p_value: from the mixture of chi-squares.
        loglik: of the fit without the term.
        note: what to know about it.
        error: why there is no test, or "".
    """

    name: str
    statistic: float = math.nan
    df: int = 0
    boundary: int = 0
    p_value: float = math.nan
    loglik: float = math.nan
    note: str = ""
    error: str = ""


def omissible_terms(matrix: Matrix) -> tuple[str, ...]:
    """The terms of V that it can do without: operands of its outer sum with free parameters.

    What is left must not be singular for certain, as are random effects alone with fewer levels than rows.

    Args:
        matrix: V.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> gen = CovariancePropagation(z=DummyMatrix(["a", "a", "b", "b"]), g=ScalarMatrix(2))
        >>> omissible_terms(Sum(gen=gen, residual=ScalarMatrix(4)))
        ('gen',)
    """
    terms = linalg.parts(matrix, "sum") or ()
    return tuple(
        term.name
        for term in terms
        if isinstance(term.operand, Matrix)
        and term.operand.free_param_names
        and not _singular([other for other in terms if other is not term])
    )


def _singular(terms: Sequence[PlacedOperand]) -> bool:
    """Whether a sum has fewer columns in all than rows."""
    pairs = [linalg.parts(term.operand, "congruence") for term in terms]
    designs = [pair[0].operand.shape for pair in pairs if pair is not None]
    if len(designs) < len(terms):
        return False
    return sum(q for _, q in designs) < max((n for n, _ in designs), default=1)


def omit(
    parts: Assembled, full: Fit, name: str, callback: Callback | None = None, max_iter: int = 100
) -> Omission:
    """Fit V without one of its terms, and test the term by the likelihood ratio.

    Variances are zero without the term, at the end of their range, so the statistic is held against a mixture
    of chi-squares.

    Args:
        parts: what was fitted.
        full: its fit.
        name: of an operand of the outer sum of V.
        callback: called with each iteration of the fit without it.
        max_iter: the most iterations.

    Returns:
        The test, or the reason why there is none.

    Raises:
        FitCancelled: from the callback.
        ValueError: there is no such term.

    Reference:
        Self & Liang (1987), JASA 82:605; Stram & Lee (1994), Biometrics 50:1171.

    Example:
        >>> from covstudio.data.examples import load_example
        >>> from covstudio.document.files.templates import templates
        >>> from covstudio.estimate import assemble, estimate
        >>> table = load_example("john_alpha")
        >>> document = templates()[0].document(table)
        >>> found = omit(assemble(document, table), estimate(document, table).fit, "block")
        >>> round(found.statistic, 3), mixture_words(found.df, found.boundary), round(found.p_value, 4)
        (8.606, '½ χ²(0) + ½ χ²(1)', 0.0017)
    """
    operands = {term.name: term.operand for term in linalg.parts(parts.matrix, "sum") or ()}
    if name not in operands:
        known = ", ".join(omissible_terms(parts.matrix)) or "none"
        raise ValueError(f"{name!r} is not a term of V that can be left out; there are: {known}.")
    rest = {n: term for n, term in operands.items() if n != name}
    left = Sum(rest) if len(rest) > 1 else next(iter(rest.values()))
    if not isinstance(left, Matrix):
        return Omission(name, error=f"Without {name} V is a constant, and nothing is estimated.")
    try:
        small = parts.fit(left, method=full.method, max_iter=max_iter, callback=callback)
        if not small.converged:
            return Omission(name, error=f"The fit without {name} did not converge. {small.message}")
        pair = [
            Candidate(f"the fit without {name}", small, Binding(small, left, parts.y, parts.x)),
            Candidate("the fit", full, Binding(full, parts.matrix, parts.y, parts.x)),
        ]
        compared = compare_candidates(pair, None)
    except FitCancelled:
        raise
    except NotPositiveDefinite:
        return Omission(name, error=f"Without {name} V is singular, so it cannot be left out.")
    except FitError as error:
        return Omission(name, error=f"The model without {name} cannot be fitted: {error}")
    test = compared.tests[0]
    note = " ".join(map(_sentence, compared.notes))
    if test is None:
        return Omission(name, loglik=small.loglik, error=note or f"{name} has no parameter of its own.")
    return Omission(name, test.statistic, test.df, test.boundary, test.p_value, compared.logliks[0], note)


def _sentence(note: str) -> str:
    """What a comparison says, for somebody who has no bootstrap at hand."""
    said, aside, _ = note.partition("; bootstrap_test")
    return f"p is approximate: {said}." if aside else f"{note[:1].upper()}{note[1:]}."


def mixture_words(df: int, boundary: int) -> str:
    """What a likelihood-ratio statistic is held against.

    Args:
        df: parameters between the models.
        boundary: how many of them are variances at zero under the smaller one.

    Example:
        >>> mixture_words(1, 0), mixture_words(3, 1), mixture_words(2, 2)
        ('χ²(1)', '½ χ²(2) + ½ χ²(3)', '¼ χ²(0) + ½ χ²(1) + ¼ χ²(2)')
    """
    weights = [math.comb(boundary, j) / 2.0**boundary for j in range(boundary + 1)]
    if len(weights) == 1:
        return f"χ²({df})"
    if any(weight not in FRACTIONS for weight in weights):
        return f"a mixture of χ²({df - boundary}) to χ²({df})"
    return " + ".join(f"{FRACTIONS[w]} χ²({df - boundary + j})" for j, w in enumerate(weights))
