"""Fits on a Dask cluster, through its `concurrent.futures` executor.

Needs `pip install distributed`, here and on the workers.

The cluster's workers need this package too. Progress comes back through a named queue, cancelling goes out
through a named event.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import pickle
import threading
import uuid
from typing import Any

from covstudio.studio.fit.job import POLL_SECONDS, Counts, Finished, Job, Started, counted
from covstudio.studio.fit.worker import Outcome, Report, own_modules, perform

log = logging.getLogger("covstudio")


def _distributed() -> Any:
    """Dask's package, imported only where it is asked for: it is optional."""
    return importlib.import_module("distributed")


class DaskPool:
    """A Dask cluster as the place where fits run.

    Args:
        address: of the scheduler, such as "tcp://10.0.0.5:8786".

    Raises:
        ImportError: Dask is not installed.
    """

    def __init__(self, address: str) -> None:
        try:
            distributed = _distributed()
        except ImportError:
            raise ImportError(
                f"COVSTUDIO_SCHEDULER is {address!r}, which needs Dask: pip install distributed. "
                "Or unset it, to fit in processes on this machine."
            ) from None
        self._client = distributed.Client(address, timeout="10s", set_as_default=False)
        self._executor = self._client.get_executor(pure=False, retries=0)
        self._jobs: set[Job] = set()

    def prewarm(self) -> None:
        """Nothing to do: the cluster's workers are up."""

    def submit(self, job: Job) -> None:
        """Send a fit to the cluster."""
        self._jobs.add(job)
        threading.Thread(target=self._watch, args=(job,), name="covstudio-fit", daemon=True).start()

    def _watch(self, job: Job) -> None:
        distributed = _distributed()
        name = f"covstudio-{uuid.uuid4().hex}"
        queue: Any = distributed.Queue(name, client=self._client)
        stop: Any = distributed.Event(name, client=self._client)
        asked = False
        try:
            task = pickle.dumps(job.task)
            future = self._executor.submit(_work_on_worker, name, task, job.text(), own_modules())
            while not future.done() or queue.qsize():
                with contextlib.suppress(TimeoutError):
                    packed = queue.get(timeout=POLL_SECONDS)
                    step: Report | None = pickle.loads(packed)
                    job.tell(Started() if step is None else step)
                if job.cancelled.is_set() and not asked:
                    asked = True
                    stop.set()
                    future.cancel()
            outcome = Outcome(cancelled=True) if job.cancelled.is_set() else pickle.loads(future.result())
        except Exception as error:
            if not job.cancelled.is_set():
                log.exception("a fit on the cluster could not be run")
            outcome = Outcome(
                cancelled=job.cancelled.is_set(),
                message=f"The cluster could not run the fit ({type(error).__name__}: {error}). "
                "Press Fit to try again.",
            )
        finally:
            self._jobs.discard(job)
            with contextlib.suppress(Exception):
                queue.close()
        job.tell(Finished(outcome))

    def cancel(self, job: Job) -> None:
        """Stop a fit at its next iteration."""
        job.cancelled.set()

    def counts(self) -> Counts:
        """How many jobs the cluster has; how many workers is its own affair."""
        return counted(0, len(self._jobs), 0)

    def close(self) -> None:
        """Leave the cluster; fits under way are cancelled."""
        for job in list(self._jobs):
            self.cancel(job)
        self._client.close()


def _work_on_worker(name: str, task: bytes, text: str, modules: tuple[str, ...]) -> bytes:
    distributed = _distributed()
    queue: Any = distributed.Queue(name)
    stop: Any = distributed.Event(name)
    queue.put(pickle.dumps(None))
    return perform(task, text, lambda step: queue.put(pickle.dumps(step)), stop.is_set, modules)
