"""From a thread of one's own to the event loop of a session, without losing anything on the way."""

from __future__ import annotations

from collections.abc import Callable

from bokeh.document import Document

__all__ = ["call_soon"]


def call_soon(document: Document, function: Callable[[], object]) -> None:
    """Call a function on the event loop of a session, with its document locked; from any thread.

    `Document.add_next_tick_callback` alone may lose it: while the loop's own thread holds the document's
    events back to send them together, as Panel does with every change, the callback is one of them, and one
    that is added while they are taken off the list is on no list. So the loop itself adds it.

    Args:
        document: of the session; one without a session of a server calls the function at once.
        function: without arguments; not called any more when the session has ended meanwhile.
    """
    context = document.session_context
    if context is None:
        function()
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
