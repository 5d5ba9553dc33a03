"""Questions that a process of its own answers: the answer, the end of it, and the bound of its memory."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from covstudio.data.choices import TableChoices
from covstudio.studio.data.examined import Examined, read_upload
from covstudio.studio.session import apart, workers
from covstudio.studio.session.apart import Apart, Ended, OutOfMemory, end_all
from covstudio.studio.session.files import Upload

TRIAL = "gen,sown,yield\nÄ 1,2023-05-01,4.1\nB,2023-05-02,\n,2023-05-03,4.4\n".encode()


def answered(number: int) -> tuple[int, int]:
    """A number, and who says it."""
    return os.getpid(), number


def endless(begun: Path) -> None:
    """Goes on until its process is ended."""
    begun.write_text(str(os.getpid()))
    while True:
        time.sleep(60)


def large(gigabytes: float) -> int:
    """Takes so much memory."""
    return len(np.ones(int(gigabytes * 1e9 / 8)))


def there(process: int) -> bool:
    """Whether a process is there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def until(holds: Callable[[], bool]) -> None:
    """Wait for a state."""
    while not holds():
        time.sleep(0.01)


class Asked:
    """A question that goes on without end, asked in a thread; the process that is at it."""

    def __init__(self, folder: Path) -> None:
        begun = folder / "begun"
        self.apart = Apart(partial(endless, begun))
        self.heard: list[Any] = []
        self.thread = threading.Thread(target=self._ask)
        self.thread.start()
        until(lambda: begun.exists() and begun.read_text() != "")
        self.process = int(begun.read_text())

    def _ask(self) -> None:
        try:
            self.heard.append(self.apart.answer())
        except Ended as ended:
            self.heard.append(ended)


def test_another_process_answers() -> None:
    process, number = Apart(partial(answered, 7)).answer()
    assert number == 7
    assert process != os.getpid()
    until(lambda: not there(process))


@pytest.mark.parametrize("end", [lambda asked: asked.apart.end(), lambda asked: end_all()])
def test_it_is_ended_in_the_middle(end: Callable[[Asked], object], tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    end(asked)
    asked.thread.join()
    assert isinstance(asked.heard[0], Ended)
    until(lambda: not there(asked.process))
    assert not apart._STARTED


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_one_that_somebody_kills_has_no_answer(tmp_path: Path) -> None:
    import signal

    asked = Asked(tmp_path)
    os.kill(asked.process, signal.SIGKILL)
    asked.thread.join()
    assert isinstance(asked.heard[0], Ended)


def test_what_is_not_wanted_any_more_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "context", lambda: pytest.fail("a process was wanted"))
    unwanted = Apart(partial(answered, 7))
    unwanted.end()
    with pytest.raises(Ended):
        unwanted.answer()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing bounds it")
def test_its_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVSTUDIO_READ_GB", "0.3")
    assert Apart(partial(large, 0.1)).answer() == 12_500_000
    with pytest.raises(OutOfMemory):
        Apart(partial(large, 0.6)).answer()


def test_where_no_process_can_be_started_the_thread_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        def Pipe(self) -> Any:
            raise OSError("too many open files")

    monkeypatch.setattr(workers, "context", Nothing)
    assert Apart(partial(answered, 7)).answer() == (os.getpid(), 7)


def test_a_table_comes_back_as_it_was_read() -> None:
    question = partial(read_upload, Upload("table", "trial.csv", TRIAL), TableChoices())
    here, there = question(), Apart(question).answer()
    assert isinstance(here, Examined)
    assert isinstance(there, Examined)
    assert there.table.frame.equals(here.table.frame)
    assert there.table.frame.dtypes.tolist() == here.table.frame.dtypes.tolist()
    assert there.table.to_columns() == here.table.to_columns()
    assert there.guesses == here.guesses
    assert there.described == here.described
    for name in ("name", "notes", "questions", "choices"):
        assert getattr(there.table, name) == getattr(here.table, name)
    assert there.table.lines is not None
    assert here.table.lines is not None
    assert there.table.lines.tolist() == here.table.lines.tolist()


def test_a_large_answer_comes_in_pieces() -> None:
    numbers = Apart(partial(np.arange, 3 * mmap.PAGESIZE * 100)).answer()
    assert (numbers == np.arange(3 * mmap.PAGESIZE * 100)).all()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_program_ends_without_waiting_for_what_is_read(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    program = f"""
import os, time
from functools import partial
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from covstudio.studio.session.apart import Apart
from tests.studio.test_apart import endless

if __name__ == "__main__":
    pool = ThreadPoolExecutor(1)
    begun = Path({str(begun)!r})
    for _ in range(2):
        pool.submit(Apart(partial(endless, begun)).answer)
    while not (begun.exists() and begun.read_text()):
        time.sleep(0.01)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    until(lambda: not there(int(begun.read_text())))
