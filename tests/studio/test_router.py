"""Every message of the browser goes through one dispatcher."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import panel as pn
import pytest
from bokeh.document import Document
from panel.io.state import state

from covstudio.studio import session
from covstudio.studio.canvas.canvas import CanvasView
from covstudio.studio.matrix.live import Live
from covstudio.studio.session.router import Router
from covstudio.studio.session.store import Store
from tests.studio.conftest import Logged

STUDIO = Path(session.__file__).parents[1]


def test_messages_come_in_at_one_place() -> None:
    """No view hears its component by itself, and none looks a method up by a name that the browser sent.

    The root hands each message to the channel of its view, which has a router.
    """
    by_itself = re.compile(r"\.on_msg\(|getattr\(self, f|_handle_msg")
    found = {path.name for path in STUDIO.rglob("*.py") if by_itself.search(path.read_text(encoding="utf-8"))}
    assert found == {"router.py", "root.py"}


def test_a_message_goes_to_the_method_for_its_type() -> None:
    heard: list[Any] = []
    router = Router(Store(), {"one": heard.append, "two": lambda message: heard.append("two")})
    router({"type": "one", "value": 3})
    router(SimpleNamespace(data={"type": "two"}))  # as Panel hands it over
    assert heard == [{"type": "one", "value": 3}, "two"]
    assert router.types == ("one", "two")


@pytest.mark.parametrize(
    "message", [{}, {"type": "no such"}, {"type": ["one"]}, {"type": "__init__"}, "text", None, 3]
)
def test_what_makes_no_sense_is_logged_and_ignored(message: Any, logged: Logged) -> None:
    store = Store()
    Router(store, {"one": lambda message: pytest.fail("not meant for this")})(message)
    assert "was ignored" in logged.text
    assert store.message is None


def test_a_handler_that_fails_is_told_and_breaks_nothing(logged: Logged) -> None:
    store = Store()
    router = Router(store, {"divide": lambda message: 1 / message["by"]})
    router({"type": "divide", "by": 0})
    assert store.message is not None
    assert store.message.level == "error"
    assert "ZeroDivisionError" in store.message.text
    assert "'divide' could not be handled" in logged.text
    router({"type": "divide"})
    assert "KeyError" in store.message.text


@pytest.mark.parametrize("message", [{"type": "drag"}, {"type": "visible", "tiles": {"V": "x"}}])
def test_the_live_pictures_fail_no_other_way(message: Any) -> None:
    store = Store()
    live = Live(store, send=lambda *said: None, schedule=lambda function: function())
    live.channel.take(message)
    assert store.message is not None
    assert "That could not be done" in store.message.text
    live.close()


def test_what_the_graph_reports_fails_no_other_way() -> None:
    store = Store()
    CanvasView(store).channel.take({"type": "nodes-moved", "places": [{"id": "a", "x": "left", "y": 0}]})
    assert store.message is not None
    assert "That could not be done" in store.message.text


def test_what_is_said_while_the_page_loads_is_handled_afterwards_in_order(loading: Document) -> None:
    heard: list[int] = []
    router = Router(Store(), {"count": lambda message: heard.append(message["number"])})
    for number in range(3):
        router({"type": "count", "number": number})
    assert heard == []
    assert not pn.state.loaded
    state._on_load(loading)
    assert heard == [0, 1, 2]
    router({"type": "count", "number": 3})
    assert heard == [0, 1, 2, 3]
