"""Gestures that bring a structure in: dropped, inserted on a wire, wrapped around a node, put in its place.

One plan says what a gesture does, in words, before it is done, and is the change that does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covstudio.covariance import catalogue, declaration
from covstudio.data.tables import Table
from covstudio.document.build.connection import check_connection
from covstudio.document.changes.all import (
    AddNode,
    Batch,
    Change,
    ChangeError,
    Connect,
    MoveNodes,
    RemoveNodes,
)
from covstudio.document.changes.auto_layout import GAP_X, HEIGHT, WIDTH
from covstudio.document.model.document import Document
from covstudio.document.model.node import V
from covstudio.studio.canvas.cards import BETWEEN
from covstudio.studio.canvas.messages import Target
from covstudio.studio.canvas.wiring import Addition, Place, accepts, add, free_place


@dataclass(frozen=True)
class Plan:
    """What a gesture does.

    Args:
        text: in words, as in "Drop to ...".
        change: what does it.
        id: the id that the new node will have.
        onto: the node whose wiring changes, or None.
        refused: why it does less than was asked.
        gone: the name of the node whose place it takes, which goes.
    """

    text: str
    change: Change
    id: str
    onto: str | None = None
    refused: str | None = None
    gone: str | None = None


def dropped(document: Document, table: Table | None, kind: str, at: Place, target: Target) -> Plan:
    """What letting a structure of the palette go there does.

    On a free slot, or on an operator that has one, it is wired in. An operator on a wire is inserted there;
    on a node without a free slot it is wrapped around it. A matrix takes the place of another matrix.

    Args:
        document: the document.
        table: its table.
        kind: the structure's name in the catalogue.
        at: where its centre is.
        target: what it is let go on.

    Raises:
        ChangeError: the catalogue has no such structure, or the document is full.
    """
    child = target.wire if target.node is None else _in_its_way(document, target)
    if child in document.nodes:
        assert child is not None
        on_card = target.wire is None and target.slot is None
        plan = wrapped(document, table, kind, child, on_card) or replaced(document, table, kind, child)
        if plan is not None:
            return plan
    slot = _free_slot(document, target)
    if slot is None:
        return _placed(add(document, table, kind, at))
    parent, name = slot
    addition = add(document, table, kind, at, (parent, name))
    if addition.refused is not None:
        return _placed(addition)
    into = V if parent == V else document.nodes[parent].name
    named = (
        f", slot {name}" if target.slot == name and parent != V and not _variadic(document, parent) else ""
    )
    return Plan(f"wire it into {into}{named}", addition.change, addition.id, onto=parent)


def quick(
    document: Document, table: Table | None, kind: str, at: Place | None, target: Target
) -> Plan | None:
    """What adding a structure from the search does there, or None where it does not fit.

    Args:
        document: the document.
        table: its table.
        kind: the structure's name in the catalogue.
        at: where its centre is to be; None for a place beside what it is wired to.
        target: the output or the slot from which a wire was let go, or the wire to insert it on; nothing for
            a loose one.

    Raises:
        ChangeError: the catalogue has no such structure, or the document is full.
    """
    if target.wire is not None:
        return wrapped(document, table, kind, target.wire, on_card=False)
    if target.node is None:
        return _placed(add(document, table, kind, at or (0.0, 0.0)))
    if target.slot is None:
        return wrapped(document, table, kind, target.node, on_card=True, at=at)
    slot = None if target.node == V else target.slot
    addition = add(document, table, kind, at or (0.0, 0.0), (target.node, slot), beside_it=at is None)
    if addition.refused is not None:
        return None
    return Plan("wire it in", addition.change, addition.id, onto=target.node)


def addable(document: Document, table: Table | None, target: Target) -> list[str]:
    """The structures of the palette that fit there, in the order of the catalogue."""
    found = []
    for declared in catalogue():
        if not declared.palette:
            continue
        try:
            if quick(document, table, declared.name, (0.0, 0.0), target) is not None:
                found.append(declared.name)
        except ChangeError:
            continue
    return found


def wrapped(
    document: Document,
    table: Table | None,
    kind: str,
    child: str,
    on_card: bool,
    at: Place | None = None,
) -> Plan | None:
    """A new operator around a node, in its place: between it and what it is an operand of.

    Args:
        document: the document.
        table: its table.
        kind: the operator's name in the catalogue.
        child: id of the node.
        on_card: whether it is said of the node, or of the wire that comes from it.
        at: where the operator's centre is to be; between the two, or in the node's place, when left out.

    Returns:
        The plan, or None where no slot of the operator takes the node.
    """
    declared = declaration(kind)
    node = document.nodes[child]
    if not accepts(declared):
        return None
    node_id = document.next_id()
    parent = (V, None) if document.v == child else document.parent_of(child)
    place, moves = _room(document, child, None if parent is None else parent[0], at)
    changes: list[Change] = [AddNode(kind, *place, id=node_id), *moves]
    changes += [] if parent is None else [Connect(node_id, *parent)]
    before = Batch(changes).apply(document)
    for slot, _ in before.nodes[node_id].operands:
        if check_connection(before, child, node_id, slot, table) is None:
            break
    else:
        return None
    changes.append(Connect(child, node_id, slot))
    if on_card or parent is None:
        text, label = f"wrap {node.name} in it", f"Wrap {node.name} in {declared.title}"
    else:
        ends = f"between {node.name} and {V if parent[0] == V else document.nodes[parent[0]].name}"
        text, label = f"insert it {ends}", f"Insert {declared.title} {ends}"
    return Plan(text, Batch(changes, label=label), node_id, onto=child)


def replaced(document: Document, table: Table | None, kind: str, old: str) -> Plan | None:
    """A new matrix in the place of another, which goes.

    Args:
        document: the document.
        table: its table.
        kind: the structure's name in the catalogue.
        old: id of the node that goes; one that has operands is not replaced.

    Returns:
        The plan, or None where the structure does not fit there.
    """
    declared, node = declaration(kind), document.nodes[old]
    if accepts(declared) or node.operands:
        return None
    node_id = document.next_id()
    parent = (V, None) if document.v == old else document.parent_of(old)
    added = AddNode(kind, node.x, node.y, id=node_id)
    changes: list[Change] = [added]
    if parent is not None:
        if check_connection(added.apply(document), node_id, parent[0], parent[1], table) is not None:
            return None
        changes.append(Connect(node_id, *parent))
    changes.append(RemoveNodes((old,)))
    label = f"Replace {node.name} by {declared.title}"
    text = f"put it in the place of {node.name}"
    return Plan(text, Batch(changes, label=label), node_id, onto=old, gone=node.name)


def _placed(addition: Addition) -> Plan:
    return Plan("place it here", addition.change, addition.id, refused=addition.refused)


def _in_its_way(document: Document, target: Target) -> str | None:
    """The node that a structure let go there would wrap or replace: the one in the slot, or itself."""
    node = document.nodes.get(target.node or "")
    if target.node == V:
        return document.v
    if node is None:
        return None
    if target.slot in dict(node.operands):
        return node.child(target.slot or "")
    return None if node.free_slots else node.id


def _free_slot(document: Document, target: Target) -> tuple[str, str | None] | None:
    if target.node == V:
        return (V, None) if document.v is None else None
    node = document.nodes.get(target.node or "")
    if node is None or not node.free_slots:
        return None
    return (node.id, target.slot if target.slot in node.free_slots else node.free_slots[0])


def _variadic(document: Document, node: str) -> bool:
    return declaration(document.nodes[node].kind).variadic


def _room(
    document: Document, child: str, parent: str | None, at: Place | None
) -> tuple[Place, Sequence[Change]]:
    """Where a card goes between a node and its operator, and what has to move for it."""
    node = document.nodes[child]
    if at is not None:
        return free_place(document, (at[0] - WIDTH / 2, at[1] - HEIGHT / 2)), ()
    if parent is not None and parent != V:
        right = document.nodes[parent].x
        if right - (node.x + WIDTH) >= WIDTH + 2 * BETWEEN:
            middle = (node.x + WIDTH + right - WIDTH) / 2
            return free_place(document, (middle, (node.y + document.nodes[parent].y) / 2)), ()
    aside = {
        below: (document.nodes[below].x - WIDTH - GAP_X, document.nodes[below].y)
        for below in document.subtree(child)
    }
    return (node.x, node.y), (MoveNodes(aside),)
