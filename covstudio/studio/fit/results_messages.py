"""The messages of a finished fit: its summary and its tables."""

from __future__ import annotations

from typing import Literal

from covstudio.document.model.document import Method
from covstudio.studio.session.messages import Part, Real, State, Wire

#: How a verdict is shown.
Mood = Literal["ok", "todo", "problem"]


class FitVerdict(Part, frozen=True):
    """How the fit ended, in words."""

    title: str
    mood: Mood
    text: str


class Word(Part, frozen=True):
    """A parameter in an expression: the shortest word that means it, and what it is called."""

    word: str
    name: str


class FitSummary(Part, frozen=True):
    """The fit in a few numbers and sentences.

    `information` is what standard errors of variance parameters come from, `degrees` where the degrees of
    freedom of tests do; "" where there are none. `contained` are the terms without a test, because others
    contain them; `parameters`, what derived quantities are functions of. `criteria` says what AIC and BIC
    count, and which models they compare.
    """

    method: Method
    loglik: Real
    aic: Real
    bic: Real
    criteria: str
    n: int
    p: int
    verdict: FitVerdict
    iterations: int
    engine: str
    engine_reason: str
    information: str
    degrees: str
    contained: list[str]
    seconds: float
    notes: list[str]
    parameters: list[Word]


class VarianceRow(Part, frozen=True):
    """A variance parameter by its path, and what it is called; None is what there is not."""

    parameter: str
    name: str
    estimate: Real | None
    standard_error: Real | None
    lower: Real | None
    upper: Real | None
    status: str


class ShareRow(Part, frozen=True):
    """A term of V by its path, and what it is called; None is what there is not.

    Its variance is the mean over the rows, the share is of all terms; a heritability says how well its
    effects are told apart.
    """

    term: str
    name: str
    variance: Real | None
    share: Real | None
    generalised_heritability: Real | None
    cullis_heritability: Real | None


class VarcorrRow(Part, frozen=True):
    """A variance of effects of a term, or a covariance of two of them; None is what there is not.

    `term` is its path and `name` what it is called; `first` and `second` are levels or coefficients, `second`
    "" for a variance, and both "" where the groups of the term have one effect each. `sdcor` is the square
    root, or the correlation.
    """

    term: str
    name: str
    first: str
    second: str
    vcov: Real | None
    vcov_standard_error: Real | None
    sdcor: Real | None
    sdcor_standard_error: Real | None


class EffectRow(Part, frozen=True):
    """A fixed effect; None is what there is not."""

    effect: str
    estimate: Real | None
    standard_error: Real | None
    df: Real | None
    t: Real | None
    p: Real | None
    lower: Real | None
    upper: Real | None


class TestRow(Part, frozen=True):
    """An F test of a term of the fixed effects."""

    term: str
    F: Real | None
    df: Real | None
    den_df: Real | None
    p: Real | None


class RandomRows(Part, frozen=True):
    """Predicted random effects, column by column: the first of `total`."""

    term: list[str]
    level: list[str]
    blup: list[Real | None]
    standard_error: list[Real | None]
    reliability: list[Real | None]
    total: int


class ResidualPoints(Part, frozen=True):
    """Residuals in standard deviations from the smallest to the largest, column by column: some of `total`.

    `by` says what they were divided by, `row` which row of the table each is of, from 1; 95 % of standard
    normal numbers of that rank lie between `lower` and `upper`.
    """

    by: Literal["studentised", "Pearson"]
    row: list[int]
    fitted: list[float]
    value: list[float]
    quantile: list[float]
    lower: list[float]
    upper: list[float]
    total: int


class ResultsState(State, frozen=True):
    """A finished fit: the `number`-th of the session. `varcorr` is empty where no effects are correlated."""

    number: int
    summary: FitSummary
    variance_components: list[VarianceRow]
    variance_shares: list[ShareRow]
    varcorr: list[VarcorrRow]
    fixed_effects: list[EffectRow]
    tests: list[TestRow]
    blups: RandomRows
    residuals: ResidualPoints | None


RESULTS = Wire("results", ResultsState)
