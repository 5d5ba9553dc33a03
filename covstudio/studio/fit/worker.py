"""The work of a worker process: read the model, do its task, report as it goes, stop when asked.

Kept apart from `fitting` so that a worker imports neither Panel nor the rest of the studio.
"""

from __future__ import annotations

import importlib
import logging
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Protocol

from covstudio.studio.session import workers

if TYPE_CHECKING:
    from covstudio.reml.problem.iteration import Iteration

log = logging.getLogger("covstudio")


@dataclass(frozen=True)
class Step:
    """One iteration of a fit, as plain numbers.

    Args:
        number: of the iteration, from 0 at the start values.
        loglik: the log-likelihood there.
        score_norm: how far from stationary.
        step: the share of the proposed step that was taken.
        halvings: how often the step was halved.
        seconds: since the fit began.
        params: parameter path -> natural value.
    """

    number: int
    loglik: float
    score_norm: float
    step: float
    halvings: int
    seconds: float
    params: dict[str, float]

    @classmethod
    def of(cls, iteration: Iteration, seconds: float) -> Step:
        """An iteration, so long after the fit began."""
        return cls(
            number=int(iteration.number),
            loglik=float(iteration.loglik),
            score_norm=float(iteration.score_norm),
            step=float(iteration.step),
            halvings=int(iteration.halvings),
            seconds=seconds,
            params={name: float(value) for name, value in iteration.params.items()},
        )


@dataclass(frozen=True)
class Inferring:
    """The estimates are found; intervals and tests are being computed."""


@dataclass(frozen=True)
class Working:
    """How far an answer to one question about a fit is.

    Args:
        name: what the question is about.
        count: refits or iterations so far.
    """

    name: str
    count: int


@dataclass(frozen=True)
class Answered:
    """One question about a fit is answered.

    Args:
        name: what it was about.
        value: the answer; a sentence where there is none.
    """

    name: str
    value: Any


@dataclass(frozen=True)
class Outcome:
    """How a task ended: with an estimate where it was a fit, with a sentence, or cancelled.

    Args:
        estimate: `covstudio.estimate.Estimate`, or None.
        message: what went wrong.
        problems: (node id or None, sentence) for each unfinished part of the model.
        cancelled: the person stopped it.
        seconds: how long it took.
    """

    estimate: Any = None
    message: str = ""
    problems: tuple[tuple[str | None, str], ...] = ()
    cancelled: bool = False
    seconds: float = 0.0


Report = Step | Inferring | Working | Answered
Reporter = Callable[[Report], None]


class Task(Protocol):
    """What a worker is asked to do with a saved model; it is pickled."""

    def run(self, text: str, report: Reporter, stopped: Callable[[], bool]) -> Outcome:
        """Do it.

        Args:
            text: see `covstudio.document.files.write`.
            report: called as the task goes on.
            stopped: asked now and then; True ends the task.
        """


@dataclass(frozen=True)
class Fitting:
    """A fit.

    Args:
        max_iter: the most iterations.
    """

    max_iter: int = 100

    def run(self, text: str, report: Reporter, stopped: Callable[[], bool]) -> Outcome:
        """Fit a saved model with its table."""
        return fit(text, self.max_iter, report, stopped)


_steps: Connection | None = None
_stop: Any = None


def begin(steps: Connection, stop: Any) -> None:
    """Set a fresh worker process up.

    Args:
        steps: where its iterations go.
        stop: an event that is set when its fit is to end.
    """
    global _steps, _stop
    _steps, _stop = steps, stop
    workers.begin(FITS_ARE_NICE)


#: How much less a fit asks of a processor that a page wants too: Unix's nice.
FITS_ARE_NICE = 10


def warm(threads: int) -> int:
    """Fit a small model once, so that everything a fit imports and compiles is there; the process id.

    To its end, with the tests: what comes after the estimates has its own imports. It is what a worker does
    first, before any task.

    Args:
        threads: for torch.
    """
    import torch

    torch.set_num_threads(threads)
    from covstudio.data.examples import load_example
    from covstudio.document.files.templates import templates
    from covstudio.estimate import estimate

    table = load_example("john_alpha")
    pickle.dumps(estimate(templates()[0].document(table), table))
    return os.getpid()


def own_modules() -> tuple[str, ...]:
    """The modules that registered structures of their own with this process; a worker imports them too."""
    from covstudio.covariance import catalogue

    modules = {declared.cls.__module__ for declared in catalogue()}
    return tuple(sorted(name for name in modules if not name.startswith(("covstudio.", "__"))))


def work(packed: bytes, text: str, modules: tuple[str, ...] = ()) -> bytes:
    """Do a task with the model in `text`, reporting to the pipe of `begin`.

    Args:
        packed: the pickled task. Plain pickling copies tensors, here and of the outcome; the pool's own would
            pass them as shared memory, which is gone when the worker is.
        text: see `covstudio.document.files.write`.
        modules: what registers structures that are not built in.

    Returns:
        A pickled `Outcome`.
    """
    assert _steps is not None
    _steps.send(None)
    return perform(packed, text, _steps.send, _stop.is_set, modules)


def perform(
    packed: bytes,
    text: str,
    report: Reporter,
    stopped: Callable[[], bool],
    modules: tuple[str, ...] = (),
) -> bytes:
    """Do a pickled task; what is wrong with the model or its data comes as sentences, never as an exception.

    Args:
        packed: the task.
        text: a saved model with its table.
        report: called as the task goes on.
        stopped: asked now and then; True ends the task.
        modules: what registers structures that are not built in.

    Returns:
        A pickled `Outcome`.
    """

    def run() -> Outcome:
        for module in modules:
            importlib.import_module(module)
        task: Task = pickle.loads(packed)
        return task.run(text, report, stopped)

    return pickle.dumps(guarded(run))


def guarded(run: Callable[[], Outcome]) -> Outcome:
    """What a task comes to; what goes wrong in it becomes sentences."""
    try:
        return run()
    except MemoryError:
        return Outcome(message="Memory ran out during the fit. Use fewer rows, or a simpler model.")
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> Outcome:
    from covstudio.estimate import ModelError
    from covstudio.reml import FitCancelled

    if isinstance(error, FitCancelled):
        return Outcome(cancelled=True)
    if isinstance(error, ModelError):
        problems = tuple((problem.node_id, problem.message) for problem in error.problems)
        return Outcome(message=str(error), problems=problems)
    if isinstance(error, ValueError | ImportError):
        return Outcome(message=str(error))
    log.error("a fit failed", exc_info=error)
    return Outcome(
        message=f"The fit failed ({type(error).__name__}: {error}). Please report this with the model file."
    )


def fit(text: str, max_iter: int, report: Reporter, stopped: Callable[[], bool]) -> Outcome:
    """Fit a saved model with its table.

    Args:
        text: see `covstudio.document.files.write`.
        max_iter: the most iterations.
        report: called with each iteration, and with `Inferring` after the last.
        stopped: asked at each iteration and between the steps after them; True ends the fit.

    Returns:
        The outcome; what is wrong with the model or its data comes as sentences, never as an exception.
    """
    began = time.monotonic()

    def callback(iteration: Iteration) -> None:
        report(Step.of(iteration, time.monotonic() - began))
        stop_where_asked(stopped)

    def run() -> Outcome:
        from covstudio.document.files.write import loads
        from covstudio.estimate import estimate

        document, table = loads(text)
        found = estimate(
            document,
            table,
            callback=callback,
            max_iter=max_iter,
            fitted=lambda result: report(Inferring()),
            stopped=stopped,
        )
        return Outcome(estimate=found, seconds=time.monotonic() - began)

    return guarded(run)


def stop_where_asked(stopped: Callable[[], bool]) -> None:
    """End a task that is not wanted any more.

    Raises:
        FitCancelled: `stopped` says so.
    """
    from covstudio.reml import FitCancelled

    if stopped():
        raise FitCancelled
