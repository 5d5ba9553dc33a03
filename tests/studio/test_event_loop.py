"""What threads hand to a session's event loop arrives, all of it."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from bokeh.document import Document

from covstudio.studio.fit.inbox import Inbox
from covstudio.studio.session import event_loop
from covstudio.studio.session.event_loop import call_soon


class Loop:
    """What a server's loop is to those who hand it something."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def add_callback(self, function: Callable[[], object]) -> None:
        """Have a function called in the next turn."""
        self.waiting.append(function)


class Session:
    """A document of a session, and the loop of its server."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.document = Document()
        self.context = SimpleNamespace(
            destroyed=False,
            server_context=SimpleNamespace(application_context=SimpleNamespace(io_loop=self.loop)),
        )
        self.document._session_context = lambda: self.context  # type: ignore[assignment, return-value]

    def turn(self) -> None:
        """Let the loop do what waits."""
        while self.loop.waiting:
            self.loop.waiting.pop(0)()


@pytest.fixture
def session() -> Session:
    return Session()


def from_a_thread(function: Any, *arguments: Any) -> None:
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    thread.join()


def test_a_document_whose_events_are_held_back_hears_of_it_by_its_own_loop(session: Session) -> None:
    held: list[object] = []
    session.document.on_change(held.append)
    session.document.hold("combine")
    from_a_thread(call_soon, session.document, list)
    # The thread has touched nothing that the loop's own thread may be taking off a list just now.
    assert not session.document.session_callbacks
    session.document.unhold()
    assert held == []
    session.turn()
    assert len(session.document.session_callbacks) == 1
    assert len(held) == 1


def test_a_session_that_has_ended_hears_nothing_more(session: Session) -> None:
    call_soon(session.document, list)
    session.context.destroyed = True
    session.turn()
    assert not session.document.session_callbacks


def test_without_a_session_it_is_called_at_once() -> None:
    called: list[bool] = []
    call_soon(Document(), lambda: called.append(True))
    assert called == [True]


def test_no_message_of_a_fit_is_lost_between_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop takes messages while the pool's thread brings more, switching as often as Python can."""
    before = sys.getswitchinterval()
    monkeypatch.setattr("covstudio.studio.fit.inbox.call_soon", lambda document, function: asked.release())
    asked = threading.Semaphore(0)
    taken: list[int] = []

    def take(events: Sequence[Any]) -> None:
        taken.extend(events)

    inbox = Inbox(take)
    inbox._document = Document()
    count = 20_000

    def bring() -> None:
        for event in range(count):
            inbox(event)  # type: ignore[arg-type]

    pool = threading.Thread(target=bring)
    sys.setswitchinterval(1e-6)
    try:
        pool.start()
        while len(taken) < count and asked.acquire(timeout=30):
            inbox._empty(inbox._document)
    finally:
        sys.setswitchinterval(before)
        pool.join()
    assert taken == list(range(count))


def test_in_a_notebook_threads_speak_on_its_loop() -> None:
    """Its line takes one message after the other: two threads at once would mix theirs."""
    heard: list[int] = []

    async def cell() -> None:
        event_loop.adopt_loop()
        done = asyncio.Event()

        def said() -> None:
            heard.append(threading.get_ident())
            done.set()

        thread = threading.Thread(target=lambda: call_soon(None, said))
        thread.start()
        await done.wait()
        thread.join()
        call_soon(None, said)

    # Another test's browser may keep a loop running in this thread.
    kernel = threading.Thread(target=lambda: asyncio.run(cell()))
    try:
        kernel.start()
        kernel.join()
    finally:
        event_loop._notebook = None
    assert heard == [kernel.ident] * 2
