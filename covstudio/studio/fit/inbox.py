"""The messages of a pool's thread, handed to the session's event loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import panel as pn

from covstudio.studio.fit.job import Event


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

    def __call__(self, event: Event) -> None:
        """From the pool's thread."""
        self._pending.append(event)
        if len(self._pending) == 1:
            document = self._document
            if document is None or document.session_context is None:
                self._empty()
            else:
                document.add_next_tick_callback(self._empty)

    def _empty(self) -> None:
        events, self._pending = self._pending, []
        self._take(events)
