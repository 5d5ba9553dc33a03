"""Fits on a Dask cluster, by its asynchronous client in an event loop of its own.

Needs `pip install 'covstudio[dask]'`, here and wherever the cluster's scheduler and workers run. docs/dask.md
is for whoever sets it up.

Nothing of it runs on a session's event loop: who asks for a fit, or for an answer about one, hands a job over
and hears of it. Every job has a connection of its own, so that none is told of a scheduler that has gone
meanwhile, and a new scheduler at the address is used by the next. While a job is under way the cluster is
looked at; what is in its way is said within seconds. Reports come back through a named queue; a named event
asks the worker to stop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import importlib
import importlib.util
import logging
import pickle
import re
import socket
import threading
import uuid
from collections.abc import Awaitable
from typing import Any

from covstudio import __version__
from covstudio.studio.fit.job import Counts, Event, Finished, Held, Job, Started, Waiting, counted
from covstudio.studio.fit.worker import Outcome, own_modules, perform

log = logging.getLogger("covstudio")

#: Seconds within which a connection stands, and those to find out why there is none.
CONNECT_SECONDS = 3.0
ASK_SECONDS = 0.5
#: Seconds that the cluster has to be told that a job is over.
LEAVE_SECONDS = 1.0
#: Seconds between two looks at the cluster, and those that it has for an answer: together at most 5, too.
LOOK_SECONDS = 1.0
ANSWER_SECONDS = 2.5
#: The last of what a worker says.
END = b""
#: How to get what the cluster and this server need.
INSTALL = f"pip install 'covstudio[dask]=={__version__}'"


class ClusterError(Exception):
    """The cluster cannot do a job; the text says why, and what mends it."""


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
        if importlib.util.find_spec("distributed") is None:
            raise ImportError(
                f"COVSTUDIO_SCHEDULER is {address!r}, which needs Dask: {INSTALL}. "
                "Or unset it, to fit in processes on this machine."
            )
        self._address = address
        self._loop = asyncio.new_event_loop()
        self._served: dict[Job, asyncio.Task[None]] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="covstudio-dask", daemon=True)
        self._thread.start()

    def prewarm(self) -> None:
        """Look in the background whether the cluster is there; the log says what is missing."""
        asyncio.run_coroutine_threadsafe(self._look(), self._loop)

    async def _look(self) -> None:
        try:
            client = await self._connected()
            try:
                why = await self._in_the_way(client)
            finally:
                await _leave(client)
        except ClusterError as error:
            why = str(error)
        if why:
            log.warning("No fit will run for now. %s", why)

    def submit(self, job: Job) -> None:
        """Send a fit to the cluster.

        Raises:
            RuntimeError: the pool was closed.
        """
        if self._closed:
            raise RuntimeError("expected an open pool, and this one was closed")
        self._loop.call_soon_threadsafe(self._begin, job)

    def _begin(self, job: Job) -> None:
        if job.cancelled.is_set():
            job.tell(Finished(Outcome(cancelled=True)))
        else:
            self._served[job] = serving = self._loop.create_task(self._serve(job))
            serving.add_done_callback(lambda over: self._served.pop(job, None))

    def cancel(self, job: Job) -> None:
        """Give a fit up: it is over at once, and its worker is told to stop at the next iteration."""
        job.cancelled.set()
        self._loop.call_soon_threadsafe(self._give_up, job)

    def _give_up(self, job: Job) -> None:
        if job in self._served:
            job.tell(Finished(Outcome(cancelled=True)))
            self._served[job].cancel()

    async def _serve(self, job: Job) -> None:
        try:
            outcome = await self._outcome(job)
        except ClusterError as error:
            log.warning("a fit could not be run on the cluster: %s", error)
            outcome = Outcome(message=str(error))
        except asyncio.CancelledError:
            outcome = Outcome(cancelled=True)
        except Exception as error:
            log.exception("a fit on the cluster could not be run")
            outcome = Outcome(message=f"The cluster could not run this ({type(error).__name__}: {error}).")
        job.tell(Finished(outcome))

    async def _outcome(self, job: Job) -> Outcome:
        client = await self._connected()
        if job.cancelled.is_set():
            await _leave(client)
            raise asyncio.CancelledError
        talking = asyncio.ensure_future(self._talk(job, client))
        watching = asyncio.ensure_future(self._watch(job, client))
        try:
            await asyncio.wait({talking, watching}, return_when=asyncio.FIRST_COMPLETED)
            return (talking if talking.done() else watching).result()
        finally:
            await _ended(talking, watching)
            await _leave(client)

    async def _connected(self) -> Any:
        """A client of the scheduler.

        Raises:
            ClusterError: there is none to be had.
        """
        distributed = await asyncio.to_thread(_distributed)
        client: Any = None
        try:
            client = distributed.Client(
                self._address, timeout=0.9 * CONNECT_SECONDS, asynchronous=True, set_as_default=False
            )  # its own time ends before ours: it knows why there is no connection
            async with asyncio.timeout(CONNECT_SECONDS):
                return await client
        except BaseException as error:
            if client is not None:
                await _leave(client)
            if isinstance(error, Exception):
                raise ClusterError(await _why_unreachable(self._address, error)) from error
            raise

    async def _talk(self, job: Job, client: Any) -> Outcome:
        """Have a worker do a job, and hand on what it says."""
        distributed = _distributed()
        text = await asyncio.to_thread(job.text)
        name = f"covstudio-{uuid.uuid4().hex}"
        queue = await distributed.Queue(name, client=client)
        job.tell(Waiting(0))
        sent = (name, pickle.dumps(job.task), text, own_modules(), __version__)
        future = client.submit(_work_on_worker, *sent, pure=False)
        hearing = asyncio.ensure_future(_hear(job, queue))
        try:
            packed = await future.result()
            await hearing
            outcome: Outcome = pickle.loads(packed)
            return outcome
        except asyncio.CancelledError:
            if not job.cancelled.is_set():
                raise self._lost() from None
            await _within(LEAVE_SECONDS, distributed.Event(name, client=client).set())
            raise
        except concurrent.futures.CancelledError:
            raise self._lost() from None
        except distributed.KilledWorker as error:
            raise ClusterError(
                "The workers of the cluster that ran this ended unexpectedly, most likely because memory ran "
                "out there. Give them more memory, or try a smaller model."
            ) from error
        except (ImportError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "deserialization" not in str(error):
                raise
            raise ClusterError(
                f"The cluster lacks what this needs ({error.__cause__ or error}). Install the same covstudio "
                f"wherever its scheduler and its workers run, {INSTALL}, and start them again."
            ) from error
        finally:
            await _ended(hearing)
            with contextlib.suppress(Exception):
                queue.close()

    async def _watch(self, job: Job, client: Any) -> Outcome:
        """Say what is in the way of a job, for as long as it is under way.

        Raises:
            ClusterError: the scheduler has gone, and the job with it.
        """
        said = ""
        while True:
            why = await self._in_the_way(client)
            if client.status != "running":
                raise self._lost()
            if why != said:
                job.tell(Held(why))
                said = why
            await asyncio.sleep(LOOK_SECONDS)

    async def _in_the_way(self, client: Any) -> str:
        """Why no worker can take anything up now, in a sentence; empty where one can."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                workers = await client.nthreads()
        except (TimeoutError, OSError):
            return (
                f"The Dask scheduler at {self._address} gives no answer for now: this goes on as soon as it "
                "does."
            )
        if not workers:
            return (
                f"The Dask cluster at {self._address} has no workers: this begins as soon as one has joined "
                f"(dask worker {self._address})."
            )
        return ""

    def _lost(self) -> ClusterError:
        return ClusterError(
            f"The line to the Dask scheduler at {self._address} was lost, and what it was doing with it. "
            "Try again: a scheduler that has come back is used."
        )

    def counts(self) -> Counts:
        """How many jobs the cluster has; how many workers is its own affair."""
        return counted(0, len(self._served), 0)

    def close(self) -> None:
        """Leave the cluster; fits under way are cancelled."""
        self._closed = True

        async def end() -> None:
            tasks = list(self._served.values())
            for job in list(self._served):
                job.cancelled.set()
                self._give_up(job)
            if tasks:
                await asyncio.wait(tasks)

        with contextlib.suppress(concurrent.futures.TimeoutError):
            asyncio.run_coroutine_threadsafe(end(), self._loop).result(3 * LEAVE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LEAVE_SECONDS)


async def _hear(job: Job, queue: Any) -> None:
    """Tell a job what its worker says, to the end of it."""
    while (packed := await queue.get()) != END:
        event: Event = pickle.loads(packed)
        job.tell(event)


async def _ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks, until they are: waiting for an answer may end with it and miss that it was cancelled."""
    for task in tasks:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=0.1)
        if not task.cancelled():
            task.exception()  # looked at: nobody else does


async def _within(seconds: float, done: Awaitable[Any]) -> None:
    """Wait for what is good to have done, and not for long."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(seconds):
            await done


async def _leave(client: Any) -> None:
    await _within(LEAVE_SECONDS, client.close())


async def _refused(address: str) -> OSError | None:
    """Why nobody takes a connection at an address: Dask tries on and on, and tells of its last try only."""
    found = re.fullmatch(r"(?:\w+://)?\[?([^/\[\]]+?)\]?:(\d+)(?:/.*)?", address)
    if found is None:
        return None
    try:
        async with asyncio.timeout(ASK_SECONDS):
            _, line = await asyncio.open_connection(found[1], int(found[2]))
            line.close()
    except TimeoutError:
        return None
    except OSError as error:
        return error
    return None


async def _why_unreachable(address: str, error: Exception) -> str:
    """A sentence why there is no scheduler at an address, and what mends it."""
    if isinstance(error, ValueError):
        return (
            f"COVSTUDIO_SCHEDULER is {address!r}, and an address such as tcp://10.0.0.5:8786 is expected "
            f"({error})."
        )
    if isinstance(error, ImportError):  # by Dask, of versions that do not go together
        return f"The Dask scheduler at {address} cannot be used from here: {error}"
    refused = await _refused(address)
    mend = (
        "Start one there (dask scheduler), or start this server without COVSTUDIO_SCHEDULER, to fit on its "
        "own machine. Then try again."
    )
    if isinstance(refused, socket.gaierror):
        why = "no machine of this name is known"
    elif refused is not None:
        why = f"nothing listens there ({refused.strerror})"
    elif isinstance(error, TimeoutError | OSError):
        why = f"no answer within {CONNECT_SECONDS:g} seconds"
    else:
        why = f"what answers there is none ({type(error).__name__})"
    return f"There is no Dask scheduler at {address}: {why}. {mend}"


def _work_on_worker(name: str, task: bytes, text: str, modules: tuple[str, ...], version: str) -> bytes:
    """Do a job on a worker of the cluster; what it says goes to the queue of this name."""
    distributed = _distributed()
    queue: Any = distributed.Queue(name)
    stop: Any = distributed.Event(name)
    try:
        if version != __version__:
            return pickle.dumps(
                Outcome(
                    message=f"The cluster's workers have covstudio {__version__}, and this server has "
                    f"{version}: install the same there, pip install 'covstudio[dask]=={version}', and start "
                    "them again."
                )
            )
        queue.put(pickle.dumps(Started()))
        return perform(task, text, lambda step: queue.put(pickle.dumps(step)), stop.is_set, modules)
    finally:
        stop.clear()
        queue.put(END)
