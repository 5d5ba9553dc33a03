"""Messages between page and views: declared once, held against it, the same on both sides."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from frontend_messages import SCHEMA

from covstudio.studio.root import Root
from covstudio.studio.session.channel import Channel, Line
from covstudio.studio.session.messages import Message, Real, State, Wire, kind, plain, schema, wires
from covstudio.studio.session.store import Store


class Shown(State, frozen=True):
    value: Real
    names: tuple[str, ...] = ()


class SetValue(Message, frozen=True):
    value: float


class Noted(Message, frozen=True):
    text: str


@pytest.fixture
def wire() -> Any:
    """A wire of a view that the studio does not have."""
    yield Wire("trial", Shown, up=(SetValue,), down=(Noted,))
    del Wire.all["trial"]


class Recorder(Line):
    """A line that remembers what went down it."""

    def __init__(self) -> None:
        self.drawn: list[tuple[str, str]] = []
        self.said: list[tuple[str, str, bytes | None]] = []

    def draw(self, view: str, state: str) -> None:
        self.drawn.append((view, state))

    def say(self, view: str, message: str, data: bytes | None) -> None:
        self.said.append((view, message, data))


def test_the_page_has_the_types_of_the_messages() -> None:
    """Committed beside the page's sources: `make frontend` writes it."""
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema()


def test_every_wire_has_its_property_on_the_root() -> None:
    assert {wire.name for wire in wires()} <= set(Root.param)


def test_no_two_structs_share_a_name() -> None:
    """msgspec would put the module before the name, and TypeScript would get a name nobody reads."""
    assert not [name for name in schema()["definitions"] if "_" in name or "." in name]


def test_what_is_shown_before_there_is_a_page_is_drawn_when_there_is_one(wire: Wire) -> None:
    channel, line = Channel(wire, Store(), {SetValue: print}), Recorder()
    channel.show(Shown(value=1.5))
    channel.join(line)
    assert line.drawn == [("trial", '{"value":1.5,"names":[]}')]
    channel.show(Shown(value=1.5))
    assert len(line.drawn) == 1, "the page has it"
    channel.show(Shown(value=float("-inf"), names=("a",)))
    assert json.loads(line.drawn[-1][1]) == {"value": "-inf", "names": ["a"]}


def test_what_is_not_state_goes_down_once_with_its_bytes(wire: Wire) -> None:
    channel, line = Channel(wire, Store(), {SetValue: print}), Recorder()
    channel.tell(Noted(text="nobody hears this"))
    channel.join(line)
    channel.tell(Noted(text="ä"), b"\0\1")
    assert line.said == [("trial", '{"type":"noted","text":"ä"}', b"\0\1")]


@pytest.mark.parametrize(
    "message",
    [
        None,
        "set-value",
        {},
        {"type": "no-such"},
        {"type": ["set-value"]},
        {"type": "set-value"},
        {"type": "set-value", "value": "1"},
        {"type": "set-value", "value": 1.0, "more": 2},
    ],
)
def test_what_is_not_declared_reaches_no_handler(wire: Wire, message: Any) -> None:
    taken: list[float] = []
    channel = Channel(wire, Store(), {SetValue: lambda said: taken.append(said.value)})
    channel.take(message)
    assert not taken
    channel.take({"type": "set-value", "value": 2})
    assert taken == [2.0]


def test_every_message_has_a_handler(wire: Wire) -> None:
    with pytest.raises(ValueError, match=re.escape("expected a handler for every message of 'trial'")):
        Channel(wire, Store())


def test_a_root_hands_messages_to_their_views(wire: Wire) -> None:
    taken: list[float] = []
    root = Root()
    root.connect(Channel(wire, Store(), {SetValue: lambda said: taken.append(said.value)}))
    for envelope in (
        {"view": "trial", "message": {"type": "set-value", "value": 3}},
        {"view": "none", "message": {}},
        {"view": ["trial"]},
        "trial",
        {},
    ):
        root._heard(envelope)
    assert taken == [3.0]


def test_what_views_are_told_together_goes_in_one_message(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, sent = Root(), []
    monkeypatch.setattr(root, "_deliver", sent.append)
    channel = Channel(wire, Store(), {SetValue: print})
    root.connect(channel)
    first, second = ({"view": "trial", "json": f'{{"type":"noted","text":"{text}"}}'} for text in "ab")
    with channel.together(), channel.together():
        channel.tell(Noted(text="a"))
        channel.tell(Noted(text="c"), b"\0")
        assert [one["data"] for one in sent] == [b"\0"], "bytes wait for nothing"
        channel.tell(Noted(text="b"))
    assert sent[1:] == [{"several": [first, second]}]
    with channel.together():
        channel.tell(Noted(text="a"))
    channel.tell(Noted(text="b"))
    assert sent[2:] == [first, second]
    with channel.together():
        pass
    assert len(sent) == 4


def test_a_message_is_called_by_its_class() -> None:
    assert [kind(SetValue), kind(Noted)] == ["set-value", "noted"]


def test_numbers_that_json_lacks_are_texts() -> None:
    assert plain({"a": (float("inf"), float("nan")), 1: -float("inf")}) == {"a": ["inf", "nan"], "1": "-inf"}
