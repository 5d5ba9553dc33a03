"""The role of each column of a table: a factor, a covariate, the response, or nothing.

A guess is a suggestion for a person to confirm, so it carries its reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from covstudio.data.columns import MISSING_AMONG_NUMBERS, number
from covstudio.data.errors import TableError, count, listed, shown
from covstudio.data.tables import Table

Role = Literal["factor", "covariate", "response", "ignored"]
ROLES: tuple[Role, ...] = get_args(Role)


def _words(column: str) -> frozenset[str]:
    """The words of a name in lower case.

    Example:
        >>> sorted(_words("Grain_yield (t/ha) 2024")), sorted(_words("blockId"))
        (['grain', 'ha', 't', 'yield'], ['block', 'id'])
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)
    return frozenset(re.findall(r"[^\W\d_]+", spaced.lower()))


#: Words that say what a column is ("Grain_yield" has the words grain and yield).
_RESPONSES = _words("yield y response resp phenotype pheno trait yld gy")
_FACTORS = _words(
    """rep reps replicate replication block blk iblock rowblock colblock wholeplot subplot
    gen geno genotype gid variety var cultivar line entry hybrid clone accession family sire dam
    treatment treat trt year season site loc location env environment trial farm field herd group batch
    lot operator subject id animal sex breed worker machine diet row col column range bed bay tray pot
    plate lab"""
)
_COVARIATES = _words(
    """time day days das week weeks month hour hours minute age date dose rate temp temperature rain
    rainfall x lat latitude lon long longitude easting northing altitude elevation depth ph stand
    concentration conc"""
)
_IDENTIFIERS = _words("plot unit obs observation record index sample no nr")
_FEW_LEVELS = 12


@dataclass(frozen=True)
class Guess:
    """A role for a column, and why.

    Attributes:
        role: the role.
        reason: a sentence for the person who confirms it.
    """

    role: Role
    reason: str


@dataclass(frozen=True)
class RoleProblem:
    """Something that stands in the way of a role.

    Attributes:
        column: the column concerned.
        message: what is wrong and what to do.
    """

    column: str
    message: str


def guess_roles(table: Table) -> dict[str, Role]:
    """A role for every column, in their order; at most one is the response.

    Example:
        >>> from covstudio.data.examples import load_example
        >>> guess_roles(load_example("john_alpha"))
        {'plot': 'ignored', 'rep': 'factor', 'block': 'factor', 'gen': 'factor', 'yield': 'response',
         'row': 'ignored', 'col': 'ignored'}
    """
    return {column: guess.role for column, guess in explain_roles(table).items()}


def explain_roles(table: Table) -> dict[str, Guess]:
    """A role for every column, with the reason for each.

    Text is a factor, unless every row has a label of its own; numbers are a covariate, or a factor where a
    few of them repeat or the name says so. The response is the numeric column whose name says so, or else
    the last one that looks measured.

    Args:
        table: any table.

    Returns:
        A guess for each column, in their order.

    Example:
        >>> from covstudio.data.examples import load_example
        >>> explain_roles(load_example("john_alpha"))["plot"].reason
        'It numbers the rows from 1 to 72.'
    """
    guesses = {column: _guess(table, column) for column in table.columns}
    response = _guess_response(table, guesses)
    if response is not None:
        column, reason = response
        guesses[column] = Guess("response", reason)
    return guesses


def check_roles(table: Table, roles: Mapping[str, Role]) -> tuple[RoleProblem, ...]:
    """What is wrong with these roles for this table; nothing when they will do.

    Args:
        table: the table.
        roles: a role for some or all of its columns.

    Returns:
        The problems: a column that is not there, a role that does not exist, more than one response, text as
        covariate or response, a factor with one level, a response that never varies.

    Example:
        >>> table = Table.from_columns({"rep": ["R1", "R1"], "yield": [4.1, 3.9]}, "trial")
        >>> [problem.message for problem in check_roles(table, {"rep": "factor", "yield": "response"})]
        ["Column 'rep' has one level, 'R1', and a factor needs two or more to compare. Give it the role
          'ignored'."]
    """
    problems = []
    for column, role in roles.items():
        if column not in table.columns:
            try:
                table.require([column])
            except TableError as error:
                problems.append(RoleProblem(column, str(error)))
        elif role not in ROLES:
            message = f"Column {shown(column)} has the role {shown(role)}; the roles are {listed(ROLES)}."
            problems.append(RoleProblem(column, message))
    responses = [column for column in table.columns if roles.get(column) == "response"]
    if len(responses) > 1:
        message = (
            f"A model has one response, and {listed(responses)} are marked. Give the others another role."
        )
        problems += [RoleProblem(column, message) for column in responses[1:]]
    for column in table.columns:
        misfit = _misfit(table, column, roles.get(column, "ignored"))
        if misfit:
            problems.append(RoleProblem(column, misfit))
    return tuple(problems)


def _misfit(table: Table, column: str, role: str) -> str | None:
    """Why the values of a column cannot have a role."""
    if role not in ("covariate", "response", "factor"):
        return None
    levels = sorted({label for label in table.labels(column) if label is not None})
    if not levels:
        return f"Column {shown(column)} has no values, so it cannot be a {role}. Give it the role 'ignored'."
    if role == "factor":
        if len(levels) > 1:
            return None
        return (
            f"Column {shown(column)} has one level, {shown(levels[0])}, and a factor needs two or more to "
            "compare. Give it the role 'ignored'."
        )
    try:
        table.numbers(column)
    except TableError as error:
        return str(error)
    if role == "response" and len(levels) == 1 and table.n > 1:
        return (
            f"Column {shown(column)} is {levels[0]} in every row, so there is nothing to explain. Choose "
            "another response."
        )
    return None


def _guess(table: Table, column: str) -> Guess:
    labels = [label for label in table.labels(column) if label is not None]
    distinct = len(set(labels))
    words = _words(column)
    if not labels:
        return Guess("ignored", "It has no values.")
    if distinct == 1:
        return Guess("ignored", f"It is {shown(labels[0])} in every row.")
    if not table.is_numeric(column):
        return _guess_text(labels, distinct, words)
    values = table.numbers(column)
    present = values[np.isfinite(values)]
    low, high = float(present.min()), float(present.max())
    whole = bool((present == np.round(present)).all())
    numbers_rows = whole and distinct == len(labels) > 2 and high - low == len(labels) - 1
    if numbers_rows and not words & (_COVARIATES | _RESPONSES):
        return Guess("ignored", f"It numbers the rows from {low:.0f} to {high:.0f}.")
    if whole and words & _IDENTIFIERS and distinct > _FEW_LEVELS:
        return Guess("ignored", "Its name says that it identifies plots or records.")
    if words & _COVARIATES and not words & _FACTORS:
        return Guess("covariate", "It holds numbers, and its name is that of a measured quantity.")
    if whole and words & _FACTORS:
        return Guess("factor", f"It has {distinct:,} whole numbers, and its name is that of a grouping.")
    if distinct <= _FEW_LEVELS and distinct * 3 <= len(labels):
        return Guess("factor", f"It has few different numbers ({distinct}), each of them in several rows.")
    return Guess("covariate", f"It holds numbers, {distinct:,} different ones.")


def _guess_text(labels: list[str], distinct: int, words: frozenset[str]) -> Guess:
    others = [label for label in labels if number(label) is None and label not in MISSING_AMONG_NUMBERS]
    if distinct > _FEW_LEVELS and 0 < len(others) <= 0.5 * len(labels):
        return Guess(
            "ignored",
            f"It holds numbers, but {count(len(others), 'cell is', 'cells are')} not, the first of them "
            f"{shown(others[0])}: mend them to use it as numbers.",
        )
    if distinct == len(labels) and not words & _FACTORS:
        return Guess("ignored", "Every row has a label of its own, so it groups nothing.")
    return Guess("factor", f"It holds text, {distinct:,} different labels.")


def _guess_response(table: Table, guesses: Mapping[str, Guess]) -> tuple[str, str] | None:
    """The column to explain: by its name, else the last one that looks measured."""
    words = {column: _words(column) for column in table.columns if table.is_numeric(column)}
    numeric = [column for column in words if guesses[column].role in ("covariate", "factor")]
    measured = [column for column in numeric if guesses[column].role == "covariate"]
    named = [column for column in numeric if words[column] & _RESPONSES]
    others = [column for column in measured if not words[column] & (_COVARIATES | {"y"})]
    if any(words[column] == {"x"} for column in numeric):
        # Beside a column x, y is the other coordinate, if there is something else to explain.
        plain = [column for column in named if words[column] != {"y"}]
        named = plain or ([] if others else named)
    if named:
        return named[0], "It holds numbers, and its name is that of a response."
    for candidates in (others, measured):
        if candidates:
            return candidates[-1], "It is the last column of numbers that look measured."
    loose = [column for column in numeric if not words[column] & (_FACTORS | _COVARIATES)]
    return (loose[-1], "It is the last column of numbers.") if loose else None
