"""From a thread of one's own to the event loop of a session, without losing anything on the way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from bokeh.document import Document

__all__ = ["adopt_loop", "call_soon"]

#: In a notebook, its loop and the thread that this runs in.
_notebook: tuple[asyncio.AbstractEventLoop, int] | None = None


def adopt_loop() -> None:
    """Take the loop that runs now for that of a notebook: what threads say to its widgets is said on it."""
    global _notebook
    _notebook = asyncio.get_running_loop(), threading.get_ident()


def call_soon(document: Document | None, function: Callable[[], object]) -> None:
    """Call a function on the event loop of a session, with its document locked; from any thread.

    `Document.add_next_tick_callback` alone may lose it: while the loop's own thread holds the document's
    events back to send them together, as Panel does with every change, the callback is one of them, and one
    that is added while they are taken off the list is on no list. So the loop itself adds it.

    Args:
        document: of the session. Without a session of a server the function is called at once, and from
            another thread of a notebook on the notebook's loop: its line takes one message after the other.
        function: without arguments; not called any more when the session has ended meanwhile.
    """
    context = None if document is None else document.session_context
    if document is None or context is None:
        if _notebook is None or _notebook[1] == threading.get_ident() or _notebook[0].is_closed():
            function()
        else:
            _notebook[0].call_soon_threadsafe(function)
        return
    application = getattr(context.server_context, "application_context", None)
    loop = getattr(application, "io_loop", None)
    if loop is None:
        document.add_next_tick_callback(function)
        return

    def add() -> None:
        if not context.destroyed:
            document.add_next_tick_callback(function)

    loop.add_callback(add)
