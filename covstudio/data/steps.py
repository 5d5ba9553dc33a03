"""Steps: what is done to the columns and rows of a table after it was read, as data.

They are kept in their order among the choices about a table, so that a document keeps them, undo takes them
back, and an exported program repeats them. Each is one of four: a column is computed from others, a column
gets another name, labels become others (several the same: levels are merged), rows are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from covstudio.data.errors import ChoiceError, came, listed, shown
from covstudio.data.text import plain_label, plain_name

__all__ = ["Compute", "Keep", "Recode", "Rename", "Step", "merged", "step_from", "steps_from"]

_LONGEST = 5_000


@dataclass(frozen=True)
class Compute:
    """A further column.

    Attributes:
        name: of the new column.
        text: what computes it: see `covstudio.data.computed`.
    """

    name: str
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _name(self.name, "A computed column"))
        _expression(self.text, f"the computed column {shown(self.name)}")

    def to_dict(self) -> dict[str, Any]:
        """The step, ready for JSON."""
        return {"compute": self.name, "as": self.text}

    def __str__(self) -> str:
        return f"Compute {self.name}"


@dataclass(frozen=True)
class Rename:
    """Another name for a column.

    Attributes:
        column: as it is called.
        name: as it is called from now on.
    """

    column: str
    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "column", _name(self.column, "A column that gets another name"))
        object.__setattr__(self, "name", _name(self.name, f"The new name of {shown(self.column)}"))

    def to_dict(self) -> dict[str, Any]:
        """The step, ready for JSON."""
        return {"rename": self.column, "to": self.name}

    def __str__(self) -> str:
        return f"Rename {self.column}"


@dataclass(frozen=True)
class Recode:
    """Other labels in a column; where several become the same, levels are merged.

    Attributes:
        column: the column.
        labels: a label -> what it becomes; None for no value. Other labels stay.
    """

    column: str
    labels: Mapping[str, str | None]

    def __post_init__(self) -> None:
        object.__setattr__(self, "column", _name(self.column, "A column whose labels become others"))
        if not isinstance(self.labels, Mapping) or not self.labels:
            raise ChoiceError(
                f"The labels of {shown(self.column)} are given by what they become; got {came(self.labels)}."
            )
        pairs = {plain_label(str(old)): new for old, new in self.labels.items()}
        for old, new in pairs.items():
            if new is not None and not (isinstance(new, str) and plain_label(new)):
                raise ChoiceError(
                    f"Label {shown(old)} of {shown(self.column)} becomes a text, or null for no value; got "
                    f"{came(new)}."
                )
        object.__setattr__(
            self, "labels", {old: None if new is None else plain_label(new) for old, new in pairs.items()}
        )

    def __hash__(self) -> int:
        return hash((self.column, tuple(self.labels.items())))

    def to_dict(self) -> dict[str, Any]:
        """The step, ready for JSON."""
        return {"recode": self.column, "labels": dict(self.labels)}

    def __str__(self) -> str:
        merges = len(set(self.labels.values())) < len(self.labels)
        return f"{'Merge levels of' if merges else 'Recode'} {self.column}"


@dataclass(frozen=True)
class Keep:
    """Only the rows in which something holds.

    Attributes:
        where: what must hold, such as "yield > 0 & rep != 'R3'".
    """

    where: str

    def __post_init__(self) -> None:
        _expression(self.where, "the rows that are kept")

    def to_dict(self) -> dict[str, Any]:
        """The step, ready for JSON."""
        return {"keep": self.where}

    def __str__(self) -> str:
        return f"Keep rows where {self.where}"


Step = Compute | Rename | Recode | Keep
_FORMS: Mapping[tuple[str, ...], type[Step]] = {
    ("compute", "as"): Compute,
    ("rename", "to"): Rename,
    ("recode", "labels"): Recode,
    ("keep",): Keep,
}


def step_from(content: object) -> Step:
    """The step that `to_dict` wrote.

    Raises:
        ChoiceError: it is none.

    Example:
        >>> step_from({"rename": "gen", "to": "genotype"})
        Rename(column='gen', name='genotype')
    """
    if isinstance(content, Compute | Rename | Recode | Keep):
        return content
    if isinstance(content, Mapping):
        for keys, form in _FORMS.items():
            if set(content) == set(keys):
                return form(*(content[key] for key in keys))
    forms = [" with ".join(keys) for keys in _FORMS]
    raise ChoiceError(f"A step is one of {listed(forms, word='or')}; got {came(content)}.")


def steps_from(content: object) -> tuple[Step, ...]:
    """Steps in their order, from what `to_dict` wrote of each.

    Raises:
        ChoiceError: one is none.
    """
    if isinstance(content, str) or not isinstance(content, Sequence):
        raise ChoiceError(f"Steps are a list; got {came(content)}.")
    return tuple(map(step_from, content))


def merged(before: Iterable[Step], more: Iterable[Step]) -> tuple[Step, ...]:
    """Steps with more behind them: each once, and a column is computed as was said last.

    Example:
        >>> merged([Keep("y > 0"), Compute("z", "log(y)")], [Keep("y > 0"), Compute("z", "sqrt(y)")])
        (Keep(where='y > 0'), Compute(name='z', text='sqrt(y)'))
    """
    more = list(more)
    texts = {step.name: step for step in more if isinstance(step, Compute)}
    found = [texts.get(step.name, step) if isinstance(step, Compute) else step for step in before]
    return (*found, *(step for step in more if step not in found))


def _name(text: object, what: str) -> str:
    name = plain_name(text) if isinstance(text, str) else ""
    if not name:
        raise ChoiceError(f"{what} needs a name; got {came(text)}.")
    return name


def _expression(text: object, what: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise ChoiceError(f"An expression is needed for {what}; got {came(text)}.")
    if len(text) > _LONGEST:
        raise ChoiceError(f"The text for {what} has {len(text):,} characters, and {_LONGEST:,} is the most.")
