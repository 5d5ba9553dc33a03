"""A model in the making, as templates put it together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from covstudio.data.formula import quote_name
from covstudio.data.roles import Role
from covstudio.document.changes.all import AddNode, SetFixedEffects
from covstudio.document.model.document import Document
from covstudio.document.model.node import ArgumentValue, Auto, Columns, FrozenMap, Levels


def known(columns: Iterable[str | None]) -> tuple[str, ...]:
    """Those of some columns that are known.

    Example:
        >>> known(("site", None))
        ('site',)
    """
    return tuple(column for column in columns if column is not None)


def columns_of(*names: str | None) -> dict[str, ArgumentValue]:
    """The arguments of a design matrix for the columns that were found."""
    return {"factors": Columns(known(names))} if known(names) else {}


def levels_of(name: str | None) -> dict[str, ArgumentValue]:
    """A size that is the number of levels of a column; left to the wiring where there is none."""
    return {"n": Auto() if name is None else Levels((name,))}


def numbers_of(argument: str, *names: str | None) -> dict[str, ArgumentValue]:
    """An argument that takes columns of numbers, where all of them were found."""
    return {} if None in names else {argument: Columns(known(names))}


def as_factor(column: str, roles: Mapping[str, Role]) -> str:
    """A column in the fixed effects, with a mean for each of its levels whatever its role is."""
    return quote_name(column) if roles.get(column) == "factor" else f"factor({quote_name(column)})"


def crossed(columns: Iterable[str | None], roles: Mapping[str, Role], sign: str = " * ") -> str | None:
    """Factors in the fixed effects with all of their combinations; None where none is known."""
    return sign.join(as_factor(column, roles) for column in known(columns)) or None


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
        self._design(design or f"{name} design", effect, columns)
        self.add("ScalarMatrix", f"{name} variance", effect, "g")

    def _design(self, name: str, effect: str, columns: Sequence[str | None], every: bool = False) -> None:
        """Z of the combinations of columns; of one that nobody knows yet, a card of its own that asks for it.

        Args:
            name: of the design.
            effect: the id of Z G Z'.
            columns: None for one that is still to be chosen.
            every: with the combinations that no row has.
        """
        more: dict[str, ArgumentValue] = {"drop_empty_cols": False} if every else {}
        if not known(columns) or None not in columns:
            self.add("DummyMatrix", name, effect, "z", {**columns_of(*columns), **more})
            return
        there, open_ = ("b", "a") if columns[0] is None else ("a", "b")
        product = self.add("KhatriRaoProduct", name, effect, "z")
        self.add("DummyMatrix", f"{name}: to choose", product, open_)
        self.add("DummyMatrix", f"{name}: known", product, there, {**columns_of(*columns), **more})

    def over(self, name: str, parent: str, *sides: Side) -> None:
        """Z (A (x) B (x) ...) Z' over all combinations of columns, or Z A Z' over one."""
        effect = self.add("CovariancePropagation", name, parent)
        columns = [side.column for side in sides]
        if None in columns[1:]:
            columns = [None]
        # Every cell keeps its place in A (x) B, whether or not a row of the table stands there.
        self._design(f"{name} design", effect, columns, every=len(sides) > 1)
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
        size: dict[str, ArgumentValue] = {"n": Levels(known(columns))} if known(columns) else {}
        self.add("DiagonalMatrix", f"{name} by stratum", strata, "g", size)

    def within(self, parent: str, *columns: str | None, name: str = "same trial") -> str:
        """A product with 1 for two rows of one level and 0 for others: the id of the operator.

        What is added to it is kept within the levels; without columns the parent itself is given back.
        """
        if not columns:
            return parent
        product = self.add("HadamardProduct", f"within {name}", parent)
        same = self.add("CovariancePropagation", name, product)
        self._design(f"{name} design", same, columns)
        self.add("IdentityMatrix", f"{name} levels", same, "g")
        return product

    def fixed(self, *terms: str | None) -> None:
        """The fixed effects: an intercept and these terms of a formula."""
        self.document = SetFixedEffects(" + ".join(["1", *filter(None, terms)])).apply(self.document)
