r"""Comparison of fits: likelihood-ratio tests with the mixture at a boundary, AIC, BIC and conditional AIC.

Twice the difference of log-likelihoods of nested models with d parameters between them is chi-square with d
degrees of freedom. When b of these are variances that are zero under the smaller model, they are at an end of
their range there, and the statistic is a mixture,

.. math:: \sum_{j=0}^{b} \binom{b}{j} 2^{-b}\,\chi^2_{d-b+j},

for b = 1 the 50:50 mixture of d - 1 and d degrees of freedom of Stram & Lee, among them 0 and 1 for a single
variance. For b > 1 the binomial weights hold where the information about the b variances is orthogonal (Self
& Liang, case 9); `bootstrap_test` does without that.

Restricted likelihoods compare models with the same fixed effects only. If X1 = X0 T, they differ by log|T|,
which is added: kernel + log|X'X|/2 does not depend on the coding.

Sources: Self & Liang (1987), JASA 82:605; Stram & Lee (1994), Biometrics 50:1171; Welham & Thompson (1997),
J. Royal Stat. Soc. B 59:701.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from covstudio.reml.fitting.result import Fit
from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.distributions import chi2_tail
from covstudio.reml.inference.nesting import nesting
from covstudio.reml.inference.tables import Row, Tabular, listed, plural
from covstudio.reml.problem.errors import InvalidData
from covstudio.reml.search.coordinates import Coordinate, Kind

__all__ = [
    "Candidate",
    "Comparison",
    "LikelihoodRatio",
    "check_same_data",
    "check_same_design",
    "compare_candidates",
    "mixture_tail",
]

#: Responses that differ by more than this share of their spread are different responses.
SAME = 1e-8
#: A statistic smaller than this share of the log-likelihood is rounding error of two equal maxima.
ROUNDING = 1e-8


@dataclass(frozen=True)
class Candidate:
    """A fit to be compared: with its model, or alone.

    Attributes:
        name: for the table.
        fit: the fit.
        binding: its model and data; None where only the fit is known.
        caic: its conditional AIC; NaN where it is not known.
    """

    name: str
    fit: Fit
    binding: Binding | None = None
    caic: float = math.nan

    @property
    def criterion(self) -> str:
        """ "REML" or "ML"."""
        return self.fit.method

    @property
    def parameters(self) -> int:
        """Estimated variance parameters."""
        if self.binding is not None:
            return len(self.binding.coordinates)
        return round((self.fit.aic + 2.0 * self.fit.loglik) / 2.0) - self.fit.p


@dataclass(frozen=True)
class LikelihoodRatio:
    """A likelihood-ratio test of one fit against the one before it.

    Attributes:
        statistic: twice the difference of the log-likelihoods, at least 0.
        df: difference of the numbers of parameters.
        boundary: how many of these are variances at zero under the smaller model.
        p_value: from the mixture of chi-squares.
        plain_p_value: from chi-square with df degrees of freedom.
    """

    statistic: float
    df: int
    boundary: int
    p_value: float
    plain_p_value: float


@dataclass(frozen=True, repr=False)
class Comparison(Tabular):
    """Fits side by side.

    Attributes:
        names: of the fits.
        parameters: estimated variance parameters and, by ML, fixed effects.
        logliks: log-likelihoods, brought to one coding of X.
        aic: as `Fit.aic`.
        bic: as `Fit.bic`.
        caic: conditional AIC; NaN where it is not known.
        tests: for every fit but the first, the test against the one before; None where there is none.
        notes: what the numbers assume.
    """

    names: tuple[str, ...]
    parameters: tuple[int, ...]
    logliks: tuple[float, ...]
    aic: tuple[float, ...]
    bic: tuple[float, ...]
    caic: tuple[float, ...]
    tests: tuple[LikelihoodRatio | None, ...]
    notes: tuple[str, ...] = ()

    def table(self) -> list[Row]:
        rows: list[Row] = []
        for i, name in enumerate(self.names):
            test = self.tests[i - 1] if i else None
            rows.append(
                {
                    "model": name,
                    "parameters": self.parameters[i],
                    "loglik": self.logliks[i],
                    "AIC": self.aic[i],
                    "BIC": self.bic[i],
                    "cAIC": self.caic[i],
                    "LR": None if test is None else test.statistic,
                    "df": None if test is None else test.df,
                    "at boundary": None if test is None else test.boundary,
                    "p": None if test is None else test.p_value,
                }
            )
        return rows

    def _title(self) -> str:
        return f"Comparison of {len(self.names)} fits"

    def _notes(self) -> tuple[str, ...]:
        return self.notes


def mixture_tail(statistic: float, df: int, boundary: int) -> float:
    """P(X > statistic) for the mixture of chi-squares with `boundary` of df parameters at zero.

    Args:
        statistic: of the test.
        df: parameters between the models.
        boundary: how many of them are variances at zero under the smaller one.

    Example:
        >>> round(mixture_tail(2.705543, 1, 1), 4), round(mixture_tail(5.138, 2, 1), 4)
        (0.05, 0.05)

    Reference:
        Stram & Lee (1994), Biometrics 50:1171.
    """
    if not 0 <= boundary <= df:
        raise ValueError(f"boundary must be a whole number from 0 to df = {df}, and is {boundary}.")
    weights = [math.comb(boundary, j) / 2.0**boundary for j in range(boundary + 1)]
    return sum(w * chi2_tail(statistic, df - boundary + j) for j, w in enumerate(weights))


def compare_candidates(models: Sequence[Candidate], boundary: int | Sequence[int] | None) -> Comparison:
    """Put fits side by side and test each against the one before.

    Args:
        models: in order of size, the smallest first.
        boundary: variances at zero under the smaller model, for every test or for each; None to tell from the
            models, where they are known.

    Raises:
        InvalidData: the fits are not of the same data, or by REML with different fixed effects.
    """
    if len(models) < 2:
        raise InvalidData("a comparison takes two fits or more.")
    models = _named(models)
    notes: list[str] = []
    for other in models[1:]:
        check_same_data(models[0], other)
        check_same_design(models[0], other, notes)
    given = _given(boundary, len(models) - 1)
    shifts = [_coding(model) for model in models]
    known = all(shift is not None for shift in shifts)
    base = shifts[0] or 0.0
    reml = models[0].criterion == "REML"
    logliks = [
        model.fit.loglik + ((shift or 0.0) - base if known and reml else 0.0)
        for model, shift in zip(models, shifts, strict=True)
    ]
    counts = [model.parameters + (0 if reml else model.fit.p) for model in models]
    tests = []
    for i in range(1, len(models)):
        pair = models[i - 1], models[i]
        tests.append(_test(pair, logliks[i] - logliks[i - 1], counts[i] - counts[i - 1], given[i - 1], notes))
    moved = [logliks[i] - model.fit.loglik for i, model in enumerate(models)]
    return Comparison(
        tuple(model.name for model in models),
        tuple(model.parameters + model.fit.p for model in models),
        tuple(logliks),
        tuple(model.fit.aic - 2.0 * shift for model, shift in zip(models, moved, strict=True)),
        tuple(model.fit.bic - 2.0 * shift for model, shift in zip(models, moved, strict=True)),
        tuple(model.caic for model in models),
        tuple(tests),
        tuple(dict.fromkeys(notes)),
    )


def _named(models: Sequence[Candidate]) -> list[Candidate]:
    return [replace(model, name=model.name or f"model {i}") for i, model in enumerate(models)]


def _given(boundary: int | Sequence[int] | None, count: int) -> list[int | None]:
    if boundary is None:
        return [None] * count
    values = [boundary] * count if isinstance(boundary, int) else list(boundary)
    if len(values) != count:
        raise ValueError(f"boundary must be one number, or one for each of the {count} tests; got {values}.")
    return list(values)


def check_same_data(first: Candidate, other: Candidate) -> None:
    """Refuse fits by different methods, of different rows, or of different responses.

    Raises:
        InvalidData: they are.
    """
    if first.criterion != other.criterion:
        raise InvalidData(
            f"{first.name} is fitted by {first.criterion} and {other.name} by {other.criterion}: fit both "
            "alike."
        )
    if first.fit.n != other.fit.n:
        raise InvalidData(
            f"{first.name} is a fit of {first.fit.n} rows and {other.name} one of {other.fit.n}: likelihoods "
            "compare models of the same rows. Were rows with missing values left out of one?"
        )
    y, z = _response(first.fit), _response(other.fit)
    if float((y - z).abs().max()) > SAME * float((y - y.mean()).abs().max()):
        raise InvalidData(
            f"{first.name} and {other.name} are fits of different responses, of different rows, or of rows "
            "in a different order. Were rows with missing values left out, others in each?"
        )


def _response(fit: Fit) -> torch.Tensor:
    return (fit.fitted + fit.residuals).cpu()


def check_same_design(first: Candidate, other: Candidate, notes: list[str]) -> None:
    """Refuse fits by REML with different fixed effects: the columns of X must span the same space.

    Args:
        first: a fit.
        other: another.
        notes: where what cannot be checked is said.

    Raises:
        InvalidData: they differ.
    """
    if first.criterion != "REML":
        return
    advice = (
        "restricted likelihoods compare models with the same fixed effects only. Fit both by ML to compare "
        "fixed effects, or test these with `wald`."
    )
    if first.fit.p != other.fit.p:
        raise InvalidData(
            f"{first.name} has {plural(first.fit.p, 'fixed effect')} and {other.name} {other.fit.p}: {advice}"
        )
    if first.binding is None or other.binding is None:
        notes.append(
            "a fit alone does not say what X was: that all have the same fixed effects is taken on trust. "
            "Pass `Inference` objects to have it checked"
        )
        return
    a, b = first.binding.problem.basis, other.binding.problem.basis
    away = b - a @ (a.mT @ b)
    if float(torch.linalg.matrix_norm(away)) > SAME * math.sqrt(first.fit.p + 1):
        raise InvalidData(
            f"{first.name} and {other.name} have different fixed effects (the columns of X span different "
            f"spaces): {advice}"
        )


def _coding(model: Candidate) -> float | None:
    """log|X'X|/2, which makes a restricted likelihood independent of the coding of X."""
    if model.binding is None:
        return None
    x, basis = model.binding.problem.x, model.binding.problem.basis
    if not x.shape[1]:
        return 0.0
    return float(torch.linalg.slogdet(basis.mT @ x)[1])


def _test(
    pair: tuple[Candidate, Candidate], gain: float, df: int, given: int | None, notes: list[str]
) -> LikelihoodRatio | None:
    small, large = pair
    if df <= 0:
        notes.append(
            f"{large.name} has no more parameters than {small.name}: no likelihood-ratio test; see AIC and "
            "BIC"
        )
        return None
    if given is None and small.binding is not None and large.binding is not None:
        inside = nesting(small.binding, large.binding)
        if not inside.nested:
            notes.append(
                f"{small.name} is not nested in {large.name}: {inside.reason}: no likelihood-ratio test; "
                "see AIC and BIC"
            )
            return None
    statistic = 2.0 * gain
    if statistic < -1e-4:
        notes.append(
            f"{large.name} has a lower likelihood than {small.name}: they are not nested, or it is not at "
            "its maximum"
        )
    boundary = _at_zero(small, large, df, notes) if given is None else given
    if statistic < ROUNDING * (1.0 + abs(small.fit.loglik)):
        statistic = 0.0  # a variance estimated as zero: both fits are the same one
    p_value = mixture_tail(statistic, df, boundary)
    if boundary > 1:
        notes.append(
            f"{boundary} variances are zero under {small.name}: the weights of the mixture take the "
            "information about them as orthogonal; bootstrap_test does not"
        )
    return LikelihoodRatio(statistic, df, boundary, p_value, chi2_tail(statistic, df))


def _at_zero(small: Candidate, large: Candidate, df: int, notes: list[str]) -> int:
    """How many of the parameters between two models are variances at zero under the smaller one.

    Those are the variances of random terms that the smaller model does not have, and of the columns of Z by
    which a term that both have is wider, as a slope added to an intercept.
    """
    if small.binding is None or large.binding is None:
        notes.append(
            "plain chi-square: give boundary=, the number of variances that are zero under the smaller "
            "model, or `Inference` objects to have it counted"
        )
        return 0
    before, after = _variances_by_term(small.binding), _variances_by_term(large.binding)
    found, loose = 0, []
    for path, (columns, count, others) in after.items():
        if path not in before:
            found += count
            loose += others if count else []
        elif columns > before[path][0]:
            found += max(count - before[path][1], 0)
    if loose:
        notes.append(
            f"{listed(loose)} mean nothing under {small.name}, where their variance is zero: the mixture is "
            "an approximation; bootstrap_test does without it"
        )
    return min(found, df)


def _variances_by_term(binding: Binding) -> dict[str, tuple[int, int, list[str]]]:
    """Width, number of variances and names of shape parameters of every term of V but the residual ones."""
    by_position = {c.position: c for c in binding.coordinates}
    found = {}
    for term in binding.variance.terms:
        own = [by_position[k] for k in term.span if k in by_position]
        columns = binding.problem.n
        pair = term.parts("congruence")
        if pair is not None:
            columns = int(pair[1].operand.shape[0])
        shapes = [c.name for c in own if c.kind in (Kind.INTERVAL, Kind.SCALE) and not c.degree]
        found[term.path] = columns, sum(map(_is_variance, own)), shapes
    return found


def _is_variance(c: Coordinate) -> bool:
    return c.low == 0.0 and bool(c.degree) and c.kind in (Kind.VARIANCE, Kind.SCALE)
