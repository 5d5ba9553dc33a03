"""Dialects: what reads the formulas of one system, each told by the file that holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from covstudio.data.relation import Relation
from covstudio.data.tables import Table
from covstudio.document.model.document import Method
from covstudio.formula.source import Source, Study
from covstudio.formula.tree import Model
from covstudio.registry import Registry

__all__ = ["DIALECTS", "Dialect", "Request"]


@dataclass
class Request:
    """What is to be read.

    Attributes:
        texts: what is given, by name: "formula", "random", "weights" ...
        study: the table and what is computed of it.
        method: how it is to be fitted.
        matrices: second tables by name, as they are given.
        relations: those of them that the formula uses, as they are read.
    """

    texts: Mapping[str, str]
    study: Study
    method: Method
    matrices: Mapping[str, Any] = field(default_factory=dict)
    relations: dict[str, Relation] = field(default_factory=dict)

    def given(self, name: str) -> bool:
        """Whether there is such a text."""
        return name in self.texts

    def source(self, name: str) -> Source:
        """A text, parsed."""
        return Source(self.texts[name], self.study, name)

    @property
    def table(self) -> Table | None:
        """The data."""
        return self.study.table


@dataclass(frozen=True)
class Dialect:
    """A system whose formulas are read.

    Attributes:
        name: what it is called in `dialect=`.
        title: how the system writes itself.
        read: what is given -> the model it means.
        options: the texts that it takes beside the formula.
        functions: the functions of the system that fit, each with its own method.
        method: how it fits when nothing is said.
        order: where it stands among the others.
    """

    name: str
    title: str
    read: Callable[[Request], Model]
    options: tuple[str, ...] = ()
    functions: Mapping[str, Method] = field(default_factory=dict)
    method: Method = "REML"
    order: int = 100


DIALECTS: Registry[Dialect] = Registry("dialect", "covstudio.formula")
