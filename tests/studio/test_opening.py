"""A model that is opened: what is said of it meanwhile, and that cancelling leaves what was there."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from benchmarks.trials import many_nodes
from covstudio.document.build.build import build
from covstudio.document.files.write import dumps
from covstudio.studio.page.page import Page
from covstudio.studio.session import background
from covstudio.studio.session.opened import made_ready
from covstudio.studio.session.store import Store
from tests.studio.states import state_of
from tests.studio.test_later_files import Thread, sent, thread

__all__ = ["thread"]


@pytest.fixture
def studio() -> Page:
    """A page without a session of a server: made before `thread` says that there is one."""
    return Page()


def content(nodes: int) -> bytes:
    """A file of a model of so many nodes, with its table."""
    store = many_nodes(nodes)
    return dumps(store.document, store.table).encode()


def about(studio: Page) -> dict[str, Any] | None:
    """What is said of the model that is being opened."""
    opening: dict[str, Any] | None = state_of(studio.bar)["opening"]
    return opening


def heard(studio: Page, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float | None]]:
    """What is said of it from now on."""
    found: list[tuple[str, float | None]] = []
    show = studio.bar._show

    def shown() -> None:
        show()
        opening = about(studio)
        if opening is not None:
            found.append((opening["text"], opening["share"]))

    monkeypatch.setattr(studio.bar, "_show", shown)
    return found


def test_every_node_is_told_before_it_is_built() -> None:
    store = many_nodes(30)
    told: list[tuple[int, int]] = []
    found = build(store.document, store.table, lambda done, of: told.append((done, of)))
    nodes = len(store.document.nodes)
    assert {of for _, of in told} == {nodes}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[0][0] == 0
    assert set(range(nodes)) <= {done for done, _ in told}
    assert found.matrices.keys() == store.build.matrices.keys()


def test_a_model_of_many_nodes_says_how_far_it_is(
    studio: Page, thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(studio.bar.channel, content(60), "many.json")
    said = heard(studio, monkeypatch)
    thread.go_on()
    assert studio.store.document.title == many_nodes(60).document.title
    shares = [share for text, share in said if text == "Building many.json" and share is not None]
    assert shares == sorted(set(shares))
    assert shares[0] == 0
    assert 10 <= len(shares) <= 20, "as often as somebody can follow, however many nodes there are"
    assert said[-1][0] == "Drawing many.json"
    assert about(studio) is None


def test_a_small_model_says_nothing(studio: Page, thread: Thread, monkeypatch: pytest.MonkeyPatch) -> None:
    said = heard(studio, monkeypatch)
    sent(studio.bar.channel, content(5), "few.json")
    thread.go_on()
    assert studio.store.document.nodes
    assert said == []


def test_a_model_is_built_once_and_not_in_the_turn(
    studio: Page, thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = content(60)
    builders: list[Any] = []
    builder_class = sys.modules[build.__module__]._Builder
    kept = builder_class.build

    def counted(builder: Any, notes: Any) -> Any:
        builders.append(builder)
        return kept(builder, notes)

    monkeypatch.setattr(builder_class, "build", counted)
    sent(studio.bar.channel, file, "many.json")
    thread.step()
    assert not builders
    thread.step()
    assert len(builders) == 1
    assert len(studio.store.build.matrices) == len(studio.store.document.nodes)
    # The same file again: its table is the one that the session has.
    studio.bar.channel.take({"type": "undo-step"})
    builders.clear()
    sent(studio.bar.channel, file, "many.json")
    thread.go_on()
    assert len(builders) == 1
    assert list(studio.store.tables) == [studio.store.document.data_name]


def test_cancelling_ends_the_building(studio: Page, thread: Thread, monkeypatch: pytest.MonkeyPatch) -> None:
    before = studio.store.document
    sent(studio.bar.channel, content(60), "many.json")
    thread.step()
    opening = about(studio)
    assert opening is not None
    assert opening["text"] == "Building many.json"
    tried: list[int] = []

    def made(*arguments: Any) -> Any:
        told = arguments[-1]

        def cancelled(done: int, of: int) -> None:
            tried.append(done)
            if done == 10:
                studio.bar.channel.take({"type": "stop-opening", "id": opening["id"]})
            told(done, of)

        return made_ready(*arguments[:-1], cancelled)

    monkeypatch.setattr("covstudio.studio.page.appbar.made_ready", made)
    # The one that was asked before is the one that runs: it looks up what it calls when it does.
    thread.go_on()
    assert max(tried) == 10
    assert studio.store.document is before
    assert studio.store.history.undo_label == ""
    assert about(studio) is None
    assert studio.store.message is None


def test_cancelling_what_is_drawn_already_brings_the_earlier_model_back(studio: Page, thread: Thread) -> None:
    sent(studio.bar.channel, content(60), "many.json")
    thread.step()
    opening = about(studio)
    assert opening is not None
    thread.go_on()
    assert studio.store.document.nodes
    studio.bar.channel.take({"type": "stop-opening", "id": opening["id"] + 100})
    assert studio.store.document.nodes, "another one was meant"
    studio.bar.channel.take({"type": "stop-opening", "id": opening["id"]})
    assert not studio.store.document.nodes


def test_a_late_cancel_takes_back_nothing_that_was_done_since(studio: Page, thread: Thread) -> None:
    sent(studio.bar.channel, content(60), "many.json")
    thread.step()
    opening = about(studio)
    assert opening is not None
    thread.go_on()
    studio.bar.channel.take({"type": "set-model-title", "title": "mine"})
    studio.bar.channel.take({"type": "stop-opening", "id": opening["id"]})
    assert studio.store.document.title == "mine"


def test_what_is_built_is_built_anew_where_the_session_has_another_table_by_then() -> None:
    store, fresh = many_nodes(5), Store()
    ready = made_ready(fresh.tables, store.document, None)
    assert ready.data is None
    fresh.tables[str(store.document.data_name)] = next(iter(store.tables.values()))
    assert fresh.open(ready.document, ready.table, ready)
    assert fresh.build is not ready.build
    assert fresh.build.v is not None
    assert fresh.table is not None


def test_a_question_that_nobody_wants_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[str] = []
    monkeypatch.setattr(background.log, "exception", failures.append)

    def stopped() -> None:
        raise background.Stopped

    def failing() -> None:
        raise ValueError

    assert background._answered(stopped) is None
    assert not failures
    assert background._answered(failing) is None
    assert failures
