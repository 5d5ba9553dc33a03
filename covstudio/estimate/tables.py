"""A fit as tables, for files, for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from covstudio.estimate.covariances import varcorr_table
from covstudio.estimate.derived import Quantity
from covstudio.estimate.fitted import Estimate

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["derived_table", "tables"]

NAN = float("nan")


def tables(estimate: Estimate, rows: Sequence[int] | None = None) -> dict[str, DataFrame]:
    """The estimates as tables.

    Args:
        estimate: a fit.
        rows: the numbers by which rows are called, of those used; from 1 when left out.

    Returns:
        - "variance_components": parameter, estimate, standard_error, lower, upper, status; with profile_lower
          and profile_upper before the last where some were profiled;
        - "variance_shares": term, variance, share, generalised_heritability, cullis_heritability: of the
          terms of V, the variance being the mean over the rows;
        - "varcorr": term, var1, var2, vcov, sdcor, vcov_standard_error, sdcor_standard_error: variances,
          covariances and correlations of random effects by name, as of R's `VarCorr`; see `varcorr`;
        - "fixed_effects": effect, estimate, standard_error, df, t, p, lower, upper;
        - "tests": term, F, df, den_df, p;
        - "variance_tests": term, LR, df, boundary, p, note: of V without the term;
        - "derived": quantity, expression, estimate, standard_error, lower, upper, note;
        - "blups": term, level, blup, standard_error, reliability; of terms that are neither Z G Z' nor the
          residual, their part of the fitted values, row by row of those used;
        - "fit": quantity, value.

        Ends of intervals are those of 95 % intervals. What is missing is NaN. `status` is "" or one of
        "fixed", "at the end of its range", "not told apart".
    """
    import pandas as pd

    summary = [*_summary(estimate), *(("note", note) for note in (*estimate.notes, *estimate.inferred.notes))]
    return {
        "variance_components": pd.DataFrame(
            _components(estimate),
            columns=[
                "parameter",
                "estimate",
                "standard_error",
                "lower",
                "upper",
                *(["profile_lower", "profile_upper"] if estimate.profiles else []),
                "status",
            ],
        ),
        "variance_shares": pd.DataFrame(
            _shares(estimate),
            columns=["term", "variance", "share", "generalised_heritability", "cullis_heritability"],
        ),
        "varcorr": varcorr_table(estimate.varcorr),
        "fixed_effects": pd.DataFrame(
            _effects(estimate),
            columns=["effect", "estimate", "standard_error", "df", "t", "p", "lower", "upper"],
        ),
        "tests": pd.DataFrame(
            [
                (test.name, test.f, test.numerator_df, test.denominator_df, test.p_value)
                for test in estimate.inferred.tests
            ],
            columns=["term", "F", "df", "den_df", "p"],
        ),
        "variance_tests": pd.DataFrame(
            [
                (one.name, one.statistic, one.df, one.boundary, one.p_value, one.error or one.note)
                for one in estimate.omissions
            ],
            columns=["term", "LR", "df", "boundary", "p", "note"],
        ),
        "derived": derived_table(estimate.derived),
        "blups": pd.DataFrame(
            _random(estimate, rows), columns=["term", "level", "blup", "standard_error", "reliability"]
        ),
        "fit": pd.DataFrame(summary, columns=["quantity", "value"]),
    }


def derived_table(quantities: Iterable[Quantity]) -> DataFrame:
    """Derived quantities, one a row; `note` says why a number is missing, and what it assumes."""
    import pandas as pd

    return pd.DataFrame(
        [
            (
                one.name,
                one.text,
                one.estimate,
                one.standard_error,
                one.lower,
                one.upper,
                one.error or one.note,
            )
            for one in quantities
        ],
        columns=["quantity", "expression", "estimate", "standard_error", "lower", "upper", "note"],
    )


def _components(estimate: Estimate) -> list[tuple[object, ...]]:
    fit, intervals = estimate.fit, estimate.inferred.intervals
    rows: list[tuple[object, ...]] = []
    for path, value in fit.params.items():
        found = intervals.get(path)
        error = fit.standard_errors.get(path, NAN) if found is None else found.standard_error
        ends: tuple[float, ...] = (NAN, NAN) if found is None else (found.lower, found.upper)
        if estimate.profiles:
            profile = estimate.profiles.get(path)
            ends += (NAN, NAN) if profile is None else (profile.lower, profile.upper)
        rows.append((path, value, error, *ends, _status(estimate, path)))
    return rows


def _shares(estimate: Estimate) -> list[tuple[object, ...]]:
    told = estimate.inferred.heritability
    return [
        (
            one.name,
            one.variance,
            one.share,
            *((told[one.name].generalised, told[one.name].cullis) if one.name in told else (NAN, NAN)),
        )
        for one in estimate.inferred.components
    ]


def _effects(estimate: Estimate) -> list[tuple[object, ...]]:
    fit, effects = estimate.fit, estimate.inferred.effects
    if effects:
        return [
            (
                name,
                one.estimate,
                one.standard_error,
                one.df,
                one.t,
                one.p_value,
                one.lower,
                one.upper,
            )
            for name, one in zip(estimate.fixed_names, effects, strict=True)
        ]
    return [
        (name, value, error, NAN, value / error if error else NAN, NAN, NAN, NAN)
        for name, value, error in zip(
            estimate.fixed_names, fit.beta.tolist(), fit.beta_standard_errors.tolist(), strict=True
        )
    ]


def _random(estimate: Estimate, numbers: Sequence[int] | None) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for term, effect in estimate.fit.blups.items():
        told = estimate.inferred.reliability.get(term)
        reliability = [NAN] * len(effect.levels) if told is None else told.tolist()
        rows += zip(
            [term] * len(effect.levels),
            effect.levels,
            effect.blup.tolist(),
            effect.standard_error.tolist(),
            reliability,
            strict=True,
        )
    for term, part in estimate.inferred.parts.items():
        columns = (part.fitted, part.standard_error, part.reliability)
        values_of = zip(*(column.tolist() for column in columns), strict=True)
        numbered = zip(numbers or range(1, len(part.fitted) + 1), values_of, strict=True)
        rows += [(term, f"row {i}", *values) for i, values in numbered]
    return rows


def _summary(estimate: Estimate) -> list[tuple[str, object]]:
    fit = estimate.fit
    rows: list[tuple[str, object]] = [
        ("response", estimate.response),
        ("method", estimate.method),
        ("rows", fit.n),
        ("fixed effects", fit.p),
        ("estimated parameters", len(estimate.values)),
        ("log-likelihood", fit.loglik),
        ("kernel log-likelihood", fit.kernel_loglik),
        ("AIC", fit.aic),
        ("BIC", fit.bic),
        ("converged", fit.converged),
        ("iterations", fit.iterations),
        ("engine", fit.engine),
        ("engine, because", fit.engine_reason),
        ("message", fit.message),
    ]
    rows += [(f"reference of {factor}", level) for factor, level in estimate.references.items()]
    if fit.covariance.coordinates:
        rows.append(("standard errors from", fit.covariance.source))
    if estimate.inferred.degrees:
        rows.append(("degrees of freedom", estimate.inferred.degrees))
    return rows


def _status(estimate: Estimate, path: str) -> str:
    if path in estimate.fixed_parameters:
        return "fixed"
    if path in estimate.fit.boundary:
        return "at the end of its range"
    return "not told apart" if path in estimate.fit.indistinct else ""
