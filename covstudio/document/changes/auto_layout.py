"""Nodes in layers from left to right: leaves on the left, V on the right.

A model that is made by a program is laid out here, so that it opens as "Tidy up" would have it: the page,
which has a library for that, goes by the same distances and by the same rule for very many operands
(`studio/frontend/src/canvas/layout.ts`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from covstudio.document.changes.all import MoveNodes
from covstudio.document.model.document import Document
from covstudio.document.model.node import Node

WIDTH = 208
HEIGHT = 132
GAP_X = 56
GAP_Y = 24
SLOT = 21
#: Operands that stand higher than this one over the other are put into rows and columns.
TALLEST = 1400
#: How wide these are for their height.
ASPECT = 1.6


@dataclass(frozen=True)
class _Block:
    """Nodes laid out among themselves, from (0, 0)."""

    width: float
    height: float
    places: Mapping[str, tuple[float, float]]


def auto_layout(document: Document) -> MoveNodes:
    """Where every node stands well: one tree below the other, V's first; operands left of their operator.

    Every tree below a node has a band of its own, as high as it needs, and the node stands level with the
    middle of its operands. Operands that would stand higher than 1400 pixels in a column are put into rows
    and columns. Nodes are 208 x 132 pixels (an operator with many slots is taller: 21 for each), 56 apart
    between columns and 24 between rows.

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
    places = _stacked([_tree(document, root) for root in document.roots()]).places
    rounded = {node: (round(x, 1), round(y, 1)) for node, (x, y) in places.items()}
    return MoveNodes({node: rounded[node] for node in document.nodes}, label="Tidy up")


def node_height(node: Node) -> float:
    """The height of a node's card."""
    return float(max(HEIGHT, SLOT * (len(node.operands) + 1)))


def _tree(document: Document, node_id: str) -> _Block:
    """A node with everything below it."""
    node = document.nodes[node_id]
    own = node_height(node)
    if not node.children:
        return _Block(float(WIDTH), own, {node_id: (0.0, 0.0)})
    below = [_tree(document, child) for child in node.children]
    many = len(below) > 2 and _column(below) > TALLEST
    operands = _gridded(below) if many else _stacked(below)
    height = max(own, operands.height)
    down = (height - operands.height) / 2
    places = {one: (x, y + down) for one, (x, y) in operands.places.items()}
    middle = height / 2
    if not many:
        ends = (node.children[0], node.children[-1])
        middle = sum(places[end][1] + node_height(document.nodes[end]) / 2 for end in ends) / 2
    x = operands.width + GAP_X
    return _Block(x + WIDTH, height, places | {node_id: (x, min(max(middle - own / 2, 0.0), height - own))})


def _column(blocks: Sequence[_Block]) -> float:
    """How high blocks stand one over the other."""
    return sum(block.height + GAP_Y for block in blocks)


def _stacked(blocks: Sequence[_Block]) -> _Block:
    """One below the other, their right sides level: there stands what leads to their operator."""
    width = max((block.width for block in blocks), default=0.0)
    places: dict[str, tuple[float, float]] = {}
    top = 0.0
    for block in blocks:
        left = width - block.width
        places |= {node: (x + left, y + top) for node, (x, y) in block.places.items()}
        top += block.height + GAP_Y
    return _Block(width, top - GAP_Y, places)


def _gridded(blocks: Sequence[_Block]) -> _Block:
    """In rows, in their order, about as wide as a screen for their height."""
    wide = max(block.width for block in blocks) + GAP_X
    high = _column(blocks) / len(blocks)
    columns = max(2, round(math.sqrt(len(blocks) * high * ASPECT / wide)))
    places: dict[str, tuple[float, float]] = {}
    top = 0.0
    for first in range(0, len(blocks), columns):
        row = blocks[first : first + columns]
        for column, block in enumerate(row):
            places |= {node: (x + column * wide, y + top) for node, (x, y) in block.places.items()}
        top += max(block.height for block in row) + GAP_Y
    return _Block(columns * wide - GAP_X, top - GAP_Y, places)
