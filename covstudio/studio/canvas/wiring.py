"""Gestures on the canvas: each function turns one into a change of the document.

A palette entry that is dropped, a wire that is drawn, a key that is pressed: every one becomes a single
change, so that it is a single step for undo.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import param

from covstudio.covariance import Declaration, declaration
from covstudio.data.tables import Table
from covstudio.document.build.connection import check_connection, check_swap
from covstudio.document.build.shown import showing
from covstudio.document.changes.all import (
    AddNode,
    Batch,
    Change,
    ChangeError,
    Connect,
    Loosen,
    RemoveNodes,
    SwapOperands,
)
from covstudio.document.changes.auto_layout import GAP_X, GAP_Y, HEIGHT, WIDTH, node_height
from covstudio.document.model.document import Document
from covstudio.document.model.node import V
from covstudio.studio.session.store import Store

Place = tuple[float, float]

#: The most nodes in all models that are looked at to say where a wire fits. In a large model that is enough
#: for some places; the others are offered, and checked when the wire is drawn.
LOOKED_AT = 10_000


@dataclass(frozen=True)
class Target:
    """A slot that a node might go into.

    Args:
        parent: id of the operator, or "V".
        slot: the slot's name.
        label: what a menu calls it.
        reason: why it cannot go there, or None when it can.
    """

    parent: str
    slot: str
    label: str
    reason: str | None


@dataclass(frozen=True)
class Addition:
    """A structure about to be added.

    Args:
        change: what adds it.
        id: the id it will have.
        refused: why it was not wired where it was asked to be; it is added loose then.
    """

    change: Change
    id: str
    refused: str | None = None


def add(
    document: Document,
    table: Table | None,
    kind: str,
    at: Place,
    target: tuple[str, str | None] | None = None,
    beside_it: bool = True,
) -> Addition:
    """Add a structure, wired into a slot if it fits there.

    Args:
        document: the document.
        table: its table, for shapes that follow the data.
        kind: the structure's name in the catalogue.
        at: where its centre should be when it stays loose.
        target: (operator's id or "V", slot or None for its next free one), or None for a loose node.
        beside_it: whether a node that is wired stands beside its operator, or where it was asked to be.

    Raises:
        ChangeError: when the catalogue has no such structure, or the document is full.
    """
    node_id = document.next_id()
    loose = AddNode(kind, *free_place(document, (at[0] - WIDTH / 2, at[1] - HEIGHT / 2)), id=node_id)
    added = loose.apply(document)
    if target is None:
        return Addition(loose, node_id)
    parent, slot = target
    if parent != V and slot is None:
        slot = next(iter(document.nodes[parent].free_slots), None)
    reason = check_connection(added, node_id, parent, slot, table)
    if reason is not None:
        return Addition(loose, node_id, reason)
    wanted = beside(document, parent, slot) if beside_it else (loose.x, loose.y)
    place = free_place(document, wanted)
    return Addition(AddNode(kind, *place, connect=(parent, slot), id=node_id), node_id)


def beside(document: Document, parent: str, slot: str | None) -> Place:
    """Where an operand stands well: a column left of its operator, level with its slot.

    Left of V there is no operator to go by: the place is level with the nodes that are there.
    """
    if parent == V:
        if not document.nodes:
            return -(WIDTH + GAP_X), 0.0
        nodes = document.nodes.values()
        return max(node.x for node in nodes) + WIDTH + GAP_X, sum(node.y for node in nodes) / len(nodes)
    node = document.nodes[parent]
    slots = [name for name, _ in node.operands]
    index = slots.index(slot) if slot in slots else len(slots) - 1
    middle = (len(slots) - 1) / 2 if not declaration(node.kind).variadic else 0
    return node.x - WIDTH - GAP_X, node.y + (index - middle) * (HEIGHT + GAP_Y)


def free_place(document: Document, wanted: Place, ignore: Collection[str] = ()) -> Place:
    """The wanted place, or the first one below it where a card covers no other.

    Args:
        document: the document.
        wanted: top left corner.
        ignore: ids of nodes that may be covered.
    """
    x, y = round(wanted[0]), round(wanted[1])
    others = [node for node in document.nodes.values() if node.id not in ignore and abs(node.x - x) < WIDTH]
    for node in sorted(others, key=lambda other: other.y):
        if node.y - HEIGHT < y < node.y + node_height(node):
            y = round(node.y + node_height(node) + GAP_Y)
    return float(x), float(y)


def targets(document: Document, table: Table | None, child: str) -> tuple[Target, ...]:
    """Every slot that a node is not in yet, those it fits into first.

    A variadic operator counts once, with its free slot. In a large model some are not looked at.

    Args:
        document: the document.
        table: its table.
        child: id of the node to wire.
    """
    found: list[Target] = []
    most = _checks(document)
    if document.v != child:
        found.append(Target(V, V, "V", check_connection(document, child, V, None, table)))
    for node in document.nodes.values():
        if node.id == child or not node.operands:
            continue
        declared = declaration(node.kind)
        for slot, there in node.operands:
            if there is not None and (declared.variadic or there == child):
                continue
            if declared.variadic and child in node.children:
                continue
            label = node.name if declared.variadic else f"{node.name} · {slot}"
            told = len(found) < most
            reason = check_connection(document, child, node.id, slot, table) if told else None
            found.append(Target(node.id, slot, label, reason))
    return tuple(sorted(found, key=lambda target: target.reason is not None))


def ends(
    document: Document, table: Table | None, node: str, slot: str | None
) -> tuple[tuple[str, str | None, str | None, str | None], ...]:
    """Every place where a wire under way may end, or why not.

    Args:
        document: the document.
        table: its table.
        node: id of the node it starts from, or "V".
        slot: the slot it is drawn back from; None when it starts from the output.

    Returns:
        (node, slot, reason, effect): slots for a wire from an output, nodes (with None as the slot) for one
        from a slot. The reason is None where it fits; the effect says what becomes of the node that is there.
    """
    if node != V and node not in document.nodes:
        return ()
    most = _checks(document)
    if slot is not None:
        parent_slot = None if node == V else slot
        there = document.v if node == V else dict(document.nodes[node].operands).get(slot)
        return tuple(
            (child, None, *_told(document, table, child, node, parent_slot, there, count < most))
            for count, child in enumerate(child for child in document.nodes if child != node)
        )
    places = [
        (parent.id, name, there)
        for parent in document.nodes.values()
        if parent.id != node
        for name, there in parent.operands
    ]
    checked = set(sorted(places, key=lambda place: place[2] is not None)[:most])  # free slots first
    return (
        (V, V, *_told(document, table, node, V, None, document.v, True)),
        *(
            (parent, name, *_told(document, table, node, parent, name, there, place in checked))
            for place in places
            for parent, name, there in [place]
        ),
    )


def _checks(document: Document) -> int:
    """In how many places it is looked whether a wire fits: each takes as long as the model is large."""
    return max(1, LOOKED_AT // max(1, len(document.nodes)))


def _told(
    document: Document,
    table: Table | None,
    child: str,
    parent: str,
    slot: str | None,
    there: str | None,
    checked: bool,
) -> tuple[str | None, str | None]:
    """Why a wire does not fit, where that is looked at, and what it does to the node that is in the slot."""
    if checked:
        try:
            connect(document, table, child, parent, slot)
        except ChangeError as error:
            return str(error), None
    if there is None or there == child:
        return None, None
    name = document.nodes[there].name
    if _sibling(document, child, parent):
        return None, f"Swap {document.nodes[child].name} and {name}"
    return None, f"takes the place of {name}, which stays loose"


def _sibling(document: Document, child: str, parent: str) -> bool:
    """Whether a node is an operand of this operator already."""
    own = document.parent_of(child)
    return own is not None and own[0] == parent


def swaps(document: Document, table: Table | None, node: str) -> tuple[tuple[str, str, str, str], ...]:
    """Every sibling that a node can change places with: (parent, its slot, the other's, a label)."""
    place = document.parent_of(node)
    if place is None:
        return ()
    parent, slot = place
    most = _checks(document)
    siblings = [
        (other, child)
        for other, child in document.nodes[parent].operands
        if child is not None and child != node
    ]
    return tuple(
        (parent, slot, other, f"Swap with {document.nodes[child].name}")
        for count, (other, child) in enumerate(siblings)
        if count >= most or check_swap(document, SwapOperands(parent, slot, other), table) is None
    )


def connect(document: Document, table: Table | None, child: str, parent: str, slot: str | None) -> Change:
    """Wire an output to a slot; operands of one operator change places when one goes into the other's slot.

    Raises:
        ChangeError: with the reason, when it cannot go there.
    """
    own = document.parent_of(child)
    if own is not None and own[0] == parent and slot is not None and own[1] != slot:
        there = dict(document.nodes[parent].operands).get(slot)
        if there is not None:
            return swap(document, table, parent, own[1], slot)
    reason = check_connection(document, child, parent, slot, table)
    if reason is not None:
        raise ChangeError(reason)
    return Connect(child, parent, slot)


def swap(document: Document, table: Table | None, parent: str, first: str, second: str) -> Change:
    """Let two operands of an operator change places.

    Raises:
        ChangeError: with the reason, when they do not fit so.
    """
    change = SwapOperands(parent, first, second)
    reason = check_swap(document, change, table)
    if reason is not None:
        raise ChangeError(reason)
    return change


def displaced(document: Document, child: str, parent: str, slot: str | None) -> str | None:
    """The node that a wire into a slot would take out of it, to stand loose; None when it takes none out."""
    there = document.v if parent == V else dict(document.nodes[parent].operands).get(slot or "")
    return None if there == child or _sibling(document, child, parent) else there


def remove(document: Document, nodes: Iterable[str], loose: Iterable[str] = ()) -> Change | None:
    """Remove nodes and take others out of their slots, as one step.

    Args:
        document: the document.
        nodes: ids of the nodes that go.
        loose: ids of the nodes whose wire goes; they stay.

    Returns:
        The change, or None when there is nothing to do.
    """
    gone = dict.fromkeys(node for node in nodes if node in document.nodes)
    freed = [
        child
        for child in dict.fromkeys(loose)
        if child in document.nodes
        and child not in gone
        and (child == document.v or document.parent_of(child))
    ]
    # Wires first: the slots of a variadic operator close up when an operand is removed.
    changes: list[Change] = [Loosen(tuple(freed))] if freed else []
    if gone:
        changes.append(RemoveNodes(tuple(gone)))
    if not changes:
        return None
    if len(changes) == 1:
        return changes[0]
    what = [f"{len(gone)} node{'s' * (len(gone) > 1)}"] if gone else []
    if freed:
        what.append(f"{len(freed)} wire{'s' * (len(freed) > 1)}")
    return Batch(tuple(changes), label=f"Remove {' and '.join(what)}")


def dispatch(store: Store, change: Change, select: Sequence[str], *, fresh: bool = False) -> bool:
    """Apply a change and select nodes, such that every view hears of both at once.

    A node that is selected a moment after it was added would be drawn unselected first, and the browser drops
    the news of a selection that overtakes its node.

    Args:
        store: the session.
        change: what to apply.
        select: ids of the nodes that are selected afterwards.
        fresh: the nodes that come in are new, and no copies: they stand at values that show them.

    Returns:
        True when the change was applied.
    """
    built = None
    if fresh:
        with suppress(ChangeError):  # the store tells of it
            change, built = showing(store.document, store.table, change)
    with param.parameterized.batch_call_watchers(store):
        done = store.dispatch(change, built=built)
        if done:
            store.selection = tuple(select)
            if store.document.v is None and len(store.document.nodes) == 1:
                store.focus = next(iter(store.document.nodes))  # alone, it is what there is to look at
    return done


def accepts(declared: Declaration) -> bool:
    """Whether a structure has slots at all."""
    return declared.variadic or bool(declared.slots)
