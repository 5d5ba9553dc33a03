"""The fit view: response and fixed effects, a fit in a worker process, its progress, and its results."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence

import panel as pn

from covstudio.covariance import Matrix
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.roles import under_choices
from covstudio.document.build.same import same_model, same_structure
from covstudio.document.changes.all import SetParameters
from covstudio.document.model.document import Document
from covstudio.estimate.used_rows import used_rows
from covstudio.studio.fit import pool as fitting
from covstudio.studio.fit.derived import FitDerived
from covstudio.studio.fit.failure import failure_state
from covstudio.studio.fit.inbox import Inbox
from covstudio.studio.fit.job import Event, Finished, Held, Job, Started, Waiting
from covstudio.studio.fit.kept import KeptFit
from covstudio.studio.fit.messages import (
    FIT,
    RESULTS,
    BackToEstimates,
    CancelFit,
    CopyTable,
    FitState,
    FitStep,
    LeaveOutColumns,
    Phase,
    SaveTable,
    StartFit,
)
from covstudio.studio.fit.questions import FitQuestions
from covstudio.studio.fit.results import Results
from covstudio.studio.fit.setup import FitSetup
from covstudio.studio.fit.shelf import Shelf
from covstudio.studio.fit.stale import change_since, stale
from covstudio.studio.fit.worker import Inferring, Outcome, Step
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.leaving import alone
from covstudio.studio.session.shared import ClipboardText, OpenTab, SelectNode
from covstudio.studio.session.spoken import Spoken
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import TabView

log = logging.getLogger("covstudio")

#: What names a fit that is under way -> the view that waits for it.
_UNDER_WAY: dict[str, FitView] = {}


class FitView(TabView):
    """The fit view of one session.

    Args:
        store: the session.
        download: takes a file name, a text or bytes, and has the browser save it.
        open_tab: brings another tab of the details to the front.
        done: called when a fit has ended while the view may be hidden, with "news" or "problem".
    """

    def __init__(
        self,
        store: Store,
        download: Callable[[str, str | bytes], None],
        open_tab: Callable[[str], None] = lambda name: None,
        done: Callable[[str], None] = lambda mark: None,
    ) -> None:
        self._store = store
        self._download = download
        self._done = done
        self._job: Job | None = None
        self._inbox: Inbox | None = None
        self._key = ""  # names the fit under way, for a page that is loaded again
        self._session = pn.state.curdoc
        self._asked: Document | None = None  # the document of the fit under way
        self._table: Table | None = None  # and its table
        self._phase: Phase = "idle"
        self._count = 0  # of the fits that ended with estimates
        self._ahead = 0
        self._held = ""  # why nothing goes on with it for now
        self._steps: list[Step] = []
        self._failure: Outcome | None = None
        self._results: Results | None = None
        self._fitted: Document | None = None  # the document the results belong to
        self._matrix: Matrix | None = None  # the V of the fit under way
        self._spoken = Spoken(store.document, store.build)  # what its parts are called
        self._kept: tuple[tuple[object, ...], KeptFit] | None = None
        self._shelf = Shelf()
        self._applying = False  # the estimates of a fit that ended are put into the model
        self._opened = store.opened  # of the model that is shown
        self._asked_in = store.opened  # of the model that is being fitted
        self._setup = FitSetup(store, self._show)
        self._derived = FitDerived(store, self._show)
        self._questions = FitQuestions(store, self._show)
        self._open_tab = open_tab
        self._tables = Channel(RESULTS, store)
        self.channel = Channel(
            FIT,
            store,
            {
                **self._setup.handlers(),
                **self._derived.handlers(),
                **self._questions.handlers(),
                StartFit: lambda message: self.start(),
                LeaveOutColumns: lambda message: self._leave_out(),
                CancelFit: lambda message: self.cancel(),
                SelectNode: self._lead_to_node,
                OpenTab: lambda message: open_tab(message.tab),
                BackToEstimates: lambda message: self._restore(),
                SaveTable: self._save,
                CopyTable: self._copy,
            },
        )
        store.param.watch(lambda *events: self._changed(), ["settled", "structure_version", "faults"])
        self._show()

    @property
    def line(self) -> Channel:
        """Through which the page is told of everything but the tables."""
        return self.channel

    @property
    def lines(self) -> tuple[Channel, ...]:
        """The tables go by a line of their own, because they are large and change seldom."""
        return self._tables, self.channel

    def close(self) -> None:
        """Stop a fit that nobody will see: the session has ended."""
        self._questions.stop()
        if self._job is not None:
            fitting.cancel(self._job)

    def left(self) -> None:
        """The page was left and did not come back: nobody will see what is under way."""
        self.close()

    @property
    def under_way(self) -> str:
        """What names the fit under way, for who is to take it up; nothing where there is none."""
        return self._key if self._job is not None else ""

    def take_up(self, key: str) -> bool:
        """Go on with a fit of a page that was loaded again.

        Args:
            key: what that page's session called it.

        Returns:
            Whether there is one; that of a page that is still there is left to it.
        """
        before = _UNDER_WAY.get(key)
        if before is None or before is self or before._inbox is None or not alone(before._session):
            return False
        _UNDER_WAY[key] = self
        self._key, self._job, self._inbox = key, before._job, before._inbox
        self._asked, self._table, self._matrix = before._asked, before._table, before._matrix
        self._spoken, self._steps = before._spoken, before._steps
        self._phase, self._ahead, self._failure = before._phase, before._ahead, None
        self._held = before._held
        self._asked_in = self._store.opened
        before._job, before._key, before._steps, before._phase = None, "", [], "idle"
        self._inbox.redirect(self._take)
        if self._job is not None:
            self._job.owner = self._session
        self._tell_of(True)
        self._show()
        return True

    def _lead_to_node(self, message: SelectNode) -> None:
        if message.node in self._store.document.nodes:
            self._store.selection = (message.node,)
            self._open_tab("inspector")

    # --- the fit ----------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """True from Fit to the end of the fit."""
        return self._job is not None

    def start(self) -> None:
        """Fit the model as it stands; nothing happens while a fit is under way or something is missing."""
        if self._job is not None or self._setup.reason() is not None:
            self._show()
            return
        self._questions.stop()
        self._steps, self._failure = [], None
        self._phase, self._ahead, self._held = "starting", 0, ""
        self._asked, self._table, self._matrix = self._store.document, self._store.table, self._store.build.v
        self._asked_in = self._store.opened
        self._spoken = Spoken(self._store.document, self._store.build)
        try:
            self._inbox = Inbox(self._take)
            self._job = fitting.start(self._store.document, self._store.table, self._inbox)
            self._key = secrets.token_urlsafe(16)
            _UNDER_WAY[self._key] = self
            self._tell_of(True)
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            log.exception("a fit could not be started")
            self._phase, self._failure = "idle", Outcome(message=f"The fit could not be started: {error}")
        self._show()

    def _leave_out(self) -> None:
        """Leave dependent columns out, and fit where nothing else is missing."""
        if self._setup.leave_out():
            self.start()

    def cancel(self) -> None:
        """Stop the fit under way; the model stays as it is."""
        if self._job is not None:
            self._phase = "cancelling"
            self._show()
            fitting.cancel(self._job)

    def _take(self, events: Sequence[Event]) -> None:
        finished: Outcome | None = None
        for event in events:
            if isinstance(event, Waiting):
                self._phase, self._ahead = "waiting", event.ahead
            elif isinstance(event, Held):
                self._held = event.why
            elif isinstance(event, Started) and self._phase != "cancelling":
                self._phase, self._steps = "running", []
            elif isinstance(event, Step):
                self._steps.append(event)
            elif isinstance(event, Inferring) and self._phase != "cancelling":
                self._phase = "inferring"
            elif isinstance(event, Finished):
                finished = event.outcome
        if finished is not None:
            self._finish(finished)
        self._show()

    def _finish(self, outcome: Outcome) -> None:
        asked, self._job, self._asked, self._phase = self._asked, None, None, "idle"
        _UNDER_WAY.pop(self._key, None)
        self._key = ""
        store = self._store
        self._tell_of(False)
        if outcome.cancelled:
            self._steps = []
            self._follow()
            store.notify("The fit was cancelled. The model is as it was.", "info")
            return
        if outcome.estimate is None:
            self._follow()
            if self._asked_in is store.opened:
                self._failure = outcome
            else:
                store.notify("The fit of the model before this one ended without estimates.", "warning")
            self._done("problem")
            return
        self._derived.begin(self._matrix, outcome.estimate)
        self._questions.begin(asked, self._table, self._matrix, outcome.estimate, self._spoken)
        self._count += 1
        rows = used_rows(asked, self._table, outcome.estimate.fit.n)
        self._results = Results(outcome.estimate, outcome.seconds, store.document.title, self._count, rows)
        self._tables.show(
            self._results.state(self._spoken)
        )  # first: the next state shows the page what it has
        self._fitted = asked
        self._put()
        here = self._asked_in is store.opened
        if here and asked is not None and same_model(asked, store.document):
            self._applying = True
            if store.apply_estimate(outcome.estimate):
                found = SetParameters(outcome.estimate.values, label="Fit")
                # The set-up may be another by now than the one that was fitted.
                self._fitted = (
                    store.document if change_since(asked, store.document) is None else found.apply(asked)
                )
            self._applying = False
            self._put()
        else:
            ended = self._results
            self._follow()
            shown = self._results is ended
            where = "are shown" if shown else "will be shown with the model they belong to"
            store.notify(
                f"The model changed while it was fitted: the estimates {where} and were not put into it.",
                "warning",
            )
        self._done("news")

    def _put(self) -> None:
        kept = self.kept()
        if kept is not None:
            self._shelf.put(kept, self._asked_in)

    def _tell_of(self, under_way: bool) -> None:
        self._store.param.update(fitting=under_way, answers=self._store.answers + 1)

    # --- kept and brought back --------------------------------------------------------------------

    def kept(self) -> KeptFit | None:
        """The fit that is shown, with what was asked beyond it; the same object until there is more."""
        results, document, estimate = self._results, self._fitted, self._derived.estimate
        if results is None or document is None or estimate is None:
            return None
        estimate = self._questions.answered(estimate)
        key = (results, document, estimate.derived, (*estimate.profiles,), estimate.omissions)
        if self._kept is None or self._kept[0] != key:
            self._kept = key, KeptFit(estimate, results.seconds, results.number, document)
        return self._kept[1]

    def bring_back(self, kept: KeptFit | None) -> None:
        """Show a fit that was kept, or none; nothing is fitted."""
        self.close()
        self._job, self._phase = None, "idle"
        self._shelf.clear()
        self._opened = self._store.opened
        if kept is not None:
            self._count = kept.number
            self._shelf.put(kept, self._opened)
        self._take_up(kept)
        self._show()

    def _changed(self) -> None:
        self._follow()
        self._show()

    def _follow(self) -> None:
        """Show the fit of the present model, and none from before it was opened."""
        if self._job is not None or self._applying:
            return
        shown, opened = self.kept(), self._store.opened
        if shown is not None:
            self._shelf.update(shown)
        now = self._store.document
        chosen = self._shelf.choose(shown, opened, lambda kept: change_since(kept.document, now) is None)
        if (chosen and chosen.number) != (shown and shown.number):
            self._take_up(chosen)
        elif opened is not self._opened:
            self._failure = None
        self._opened = opened

    def _take_up(self, kept: KeptFit | None) -> None:
        store, self._failure = self._store, None
        if kept is None:
            self._questions.stop()
            self._results = self._fitted = None
            self._steps = []
            self._tables.clear()
            if store.estimate is not None:
                store.bring_back_estimate(None, None)
            return
        document, estimate = kept.document, kept.estimate
        table, _ = under_choices(document, store.tables.get(document.data_name or ""))
        same = table is store.table and same_structure(document, store.document)
        built = store.build if same else build(document, table)
        self._spoken = Spoken(document, built)
        self._steps = [Step.of(iteration, iteration.seconds) for iteration in estimate.fit.history]
        self._derived.begin(built.v, estimate)
        self._questions.begin(document, table, built.v, estimate, self._spoken)
        self._fitted = document
        rows = used_rows(document, table, estimate.fit.n)
        self._results = Results(estimate, kept.seconds, document.title, kept.number, rows)
        self._tables.show(self._results.state(self._spoken))
        store.bring_back_estimate(estimate, document)

    def _restore(self) -> None:
        if self._results is not None:
            self._store.dispatch(SetParameters(self._results.estimate.values, label="Fit"))

    def _answered(self) -> Results | None:
        """The results with what was asked beyond the fit."""
        estimate = self._derived.estimate
        if self._results is None or estimate is None:
            return None
        return self._results.of(self._questions.answered(estimate))

    def _save(self, message: SaveTable) -> None:
        results = self._answered()
        if results is not None:
            self._download(*results.file(message.table, self._spoken))

    def _copy(self, message: CopyTable) -> None:
        results = self._answered()
        if results is not None:
            self.channel.tell(ClipboardText(text=results.text(message.table, self._spoken)))

    # --- drawing ----------------------------------------------------------------------------------

    def _show(self) -> None:
        before, now = self._kept, self.kept()
        if now is not None and (before is None or before[1] is not now):
            self._store.answers += 1
        self.channel.show(
            FitState(
                **self._setup.state(),
                derived=self._derived.state(),
                questions=self._questions.state(),
                phase=self._phase,
                ahead=self._ahead,
                held=self._held,
                steps=[
                    FitStep(
                        number=step.number,
                        loglik=step.loglik,
                        score=step.score_norm,
                        halvings=step.halvings,
                    )
                    for step in self._steps
                ],
                failure=None
                if self._failure is None
                else failure_state(self._store, self._spoken, self._failure),
                stale=None if self._results is None else stale(self._fitted, self._store),
            )
        )
