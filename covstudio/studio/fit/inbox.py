"""The messages of a pool's thread, handed to the session's event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import panel as pn
from bokeh.document import Document

from covstudio.studio.fit.job import Event
from covstudio.studio.session.turns import take_turn


class Inbox:
    """A listener of one job; made on the session's event loop.

    Where there is no session (a notebook, a test) events are handed over at once.

    Args:
        take: takes events in their order on the event loop, many at a time when they come fast.
    """

    def __init__(self, take: Callable[[Sequence[Event]], None]) -> None:
        self._take = take
        self._document = pn.state.curdoc
        self._pending: list[Event] = []
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """From the pool's thread."""
        with self._lock:
            self._pending.append(event)
            first = len(self._pending) == 1
            document = self._document
        if first:
            self._ask(document)

    def redirect(self, take: Callable[[Sequence[Event]], None]) -> None:
        """Hand what comes from now on to another session, on whose event loop this is called.

        Args:
            take: as of the constructor; events that nobody has taken yet are its own.
        """
        with self._lock:
            self._take, self._document = take, pn.state.curdoc
            document, waiting = self._document, bool(self._pending)
        if waiting:
            self._ask(document)

    def _ask(self, document: Document | None) -> None:
        take_turn(document, lambda: self._empty(document))

    def _empty(self, document: Document | None) -> None:
        if document is not self._document:
            return  # another session has been asked
        with self._lock:
            events, self._pending = self._pending, []
        if events:
            self._take(events)
