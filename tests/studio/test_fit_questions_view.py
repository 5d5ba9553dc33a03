"""What the fit view asks beyond a fit: what it draws meanwhile, and whose answers it takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from covstudio.data.examples import load_example
from covstudio.document.build.build import build
from covstudio.document.files.templates import templates
from covstudio.estimate import Estimate, assemble, estimate
from covstudio.estimate.omitted import Omission
from covstudio.estimate.profiled import profile
from covstudio.reml.inference import Profile
from covstudio.studio.fit import pool as fitting
from covstudio.studio.fit.job import Finished, Held, Job
from covstudio.studio.fit.messages import AskOmission, AskProfile, StopAsking
from covstudio.studio.fit.questions import FitQuestions
from covstudio.studio.fit.questions_worker import Omitting, Profiling
from covstudio.studio.fit.worker import Answered, Outcome, Working
from covstudio.studio.session.messages import Message
from covstudio.studio.session.spoken import Spoken
from covstudio.studio.session.store import Store

NAMES = ("genotype/g/sigma^2", "block/g/sigma^2", "residual/sigma^2")
TABLE = load_example("john_alpha")
DOCUMENT = templates()[0].document(TABLE)


@pytest.fixture(scope="module")
def found() -> Estimate:
    return estimate(DOCUMENT, TABLE)


@pytest.fixture(scope="module")
def block(found: Estimate) -> Profile:
    return profile(assemble(DOCUMENT, TABLE), found.fit, NAMES[1])


class Asking:
    """The view's questions, with jobs that nobody works on."""

    def __init__(self, found: Estimate, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs: list[Job] = []
        self.cancelled: list[Job] = []

        def start(document: object, table: object, listener: Callable[..., None], task: object) -> Job:
            assert (document, table) == (DOCUMENT, TABLE)
            self.jobs.append(Job(lambda: "", listener, task))  # type: ignore[arg-type]
            return self.jobs[-1]

        monkeypatch.setattr(fitting, "start", start)
        monkeypatch.setattr(fitting, "cancel", self.cancelled.append)
        self.found = found
        self.questions = FitQuestions(Store(DOCUMENT, [TABLE]), lambda: None)
        self.begin()

    def begin(self) -> None:
        built = build(DOCUMENT, TABLE)
        self.questions.begin(DOCUMENT, TABLE, built.v, self.found, Spoken(DOCUMENT, built))

    def send(self, message: Message) -> None:
        self.questions.handlers()[type(message)](message)


@pytest.fixture
def asking(found: Estimate, monkeypatch: pytest.MonkeyPatch) -> Asking:
    return Asking(found, monkeypatch)


def test_what_can_be_asked(asking: Asking) -> None:
    state = asking.questions.state()
    assert (state.parameters, state.terms) == (list(NAMES), ["genotype", "block"])
    assert state.busy is None
    nothing = FitQuestions(Store(), lambda: None)
    nothing.handlers()[AskProfile](AskProfile(name=None))
    assert nothing.state().parameters == []


def test_answers_come_one_after_the_other(asking: Asking, block: Profile) -> None:
    asking.send(AskProfile(name=NAMES[1]))
    (job,) = asking.jobs
    assert isinstance(job.task, Profiling)
    assert job.task.names == (NAMES[1],)
    job.tell(Working(NAMES[1], 3))
    busy = asking.questions.state().busy
    assert busy is not None
    assert (busy.kind, busy.name, busy.count, busy.done) == ("profile", NAMES[1], 3, 0)
    job.tell(Held("The scheduler gives no answer."))
    busy = asking.questions.state().busy
    assert busy is not None
    assert busy.held == "The scheduler gives no answer."
    asking.send(AskOmission(name=None))  # one thing at a time
    assert len(asking.jobs) == 1
    job.tell(Answered(NAMES[1], block))
    job.tell(Finished(Outcome()))
    state = asking.questions.state()
    assert state.busy is None
    assert [(profile.name, profile.upper) for profile in state.profiles] == [(NAMES[1], block.upper)]
    assert asking.questions.answered(asking.found).profiles == {NAMES[1]: block}
    # All: those that have no answer yet.
    asking.send(AskProfile(name=None))
    assert asking.jobs[1].task.names == (NAMES[0], NAMES[2])  # type: ignore[attr-defined]


def test_what_came_before_a_cancel_stays(asking: Asking) -> None:
    asking.send(AskOmission(name=None))
    (job,) = asking.jobs
    assert isinstance(job.task, Omitting)
    job.tell(Answered("genotype", Omission("genotype", 23.6, 1, 1, 6e-7, -58.4)))
    asking.send(StopAsking())
    asking.send(StopAsking())
    assert asking.cancelled == [job]
    busy = asking.questions.state().busy
    assert busy is not None
    assert busy.stopping
    job.tell(Finished(Outcome(cancelled=True)))
    state = asking.questions.state()
    assert (state.busy, state.failure) == (None, "")
    assert [(one.name, one.mixture) for one in state.omissions] == [("genotype", "½ χ²(0) + ½ χ²(1)")]
    asking.send(AskOmission(name=None))
    assert asking.jobs[1].task.names == ("block",)  # type: ignore[attr-defined]


def test_what_is_said_about_the_fit_before_is_not_heard(asking: Asking, block: Profile) -> None:
    asking.send(AskProfile(name=NAMES[1]))
    asking.begin()
    (job,) = asking.jobs
    assert asking.cancelled == [job]
    job.tell(Answered(NAMES[1], block))
    job.tell(Finished(Outcome(message="late")))
    state = asking.questions.state()
    assert (state.profiles, state.failure, state.busy) == ([], "", None)


def test_what_goes_wrong_is_said_where_it_was_asked(asking: Asking) -> None:
    asking.send(AskProfile(name=None))
    (job,) = asking.jobs
    job.tell(Answered(NAMES[0], "no such luck"))
    job.tell(Finished(Outcome(message="Memory ran out.")))
    state = asking.questions.state()
    assert [(one.name, one.text) for one in state.troubles] == [(NAMES[0], "no such luck")]
    assert (state.failure, state.kind) == ("Memory ran out.", "profile")
    asking.send(AskProfile(name=NAMES[0]))
    assert asking.questions.state().troubles == []
    assert asking.questions.state().failure == ""


def test_names_that_nobody_offered_are_not_asked(asking: Asking) -> None:
    asking.send(AskProfile(name="__class__"))
    asking.send(AskOmission(name="residual"))
    assert asking.jobs == []
