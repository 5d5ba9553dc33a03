"""The places of the rows of a table: in time within subjects, on fields, in groups."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covstudio.data.errors import TableError, listed, shown
from covstudio.data.roles import Role, guess_roles
from covstudio.data.tables import Table
from covstudio.document.files.templates.finding import find_column
from covstudio.document.files.templates.usual import SUBJECT, TIME
from covstudio.plots.fitted import FittedModel

__all__ = ["Places", "codes", "once", "places_of", "positions"]

Codes = NDArray[np.int64]
Array = NDArray[np.float64]

#: Factors that are looked at by themselves and, of these, in pairs.
FACTORS = 12


@dataclass(frozen=True)
class Places:
    """What the columns of a table say of where its rows stand.

    Attributes:
        time: the column of times, or of what takes their place; "" for none.
        subject: the columns within whose levels times are compared.
        field: the columns of rows and columns of a field; empty for none.
        trial: the columns within whose levels these are compared.
        factors: columns that group the rows.
    """

    time: str = ""
    subject: tuple[str, ...] = ()
    field: tuple[str, ...] = ()
    trial: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()


def places_of(
    model: FittedModel,
    covariates: Sequence[str],
    time: str | None = None,
    subject: str | Sequence[str] | None = None,
    field: tuple[str, str] | None = None,
    trial: str | Sequence[str] | None = None,
) -> Places:
    """Where the rows stand, as far as somebody says it and as columns tell.

    Args:
        model: a fit with its table.
        covariates: numeric columns of the fixed effects, which may be times.
        time: the column of times; None to look for one.
        subject: the column, or columns, of subjects; None to look for one.
        field: the columns of rows and columns; None to look for them.
        trial: the column, or columns, that tell fields apart; None to look for one.

    Raises:
        ValueError: there is no such column, or it does not hold what it should.
    """
    rows = model.data
    _check_said(rows, {"time": time, "subject": subject, "field": field, "trial": trial})
    roles = guess_roles(rows)
    both: tuple[str, ...] = field if field is not None else model.layout() or ()
    line = tuple(name for name in both if len(rows.levels(name)) > 2)
    layout = both if _is_field(rows, both) else ()
    factors = [
        name
        for name, role in roles.items()
        if role == "factor" and name != model.response and 1 < len(rows.levels(name)) < rows.n
    ]
    groups = tuple(dict.fromkeys([*_listed(subject), *_listed(trial), *factors, *layout]))[:FACTORS]
    # Plots in one line are a series along it.
    wanted = (*covariates, *(() if layout else line))
    when, whose = _series(rows, roles, wanted, factors, time, _listed(subject), layout)
    fields = _listed(trial) or (_trials(rows, layout, factors) if layout else ())
    return Places(when, whose, layout if fields is not None else (), fields or (), groups)


def _check_said(rows: Table, said: Mapping[str, Any]) -> None:
    """Refuse what is said of columns and cannot be."""
    for name, given in said.items():
        columns = tuple(given) if isinstance(given, list | tuple) else () if given is None else (given,)
        if not all(isinstance(one, str) for one in columns):
            got = type(given).__name__
            raise ValueError(f"{name}= takes the name of a column, a text; got {got}.")
        if given is not None and not columns:
            raise ValueError(f"{name}= names no column. Name one, or leave it out.")
        if name == "time" and len(columns) > 1:
            raise ValueError(f"time= takes one column; got {listed(columns)}.")
        if name == "field" and columns and len(columns) != 2:
            raise ValueError(
                "field= takes two columns, where the rows and the columns of a field stand, such as "
                f"('row', 'col'); got {listed(columns)}."
            )
        try:
            rows.require(columns)
        except TableError as error:
            raise ValueError(str(error)) from None
        for one in columns if name == "field" else ():
            if not rows.is_numeric(one):
                raise ValueError(f"Rows and columns of a field are numbered, and {shown(one)} holds text.")
        if name == "time" and columns and len(rows.levels(columns[0])) < 3:
            there = len(rows.levels(columns[0]))
            raise ValueError(f"A series has three times or more, and {shown(columns[0])} has {there}.")


def _listed(given: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if given is None else (given,) if isinstance(given, str) else tuple(given)


def _is_field(rows: Table, layout: Sequence[str]) -> bool:
    """Whether two columns hold rows and columns of a field: places in two directions."""
    return len(layout) == 2 and all(rows.is_numeric(name) and len(rows.levels(name)) > 2 for name in layout)


def codes(rows: Table, columns: Iterable[str]) -> Codes:
    """The group of each row, from 0: a combination of levels."""
    names = list(columns)
    if not names:
        return np.zeros(rows.n, dtype=np.int64)
    labels = list(zip(*(rows.labels(name) for name in names), strict=True))
    known = {one: k for k, one in enumerate(dict.fromkeys(labels))}
    return np.array([known[one] for one in labels], dtype=np.int64)


def positions(rows: Table, column: str) -> Array:
    """Where rows stand in a column: its numbers, or the places of its levels in their order."""
    if rows.is_numeric(column):
        found: Array = np.asarray(rows.numbers(column), dtype=np.float64)
        return found
    levels: dict[str | None, float] = {one: float(k) for k, one in enumerate(rows.levels(column))}
    return np.array([levels.get(one, np.nan) for one in rows.labels(column)])


def once(rows: Table, columns: Sequence[str]) -> bool:
    """Whether no two rows have the same levels in these columns."""
    return len(np.unique(codes(rows, columns))) == rows.n


def _series(
    rows: Table,
    roles: Mapping[str, Role],
    wanted: Sequence[str],
    factors: Sequence[str],
    time: str | None,
    subject: tuple[str, ...],
    layout: Sequence[str],
) -> tuple[str, tuple[str, ...]]:
    """The column of times and the subjects within which each occurs once."""
    named = find_column(rows, roles, *TIME.words, taken=tuple(layout))
    times = [time] if time is not None else [named, *wanted]
    for when in dict.fromkeys(one for one in times if one is not None):
        if len(rows.levels(when)) < 3:
            continue
        if subject:
            return when, subject
        own = [name for name in factors if name != when]
        called = find_column(rows, roles, *SUBJECT.words, taken=(when,))
        order = [name for name in dict.fromkeys([called, *own]) if name is not None and name in own]
        for whose in [*((one,) for one in order), *itertools.combinations(order, 2)]:
            group = codes(rows, whose)
            if np.median(np.bincount(group)) >= 3 and once(rows, (*whose, when)):
                return when, whose
        if once(rows, (when,)) or time is not None:
            return when, ()
    return "", ()


def _trials(rows: Table, layout: Sequence[str], factors: Sequence[str]) -> tuple[str, ...] | None:
    """What tells fields apart where several lie over one another; None where nothing does."""
    if once(rows, layout):
        return ()
    for whose in [*((one,) for one in factors), *itertools.combinations(factors, 2)]:
        if once(rows, (*layout, *whose)):
            return whose
    return None
