"""Choices about a table as data: its layout, its marks, which cells have no value, the order of levels.

Everything can be left to be found; what is found is then said in the notes of the table. A choice is never
overruled by what is found. Choices are kept with a model, and an exported program reads its table by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self, TypeVar, get_args

from covstudio.data.choice_values import check_one_of, known_encoding, text_of, texts, widths
from covstudio.data.dates import ORDERS, Order
from covstudio.data.errors import ChoiceError, came, listed, shown
from covstudio.data.steps import Compute, Step, merged, steps_from
from covstudio.data.text import plain_name

Kind = Literal["number", "text", "date"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Contrasts = Literal["treatment", "sum", "helmert", "polynomial"]
CONTRASTS: tuple[Contrasts, ...] = get_args(Contrasts)
#: What people write after `C(f, ...)` and in R's `contrasts =`.
CONTRAST_NAMES: dict[str, Contrasts] = {
    "contr.treatment": "treatment",
    "contr.sum": "sum",
    "contr.helmert": "helmert",
    "contr.poly": "polynomial",
    "treatment": "treatment",
    "sum": "sum",
    "helmert": "helmert",
    "poly": "polynomial",
    "polynomial": "polynomial",
    "Treatment": "treatment",
    "Sum": "sum",
    "Helmert": "helmert",
    "Poly": "polynomial",
}
SEPARATORS = (",", ";", "\t", "|", " ")
DECIMALS = (".", ",")
THOUSANDS = (".", ",", "'", " ", "")


@dataclass(frozen=True)
class ColumnChoice:
    """What a person says about one column. None and () leave it to be found.

    Attributes:
        kind: "number", "text" (labels, whatever they look like) or "date".
        decimal: the decimal mark of its numbers, "." or ",".
        order: of day, month and year in its dates: "dmy", "mdy" or "ymd".
        missing: texts that mean "no value" in this column, beside those that always do.
        values: texts that look like a code for "no value" and are values or levels.
        levels: labels in their order; those that are not named come after them.
        reference: the level that the others are compared with; the first one when left out.
        contrasts: how its levels are coded among fixed effects: "treatment" (each compared with the
            reference), "sum" (deviations that sum to zero), "helmert" or "polynomial".
    """

    kind: Kind | None = None
    decimal: str | None = None
    order: Order | None = None
    missing: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    reference: str | None = None
    contrasts: Contrasts | None = None

    def __post_init__(self) -> None:
        for name in ("missing", "values", "levels"):
            object.__setattr__(self, name, texts(getattr(self, name), name))
        if self.reference is not None:
            object.__setattr__(self, "reference", text_of(self.reference, "reference"))
        check_one_of("kind", self.kind, KINDS)
        check_one_of("contrasts", self.contrasts, CONTRASTS)
        check_one_of("decimal", self.decimal, DECIMALS)
        check_one_of("order", self.order, ORDERS)
        both = set(self.missing) & set(self.values)
        if both:
            raise ChoiceError(f"{shown(min(both))} is said to be missing and to be a value. Say one of them.")


@dataclass(frozen=True)
class TableChoices:
    """What a person says about a table. None, () and {} leave it to be found.

    Attributes:
        format: what kind of file it is, by the name of a reader (`covstudio.data.readers`).
        member: the file that is meant, in an archive of several.
        sheet: the sheet of a workbook.
        encoding: of the characters of a text: "utf-8", "windows-1252", "utf-16", ... by Python's names.
        widths: how many characters each field takes, in a text without separators.
        separator: what stands between fields: ",", ";", a tab, "|" or " " (any number of spaces).
        header: the line that names the columns, counted from 1; lines above it are passed over.
        units: whether the line below the header holds units, and is passed over.
        decimal: the decimal mark of all numbers, "." or ",".
        thousands: the mark between their thousands, ".", ",", "'" or " "; "" for none.
        missing: texts that mean "no value" in every column, beside those that always do.
        columns: what is said about single columns, by name.
        steps: what is done to its columns and rows, in this order: see `covstudio.data.steps`.

    Example:
        >>> said = TableChoices(missing=("-99",), columns={"gen": ColumnChoice(reference="check")})
        >>> said.to_dict()
        {'missing': ['-99'], 'columns': {'gen': {'reference': 'check'}}}
        >>> TableChoices.from_dict(said.to_dict()) == said
        True
    """

    separator: str | None = None
    header: int | None = None
    units: bool | None = None
    decimal: str | None = None
    missing: tuple[str, ...] = ()
    format: str | None = None
    member: str | None = None
    sheet: str | None = None
    encoding: str | None = None
    widths: tuple[int, ...] = ()
    thousands: str | None = None
    columns: Mapping[str, ColumnChoice] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "missing", texts(self.missing, "missing"))
        object.__setattr__(self, "steps", steps_from(self.steps))
        columns = {plain_name(str(name)): one for name, one in dict(self.columns).items()}
        empty = ColumnChoice()
        object.__setattr__(self, "columns", {name: one for name, one in columns.items() if one != empty})
        for name, one in self.columns.items():
            if not isinstance(one, ColumnChoice):
                raise ChoiceError(f"Column {shown(name)} needs a ColumnChoice; got {type(one).__name__}.")
        check_one_of("separator", self.separator, SEPARATORS)
        check_one_of("decimal", self.decimal, DECIMALS)
        check_one_of("thousands", self.thousands, THOUSANDS)
        if self.thousands and self.thousands == self.decimal:
            raise ChoiceError(
                f"{self.decimal!r} cannot be the decimal mark and stand between thousands, too."
            )
        object.__setattr__(self, "widths", widths(self.widths))
        for name in ("format", "member", "sheet"):
            if (text := getattr(self, name)) is not None and not isinstance(text, str):
                raise ChoiceError(f"The choice {shown(name)} is a text; got {came(text)}.")
        if self.encoding is not None:
            object.__setattr__(self, "encoding", known_encoding(self.encoding))
        if self.header is not None and (type(self.header) is not int or self.header < 1):
            raise ChoiceError(f"The header is a line, counted from 1; got {came(self.header)}.")
        if self.units not in (None, True, False):
            raise ChoiceError(f"Units stand below the header or not: true or false; got {came(self.units)}.")

    def __hash__(self) -> int:
        own = tuple(getattr(self, one.name) for one in fields(self) if one.name not in _NESTED)
        return hash((*own, frozenset(self.columns.items()), self.steps))

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return self != TableChoices()

    @property
    def computed(self) -> dict[str, str]:
        """The columns that are computed from others, by name, each with what computes it.

        Example:
            >>> TableChoices(steps=[Compute("root", "sqrt(y)")]).computed
            {'root': 'sqrt(y)'}
        """
        return {step.name: step.text for step in self.steps if isinstance(step, Compute)}

    def and_step(self, *steps: Step) -> TableChoices:
        """The same choices with further steps.

        Example:
            >>> TableChoices().and_step(Compute("root", "sqrt(y)")).to_dict()
            {'steps': [{'compute': 'root', 'as': 'sqrt(y)'}]}
        """
        return replace(self, steps=merged(self.steps, steps))

    @property
    def decimal_mark(self) -> str | None:
        """The decimal mark that is said, or follows from that between thousands.

        Example:
            >>> TableChoices(thousands=".").decimal_mark, TableChoices(thousands="'").decimal_mark
            (',', None)
        """
        return self.decimal or {".": ",", ",": "."}.get(self.thousands or "")

    @property
    def of_file(self) -> TableChoices:
        """What is said about the file alone: nothing of it is heard when the table has been read.

        Example:
            >>> TableChoices(separator=";", missing=("-99",)).of_file
            TableChoices(separator=';', ...
        """
        marks = {name: ColumnChoice(decimal=one.decimal) for name, one in self.columns.items()}
        return replace(self, missing=(), columns=marks, steps=())

    def column(self, name: str) -> ColumnChoice:
        """What is said about a column; nothing, where nothing is.

        Example:
            >>> TableChoices().column("yield").missing
            ()
        """
        return self.columns.get(name, _NOTHING)

    def with_column(self, name: str, **changes: Any) -> TableChoices:
        """The same choices with some of a column's changed.

        Args:
            name: the column.
            **changes: fields of `ColumnChoice`.

        Example:
            >>> TableChoices().with_column("yield", missing=["-99"]).column("yield").missing
            ('-99',)
        """
        return self.with_columns({name: changes})

    def with_columns(self, changes: Mapping[str, Mapping[str, Any]]) -> TableChoices:
        """The same choices with some of several columns' changed.

        Args:
            changes: for each column, fields of `ColumnChoice`.

        Example:
            >>> said = TableChoices().with_columns({"x": {"kind": "text"}, "y": {"missing": ["-99"]}})
            >>> said.column("x").kind, said.column("y").missing
            ('text', ('-99',))
        """
        columns = dict(self.columns)
        for given, said in changes.items():
            name = plain_name(given)
            columns[name] = replace(columns.get(name, _NOTHING), **said)
        return replace(self, columns=columns)

    def over(self, other: TableChoices) -> TableChoices:
        """These choices, and those of another where these say nothing.

        Args:
            other: what was said before.

        Example:
            >>> said = TableChoices(missing=("-99",)).with_column("gen", reference="B")
            >>> both = TableChoices().with_column("gen", levels=["A", "B"]).over(said)
            >>> both.missing, both.column("gen").levels, both.column("gen").reference
            (('-99',), ('A', 'B'), 'B')
        """
        names = dict.fromkeys((*other.columns, *self.columns))
        columns = {name: _over(self.column(name), other.column(name)) for name in names}
        return replace(_over(self, other), columns=columns, steps=merged(other.steps, self.steps))

    def to_dict(self) -> dict[str, Any]:
        """What is said, as lists, texts and numbers; ready for JSON."""
        said = _said(self)
        if self.columns:
            said["columns"] = {name: _said(one) for name, one in self.columns.items()}
        if self.steps:
            said["steps"] = [step.to_dict() for step in self.steps]
        return said

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The choices that `to_dict` wrote.

        Raises:
            ChoiceError: a name that no choice has, or a value that it cannot have.
        """
        if isinstance(content, Mapping) and isinstance(content.get("computed"), Mapping):
            # Models of earlier versions hold computed columns by themselves.
            steps = [Compute(name, text) for name, text in content["computed"].items()]
            content = {name: said for name, said in content.items() if name != "computed"} | {"steps": steps}
        _known(cls, content, "A table")
        columns = content.get("columns", {})
        if not isinstance(columns, Mapping):
            raise ChoiceError(f"Choices for columns are given by name; got {came(columns)}.")
        found: dict[str, ColumnChoice] = {}
        for name, said in columns.items():
            _known(ColumnChoice, said, f"Column {shown(name)}")
            found[str(name)] = ColumnChoice(**said)
        return cls(**{**content, "columns": found})


@dataclass(frozen=True)
class Answer:
    """One way to answer a question.

    Attributes:
        text: in a few words.
        choices: what holds then: all that was said before, and this.
    """

    text: str
    choices: TableChoices


@dataclass(frozen=True)
class Question:
    """Something a file does not say, and how it was read in the meantime.

    Attributes:
        text: what was found, how it is read now, and what else it may mean.
        answers: what a person may say; the first confirms how it is read now.
        column: the column it is about, or None for the whole file.
    """

    text: str
    answers: tuple[Answer, ...]
    column: str | None = None


@dataclass(frozen=True)
class Decision:
    """How a file is read in one respect, and why.

    Attributes:
        name: the choice that says so, of `TableChoices`, or of `ColumnChoice` where a column is named.
        value: what was decided.
        reason: why, in a sentence or the end of one.
        column: the column it is about, or None for the whole file.
    """

    name: str
    value: Any
    reason: str
    column: str | None = None


#: Choices by name, which are not merged or written like the others.
_NESTED = ("columns", "steps")

_Choice = TypeVar("_Choice", TableChoices, ColumnChoice)


def _over(choice: _Choice, other: _Choice) -> _Choice:
    """A choice, with what another says where it says nothing itself."""
    return replace(
        choice,
        **{
            one.name: getattr(other, one.name)
            for one in fields(choice)
            if getattr(choice, one.name) in (None, ()) and one.name not in _NESTED
        },
    )


def _said(choice: TableChoices | ColumnChoice) -> dict[str, Any]:
    values = {one.name: getattr(choice, one.name) for one in fields(choice) if one.name not in _NESTED}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None and value != ()
    }


def _known(cls: type[Any], content: object, what: str) -> None:
    if not isinstance(content, Mapping):
        raise ChoiceError(f"{what} needs its choices by name; got {came(content)}.")
    names = [one.name for one in fields(cls)]
    odd = [str(name) for name in content if name not in names]
    if odd:
        raise ChoiceError(f"{what} has no choice {shown(odd[0])}; there are {listed(names, limit=12)}.")


_NOTHING = ColumnChoice()
