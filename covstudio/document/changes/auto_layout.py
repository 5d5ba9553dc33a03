"""Nodes in columns from left to right: leaves on the left, V on the right."""

from __future__ import annotations

from covstudio.document.changes.all import MoveNodes
from covstudio.document.model.document import Document
from covstudio.document.model.node import Node

WIDTH = 208
HEIGHT = 132
GAP_X = 56
GAP_Y = 24
SLOT = 21


def auto_layout(document: Document) -> MoveNodes:
    """Where every node stands well: one tree below the other, V's first; operands left of their operator.

    Every tree below a node has a band of its own, as high as it needs, and the node stands level with the
    middle of its operands. Nodes are 208 x 132 pixels (an operator with many slots is taller: 21 for each),
    56 apart between columns and 24 between rows.

    Args:
        document: the document.

    Returns:
        A change that moves every node.

    Example:
        >>> from covstudio.document.changes.all import AddNode
        >>> document = AddNode("ScalarMatrix").apply(Document())
        >>> auto_layout(document).positions
        {'n1': (0.0, 0.0)}
    """
    deepest = max((document.height(root) for root in document.roots()), default=0)
    bands = _bands(document)
    places: dict[str, tuple[float, float]] = {}
    top = 0.0
    for root in document.roots():
        _place(document, root, float((deepest - 1) * (WIDTH + GAP_X)), top, bands, places)
        top += bands[root] + GAP_Y
    return MoveNodes({node_id: places[node_id] for node_id in document.nodes}, label="Tidy up")


def node_height(node: Node) -> float:
    """The height of a node's card."""
    return float(max(HEIGHT, SLOT * (len(node.operands) + 1)))


def _bands(document: Document) -> dict[str, float]:
    """The height that a node and everything below it take."""
    bands: dict[str, float] = {}
    for root in document.roots():
        for node_id in document.subtree(root):
            node = document.nodes[node_id]
            bands[node_id] = max(node_height(node), _stacked(node, bands))
    return bands


def _stacked(node: Node, bands: dict[str, float]) -> float:
    return sum(bands[child] + GAP_Y for child in node.children) - GAP_Y


def _place(
    document: Document,
    node_id: str,
    x: float,
    top: float,
    bands: dict[str, float],
    places: dict[str, tuple[float, float]],
) -> None:
    node = document.nodes[node_id]
    height = node_height(node)
    below = top + (bands[node_id] - _stacked(node, bands)) / 2
    for child in node.children:
        _place(document, child, x - WIDTH - GAP_X, below, bands, places)
        below += bands[child] + GAP_Y
    middle = top + bands[node_id] / 2
    if node.children:
        ends = (node.children[0], node.children[-1])
        middle = sum(places[end][1] + node_height(document.nodes[end]) / 2 for end in ends) / 2
    y = min(max(middle - height / 2, top), top + bands[node_id] - height)
    places[node_id] = (x, round(y, 1))
