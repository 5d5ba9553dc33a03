"""A browser that sends messages to the canvas without being one, and models to send them to."""

from __future__ import annotations

import json
from typing import Any

from covstudio.data.examples import load_example
from covstudio.document.changes.all import (
    AddNode,
    Change,
    ReplaceDocument,
)
from covstudio.document.files.templates import templates
from covstudio.document.model.document import Document
from covstudio.studio.canvas.canvas import CanvasView
from covstudio.studio.session.store import Store


def made(*changes: Change) -> Document:
    document = Document()
    for change in changes:
        document = change.apply(document)
    return document


def sum_of_two() -> Document:
    """V = Sum(a, b), each 3 x 3."""
    return made(
        AddNode("Sum", 600, 100, id="s", connect=("V", None)),
        AddNode("ScalarMatrix", 300, 0, name="a", arguments={"n": 3}, id="a", connect=("s", None)),
        AddNode("AR1Matrix", 300, 200, name="b", arguments={"n": 3}, id="b", connect=("s", None)),
    )


def field_trial() -> Store:
    """The alpha design of the shipped example, with its table."""
    store = Store()
    store.load_table(load_example("john_alpha"))
    store.dispatch(ReplaceDocument(templates()[0].document(store.table)))
    return store


class Browser:
    """Sends the messages a browser would, and remembers what it is told."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.view = CanvasView(store)
        self.flow = self.view.graph.flow
        self.told: list[dict[str, Any]] = []
        self.patched: list[tuple[str, dict[str, Any]]] = []
        self.view.surface._send_msg = self.told.append  # type: ignore[method-assign]
        send = self.flow._send_msg

        def patched(message: dict[str, Any]) -> None:
            if message["type"] == "patch_node_props":
                self.patched.append((message["node_id"], message["patch"]))
            send(message)

        self.flow._send_msg = patched

    def graph(self, kind: str, **content: Any) -> None:
        self.flow._handle_msg({"type": kind, **content})

    def surface(self, kind: str, **content: Any) -> None:
        for callback in self.view.surface._msg__callbacks:
            callback({"type": kind, **content})

    def choose(self, *nodes: str, edges: tuple[str, ...] = ()) -> None:
        """A person presses something and the library reports what is selected."""
        self.surface("touch")
        self.graph("selection_changed", nodes=list(nodes), edges=list(edges))

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.view.surface.state)
        return state

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        return {node["id"]: node for node in self.flow.nodes}

    @property
    def edges(self) -> set[tuple[str, str, str]]:
        return {(edge["source"], edge["target"], edge["targetHandle"]) for edge in self.flow.edges}


def drop(
    browser: Browser, kind: str, target: dict[str, Any] | None = None, x: float = 0, y: float = 0
) -> None:
    browser.graph(
        "drop",
        drop_type="application/x-covstudio-structure",
        data={"kind": kind},
        position={"x": x, "y": y},
        target=target,
    )
