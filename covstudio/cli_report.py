"""A fit as text for the terminal, and as JSON for other programs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from covstudio import __version__
from covstudio.data.tables import Table
from covstudio.document.model.document import Document
from covstudio.estimate import Estimate, mixture_words, tables
from covstudio.estimate.effects_shown import HEADS, shown_effects
from covstudio.estimate.used_rows import used_rows

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["as_json", "report"]

#: Columns of text; all others hold numbers and end at the right.
LEFT = ("", "remark")


def report(
    document: Document, table: Table, found: Estimate, notes: Sequence[str], *, blups: bool = False
) -> list[str]:
    """A fit to read, in lines: the summary, the tables, and what there is to say about them."""
    fit, inferred = found.fit, found.inferred
    frames = tables(found, used_rows(document, table, fit.n).numbers.tolist())
    lines = [
        f"{document.title}: {found.response} ~ {document.fixed_effects}, {table.name}, {fit.n:,} rows",
        f"{fit.message} ({fit.method}, {fit.engine} engine)",
        f"log-likelihood {fit.loglik:.4f}   AIC {fit.aic:.4f}   BIC {fit.bic:.4f}",
    ]
    by_profile = ("by profile",) if found.profiles else ()
    lines += _table(
        ("Variance components", "estimate", "std. error", "95 % interval", *by_profile, "remark"),
        (
            (
                row.parameter,
                _number(row.estimate),
                _number(row.standard_error),
                _interval(row.lower, row.upper),
                *([_interval(row.profile_lower, row.profile_upper)] if found.profiles else []),
                row.status,
            )
            for row in _rows(frames["variance_components"])
        ),
    )
    if fit.covariance.coordinates:
        lines += [f"  Standard errors from the {fit.covariance.source}"]
    for (head, columns), effects in zip(HEADS, shown_effects(found.varcorr), strict=True):
        lines += _table((head, *columns), ((row.name, *map(_number, row.numbers)) for row in effects))
    lines += _table(
        ("Without a term of V", "LR", "against", "p", "remark"),
        (
            (one.name, "-", "-", "-", one.error)
            if one.error
            else (
                one.name,
                f"{one.statistic:.2f}",
                mixture_words(one.df, one.boundary),
                _probability(one.p_value),
                one.note,
            )
            for one in found.omissions
        ),
    )
    lines += _table(
        ("Derived quantities", "estimate", "std. error", "95 % interval", "remark"),
        (
            (
                row.quantity,
                _number(row.estimate),
                _number(row.standard_error),
                _interval(row.lower, row.upper),
                row.note,
            )
            for row in _rows(frames["derived"])
        ),
    )
    degrees = f" ({inferred.degrees})" if inferred.degrees else ""
    lines += _table(
        (f"Fixed effects{degrees}", "estimate", "std. error", "df", "t", "p"),
        (
            (row.effect, _number(row.estimate), _number(row.standard_error), *_test(row.df, row.t, row.p))
            for row in _rows(frames["fixed_effects"])
        ),
    )
    if found.references:
        compared = ", ".join(f"{factor} {level}" for factor, level in found.references.items())
        lines += [f"  Levels are compared with {compared}"]
    lines += _table(
        (f"Wald tests{degrees}", "F", "df", "den. df", "p"),
        (
            (row.term, f"{row.F:.2f}", str(row.df), _degrees(row.den_df), _probability(row.p))
            for row in _rows(frames["tests"])
        ),
    )
    if blups:
        for term, group in frames["blups"].groupby("term", sort=False):
            lines += _table(
                (f"Random effects of {term}", "estimate", "std. error", "reliability"),
                (
                    (row.level, _number(row.blup), _number(row.standard_error), _three(row.reliability))
                    for row in _rows(group)
                ),
            )
    if fit.boundary:
        lines += ["", f"At the end of their range: {', '.join(fit.boundary)}"]
    if said := [*notes, *inferred.notes]:
        lines += ["", *(f"Note: {note}" for note in said)]
    return lines


def _rows(frame: DataFrame) -> Iterable[Any]:
    return frame.itertuples()


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table under a blank line, its first column indented; nothing where there are no rows."""
    cells = [tuple(heads), *((f"  {row[0]}", *row[1:]) for row in rows)]
    if len(cells) == 1:
        return []
    last = heads[-1] in LEFT
    if last:
        cells[0] = (*cells[0][:-1], "")
    widths = [max(len(row[j]) for row in cells) for j in range(len(heads))]
    lines = [
        "  ".join(
            text.ljust(width) if j == 0 or (last and j == len(heads) - 1) else text.rjust(width)
            for j, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return ["", *lines]


def _interval(lower: float, upper: float) -> str:
    if math.isnan(lower):
        return "-"
    return f"{_short(lower)} to {_short(upper)}"


def _test(df: float, t: float, p: float) -> tuple[str, str, str]:
    return _degrees(df), "-" if math.isnan(t) else f"{t:.2f}", _probability(p)


def _degrees(value: float) -> str:
    return "-" if math.isnan(value) else "inf" if math.isinf(value) else f"{value:.1f}"


def _probability(value: float) -> str:
    return "-" if math.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def _three(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _short(value: float) -> str:
    return f"{value:#.3g}".removesuffix(".") if math.isfinite(value) else str(value)


def _number(value: float) -> str:
    """Six decimals where they say something, six digits elsewhere, "-" for nothing.

    Example:
        >>> [_number(value) for value in (4.51825, 1e-9, 1234567.0, 0.0, float("nan"))]
        ['4.518250', '1e-09', '1.23457e+06', '0', '-']
    """
    if math.isnan(value):
        return "-"
    if value == 0.0:
        return "0"
    return f"{value:.6f}" if 1e-3 <= abs(value) < 1e5 else f"{value:.6g}"


def as_json(document: Document, table: Table, found: Estimate, notes: Sequence[str]) -> dict[str, Any]:
    """A fit for other programs: NaN, where there is nothing, as null."""
    fit, inferred = found.fit, found.inferred
    content: dict[str, Any] = {
        "covstudio": __version__,
        "model": document.title,
        "data": table.name,
        "response": found.response,
        "fixed_effects_formula": document.fixed_effects,
        "method": fit.method,
        "n": fit.n,
        "p": fit.p,
        "loglik": fit.loglik,
        "kernel_loglik": fit.kernel_loglik,
        "aic": fit.aic,
        "bic": fit.bic,
        "converged": fit.converged,
        "verdict": fit.verdict,
        "iterations": fit.iterations,
        "message": fit.message,
        "engine": fit.engine,
        "engine_reason": fit.engine_reason,
        "boundary": list(fit.boundary),
        "information": fit.covariance.kind if fit.covariance.coordinates else "",
        "information_reason": fit.covariance.reason,
        "degrees_of_freedom": inferred.degrees,
        "references": dict(found.references),
        "notes": [*notes, *inferred.notes],
    }
    for name, frame in tables(found, used_rows(document, table, fit.n).numbers.tolist()).items():
        if name != "fit":
            content[name] = [_finite(record) for record in frame.to_dict("records")]
    return _finite(content)


def _finite(record: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        str(key): None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }
