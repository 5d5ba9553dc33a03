"""Columns that are computed from others: expressions, columns of a design, places of rows within groups.

They are steps among the choices about a table (`covstudio.data.steps`), so that a document keeps them and
an exported program computes them again. Nothing is handed to Python's evaluation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from covstudio.arguments import checked
from covstudio.data.calculation import calculated
from covstudio.data.design import design_matrix
from covstudio.data.errors import ChoiceError, DesignError, TableError, shown, suggestion
from covstudio.data.formula import quote_name
from covstudio.data.rows import complete_rows
from covstudio.data.tables import Table
from covstudio.data.text import plain_name

__all__ = ["column_of", "position_in", "with_computed"]

_POSITION = re.compile(r"\s*position\((?P<inside>.*)\)\s*", re.DOTALL)
_COLUMN = re.compile(r"\s*column\((?P<inside>.*)\)\s*", re.DOTALL)
_NAMES = re.compile(r"\s*(?:`(?P<quoted>(?:[^`\\]|\\.)*)`|(?P<plain>[^\W\d][\w.]*|\.[^\W\d][\w.]*))\s*")


@checked
def position_in(groups: Sequence[str], given: Sequence[str] = ()) -> str:
    """What computes the place of each row within its group, counted from 1 in the order of the table.

    Args:
        groups: the columns whose combinations are the groups; none for the whole table.
        given: columns in which a row must have a value to be counted.

    Example:
        >>> position_in(["Subject"], ["distance"])
        'position(Subject | distance)'
    """
    inside = " : ".join(map(quote_name, groups)) or "1"
    return f"position({inside}{' | ' if given else ''}{' : '.join(map(quote_name, given))})"


@checked
def column_of(formula: str, name: str) -> str:
    """What computes one column of the design matrix of a formula.

    Args:
        formula: of fixed effects.
        name: the name of one of its columns.

    Example:
        >>> column_of("1 + poly(x, 2)", "poly(x, 2)1")
        'column(poly(x, 2)1 | 1 + poly(x, 2))'
    """
    return f"column({name} | {formula})"


def with_computed(table: Table, name: str, text: str) -> pd.Series[Any]:
    """The values of a computed column.

    Args:
        table: whose columns it is computed from.
        name: what it is called.
        text: an expression such as "log(yield)" (see `covstudio.data.calculation`); or as `position_in` and
            `column_of` write them.

    Returns:
        (n,) int64 or float64, NaN where a row lacks what is needed, or labels with None there.

    Raises:
        ChoiceError: the text is not understood, a column is not there or has no numbers.

    Example:
        >>> table = Table.from_columns({"id": ["a", "b", "a"], "y": [1.0, 4.0, 9.0]}, "t")
        >>> with_computed(table, "root", "sqrt(y)").tolist()
        [1.0, 2.0, 3.0]
        >>> with_computed(table, "visit", "position(id)").tolist()
        [1, 1, 2]
    """
    try:
        position, column = _POSITION.fullmatch(text), _COLUMN.fullmatch(text)
        if position is not None:
            return pd.Series(_positions(table, *_halves(position["inside"])))
        if column is not None:
            wanted, _, formula = column["inside"].partition(" | ")
            return pd.Series(_column(table, formula, wanted))
        return calculated(table, text)
    except ChoiceError:
        raise
    except (TableError, DesignError) as error:
        raise ChoiceError(f"The computed column {shown(name)} cannot be had: {error}") from None


def _halves(inside: str) -> tuple[list[str], list[str]]:
    groups, _, given = inside.partition("|")
    return _names(groups), _names(given)


def _names(text: str) -> list[str]:
    if text.strip() in ("", "1"):
        return []
    names, place = [], 0
    while True:
        found = _NAMES.match(text, place)
        if found is None:
            raise ChoiceError(
                f"{shown(text)} should be names of columns with a colon between them, as in rep : block."
            )
        quoted = found["quoted"]
        names.append(plain_name(found["plain"] if quoted is None else re.sub(r"\\([\\`])", r"\1", quoted)))
        place = found.end()
        if place == len(text):
            return names
        if text[place] != ":":
            raise ChoiceError(f"{shown(text)} should have a colon before {shown(text[place:])}.")
        place += 1


def _positions(table: Table, groups: list[str], given: list[str]) -> npt.NDArray[Any]:
    kept = complete_rows(table, [*groups, *given]).kept if groups or given else np.ones(table.n, dtype=bool)
    keys = list(zip(*(table.labels(group) for group in groups), strict=True)) if groups else [()] * table.n
    places, found = dict.fromkeys(keys, 0), np.full(table.n, np.nan)
    for row, key in enumerate(keys):
        if kept[row]:
            places[key] += 1
            found[row] = places[key]
    return found if np.isnan(found).any() else found.astype(np.int64)


def _column(table: Table, formula: str, wanted: str) -> npt.NDArray[np.float64]:
    design = design_matrix(table, formula, drop_dependent=True)
    if wanted not in design.names:
        raise ChoiceError(
            f"The design of {shown(formula)} has no column {shown(wanted)}. "
            f"{suggestion(wanted, design.names)}"
        )
    found = np.full(table.n, np.nan)
    found[design.kept] = design.x[:, design.names.index(wanted)].numpy()
    return found
