"""The canvas: the document as a graph of cards, and every gesture on it as one change of the document.

The browser only ever *asks*. What it draws comes from `covstudio.studio.nodes`; after each structural gesture it is given the
document's own nodes and wires again, so a refused wire disappears and nothing can drift apart. Three rules follow from how
panel-reactflow works, and are kept here:

- nodes and wires are replaced only when the structure changed, never while a node is being dragged; values, names, shapes and
  problems travel in the cards;
- a move is answered by the position the document has now;
- the Delete key is ours, since the library would report the nodes and the wires as two events, and undo would need two steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import panel as pn
from panel.viewable import Viewable
from panel_reactflow import ReactFlow

from covstudio.covariance import catalogue
from covstudio.document.changes import Change, ChangeError, Disconnect, MoveNodes, Rename, ReplaceDocument
from covstudio.document.connection import check_connection
from covstudio.document.layout import HEIGHT, WIDTH, auto_layout
from covstudio.document.node import V
from covstudio.document.templates import templates
from covstudio.studio import wiring
from covstudio.studio.component import Component, Router
from covstudio.studio.nodes import (
    card,
    edge_payload,
    frames,
    node_types,
    problems_by_node,
    result_card,
    v_position,
    wires,
)
from covstudio.studio.palette import DRAG_TYPE
from covstudio.studio.resources import read_asset
from covstudio.studio.store import Store

MAX_ZOOM = 1.25
MIN_ZOOM = 0.2
MARGIN = 36
"""Pixels kept free around the model when it is fitted into the view."""
TOGETHER = 30
"""Milliseconds: the nodes of one drag are reported one by one, and make one step together."""


def surface_script() -> str:
    """The canvas's script as one module."""
    return "\n".join(read_asset(name) for name in ("dom.js", "cards.js", "menu.js", "canvas.js"))


class Surface(Component):
    """The layer over the graph: cards, toolbar, menus, the keyboard, and the page of an empty model."""

    _esm = surface_script()
    _stylesheets = [read_asset("theme.css"), read_asset("surface.css")]  # noqa: RUF012  Panel's own idiom


class CanvasView:
    """The canvas of one session.

    Args:
        store: the session.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._drawn: tuple[Any, Any] = ((), ())  # frames and wires the browser has
        self._at: dict[str, tuple[float, float]] = {}  # positions the browser has
        self._selected: set[str] = set()  # nodes selected in the browser
        self._moves: dict[str, tuple[float, float]] = {}
        self._dragging = False
        self._stale = False  # a replacement waits for the end of a drag
        self._revision = 0
        self._size: tuple[float, float] | None = None
        self._known: frozenset[str] = frozenset()
        self.surface = Surface(sizing_mode="stretch_both", margin=0)
        self.flow = ReactFlow(
            sizing_mode="stretch_both",
            margin=0,
            color_mode="dark" if store.dark else "light",
            node_types=node_types(store.document, catalogue()),
            stylesheets=[read_asset("theme.css"), read_asset("canvas.css")],
            editor_mode="side",
            default_node_editor=_no_editor,
            default_edge_editor=_no_editor,
            popup_trigger="none",
            drop_types=[DRAG_TYPE],
            connection_validation={"direction": True},
            enable_delete=False,
            show_minimap=True,
            min_zoom=MIN_ZOOM,
            max_zoom=MAX_ZOOM,
            top_panel=[self.surface],
        )
        self.flow.add_connection_validator(self._refusal)
        for event, handler in {
            "drop": self._on_drop,
            "edge_added": self._on_edge_added,
            "node_moved": self._on_node_moved,
            "selection_changed": self._on_selection_changed,
        }.items():
            self.flow.on(event, handler)
        self.surface.on_msg(
            Router(
                store,
                {
                    "size": self._on_size,
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
            )
        )
        store.param.watch(self._on_version, ["version", "settled", "faults"])
        store.param.watch(self._on_store_selection, "selection")
        store.param.watch(self._on_focus_changed, "focus")
        store.param.watch(self._on_dark, "dark")
        self._draw()

    def panel(self) -> Viewable:
        """The canvas as a Panel component that fills its container."""
        return self.flow

    # --- what other parts may ask for ---------------------------------------------------------------------------------

    def fit(self) -> None:
        """Bring the whole model into view."""
        if self._size is None:
            return
        width, height = self._size
        boxes = [(*self._at[frame.id], WIDTH, frame.height) for frame in frames(self.store.document)]
        left, top, across, down = wiring.bounds(boxes)
        if not self.store.document.nodes:
            # V alone stands on the right, with room for what will lead to it.
            self.flow.viewport = {
                "x": width - WIDTH - 2 * MARGIN - left,
                "y": height / 2 - HEIGHT / 2 - top,
                "zoom": 1.0,
            }
            return
        margin = min(MARGIN, width / 16, height / 16)
        zoom = min(1.0, (width - 2 * margin) / across, (height - 2 * margin) / down)
        zoom = max(zoom, MIN_ZOOM)
        self.flow.viewport = {
            "x": (width - across * zoom) / 2 - left * zoom,
            "y": (height - down * zoom) / 2 - top * zoom,
            "zoom": zoom,
        }

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
            copied = wiring.duplicate(self.store.document, self.store.selection if nodes is None else nodes)
        except ChangeError as error:
            self.store.notify(str(error), "error")
            return
        if copied is not None and self._dispatch(copied[0]):
            self.store.selection = copied[1]

    def targets(self, child: str) -> tuple[wiring.Target, ...]:
        """Every slot a node may be wired into, those that fit first: for menus, and for people who use the keyboard."""
        return wiring.targets(self.store.document, self.store.table, child)

    # --- drawing --------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Bring the browser to the document: replace the graph if its structure changed, else move what moved."""
        document = self.store.document
        structure = (frames(document), wires(document))
        positions = {node.id: (node.x, node.y) for node in document.nodes.values()}
        positions[V] = v_position(document, self._at.get(V) if document.nodes else None)
        if structure != self._drawn:
            if self._dragging:
                self._stale = True
            else:
                self._replace(structure, positions)
        else:
            for node_id, place in positions.items():
                if place != self._at.get(node_id):
                    self._place(node_id, place)
        self._show()

    def _replace(self, structure: tuple[Any, Any], positions: dict[str, tuple[float, float]]) -> None:
        self._revision += 1
        self._stale = False
        chosen = set(self.store.selection) | (self._selected & {V})
        fresh = not self._known & self.store.document.nodes.keys() and bool(self.store.document.nodes)
        self._known = frozenset(self.store.document.nodes)
        self._drawn, self._at = structure, positions
        self._selected &= positions.keys()
        self.flow.param.update(
            node_types=node_types(self.store.document, catalogue()),
            nodes=[frame.payload(positions[frame.id], frame.id in chosen) for frame in structure[0]],
            edges=[edge_payload(wire, self._revision) for wire in structure[1]],
        )
        if fresh and len(self.store.document.nodes) > 1:
            self.fit()

    def _place(self, node_id: str, place: tuple[float, float]) -> None:
        self._at[node_id] = place
        self.flow.patch_node_props(node_id, {"position": {"x": place[0], "y": place[1]}})

    def _again(self) -> None:
        """Give the browser the document's own wires, whatever it drew by itself."""
        self._drawn = ((), ())
        self._draw()

    def _show(self) -> None:
        store = self.store
        problems = problems_by_node(store.problems)
        cards = {node.id: card(store, node, problems) for node in store.document.nodes.values()}
        cards[V] = result_card(store, problems)
        self.surface.show(
            {
                "cards": cards,
                "focus": store.focus,
                "wires": {wire.id: self._wire_label(wire) for wire in wires(store.document)},
                "empty": not store.document.nodes,
                "templates": [
                    {"name": template.name, "title": template.title, "description": template.description}
                    for template in templates()
                ],
            }
        )

    def _wire_label(self, wire: Any) -> str:
        nodes = self.store.document.nodes
        parent = "V" if wire.parent == V else nodes[wire.parent].name
        return f"Wire from {nodes[wire.child].name} into {parent}"

    def _on_version(self, *_: Any) -> None:
        self._draw()

    def _on_size(self, message: Mapping[str, Any]) -> None:
        first = self._size is None
        self._size = (float(message["width"]), float(message["height"]))
        if first:
            self.fit()

    def _on_focus_changed(self, *_: Any) -> None:
        self._show()

    def _on_dark(self, *_: Any) -> None:
        self.flow.color_mode = "dark" if self.store.dark else "light"

    # --- selection ------------------------------------------------------------------------------------------------------

    def _on_selection_changed(self, message: Mapping[str, Any]) -> None:
        self._selected = set(message.get("nodes") or ())
        chosen = tuple(node for node in message.get("nodes") or () if node in self.store.document.nodes)
        if set(chosen) != set(self.store.selection):
            self.store.selection = chosen

    def _on_store_selection(self, *_: Any) -> None:
        wanted = set(self.store.selection)
        for node_id in (wanted ^ self._selected) - (set() if wanted else {V}):
            if node_id in self._at:
                self.flow.patch_node_props(node_id, {"selected": node_id in wanted})
        self._selected = wanted | (self._selected & {V} if not wanted else set())

    def _on_select(self, message: Mapping[str, Any]) -> None:
        self.store.selection = tuple(self.store.document.nodes) if message.get("all") else ()

    # --- moving ---------------------------------------------------------------------------------------------------------

    def _on_node_moved(self, message: Mapping[str, Any]) -> None:
        node_id, position = message["node_id"], message["position"]
        self._moves[node_id] = (round(position["x"]), round(position["y"]))
        document = pn.state.curdoc
        if document is None or document.session_context is None:
            self._flush()
        elif len(self._moves) == 1:
            # With the keyboard every press is a move; a run of them is one step.
            key = None if self._dragging else "nudge:" + ",".join(sorted(self.store.selection))
            document.add_timeout_callback(lambda: self._flush(key), TOGETHER)

    def _flush(self, merge_key: str | None = None) -> None:
        moved = {node: place for node, place in self._moves.items() if node in self.store.document.nodes}
        self._moves = {}
        if not moved:
            return
        self._at |= moved
        self.store.dispatch(MoveNodes(moved, merge_key=merge_key))
        for node_id in moved:
            if node_id in self.store.document.nodes:
                node = self.store.document.nodes[node_id]
                self._place(node_id, (node.x, node.y))

    def _on_nudge(self, message: Mapping[str, Any]) -> None:
        dx, dy = float(message["x"]), float(message["y"])
        nodes = self.store.document.nodes
        places = {i: (nodes[i].x + dx, nodes[i].y + dy) for i in self.store.selection if i in nodes}
        if places:
            self._dispatch(MoveNodes(places, merge_key="nudge:" + ",".join(sorted(places))))

    def _on_dragging(self, message: Mapping[str, Any]) -> None:
        self._dragging = bool(message.get("on"))
        if not self._dragging and self._stale:
            self._flush()
            self._draw()

    def _after_moves(self, step: Any) -> None:
        self._flush()
        step()

    def _dispatch(self, change: Change) -> bool:
        self._flush()
        return self.store.dispatch(change)

    # --- wiring ---------------------------------------------------------------------------------------------------------

    def _refusal(self, connection: Mapping[str, Any]) -> str | None:
        return check_connection(
            self.store.document,
            connection["source"],
            connection["target"],
            None if connection["target"] == V else connection.get("targetHandle"),
            self.store.table,
        )

    def _on_edge_added(self, message: Mapping[str, Any]) -> None:
        edge = message["edge"]
        self._connect(edge.get("source"), edge.get("target"), edge.get("targetHandle"))
        self._again()

    def _connect(self, child: Any, parent: Any, slot: Any) -> None:
        self._flush()
        try:
            change = wiring.connect(
                self.store.document, self.store.table, child, parent, None if parent == V else slot
            )
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
                {"parent": target.parent, "slot": target.slot, "label": target.label, "reason": target.reason}
                for target in self.targets(node_id)
            ],
        )

    # --- adding, removing, naming ---------------------------------------------------------------------------------------

    def _on_drop(self, message: Mapping[str, Any]) -> None:
        data, position = message.get("data"), message.get("position") or {}
        kind = str(data.get("kind")) if isinstance(data, Mapping) else ""
        at = (float(position.get("x", 0.0)), float(position.get("y", 0.0)))
        self._flush()
        store = self.store
        try:
            addition = wiring.add(
                store.document, store.table, kind, at, self._drop_target(message.get("target"))
            )
        except ChangeError as error:
            store.notify(str(error), "error")
            return
        if store.dispatch(addition.change):
            if addition.refused is not None:
                store.notify(f"Added without a wire: {addition.refused}", "warning")
            store.selection = (addition.id,)

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
        only = message.get("id")
        nodes: Iterable[str] = self.store.selection if only is None else (str(only),)
        edges = () if only is not None else self.flow.selection.get("edges", ())
        change = wiring.remove(self.store.document, nodes, (str(edge).split("->")[0] for edge in edges))
        if change is not None:
            self.store.dispatch(change)

    def _on_duplicate(self, message: Mapping[str, Any]) -> None:
        self.duplicate((str(message["id"]),) if "id" in message else None)

    def _on_rename(self, message: Mapping[str, Any]) -> None:
        if not self._dispatch(Rename(str(message.get("id")), str(message.get("name")))):
            self._show()

    def _on_focus(self, message: Mapping[str, Any]) -> None:
        node_id = str(message.get("id"))
        if node_id == V or node_id in self.store.document.nodes:
            self.store.focus = node_id

    def _on_template(self, message: Mapping[str, Any]) -> None:
        chosen = next((template for template in templates() if template.name == message.get("name")), None)
        if chosen is not None:
            self._dispatch(
                ReplaceDocument(chosen.document(self.store.table), label=f"Start from {chosen.title}")
            )


def _no_editor(*_: Any, **__: Any) -> Viewable:
    """The inspector edits; panel-reactflow's own form stays empty."""
    return pn.Spacer(width=0, height=0)
