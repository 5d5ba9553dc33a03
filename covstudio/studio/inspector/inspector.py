"""The inspector of the selected node; of all parameters of V when nothing is selected.

A dragged slider speaks to the live evaluation through the painter (`frontend/src/painter`); everything
else here becomes a change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from panel.viewable import Viewable

from covstudio.covariance import declaration
from covstudio.document.changes.all import (
    ChangeError,
    RemoveNodes,
    Rename,
    SetArgument,
    SetFixed,
    SetParameters,
)
from covstudio.document.model.arguments import argument_of
from covstudio.document.model.node import Columns, Levels
from covstudio.studio.inspector.state import inspector_state, parameter_key, shown_parameters, values_state
from covstudio.studio.inspector.typed import read_argument
from covstudio.studio.session.component import Component
from covstudio.studio.session.resources import component_script, component_styles
from covstudio.studio.session.router import Router
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import TabView


class InspectorPane(Component):
    """The browser's half of the inspector."""

    _esm = component_script("formula.js", "sliders.js", "arguments.js", "inspector.js")
    _stylesheets = component_styles("inspector.css")


class Inspector(TabView):
    """The inspector of one session.

    Args:
        store: the session.
        open_tab: brings another tab of the details to the front.
    """

    def __init__(self, store: Store, open_tab: Callable[[str], None] = lambda name: None) -> None:
        self._store = store
        self._errors: dict[str, str] = {}
        self._revision = 0
        self._sent: dict[str, list[float]] = {}
        self._pane = InspectorPane(sizing_mode="stretch_both", margin=0)
        Router(
            store,
            {
                "rename": self._rename,
                "argument": self._argument,
                "column": self._column,
                "set": self._set,
                "reset": self._reset,
                "fix": self._fix,
                "remove": self._remove,
                "select": self._select,
                "focus": self._focus,
                "go": lambda message: open_tab(str(message.get("tab"))),
            },
        ).listen(self._pane)
        store.param.watch(self._structure, ["structure_version", "selection", "settled", "faults"])
        store.param.watch(self._values, ["version"])
        self._show()

    def panel(self) -> Viewable:
        """The inspector as a Panel component."""
        return self._pane

    # --- drawing ----------------------------------------------------------------------------------

    def _structure(self, *_events: Any) -> None:
        self._errors = {}
        self._show()

    def _show(self) -> None:
        self._sent = values_state(self._store, shown_parameters(self._store))
        self._pane.show(inspector_state(self._store) | {"errors": self._errors, "revision": self._revision})

    def _values(self, *_events: Any) -> None:
        """Between two rests of a slider only numbers travel, and only those that changed."""
        if self._store.settled == self._store.version:
            return
        moved = tuple(
            ref
            for ref in shown_parameters(self._store)
            if self._sent.get(parameter_key(ref), [None])[0] != ref.natural
        )
        if moved:
            changed = values_state(self._store, moved)
            self._sent |= changed
            self._pane.tell("values", values=changed)

    def _refuse(self, field: str, sentence: str) -> None:
        self._errors = {field: sentence}
        self._revision += 1
        self._show()

    def _try(self, field: str, change: Any) -> None:
        """Dispatch a change whose refusal is shown under its own field."""
        try:
            change.apply(self._store.document)
        except ChangeError as error:
            self._refuse(field, str(error))
            return
        self._errors = {}
        before = self._store.version
        self._store.dispatch(change)
        if self._store.version == before:
            self._revision += 1
            self._show()

    # --- messages ---------------------------------------------------------------------------------

    def _rename(self, message: Mapping[str, Any]) -> None:
        self._try("name", Rename(str(message.get("node")), str(message.get("name", ""))))

    def _remove(self, message: Mapping[str, Any]) -> None:
        ids = [i for i in self._store.selection if i in self._store.document.nodes]
        if ids:
            self._store.dispatch(RemoveNodes(tuple(ids)))

    def _select(self, message: Mapping[str, Any]) -> None:
        node = message.get("node")
        self._store.selection = (
            (node,) if isinstance(node, str) and node in self._store.document.nodes else ()
        )

    def _focus(self, message: Mapping[str, Any]) -> None:
        self._store.focus = str(message.get("key", "V"))

    def _set(self, message: Mapping[str, Any]) -> None:
        node, name, value = str(message.get("node")), str(message.get("param")), message.get("value")
        field = f"{node} {name}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(field, f"{name} is a number; write it like 0.25 or 1e-3.")
            return
        reason = self._store.build.check_value(node, name, float(value))
        if reason:
            self._refuse(field, reason)
            return
        self._try(field, SetParameters({(node, name): float(value)}))

    def _reset(self, message: Mapping[str, Any]) -> None:
        node, name = str(message.get("node")), str(message.get("param"))
        self._try(f"{node} {name}", SetParameters({(node, name): None}, label=f"Reset {name}"))

    def _fix(self, message: Mapping[str, Any]) -> None:
        node, name = str(message.get("node")), str(message.get("param"))
        self._try(f"{node} {name}", SetFixed(node, name, bool(message.get("fixed"))))

    def _argument(self, message: Mapping[str, Any]) -> None:
        node_id, name = str(message.get("node")), str(message.get("argument"))
        node = self._store.document.nodes.get(node_id)
        if node is None:
            return
        try:
            argument = argument_of(declaration(node.kind), name)
            value = read_argument(argument.kind, message.get("value"), argument.columns)
        except ValueError as error:
            self._refuse(name, str(error))
            return
        self._try(name, SetArgument(node_id, name, value))

    def _column(self, message: Mapping[str, Any]) -> None:
        """Take one column into a list of columns, or out of it."""
        node_id, name, column = (str(message.get(key)) for key in ("node", "argument", "column"))
        node = self._store.document.nodes.get(node_id)
        if node is None:
            return
        value = node.arguments.get(name)
        present: tuple[str, ...] = ()
        if isinstance(value, Columns):
            present = value.names
        elif isinstance(value, Levels):
            present = value.columns
        try:
            argument = argument_of(declaration(node.kind), name)
        except ValueError as error:
            self._refuse(name, str(error))
            return
        only_one = argument.kind == "coordinates" and argument.columns[1] == 1
        kept = tuple(entry for entry in present if entry != column and not (only_one and message.get("on")))
        chosen = (*kept, column) if message.get("on") else kept
        kind: type[Columns] | type[Levels] = Levels if isinstance(value, Levels) else Columns
        self._try(name, SetArgument(node_id, name, kind(chosen)))
