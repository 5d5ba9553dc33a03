"""The health of a server, for whoever runs it: whether it lives, and counts and times without anybody's data.

`/healthz` answers 200 while the process answers at all; `/metrics` is text as Prometheus reads it. Every
process of a server writes its numbers to memory that all share, so that any of them answers for all.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tornado.ioloop import PeriodicCallback
from tornado.web import RequestHandler

from covstudio import __version__
from covstudio.studio.fit import pool as fitting

#: Milliseconds after which a process writes its numbers anew.
EVERY = 5000


@dataclass(frozen=True)
class Measure:
    """One number that is told.

    Attributes:
        name: without `covstudio_`.
        kind: a gauge may fall, a counter grows while the process lives.
        what: in one line.
        read: the number now, of a server.
    """

    name: str
    kind: Literal["gauge", "counter"]
    what: str
    read: Callable[[Any], float]


def _sessions(server: Any) -> list[Any]:
    return [one for context in server._tornado.applications.values() for one in context.sessions]


MEASURES = (
    Measure("sessions", "gauge", "Sessions.", lambda server: len(_sessions(server))),
    Measure(
        "sessions_idle",
        "gauge",
        "Sessions without their page.",
        lambda server: sum(one.connection_count == 0 for one in _sessions(server)),
    ),
    Measure(
        "refused_total",
        "counter",
        "Sessions for which there was no room, and messages that were not taken.",
        lambda server: server._tornado.settings["guard"].refused,
    ),
    Measure("workers", "gauge", "Processes that run fits.", lambda _: fitting.counts().workers),
    Measure(
        "fits_running", "gauge", "Fits under way, questions included.", lambda _: fitting.counts().running
    ),
    Measure("fits_waiting", "gauge", "Fits in the queue.", lambda _: fitting.counts().waiting),
    Measure("fits_total", "counter", "Fits that ended.", lambda _: fitting.counts().ended),
    Measure(
        "fits_failed_total", "counter", "Fits that ended in an error.", lambda _: fitting.counts().failed
    ),
    Measure("fit_seconds_total", "counter", "Seconds of all fits.", lambda _: fitting.counts().seconds),
    Measure("memory_bytes", "gauge", "Memory of the process that serves pages.", lambda _: memory()),
    Measure("processor_seconds_total", "counter", "Processor time of it.", lambda _: time.process_time()),
)


def memory() -> int:
    """The memory of this process in bytes: that of now on Linux, elsewhere its most, on Windows 0."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        if sys.platform == "win32":
            return 0
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class Board:
    """The numbers of all processes of a server, in memory that they share.

    Args:
        processes: how many there are; made before they fork.
    """

    def __init__(self, processes: int) -> None:
        self._row = struct.Struct(f"={len(MEASURES)}d")
        self.processes = processes
        self._memory = mmap.mmap(-1, processes * self._row.size)

    def write(self, index: int, server: Any) -> None:
        """Write the numbers of one process."""
        self._row.pack_into(self._memory, index * self._row.size, *(one.read(server) for one in MEASURES))

    def read(self) -> list[Sequence[float]]:
        """The numbers of each process, in the order of `MEASURES`."""
        return [
            self._row.unpack_from(self._memory, index * self._row.size) for index in range(self.processes)
        ]

    def text(self) -> str:
        """All of it as Prometheus reads it."""
        lines = [
            "# HELP covstudio_info The version.",
            "# TYPE covstudio_info gauge",
            f'covstudio_info{{version="{__version__}"}} 1',
        ]
        rows = self.read()
        for place, one in enumerate(MEASURES):
            name = f"covstudio_{one.name}"
            lines += [f"# HELP {name} {one.what}", f"# TYPE {name} {one.kind}"]
            lines += [f'{name}{{process="{index}"}} {row[place]:.17g}' for index, row in enumerate(rows)]
        return "\n".join([*lines, ""])

    def keep(self, index: int, server: Any) -> None:
        """Write the numbers of one process from now on."""
        self.write(index, server)
        PeriodicCallback(lambda: self.write(index, server), EVERY).start()
        server._tornado.settings.update(board=self, index=index, server=server)


class Health(RequestHandler):
    """Whether the process answers."""

    def get(self) -> None:
        """Say so."""
        self.set_header("Cache-Control", "no-store")
        self.write({"status": "ok", "version": __version__})


class Metrics(RequestHandler):
    """Counts and times."""

    def get(self) -> None:
        """Tell them: this process's as they are now, those of others as they were last."""
        settings = self.settings
        settings["board"].write(settings["index"], settings["server"])
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.write(settings["board"].text())


#: Where they are asked.
PATTERNS = [(r"/healthz", Health), (r"/metrics", Metrics)]
