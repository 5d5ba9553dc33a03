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

from benchmarks.trials import many_nodes
from covstudio.data.tables import Table
from covstudio.document.files.write import dumps, loads
from covstudio.studio.fit.inbox import Inbox
from covstudio.studio.session import event_loop, turns
from covstudio.studio.session.event_loop import call_soon
from covstudio.studio.session.store import Store


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
    monkeypatch.setattr("covstudio.studio.fit.inbox.take_turn", lambda document, function: asked.release())
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


# --- turns ----------------------------------------------------------------------------------------


class Locked(Session):
    """A session whose callbacks hold its document, as Bokeh's do."""

    async def turns(self) -> None:
        """Let the loop do what waits, and what the document was told to do, one after the other."""
        while self.loop.waiting or self.document.session_callbacks:
            self.turn()
            for one in list(self.document.session_callbacks):
                done = one.callback()
                if done is not None:
                    await done


class Heavy:
    """Work that is large, or not."""

    large = True


def taken(work: Heavy, function: Callable[[], object], **long: bool) -> None:
    """A turn of a session, taken."""
    session = Locked()
    turns.judge(session.document, work)
    turns.take_turn(session.document, function, **long)
    thread = threading.Thread(target=lambda: asyncio.run(session.turns()))
    thread.start()
    thread.join()


def test_a_turn_that_may_take_long_is_taken_by_a_thread_and_tells_the_page_when_it_is_over() -> None:
    heard: list[tuple[str, str]] = []

    def note(what: str) -> None:
        heard.append((what, threading.current_thread().name.partition("_")[0]))

    def turn() -> None:
        turns.on_loop(lambda: note("first"))
        note("turn")
        turns.on_loop(lambda: note("second"))

    work = Heavy()
    taken(work, turn)
    assert [what for what, _ in heard] == ["turn", "first", "second"]
    assert heard[0][1] == "covstudio-turn"
    assert heard[1][1] == heard[2][1] != "covstudio-turn"
    for large, long, in_a_thread in ((False, False, False), (False, True, True)):
        heard.clear()
        work.large = large  # type: ignore[misc]
        taken(work, turn, long=long)
        assert ("turn", "covstudio-turn") in heard if in_a_thread else heard[0][0] == "first"


def test_what_a_turn_has_the_loop_do_later_is_no_part_of_it() -> None:
    """It inherits what is set for the turn: what it tells the page is told at once."""
    told: list[bool] = []

    async def run() -> None:
        session, loop, done = Locked(), asyncio.get_running_loop(), asyncio.Event()

        def later() -> None:
            turns.on_loop(lambda: told.append(True))
            done.set()

        turns.take_turn(session.document, lambda: loop.call_soon_threadsafe(later), long=True)
        await session.turns()
        await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    thread.join()
    assert told == [True]


def test_what_a_turn_has_said_is_told_though_it_fails() -> None:
    told: list[bool] = []

    def turn() -> None:
        turns.on_loop(lambda: told.append(True))
        raise ValueError("expected to fail")

    session = Locked()
    turns.take_turn(session.document, turn, long=True)

    async def run() -> None:
        with pytest.raises(ValueError, match="expected to fail"):
            await session.turns()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    thread.join()
    assert told == [True]


def test_work_is_large_by_its_model_its_table_and_where_a_step_leads() -> None:
    store = Store()
    assert not store.large
    many, _ = loads(dumps(many_nodes(60).document))
    assert store.open(many, None)
    assert store.large
    store.undo()
    assert store.large, "redo leads to many nodes"
    small = Store()
    small.looked_at = Table.from_columns({f"c{i}": [1.0, 2.0] for i in range(300)}, "wide")
    assert small.large
    small.looked_at = None
    assert not small.large
