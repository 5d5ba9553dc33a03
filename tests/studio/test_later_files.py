"""Of two files the one that a person opened later counts, however long the one before it takes to be read."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from covstudio.document.files.write import dumps
from covstudio.document.model.document import Document
from covstudio.studio.data import data
from covstudio.studio.page import appbar
from covstudio.studio.page.appbar import AppBar
from covstudio.studio.page.page import Page
from covstudio.studio.session import background
from tests.studio.states import state_of

TRIAL = b"gen,rep,yield\nA,R1,4.1\nB,R1,3.9\nA,R2,4.4\nB,R2,4.0\n"


class Thread:
    """Instead of a thread: answers when it is told to."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []

    def submit(self, work: Callable[[], None]) -> None:
        self.work.append(work)

    def go_on(self) -> None:
        """Do all that was asked, and what that asks for."""
        while self.work:
            self.step()

    def step(self) -> None:
        """Do what was asked first."""
        self.work.pop(0)()


class Here:
    """Instead of a process: answers in the thread."""

    made: ClassVar[list[Here]] = []

    def __init__(self, question: Callable[[], Any]) -> None:
        self.answer = question
        self.ended = False
        self.made.append(self)

    def end(self) -> None:
        self.ended = True


class Session:
    session_context = "there is one"


@pytest.fixture
def thread(monkeypatch: pytest.MonkeyPatch) -> Thread:
    """Has files larger than a few bytes read by it."""
    made = Thread()
    monkeypatch.setattr(Here, "made", [])
    for threads in ("_READERS", "_APART", "_SOON"):
        monkeypatch.setattr(background, threads, made)
    monkeypatch.setattr(background, "Apart", Here)
    monkeypatch.setattr(background, "take_turn", lambda document, turn, long: turn())
    monkeypatch.setattr(background, "pn", SimpleNamespace(state=SimpleNamespace(curdoc=Session())))
    monkeypatch.setattr(appbar, "OPENED_SOON", 10_000)
    monkeypatch.setattr(data, "READ_AT_ONCE", 100)
    return made


def model(title: str, large: bool = False) -> bytes:
    return dumps(Document(title=title)).encode() + b" " * (20_000 * large)


def sent(channel: Any, content: bytes, name: str, purpose: str = "open") -> None:
    piece = {"purpose": purpose, "id": name, "name": name, "index": 0, "total": 1, "size": len(content)}
    channel.take({"type": "chunk", **piece, "data": content})


def told(bar: AppBar) -> str:
    """What is said of the model that is being opened."""
    text: str = state_of(bar)["opening"]["text"]
    return text


@pytest.fixture
def opened() -> Page:
    """A page without a session of a server: made before `thread` says that there is one."""
    return Page()


def test_a_large_model_does_not_take_the_place_of_what_was_opened_after_it(opened: Page, thread: Thread):
    bar = opened.bar
    sent(bar.channel, model("large", large=True), "large.json")
    assert told(bar) == "Reading large.json"
    sent(bar.channel, model("small"), "small.json")
    thread.go_on()
    assert opened.store.document.title == "small"
    assert state_of(bar)["opening"] is None
    sent(bar.channel, model("large", large=True), "large.json")
    bar.start("blocks")
    thread.go_on()
    assert opened.store.document.title != "large"


def test_pieces_of_a_replaced_model_say_nothing(opened: Page, thread: Thread):
    bar = opened.bar
    piece = {"type": "chunk", "purpose": "open", "total": 3, "size": 30_000, "data": b" "}
    bar.channel.take({**piece, "id": "first", "name": "first.json", "index": 0})
    bar.channel.take({**piece, "id": "second", "name": "second.json", "index": 0})
    bar.channel.take({**piece, "id": "first", "name": "first.json", "index": 1})
    assert state_of(bar)["opening"] | {"id": 0} == {"id": 0, "text": "Sending second.json", "share": 1 / 3}
    bar.channel.take({"type": "stop-opening", "id": state_of(bar)["opening"]["id"]})
    bar.channel.take({**piece, "id": "second", "name": "second.json", "index": 1})
    assert state_of(bar)["opening"] is None
    assert not thread.work


def test_a_refused_file_leaves_the_one_that_is_read_and_its_cancel(opened: Page, thread: Thread):
    bar = opened.bar
    sent(bar.channel, model("large", large=True), "large.json")
    sent(bar.channel, b"x", "elsewhere.json", purpose="elsewhere")
    assert told(bar) == "Reading large.json"
    thread.go_on()
    assert opened.store.document.title == "large"
    assert state_of(bar)["opening"] is None


def test_a_large_table_does_not_take_the_place_of_a_later_one(opened: Page, thread: Thread):
    view = opened.view("data")
    sent(view.line, TRIAL + TRIAL * 9, "large.csv", "table")
    sent(view.line, TRIAL, "small.csv", "table")
    thread.go_on()
    assert state_of(view)["table"]["name"] == "small"
    assert state_of(view)["busy"] is None


@pytest.mark.parametrize("end", ["stop", "left", "close"])
def test_a_table_that_nobody_waits_for_is_not_read_to_its_end(opened: Page, thread: Thread, end: str):
    view = opened.view("data")
    sent(view.line, TRIAL * 9, "large.csv", "table")
    (reading,) = Here.made
    assert not reading.ended
    if end == "stop":
        view.line.take({"type": "stop-reading"})
        assert state_of(view)["busy"] is None
    else:
        getattr(view, end)()
    assert reading.ended
    thread.go_on()
    assert state_of(view)["table"] is None


def test_a_table_and_a_second_one_are_read_side_by_side(opened: Page, thread: Thread):
    view = opened.view("data")
    pedigree = b"id,sire,dam\n" + b"".join(b"c%d,a,b\n" % number for number in range(40))
    sent(view.line, TRIAL * 9, "large.csv", "table")
    sent(view.line, pedigree, "parents.csv", "relation")
    assert len(thread.work) == 2
    first, second = thread.work
    first()
    assert state_of(view)["busy"] == "Reading parents.csv"
    second()
    assert state_of(view)["busy"] is None
    assert list(opened.store.document.relations) == ["parents"]
