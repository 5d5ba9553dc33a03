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
from covstudio.studio.session.channel import Line
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


def to(node: str | None = None, slot: str | None = None, wire: str | None = None) -> dict[str, str | None]:
    """What a structure is brought to, as the page says it."""
    return {"node": node, "slot": slot, "wire": wire}


class Browser(Line):
    """Says what a browser would say, and remembers what it is told."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.view = CanvasView(store)
        self.told: list[dict[str, Any]] = []
        self.turn = 0
        self.view.channel.join(self)

    def draw(self, view: str, state: str) -> None:
        """Take a state, as the page's line does; `state` reads it."""

    def say(self, view: str, message: str, data: bytes | None) -> None:
        self.told.append(json.loads(message))

    def send(self, type_: str, /, **content: Any) -> None:
        self.view.channel.take({"type": type_, **content})

    def choose(self, *nodes: str) -> None:
        self.turn += 1
        self.send("nodes-selected", nodes=list(nodes), turn=self.turn)

    def move(self, by_keys: bool = False, **places: tuple[float, float]) -> None:
        """Put nodes elsewhere."""
        self.turn += 1
        moved = [{"id": node, "x": x, "y": y} for node, (x, y) in places.items()]
        self.send("nodes-moved", places=moved, by_keys=by_keys, turn=self.turn)

    def drop(
        self,
        kind: str,
        node: str | None = None,
        slot: str | None = None,
        x: float = 0,
        y: float = 0,
        wire: str | None = None,
    ) -> None:
        """Let a structure of the palette go."""
        self.send("structure-dropped", kind=kind, at={"x": x, "y": y}, target=to(node, slot, wire))

    def wire(self, child: str, parent: str, slot: str | None = None) -> None:
        """Draw a wire."""
        self.send("wire-drawn", child=child, parent=parent, slot=slot)

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.view.channel.state)
        return state

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        return {node["id"]: node for node in self.state["nodes"]}

    @property
    def places(self) -> dict[str, tuple[float, float]]:
        return {node["id"]: (node["x"], node["y"]) for node in self.state["nodes"]}

    @property
    def wires(self) -> set[tuple[str, str, str]]:
        return {(wire["child"], wire["parent"], wire["slot"]) for wire in self.state["wires"]}
