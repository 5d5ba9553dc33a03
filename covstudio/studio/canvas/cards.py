"""The cards of the canvas, and the wires between them. Nothing here knows a browser."""

from __future__ import annotations

from collections.abc import Iterable

from covstudio.covariance import Declaration, declaration
from covstudio.covariance.core.letters import parameter_label
from covstudio.document.build.built import Problem
from covstudio.document.changes.auto_layout import GAP_X, HEIGHT, WIDTH, node_height
from covstudio.document.model.arguments import document_default
from covstudio.document.model.document import Document
from covstudio.document.model.node import Auto, Columns, Levels, Node, Rows, V, Values
from covstudio.studio.canvas.messages import CanvasWire, Card, CardLine, CardSlot
from covstudio.studio.inspector.problems import model_problem
from covstudio.studio.session.shared import ShownProblem
from covstudio.studio.session.store import Store
from covstudio.studio.session.texts import shape_text

#: Parameters that have room on a card.
SHOWN = 3
#: Pixels that have to stay free between two cards, for the wire between them.
BETWEEN = 20


def v_position(document: Document, before: tuple[float, float] | None = None) -> tuple[float, float]:
    """Where the V node stands: right of the node that is V, level with it.

    Args:
        document: the document.
        before: where V stood, which is where it stays while nothing is connected to it and no card comes to
            lie over it.
    """
    if document.v is not None:
        root = document.nodes[document.v]
        return root.x + WIDTH + GAP_X, root.y + (node_height(root) - HEIGHT) / 2
    if before is not None and not any(_meets(node, before) for node in document.nodes.values()):
        return before
    if not document.nodes:
        return 0.0, 0.0
    nodes = list(document.nodes.values())
    return max(node.x for node in nodes) + WIDTH + GAP_X, sum(node.y for node in nodes) / len(nodes)


def _meets(node: Node, place: tuple[float, float]) -> bool:
    """Whether a card at a place would lie over a node's, or so near that no wire is seen between them."""
    x, y = place
    return abs(node.x - x) < WIDTH + BETWEEN and node.y - HEIGHT < y < node.y + node_height(node)


def wires(document: Document) -> tuple[CanvasWire, ...]:
    """Every connection of the document, V's last."""
    found = [
        _wire(document, child, node.id, slot)
        for node in document.nodes.values()
        for slot, child in node.operands
        if child is not None
    ]
    if document.v is not None:
        found.append(_wire(document, document.v, V, V))
    return tuple(found)


def _wire(document: Document, child: str, parent: str, slot: str) -> CanvasWire:
    """A wire, whose id is unique, since a node is the operand of one other at most."""
    name = V if parent == V else document.nodes[parent].name
    return CanvasWire(
        id=f"{child}->{parent}",
        child=child,
        parent=parent,
        slot=slot,
        label=f"Wire from {document.nodes[child].name} into {name}",
    )


def problems_by_node(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    """Node id -> what is wrong with it or missing, errors first.

    Problems of the whole model stand under "V".
    """
    found: dict[str, list[Problem]] = {}
    for problem in sorted(problems, key=lambda problem: problem.severity != "error"):
        found.setdefault(problem.node_id, []).append(problem)
    return found


def card(store: Store, node: Node, problems: list[Problem]) -> Card:
    """Everything written on a node's card.

    Args:
        store: the session.
        node: a node of its document.
        problems: what is wrong with it, worst first.
    """
    declared = declaration(node.kind)
    shape = store.build.sizes.get(node.id)
    lines = [*_columns(declared, node), *parameter_lines(store, node.id)]
    total = len(lines) + max(0, len(store.node_parameters(node.id)) - SHOWN)
    matrix = store.build.matrices.get(node.id)
    if node.operands and matrix is not None:
        lines.append(CardLine(label="parameters", value=matrix.num_free_params))
        total += 1
    label = f"{node.name}, {declared.title}, {shape_text(shape)}"
    return Card(
        role=declared.kind,
        height=node_height(node),
        name=node.name,
        symbol=declared.symbol,
        title=declared.title if node.name != declared.title else "",
        shape=shape_text(shape),
        hint=_size_hint(declared, node),
        lines=lines[:SHOWN] if total <= SHOWN else lines[: SHOWN - 1],
        more=0 if total <= SHOWN else total - SHOWN + 1,
        problem=_trouble(problems),
        problems=[model_problem(store, problem) for problem in problems],
        slots=_slots(declared, node),
        tile=f"node:{node.id}",
        ready=matrix is not None,
        empty="",
        label=_with_trouble(label, problems),
    )


def result_card(store: Store, problems: list[Problem]) -> Card:
    """Everything written on the card of V."""
    document, build = store.document, store.build
    shape = None if document.v is None else build.sizes.get(document.v)
    free = sum(not ref.fixed for ref in build.parameters)
    fixed = len(build.parameters) - free
    lines = []
    if build.v is not None:
        lines.append(CardLine(label="parameters", value=free))
        if fixed:
            lines.append(CardLine(label="fixed", value=fixed))
    if document.response:
        lines.append(CardLine(label="y", text=document.response))
    trouble = problems if document.nodes else []
    label = "V, the covariance of the response"
    if document.v is None:
        label += ", nothing wired in yet"
    else:
        label += f", {shape_text(shape)}, {free} parameter{'' if free == 1 else 's'}"
    return Card(
        role="result",
        height=float(HEIGHT),
        name=V,
        symbol="Var(y)",
        title="",
        shape=shape_text(shape),
        hint="",
        lines=lines,
        more=0,
        problem=_trouble(trouble),
        problems=[model_problem(store, problem) for problem in trouble],
        slots=[CardSlot(name=V, about="V: the covariance of the response", mark="", free=document.v is None)],
        tile=V,
        ready=build.v is not None,
        empty="Wire a matrix in here" if document.v is None else "",
        label=_with_trouble(label, trouble),
    )


def parameter_lines(store: Store, node_id: str) -> list[CardLine]:
    """The first of the node's own parameters, as many as a card has room for, with their natural values."""
    return [
        CardLine(label=parameter_label(ref.name), value=ref.natural, fixed=ref.fixed)
        for ref in store.node_parameters(node_id)[:SHOWN]
    ]


def _trouble(problems: list[Problem]) -> ShownProblem | None:
    if not problems:
        return None
    text = problems[0].message
    if len(problems) > 1:
        text = f"{text} (and {len(problems) - 1} more)"
    return ShownProblem(text=text, severity=problems[0].severity)


def _with_trouble(label: str, problems: list[Problem]) -> str:
    if not problems:
        return label
    return f"{label}. {'Problem' if problems[0].severity == 'error' else 'To do'}: {problems[0].message}"


def _slots(declared: Declaration, node: Node) -> list[CardSlot]:
    if declared.variadic:
        return [
            CardSlot(
                name=slot,
                about="free slot" if child is None else f"operand {slot}",
                mark="+" if child is None else "",
                free=child is None,
            )
            for slot, child in node.operands
        ]
    about = {slot.name: slot.label for slot in declared.slots}
    return [
        CardSlot(name=slot, about=f"{slot}: {about[slot]}", mark=slot, free=child is None)
        for slot, child in node.operands
    ]


def _columns(declared: Declaration, node: Node) -> list[CardLine]:
    lines = []
    for argument in declared.arguments:
        if argument.kind not in ("factors", "coordinates"):
            continue
        value = node.arguments.get(argument.name, document_default(declared, argument))
        if isinstance(value, Columns):
            joined = ", " if argument.kind == "coordinates" else " × "
            text = joined.join(value.names) or "choose columns"
        elif isinstance(value, Values):
            text = f"{len(value.columns[0]) if value.columns else 0} values"
            text += f" × {len(value.columns)}" if len(value.columns) > 1 else ""
        else:
            continue
        lines.append(CardLine(label="", text=text))
    return lines


def _size_hint(declared: Declaration, node: Node) -> str:
    for argument in declared.arguments:
        if argument.kind == "size":
            value = node.arguments.get(argument.name, document_default(declared, argument))
            if isinstance(value, Auto):
                return "auto"
            if isinstance(value, Rows):
                return "rows"
            if isinstance(value, Levels):
                return " × ".join(value.columns)
            return ""
    return ""
