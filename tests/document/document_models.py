"""Small documents and tables that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.tables import Table
from covstudio.document.changes.all import AddNode, Change
from covstudio.document.model.document import Document
from covstudio.document.model.node import ArgumentValue, Columns


def after(*changes: Change, start: Document | None = None) -> Document:
    """The document after these changes, one after the other."""
    document = Document() if start is None else start
    for change in changes:
        document = change.apply(document)
    return document


def add(
    kind: str,
    parent: str | None = None,
    slot: str | None = None,
    name: str | None = None,
    **arguments: ArgumentValue,
) -> AddNode:
    """Add a node, below a parent if one is named."""
    return AddNode(kind, name=name, arguments=arguments, connect=None if parent is None else (parent, slot))


def propagation(
    factors: tuple[str, ...] = ("gen",), g: str = "ScalarMatrix", **arguments: ArgumentValue
) -> Document:
    """V = Z G Z' with Z on columns: n1 is the product, n2 is Z, n3 is G."""
    return after(
        add("CovariancePropagation", "V", name="effect"),
        add("DummyMatrix", "n1", "z", name="design", factors=Columns(factors)),
        add(g, "n1", "g", name="levels", **arguments),
    )


TRIAL: Mapping[str, list[object]] = {
    "gen": ["G1", "G2", "G3", "G1", "G2", "G3"],
    "rep": ["R1", "R1", "R1", "R2", "R2", "R2"],
    "block": ["B1", "B1", "B2", "B1", "B2", "B2"],
    "row": [1, 2, 10, 1, 2, 10],
    "x": [0.5, 1.25, 2.0, 3.5, 4.0, 7.25],
    "yield": [4.1, 3.9, 5.0, 4.4, 4.7, 5.3],
}


def trial(**columns: list[object]) -> Table:
    """A table of 6 plots; columns may be replaced or added."""
    return Table.from_columns({**TRIAL, **columns}, "trial")
