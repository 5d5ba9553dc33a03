"""Values at which new structures show themselves: a drawing begins with these, and not with an identity."""

from __future__ import annotations

from collections.abc import Collection

from covstudio.covariance import declaration
from covstudio.covariance.core.shown import shown_values
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.built import Build
from covstudio.document.changes.all import Batch, Change, SetParameters
from covstudio.document.model.document import Document

__all__ = ["MOST", "at_shown_values", "showing"]

#: Where more parameters than these would be set, a structure stays at its defaults: a file tells each value.
MOST = 66


def showing(document: Document, table: Table | None, change: Change) -> tuple[Change, Build]:
    """The change, with the structures that it brings in at values that show them, as the same step.

    Args:
        document: the document, before.
        table: its table, for the sizes that follow from it.
        change: what brings structures in.

    Returns:
        The change, and what was built of the document that it leads to.

    Raises:
        ChangeError: the change does not fit.

    Example:
        >>> from covstudio.document.changes.all import AddNode
        >>> change, _ = showing(Document(), None, AddNode("AR1Matrix", name="time"))
        >>> dict(change.apply(Document()).nodes["n1"].values), change.described(Document())
        ({'rho': 0.5}, 'Add First-order autoregressive')
    """
    after = change.apply(document)
    built = build(after, table)
    values = _values(after, built, after.nodes.keys() - document.nodes.keys())
    if values:
        change = Batch((change, SetParameters(values)), label=change.described(document))
    return change, built


def at_shown_values(document: Document, table: Table | None) -> Document:
    """The document with all of its structures at values that show them, but for values that are set.

    Args:
        document: the document.
        table: its table.
    """
    asked = [node.id for node in document.nodes.values() if declaration(node.kind).shown]
    values = _values(document, build(document, table), asked) if asked else {}
    return SetParameters(values).apply(document) if values else document


def _values(document: Document, built: Build, nodes: Collection[str]) -> dict[tuple[str, str], float | None]:
    values: dict[tuple[str, str], float | None] = {}
    for node in document.nodes.values():
        declared = declaration(node.kind)
        if node.id not in nodes or node.values or not declared.shown:
            continue
        names = [
            name for run in built.runs.get(node.id, ()) if run.node_id == node.id for name in run.names
        ] or list(declared.shown)  # what waits for its columns has the parameters that have no indices
        found = shown_values(declared, names)
        if len(found) <= MOST:
            values |= {(node.id, name): value for name, value in found.items()}
    return values
