"""The notices at the foot of the page: no more than two, gone with their cause, one on a topic."""

from __future__ import annotations

import pytest

from covstudio.document.files.templates import templates
from covstudio.studio.page.status import StatusLine
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import Desk


@pytest.fixture
def store() -> Store:
    """An empty session."""
    return Store()


@pytest.fixture
def line(store: Store) -> StatusLine:
    """Its status line."""
    return StatusLine(
        store, Desk(store, lambda name, content: None, lambda tab: None, lambda tab, mark: None)
    )


def said(line: StatusLine) -> list[str]:
    """What the notices begin with."""
    return [notice.text.split(".")[0] for notice in line.notices]


def test_of_notices_on_one_topic_the_last_stands(store: Store, line: StatusLine) -> None:
    template = templates()[0]
    store.start(template)
    store.start(template)  # with its own table now: another sentence about the same
    assert said(line) == [f"Started from “{template.title}”"]
    store.notify("Saved as a.", "ok", topic="saved")
    store.notify("Saved as b.", "ok", topic="saved")
    assert said(line) == [f"Started from “{template.title}”", "Saved as b"]


def test_notices_go_with_their_cause(store: Store, line: StatusLine) -> None:
    store.start(templates()[0])
    store.undo()
    assert said(line) == []


def test_two_stand_at_most_and_failures_longest(store: Store, line: StatusLine) -> None:
    store.notify("It failed.", "error")
    store.notify("Well done.", "ok")
    store.notify("By the way.", "info")
    assert said(line) == ["It failed", "By the way"]
