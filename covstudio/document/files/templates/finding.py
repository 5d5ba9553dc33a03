"""Columns of a table that may be a part of a model: by their names, else by what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod

from covstudio.data.roles import Role, words_of
from covstudio.data.rows import factor_levels
from covstudio.data.tables import Table

#: The most combinations of columns that a template lays out as a grid.
MAX_CELLS = 8000


def find_column(
    table: Table | None, roles: Mapping[str, Role], *wishes: str, taken: Iterable[str | None] = ()
) -> str | None:
    """The column that a wish (words, the best first) fits; earlier wishes win. A response never does."""
    if table is None:
        return None
    passed = set(taken)
    columns = [name for name in table.columns if roles.get(name) != "response" and name not in passed]
    for wish in wishes:
        for word in wish.split():
            for name in columns:
                if word in words_of(name):
                    return name
    return None


def factors_left(table: Table | None, roles: Mapping[str, Role], taken: Iterable[str | None]) -> list[str]:
    """The factors that are not taken, those with most levels first."""
    if table is None:
        return []
    passed = set(taken)
    factors = [name for name in table.columns if roles.get(name) == "factor" and name not in passed]
    return sorted(factors, key=lambda name: -len(factor_levels(table, name)))


def numbers_left(table: Table | None, roles: Mapping[str, Role], taken: Iterable[str | None]) -> list[str]:
    """The columns of numbers or dates that are not taken, covariates first; never the response."""
    if table is None:
        return []
    passed = set(taken)
    found = [
        name
        for name in table.columns
        if name not in passed
        and roles.get(name) != "response"
        and (table.is_numeric(name) or table.is_time(name))
    ]
    return sorted(found, key=lambda name: roles.get(name) != "covariate")


def cells(table: Table | None, *columns: str | None) -> int:
    """The number of cells of the grid that the levels of columns span; 0 when a column is missing."""
    if table is None or not columns:
        return 0
    return prod(0 if column is None else len(factor_levels(table, column)) for column in columns)


def same_place(table: Table, columns: Sequence[str]) -> tuple[int, int] | None:
    """The first two rows of a table, counted from 1, that have the same labels in all of these columns.

    Rows with a label missing have no place. None where every place occurs once.
    """
    seen: dict[tuple[str | None, ...], int] = {}
    for number, key in enumerate(zip(*(table.labels(column) for column in columns), strict=True), 1):
        if None not in key and seen.setdefault(key, number) != number:
            return seen[key], number
    return None


def nested(table: Table, inner: str, outer: Sequence[str]) -> bool:
    """Whether every label of a column stands with one combination of the others only."""
    homes: dict[str, tuple[str | None, ...]] = {}
    rows = zip(table.labels(inner), *(table.labels(column) for column in outer), strict=True)
    return all(label is None or homes.setdefault(label, tuple(home)) == tuple(home) for label, *home in rows)
