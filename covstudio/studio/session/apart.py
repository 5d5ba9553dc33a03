"""Questions that a process of its own answers: it can be ended, holds up no page, and its memory is bounded.

The process is forked from one that has imported what it needs (`workers.py`), does one thing and ends. The
question and its answer are pickled; arrays in the answer travel beside it as they are, in pieces, so that
nothing here keeps Python's lock for long.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import pickle
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from covstudio.settings import READ_GB
from covstudio.studio.session import workers

__all__ = ["Apart", "Ended", "OutOfMemory", "end_all"]

log = logging.getLogger("covstudio")

Answer = TypeVar("Answer")

#: How much less than pages it asks of a processor, and less than that than fits do.
NICE = 5
_PIECE = 1 << 20
#: Python ends.
_leaving = threading.Event()
#: What is under way.
_STARTED: set[Apart[Any]] = set()
_GIGABYTE = 1_000_000_000


class Ended(Exception):
    """The process has ended without an answer: it was told to, or by itself."""


class OutOfMemory(Exception):
    """The answer takes more memory than a process may have."""


class Apart(Generic[Answer]):
    """One question, to be answered once.

    Args:
        question: to be pickled, with its arguments.
    """

    def __init__(self, question: Callable[[], Answer]) -> None:
        self._question = question
        self._lock = threading.Lock()
        self._process: Any = None
        self.ended = False

    def answer(self) -> Answer:
        """The answer, once it is there; where no process can be started, this thread finds it.

        Raises:
            Ended: there is none.
            OutOfMemory: it takes too much memory.
        """
        try:
            line = self._started()
        except (OSError, EOFError) as error:
            log.warning("no process could be started (%s): a thread does its work", type(error).__name__)
            return self._question()
        try:
            _send(line, self._question)
            found: Answer | OutOfMemory = _received(line)
        except (OSError, EOFError):
            raise Ended from None
        finally:
            line.close()
            self._over()
        if isinstance(found, OutOfMemory):
            raise found
        return found

    def end(self) -> None:
        """End it, wherever it is; nothing happens when it is over, and nobody waits."""
        with self._lock:
            self.ended = True
            if self._process is not None:
                self._process.kill()

    def _over(self) -> None:
        """Wait until the process is gone: one with much memory takes a moment."""
        self.end()
        _STARTED.discard(self)
        with self._lock:
            process, self._process = self._process, None
        process.join()
        process.close()

    def _started(self) -> Connection:
        with self._lock:
            if self.ended or _leaving.is_set():
                raise Ended
            forking = workers.context()
            ours, theirs = forking.Pipe()
            try:
                process = forking.Process(
                    target=_work, args=(theirs, READ_GB()), name="covstudio-read", daemon=True
                )
                with workers.STARTING:
                    process.start()
            except BaseException:
                ours.close()
                raise
            finally:
                theirs.close()
            self._process = process
            _STARTED.add(self)
            return ours


def end_all() -> None:
    """End whatever is under way: the server ends."""
    for one in list(_STARTED):
        one.end()


def _at_exit() -> None:
    """Nothing is begun any more, and nothing goes on."""
    _leaving.set()
    end_all()


# Threads that wait for an answer are waited for before `atexit` calls anything: a server that knows nothing
# of this (`panel serve`) would end when the last file is read.
if hasattr(threading, "_register_atexit"):
    threading._register_atexit(_at_exit)


def _send(line: Connection, told: Any) -> None:
    """Tell something: how long its parts are, itself, and then its arrays."""
    arrays: list[pickle.PickleBuffer] = []
    text = pickle.dumps(told, protocol=5, buffer_callback=arrays.append)
    parts = [memoryview(text), *(array.raw() for array in arrays)]
    line.send_bytes(pickle.dumps([part.nbytes for part in parts]))
    for part in parts:
        for at in range(0, part.nbytes, _PIECE):
            line.send_bytes(part[at : at + _PIECE])


def _received(line: Connection) -> Any:
    """What `_send` sent."""
    sizes: list[int] = pickle.loads(line.recv_bytes())
    parts = []
    for size in sizes:
        part = bytearray(size)
        at = 0
        while at < size:
            at += line.recv_bytes_into(part, at)
        parts.append(part)
    return pickle.loads(parts[0], buffers=parts[1:])


# --- the process ----------------------------------------------------------------------------------


def _work(line: Connection, gigabytes: float) -> None:
    """Answer one question."""
    workers.begin(NICE)
    gc.disable()  # it does one thing and ends
    _bound_memory(gigabytes)
    try:
        _send(line, _received(line)())
    except MemoryError:
        _send(line, OutOfMemory())
    except OSError:  # nobody hears any more
        os._exit(1)


def _bound_memory(gigabytes: float) -> None:
    """Have this process refuse to take more memory than so much beyond what it has."""
    with contextlib.suppress(ImportError, OSError, ValueError, StopIteration):
        import resource

        with open("/proc/self/status", encoding="ascii") as status:
            has = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
        most = has + round(gigabytes * _GIGABYTE)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
