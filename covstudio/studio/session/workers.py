"""Processes beside the server: what they are forked from, and what each does first."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.context import ForkServerContext, SpawnContext

from covstudio.studio.session.logs import keep_without_data

__all__ = ["CAN_FORK", "STARTING", "begin", "context", "prewarm"]

#: What they import before there are any.
PRELOADED = [
    "covstudio.estimate",
    "covstudio.document.files.templates",
    "covstudio.data.examples",
    "covstudio.studio.data.examined",
    "covstudio.studio.data.second",
]
#: Whether a process costs no imports: it is forked from one that has done nothing but import.
CAN_FORK = sys.platform == "linux"
#: Held while a process is started: who looks which one is new sees no other's.
STARTING = threading.Lock()


def context() -> ForkServerContext | SpawnContext:
    """How processes are started: the server itself, which has used torch's threads, is never forked."""
    if not CAN_FORK:
        return multiprocessing.get_context("spawn")
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(PRELOADED)
    return forking


def prewarm() -> None:
    """Start what processes are forked from; nobody waits for its imports.

    Raises:
        OSError: no process can be started.
    """
    if CAN_FORK:
        from multiprocessing import forkserver

        context()
        forkserver.ensure_running()


def begin(niceness: int) -> None:
    """Set a fresh process up: it logs without data, ends with the server, and lets pages go first.

    Args:
        niceness: how much less it asks of a processor that a page wants too.
    """
    keep_without_data()
    # Ctrl+C in the terminal ends the server, which ends its processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(niceness)


def _follow_parent() -> None:
    """End with the server, even when it was killed and could not say so."""
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(0)
