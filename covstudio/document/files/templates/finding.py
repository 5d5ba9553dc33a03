"""Finds the columns of a table that a template is about: by their names, else by what they hold."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.roles import Role, words_of
from covstudio.data.rows import factor_levels
from covstudio.data.tables import Table

#: What people call the columns of a trial, the most telling word first.
GENOTYPE = (
    "gen geno genotype gid variety var cultivar line entry hybrid clone accession family sire sorte genotyp"
)
TREATMENT = "treatment treat trt behandlung variante"
REPLICATE = "rep reps replicate replication wdh wiederholung"
BLOCK = "block blk iblock incblock bloc"
ROW = "row rows reihe zeile"
COLUMN = "col cols column columns range bed spalte"
SUBJECT = "subject subj id animal patient person participant mouse rat tree plant worker child mare tier"
TIME = (
    "time times day days week weeks month year visit occasion age session period date "
    "zeit tag woche monat jahr datum"
)

#: The most combinations of two columns that a template lays out as a grid.
MAX_CELLS = 8000


def find_column(
    table: Table | None, roles: Mapping[str, Role], *wishes: str, taken: tuple[str | None, ...] = ()
) -> str | None:
    """The column that a wish (words, the best first) fits; earlier wishes win. A response never does."""
    if table is None:
        return None
    columns = [name for name in table.columns if roles.get(name) != "response" and name not in taken]
    for wish in wishes:
        for word in wish.split():
            for name in columns:
                if word in words_of(name):
                    return name
    return None


def largest_factor(
    table: Table | None, roles: Mapping[str, Role], taken: tuple[str | None, ...]
) -> str | None:
    """The factor with most levels that is not taken: what a trial compares, when no name says so."""
    if table is None:
        return None
    factors = [name for name in table.columns if roles.get(name) == "factor" and name not in taken]
    return max(factors, key=lambda name: len(factor_levels(table, name)), default=None)


def cells(table: Table | None, one: str | None, other: str | None) -> int:
    """The number of cells of the grid that the levels of two columns span; 0 when a column is missing."""
    if table is None or one is None or other is None:
        return 0
    return len(factor_levels(table, one)) * len(factor_levels(table, other))
