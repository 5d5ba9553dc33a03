"""Fits run in worker processes, so that nobody's sliders wait for anybody's fit.

The workers stand behind the standard `concurrent.futures` interface: one single-process executor for each
worker, so that a worker that dies takes its own fit with it and nothing else, and is replaced. The server
itself is never forked: forking a process that has used torch's threads can hang. On Linux workers are forked
from a process that has imported what a fit needs and done nothing, so that the second worker and every one
that replaces another costs no imports; elsewhere they are spawned. The document and its table travel as the
text of a saved model, the result as pickled bytes. A Dask cluster takes the workers' place when
COVSTUDIO_SCHEDULER names its scheduler (see `dask.py`).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import multiprocessing
import os
import pickle
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.connection import Connection

import panel as pn

from covstudio.data.tables import Table
from covstudio.document.files.write import dumps
from covstudio.document.model.document import Document
from covstudio.settings import FITS_PER_SESSION, PROCESSES, SCHEDULER, WORKERS
from covstudio.studio.fit.job import (
    POLL_SECONDS,
    Counts,
    Finished,
    Job,
    Listener,
    Pool,
    Started,
    Waiting,
    counted,
)
from covstudio.studio.fit.worker import (
    Fitting,
    Outcome,
    Task,
    begin,
    own_modules,
    warm,
    work,
)
from covstudio.studio.session.workers import STARTING, context

log = logging.getLogger("covstudio")

#: A cancelled fit that has not stopped by itself after this long is in the middle of a long iteration: its
#: worker is ended.
GRACE_SECONDS = 2.0
DIED = (
    "The process that ran the fit ended unexpectedly, most likely because memory ran out. "
    "It has been replaced: press Fit to try again, or try a smaller model."
)


#: Errors of a machine on which processes cannot share memory, such as one whose /dev/shm cannot be written.
NOT_SHARED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOSPC, errno.ENOSYS}


def workers_wanted() -> int:
    """Number of fits that may run side by side in this process: its share of what the setting says.

    Raises:
        ValueError: COVSTUDIO_WORKERS is no whole number of 1 or more.
    """
    return max(1, (WORKERS() or max(2, (os.cpu_count() or 1) // 2)) // PROCESSES())


class _Slot:
    """One worker process with its own line back."""

    def __init__(self, threads: int) -> None:
        forking = context()
        self.steps: Connection
        self.steps, writer = forking.Pipe(duplex=False)
        self.stop = forking.Event()
        self.executor = ProcessPoolExecutor(
            1, mp_context=forking, initializer=begin, initargs=(writer, self.stop)
        )
        with STARTING:
            before = set(multiprocessing.active_children())
            self.warm: Future[int] = self.executor.submit(warm, threads)
            self._started = set(multiprocessing.active_children()) - before
        self.writer = writer
        self.job: Job | None = None

    def kill(self) -> None:
        """End the process at once, while it warms up too; its future breaks."""
        for process in self._started:
            process.kill()

    def close(self) -> None:
        self.executor.shutdown(wait=False, cancel_futures=True)
        for end in (self.steps, self.writer):
            with contextlib.suppress(OSError):
                end.close()


class LocalPool:
    """Worker processes on this machine.

    Args:
        workers: how many; `workers_wanted()` when left out.

    Raises:
        ValueError: the environment asks for a number of workers that makes no sense.
    """

    def __init__(self, workers: int | None = None) -> None:
        processors = os.cpu_count() or 1
        self._size = workers or workers_wanted()
        self._threads = max(1, processors // self._size)
        self._lock = threading.RLock()
        self._making = threading.Lock()
        self._slots: list[_Slot] = []
        self._queue: deque[Job] = deque()
        self._closed = False

    def prewarm(self) -> None:
        """Start every worker, one after the other, in the background."""
        threading.Thread(target=self._prewarm, name="covstudio-prewarm", daemon=True).start()

    def _prewarm(self) -> None:
        for _ in range(self._size):
            if self._closed or len(self._slots) >= self._size:
                return
            # Who asks for a fit or for counts does not wait for the first process, which imports everything.
            with self._making:
                if self._closed:
                    return
                try:
                    slot = self._made()
                except OSError as error:
                    if not isinstance(error.__cause__, EOFError):  # so a whole group of processes ends
                        log.error("%s", error)
                    return
                with self._lock:
                    wanted = len(self._slots) < self._size
                    if wanted:
                        self._slots.append(slot)
                if not wanted:
                    slot.kill()
                    slot.close()
                    return
            with contextlib.suppress(Exception):  # a worker that cannot start is told of when a fit needs it
                slot.warm.result(timeout=60)

    def _new_slot(self) -> _Slot:
        slot = self._made()
        self._slots.append(slot)
        return slot

    def _made(self) -> _Slot:
        """A worker that is none of the pool's yet.

        Raises:
            OSError: no process can be started.
        """
        try:
            return _Slot(self._threads)
        except OSError as error:
            if error.errno in NOT_SHARED:
                raise OSError(
                    f"The processes that run fits cannot share memory on this machine ({error}). Make "
                    "/dev/shm writable (in a container: --shm-size=64m, or --tmpfs /dev/shm) and restart the "
                    "server, or set COVSTUDIO_SCHEDULER to the address of a Dask cluster."
                ) from error
            raise OSError(f"A process that runs fits could not be started ({error}).") from error
        except EOFError as error:  # somebody ended the process that workers are forked from
            raise OSError("A process that runs fits could not be started: try again.") from error

    def submit(self, job: Job) -> None:
        """Take a fit up, now or when a worker is free.

        Raises:
            OSError: no process can be started.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("expected an open pool, and this one was closed")
            self._queue.append(job)
            try:
                self._assign()
            except OSError:
                self._queue.remove(job)
                raise
        self._tell_places()

    def _tell_places(self) -> None:
        """Tell who is in the queue how many come first, where that is news: nobody leaves it meanwhile."""
        with self._lock:
            for ahead, job in enumerate(self._queue):
                if job.ahead != ahead:
                    job.ahead = ahead
                    job.tell(Waiting(ahead))

    def _next(self) -> Job | None:
        """The first in the queue whose session has not as many workers as it may have."""
        running = Counter(slot.job.owner for slot in self._slots if slot.job is not None)
        most = FITS_PER_SESSION()
        return next((job for job in self._queue if job.owner is None or running[job.owner] < most), None)

    def _assign(self) -> None:
        while (job := self._next()) is not None:
            idle = [slot for slot in self._slots if slot.job is None]
            idle.sort(key=lambda slot: not slot.warm.done())
            slot = idle[0] if idle else self._new_slot() if len(self._slots) < self._size else None
            if slot is None:
                return
            self._queue.remove(job)
            slot.job = job
            threading.Thread(target=self._watch, args=(slot, job), name="covstudio-fit", daemon=True).start()

    def _watch(self, slot: _Slot, job: Job) -> None:
        outcome = Outcome(message=DIED)
        broken = False
        try:
            outcome = self._follow(slot, job)
        except BrokenProcessPool:
            broken = True
            if job.cancelled.is_set():
                outcome = Outcome(cancelled=True)
            else:
                log.error("a worker process ended unexpectedly during a fit")
        except Exception as error:
            broken = True
            if self._closed:  # the line to the worker was cut
                outcome = Outcome(cancelled=True)
            else:
                log.exception("a fit could not be run")
                outcome = Outcome(message=f"The fit could not be run ({type(error).__name__}: {error}).")
        with self._lock:
            slot.job = None
            slot.stop.clear()
            if broken and slot in self._slots:
                self._slots.remove(slot)
                slot.close()
            if not self._closed:
                try:
                    if broken and len(self._slots) < self._size:
                        self._new_slot()
                    self._assign()
                except OSError as error:
                    log.error("%s", error)
        job.tell(Finished(outcome))
        self._tell_places()

    def _follow(self, slot: _Slot, job: Job) -> Outcome:
        if job.cancelled.is_set():
            return Outcome(cancelled=True)
        text = job.text()
        slot.stop.clear()
        future = slot.executor.submit(work, pickle.dumps(job.task), text, own_modules())
        asked: float | None = None
        while not future.done() or slot.steps.poll(0):
            if slot.steps.poll(POLL_SECONDS):
                step = slot.steps.recv()
                job.tell(Started() if step is None else step)
            if job.cancelled.is_set():
                asked = asked or time.monotonic()
                slot.stop.set()
                if time.monotonic() - asked > GRACE_SECONDS and not future.done():
                    slot.kill()
                    asked = time.monotonic()
        outcome: Outcome = pickle.loads(future.result())
        return Outcome(cancelled=True) if job.cancelled.is_set() else outcome

    def cancel(self, job: Job) -> None:
        """Stop a fit: at its next iteration, or by ending its worker when that takes too long."""
        job.cancelled.set()
        with self._lock:
            if job not in self._queue:
                return
            self._queue.remove(job)
        job.tell(Finished(Outcome(cancelled=True)))
        self._tell_places()

    def close(self) -> None:
        """End the workers and every fit in them."""
        self._closed = True
        with self._making, self._lock:
            jobs = [*self._queue, *(slot.job for slot in self._slots if slot.job is not None)]
            self._queue.clear()
            slots, self._slots = self._slots, []
        for job in jobs:
            job.cancelled.set()
        for slot in slots:
            slot.kill()
            slot.close()
        for job in jobs:
            job.tell(Finished(Outcome(cancelled=True)))

    def counts(self) -> Counts:
        """How many workers there are, and how many jobs run and wait; whoever asks waits for nobody."""
        slots = list(self._slots)
        return counted(len(slots), sum(slot.job is not None for slot in slots), len(self._queue))

    @property
    def processes(self) -> Sequence[int]:
        """Process ids of the workers that are up."""
        with self._lock:
            return [
                slot.warm.result() for slot in self._slots if slot.warm.done() and not slot.warm.exception()
            ]


_pool: Pool | None = None
_pool_lock = threading.Lock()


def pool() -> Pool:
    """The one pool of this server process, made when it is first asked for.

    Raises:
        ImportError: COVSTUDIO_SCHEDULER is set and Dask is not installed.
    """
    global _pool
    with _pool_lock:
        if _pool is None:
            address = SCHEDULER()
            if address:
                from covstudio.studio.fit.dask import DaskPool

                _pool = DaskPool(address)
            else:
                _pool = LocalPool()
        return _pool


def counts() -> Counts:
    """What becomes of the fits of this server process, in numbers; no pool is made for that."""
    return counted(0, 0, 0) if _pool is None else _pool.counts()


def close_pool() -> None:
    """End the workers of this server process; the next fit starts new ones."""
    global _pool
    with _pool_lock:
        if _pool is not None:
            _pool.close()
        _pool = None


def start(document: Document, table: Table | None, listener: Listener, task: Task | None = None) -> Job:
    """Ask for a fit, or for an answer about one.

    Args:
        document: the model.
        table: its data.
        listener: called with `Waiting`, `Started`, what the task reports (of a fit one `Step` for each
            iteration, and `Inferring`) and `Finished`, from another thread.
        task: what to do; a fit when left out.

    Returns:
        The job; `cancel(job)` stops it.
    """
    session = pn.state.curdoc
    owner = None if session is None or session.session_context is None else session
    job = Job(partial(dumps, document, table), listener, task or Fitting(), owner)
    pool().submit(job)
    return job


def cancel(job: Job) -> None:
    """Stop a fit; nothing happens when it is over."""
    if not job.done.is_set():
        pool().cancel(job)
