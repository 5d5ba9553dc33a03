"""The drawn graph: brings panel-reactflow to the document, and keeps it there.

Four rules follow from how the library works:

- nodes and wires are replaced only when the structure changed, and never while a node is being dragged;
  where a node stands travels as a patch, and what is written on it in its card;
- after each wire that the browser drew by itself it is given the document's own wires, so that a refused one
  disappears;
- a browser that is given two graphs in quick succession may go back to the first, and is then given the
  latest again;
- the view can be set only by computing it, since the library has no `fit_view` for Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import panel as pn
import panel_reactflow
import param
from panel.viewable import Viewable

from covstudio.covariance import catalogue
from covstudio.document.changes.auto_layout import HEIGHT, WIDTH
from covstudio.document.model.node import V
from covstudio.studio.canvas.cards import Frame, Wire, edge_payload, frames, node_types, v_position, wires
from covstudio.studio.canvas.wiring import Place, bounds
from covstudio.studio.session.component import later
from covstudio.studio.session.resources import read_asset
from covstudio.studio.session.store import Store

#: The MIME type of a palette entry under way; the canvas takes nothing else.
DRAG_TYPE = "application/x-covstudio-structure"
MAX_ZOOM = 1.25
MIN_ZOOM = 0.2
#: Pixels kept free around the model when it is fitted into the view.
MARGIN = 36


class ReactFlow(panel_reactflow.ReactFlow):
    """The library's component, under its name, by which its script finds itself.

    A wire that the browser drew is only told of: the document adds it, or does not.
    """

    def add_edge(self, edge: Any) -> None:
        """Tell of a wire that the browser drew."""
        self._emit("edge_added", {"type": "edge_added", "edge": edge})


Structure = tuple[tuple[Frame, ...], tuple[Wire, ...]]


class Graph:
    """The graph of one session as the browser has it.

    Args:
        store: the session.
        surface: the layer that lies over the graph.
        refusal: why a connection the browser asks about is not possible, or None.
    """

    def __init__(
        self, store: Store, surface: Viewable, refusal: Callable[[Mapping[str, Any]], str | None]
    ) -> None:
        self.store = store
        self.flow = ReactFlow(
            sizing_mode="stretch_both",
            margin=0,
            color_mode="dark" if store.dark else "light",
            node_types=node_types(store.document, catalogue()),
            stylesheets=[read_asset(name) for name in ("theme.css", "canvas.css", "cards.css")],
            editor_mode="side",
            default_node_editor=_no_editor,
            default_edge_editor=_no_editor,
            popup_trigger="none",
            drop_types=[DRAG_TYPE],
            connection_validation={"direction": True},
            enable_delete=False,  # the Delete key is ours: one key, one change, one undo step
            show_minimap=True,
            min_zoom=MIN_ZOOM,
            max_zoom=MAX_ZOOM,
            top_panel=[surface],
        )
        self.flow.add_connection_validator(refusal)
        self.dragging = False
        """Whether a node is under the pointer: nothing is replaced then."""
        self._structure: Structure | None = None
        self._places: dict[str, Place] = {}
        self._selected: frozenset[str] = frozenset()
        self._answering = False
        self._known: frozenset[str] = frozenset()
        self._size: Place | None = None
        self._giving = False
        self._views = 0
        self._given: tuple[dict[str, float], ...] = ()
        self.flow.param.watch(self._on_view, "viewport")
        self.flow.param.watch(self._on_given, ["nodes", "edges", "node_types", "color_mode"])
        self._revision = 0

    # --- nodes and wires -------------------------------------------------------------------------------

    def draw(self) -> None:
        """Replace the graph if its structure changed, else move what moved."""
        document = self.store.document
        structure = (frames(document), wires(document))
        places = {node.id: (node.x, node.y) for node in document.nodes.values()}
        places[V] = v_position(document, self._places.get(V) if document.nodes else None)
        if structure == self._structure:
            for node_id, place in places.items():
                if place != self._places.get(node_id):
                    self.place(node_id, place)
        elif not self.dragging:
            self._replace(structure, places)

    def forget(self) -> None:
        """Note that the browser may show something else than it was given: `draw` then gives it all again."""
        self._structure = None

    def _give(self, **content: Any) -> None:
        """Have the browser draw this."""
        self._giving = True
        try:
            self.flow.param.update(**content)
        finally:
            self._giving = False

    def _on_given(self, *_events: param.parameterized.Event) -> None:
        """The browser went back to something older.

        Panel's React components write every value that they have drawn back into their model. A second value
        that arrives before the first is drawn is overwritten so, in the browser and here.
        """
        if not self._giving:
            later(0, self._again)

    def _again(self) -> None:
        self.forget()
        self.draw()
        self.theme()

    def _replace(self, structure: Structure, places: dict[str, Place]) -> None:
        nodes = frozenset(self.store.document.nodes)
        fresh = nodes - self._known
        another = len(fresh) > 1 and not nodes & self._known  # a template, or a model that was opened
        if structure[1][-1:] != (self._structure or structure)[1][-1:] and self.store.document.v is not None:
            fresh |= {V}  # V went to the matrix that was wired into it
        chosen = set(self.store.selection) | (self._selected & {V})
        self._structure, self._places, self._known = structure, places, nodes
        self._selected = frozenset(chosen) & places.keys()
        self._answering = True
        self._revision += 1
        self._give(
            node_types=node_types(self.store.document, catalogue()),
            nodes=[frame.payload(places[frame.id], frame.id in chosen) for frame in structure[0]],
            edges=[edge_payload(wire, self._revision) for wire in structure[1]],
        )
        if another:
            self.fit()
        elif fresh:
            self._reveal(fresh)

    def moved(self, places: Mapping[str, Place]) -> None:
        """Note where the browser has moved nodes by itself.

        `draw` then speaks only of those that the document has elsewhere.
        """
        self._places.update(places)

    def place(self, node_id: str, place: Place) -> None:
        """Say where a node stands."""
        self._places[node_id] = place
        self.flow.patch_node_props(node_id, {"position": {"x": place[0], "y": place[1]}})

    # --- selection -------------------------------------------------------------------------------------

    def touched(self) -> None:
        """Note that the person pressed a button or a key on the canvas: selections that follow are theirs."""
        self._answering = False

    def selected(self, nodes: frozenset[str]) -> bool:
        """Note what the browser has selected; False when it only answers, late, to something older.

        Whenever nodes are replaced the library tells what is selected, and may tell what was selected before.
        Between a selection of ours and the person's next press nothing but that selection is believed.
        """
        if self._answering and nodes != self._selected:
            for node_id in (nodes ^ self._selected) & self._places.keys():
                self.flow.patch_node_props(node_id, {"selected": node_id in self._selected})
            return False
        self._selected = nodes
        return True

    def select(self) -> None:
        """Select in the browser what is selected in the store.

        V can be selected in the browser, but is no node of the document: it stays as it is while no node is
        chosen.
        """
        wanted = frozenset(self.store.selection) or self._selected & {V}
        for node_id in wanted ^ self._selected:
            if node_id in self._places:
                self.flow.patch_node_props(node_id, {"selected": node_id in wanted})
        self._answering = self._answering or wanted != self._selected
        self._selected = wanted

    # --- the view --------------------------------------------------------------------------------------

    def resize(self, width: float, height: float) -> None:
        """Note the size of the view; the first time, bring the model into it."""
        first = self._size is None
        self._size = (width, height)
        if first:
            self.fit()

    def fit(self) -> None:
        """Bring the whole model into view."""
        if self._size is None:
            return
        width, height = self._size
        boxes = [(*self._places[frame.id], WIDTH, frame.height) for frame in frames(self.store.document)]
        left, top, across, down = bounds(boxes)
        if self.store.document.nodes:
            margin = min(MARGIN, width / 16, height / 16)
            zoom = min(1.0, (width - 2 * margin) / across, (height - 2 * margin) / down)
            zoom = max(zoom, MIN_ZOOM)
            x = (width - across * zoom) / 2 - left * zoom
        else:  # V alone stands on the right, with room for what will lead to it
            zoom = 1.0
            x = width - WIDTH - 2.5 * MARGIN - left
        y = (height - (down or HEIGHT) * zoom) / 2 - top * zoom
        self._look(x, y, zoom)

    def _look(self, x: float, y: float, zoom: float) -> None:
        """Show this part of the canvas.

        The library pans by itself while a wire is drawn near an edge, without saying so, and ignores a view
        equal to the last it was given. No two views given here are equal to the last digit, so that each
        counts, and that an answer to an older one is known for what it is.
        """
        self._views += 1
        view = {"x": x + 1e-6 * (self._views % 1000), "y": y, "zoom": zoom}
        self._given = (*self._given[-7:], view)
        self.flow.viewport = view

    def _on_view(self, event: param.parameterized.Event) -> None:
        """The browser may go back to the first of two views when its answer to that one comes late."""
        if event.new in self._given[:-1]:
            latest = self._given[-1]
            self._look(latest["x"], latest["y"], latest["zoom"])

    def _reveal(self, nodes: Iterable[str]) -> None:
        """Move the view just so far that these nodes are in it; what is too large for it is shown whole."""
        if self._size is None or self.flow.viewport is None:
            return
        x, y, zoom = (self.flow.viewport[key] for key in ("x", "y", "zoom"))
        heights = {frame.id: frame.height for frame in frames(self.store.document)}
        left, top, across, down = bounds([(*self._places[node], WIDTH, heights[node]) for node in nodes])
        moved = []
        for offset, start, length, room in ((x, left, across, self._size[0]), (y, top, down, self._size[1])):
            least, most = MARGIN - start * zoom, room - MARGIN - (start + length) * zoom
            if least > most:
                self.fit()
                return
            moved.append(min(max(offset, least), most))
        if moved != [x, y]:
            self._look(moved[0], moved[1], zoom)

    def theme(self) -> None:
        """Follow the store's theme: the page's own switch does not reach the graph."""
        self._give(color_mode="dark" if self.store.dark else "light")


def _no_editor(*_: Any, **__: Any) -> Viewable:
    """The inspector edits; panel-reactflow's own form stays empty."""
    return pn.Spacer(width=0, height=0)
