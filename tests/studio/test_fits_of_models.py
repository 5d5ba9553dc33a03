"""A fit stays with the model it belongs to: through undo and redo, and when another model is opened."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from covstudio.data.examples import load_example
from covstudio.document.changes.all import RemoveNodes, SetFixedEffects, SetParameters
from covstudio.document.files.templates import templates
from covstudio.document.files.write import dumps
from covstudio.estimate import Estimate, estimate
from covstudio.estimate.omitted import Omission
from covstudio.reml import Fit
from covstudio.studio.fit import pool as fitting
from covstudio.studio.fit.job import Finished, Job
from covstudio.studio.fit.messages import AskOmission
from covstudio.studio.fit.view import FitView
from covstudio.studio.fit.worker import Answered, Outcome
from covstudio.studio.session.store import Store

TABLE = load_example("john_alpha")
DOCUMENT = templates()[0].document(TABLE)
WITHOUT = SetFixedEffects("1")
RESIDUAL = next(node.id for node in DOCUMENT.nodes.values() if node.name == "residual")


@pytest.fixture(scope="module")
def both() -> tuple[Estimate, Estimate]:
    return estimate(DOCUMENT, TABLE), estimate(WITHOUT.apply(DOCUMENT), TABLE)


class Session:
    """A view and its store; fits end when they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs: list[Job] = []
        monkeypatch.setattr(fitting, "start", self._start)
        monkeypatch.setattr(fitting, "cancel", lambda job: None)
        self.store = Store(DOCUMENT, [TABLE])
        self.view = FitView(self.store, lambda name, content: None)

    def _start(self, document: object, table: object, listener: object, task: object = None) -> Job:
        self.jobs.append(Job(lambda: "", listener, task))  # type: ignore[arg-type]
        return self.jobs[-1]

    def fit(self, found: Estimate) -> None:
        self.view.start()
        self.end(found)

    def end(self, found: Estimate | None) -> None:
        self.view._take([Finished(Outcome(estimate=found, message="No."))])

    @property
    def shown(self) -> Fit | None:
        """The fit on the page, as the page, the notebook and a draft know of it."""
        kept, told = self.view.kept(), self.store.estimate
        assert (kept is None) == (told is None) == (self.view.lines[0].state == "")
        assert kept is None or kept.estimate.fit is told.fit
        return None if told is None else told.fit  # type: ignore[no-any-return]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    return Session(monkeypatch)


def test_an_opened_model_begins_without_a_fit_and_undo_brings_the_earlier_one_back(
    session: Session, both: tuple[Estimate, Estimate]
) -> None:
    session.fit(both[0])
    assert session.shown is both[0].fit
    assert session.store.open_text(dumps(replace(DOCUMENT, title="Another", fixed_effects="1"), None))
    assert session.shown is None
    session.store.dispatch(SetParameters({(RESIDUAL, "sigma^2"): 2.0}))
    assert session.shown is None
    session.fit(both[1])
    assert session.shown is both[1].fit
    for _ in range(3):
        session.store.undo()
    assert session.shown is both[0].fit
    session.store.redo()
    assert session.shown is both[1].fit


def test_a_template_begins_without_a_fit(session: Session, both: tuple[Estimate, Estimate]) -> None:
    session.fit(both[0])
    assert session.store.start(templates()[1])
    assert session.shown is None


@pytest.mark.parametrize("ends", [True, False])
def test_a_fit_that_ends_after_another_model_was_opened_is_not_shown_for_it(
    ends: bool, session: Session, both: tuple[Estimate, Estimate]
) -> None:
    session.view.start()
    session.store.open_text(dumps(replace(DOCUMENT, title="Another"), None))
    opened = session.store.document
    session.end(both[0] if ends else None)
    assert session.shown is None
    assert session.store.document is opened
    assert session.store.message is not None
    session.store.undo()
    assert session.shown is (both[0].fit if ends else None)


def test_undo_and_redo_show_the_fit_of_the_model_with_its_answers(
    session: Session, both: tuple[Estimate, Estimate]
) -> None:
    store, view = session.store, session.view
    session.fit(both[0])
    view._questions.handlers()[AskOmission](AskOmission(name="block"))
    session.jobs[-1].tell(Answered("block", Omission("block", 8.6, 1, 1, 0.002, -50.0)))
    session.jobs[-1].tell(Finished(Outcome()))
    store.dispatch(WITHOUT)
    assert session.shown is both[0].fit, "nothing better is known"
    session.fit(both[1])
    assert session.shown is both[1].fit
    store.undo()  # the estimates
    assert session.shown is both[1].fit
    store.undo()  # the formula
    kept = view.kept()
    assert session.shown is both[0].fit
    assert kept is not None
    assert [one.name for one in kept.estimate.omissions] == ["block"]
    store.redo()
    assert session.shown is both[1].fit
    assert kept.number == 1
    session.fit(both[1])
    again = view.kept()
    assert again is not None
    assert again.number == 3


def test_a_failure_is_not_told_of_an_opened_model(session: Session) -> None:
    session.view.start()
    session.end(None)
    assert json.loads(session.view.channel.state)["failure"] is not None
    session.store.open_text(dumps(replace(DOCUMENT, title="Another"), None))
    assert json.loads(session.view.channel.state)["failure"] is None


def test_a_step_of_the_model_keeps_its_fit(session: Session, both: tuple[Estimate, Estimate]) -> None:
    session.fit(both[0])
    session.store.dispatch(RemoveNodes([RESIDUAL]))
    assert session.shown is both[0].fit
