"""The canvas: the document as a graph of cards, and every gesture on it as one change of the document.

The browser only ever *asks*. A wire drawn, a card dropped, a key pressed arrives here as a message, becomes
a change and goes to the store; what is drawn then comes from the document (`graph.py` for nodes and wires,
`cards.py` for what is written on the cards).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from panel.viewable import Viewable

from covstudio.document.build.build import Build, Problem
from covstudio.document.build.connection import check_connection
from covstudio.document.changes.all import Change, ChangeError, Disconnect, MoveNodes, Rename
from covstudio.document.changes.auto_layout import auto_layout
from covstudio.document.files.templates import TEMPLATES
from covstudio.document.model.node import Node, V
from covstudio.studio.canvas import wiring
from covstudio.studio.canvas.cards import Wire, card, problems_by_node, result_card, wires
from covstudio.studio.canvas.graph import Graph
from covstudio.studio.session.component import Component, later
from covstudio.studio.session.offers import menu
from covstudio.studio.session.resources import read_asset
from covstudio.studio.session.router import Router
from covstudio.studio.session.store import Store

#: Milliseconds: the nodes of one drag are reported one by one, and make one step together.
TOGETHER = 30
#: Milliseconds without a move after which the browser is told where the nodes stand.
REST = 300


def surface_script() -> str:
    """The canvas's script as one module."""
    return "\n".join(read_asset(name) for name in ("dom.js", "cards.js", "menu.js", "canvas.js"))


class Surface(Component):
    """The layer over the graph: cards, tools, menus, the keyboard, and the page of an empty model."""

    _esm = surface_script()
    _stylesheets = [read_asset("theme.css"), read_asset("surface.css")]  # noqa: RUF012  Panel's own idiom


class CanvasView:
    """The canvas of one session.

    Args:
        store: the session.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.surface = Surface(sizing_mode="stretch_both", margin=0)
        self.graph = Graph(store, self.surface, self._refusal)
        self._moves: dict[str, wiring.Place] = {}
        self._unanswered: set[str] = set()
        self._reported = 0
        self._cards: dict[str, tuple[Node, Build, list[Problem], dict[str, Any]]] = {}
        Router(
            store,
            {
                "size": self._on_size,
                "touch": lambda _: self.graph.touched(),
                "dragging": self._on_dragging,
                "delete": self._on_delete,
                "duplicate": self._on_duplicate,
                "undo": lambda _: self._after_moves(store.undo),
                "redo": lambda _: self._after_moves(store.redo),
                "select": self._on_select,
                "nudge": self._on_nudge,
                "rename": self._on_rename,
                "tidy": lambda _: self.tidy(),
                "fit": lambda _: self.fit(),
                "focus": self._on_focus,
                "menu": self._on_menu,
                "wire": self._on_wire,
                "unwire": self._on_unwire,
                "template": self._on_template,
            },
        ).listen(self.surface)
        events = Router(
            store,
            {
                "drop": self._on_drop,
                "edge_added": self._on_edge_added,
                "node_moved": self._on_node_moved,
                "selection_changed": self._on_selection_changed,
            },
        )
        for kind in events.types:
            self.graph.flow.on(kind, events)
        store.param.watch(lambda *_: self._draw(), ["version", "faults"])
        store.param.watch(lambda *_: self._show(), "focus")
        store.param.watch(lambda *_: self.graph.select(), "selection")
        store.param.watch(lambda *_: self.graph.theme(), "dark")
        self._draw()

    def panel(self) -> Viewable:
        """The canvas as a Panel component that fills its container."""
        flow: Viewable = self.graph.flow
        return flow

    # --- what other parts may ask for ------------------------------------------------------------------

    def fit(self) -> None:
        """Bring the whole model into view."""
        self.graph.fit()

    def tidy(self) -> None:
        """Lay the model out from left to right, and bring it into view."""
        if self.store.document.nodes:
            self._dispatch(auto_layout(self.store.document))
        self.fit()

    def duplicate(self, nodes: Iterable[str] | None = None) -> None:
        """Copy nodes with everything below them and select the copies.

        Args:
            nodes: ids; the selected nodes when left out.
        """
        try:
            chosen = self.store.selection if nodes is None else nodes
            copied = wiring.duplicate(self.store.document, chosen)
        except ChangeError as error:
            self.store.notify(str(error), "error")
            return
        if copied is not None:
            self._flush()
            wiring.dispatch(self.store, *copied)

    def targets(self, child: str) -> tuple[wiring.Target, ...]:
        """Every slot a node may be wired into, those that fit first: for menus, and for the keyboard."""
        return wiring.targets(self.store.document, self.store.table, child)

    # --- drawing ---------------------------------------------------------------------------------------

    def _draw(self) -> None:
        self.graph.draw()
        self._show()

    def _show(self) -> None:
        store = self.store
        problems = problems_by_node(store.problems)
        cards = {
            node.id: self._card(node, problems.get(node.id, [])) for node in store.document.nodes.values()
        }
        self._cards = {node_id: self._cards[node_id] for node_id in cards}
        cards[V] = result_card(store, problems.get(V, []))
        self.surface.show(
            {
                "cards": cards,
                "focus": store.focus,
                "wires": {wire.id: self._wire_label(wire) for wire in wires(store.document)},
                "empty": not store.document.nodes,
                "templates": menu(TEMPLATES),
            }
        )

    def _card(self, node: Node, problems: list[Problem]) -> dict[str, Any]:
        """The card of a node, made again only if the node, the build or its problems changed."""
        known = self._cards.get(node.id)
        if known is None or known[0] is not node or known[1] is not self.store.build or known[2] != problems:
            known = (node, self.store.build, problems, card(self.store, node, problems))
            self._cards[node.id] = known
        return known[3]

    def _wire_label(self, wire: Wire) -> str:
        nodes = self.store.document.nodes
        parent = "V" if wire.parent == V else nodes[wire.parent].name
        return f"Wire from {nodes[wire.child].name} into {parent}"

    def _on_size(self, message: Mapping[str, Any]) -> None:
        self.graph.resize(float(message["width"]), float(message["height"]))

    # --- selection -------------------------------------------------------------------------------------

    def _on_selection_changed(self, message: Mapping[str, Any]) -> None:
        nodes = tuple(message.get("nodes") or ())
        if not self.graph.selected(frozenset(nodes)):
            return
        chosen = tuple(node for node in nodes if node in self.store.document.nodes)
        if set(chosen) != set(self.store.selection):
            self.store.selection = chosen

    def _chosen(self, message: Mapping[str, Any]) -> tuple[str, ...]:
        """The nodes that a key speaks of: what the person sees selected, which the store may learn later."""
        return tuple(map(str, message["nodes"])) if "nodes" in message else self.store.selection

    def _on_select(self, message: Mapping[str, Any]) -> None:
        self.store.selection = tuple(self.store.document.nodes) if message.get("all") else ()

    # --- moving ----------------------------------------------------------------------------------------

    def _on_node_moved(self, message: Mapping[str, Any]) -> None:
        position = message["position"]
        self._moves[message["node_id"]] = (float(position["x"]), float(position["y"]))
        self._reported += 1
        # With the keyboard every press is a move, and a run of them is one step.
        key = None if self.graph.dragging else "nudge:" + ",".join(sorted(self.store.selection))
        if len(self._moves) == 1:
            later(TOGETHER, lambda: self._flush(key))

    def _flush(self, merge_key: str | None = None) -> None:
        nodes = self.store.document.nodes
        moved = {node_id: place for node_id, place in self._moves.items() if node_id in nodes}
        self._moves = {}
        if not moved:
            return
        self.graph.moved(moved)
        whole = {node_id: (float(round(x)), float(round(y))) for node_id, (x, y) in moved.items()}
        self.store.dispatch(MoveNodes(whole, merge_key=merge_key))
        self.graph.draw()
        self._unanswered.update(moved)
        reported = self._reported
        later(REST, lambda: self._answer(reported))

    def _answer(self, reported: int) -> None:
        """Tell the browser where the moved nodes stand, once they rest, so that both sides agree.

        Said during a run of key presses, it would take the latest of them back.
        """
        if reported != self._reported or self.graph.dragging:
            return
        nodes = self.store.document.nodes
        for node_id in self._unanswered & nodes.keys():
            self.graph.place(node_id, (nodes[node_id].x, nodes[node_id].y))
        self._unanswered = set()

    def _on_nudge(self, message: Mapping[str, Any]) -> None:
        dx, dy = float(message["x"]), float(message["y"])
        nodes = self.store.document.nodes
        places = {i: (nodes[i].x + dx, nodes[i].y + dy) for i in self._chosen(message) if i in nodes}
        if places:
            self._dispatch(MoveNodes(places, merge_key="nudge:" + ",".join(sorted(places))))

    def _on_dragging(self, message: Mapping[str, Any]) -> None:
        self.graph.dragging = bool(message.get("on"))
        if not self.graph.dragging:
            self._flush()
            self.graph.draw()  # what had to wait

    def _after_moves(self, step: Callable[[], Any]) -> None:
        self._flush()
        step()

    def _dispatch(self, change: Change) -> bool:
        self._flush()
        return self.store.dispatch(change)

    # --- wiring ----------------------------------------------------------------------------------------

    def _refusal(self, connection: Mapping[str, Any]) -> str | None:
        parent = connection["target"]
        slot = None if parent == V else connection.get("targetHandle")
        return check_connection(self.store.document, connection["source"], parent, slot, self.store.table)

    def _on_edge_added(self, message: Mapping[str, Any]) -> None:
        edge = message["edge"]
        self.graph.forget()  # the browser holds a wire that the document does not have
        self._connect(edge.get("source"), edge.get("target"), edge.get("targetHandle"))
        self.graph.draw()

    def _connect(self, child: Any, parent: Any, slot: Any) -> None:
        self._flush()
        slot = None if parent == V else slot
        try:
            change = wiring.connect(self.store.document, self.store.table, child, parent, slot)
        except ChangeError as error:
            self.store.notify(str(error), "error")
            return
        self.store.dispatch(change)

    def _on_wire(self, message: Mapping[str, Any]) -> None:
        self._connect(message.get("child"), message.get("parent"), message.get("slot"))

    def _on_unwire(self, message: Mapping[str, Any]) -> None:
        self._dispatch(Disconnect(str(message.get("child"))))

    def _on_menu(self, message: Mapping[str, Any]) -> None:
        node_id = str(message.get("id"))
        document = self.store.document
        if node_id not in document.nodes:
            return
        self.surface.tell(
            "menu",
            id=node_id,
            name=document.nodes[node_id].name,
            connected=document.v == node_id or document.parent_of(node_id) is not None,
            targets=[
                {"parent": found.parent, "slot": found.slot, "label": found.label, "reason": found.reason}
                for found in self.targets(node_id)
            ],
        )

    # --- adding, removing, naming ----------------------------------------------------------------------

    def _on_drop(self, message: Mapping[str, Any]) -> None:
        data, position = message.get("data"), message.get("position") or {}
        kind = str(data.get("kind")) if isinstance(data, Mapping) else ""
        at = (float(position.get("x", 0.0)), float(position.get("y", 0.0)))
        self._flush()
        target = self._drop_target(message.get("target"))
        try:
            addition = wiring.add(self.store.document, self.store.table, kind, at, target)
        except ChangeError as error:
            self.store.notify(str(error), "error")
            return
        added = wiring.dispatch(self.store, addition.change, (addition.id,))
        if added and addition.refused is not None:
            self.store.notify(f"Added without a wire: {addition.refused}", "warning")

    def _drop_target(self, target: Any) -> tuple[str, str | None] | None:
        """Dropped on a slot: that one. On a card: its next free slot, if it has one."""
        if not isinstance(target, Mapping):
            return None
        node_id, handle = target.get("node_id"), target.get("handle_id")
        if node_id == V:
            return (V, None)
        node = self.store.document.nodes.get(str(node_id))
        if node is None or not node.operands:
            return None
        if target.get("direction") == "input" and handle in dict(node.operands):
            return (node.id, str(handle))
        return (node.id, node.free_slots[0]) if node.free_slots else None

    def _on_delete(self, message: Mapping[str, Any]) -> None:
        self._flush()
        if "id" in message:
            change = wiring.remove(self.store.document, (str(message["id"]),))
        else:
            shown = (str(wire).split("->")[0] for wire in message.get("wires", ()))
            change = wiring.remove(self.store.document, map(str, message.get("nodes", ())), shown)
        if change is not None:
            self.store.dispatch(change)

    def _on_duplicate(self, message: Mapping[str, Any]) -> None:
        self.duplicate((str(message["id"]),) if "id" in message else self._chosen(message))

    def _on_rename(self, message: Mapping[str, Any]) -> None:
        self._dispatch(Rename(str(message.get("id")), str(message.get("name"))))

    def _on_focus(self, message: Mapping[str, Any]) -> None:
        node_id = str(message.get("id"))
        if node_id == V or node_id in self.store.document.nodes:
            self.store.focus = node_id

    def _on_template(self, message: Mapping[str, Any]) -> None:
        template = TEMPLATES.find(message.get("name"))
        if template is not None:
            self._dispatch(template.start(self.store.table, self.store.document))
