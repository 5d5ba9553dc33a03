"""A model in the making, as templates put it together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from covstudio.data.formula import quote_name
from covstudio.data.roles import Role
from covstudio.document.changes.all import AddNode, SetFixedEffects
from covstudio.document.model.document import Document
from covstudio.document.model.node import ArgumentValue, Auto, Columns, FrozenMap, Levels


def columns_of(*names: str | None) -> dict[str, ArgumentValue]:
    """The arguments of a design matrix for the columns that were found."""
    found = tuple(name for name in names if name is not None)
    return {"factors": Columns(found)} if found else {}


def levels_of(name: str | None) -> dict[str, ArgumentValue]:
    """A size that is the number of levels of a column; left to the wiring where there is none."""
    return {"n": Auto() if name is None else Levels((name,))}


def numbers_of(argument: str, *names: str | None) -> dict[str, ArgumentValue]:
    """An argument that takes columns of numbers, where all of them were found."""
    return {} if None in names else {argument: Columns(tuple(name for name in names if name is not None))}


def as_factor(column: str, roles: Mapping[str, Role]) -> str:
    """A column in the fixed effects, with a mean for each of its levels whatever its role is."""
    return quote_name(column) if roles.get(column) == "factor" else f"factor({quote_name(column)})"


def crossed(columns: Iterable[str], roles: Mapping[str, Role], sign: str = " * ") -> str | None:
    """Factors in the fixed effects with all of their combinations; None where there are none."""
    return sign.join(as_factor(column, roles) for column in columns) or None


@dataclass(frozen=True)
class Side:
    """One factor of a Kronecker product over the combinations of columns.

    Args:
        kind: the structure along it.
        name: what it is called.
        column: the column whose levels it runs over; None while nobody knows.
        arguments: of the structure, besides its size.
    """

    kind: str
    name: str
    column: str | None
    arguments: Mapping[str, ArgumentValue] = field(default_factory=dict)


def each_of(columns: Sequence[str]) -> tuple[Side, ...]:
    """Sides along which what belongs to different levels is independent, such as the fields of trials."""
    return tuple(Side("IdentityMatrix", "trials", column) for column in columns)


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
        held: Mapping[str, float] | None = None,
    ) -> str:
        """A node in a slot of its parent (the next free one when left out), or as V; its id.

        Args:
            kind: the structure.
            name: what it is called; a number follows where a node has that name.
            parent: the id of its operator, or V.
            slot: of the parent.
            arguments: of its constructor.
            held: parameters that are constants, with their natural values.
        """
        node_id = self.document.next_id()
        name = self.document.free_name(name)
        change = AddNode(kind, name=name, arguments=arguments or {}, connect=(parent, slot), id=node_id)
        self.document = change.apply(self.document)
        if held:
            node = self.document.nodes[node_id]
            self.document = self.document.with_nodes(
                replace(node, values=FrozenMap(held), fixed=frozenset(held))
            )
        return node_id

    def effect(self, name: str, parent: str, *columns: str | None, design: str | None = None) -> None:
        """Z G Z' with one variance for all levels."""
        effect = self.add("CovariancePropagation", name, parent)
        self.add("DummyMatrix", design or f"{name} design", effect, "z", columns_of(*columns))
        self.add("ScalarMatrix", f"{name} variance", effect, "g")

    def over(self, name: str, parent: str, *sides: Side) -> None:
        """Z (A (x) B (x) ...) Z' over all combinations of columns, or Z A Z' over one."""
        effect = self.add("CovariancePropagation", name, parent)
        columns = tuple(side.column for side in sides)
        arguments = columns_of(*columns) if None not in columns else {}
        if len(sides) > 1:
            # Every cell keeps its place in A (x) B, whether or not a row of the table stands there.
            arguments["drop_empty_cols"] = False
        self.add("DummyMatrix", f"{name} design", effect, "z", arguments)
        parent, slot = effect, "g"
        for place, side in enumerate(sides):
            if place < len(sides) - 1:
                parent, slot = self.add("KroneckerProduct", f"{name} covariance", parent, slot), "a"
            self.add(side.kind, side.name, parent, slot, {**side.arguments, **levels_of(side.column)})
            slot = "b"

    def residual(self, parent: str, *columns: str, name: str = "residual") -> None:
        """Independent rows with one variance, or with one for each level of the columns."""
        if columns:
            self.strata(parent, *columns, name=name)
        else:
            self.add("ScalarMatrix", name, parent)

    def strata(self, parent: str, *columns: str | None, name: str = "residual") -> None:
        """Independent rows with a variance for each level of the columns, open while nobody knows these."""
        product = self.add("HadamardProduct", name, parent)
        self.add("IdentityMatrix", f"{name} rows", product)
        strata = self.add("CovariancePropagation", f"{name} variances", product)
        self.add("DummyMatrix", f"{name} strata", strata, "z", columns_of(*columns))
        known = tuple(column for column in columns if column is not None)
        self.add("DiagonalMatrix", f"{name} by stratum", strata, "g", {"n": Levels(known)} if known else {})

    def within(self, parent: str, *columns: str, name: str = "same trial") -> str:
        """A product with 1 for two rows of one level and 0 for others: the id of the operator.

        What is added to it is kept within the levels; without columns the parent itself is given back.
        """
        if not columns:
            return parent
        product = self.add("HadamardProduct", f"within {name}", parent)
        same = self.add("CovariancePropagation", name, product)
        self.add("DummyMatrix", f"{name} design", same, "z", columns_of(*columns))
        self.add("IdentityMatrix", f"{name} levels", same, "g", {"n": Levels(columns)})
        return product

    def fixed(self, *terms: str | None) -> None:
        """The fixed effects: an intercept and these terms of a formula."""
        self.document = SetFixedEffects(" + ".join(["1", *filter(None, terms)])).apply(self.document)
