"""A fit that was asked for, what is heard of it, and what a place to run it offers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
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
class Started:
    """A worker has taken the fit up."""


@dataclass(frozen=True)
class Finished:
    """The fit is over.

    Args:
        outcome: the estimate, or the sentences why there is none.
    """

    outcome: Outcome


Event = Waiting | Started | Report | Finished


Listener = Callable[[Event], None]


@dataclass(eq=False)
class Job:
    """One fit that was asked for, or a question about one.

    Args:
        text: gives the document and its table as a saved model; called in a thread of its own, for a large
            table takes a while to write.
        listener: called with every event, from another thread, one event at a time; `Finished` is the last.
        task: what to do with the model.
    """

    text: Callable[[], str]
    listener: Listener
    task: Task = field(default_factory=Fitting)
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def tell(self, event: Event) -> None:
        """Hand an event to the listener; its failure is logged and does not reach the worker."""
        if self.done.is_set():
            return
        if isinstance(event, Finished):
            self.done.set()
        try:
            self.listener(event)
        except Exception:
            log.exception("a fit's listener failed")


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
