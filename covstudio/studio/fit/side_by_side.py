"""Several models fitted in the pool, or on a Dask cluster, for who asks from Python."""

from __future__ import annotations

import queue
from collections.abc import Callable
from functools import partial
from typing import Any

from covstudio.choosing.models import Entry
from covstudio.choosing.running import CANCELLED, Progress
from covstudio.document.files.write import dumps
from covstudio.fitting import Fitted
from covstudio.studio.fit.job import Event, Finished, Held, Job, Pool
from covstudio.studio.fit.pool import LocalPool
from covstudio.studio.fit.worker import Outcome, Step

__all__ = ["run"]

#: How often it is asked whether all is to end, in seconds.
POLL_SECONDS = 0.05


def run(asked: Any) -> tuple[Entry, ...]:
    """Fit models in processes of their own; what becomes of each is heard in the thread that asks.

    Args:
        asked: the models, their table and how, as `covstudio.choosing.running` has them.

    Returns:
        An entry for each model, in order.
    """
    pool = _pool(asked.workers, asked.scheduler)
    events: queue.Queue[tuple[str, Event]] = queue.Queue()
    jobs: dict[str, Job] = {}
    outcomes: dict[str, Outcome] = {}
    try:
        for name, document in asked.documents.items():
            text: Callable[[], str] = partial(dumps, document, asked.table)
            jobs[name] = Job(text, partial(_put, events, name))
            pool.submit(jobs[name])
        stopping = False
        while len(outcomes) < len(jobs):
            if not stopping and asked.cancel is not None and asked.cancel.is_set():
                stopping = True
                for name, job in jobs.items():
                    if name not in outcomes:
                        pool.cancel(job)
            try:
                name, event = events.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            if isinstance(event, Finished):
                outcomes[name] = event.outcome
                asked.progress(_ended(name, event.outcome, len(outcomes), len(jobs)))
            elif isinstance(event, Step):
                at = Progress(name, "iteration", event.number, event.loglik, len(outcomes), len(jobs))
                asked.progress(at)
            elif isinstance(event, Held):
                asked.progress(Progress(name, "held", done=len(outcomes), total=len(jobs), note=event.why))
    finally:
        pool.close()
    return tuple(_entry(name, asked, outcomes[name]) for name in jobs)


def _pool(workers: int | None, scheduler: str | None) -> Pool:
    if scheduler is None:
        return LocalPool(workers)
    from covstudio.studio.fit.dask import DaskPool

    return DaskPool(scheduler)


def _put(events: queue.Queue[tuple[str, Event]], name: str, event: Event) -> None:
    events.put((name, event))


def _ended(name: str, outcome: Outcome, done: int, total: int) -> Progress:
    if outcome.cancelled:
        return Progress(name, "cancelled", done=done, total=total, note=CANCELLED)
    if outcome.estimate is None:
        return Progress(name, "failed", done=done, total=total, note=outcome.message)
    return Progress(name, "fitted", done=done, total=total)


def _entry(name: str, asked: Any, outcome: Outcome) -> Entry:
    if outcome.cancelled:
        return Entry(name, error=CANCELLED)
    if outcome.estimate is None:
        return Entry(name, error=" ".join(outcome.message.split()) or "It could not be fitted.")
    found = outcome.estimate
    return Entry(name, Fitted(found, asked.documents[name], asked.table, found.notes))
