"""Fits on a Dask cluster: real schedulers that come, go, have no workers, give no answer, or are none."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from distributed import LocalCluster

from covstudio.choosing import Progress, side_by_side
from covstudio.data.examples import load_example
from covstudio.document.files.templates import templates
from covstudio.studio.fit import dask
from covstudio.studio.fit import pool as fitting
from covstudio.studio.fit.dask import DaskPool
from covstudio.studio.fit.job import Event, Held, Job, Waiting
from covstudio.studio.fit.worker import Step, Task
from tests.studio.conftest import Logged
from tests.studio.heard import PATIENCE, Heard
from tests.studio.tasks import Answer, Endless


@pytest.fixture(autouse=True)
def environment_as_it_was() -> Iterator[None]:
    """Where Dask starts processes, it sets the threads of every library to one, in this process too."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def cluster(workers: int = 1, port: int = 0) -> LocalCluster:
    """A scheduler and its workers in threads of this process, reached by TCP as any other."""
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=False,
        protocol="tcp://",
        scheduler_port=port,
        dashboard_address=None,
        silence_logs=50,
    )


@contextmanager
def pool_at(address: str) -> Iterator[DaskPool]:
    pool = DaskPool(address)
    try:
        yield pool
    finally:
        pool.close()


def have(pool: DaskPool, task: Task) -> tuple[Job, Heard]:
    """Have a task done that needs no model."""
    heard = Heard()
    job = Job(str, heard, task)
    pool.submit(job)
    return job, heard


class Words(Heard):
    """Waits for what is said."""

    def __init__(self) -> None:
        super().__init__()
        self._said = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._said:
            super().__call__(event)
            self._said.notify_all()

    def until(self, there: Callable[[], object]) -> None:
        """Wait until something has been heard."""
        with self._said:
            assert self._said.wait_for(there, PATIENCE), self.events

    def held(self, words: str) -> str:
        """What is in the way, once it has these words in it."""
        self.until(lambda: any(words in held.why for held in self.of(Held)))
        return str(self.of(Held)[-1].why)


def listening() -> socket.socket:
    """What takes connections and never says a word."""
    silent = socket.create_server(("127.0.0.1", 0))
    return silent


def address_of(listener: socket.socket) -> str:
    return f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def test_what_is_missing_is_said_within_five_seconds() -> None:
    assert dask.CONNECT_SECONDS + dask.LEAVE_SECONDS + dask.ASK_SECONDS <= 5
    assert dask.LOOK_SECONDS + dask.ANSWER_SECONDS <= 5


def test_a_scheduler_without_dask_is_refused_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setenv("COVSTUDIO_SCHEDULER", "tcp://nowhere:8786")
    monkeypatch.setattr(fitting, "_pool", None)
    with pytest.raises(ImportError, match=r"tcp://nowhere.*pip install 'covstudio\[dask\]"):
        fitting.pool()


def test_a_cluster_of_processes_fits_stops_and_says_what_became_of_a_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = load_example("john_alpha")
    alpha = templates()[0].document(table)
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs=50,
        scheduler_kwargs={"allowed_failures": 0},
    ) as processes:
        monkeypatch.setenv("COVSTUDIO_SCHEDULER", processes.scheduler_address)
        monkeypatch.setattr(fitting, "_pool", None)
        try:
            heard = Heard()
            fitting.start(alpha, table, heard)
            assert heard.outcome.estimate.fit.loglik == pytest.approx(-46.596910, abs=1e-5)
            assert heard.of(Waiting) == [Waiting(0)]
            history = heard.outcome.estimate.fit.history
            assert [step.number for step in heard.of(Step)] == [one.number for one in history]

            with monkeypatch.context() as patch:
                patch.setattr(dask, "__version__", "0.0.1")
                other = Heard()
                fitting.start(alpha, table, other)
                assert "this server has 0.0.1: install the same" in other.outcome.message

            long = Heard()
            job = fitting.start(alpha, table, long, Endless())
            long.start()
            fitting.cancel(job)
            assert long.outcome.cancelled

            last = Heard()  # the worker is free again: it has heard that it is to stop
            fitting.start(alpha, table, last, Endless(deaf=True))
            last.start()
            (worker,) = processes.workers.values()
            os.kill(worker.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            assert "most likely because memory ran out" in last.outcome.message
        finally:
            fitting.close_pool()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://127.0.0.1:1", "nothing listens there"),
        ("http://127.0.0.1:1", "an address such as tcp://10.0.0.5:8786 is expected"),
        ("tcp://127.0.0.1", "an address such as tcp://10.0.0.5:8786 is expected"),
    ],
)
def test_a_scheduler_that_is_not_there_is_said(
    address: str, words: str, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setattr(dask, "CONNECT_SECONDS", 0.2)
    with pool_at(address) as pool:
        message = have(pool, Answer())[1].outcome.message
    assert words in message
    assert address in message
    assert "Traceback" not in logged.text


def test_an_unknown_machine_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "CONNECT_SECONDS", 0.2)

    def unknown(*asked: object, **also: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pool_at("tcp://nowhere:8786") as pool:
        assert "no machine of this name is known" in have(pool, Answer())[1].outcome.message


def test_what_is_no_scheduler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "CONNECT_SECONDS", 1.0)

    def answer(listener: socket.socket) -> None:
        with closing(listener.accept()[0]) as line:
            line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with listening() as listener, pool_at(address_of(listener)) as pool:
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        assert "There is no Dask scheduler at tcp://" in have(pool, Answer())[1].outcome.message


def test_nobody_waits_for_a_scheduler_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "CONNECT_SECONDS", PATIENCE)
    with listening() as listener, pool_at(address_of(listener)) as pool:
        pool.prewarm()
        job, heard = have(pool, Answer())
        # Whoever asked goes on while the line is still being opened, and may give it up.
        assert not heard.over.is_set()
        assert pool.counts().running <= 1
        pool.cancel(job)
        assert heard.outcome.cancelled
        monkeypatch.setattr(dask, "CONNECT_SECONDS", 0.2)
        message = have(pool, Answer())[1].outcome.message
        assert "no answer within 0.2 seconds" in message


def test_a_cluster_without_workers_is_said_and_begins_when_one_joins(logged: Logged) -> None:
    with cluster(workers=0) as empty, pool_at(empty.scheduler_address) as pool:
        heard = Words()
        pool.submit(Job(str, heard, Answer("well")))
        assert f"dask worker {empty.scheduler_address}" in heard.held("has no workers")
        assert not heard.over.is_set()
        empty.scale(1)
        assert heard.outcome.message == "well"
        assert logged.records == []


def test_what_is_missing_when_the_server_starts_stands_in_its_log(
    monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    with cluster(workers=0) as empty, pool_at(empty.scheduler_address) as pool:
        dask.asyncio.run_coroutine_threadsafe(pool._look(), pool._loop).result(PATIENCE)
        assert "No fit will run for now. The Dask cluster" in logged.text


def test_a_scheduler_that_dies_is_said_and_a_new_one_is_used() -> None:
    first = cluster()
    address = first.scheduler_address
    port = int(address.rsplit(":", 1)[1])
    with pool_at(address) as pool:
        _, heard = have(pool, Endless())
        heard.start()
        first.close()
        assert "was lost" in heard.outcome.message
        with cluster(port=port) as second:
            assert second.scheduler_address == address
            assert have(pool, Answer("back"))[1].outcome.message == "back"


def test_a_scheduler_that_gives_no_answer_is_said_and_holds_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dask, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(dask, "LOOK_SECONDS", 0.05)
    go_on = threading.Event()
    with cluster() as slow, pool_at(slow.scheduler_address) as pool:
        first, second = Words(), Words()
        jobs = [Job(str, heard, Endless()) for heard in (first, second)]
        pool.submit(jobs[0])
        first.start()
        pool.submit(jobs[1])  # the one worker has something to do
        second.until(lambda: second.of(Waiting))
        slow.loop.add_callback(go_on.wait)
        try:
            first.held("gives no answer")
            pool.cancel(jobs[0])
            assert first.outcome.cancelled
        finally:
            go_on.set()
        second.start()  # the worker has heard that the first is to stop
        pool.cancel(jobs[1])
        assert second.outcome.cancelled


class Elsewhere:
    """What can be read only where a module is that there is not."""

    def __call__(self, *given: object) -> None: ...

    def __reduce__(self) -> tuple[object, ...]:
        return importlib.import_module, ("no_such_module",)


def test_a_cluster_that_lacks_covstudio_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "_work_on_worker", Elsewhere())
    with cluster() as whole, pool_at(whole.scheduler_address) as pool:
        message = have(pool, Answer())[1].outcome.message
    assert "The cluster lacks what this needs" in message
    assert dask.INSTALL in message


def test_closing_gives_up_what_is_under_way(logged: Logged) -> None:
    with cluster() as whole:
        pool = DaskPool(whole.scheduler_address)
        _, heard = have(pool, Endless())
        heard.start()
        assert pool.counts().running == 1
        pool.close()
        assert heard.outcome.cancelled
        assert pool.counts().running == 0
        with pytest.raises(RuntimeError, match="closed"):
            have(pool, Answer())
        assert logged.records == []


def test_models_are_fitted_side_by_side_on_the_cluster() -> None:
    table = load_example("john_alpha")
    document = templates()[0].document(table)
    documents = {"good": document, "broken": replace(document, fixed_effects="1 + nothing")}
    heard: list[Progress] = []
    with cluster(2) as here:
        good, broken = side_by_side(documents, table, scheduler=here.scheduler_address, progress=heard.append)
    assert good.told is not None
    assert good.told.fit.converged
    assert "nothing" in broken.error
    assert sorted(one.state for one in heard if one.state in ("fitted", "failed")) == ["failed", "fitted"]
    assert any(one.name == "good" and one.state == "iteration" for one in heard)
