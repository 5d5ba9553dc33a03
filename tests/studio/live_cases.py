"""A page that looks at pictures without a browser, models to look at, and what there is to be seen."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import numpy as np

from covstudio.covariance import Evaluation
from covstudio.data.examples import load_example
from covstudio.document.changes.all import (
    AddNode,
    Batch,
    ReplaceDocument,
    SetArgument,
    SetData,
)
from covstudio.document.files.templates import templates
from covstudio.document.model.node import V
from covstudio.studio.matrix.live import Live
from covstudio.studio.matrix.messages import CellValue, Paint
from covstudio.studio.session.store import Store

WAIT = 20.0


class Page:
    """A page without a browser: it keeps what it is sent, and runs the event loop's functions when told.

    Args:
        store: the session.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.loop: queue.Queue[Callable[[], None]] = queue.Queue()
        self.sent: list[tuple[Paint | CellValue, bytes | None]] = []
        self.seq = 0
        self.live = Live(store, send=lambda *said: self.sent.append(said), schedule=self.loop.put)

    def receive(self, message: Any) -> None:
        """Hear what a page says."""
        self.live.channel.take(message)

    def look(self, *keys: str, pixels: int = 64) -> dict[str, Any]:
        """Look at these tiles; the frame that comes."""
        self.receive({"type": "visible", "tiles": dict.fromkeys(keys, pixels)})
        return self.frame()

    def drag(self, node: str, name: str, value: float, gesture: int = 1) -> dict[str, Any]:
        """Move a slider; the frame that comes."""
        self.seq += 1
        self.receive(
            {"type": "drag", "seq": self.seq, "node": node, "param": name, "value": value, "gesture": gesture}
        )
        return self.frame(self.seq)

    def frame(self, seq: int = 0) -> dict[str, Any]:
        """Run the event loop until a complete frame with at least this sequence number was sent."""
        tiles: dict[str, Any] = {}
        clear: list[str] = []
        while True:
            while self.sent:
                head, data = self.sent.pop(0)
                if not isinstance(head, Paint):
                    continue
                assert data is not None
                for tile in map(msgspec.to_builtins, head.tiles):
                    size = tile["rows"] * tile["cols"]
                    tile["codes"] = np.frombuffer(data, np.uint8, size, tile["offset"])
                    tiles[tile["key"]] = tile
                clear += head.clear
                if head.done and head.seq >= seq:
                    return {"seq": head.seq, "tiles": tiles, "clear": clear}
            self.loop.get(timeout=WAIT)()

    def until(self, condition: Callable[[], bool]) -> None:
        """Run the event loop until something holds."""
        while not condition():
            self.loop.get(timeout=WAIT)()

    def ask(self, key: str, row: int, col: int, size: int) -> CellValue:
        """The answer to a question about one block."""
        self.sent.clear()
        self.receive({"type": "query", "id": 7, "key": key, "row": row, "col": col, "size": size})
        assert not self.sent  # it is sent from the event loop, with the document locked

        def answers() -> list[CellValue]:
            return [message for message, _ in self.sent if isinstance(message, CellValue)]

        self.until(lambda: bool(answers()))
        return answers()[0]


def alpha() -> Store:
    """The John & Williams alpha design with its template."""
    store = Store()
    store.load_table(load_example("john_alpha"))
    model = templates()[0].document(store.table, store.document.roles)
    assert store.table is not None
    data = SetData(store.table.name, store.document.roles, store.document.response)
    assert store.dispatch(Batch((ReplaceDocument(model), data), label="Start"))
    assert store.build.v is not None
    return store


def of_size(n: int, kind: str = "AR1Matrix") -> Store:
    """One structure of a size as V; its id is "a"."""
    store = Store()
    store.dispatch(AddNode(kind, id="a", connect=(V, None)))
    store.dispatch(SetArgument("a", "n", n))
    return store


def keys_of(store: Store) -> list[str]:
    return [
        "V",
        *("slice:" + ref.path for ref in store.parameters()),
        *("node:" + i for i in store.document.nodes),
    ]


SCALES: dict[str, Literal["raw", "natural"]] = {"theta": "raw", "natural": "natural"}


def value_of(store: Store, key: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What a key shows, straight from the library."""
    evaluation, build, document = Evaluation(), store.build, store.document
    assert build.v is not None
    if key.startswith("node:"):
        node = key.removeprefix("node:")
        return evaluation.value(build.matrices[node], build.naturals(node, document)).numpy()
    natural = build.naturals(V, document)
    if key == "V":
        return evaluation.value(build.v, natural).numpy()
    return evaluation.slice(
        build.v, natural, key.removeprefix("slice:"), scale=SCALES[store.derivatives]
    ).numpy()
