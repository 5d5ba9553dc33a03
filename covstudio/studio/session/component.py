"""The base of every hand-written view.

State goes down as one JSON text, what a person does comes up as one message.

A view's Python side computes the whole state from the store and assigns `state`; its script draws it. Its
script never changes the state: it sends `{"type": ...}` messages, which `Router` hands to the method
registered for that type. This keeps the law that a value travels one way, and JSON keeps text text: a column
named like a tag arrives as characters and is drawn as characters.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import panel as pn
import param
from panel.custom import JSComponent

from covstudio.studio.session.store import Store

log = logging.getLogger("covstudio")

#: Takes a message; what it returns is not used.
Handler = Callable[[Mapping[str, Any]], object]


def plain(value: Any) -> Any:
    """A copy that JSON can carry.

    Tuples become lists, infinities and NaN become the texts "inf", "-inf" and "nan".
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def later(milliseconds: int, function: Callable[[], None]) -> None:
    """Run a function on the session's event loop after a while; where there is no session, at once."""
    document = pn.state.curdoc
    if document is None or document.session_context is None:
        function()
    else:
        document.add_timeout_callback(function, milliseconds)


class Component(JSComponent):
    """A view whose script draws `state` and answers with messages."""

    state = param.String(default="{}", doc="everything the script draws, as JSON")

    __abstract = True

    def show(self, state: Mapping[str, Any]) -> None:
        """Send a new state to the browser; nothing is sent when it is what the browser has."""
        self.state = json.dumps(plain(state), ensure_ascii=False)

    def tell(self, kind: str, **content: Any) -> None:
        """Send one message that is not state, such as a file to download."""
        self._send_msg({"type": kind, "json": json.dumps(plain(content), ensure_ascii=False)})


class Router:
    """Hands each message of a component to the method for its type.

    A message that is not a mapping with a known "type" is logged and ignored: the browser is not trusted. A
    handler that fails is logged with its traceback and becomes a notice, so that no work is lost and nothing
    looks frozen.

    Args:
        store: where a failure is told.
        handlers: message type -> method taking the message.
    """

    def __init__(self, store: Store, handlers: Mapping[str, Handler]) -> None:
        self._store = store
        self._handlers = dict(handlers)

    def __call__(self, event: Any) -> None:
        message = getattr(event, "data", event)
        if (
            pn.state.curdoc is not None
            and pn.state.curdoc.session_context is not None
            and not pn.state.loaded
        ):
            # Panel drops what changes while a page still loads; somebody quick is answered a moment later.
            pn.state.onload(lambda: self._handle(message))
        else:
            self._handle(message)

    def _handle(self, message: Any) -> None:
        kind = message.get("type") if isinstance(message, Mapping) else None
        handler = self._handlers.get(kind) if isinstance(kind, str) else None
        if handler is None:
            log.warning("a message of an unknown type was ignored: %.200r", message)
            return
        try:
            handler(message)
        except Exception as error:
            log.exception("the message %r could not be handled", kind)
            self._store.notify(
                f"That could not be done ({type(error).__name__}: {error}). Your model is unchanged.", "error"
            )
