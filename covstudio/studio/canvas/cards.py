"""The cards of the canvas, computed from the document: nodes, wires, and what stands on each.

Nothing here knows a browser. `frames` and `wires` give what makes panel-reactflow draw the graph anew,
`card` what can change on a node without that (its name, values, shape, problem).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from covstudio.covariance import Declaration, declaration
from covstudio.document.build.build import Problem
from covstudio.document.changes.auto_layout import GAP_X, HEIGHT, WIDTH, node_height
from covstudio.document.model.arguments import document_default
from covstudio.document.model.document import Document
from covstudio.document.model.node import Auto, Columns, Levels, Node, Rows, V, Values
from covstudio.studio.session.store import Store
from covstudio.studio.session.texts import parameter_label, shape_text

OUTPUT = "out"
#: Pixels a handle is wide and high in `canvas.css`.
HANDLE = 12
#: Pixels of a node's border there.
BORDER = 1
#: Parameters that have room on a card.
SHOWN = 3


def v_position(document: Document, before: tuple[float, float] | None = None) -> tuple[float, float]:
    """Where the V node stands: right of the node that is V, level with it.

    Args:
        document: the document.
        before: where V stood, which is where it stays while nothing is connected to it.
    """
    if document.v is not None:
        root = document.nodes[document.v]
        return root.x + WIDTH + GAP_X, root.y + (node_height(root) - HEIGHT) / 2
    if before is not None:
        return before
    if not document.nodes:
        return 0.0, 0.0
    nodes = list(document.nodes.values())
    return max(node.x for node in nodes) + WIDTH + GAP_X, sum(node.y for node in nodes) / len(nodes)


# --- structure: what panel-reactflow draws -------------------------------------------------------------


@dataclass(frozen=True)
class Wire:
    """One connection: an operand in its slot, or the node that is V."""

    child: str
    parent: str
    slot: str

    @property
    def id(self) -> str:
        """Unique, since a node is the operand of one other at most."""
        return f"{self.child}->{self.parent}"


def wires(document: Document) -> tuple[Wire, ...]:
    """Every connection of the document, V's last."""
    found = [
        Wire(child, node.id, slot)
        for node in document.nodes.values()
        for slot, child in node.operands
        if child is not None
    ]
    if document.v is not None:
        found.append(Wire(document.v, V, V))
    return tuple(found)


def node_type(node: Node) -> str:
    """The name of the node's type on the canvas: nodes with the same handles share one."""
    declared = declaration(node.kind)
    if not node.operands:
        return "matrix"
    return f"variadic:{len(node.operands)}" if declared.variadic else f"operator:{declared.name}"


def node_types(document: Document, catalogue: Iterable[Declaration]) -> dict[str, dict[str, Any]]:
    """Handles of every type of node that is, or may come, onto the canvas.

    A type that stays equal keeps its nodes mounted, so variadic operators have one type for each number of
    slots.
    """
    output = [{"id": OUTPUT, "label": "output"}]
    types = {
        "matrix": _type("matrix", [], output),
        "result": _type("result", [{"id": V, "label": "V: the covariance of the response"}], []),
    }
    for declared in catalogue:
        if declared.slots:
            inputs = [{"id": slot.name, "label": f"{slot.name}: {slot.label}"} for slot in declared.slots]
            types[f"operator:{declared.name}"] = _type(f"operator:{declared.name}", inputs, output)
    counts = {len(node.operands) for node in document.nodes.values() if declaration(node.kind).variadic}
    for count in sorted(counts | {1, 2, 3, 4}):
        inputs = [{"id": str(i), "label": f"operand {i}"} for i in range(1, count)]
        inputs.append({"id": str(count), "label": "free slot"})
        types[f"variadic:{count}"] = _type(f"variadic:{count}", inputs, output)
    return types


def _type(name: str, inputs: list[dict[str, str]], outputs: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "type": name,
        "label": "",
        "inputs": inputs,
        "outputs": outputs,
        # A wire is drawn from an output to a slot or back from a slot to an output.
        "inputConnectableStart": True,
        "outputConnectableEnd": True,
    }


@dataclass(frozen=True)
class Frame:
    """One node as the graph needs it: while frames and wires stay equal, the graph is not replaced."""

    id: str
    type: str
    role: str
    height: float
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def payload(self, position: tuple[float, float], selected: bool) -> dict[str, Any]:
        """The node dictionary that panel-reactflow takes."""
        return {
            "id": self.id,
            "type": self.type,
            "position": {"x": position[0], "y": position[1]},
            "data": {},
            "label": "",
            "className": f"cs-node cs-node--{self.role}",
            "selected": selected,
            "draggable": self.role != "result",
            "deletable": False,  # the Delete key is an intent of ours: one key, one undo step
            "style": {"width": WIDTH, "height": self.height},
            # Said, not left to be measured: with each replacement the library forgets what it has measured,
            # and would draw no wire until it has measured all nodes again.
            "measured": {"width": WIDTH, "height": self.height},
            "handles": [
                *self._handles("target", self.inputs),
                *self._handles("source", self.outputs),
            ],
        }

    def _handles(self, kind: Literal["source", "target"], names: tuple[str, ...]) -> list[dict[str, Any]]:
        """Where one side's handles are drawn: spread evenly, their middles on the inside of the border."""
        left = kind == "target"
        across = BORDER if left else WIDTH - BORDER
        step = (self.height - 2 * BORDER) / (len(names) + 1)
        return [
            {
                "id": name,
                "type": kind,
                "position": "left" if left else "right",
                "x": across - HANDLE / 2,
                "y": BORDER + count * step - HANDLE / 2,
                "width": HANDLE,
                "height": HANDLE,
            }
            for count, name in enumerate(names, 1)
        ]


def frames(document: Document) -> tuple[Frame, ...]:
    """Every node of the document, and V at the end."""
    found = [
        Frame(
            node.id,
            node_type(node),
            declaration(node.kind).kind,
            node_height(node),
            inputs=tuple(slot for slot, _ in node.operands),
            outputs=(OUTPUT,),
        )
        for node in document.nodes.values()
    ]
    return (*found, Frame(V, "result", "result", HEIGHT, inputs=(V,), outputs=()))


def edge_payload(wire: Wire, revision: int) -> dict[str, Any]:
    """The edge dictionary that panel-reactflow takes.

    Args:
        wire: the connection.
        revision: changes whenever the browser may hold a wire that the document refused; a list that equals
            the last one sent would otherwise be taken for drawn already.
    """
    return {
        "id": wire.id,
        "source": wire.child,
        "target": wire.parent,
        "sourceHandle": OUTPUT,
        "targetHandle": wire.slot,
        "type": "smoothstep",
        "pathOptions": {"borderRadius": 10, "offset": 12},
        "data": {"revision": revision},
    }


# --- cards: what changes without replacing anything ----------------------------------------------------


def problems_by_node(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    """Node id -> what is wrong with it or missing, errors first.

    Problems of the whole model stand under "V".
    """
    found: dict[str, list[Problem]] = {}
    for problem in sorted(problems, key=lambda problem: problem.severity != "error"):
        found.setdefault(problem.node_id, []).append(problem)
    return found


def card(store: Store, node: Node, problems: list[Problem]) -> dict[str, Any]:
    """Everything written on a node's card.

    Args:
        store: the session.
        node: a node of its document.
        problems: what is wrong with it, worst first.
    """
    declared = declaration(node.kind)
    shape = store.build.sizes.get(node.id)
    lines = [*_columns(declared, node), *parameter_lines(store, node.id)]
    matrix = store.build.matrices.get(node.id)
    if node.operands and matrix is not None:
        lines.append({"label": "parameters", "value": matrix.num_free_params, "fixed": False})
    hint = _size_hint(declared, node)
    label = f"{node.name}, {declared.title}, {shape_text(shape)}"
    return {
        "role": declared.kind,
        "name": node.name,
        "symbol": declared.symbol,
        "title": declared.title if node.name != declared.title else "",
        "shape": shape_text(shape),
        "hint": hint,
        "lines": lines[:SHOWN] if len(lines) <= SHOWN else lines[: SHOWN - 1],
        "more": 0 if len(lines) <= SHOWN else len(lines) - SHOWN + 1,
        "problem": _trouble(problems),
        "slots": _slot_marks(declared, node),
        "tile": f"node:{node.id}",
        "ready": matrix is not None,
        "label": _with_trouble(label, problems),
    }


def result_card(store: Store, problems: list[Problem]) -> dict[str, Any]:
    """Everything written on the card of V."""
    document, build = store.document, store.build
    shape = None if document.v is None else build.sizes.get(document.v)
    free = sum(not ref.fixed for ref in build.parameters)
    fixed = len(build.parameters) - free
    lines = []
    if build.v is not None:
        lines.append({"label": "parameters", "value": free, "fixed": False})
        if fixed:
            lines.append({"label": "fixed", "value": fixed, "fixed": False})
    if document.response:
        lines.append({"label": "response", "text": document.response, "fixed": False})
    trouble = problems if document.nodes else []
    label = "V, the covariance of the response"
    if document.v is None:
        label += ", nothing wired in yet"
    else:
        label += f", {shape_text(shape)}, {free} parameter{'' if free == 1 else 's'}"
    return {
        "role": "result",
        "name": "V",
        "symbol": "Var(y)",
        "title": "",
        "shape": shape_text(shape),
        "hint": "",
        "lines": lines,
        "more": 0,
        "problem": _trouble(trouble),
        "slots": [],
        "tile": V,
        "ready": build.v is not None,
        "empty": "Wire a matrix in here" if document.v is None else "",
        "label": _with_trouble(label, trouble),
    }


def parameter_lines(store: Store, node_id: str) -> list[dict[str, Any]]:
    """The node's own parameters with their present natural values."""
    return [
        {"label": parameter_label(ref.name), "value": ref.natural, "fixed": ref.fixed}
        for ref in store.node_parameters(node_id)
    ]


def _trouble(problems: list[Problem]) -> dict[str, str] | None:
    if not problems:
        return None
    text = problems[0].message
    if len(problems) > 1:
        text = f"{text} (and {len(problems) - 1} more)"
    return {"text": text, "level": problems[0].severity}


def _with_trouble(label: str, problems: list[Problem]) -> str:
    if not problems:
        return label
    return f"{label}. {'Problem' if problems[0].severity == 'error' else 'To do'}: {problems[0].message}"


def _slot_marks(declared: Declaration, node: Node) -> list[dict[str, Any]]:
    spacing = 100 / (len(node.operands) + 1)
    return [
        {
            "text": ("+" if child is None else "") if declared.variadic else slot,
            "free": child is None,
            "top": round(index * spacing, 3),
        }
        for index, (slot, child) in enumerate(node.operands, 1)
    ]


def _columns(declared: Declaration, node: Node) -> list[dict[str, Any]]:
    lines = []
    for argument in declared.arguments:
        if argument.kind not in ("factors", "coordinates"):
            continue
        value = node.arguments.get(argument.name, document_default(declared, argument))
        if isinstance(value, Columns):
            joined = ", " if argument.kind == "coordinates" else " ⋈ "
            text = joined.join(value.names) or "choose columns"
        elif isinstance(value, Values):
            text = f"{len(value.columns[0]) if value.columns else 0} values"
            text += f" × {len(value.columns)}" if len(value.columns) > 1 else ""
        else:
            continue
        lines.append({"label": "", "text": text, "fixed": False})
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
                return " ⋈ ".join(value.columns)
            return ""
    return ""
