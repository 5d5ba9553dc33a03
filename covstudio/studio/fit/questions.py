"""Questions about the latest fit that take refits: profile likelihoods of parameters, tests of terms of V."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from covstudio.covariance import Matrix
from covstudio.data.tables import Table
from covstudio.document.model.document import Document
from covstudio.estimate import Estimate
from covstudio.estimate.omitted import Omission, mixture_words, omissible_terms
from covstudio.estimate.profiled import curve, cut_off, profiled_parameters
from covstudio.reml.inference import Profile
from covstudio.studio.fit import pool as fitting
from covstudio.studio.fit.inbox import Inbox
from covstudio.studio.fit.job import Event, Finished, Held, Job
from covstudio.studio.fit.messages import (
    Asked,
    AskOmission,
    AskProfile,
    FitBusy,
    FitOmission,
    FitPoint,
    FitProfile,
    FitQuestionsState,
    FitTrouble,
    StopAsking,
)
from covstudio.studio.fit.questions_worker import Omitting, Profiling
from covstudio.studio.fit.worker import Answered, Task, Working
from covstudio.studio.session.channel import Handlers
from covstudio.studio.session.spoken import Spoken
from covstudio.studio.session.store import Store

log = logging.getLogger("covstudio")


class FitQuestions:
    """What is asked about the latest fit beyond it, one job at a time.

    Args:
        store: the session.
        show: draws the view again.
    """

    def __init__(self, store: Store, show: Callable[[], None]) -> None:
        self._store = store
        self._show = show
        self._document: Document | None = None  # that was fitted
        self._table: Table | None = None
        self._estimate: Estimate | None = None
        self._spoken = Spoken(store.document, store.build)
        self._parameters: tuple[str, ...] = ()
        self._terms: tuple[str, ...] = ()
        self._profiles: dict[str, Profile] = {}
        self._curves: dict[str, list[tuple[float, float]]] = {}
        self._omissions: dict[str, Omission] = {}
        self._troubles: dict[str, str] = {}  # parameter -> why it has no profile
        self._job: Job | None = None
        self._kind: Asked | None = None
        self._names: tuple[str, ...] = ()  # what the job is about
        self._at = Working("", 0)
        self._held = ""  # why nothing goes on with it for now
        self._stopping = False
        self._failure = ""

    def handlers(self) -> Handlers:
        """Kind of message -> method taking the message."""
        return {AskProfile: self._profile, AskOmission: self._omit, StopAsking: lambda message: self.stop()}

    def begin(
        self,
        document: Document | None,
        table: Table | None,
        matrix: Matrix | None,
        estimate: Estimate,
        spoken: Spoken,
    ) -> None:
        """Take a fit up, with the answers that it has; what was asked about the one before is forgotten.

        Args:
            document: that was fitted.
            table: its data.
            matrix: its V.
            estimate: the fit.
            spoken: what its parameters are called.
        """
        self.stop()
        self._job = None  # what it still says is of the fit before
        self._document, self._table, self._estimate = document, table, estimate
        self._spoken = spoken
        self._profiles, self._troubles = dict(estimate.profiles), {}
        self._curves = {name: curve(found) for name, found in self._profiles.items()}
        self._omissions = {one.name: one for one in estimate.omissions}
        self._failure = ""
        known = matrix is not None and estimate.fit.converged
        self._parameters = profiled_parameters(matrix, estimate.fit) if matrix is not None and known else ()
        self._terms = omissible_terms(matrix) if matrix is not None and known else ()

    def answered(self, estimate: Estimate) -> Estimate:
        """The fit with the answers so far."""
        omissions = tuple(self._omissions[name] for name in self._terms if name in self._omissions)
        return replace(estimate, profiles=dict(self._profiles), omissions=omissions)

    # --- asking -----------------------------------------------------------------------------------

    def _profile(self, message: AskProfile) -> None:
        wanted = self._wanted(message.name, self._parameters, self._profiles)
        if wanted and self._estimate is not None:
            self._ask("profile", wanted, Profiling(self._estimate.fit, wanted))

    def _omit(self, message: AskOmission) -> None:
        wanted = self._wanted(message.name, self._terms, self._omissions)
        if wanted and self._estimate is not None:
            self._ask("omit", wanted, Omitting(self._estimate.fit, wanted))

    @staticmethod
    def _wanted(name: str | None, known: Sequence[str], answered: Mapping[str, object]) -> tuple[str, ...]:
        """The one of this name, or all that have no answer yet."""
        return tuple(one for one in known if (one == name if name is not None else one not in answered))

    def _ask(self, kind: Asked, names: tuple[str, ...], task: Task) -> None:
        if self._job is not None or self._document is None:
            return
        self._kind, self._names, self._at = kind, names, Working("", 0)
        self._stopping, self._failure, self._held = False, "", ""
        self._troubles = {name: text for name, text in self._troubles.items() if name not in names}
        job: Job | None = None

        def take(events: Sequence[Event]) -> None:
            # Events of a job that was given up are nobody's any more.
            if job is None or job is self._job:
                self._take(events)

        try:
            job = fitting.start(self._document, self._table, Inbox(take), task)
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            log.exception("a question about a fit could not be asked")
            self._failure = f"That could not be started: {error}"
        self._job = None if job is None or job.done.is_set() else job
        self._show()

    def stop(self) -> None:
        """Give up what is under way; answers that came stay."""
        if self._job is not None and not self._stopping:
            self._stopping = True
            fitting.cancel(self._job)
            self._show()

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Working):
                self._at = event
            elif isinstance(event, Held):
                self._held = event.why
            elif isinstance(event, Answered):
                self._keep(event)
            elif isinstance(event, Finished):
                self._job = None
                self._failure = "" if event.outcome.cancelled else event.outcome.message
        self._show()

    def _keep(self, answer: Answered) -> None:
        if isinstance(answer.value, Profile):
            self._profiles[answer.name] = answer.value
            self._curves[answer.name] = curve(answer.value)
        elif isinstance(answer.value, Omission):
            self._omissions[answer.name] = answer.value
        else:
            self._troubles[answer.name] = str(answer.value)

    # --- drawing ----------------------------------------------------------------------------------

    def state(self) -> FitQuestionsState:
        """Everything the page draws of it."""
        said = self._spoken.sentence
        return FitQuestionsState(
            busy=self._busy(),
            failure=self._spoken.sentence(self._failure),
            kind=self._kind,
            cut=cut_off(),
            parameters=list(self._parameters),
            profiles=[self._profile_state(name) for name in self._profiles],
            troubles=[FitTrouble(name=name, text=said(text)) for name, text in self._troubles.items()],
            terms=list(self._terms),
            omissions=[_omission_state(name, one, said) for name, one in self._omissions.items()],
        )

    def _busy(self) -> FitBusy | None:
        if self._job is None or self._kind is None:
            return None
        return FitBusy(
            kind=self._kind,
            names=list(self._names),
            name=self._at.name,
            count=self._at.count,
            done=self._names.index(self._at.name) if self._at.name in self._names else 0,
            held=self._held,
            stopping=self._stopping,
        )

    def _profile_state(self, name: str) -> FitProfile:
        found = self._profiles[name]
        return FitProfile(
            name=name,
            estimate=found.estimate,
            lower=found.lower,
            upper=found.upper,
            open_below=found.open_below,
            open_above=found.open_above,
            curve=[FitPoint(value=value, fall=fall) for value, fall in self._curves[name]],
            notes=[self._spoken.sentence(f"{note[:1].upper()}{note[1:]}.") for note in found.notes],
        )


def _omission_state(name: str, one: Omission, said: Callable[[str], str]) -> FitOmission:
    return FitOmission(
        name=name,
        statistic=one.statistic,
        mixture=mixture_words(one.df, one.boundary) if not one.error else "",
        p=one.p_value,
        loglik=one.loglik,
        note=said(one.note),
        trouble=said(one.error),
    )
