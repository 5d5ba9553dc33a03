"""A fit ends with its tab, and goes on through a reload."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from bokeh.document import Document as Session
from panel.io.state import set_curdoc

from covstudio.data.examples import load_example
from covstudio.document.files.templates import templates
from covstudio.estimate import estimate
from covstudio.studio.fit import pool as fitting
from covstudio.studio.fit.job import Finished, Held, Job, Started, Waiting
from covstudio.studio.fit.view import FitView
from covstudio.studio.fit.worker import Outcome, Step
from covstudio.studio.session import leaving
from covstudio.studio.session.store import Store

TABLE = load_example("john_alpha")
DOCUMENT = templates()[0].document(TABLE)
STEP = Step(0, -1.0, 1.0, 1.0, 0, 0.1, {})


class Server:
    """Sessions without a server: each with its loop, and a pool that does as it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs: list[Job] = []
        self.cancelled: list[Job] = []
        self.waiting: list[tuple[Session, Any]] = []
        monkeypatch.setattr(fitting, "pool", lambda: SimpleNamespace(submit=self.jobs.append))
        monkeypatch.setattr(fitting, "cancel", self.cancelled.append)
        monkeypatch.setattr(
            "covstudio.studio.fit.inbox.take_turn", lambda session, told: self.waiting.append((session, told))
        )

    def turn(self) -> None:
        """Let every loop do what waits, but those of sessions that are gone."""
        while self.waiting:
            session, told = self.waiting.pop(0)
            if not session.session_context.session.destroyed:
                with set_curdoc(session):
                    told()


class Tab:
    """A session, with its page."""

    def __init__(self) -> None:
        self.session = Session()
        self.state = SimpleNamespace(destroyed=False, connection_count=1)
        # Bokeh holds it weakly: somebody has to.
        self.context = SimpleNamespace(session=self.state, request=SimpleNamespace(arguments={}))
        self.session._session_context = lambda: self.context  # type: ignore[assignment, return-value]
        with set_curdoc(self.session):
            self.store = Store(DOCUMENT, [TABLE])
            self.view = FitView(self.store, lambda name, content: None)
        leaving.watch(self.session, self.view.left)

    def start(self) -> None:
        with set_curdoc(self.session):
            self.view.start()

    def take_up(self, key: str) -> bool:
        with set_curdoc(self.session):
            return self.view.take_up(key)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(monkeypatch)


def test_a_fit_ends_with_its_tab(server: Server) -> None:
    tab = Tab()
    tab.start()
    (job,) = server.jobs
    assert job.owner is tab.session
    assert not leaving.alone(tab.session)
    tab.state.connection_count = 0
    assert leaving.alone(tab.session)
    leaving.left(tab.session)
    assert server.cancelled == [job]


def test_what_is_in_the_way_of_a_fit_is_shown_until_it_is_not(server: Server) -> None:
    tab = Tab()
    tab.start()
    (job,) = server.jobs

    def held() -> str:
        server.turn()
        return str(json.loads(tab.view.channel.state)["held"])

    job.tell(Waiting(0))
    job.tell(Held("The cluster has no workers."))
    assert held() == "The cluster has no workers."
    job.tell(Held(""))
    job.tell(Started())
    job.tell(STEP)
    assert held() == ""
    job.tell(Started())  # by another worker: the first was lost, and so is what it had found
    assert held() == ""
    assert json.loads(tab.view.channel.state)["steps"] == []


def test_a_page_that_is_loaded_again_goes_on_with_its_fit(server: Server) -> None:
    before = Tab()
    before.start()
    key = before.view.under_way
    (job,) = server.jobs
    job.tell(Waiting(1))
    job.tell(Started())
    job.tell(STEP)
    server.turn()
    now = Tab()
    assert key
    assert not now.take_up(key)  # its page is still there: a tab that was duplicated has no part in it
    assert not now.take_up("")
    before.state.connection_count = 0
    job.tell(STEP)  # on its way when the page comes back
    assert now.take_up(key)
    assert now.view.running
    assert now.view.under_way == key
    assert now.store.fitting
    assert not before.view.running
    assert job.owner is now.session
    leaving.left(before.session)
    before.state.destroyed = True
    before.view.close()
    assert server.cancelled == []
    job.tell(Finished(Outcome(estimate=estimate(DOCUMENT, TABLE))))
    server.turn()
    assert now.store.estimate is not None
    assert len(now.view._steps) == 2
    assert not now.view.under_way
    assert not Tab().take_up(key)
