"""Values at which new structures show themselves: a drawing begins with these, and not with an identity."""

from __future__ import annotations

from collections.abc import Collection

from covstudio.covariance import declaration
from covstudio.covariance.core.shown import shown_values
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.changes.all import Batch, Change, SetParameters
from covstudio.document.model.document import Document

__all__ = ["MOST", "at_shown_values", "showing"]

#: Where more parameters than these would be set, a structure stays at its defaults: a file tells each value.
MOST = 66


def showing(document: Document, table: Table | None, change: Change) -> Change:
    """The change, with the structures that it adds at values that show them, as the same step.

    Args:
        document: the document, before.
        table: its table, for the sizes that follow from it.
        change: what adds structures.

    Raises:
        ChangeError: the change does not fit.

    Example:
        >>> from covstudio.document.changes.all import AddNode
        >>> change = showing(Document(), None, AddNode("AR1Matrix", name="time"))
        >>> dict(change.apply(Document()).nodes["n1"].values), change.described(Document())
        ({'rho': 0.5}, 'Add First-order autoregressive')
    """
    after = change.apply(document)
    values = _values(after, table, after.nodes.keys() - document.nodes.keys())
    if not values:
        return change
    return Batch((change, SetParameters(values)), label=change.described(document))


def at_shown_values(document: Document, table: Table | None) -> Document:
    """The document with all of its structures at values that show them, but for values that are set.

    Args:
        document: the document.
        table: its table.
    """
    values = _values(document, table, document.nodes.keys())
    return SetParameters(values).apply(document) if values else document


def _values(
    document: Document, table: Table | None, nodes: Collection[str]
) -> dict[tuple[str, str], float | None]:
    asked = [
        node
        for node in document.nodes.values()
        if node.id in nodes and not node.values and declaration(node.kind).shown
    ]
    if not asked:
        return {}
    built = build(document, table)
    found: dict[tuple[str, str], float | None] = {}
    for node in asked:
        declared = declaration(node.kind)
        names = [
            name for run in built.runs.get(node.id, ()) if run.node_id == node.id for name in run.names
        ] or list(declared.shown)  # what waits for its columns has the parameters that have no indices
        shown = shown_values(declared, names)
        if len(shown) <= MOST:
            found |= {(node.id, name): value for name, value in shown.items()}
    return found
