"""Errors whose variances are known: a second stage, and a meta-analysis."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd

from covstudio.data.errors import TableError, listed, shown, suggestion
from covstudio.data.relation import Relation
from covstudio.data.relation_reading import relation_of
from covstudio.data.tables import Table
from covstudio.document.model.node import Columns
from covstudio.formula.effects import incidence, propagated, residual
from covstudio.formula.known import known_tree
from covstudio.formula.refusals import Refusal
from covstudio.formula.source import Study
from covstudio.formula.tree import Model, Tree, tree

__all__ = ["ERRORS", "with_errors"]

#: What the errors are called in the model, and their second table in the document.
ERRORS = "errors"


def with_errors(model: Model, errors: Any, study: Study) -> None:
    """Give a model errors with known variances in place of a residual that is estimated.

    Args:
        model: changed in place.
        errors: the name of a column of variances; or their covariance matrix: a DataFrame whose rows are
            named as a column of the table names its rows, an array in the order of the rows, the path of a
            file, or a `Relation`. None for a residual variance that is estimated.
        study: the table; columns are computed in it.

    Raises:
        Refusal: there is no such column, a variance is none, or rows and names do not suit each other.
    """
    if errors is None:
        return
    if model.residual != residual():
        raise Refusal(
            ERRORS,
            0,
            "the residual has a structure or weights of its own already",
            "Leave out that structure, or the known errors.",
        )
    table = study.under
    if isinstance(errors, str) and (table is None or errors in table.columns or not os.path.isfile(errors)):
        model.residual = _by_column(errors, table)
        return
    name = next(one for one in (ERRORS, f"{ERRORS} 2") if one not in model.relations)
    model.residual, model.relations[name] = _by_matrix(errors, name, study, table)


def _by_column(column: str, table: Table | None) -> Tree:
    """Independent errors whose variances a column has."""
    if table is not None:
        if column not in table.columns:
            raise Refusal(
                column,
                0,
                "it is neither a column of the table nor a file",
                suggestion(column, table.columns),
            )
        try:
            values = table.numbers(column)
        except TableError as error:
            raise Refusal(column, 0, str(error).rstrip("."), "Name a column of variances.") from None
        for row, value in enumerate(values.tolist(), 1):
            if value <= 0.0:
                raise Refusal(
                    column,
                    0,
                    f"a variance is positive, and that of row {row} is {value:g}",
                    "Correct the row.",
                )
    held = {"sigma^2": 1.0, "delta": 0.5}
    return tree("PowerVarianceMatrix", ERRORS, fixed=held, v=Columns((column,)))


def _by_matrix(errors: Any, name: str, study: Study, table: Table | None) -> tuple[Tree, Relation]:
    """Errors whose covariance matrix is given, and the second table that has it."""
    if table is None:
        raise Refusal(ERRORS, 0, "a covariance matrix of the errors needs the table", "Give the data too.")
    if isinstance(errors, pd.DataFrame) and all(
        isinstance(own, pd.RangeIndex) for own in (errors.index, errors.columns)
    ):
        errors = errors.to_numpy()
    named = isinstance(errors, pd.DataFrame | Relation | str | os.PathLike)
    try:
        relation = relation_of(errors, name=name, ids=[str(k) for k in range(1, table.n + 1)])
    except TableError as error:
        raise Refusal(
            ERRORS, 0, str(error).rstrip("."), f"Give a matrix with a row for each of the {table.n} rows."
        ) from None
    if relation.kind not in ("relationship", "inverse"):
        raise Refusal(ERRORS, 0, f"{relation.what} is no covariance matrix", "Give one.")
    column = _naming(relation, table) if named else study.position((), ())
    if column is None:
        if repeated := _repeating(relation, table):
            raise Refusal(
                ERRORS,
                0,
                f"{shown(repeated[0])} names the rows as the matrix does, but {shown(repeated[1])} is the "
                "name of more than one row",
                "Give every row a name of its own, in the table and in the matrix.",
            )
        raise Refusal(
            ERRORS,
            0,
            f"no column of the table names every row as the matrix does ({listed(relation.ids, limit=3)})",
            "Name the rows of the matrix as such a column does.",
        )
    study.use({column: "factor"})
    z = incidence((column,), f"{ERRORS} rows")
    return propagated(ERRORS, z, known_tree(f"{ERRORS} covariance", name, relation, held=True)), relation


def _repeating(relation: Relation, table: Table) -> tuple[str, str] | None:
    """A column whose labels are all names of a matrix, and a label that stands there twice."""
    known = set(relation.ids)
    for column in table.columns:
        labels = [label for label in table.labels(column) if label is not None]
        if labels and known.issuperset(labels):
            return next(((column, one) for one, count in table.counts(column).items() if count > 1), None)
    return None


def _naming(relation: Relation, table: Table) -> str | None:
    """The column whose labels, one for each row, are names of a matrix.

    Raises:
        Refusal: there are several.
    """
    known = set(relation.ids)
    found = []
    for column in table.columns:
        labels = [label for label in table.labels(column) if label is not None]
        if labels and len(set(labels)) == len(labels) and known.issuperset(labels):
            found.append(column)
    if len(found) > 1 and any(table.labels(one) != table.labels(found[0]) for one in found):
        raise Refusal(
            ERRORS,
            0,
            f"{listed(found)} all name the rows as the matrix does, each otherwise",
            "Give the rows of the matrix names of their own.",
        )
    return found[0] if found else None
