"""The role of each column of a table: a factor, a covariate, the response, or nothing.

A guess is a suggestion for a person to confirm, so it carries its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pandas as pd

from covstudio.arguments import checked
from covstudio.data.causes import looks_like_number, why_no_numbers
from covstudio.data.errors import SUGGESTED, TableError, count, listed, shown
from covstudio.data.missing import MISSING_AMONG_NUMBERS
from covstudio.data.numerals import are_codes, number, numeral
from covstudio.data.tables import Table

Role = Literal["factor", "covariate", "response", "ignored"]
ROLES: tuple[Role, ...] = get_args(Role)


def words_of(column: str) -> frozenset[str]:
    """The words of a name in lower case.

    Example:
        >>> sorted(words_of("Grain_yield (t/ha) 2024")), sorted(words_of("blockId"))
        (['grain', 'ha', 't', 'yield'], ['block', 'id'])
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)
    return frozenset(re.findall(r"[^\W\d_]+", spaced.lower()))


#: Words that say what a column is ("Grain_yield" has the words grain and yield).
_RESPONSES = words_of(
    """yield y response resp phenotype pheno trait yld gy outcome ertrag kornertrag zielvariable rendement
    rendimiento"""
)
#: What is measured in most textbooks, and explained; in others it explains something else.
_MEASURED = words_of(
    """weight wt bodyweight wgt mass biomass height length width thickness diameter girth circumference volume
    area distance dist reaction rt latency speed velocity score rating effort travel uptake growth gain size
    logsize strength hardness count counts follicles number pixel intensity density absorbance concentration
    conc protein milk fat ph bp pressure rate price cost income lifetime value measurement
    mpg ozone dichte result reading gewicht hoehe höhe länge laenge breite dicke durchmesser volumen masse
    anzahl wert messwert ergebnis zuwachs poids hauteur longueur peso altura"""
)
_FACTORS = words_of(
    """rep reps replicate replication block blk iblock rowblock colblock wholeplot subplot
    gen geno genotype gid variety var cultivar line entry hybrid clone accession family sire dam
    treatment treat trt year season site loc location env environment trial farm field herd group batch
    lot operator subject subj id animal sex gender breed worker machine diet row col column range bed bay tray
    pot plate lab chick rat mouse mice dog cow pig horse mare tree plant leaf fruit litter patient person
    participant rater judge student pupil teacher school class hospital clinic center centre village county
    experiment expt run side type species strain brand seed child mother
    sorte genotyp block wiederholung wdh behandlung variante standort ort jahr prüfglied tier betrieb stall
    reihe zeile spalte gruppe geschlecht person"""
)
_COVARIATES = words_of(
    """time day days das dap dae week weeks month hour hours minute age date dose rate temp temperature rain
    rainfall x lat latitude lon long longitude easting northing altitude elevation depth ph stand
    concentration conc zeit tag tage woche wochen monat alter datum dosis menge temperatur niederschlag
    feuchte moisture"""
)
_IDENTIFIERS = words_of("plot unit obs observation record index sample no nr parzelle nummer lfd")
_ROW_NAMES = re.compile(
    r"X|Unnamed: ?\d+(?:\.\d+)?|row[._ ]?names?|\.\.\.1|V1|_row|index|level_0|Obs", re.IGNORECASE
)
_FEW_LEVELS = 12
#: So many factors are asked whether a column varies within their levels.
_GROUPINGS = 20
#: More different numbers than this are told apart as numbers, not as labels.
_WRITTEN = 10_000
#: Numbers that are further apart, relative to their size, differ within 15 digits.
_ALIKE = 2e-14


#: Why columns of a table cannot have roles; asked for with every role that somebody sets.
_MISFITS: WeakKeyDictionary[Table, dict[tuple[str, str], str | None]] = WeakKeyDictionary()


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


@checked
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


def completed_roles(table: Table, roles: Mapping[str, Role], response: str | None = None) -> dict[str, Role]:
    """A role for every column: what a person has said, and guesses for the others.

    Whatever is guessed, the response is the one that is given and no other.

    Args:
        table: the table.
        roles: what is said about some columns, or all.
        response: the column to explain, or None for the one that the roles name.

    Example:
        >>> table = Table.from_columns({"rep": [1, 1, 2, 2] * 3, "x": [0.5, 1.5] * 6, "y": range(12)}, "t")
        >>> completed_roles(table, {"x": "ignored"}, "y")
        {'rep': 'factor', 'x': 'ignored', 'y': 'response'}
    """
    known: dict[str, Role] = {column: roles[column] for column in table.columns if column in roles}
    if response is None:
        response = next((column for column, role in known.items() if role == "response"), None)
    found = known if len(known) == len(table.columns) else {**guess_roles(table), **known}
    # Another column that would be the response is left to what the model makes of it.
    completed: dict[str, Role] = {
        column: "ignored" if role == "response" else role for column, role in found.items()
    }
    if response in completed:
        completed[response] = "response"
    return completed


def named_responses(table: Table) -> tuple[str, ...]:
    """Columns of numbers whose name is that of a response, whether they vary or not.

    Example:
        >>> table = Table.from_columns({"dose": [0.0, 0.5, 1.5], "yield": [4.1, 4.1, 4.1]}, "trial")
        >>> named_responses(table)
        ('yield',)
    """
    return tuple(one for one in table.columns if table.is_numeric(one) and words_of(one) & _RESPONSES)


@checked
def check_roles(table: Table, roles: Mapping[str, str]) -> tuple[RoleProblem, ...]:
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
    problems: list[RoleProblem] = []
    there = frozenset(table.columns)
    for column, role in roles.items():
        if column not in there:
            if not table.has(column):
                problems.append(RoleProblem(column, table.absent(column, meant=len(problems) < SUGGESTED)))
        elif role not in ROLES:
            message = f"Column {shown(column)} has the role {shown(role)}; the roles are {listed(ROLES)}."
            problems.append(RoleProblem(column, message))
    responses = [column for column in table.columns if roles.get(column) == "response"]
    if len(responses) > 1:
        message = (
            f"A model has one response, and {listed(responses)} are marked. Give the others another role."
        )
        problems += [RoleProblem(column, message) for column in responses[1:]]
    known = _MISFITS.setdefault(table, {})
    for column in table.columns:
        asked = column, roles.get(column, "ignored")
        if asked not in known:
            known[asked] = _misfit(table, *asked)
        if misfit := known[asked]:
            problems.append(RoleProblem(column, misfit))
    return tuple(problems)


def _misfit(table: Table, column: str, role: str) -> str | None:
    """Why the values of a column cannot have a role."""
    if role not in ("covariate", "response", "factor"):
        return None
    if bool(table.missing(column).all()):
        return f"Column {shown(column)} has no values, so it cannot be a {role}. Give it the role 'ignored'."
    single = table.single(column)
    if role == "factor":
        if single is None:
            return None
        return (
            f"Column {shown(column)} has one level, {shown(single)}, and a factor needs two or more to "
            "compare. Give it the role 'ignored'."
        )
    try:
        table.numbers(column)
    except TableError as error:
        return str(error)
    if role == "response" and single is not None and table.n > 1:
        return (
            f"Column {shown(column)} is {single} in every row, so there is nothing to explain. Choose "
            "another response."
        )
    return None


def _guess(table: Table, column: str) -> Guess:
    texts = table.counts(column) if not table.is_numeric(column) else {}
    counts = np.array(list(texts.values())) if texts else _counts(table, column)
    distinct, known = len(counts), int(counts.sum())
    words = words_of(column)
    if not distinct:
        return Guess("ignored", "It has no values.")
    if distinct == 1:
        return Guess("ignored", f"It is {shown(next(iter(texts or table.counts(column))))} in every row.")
    if column == table.columns[0] and distinct == table.n and _names_rows(table, column):
        return Guess("ignored", "It names the rows, as R, pandas and others do in a file's first column.")
    if table.is_time(column):
        return Guess(
            "covariate", f"It holds dates, {distinct:,} different ones; as a covariate they count days."
        )
    if not table.is_numeric(column):
        return _guess_text(texts, words)
    values = table.numbers(column)
    present = values[np.isfinite(values)]
    low, high = float(present.min()), float(present.max())
    whole = bool((present == np.round(present)).all())
    numbers_rows = whole and distinct == known > 2 and high - low == known - 1
    if numbers_rows and not words & (_COVARIATES | _RESPONSES | _MEASURED):
        return Guess("ignored", f"It numbers the rows from {low:.0f} to {high:.0f}.")
    if whole and words & _IDENTIFIERS and distinct > _FEW_LEVELS:
        return Guess("ignored", "Its name says that it identifies plots or records.")
    if words & _COVARIATES and not words & _FACTORS:
        return Guess("covariate", "It holds numbers, and its name is that of a measured quantity.")
    if whole and words & _FACTORS:
        return Guess("factor", f"It has {distinct:,} whole numbers, and its name is that of a grouping.")
    if not whole:
        return Guess("covariate", f"It holds numbers with decimals, {distinct:,} different ones.")
    if words & _MEASURED:
        return Guess("covariate", "It holds numbers, and its name is that of a measured quantity.")
    if distinct <= _FEW_LEVELS and distinct * 3 <= known:
        return Guess("factor", f"It has few different numbers ({distinct}), each of them in several rows.")
    if low == 1 and high == distinct and counts.min() >= 3 and counts.max() <= 2 * counts.min():
        return Guess(
            "factor", f"It has the whole numbers from 1 to {distinct:,}, each of them in several rows."
        )
    return Guess("covariate", f"It holds numbers, {distinct:,} different ones.")


def _counts(table: Table, column: str) -> npt.NDArray[np.int64]:
    """How many rows each different label of a column of numbers has; of many, without writing them."""
    values = table.numbers(column)
    values = np.sort(values[np.isfinite(values)])
    ends = np.append(np.flatnonzero(values[1:] != values[:-1]), len(values) - 1)
    different = values[ends] if len(values) else values
    # Labels have 15 digits: numbers that differ in them have labels of their own.
    apart = np.diff(different) > _ALIKE * np.maximum(np.abs(different[1:]), np.abs(different[:-1]))
    if len(ends) > _WRITTEN or bool(apart.all()):
        return np.diff(ends, prepend=-1) if len(values) else np.zeros(0, dtype=np.int64)
    return np.array(list(table.counts(column).values()), dtype=np.int64)


def _names_rows(table: Table, column: str) -> bool:
    """Whether a first column of labels that are all different has a name that programs give to row names."""
    if not _ROW_NAMES.fullmatch(column) or column == "x":
        return False
    # "X" is R's name for it, and a coordinate too: that one has decimals, or does not go up row by row.
    values = table.numbers(column) if table.is_numeric(column) else None
    return values is None or bool((values == np.round(values)).all() and (np.diff(values) > 0).all())


def _guess_text(counts: Mapping[str, int], words: frozenset[str]) -> Guess:
    distinct, known = len(counts), sum(counts.values())
    others = [label for label in counts if number(label) is None and label not in MISSING_AMONG_NUMBERS]
    cells = sum(counts[label] for label in others)
    if distinct > _FEW_LEVELS and 0 < cells <= 0.5 * known:
        return Guess(
            "ignored",
            f"It holds numbers, but {count(cells, 'cell is', 'cells are')} not, the first of them "
            f"{shown(others[0])}: mend them to use it as numbers.",
        )
    labels = list(counts)
    many = distinct == known or distinct > _FEW_LEVELS
    unread = all(map(numeral, labels)) or (many and all(map(looks_like_number, labels)))
    if unread and not are_codes(labels) and not words & _FACTORS:
        return Guess(
            "ignored", f"It holds numbers that cannot be read for certain. {why_no_numbers(labels)[1]}"
        )
    if distinct == known and not words & _FACTORS:
        return Guess("ignored", "Every row has a label of its own, so it groups nothing.")
    return Guess("factor", f"It holds text, {distinct:,} different labels.")


def _guess_response(table: Table, guesses: Mapping[str, Guess]) -> tuple[str, str] | None:
    """The column to explain: by its name, else the last one that looks measured."""
    words = {column: words_of(column) for column in table.columns if table.is_numeric(column)}
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
    # What is the same in all rows of a subject (its dose, its weight at the start) is no response.
    groups = _Groups(table, [column for column, guess in guesses.items() if guess.role == "factor"])
    varying = [column for column in measured if not groups.tell(column)]
    among = frozenset(varying)
    textbook = [column for column in varying if words[column] & _MEASURED]
    for candidates in (
        [column for column in textbook if not words[column] & _COVARIATES],
        [column for column in others if column in among],
        textbook,
        others,
        measured,
    ):
        if candidates:
            last = candidates[-1]
            named_so = "its name is that of a measured quantity" if last in textbook else ""
            return last, f"It holds numbers, and {named_so}." if named_so else (
                "It is the last column of numbers that look measured."
            )
    loose = [column for column in numeric if not words[column] & (_FACTORS | _COVARIATES)]
    return (loose[-1], "It is the last column of numbers.") if loose else None


class _Groups:
    """The rows of each level, for some factors with several rows a level.

    Args:
        table: the table.
        factors: its factors. Those with the most levels count: what does not vary within larger groups does
            not vary within smaller ones.
    """

    def __init__(self, table: Table, factors: Iterable[str]) -> None:
        self._table = table
        coded = [(column, _codes(table, column)) for column in factors]
        several = [(column, codes) for column, codes in coded if 1 + codes.max(initial=0) < table.n / 2]
        finest = sorted(several, key=lambda one: -int(one[1].max(initial=0)))[:_GROUPINGS]
        self._groups = [(column, codes, np.unique(codes, return_index=True)[1]) for column, codes in finest]

    def tell(self, column: str) -> bool:
        """Whether a column is the same in all rows of a level, for some factor."""
        if not self._groups or _all_different(self._table, column):
            return False
        codes = _codes(self._table, column)
        if 1 + int(codes.max(initial=0)) == self._table.n:
            return False
        return any(
            factor != column and bool((codes == codes[first][groups]).all())
            for factor, groups, first in self._groups
        )


def _all_different(table: Table, column: str) -> bool:
    """Whether a column of numbers has another one in every row."""
    if not table.is_numeric(column):
        return False
    values = np.sort(table.numbers(column))
    return bool((values[1:] > values[:-1]).all())  # never so where one is missing


def _codes(table: Table, column: str) -> npt.NDArray[np.integer[Any]]:
    """A number from 0 for every row, the same for the same value; rows without one have theirs, too."""
    if table.is_numeric(column):
        return pd.factorize(table.numbers(column), use_na_sentinel=False)[0]
    codes = table.codes(column)
    return np.where(codes < 0, codes.max(initial=-1) + 1, codes)
