"""The dock: V, then the derivative of V in each free parameter, in the order of theta.

A click shows one large.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from panel.viewable import Viewable

from covstudio.document.build.build import ParameterRef
from covstudio.studio.matrix.pictures import SLICE
from covstudio.studio.session.component import Component
from covstudio.studio.session.resources import component_script, component_styles
from covstudio.studio.session.router import Router
from covstudio.studio.session.store import Store
from covstudio.studio.session.texts import parameter_label, shape_text


class SlicesPane(Component):
    """The browser's half of the dock."""

    _esm = component_script("slices.js")
    _stylesheets = component_styles("slices.css")


class SlicesView:
    """The dock of one session.

    Args:
        store: the session.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sent: dict[str, float] = {}
        self._pane = SlicesPane(sizing_mode="stretch_both", margin=0)
        Router(
            store,
            {
                "focus": self._on_focus,
                "select": self._on_select,
                "derivatives": self._on_derivatives,
            },
        ).listen(self._pane)
        store.param.watch(self._draw, ["structure_version", "focus", "faults", "settled", "derivatives"])
        store.param.watch(self._follow, ["version"])
        self._draw()

    def panel(self) -> Viewable:
        """The dock as a Panel component."""
        return self._pane

    # --- drawing ---

    def _draw(self, *_events: Any) -> None:
        store = self._store
        free = [ref for ref in store.parameters() if not ref.fixed]
        self._sent = {ref.path: ref.natural for ref in free}
        v = store.build.v
        self._pane.show(
            {
                "v": None if v is None else {"shape": shape_text((v.shape[0], v.shape[1]))},
                "slices": [self._slice(ref) for ref in free] if v is not None else [],
                "focus": store.focus_key,
                "derivatives": store.derivatives,
                "waiting": self._waiting(),
            }
        )

    def _slice(self, ref: ParameterRef) -> dict[str, Any]:
        return {
            "key": SLICE + ref.path,
            "path": ref.path,
            "symbol": parameter_label(ref.name),
            "owner": self._store.document.nodes[ref.node_id].name,
            "node": ref.node_id,
            "value": ref.natural,
            "fault": self._store.faults.get(ref.node_id),
        }

    def _waiting(self) -> str | None:
        """Why there is no V to show, in the words of the first problem."""
        store = self._store
        if store.build.v is not None or not store.document.nodes:
            return None
        problem = next(iter(store.build.problems), None)
        if problem is None:
            return None
        node = store.document.nodes.get(problem.node_id)
        about = "" if node is None else f"“{node.name}”: "
        return f"V is drawn here as soon as the model is complete. What is missing: {about}{problem.message}"

    def _follow(self, *_events: Any) -> None:
        """While a slider moves only the numbers travel, and only those that changed."""
        store = self._store
        if store.settled == store.version:
            return
        now = {ref.path: ref.natural for ref in store.parameters() if not ref.fixed}
        changed = {path: value for path, value in now.items() if self._sent.get(path) != value}
        if changed and now.keys() == self._sent.keys():
            self._sent = now
            self._pane.tell("values", values=changed)

    # --- messages ---

    def _on_focus(self, message: Mapping[str, Any]) -> None:
        self._store.focus = str(message["key"])

    def _on_derivatives(self, message: Mapping[str, Any]) -> None:
        self._store.derivatives = "natural" if message.get("by") == "natural" else "theta"

    def _on_select(self, message: Mapping[str, Any]) -> None:
        node = str(message["node"])
        if node in self._store.document.nodes:
            self._store.selection = (node,)
