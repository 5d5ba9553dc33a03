"""Documents compared: by their matrices, and as models that a fit is of."""

from __future__ import annotations

from covstudio.document.build.relations import related_nodes
from covstudio.document.build.used_columns import used_columns
from covstudio.document.model.document import Document
from covstudio.document.model.node import Node


def same_structure(one: Document, other: Document) -> bool:
    """True when two documents differ in values, places and titles at most: they share a `Build`."""
    if one is other:
        return True
    if one.v != other.v or one.nodes.keys() != other.nodes.keys():
        return False
    if one.data_name != other.data_name or one.choices != other.choices or one.relations != other.relations:
        return False
    if not all(
        node is other.nodes[i] or (node.name == other.nodes[i].name and _alike(node, other.nodes[i]))
        for i, node in one.nodes.items()
    ):
        return False
    return _same_rows(one, other)


def same_model(one: Document, other: Document) -> bool:
    """True when two documents have the same V, but for its values, of the same rows of the same table.

    Nodes that are not below V do not count, and no name, place or title does: what was estimated for one is
    an estimate for the other.

    Args:
        one: a document.
        other: a document.
    """
    if one is other:
        return True
    if one.v != other.v or one.data_name != other.data_name or one.choices != other.choices:
        return False
    below, there = (() if document.v is None else document.subtree(document.v) for document in (one, other))
    if below != there or not all(_alike(one.nodes[i], other.nodes[i]) for i in below):
        return False
    used = {name for i, (_, name) in related_nodes(one).items() if i in set(below)}
    if any(one.relations.get(name) != other.relations.get(name) for name in used):
        return False
    return _same_rows(one, other)


def _same_rows(one: Document, other: Document) -> bool:
    """True when what two documents need a value in is the same, where their nodes are alike."""
    if one.response == other.response and one.fixed_effects == other.fixed_effects:
        return True
    return set(used_columns(one)) == set(used_columns(other))


def _alike(one: Node, other: Node) -> bool:
    return (
        one.kind == other.kind
        and one.operands == other.operands
        and one.fixed == other.fixed
        and one.arguments == other.arguments
    )
