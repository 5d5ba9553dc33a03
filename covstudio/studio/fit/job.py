"""A fit that was asked for, what is heard of it, and what a place to run it offers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from covstudio.studio.fit.worker import Fitting, Outcome, Report, Task

log = logging.getLogger("covstudio")

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Waiting:
    """Every worker is busy.

    Args:
        ahead: how many fits come first.
    """

    ahead: int


@dataclass(frozen=True)
class Held:
    """Nothing goes on with the fit for now, or does again.

    Args:
        why: a sentence; empty, what was in the way is not any more.
    """

    why: str


@dataclass(frozen=True)
class Started:
    """A worker has taken the fit up; or another has, from its beginning, where the first was lost."""


@dataclass(frozen=True)
class Finished:
    """The fit is over.

    Args:
        outcome: the estimate, or the sentences why there is none.
    """

    outcome: Outcome


Event = Waiting | Held | Started | Report | Finished


Listener = Callable[[Event], None]


@dataclass
class Counts:
    """What becomes of jobs, in numbers.

    Attributes:
        workers: processes that are there for them.
        running: how many are under way.
        waiting: how many wait for a worker.
        ended: how many have ended since the process began.
        failed: how many of these ended in an error.
        seconds: how long they took together, from when a worker took them up.
    """

    workers: int = 0
    running: int = 0
    waiting: int = 0
    ended: int = 0
    failed: int = 0
    seconds: float = 0.0


#: Of all jobs of this process that have ended.
_ended = Counts()
_counting = threading.Lock()


@dataclass(eq=False)
class Job:
    """One fit that was asked for, or a question about one.

    Args:
        text: gives the document and its table as a saved model; called in a thread of its own, for a large
            table takes a while to write.
        listener: called with every event, from another thread, one event at a time; `Finished` is the last.
        task: what to do with the model.
        owner: the session that asked; None where there is one only.
    """

    text: Callable[[], str]
    listener: Listener
    task: Task = field(default_factory=Fitting)
    owner: object = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    began: float | None = None
    ahead: int | None = None

    def tell(self, event: Event) -> None:
        """Hand an event to the listener; its failure is logged and does not reach the worker."""
        if self.done.is_set():
            return
        if isinstance(event, Started):
            self.began = time.monotonic()
        if isinstance(event, Finished):
            self.done.set()
            self._count(event.outcome)
        try:
            self.listener(event)
        except Exception:
            log.exception("a fit's listener failed")

    def _count(self, outcome: Outcome) -> None:
        with _counting:
            _ended.ended += 1
            _ended.failed += bool(outcome.message) and not outcome.cancelled
            _ended.seconds += 0.0 if self.began is None else time.monotonic() - self.began


class Pool(Protocol):
    """Where fits run."""

    def submit(self, job: Job) -> None:
        """Take a fit up, now or when a worker is free."""

    def cancel(self, job: Job) -> None:
        """Stop a fit; it ends with `Finished` and a cancelled outcome."""

    def prewarm(self) -> None:
        """Start the workers in the background, so that the first fit does not wait for imports."""

    def close(self) -> None:
        """End the workers and every fit in them."""

    def counts(self) -> Counts:
        """How many workers there are, and how many jobs run and wait."""


def counted(workers: int, running: int, waiting: int) -> Counts:
    """Counts of a pool with those of jobs that have ended."""
    with _counting:
        return replace(_ended, workers=workers, running=running, waiting=waiting)
