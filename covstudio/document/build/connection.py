"""The check of a wire: whether a node fits into a slot, asked at every step while it is being dragged."""

from __future__ import annotations

from collections.abc import Sequence

from covstudio.covariance import Operator, ShapeError, declaration
from covstudio.data.errors import TableError
from covstudio.data.tables import Table
from covstudio.document.build.construct import combined, measure, resolve
from covstudio.document.build.limits import Unbuilt
from covstudio.document.build.relations import with_relations
from covstudio.document.build.spacing import spaced
from covstudio.document.build.table_facts import TableFacts, facts_of
from covstudio.document.build.used_columns import used_columns
from covstudio.document.changes.all import ChangeError, Connect, SwapOperands, refusal
from covstudio.document.model.document import Document
from covstudio.document.model.node import Levels, Node, V
from covstudio.document.sizes.infer import Shape, SizeOrigin, Sizes, infer_sizes, size_arguments


def check_connection(
    document: Document, child: str, parent: str, slot: str | None = None, table: Table | None = None
) -> str | None:
    """Why a node cannot go into a slot, or None when it can.

    Besides what `Connect` refuses (a circle, no such slot), shapes that contradict each other are refused,
    unless they did so before.

    Args:
        document: the document, before.
        child: id of the node.
        parent: id of the operator, or "V".
        slot: the slot, or None for the next free one.
        table: the data.

    Returns:
        A sentence with the reason and the fix, or None.
    """
    reason = refusal(document, child, parent, slot)
    if reason is not None:
        return reason
    try:
        after = Connect(child, parent, slot).apply(document)
    except ChangeError as error:
        return str(error)
    facts = facts_of(table).complete(used_columns(after)).facts
    document, after = _whole(document, facts), _whole(after, facts)
    root = after.root_of(child)
    before = {document.root_of(child), *(() if parent == V else (document.root_of(parent),))}
    fresh = _fresh(document, before, after, root, facts)
    return None if fresh is None else _explained(after, facts, root, child, parent) or fresh


def check_swap(document: Document, swap: SwapOperands, table: Table | None = None) -> str | None:
    """Why two operands of an operator cannot change places, or None when they can.

    Args:
        document: the document, before.
        swap: the change.
        table: the data.

    Returns:
        A sentence with the reason, or None. Shapes that contradict each other are refused, unless they did so
        before.
    """
    try:
        after = swap.apply(document)
    except ChangeError as error:
        return str(error)
    facts = facts_of(table).complete(used_columns(after)).facts
    document, after = _whole(document, facts), _whole(after, facts)
    root = after.root_of(swap.parent)
    return _fresh(document, {root}, after, root, facts)


def _whole(document: Document, facts: TableFacts) -> Document:
    """A document as it is built: with gaps filled, and second tables at hand."""
    return with_relations(spaced(document, facts).document, facts).document


def _fresh(document: Document, before: set[str], after: Document, root: str, facts: TableFacts) -> str | None:
    """The first contradiction below a root that was not there before, below those roots."""
    found = _contradictions(after, facts, (root,))
    if not found:
        return None
    known = _contradictions(document, facts, before)
    return next((text for node_id, text in found.items() if node_id not in known), None)


def _contradictions(document: Document, facts: TableFacts, roots: Sequence[str] | set[str]) -> dict[str, str]:
    """Node id -> what is contradictory about the shapes of its operands, in post-order."""
    sizes = _infer(document, facts, roots)
    shapes: dict[str, Shape | None] = {}
    wrong: dict[str, str] = {}
    for root in roots:
        for node_id in document.subtree(root):
            node = document.nodes[node_id]
            try:
                shapes[node_id] = _shape(document, node, facts, sizes, shapes)
            except ShapeError as error:
                shapes[node_id] = None
                wrong[node_id] = str(error)
    v = document.v
    shape = None if v is None else shapes.get(v)
    if v is not None and shape is not None:
        name = document.nodes[v].name
        if shape[0] != shape[1]:
            wrong[v] = f"V is square; {name} is {shape[0]} × {shape[1]}. Z G Zᵀ makes a square matrix of it."
        elif facts.rows is not None and shape[0] != facts.rows:
            wrong[v] = (
                f"V must be {facts.rows} × {facts.rows} to match the rows of the table; "
                f"{name} is {shape[0]} × {shape[1]}. Set sizes to auto, or choose columns of this table."
            )
    return wrong


def _infer(
    document: Document, facts: TableFacts, roots: Sequence[str] | set[str], ghost: str | None = None
) -> Sizes:
    def levels(size: Levels) -> int | None:
        try:
            return None if facts.table is None else facts.size(size)
        except TableError:
            return None

    return infer_sizes(
        document,
        measure=lambda node: _measured(node, facts),
        levels=levels,
        rows=facts.rows,
        roots=tuple(roots),
        ghost=ghost,
        combine=lambda node, shapes: combined(document, node, facts, shapes),
    )


def _measured(node: Node, facts: TableFacts) -> Shape | None:
    key = (node.kind, node.arguments)
    if key not in facts.shapes:
        facts.shapes[key] = measure(node, facts)
    return facts.shapes[key]


def _shape(
    document: Document, node: Node, facts: TableFacts, sizes: Sizes, shapes: dict[str, Shape | None]
) -> Shape | None:
    declared = declaration(node.kind)
    if not node.operands:
        names = size_arguments(declared)
        if not names:
            return _measured(node, facts)
        rows = sizes.origins[node.id, names[0]].value
        return rows, sizes.origins[node.id, names[1]].value if len(names) > 1 else rows
    try:
        arguments = resolve(node, facts, sizes.origins).keywords
    except Unbuilt:
        return None
    assert issubclass(declared.cls, Operator)
    named = document.operand_names(node.id)
    known = [shapes.get(child) if child is not None else None for _, child in node.operands]
    names_all = [named[child] if child is not None else slot for slot, child in node.operands]
    if declared.variadic:
        known, names_all = known[:-1], names_all[:-1]
    if not names_all:
        return None
    return declared.cls.shape_rule(known, names_all, **arguments)


def _explained(document: Document, facts: TableFacts, root: str, child: str, parent: str) -> str | None:
    """What shape the new neighbours want of a node, and how to give it; None when they leave it open."""
    sizes = _infer(document, facts, (root,), ghost=child)
    rows, columns = sizes.cells.get((child, 0)), sizes.cells.get((child, 1))
    own = _own_shape(document, facts, child)
    wanted = [
        side
        for side, has in ((rows, own and own[0]), (columns, own and own[1]))
        if side and side.value != has
    ]
    if own is None or not wanted:
        return None
    node = document.nodes[child]
    expected = " × ".join("?" if side is None else str(side.value) for side in (rows, columns))
    if rows is None:
        expected = f"have {wanted[0].value} columns"
    elif columns is None:
        expected = f"have {wanted[0].value} rows"
    else:
        expected = f"be {expected}"
    return (
        f"{_place(document, child, parent)} must {expected} to match {wanted[0].why}; {node.name} is "
        f"{own[0]} × {own[1]}. {_fix(node, own, rows, columns)}"
    )


def _own_shape(document: Document, facts: TableFacts, child: str) -> Shape | None:
    """The shape a node has by itself."""
    parent = document.parent_of(child)
    if parent is None:
        sizes = _infer(document, TableFacts(None) if document.v == child else facts, (child,))
    else:
        sizes = _infer(document, facts, (child,))
    shapes: dict[str, Shape | None] = {}
    for node_id in document.subtree(child):
        try:
            shapes[node_id] = _shape(document, document.nodes[node_id], facts, sizes, shapes)
        except ShapeError:
            return None
    return shapes[child]


def _place(document: Document, child: str, parent: str) -> str:
    if parent == V:
        return "V"
    declared = declaration(document.nodes[parent].kind)
    taken = document.parent_of(child)
    slot = "" if taken is None else taken[1]
    label = next((one.label for one in declared.slots if one.name == slot), None)
    return f"{declared.symbol}: {label}" if label else f"{declared.title}: an operand"


def _fix(node: Node, own: Shape, rows: SizeOrigin | None, columns: SizeOrigin | None) -> str:
    declared = declaration(node.kind)
    square = rows is not None and columns is not None and rows.value == columns.value
    if square and own[0] != own[1]:
        return "Z G Zᵀ makes a square matrix of it."
    if size_arguments(declared):
        side = rows or columns
        return "Set its size to auto." if side is None else f"Set its size to auto or {side.value}."
    if node.operands:
        return "Set the sizes below it to auto, or choose other columns there."
    return "Choose other columns."
