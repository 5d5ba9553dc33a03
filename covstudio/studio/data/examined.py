"""A table looked through: what each column may be, its values in few words, what the file leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from covstudio.data.choices import Answer, TableChoices
from covstudio.data.errors import TableError
from covstudio.data.reading import read_table
from covstudio.data.roles import Guess, explain_roles
from covstudio.data.tables import Table
from covstudio.studio.session.files import Upload, max_table

SHOWN_LEVELS = 5


@dataclass(frozen=True)
class Described:
    """A column in few words.

    Args:
        numeric: its values are numbers.
        summary: how many levels, or from where to where it goes.
        missing: how many values are not there.
    """

    numeric: bool
    summary: str
    missing: int


@dataclass(frozen=True)
class Examined:
    """A table and all that the view says about it, found once: for a large table this takes a while.

    Args:
        table: the table.
        guesses: column -> what it may be, and why.
        described: column -> its values in few words, see `describe`.
    """

    table: Table
    guesses: Mapping[str, Guess]
    described: Mapping[str, Described]

    @classmethod
    def of(cls, table: Table) -> Examined:
        """Look a table through."""
        return cls(table, explain_roles(table), {column: describe(table, column) for column in table.columns})


def read_upload(upload: Upload, choices: TableChoices) -> Examined | str:
    """An uploaded table looked through, or why it is none.

    Args:
        upload: the file.
        choices: what is said about it.
    """
    stem = upload.name.rsplit(".", 1)[0] or upload.name
    try:
        return Examined.of(read_table(upload.data, name=stem, max_bytes=max_table(), choices=choices))
    except TableError as error:
        return f"{upload.name}: {error}"


def needs_file(answer: Answer, choices: TableChoices) -> bool:
    """Whether an answer is about how a file is read, and no longer heard when it was read.

    Args:
        answer: the answer.
        choices: what is said so far.
    """
    return answer.choices.over(choices).of_file != choices.of_file


def describe(table: Table, column: str) -> Described:
    """One column in few words: how many levels, or from where to where it goes, and how much is missing.

    Example:
        >>> from covstudio.data.examples import load_example
        >>> describe(load_example("john_alpha"), "rep").summary
        '3 levels: R1, R2, R3'
    """
    missing = int(table.missing(column).sum())
    numeric = table.is_numeric(column)
    if missing == table.n:
        summary = "no values"
    elif numeric:
        values = np.unique(table.numbers(column)[~table.missing(column)])
        summary = (
            f"{len(values):,} different numbers, {values[0]:.6g} to {values[-1]:.6g}"
            if len(values) > 1
            else f"{values[0]:.6g} in every row"
        )
    elif table.is_time(column):
        dates = table.levels(column)
        summary = f"{len(dates):,} different dates, {dates[0]} to {dates[-1]}" if len(dates) > 1 else dates[0]
    else:
        levels, many = table.first_levels(column, SHOWN_LEVELS)
        more = ",\u00a0…" if many > SHOWN_LEVELS else ""
        word = "level" if many == 1 else "levels"
        summary = f"{many:,} {word}: {', '.join(level[:24] for level in levels)}{more}"
    return Described(numeric, summary, missing)
