"""Parts of a model: what a template needs of the data, which column each is, and what is to be asked.

A part is guessed from the names of columns and from what they hold. What a person says goes before that, and
what neither tells is asked: the part, in words, with the columns that it may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from covstudio.data.errors import TableError, listed, shown
from covstudio.data.relation import Kind, Relation
from covstudio.data.roles import Role
from covstudio.data.rows import factor_levels
from covstudio.data.tables import Table
from covstudio.document.files.templates.finding import (
    factors_left,
    find_column,
    numbers_left,
    same_place,
)

#: The column of a part, the columns of one that may be several, the name of a second table, or nothing.
PartValue = str | tuple[str | None, ...] | None


@dataclass(frozen=True)
class Part:
    """Something that a template needs of the data.

    Args:
        name: the word by which it is said, such as "genotype".
        what: what it is, after "the column of": "the genotypes that are compared".
        words: what people call its column, the most telling word first; earlier strings win.
        holds: "labels", "numbers" (dates count), or "relation": it is a second table.
        needed: whether there is no model without it.
        otherwise: what is taken where no name says so: "nothing"; the "largest" factor that is left; the
            "only" column that it can be.
        together: where no word fits, a column for each of these, all of them in one: places and years.
        several: whether it may be several columns, crossed.
        kinds: of a second table, what it may be.
    """

    name: str
    what: str
    words: tuple[str, ...] = ()
    holds: Literal["labels", "numbers", "relation"] = "labels"
    needed: bool = True
    otherwise: Literal["nothing", "largest", "only"] = "nothing"
    together: tuple[str, ...] = ()
    several: bool = False
    kinds: tuple[Kind, ...] = ()

    def optional(self) -> Part:
        """The same part, for a model that can do without."""
        return replace(self, needed=False)

    def single(self) -> Part:
        """The same part, of one column, and needed."""
        return replace(self, several=False, together=(), needed=True)

    def called(self, name: str, what: str, *words: str) -> Part:
        """The same kind of part under another name."""
        return replace(self, name=name, what=what, words=words or self.words)


@dataclass(frozen=True)
class PartQuestion:
    """Something that a table does not tell.

    Attributes:
        part: what is asked for.
        candidates: the columns, or second tables, that it may be, the likeliest first.
        text: the question, a sentence or two.
    """

    part: Part
    candidates: tuple[str, ...]
    text: str


class PartsMissing(ValueError):
    """Parts of a model that have to be said.

    Attributes:
        questions: one for each.
    """

    def __init__(self, title: str, questions: Sequence[PartQuestion]) -> None:
        asked = " ".join(question.text for question in questions)
        said = ", ".join(
            f"{name}={'...' if one is None else repr(one)}" for name, one in suggested(questions).items()
        )
        super().__init__(f"{title}: {asked} Say it by name: {said}.")
        self.questions = tuple(questions)


def suggested(questions: Sequence[PartQuestion]) -> dict[str, str | None]:
    """What may be said to some questions: for each part the likeliest column that none before it has.

    Args:
        questions: what a table does not tell.
    """
    found: dict[str, str | None] = {}
    for question in questions:
        left = (one for one in question.candidates if one not in found.values())
        found[question.part.name] = next(left, None)
    return found


@dataclass(frozen=True)
class Bound:
    """The parts of a model in a table.

    Attributes:
        values: part -> its column, columns or second table; None, or (), where there is none. Among several
            columns None is one that is still to be said.
        questions: what is to be asked.
    """

    values: Mapping[str, PartValue] = field(default_factory=dict)
    questions: tuple[PartQuestion, ...] = ()


def check_given(
    parts: Sequence[Part],
    given: Mapping[str, Any],
    table: Table | None,
    relations: Mapping[str, Relation],
) -> dict[str, PartValue]:
    """What a person says about parts, as it is kept.

    Args:
        parts: of the template.
        given: part -> a column, several of them, the name of a second table, or None for none.
        table: the data.
        relations: second tables by name.

    Raises:
        ValueError: there is no such part, column or second table, the column does not hold what it should, or
            two parts are given the same column.
    """
    known = {part.name: part for part in parts}
    checked: dict[str, PartValue] = {}
    for name, value in given.items():
        part = known.get(name)
        if part is None:
            raise ValueError(
                f"There is no part {shown(name)}; the parts are {listed(known, limit=12)}."
                if known
                else f"There is no part {shown(name)}: this template has none."
            )
        columns = _columns(name, value)
        if len(columns) > 1 and not part.several:
            raise ValueError(f"The {name} is one column; got {listed(columns)}.")
        for column in columns:
            _check_column(part, column, table, relations)
        checked[name] = columns if part.several else (columns[0] if columns else None)
        for other in checked:
            shared = taken({name: checked[name]}) & taken({other: checked[other]})
            if other != name and shared:
                raise ValueError(
                    f"{listed(sorted(shared))} is given for two parts, {other} and {name}: give each a "
                    "column of its own, or None for a part that there is not."
                )
    return checked


def check_apart(given: Mapping[str, Any], roles: Mapping[str, Role]) -> None:
    """Refuse a part that is given the column of the response.

    Args:
        given: part -> a column, or several of them.
        roles: what columns are, as far as somebody has said it.

    Raises:
        ValueError: a column is both.
    """
    for name, value in given.items():
        columns = value if isinstance(value, list | tuple) else (value,)
        both = next((one for one in columns if isinstance(one, str) and roles.get(one) == "response"), None)
        if both is not None:
            raise ValueError(
                f"{shown(both)} is the response, and it is given for the part {name}, too: what is explained "
                f"does not explain itself. Give {name} another column, or the response."
            )


def _columns(name: str, value: Any) -> tuple[str, ...]:
    """What is given for a part, as names."""
    if value is None:
        return ()
    columns = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not all(isinstance(column, str) for column in columns):
        raise ValueError(
            f"The {name} is said by the name of its column, a text, or None for none; got "
            f"{type(value).__name__}."
        )
    return columns


def _check_column(part: Part, column: str, table: Table | None, relations: Mapping[str, Relation]) -> None:
    if part.holds == "relation":
        if column not in relations:
            raise ValueError(
                f"The {part.name} is a second table, and there is none called {shown(column)}"
                + (f"; there are {listed(relations)}." if relations else ".")
            )
        return
    if table is None:
        return
    table.require([column])
    if part.holds == "numbers" and not (table.is_numeric(column) or table.is_time(column)):
        raise TableError(f"The {part.name} is a column of numbers, and {shown(column)} holds text.")


def bind(
    parts: Sequence[Part],
    places: Sequence[str],
    table: Table | None,
    roles: Mapping[str, Role],
    given: Mapping[str, PartValue],
    relations: Mapping[str, Relation],
) -> Bound:
    """Find the parts of a model in a table.

    Args:
        parts: of the template, in the order in which they are looked for.
        places: parts that together are one place of a trial, such as row and column: no two rows of a trial
            have the same. Where two have, the rows are of several trials: the factor that tells these apart
            is looked for, and asked for where none does or more than one. Until then one of its columns is
            None, and the model open there, so that no trial is laid over another.
        table: the data; without them nothing is found.
        roles: what its columns are.
        given: what a person says; it is never overruled.
        relations: second tables by name.

    Returns:
        The parts, and what is to be asked.
    """
    values: dict[str, PartValue] = dict(given)
    if table is None:
        empty: dict[str, PartValue] = {part.name: () if part.several else None for part in parts}
        return Bound({**empty, **values})
    for part in parts:
        if part.name not in values:
            values[part.name] = _by_name(part, table, roles, values, relations)
    for part in parts:
        if not values[part.name] and part.name not in given:
            values[part.name] = _by_content(part, table, roles, values)
    questions = [
        _question(part, _candidates(part, table, roles, values, relations), table)
        for part in parts
        if part.needed and not values[part.name] and part.name not in given
    ]
    questions += _superimposed(parts, places, table, roles, values, given)
    return Bound(values, tuple(questions))


def taken(values: Mapping[str, PartValue]) -> set[str]:
    """The columns that parts have."""
    found: set[str] = set()
    for value in values.values():
        found.update((value,) if isinstance(value, str) else filter(None, value or ()))
    return found


# --- guesses ---


def _by_name(
    part: Part,
    table: Table,
    roles: Mapping[str, Role],
    values: Mapping[str, PartValue],
    relations: Mapping[str, Relation],
) -> PartValue:
    if part.holds == "relation":
        fitting = _candidates(part, table, roles, values, relations)
        return fitting[0] if len(fitting) == 1 else None
    passed = taken(values) | {name for name in table.columns if not _suits(part, table, name)}
    if not part.several:
        return find_column(table, roles, *part.words, taken=passed)
    named = find_column(table, roles, *part.words, taken=passed)
    if named is not None:
        return (named,)
    found: list[str] = []
    for wish in part.together:
        column = find_column(table, roles, wish, taken=(*passed, *found))
        if column is not None:
            found.append(column)
    return tuple(found)


def _suits(part: Part, table: Table, column: str) -> bool:
    """Whether a column can be a part at all, by what it holds."""
    if part.holds == "numbers":
        return table.is_numeric(column) or table.is_time(column)
    # One trial needs no name, and a trial of one plot is none.
    return not part.several or 2 <= len(factor_levels(table, column)) <= max(2, table.n // 2)


def _by_content(
    part: Part, table: Table, roles: Mapping[str, Role], values: Mapping[str, PartValue]
) -> PartValue:
    if part.otherwise == "nothing" or part.holds == "relation":
        return () if part.several else None
    find = numbers_left if part.holds == "numbers" else factors_left
    left = find(table, roles, taken(values))
    return left[0] if left and (part.otherwise == "largest" or len(left) == 1) else None


def _candidates(
    part: Part,
    table: Table,
    roles: Mapping[str, Role],
    values: Mapping[str, PartValue],
    relations: Mapping[str, Relation],
) -> tuple[str, ...]:
    if part.holds == "relation":
        return tuple(name for name, relation in relations.items() if relation.kind in part.kinds)
    find = numbers_left if part.holds == "numbers" else factors_left
    left = find(table, roles, taken(values))
    others = [name for name in table.columns if name not in {*left, *taken(values)}]
    # A factor may have been taken for something else: numbers of few values, labels of every row.
    if left or part.holds == "numbers":
        return tuple(left)
    return tuple(name for name in others if roles.get(name) != "response")


def _question(part: Part, candidates: Sequence[str], table: Table) -> PartQuestion:
    if part.holds == "relation":
        what = " or ".join(part.kinds)
        text = f"Which second table has {part.what}? Give a table of kind {what}."
    elif candidates:
        text = f"Which column has {part.what}? It may be {listed(candidates, word='or')}."
    else:
        kind = "of numbers " if part.holds == "numbers" else ""
        text = f"No column {kind}of {shown(table.name)} is left for {part.what}."
    return PartQuestion(part, tuple(candidates), text)


# --- several trials ---


def _superimposed(
    parts: Sequence[Part],
    places: Sequence[str],
    table: Table,
    roles: Mapping[str, Role],
    values: dict[str, PartValue],
    given: Mapping[str, PartValue],
) -> list[PartQuestion]:
    """Look whether rows of a trial share a place; find what tells them apart, or ask and leave it open."""
    trial = next((part for part in parts if part.several), None)
    place = [value for name in places if isinstance(value := values.get(name), str)]
    if trial is None or len(place) < len(places) or not places:
        return []
    now = values[trial.name]
    known = tuple(name for name in now or () if name is not None)
    twice = same_place(table, (*known, *place))
    if twice is None or given.get(trial.name, None) == ():
        return []
    left = factors_left(table, roles, taken(values))
    if not left:  # nothing could tell trials apart: what stands at one place was measured there twice
        return []
    apart = [name for name in left if _suits(trial, table, name)]
    apart = [name for name in apart if same_place(table, (*known, name, *place)) is None]
    if len(apart) == 1 and trial.name not in given:
        values[trial.name] = (*known, apart[0])
        return []
    values[trial.name] = (None, *known)
    candidates = tuple(apart or left)
    return [PartQuestion(trial, candidates, _where(table, known, place, places, twice, candidates))]


def _where(
    table: Table,
    known: Iterable[str],
    place: Sequence[str],
    places: Sequence[str],
    twice: tuple[int, int],
    candidates: Sequence[str],
) -> str:
    where = ", ".join(f"{column} {table.labels(column)[twice[0] - 1]}" for column in (*known, *place))
    names = " and ".join(places)
    text = (
        f"Rows {twice[0]:,} and {twice[1]:,} of {shown(table.name)} have the same {names} ({where}): which "
        "column tells their trials apart?"
    )
    return f"{text} It may be {listed(candidates, word='or')}." if candidates else text
