"""The one way in for what the browser says: every message, of every component, goes through a `Router`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import panel as pn
from bokeh.document import Document

from covstudio.studio.session.store import Store
from covstudio.studio.session.turns import take_turn, takes_long

log = logging.getLogger("covstudio")

#: Takes a message; what it returns is not used.
Handler = Callable[[Mapping[str, Any]], object]


class Speaker(Protocol):
    """A component whose script sends messages."""

    def on_msg(self, callback: Callable[[Any], None]) -> Any:
        """Call this with every message."""


class Router:
    """Hands each message of the browser to the method for its type.

    A message that is not a mapping with a known "type" is logged and ignored: the browser is not trusted. A
    handler that fails is logged with its traceback and becomes a notice, so that no work is lost and nothing
    looks frozen. What is said while the page is still loading is handled when it has loaded, in the order in
    which it was said: what changes before then, Panel drops.

    Args:
        store: where a failure is told.
        handlers: message type -> method taking the message.

    Example:
        >>> heard = Router(Store(), {"rename": lambda message: print(message["name"])})
        >>> heard({"type": "rename", "name": "block"})
        block
    """

    def __init__(self, store: Store, handlers: Mapping[str, Handler]) -> None:
        self._store = store
        self._handlers = dict(handlers)

    @property
    def types(self) -> tuple[str, ...]:
        """The types of message that have a handler."""
        return tuple(self._handlers)

    def listen(self, component: Speaker) -> Router:
        """Hear everything that a component's script says."""
        component.on_msg(self)
        return self

    def __call__(self, event: Any) -> None:
        """Take one message, or an event that carries one as its `data`."""
        message = getattr(event, "data", event)
        document = pn.state.curdoc
        if document is not None and document.session_context is not None and not pn.state.loaded:
            pn.state.onload(lambda: self._loaded(document, message))
        else:
            self._handle(message)

    def _loaded(self, document: Document, message: Any) -> None:
        """Handle what was said while the page was loading."""
        if takes_long(document):
            take_turn(document, lambda: self._handle(message))
        else:
            self._handle(message)

    def _handle(self, message: Any) -> None:
        kind = message.get("type") if isinstance(message, Mapping) else None
        handler = self._handlers.get(kind) if isinstance(kind, str) else None
        if handler is None:
            log.warning("a message of an unknown type was ignored (a %s)", type(message).__name__)
            return
        try:
            handler(message)
        except Exception as error:
            log.exception("the message %r could not be handled", kind)
            self._store.notify(
                f"That could not be done ({type(error).__name__}: {error}). Your model is unchanged.", "error"
            )
