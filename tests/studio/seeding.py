"""What the workers of a forked program are forked from, without the seconds that it would take to import.

`multiprocessing` starts the process that it forks workers from by a command, so that it has no threads, and
has it import what workers need. A program of `tests.studio.forking` has no thread either when it begins, and
all that is imported: a copy of it is put aside then, and becomes that process once it is asked for, with the
environment and the files that the command would have had.
"""

from __future__ import annotations

import fcntl
import json
import multiprocessing.util
import os
import socket
import sys
import traceback
from collections.abc import Sequence
from types import ModuleType

BEGINS = "from multiprocessing.forkserver import main;"
#: Above any number that the program has given a file by the time it asks.
FREE = 512


def sow() -> None:
    """Put a copy of this process aside, which ends with it if nobody asks for it."""
    line, own = socket.socketpair()
    number = os.fork()
    if number == 0:
        line.close()
        _wait(own)
    own.close()
    by_command = multiprocessing.util.spawnv_passfds

    def spawn(path: str | bytes, words: Sequence[str], files: Sequence[int]) -> int:
        source = words[-1]
        if line.fileno() < 0 or not source.startswith(BEGINS):
            return by_command(path, words, files)
        message = json.dumps([source, list(files), dict(os.environ), os.getcwd()]).encode()
        socket.send_fds(line, [len(message).to_bytes(8, "big")], list(files))
        line.sendall(message)
        line.close()
        return number

    multiprocessing.util.spawnv_passfds = spawn


def _wait(line: socket.socket) -> None:
    """Be what the program asks for: as if a command had started it."""
    size, got, _, _ = socket.recv_fds(line, 8, 8)
    if not size:
        os._exit(0)
    with line.makefile("rb") as said:
        source, files, env, folder = json.loads(said.read(int.from_bytes(size, "big")))
    line.close()
    got = [fcntl.fcntl(one, fcntl.F_DUPFD, FREE + max(files)) for one in got]
    os.closerange(3, FREE + max(files))
    for one, number in zip(got, files, strict=True):
        os.dup2(one, number)
        os.close(one)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.argv = ["-c"]
    sys.modules["__main__"] = own = ModuleType("__main__")
    try:
        exec(source, vars(own))
    except SystemExit:
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
