"""A server of the studio in a process of its own, for the tests that drive it in a real Chromium."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.studio.forking import Forked, run

ROOT = Path(__file__).parents[2]
NO_WORKERS = "from covstudio.studio.fit.pool import LocalPool; LocalPool.prewarm = lambda pool: None"
SERVE = "import runpy; runpy.run_module('tests.studio.prepared', run_name='__main__')"


class Server:
    """A server of the studio in a process of its own, which can be killed and started again at its address.

    Args:
        first: Python that the process runs before it serves.
        folder: where that imports from, besides what is installed.
        fits: whether somebody will fit: the workers are started with the server, then.
    """

    def __init__(self, first: str = "", folder: Path | None = None, *, fits: bool = True) -> None:
        self._first = first if fits else f"{NO_WORKERS}\n{first}"
        self._folder = folder
        self._fits = fits
        self._port = 0
        self._process: subprocess.Popen[str] | Forked | None = None
        self._lines: list[str] = []
        self.url = ""

    def start(self) -> Server:
        """Start it; it listens when this returns."""
        path = os.pathsep.join(str(one) for one in (self._folder, ROOT, os.environ.get("PYTHONPATH")) if one)
        process = self._process = run(
            f"{self._first}\n{SERVE}",
            {
                "COVSTUDIO_WORKERS": "1",  # each takes seconds to start
                **os.environ,
                "PYTHONPATH": path,
                "COVSTUDIO_TEST_PORT": str(self._port),
            },
            workers=self._fits,
        )
        assert process.stdout is not None
        lines = self._lines = []
        for line in process.stdout:
            lines.append(line)
            if found := re.search(r"https?://\S+", line):
                break
        else:
            raise RuntimeError(f"The server did not start:\n{''.join(lines)}")
        # Somebody has to read what the server prints, or it stops when the pipe is full.
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
        reader.start()
        self.url = found[0]
        self._port = int(self.url.rsplit(":", 1)[1])
        return self

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=60)

    def stop(self) -> None:
        """End it as its owner would; what went wrong in it is printed."""
        if self._process is None:
            return
        self._process.terminate()
        self._process.wait(timeout=60)  # it ends its workers first, and the machine may be busy
        if any(line.startswith(("Traceback", "ERROR")) for line in self._lines):
            print("".join(self._lines), file=sys.stderr)


@contextmanager
def served(first: str = "", folder: Path | None = None, *, fits: bool = True) -> Iterator[str]:
    """A server of the studio in a process of its own; its address.

    Args:
        first: Python that the process runs before it serves.
        folder: where that imports from, besides what is installed.
        fits: whether somebody will fit: the workers are started with the server, then.
    """
    server = Server(first, folder, fits=fits)
    try:
        yield server.start().url
    finally:
        server.stop()
