"""A model in the making, as templates put it together."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.formula import quote_name
from covstudio.document.changes.all import AddNode, SetFixedEffects
from covstudio.document.model.document import Document
from covstudio.document.model.node import ArgumentValue, Auto, Columns, Levels


def columns_of(*names: str | None) -> dict[str, ArgumentValue]:
    """The arguments of a design matrix for the columns that were found."""
    found = tuple(name for name in names if name is not None)
    return {"factors": Columns(found)} if found else {}


def levels_of(name: str | None) -> dict[str, ArgumentValue]:
    """A size that is the number of levels of a column; left to the wiring where there is none."""
    return {"n": Auto() if name is None else Levels((name,))}


class Sketch:
    """A document in the making."""

    def __init__(self) -> None:
        self.document = Document()

    def add(
        self,
        kind: str,
        name: str,
        parent: str,
        slot: str | None = None,
        arguments: Mapping[str, ArgumentValue] | None = None,
    ) -> str:
        """A node in a slot of its parent (the next free one when left out), or as V; its id."""
        node_id = self.document.next_id()
        change = AddNode(kind, name=name, arguments=arguments or {}, connect=(parent, slot), id=node_id)
        self.document = change.apply(self.document)
        return node_id

    def effect(self, name: str, parent: str, *columns: str | None, design: str | None = None) -> None:
        """Z G Z' with one variance for all levels."""
        effect = self.add("CovariancePropagation", name, parent)
        self.add("DummyMatrix", design or f"{name} design", effect, "z", columns_of(*columns))
        self.add("ScalarMatrix", f"{name} variance", effect, "g")

    def grid(self, name: str, parent: str, columns: tuple[str | None, str | None]) -> str:
        """Z (A (x) B) Z' over all combinations of two columns; the id of the Kronecker product."""
        effect = self.add("CovariancePropagation", name, parent)
        # Every cell of the grid keeps its place in A (x) B, whether or not a row of the table stands there.
        arguments = columns_of(*columns) if None not in columns else {}
        self.add("DummyMatrix", f"{name} design", effect, "z", {**arguments, "drop_empty_cols": False})
        return self.add("KroneckerProduct", f"{name} covariance", effect, "g")

    def fixed(self, *columns: str | None) -> None:
        """The fixed effects: an intercept and these columns."""
        terms = ["1", *(quote_name(column) for column in columns if column is not None)]
        self.document = SetFixedEffects(" + ".join(terms)).apply(self.document)
