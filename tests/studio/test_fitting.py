"""Fits in worker processes: they stream, end, can be stopped, and survive what goes wrong with others."""

from __future__ import annotations

import errno
import multiprocessing
import multiprocessing.connection
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from covstudio.data.examples import load_example
from covstudio.data.tables import Table
from covstudio.document.changes.all import SetFixedEffects, SetResponse
from covstudio.document.files.templates import templates
from covstudio.document.files.write import dumps
from covstudio.document.model.document import Document
from covstudio.studio.fit import pool as fitting
from covstudio.studio.fit.job import Event, Finished, Job, Started, Waiting
from covstudio.studio.fit.pool import LocalPool
from covstudio.studio.fit.worker import Step, Task, fit
from tests.studio.conftest import Logged
from tests.studio.forking import run
from tests.studio.heard import PATIENCE, Heard
from tests.studio.tasks import Answer, Endless, bare

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def table() -> Table:
    return load_example("john_alpha")


@pytest.fixture(scope="module")
def alpha(table: Table) -> Document:
    return templates()[0].document(table)


@pytest.fixture(scope="module")
def pool() -> Iterator[LocalPool]:
    """One worker, shared by the tests; every test leaves it working."""
    pool = LocalPool(workers=1)
    yield pool
    pool.close()


@pytest.fixture
def no_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """New workers do not warm up by a fit: they do tasks that import nothing."""
    monkeypatch.setattr(fitting, "warm", bare)


def ask(pool: LocalPool, document: Document, table: Table | None) -> tuple[Job, Heard]:
    """Have a model fitted."""
    heard = Heard()
    job = Job(partial(dumps, document, table), heard)
    pool.submit(job)
    return job, heard


def have(pool: LocalPool, task: Task) -> tuple[Job, Heard]:
    """Have a task done that needs no model."""
    heard = Heard()
    job = Job(str, heard, task)
    pool.submit(job)
    return job, heard


def works(pool: LocalPool) -> bool:
    """Whether the pool answers."""
    return have(pool, Answer("well"))[1].outcome.message == "well"


def test_a_fit_streams_its_iterations_and_ends_with_the_estimate(
    pool: LocalPool, alpha: Document, table: Table
) -> None:
    _, heard = ask(pool, alpha, table)
    estimate = heard.outcome.estimate
    assert sorted(estimate.values.values()) == pytest.approx([0.070218, 0.081617, 0.142902], abs=1e-5)
    assert estimate.fit.loglik == pytest.approx(-46.596910, abs=1e-5)
    steps: list[Step] = heard.of(Step)
    assert [step.number for step in steps] == list(range(steps[0].number, steps[0].number + len(steps)))
    assert steps[-1].loglik >= steps[0].loglik
    assert set(steps[0].params) == set(estimate.fit.params)
    assert isinstance(heard.events[-1], Finished)
    assert heard.of(Started)


def test_what_is_wrong_with_a_model_comes_as_sentences(
    pool: LocalPool, alpha: Document, table: Table
) -> None:
    for document, data, says in (
        (alpha, None, "table"),
        (SetResponse(None).apply(alpha), table, "response"),
        (SetResponse("gen").apply(alpha), table, "gen"),
        (SetFixedEffects("1 + nothing").apply(alpha), table, "nothing"),
        (SetFixedEffects("__import__('os')").apply(alpha), table, ""),
        (Document(), table, "Drag a structure"),
    ):
        _, heard = ask(pool, document, data)
        assert heard.outcome.estimate is None
        assert says in heard.outcome.message
        assert heard.outcome.message


def test_a_listener_that_fails_does_not_stop_the_fit(pool: LocalPool, alpha: Document, table: Table) -> None:
    heard = Heard()

    def listener(event: Event) -> None:
        heard(event)
        raise ValueError("a closed page")

    pool.submit(Job(partial(dumps, alpha, table), listener))
    assert heard.outcome.estimate is not None


def test_a_cancelled_fit_stops_and_the_worker_goes_on(
    pool: LocalPool, no_fits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "GRACE_SECONDS", PATIENCE)
    job, heard = have(pool, Endless())
    heard.start()
    (worker,) = pool.processes
    pool.cancel(job)
    assert heard.outcome.cancelled
    assert works(pool)
    assert list(pool.processes) == [worker]


def test_a_fit_deep_in_an_iteration_is_ended_with_its_process(
    pool: LocalPool, no_fits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "GRACE_SECONDS", 0.0)
    job, heard = have(pool, Endless(deaf=True))
    heard.start()
    (worker,) = pool.processes
    pool.cancel(job)
    assert heard.outcome.cancelled
    assert works(pool)
    assert worker not in pool.processes


def test_a_fit_that_waits_says_so_and_can_be_cancelled(pool: LocalPool, no_fits: None) -> None:
    first, first_heard = have(pool, Endless())
    _, second_heard = have(pool, Answer())
    third, third_heard = have(pool, Answer())
    assert [event.ahead for event in second_heard.of(Waiting)] == [0]
    assert [event.ahead for event in third_heard.of(Waiting)] == [1]
    pool.cancel(third)
    assert third_heard.outcome.cancelled
    assert third_heard.of(Started) == []
    pool.cancel(first)
    assert first_heard.outcome.cancelled
    assert second_heard.outcome.message == "done"


def test_a_session_has_only_so_many_workers_and_the_queue_moves_up(
    no_fits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COVSTUDIO_FITS_PER_SESSION", "1")
    pool = LocalPool(workers=2)
    mine, theirs = object(), object()

    def asked(owner: object) -> tuple[Job, Heard]:
        heard = Heard()
        job = Job(str, heard, Endless(), owner)
        pool.submit(job)
        return job, heard

    try:
        first, heard = asked(mine)
        heard.start()
        jobs = [asked(mine), asked(mine), asked(theirs)]
        jobs[2][1].start()  # though two that came before it wait: their session has its worker
        assert pool.counts().running == 2
        assert pool.counts().waiting == 2
        assert [[event.ahead for event in one.of(Waiting)] for _, one in jobs] == [[0], [1], []]
        pool.cancel(first)
        assert heard.outcome.cancelled
        jobs[0][1].start()
        while not any(event.ahead == 0 for event in jobs[1][1].of(Waiting)):
            time.sleep(0.01)
    finally:
        pool.close()


def test_a_worker_that_dies_is_told_of_and_replaced(pool: LocalPool, no_fits: None) -> None:
    _, heard = have(pool, Endless())
    heard.start()
    (victim,) = pool.processes
    os.kill(victim, getattr(signal, "SIGKILL", signal.SIGTERM))  # on Windows the latter ends it at once
    assert heard.outcome.message == fitting.DIED
    assert works(pool)
    assert victim not in pool.processes


def test_one_fit_does_not_hold_another_up(no_fits: None) -> None:
    pool = LocalPool(workers=2)
    try:
        job, long = have(pool, Endless())
        long.start()
        _, short = have(pool, Answer())
        assert short.outcome.message == "done"
        assert not long.over.is_set()
        pool.cancel(job)
        assert long.outcome.cancelled
    finally:
        pool.close()


def test_prewarming_starts_the_workers_and_closing_ends_them(no_fits: None) -> None:
    pool = LocalPool(workers=1)
    pool.prewarm()
    for thread in threading.enumerate():
        if thread.name == "covstudio-prewarm":
            thread.join(PATIENCE)
    (worker,) = pool.processes
    (process,) = [child for child in multiprocessing.active_children() if child.pid == worker]
    pool.close()
    # Not its exit status: the executor's own thread may be reading that at the same moment, and only one can.
    assert multiprocessing.connection.wait([process.sentinel], PATIENCE) == [process.sentinel]
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(Job(lambda: "{}", lambda event: None))


def test_closing_during_a_fit_is_no_failure(no_fits: None, logged: Logged) -> None:
    pool = LocalPool(workers=1)
    _, heard = have(pool, Endless())
    heard.start()
    pool.close()
    assert heard.outcome.cancelled
    for thread in threading.enumerate():
        if thread.name == "covstudio-fit":
            thread.join(PATIENCE)
    assert logged.records == []


def _no_memory(_threads: int) -> None:
    raise OSError(errno.EROFS, "Read-only file system")


def _no_process(_threads: int) -> None:
    raise OSError(errno.EMFILE, "Too many open files")


@pytest.mark.parametrize(
    ("slot", "words"),
    [(_no_memory, "Make /dev/shm writable"), (_no_process, "could not be started .*Too many open files")],
)
def test_a_machine_that_starts_no_workers_says_so(
    slot: Any,
    words: str,
    no_fits: None,
    monkeypatch: pytest.MonkeyPatch,
    logged: Logged,
) -> None:
    pool = LocalPool(workers=1)
    real = fitting._Slot
    monkeypatch.setattr(fitting, "_Slot", slot)
    pool._prewarm()
    assert re.search(words, logged.text)
    assert "Traceback" not in logged.text
    with pytest.raises(OSError, match=words):
        have(pool, Answer())
    monkeypatch.setattr(fitting, "_Slot", real)
    try:  # nothing of the fit that was refused is left: the next is not told to wait for it
        _, heard = have(pool, Answer())
        assert heard.outcome.message == "done"
        assert all(waiting.ahead == 0 for waiting in heard.of(Waiting))
    finally:
        pool.close()


def test_a_warm_worker_has_all_that_its_first_fit_imports() -> None:
    script = (
        "import pickle, sys\nfrom covstudio.studio.fit.worker import Fitting, perform, warm\n"
        "warm(1)\n"
        "from covstudio.data.examples import load_example\n"
        "from covstudio.document.changes.all import SetDegrees\n"
        "from covstudio.document.files.write import dumps\n"
        "from covstudio.document.files.templates import templates\n"
        "table = load_example('john_alpha')\n"
        "document = SetDegrees('kenward-roger').apply(templates()[0].document(table))\n"
        "text, before = dumps(document, table), set(sys.modules)\n"
        "outcome = pickle.loads(perform(pickle.dumps(Fitting()), text, lambda said: None, lambda: False))\n"
        "assert outcome.estimate.inferred.degrees == 'Kenward-Roger'\n"
        "print(sorted(name for name in set(sys.modules) - before if name.partition('.')[0] != 'torch'))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux to wait for the process of another")
def test_workers_end_when_their_server_is_killed() -> None:
    script = (
        "import signal, threading\nfrom covstudio.studio.fit import pool as fitting\n"
        "from tests.studio.tasks import bare\n"
        "if __name__ == '__main__':\n"
        "    fitting.warm = bare\n"
        "    pool = fitting.LocalPool(workers=1)\n    pool.prewarm()\n"
        "    [thread.join() for thread in threading.enumerate() if thread.name == 'covstudio-prewarm']\n"
        "    print(pool.processes[0], flush=True)\n    signal.pause()\n"
    )
    server = run(script, {**os.environ, "PYTHONPATH": str(ROOT)}, workers=True)
    assert server.stdout is not None
    worker = os.pidfd_open(int(server.stdout.readline()))
    try:
        assert not select.select([worker], [], [], 0)[0]
        server.kill()
        server.wait()
        assert select.select([worker], [], [], PATIENCE)[0], "the worker did not follow its server"
    finally:
        os.close(worker)


def test_the_worker_stops_at_the_iteration_at_which_it_is_asked_to(alpha: Document, table: Table) -> None:
    steps: list[Step] = []
    outcome = fit(dumps(alpha, table), 100, steps.append, lambda: len(steps) == 2)
    assert outcome.cancelled
    assert len(steps) == 2


def test_a_file_that_is_no_model_is_refused_by_the_worker() -> None:
    outcome = fit("{}", 100, lambda step: None, lambda: False)
    assert outcome.estimate is None
    assert outcome.message
