"""What is heard of a job, collected from the thread that tells it."""

from __future__ import annotations

import threading
from typing import Any

from covstudio.studio.fit.job import Event, Finished, Started
from covstudio.studio.fit.worker import Outcome

#: Seconds after which what is waited for will not come.
PATIENCE = 180.0


class Heard:
    """Collects a fit's events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.begun = threading.Event()
        self.over = threading.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Started):
            self.begun.set()
        elif isinstance(event, Finished):
            self.begun.set()
            self.over.set()

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def start(self) -> None:
        """Wait until the fit has started."""
        assert self.begun.wait(PATIENCE), f"the fit did not start; it said {self.events}"
        assert not self.over.is_set(), f"the fit is over: {self.events}"

    @property
    def outcome(self) -> Outcome:
        assert self.over.wait(PATIENCE), f"the fit did not end; it said {self.events}"
        outcome: Outcome = self.of(Finished)[0].outcome
        return outcome
