"""Fits, results and tables in a notebook, as tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from covstudio.data.tables import Table
from covstudio.notebook.html import block, framed, table_of
from covstudio.reml import Fit, Inference
from covstudio.reml.inference.tables import Tabular, plural

__all__ = ["fit_html", "inference_html", "result_html", "table_html"]

#: More fixed effects than these are not tested for what nobody asked for.
EFFECTS = 60
#: Rows of a table of data that are shown.
ROWS = 10


def fit_html(
    fit: Fit,
    title: str = "",
    notes: Sequence[str] = (),
    effects: Sequence[Sequence[Mapping[str, Any]]] = (),
) -> str:
    """The estimates of a fit with their standard errors.

    Args:
        fit: the fit.
        title: above everything else.
        notes: below it.
        effects: tables of the variances and correlations of random effects, rows by the names of columns.
    """
    pieces = [block(title)] if title else []
    pieces += [*_head(fit), table_of(_parameters(fit)), *map(table_of, effects)]
    if fit.p:
        pieces.append(table_of(_effects(fit)))
    return framed(*pieces, *(block(note, quiet=True) for note in notes))


def inference_html(told: Inference) -> str:
    """Intervals of the variance parameters and tests of the fixed effects."""
    pieces = _head(told.fit)
    questions: list[Callable[[], Tabular]] = [told.intervals]
    if 0 < told.fit.p <= EFFECTS:
        questions.append(told.fixed_effects)
    for question in questions:
        try:
            found = question()
        except (ValueError, ArithmeticError, RuntimeError) as error:
            pieces.append(block(str(error), quiet=True))
            continue
        pieces += _result(found)
    return framed(*pieces)


def result_html(result: Tabular) -> str:
    """A result as its table, with what there is to say about it."""
    return framed(*_result(result))


def table_html(table: Table) -> str:
    """The first rows of a table of data."""
    head = table.frame.head(ROWS)
    rows: list[dict[str, Any]] = [
        {
            str(name): None if value is None or value != value else value
            for name, value in zip(head.columns, row, strict=True)
        }
        for row in head.itertuples(index=False, name=None)
    ]
    shown = f"{table.name}: {table.n:,} rows, {len(table.columns)} columns"
    more = f"; the first {len(rows)}" if table.n > len(rows) else ""
    return framed(block(shown + more), table_of(rows), *(block(note, quiet=True) for note in table.notes))


def _head(fit: Fit) -> list[str]:
    return [
        block(f"{fit.method} fit of {fit.n:,} rows, {plural(fit.p, 'fixed effect')} ({fit.engine} engine)"),
        block(fit.message),
        block(f"log-likelihood {fit.loglik:.4f}, AIC {fit.aic:.4f}, BIC {fit.bic:.4f}"),
    ]


def _parameters(fit: Fit) -> list[dict[str, Any]]:
    errors = fit.standard_errors
    return [
        {
            "variance parameter": name,
            "estimate": float(value),
            "std. error": float(errors.get(name, math.nan)),
            "": _status(fit, name),
        }
        for name, value in fit.params.items()
    ]


def _status(fit: Fit, name: str) -> str:
    if name in fit.boundary:
        return "at the end of its range"
    return "not told apart" if name in fit.indistinct else ""


def _effects(fit: Fit) -> list[dict[str, Any]]:
    names = fit.x_names or tuple(f"x{j}" for j in range(fit.p))
    columns = zip(names, fit.beta.tolist(), fit.beta_standard_errors.tolist(), strict=True)
    return [{"fixed effect": name, "estimate": value, "std. error": error} for name, value, error in columns]


def _result(result: Tabular) -> list[str]:
    return [
        block(result.heading()),
        table_of(result.table()),
        *(block(f"Note: {note}", quiet=True) for note in result.remarks()),
    ]
