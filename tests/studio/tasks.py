"""Tasks for workers that compute nothing: what a test wants to watch is the worker, not the fit.

They import nothing that a worker does not have when it starts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from covstudio.studio.fit.worker import Outcome, Reporter, Working


def bare(threads: int) -> int:
    """What stands in for `worker.warm` where no worker fits anything: its process id, and nothing else."""
    return os.getpid()


@dataclass(frozen=True)
class Answer:
    """Over at once.

    Args:
        message: of the outcome.
    """

    message: str = "done"

    def run(self, text: str, report: Reporter, stopped: Callable[[], bool]) -> Outcome:
        """Say the message."""
        return Outcome(message=self.message)


@dataclass(frozen=True)
class Endless:
    """Goes on until it is stopped, as a fit between its iterations; or until its process is ended.

    Args:
        deaf: it never asks whether it is to stop, as a fit deep in an iteration.
    """

    deaf: bool = False

    def run(self, text: str, report: Reporter, stopped: Callable[[], bool]) -> Outcome:
        """Go on."""
        count = 0
        while self.deaf or not stopped():
            report(Working("endless", count))
            count += 1
            time.sleep(0.02)
        return Outcome(cancelled=True)
