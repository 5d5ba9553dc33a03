"""Python programs forked from a process that has imported the studio, and done nothing else.

Each is as fresh as one that a command starts, and has its own standard output, environment and `__main__`;
what it is spared are the seconds that torch and Panel take to import. A process of the tests starts one such
process when it first needs it:

    python -m tests.studio.forking

which says its address and forks until its standard input ends.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType

from tests.studio import seeding

ROOT = Path(__file__).parents[2]
#: Whether this system can fork and hand an open file to another process.
CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds") and sys.platform == "linux"


class Forked:
    """A running program, with what tests use of `subprocess.Popen`.

    Args:
        source: Python.
        env: its environment; what `PYTHONPATH` names comes first in its path, too.
        file: where the source is from, for processes that the program starts; None: from a command.
        leads: whether it leads a group of processes of its own.
        workers: whether it will have workers; what they are forked from stands ready, then.
    """

    def __init__(
        self,
        source: str,
        env: dict[str, str],
        *,
        file: Path | None = None,
        leads: bool = False,
        workers: bool = False,
    ) -> None:
        read, write = os.pipe()
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(f"\0{_source()[1]}")
        message = json.dumps([source, env, file and str(file), leads, workers]).encode()
        socket.send_fds(self._line, [len(message).to_bytes(8, "big")], [write])
        os.close(write)
        self._line.sendall(message)
        self.stdout = os.fdopen(read, encoding="utf-8", errors="replace")
        self._told = self._line.makefile("rb", buffering=0)
        self.pid = int(self._told.readline())
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        if self.returncode is None:
            if timeout is not None and not select.select([self._line], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a forked program", timeout)
            self.returncode = int(self._told.readline())
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """What it and the processes that it has started still print, once they have all ended.

        Raises:
            subprocess.TimeoutExpired: one of them runs on.
        """
        rest: list[str] = []
        reader = threading.Thread(target=lambda: rest.append(self.stdout.read()), daemon=True)
        reader.start()
        reader.join(timeout)
        if reader.is_alive():
            raise subprocess.TimeoutExpired("a forked program", timeout or 0.0)
        self.wait(timeout)
        return rest[0], None

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it is known to have ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def run(
    source: str,
    env: dict[str, str],
    *,
    file: Path | None = None,
    leads: bool = False,
    workers: bool = False,
) -> Forked | subprocess.Popen[str]:
    """Run a program: forked, where this system can; otherwise by a command.

    Args:
        source: Python.
        env: its environment.
        file: where the source is from, for processes that the program starts; None: from a command.
        leads: whether it leads a group of processes of its own.
        workers: whether it will have workers; what they are forked from stands ready, then.
    """
    if CAN_FORK:
        return Forked(source, env, file=file, leads=leads, workers=workers)
    return subprocess.Popen(
        [sys.executable, "-u", *(["-c", source] if file is None else [str(file)])],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
        start_new_session=leads,
    )


@cache
def _source() -> tuple[subprocess.Popen[str], str]:
    """The process that forks, which ends with its standard input and so with this one; and its address."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", __name__],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},  # one thread, to be forked
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


#: The source of a program, and the file that it is from.
Program = tuple[str, str | None]


def main() -> Program | None:
    """Fork a process for every connection; there, return the program that it is to run."""
    import covstudio.studio.page  # noqa: F401
    import tests.studio.browser  # noqa: F401

    threads = os.listdir("/proc/self/task")
    assert len(threads) == 1, "what is forked has one thread: something that was imported has started another"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        address = f"covstudio-tests-{os.getpid()}"
        listening.bind(f"\0{address}")  # has no file, and ends with the process
        listening.listen()
        print(address, flush=True)
        while listening in select.select([listening, sys.stdin], [], [])[0]:
            line, _ = listening.accept()
            with line:
                if os.fork() == 0:
                    listening.close()
                    return _supervised(line)
    return None


def _supervised(line: socket.socket) -> Program:
    """Fork once more and tell the number of that process, and its status when it has ended; there, return."""
    size, (output, *_), _, _ = socket.recv_fds(line, 8, 1)
    with line.makefile("rb") as said:
        source, env, file, leads, workers = json.loads(said.read(int.from_bytes(size, "big")))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    number = os.fork()
    if number == 0:
        if leads:
            os.setsid()
        _alone(output, env)
        if workers:
            seeding.sow()
        return source, file
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.close(output)
    line.sendall(b"%d\n" % number)
    status = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    with suppress(OSError):  # nobody need wait for it
        line.sendall(b"%d\n" % status)
    os._exit(0)


def _alone(output: int, env: dict[str, str]) -> None:
    """Give this process what is its own."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, output, output)):
        os.dup2(file, number)
    os.close(nothing)
    os.close(output)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:0] = [one for one in env.get("PYTHONPATH", "").split(os.pathsep) if one]
    # Made anew, as those of the process that forks may be files; by lines: several may write to one pipe.
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))


if __name__ == "__main__":
    program = main()
    if program is not None:
        own = ModuleType("__main__")
        own.__file__ = program[1]
        if own.__file__ is None:
            del own.__file__
        sys.modules["__main__"] = own
        exec(compile(program[0], program[1] or "<string>", "exec"), vars(own))
