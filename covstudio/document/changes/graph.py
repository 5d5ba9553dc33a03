"""Changes of the graph: nodes, their wires, names and places."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from covstudio.covariance import Declaration
from covstudio.document.changes.change import (
    Change,
    ChangeError,
    argument_value,
    checked,
    declared_kind,
    new_name,
    node_of,
)
from covstudio.document.model.document import MAX_DEPTH, MAX_NODES, Document, empty_slots, numbered_slots
from covstudio.document.model.node import (
    ArgumentValue,
    FrozenMap,
    Node,
    V,
    check_id,
    check_name,
    check_number,
)


@dataclass(frozen=True)
class AddNode(Change):
    """Add a structure from the catalogue, loose or connected.

    Args:
        kind: the name of the structure, e.g. "AR1Matrix".
        x, y: where its top left corner stands.
        name: its name; the title of the structure, numbered when it is taken, by default.
        arguments: constructor arguments.
        connect: (parent id or "V", slot or None for the next free one).
        id: the new id; `document.next_id()` by default.
    """

    kind: str
    x: float = 0.0
    y: float = 0.0
    name: str | None = None
    arguments: Mapping[str, ArgumentValue] = field(default_factory=dict)
    connect: tuple[str, str | None] | None = None
    id: str | None = None

    def apply(self, document: Document) -> Document:
        declared = declared_kind(self.kind)
        if len(document.nodes) >= MAX_NODES:
            raise ChangeError(f"A model holds at most {MAX_NODES} nodes. Remove some, or split the model.")
        node_id = document.next_id() if self.id is None else checked(check_id, self.id)
        if node_id in document.nodes:
            raise ChangeError(f"There is a node with the id {node_id!r} already.")
        if self.name is None:
            name = document.free_name(default_name(declared))
        else:
            name = new_name(document, self.name)
        node = Node(
            id=node_id,
            kind=declared.name,
            name=name,
            arguments=FrozenMap(
                {key: argument_value(declared, key, value) for key, value in self.arguments.items()}
            ),
            operands=empty_slots(declared),
            x=checked(check_number, self.x, "x"),
            y=checked(check_number, self.y, "y"),
        )
        document = document.with_nodes(node)
        return document if self.connect is None else Connect(node_id, *self.connect).apply(document)

    def _describe(self, document: Document) -> str:
        return f"Add {declared_kind(self.kind).title}"


@dataclass(frozen=True)
class RemoveNodes(Change):
    """Remove nodes; what hung below them stays on the canvas, loose.

    Args:
        ids: which nodes.
    """

    ids: Sequence[str]

    def apply(self, document: Document) -> Document:
        gone = {node_of(document, i).id for i in self.ids}
        kept = {i: _without_children(node, gone) for i, node in document.nodes.items() if i not in gone}
        return replace(document, nodes=FrozenMap(kept), v=None if document.v in gone else document.v)

    def _describe(self, document: Document) -> str:
        if len(self.ids) == 1:
            return f"Remove {node_of(document, self.ids[0]).name}"
        return f"Remove {len(self.ids)} nodes"


@dataclass(frozen=True)
class Connect(Change):
    """Make a node the operand of another, or V.

    A child that has a parent moves. What was in the slot stays on the canvas, loose.

    Args:
        child: id of the operand.
        parent: id of the operator, or "V".
        slot: the slot; None takes the next free one. A variadic operator has "1", "2", ... up to its empty
            slot.
    """

    child: str
    parent: str
    slot: str | None = None

    def apply(self, document: Document) -> Document:
        child = node_of(document, self.child)
        reason = refusal(document, self.child, self.parent, self.slot)
        if reason is not None:
            raise ChangeError(reason)
        if self.parent == V:
            return replace(_loosened(document, child.id), v=child.id)
        occupied = (
            dict(document.nodes[self.parent].operands).get(self.slot) if self.slot is not None else None
        )
        if occupied == child.id:
            return document
        if occupied is None:
            document = _loosened(document, child.id)
        else:
            # The slots of a variadic operator close up when a sibling leaves, so the child takes the place of
            # the node it replaces, not of a number.
            document = _loosened(document, child.id)
            slot = next(slot for slot, there in document.nodes[self.parent].operands if there == occupied)
            return document.with_nodes(_with_child(document.nodes[self.parent], slot, child.id))
        parent = document.nodes[self.parent]
        slot = self.slot if self.slot in parent.free_slots else parent.free_slots[0]
        return document.with_nodes(_with_child(parent, slot, child.id))

    def _describe(self, document: Document) -> str:
        parent = V if self.parent == V else node_of(document, self.parent).name
        return f"Connect {node_of(document, self.child).name} to {parent}"


@dataclass(frozen=True)
class Disconnect(Change):
    """Take a node out of its slot (or V out of its place); it stays on the canvas.

    Args:
        child: id of the operand.
    """

    child: str

    def apply(self, document: Document) -> Document:
        child = node_of(document, self.child)
        if document.parent_of(child.id) is None and document.v != child.id:
            raise ChangeError(f"{child.name!r} is not connected to anything.")
        return _loosened(document, child.id)

    def _describe(self, document: Document) -> str:
        return f"Disconnect {node_of(document, self.child).name}"


@dataclass(frozen=True)
class Loosen(Change):
    """Take several nodes out of their slots (or V out of its place); they stay on the canvas.

    Args:
        children: ids of the operands; those that are connected to nothing stay as they are.
    """

    children: Sequence[str]

    def apply(self, document: Document) -> Document:
        freed = {node_of(document, child).id for child in self.children}
        parents = {place[0] for child in freed if (place := document.parent_of(child)) is not None}
        if parents:
            changed = (_without_children(document.nodes[one], freed) for one in parents)
            document = document.with_nodes(*changed)
        return replace(document, v=None) if document.v in freed else document

    def _describe(self, document: Document) -> str:
        if len(self.children) == 1:
            return f"Disconnect {node_of(document, self.children[0]).name}"
        return f"Remove {len(self.children)} wires"


@dataclass(frozen=True)
class SwapOperands(Change):
    """Let what is in two slots of an operator change places.

    Args:
        parent: id of the operator.
        first, second: two of its slots, not both empty.
    """

    parent: str
    first: str
    second: str

    def apply(self, document: Document) -> Document:
        node = node_of(document, self.parent)
        slots = dict(node.operands)
        for slot in (self.first, self.second):
            if slot not in slots:
                raise ChangeError(f"{node.name!r} has no slot {slot!r}; it has {', '.join(slots) or 'none'}.")
        if self.first == self.second or slots[self.first] is slots[self.second] is None:
            raise ChangeError(f"There is nothing to swap in the slots {self.first!r} and {self.second!r}.")
        slots[self.first], slots[self.second] = slots[self.second], slots[self.first]
        operands = tuple(slots.items())
        if declared_kind(node.kind).variadic:
            operands = numbered_slots(child for child in slots.values() if child is not None)
        return document.with_nodes(replace(node, operands=operands))

    def _describe(self, document: Document) -> str:
        node = node_of(document, self.parent)
        names = [
            document.nodes[child].name if child is not None else f"slot {slot}"
            for slot in (self.first, self.second)
            for child in [dict(node.operands).get(slot)]
        ]
        return f"Swap {names[0]} and {names[1]}"


@dataclass(frozen=True)
class MoveNodes(Change):
    """Put nodes elsewhere on the canvas.

    Args:
        positions: id -> (x, y) of the top left corner.
    """

    positions: Mapping[str, tuple[float, float]]

    def apply(self, document: Document) -> Document:
        moved = [
            node_of(document, i).at(checked(check_number, x, "x"), checked(check_number, y, "y"))
            for i, (x, y) in self.positions.items()
        ]
        return document.with_nodes(*moved)

    def _describe(self, document: Document) -> str:
        if len(self.positions) == 1:
            return f"Move {node_of(document, next(iter(self.positions))).name}"
        return f"Move {len(self.positions)} nodes"


@dataclass(frozen=True)
class Rename(Change):
    """Give a node another name.

    Args:
        node_id: which node.
        name: the new name; unique in the document, without "/".
    """

    node_id: str
    name: str

    def apply(self, document: Document) -> Document:
        node = node_of(document, self.node_id)
        return document.with_nodes(replace(node, name=new_name(document, self.name, node.id)))

    def _describe(self, document: Document) -> str:
        return f"Rename {node_of(document, self.node_id).name}"


def default_name(declared: Declaration) -> str:
    """The name of a fresh node, before it is made unique: short, since parameters are named by it.

    Example:
        >>> from covstudio.covariance import declaration
        >>> default_name(declaration("LowerTriangularMatrix")), default_name(declaration("AR1Matrix"))
        ('Lower Triangular', 'AR1')
    """
    if declared.node:
        return declared.node
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", declared.name.removesuffix("Matrix") or declared.name)
    return check_name(words[:50])


def refusal(document: Document, child: str, parent: str, slot: str | None = None) -> str | None:
    """Why a node cannot become that operand, whatever the shapes; None when it can.

    Args:
        document: the document.
        child: id of the node.
        parent: id of the operator, or "V".
        slot: the slot, or None for the next free one.
    """
    if child not in document.nodes:
        return f"There is no node {child!r}."
    if parent == V:
        return None if slot in (None, V) else f"V has one place only; there is no slot {slot!r}."
    if parent not in document.nodes:
        return f"There is no node {parent!r}."
    below, above = document.nodes[child], document.nodes[parent]
    declared = declared_kind(above.kind)
    if child == parent:
        return f"{below.name!r} cannot be its own operand."
    if child in document.ancestors(parent):
        return f"{above.name!r} is part of {below.name!r}: connecting them would make a circle."
    if not above.operands:
        return f"{above.name!r} ({declared.title}) takes no operands. Connect to an operator such as Sum."
    slots = dict(above.operands)
    if slot is not None and slot not in slots:
        return f"{above.name!r} ({declared.title}) has no slot {slot!r}; it has {', '.join(slots)}."
    if slot is None and not above.free_slots and child not in above.children:
        return f"{above.name!r} ({declared.title}) has no free slot. Drop onto an operand to replace it."
    depth = document.height(child) + 1 + sum(1 for _ in document.ancestors(parent))
    if depth > MAX_DEPTH:
        return f"A model is at most {MAX_DEPTH} operators deep; this would make it {depth}."
    return None


def _without_children(node: Node, gone: set[str]) -> Node:
    if not any(child in gone for child in node.children):
        return node
    if declared_kind(node.kind).variadic:
        return replace(node, operands=numbered_slots(child for child in node.children if child not in gone))
    return replace(
        node, operands=tuple((slot, None if child in gone else child) for slot, child in node.operands)
    )


def _with_child(node: Node, slot: str, child: str) -> Node:
    operands = tuple((name, child if name == slot else there) for name, there in node.operands)
    if declared_kind(node.kind).variadic:
        operands = numbered_slots(there for _, there in operands if there is not None)
    return replace(node, operands=operands)


def _loosened(document: Document, node_id: str) -> Document:
    """The document with a node out of its slot, or out of the place of V."""
    return Loosen((node_id,)).apply(document)
