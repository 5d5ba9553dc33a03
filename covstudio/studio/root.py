"""The one component of the page: every view's line runs through it, and Panel's own views stand in its slots.

It stands beside `assets`, because Panel serves a bundle only from below its component's own folder.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import panel as pn
import param
from panel.custom import Children, JSComponent
from panel.io.state import set_curdoc
from panel.models.esm import ESMEvent

log = logging.getLogger("covstudio")


class View(Protocol):
    """What speaks through a root: a `covstudio.studio.session.channel.Channel`."""

    name: str

    def join(self, line: Any) -> None:
        """Speak through this line from now on."""

    def take(self, message: Any, *, again: bool = False) -> None:
        """Take what the page says, or said to a session that is gone."""


class Root(JSComponent):
    """The page's root; `frontend/src/main.tsx` is its other half.

    The state of each view is a property of its own, so that what has not changed does not travel.
    """

    frame = param.String(default="", doc="state of the frame, as JSON; so are those below")
    bar = param.String(default="")
    code = param.String(default="")
    painter = param.String(default="")
    slices = param.String(default="")
    inspector = param.String(default="")
    canvas = param.String(default="")
    fit = param.String(default="")
    results = param.String(default="")
    matrix = param.String(default="")
    palette = param.String(default="")
    status = param.String(default="")
    data = param.String(default="")
    drafts = param.String(default="")
    session = param.String(default="", doc="names the session: a page whose line is back knows it by it")

    tabs = Children()

    _bundle = Path(__file__).parent / "assets" / "studio.js"

    def __init__(self, **params: Any) -> None:
        named = {"session": secrets.token_urlsafe(16)}
        super().__init__(**{"sizing_mode": "stretch_both", "margin": 0} | named | params)
        self._latest = 0
        self._channels: dict[str, View] = {}
        self._held: list[dict[str, Any]] | None = None
        self._missing: Callable[[str], object] = lambda name: None
        #: Has a message taken, which has texts of so many letters: at once, unless somebody knows better.
        self.turn: Callable[[Callable[[], object], int], object] = lambda take, _letters: take()
        self.on_msg(self._heard)

    @property
    def heard(self) -> int:
        """The number of the last message of the page that was taken."""
        return self._latest

    def connect(self, channel: View) -> None:
        """Let a view speak to the page through this root."""
        self._channels[channel.name] = channel
        channel.join(self)

    def on_missing(self, missing: Callable[[str], object]) -> None:
        """Have somebody make the view of an edit that is said again to a session without such a view."""
        self._missing = missing

    def draw(self, view: str, state: str) -> None:
        """Have a view draw a state, as JSON."""
        setattr(self, view, state)

    def say(self, view: str, message: str, data: bytes | None = None) -> None:
        """Tell a view something once, as JSON, with bytes beside it.

        With the document locked, as in a callback of the document, it goes Bokeh's plain way, which writes as
        soon as the callback returns. Panel's own way looks first whether another write is under way, and
        tries again 10 ms later when one is; it serves where the document is not locked, as while a message of
        the page is handled: Panel takes the lock for those only when no change of a property is pending. The
        line of a notebook carries texts alone: bytes go in base64 there.
        """
        envelope: dict[str, Any] = {"view": view, "json": message}
        if data is None and self._held is not None:
            self._held.append(envelope)
        else:
            self._deliver(envelope if data is None else envelope | {"data": data})

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What views are told meanwhile, as texts, goes to the page in one message at the end."""
        if self._held is not None:
            yield
            return
        held: list[dict[str, Any]] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
            if held:
                self._deliver(held[0] if len(held) == 1 else {"several": held})

    def _deliver(self, envelope: dict[str, Any]) -> None:
        data = envelope.get("data")
        for ref, (model, _parent) in list(self._models.items()):
            if ref not in pn.state._views or ref in pn.state._fake_roots:
                continue
            session = _session(model.document)
            if session is None and data is not None:
                self._send_msg(envelope | {"data": base64.b64encode(data).decode()})
                return
            if session is None or session._pending_writes is None:
                self._send_msg(envelope)
                return
            model.document.callbacks.send_event(ESMEvent(model=model, data=envelope))

    def _process_bokeh_event(self, doc: Any, event: Any) -> None:
        """As Panel's, without the count of what is under way in `pn.state.busy`.

        Panel makes that list anew four times a message, which costs as much as what a message asks for, and
        nobody here reads it.
        """
        with set_curdoc(doc):
            self._process_event(event)

    def _heard(self, event: Any) -> None:
        hurry(pn.state.curdoc)  # a page that came back after a lost connection has a new one
        envelope = getattr(event, "data", event)
        self.turn(partial(self._take, envelope), _letters(envelope))

    def _take(self, envelope: Any) -> None:
        if not self._is_new(envelope):
            return
        view = envelope.get("view") if isinstance(envelope, Mapping) else None
        again = isinstance(envelope, Mapping) and envelope.get("again") is True
        channel = self._channels.get(view) if isinstance(view, str) else None
        if channel is None and again and isinstance(view, str):
            self._missing(view)
            channel = self._channels.get(view)
        if channel is None:
            log.warning("a message for no view was ignored (a %s)", type(envelope).__name__)
        else:
            channel.take(envelope.get("message"), again=again)

    def _is_new(self, envelope: Any) -> bool:
        """Whether a message was not heard yet: a page whose line is back says its last ones again."""
        number = envelope.get("n") if isinstance(envelope, Mapping) else None
        if not isinstance(number, int):
            return True
        if number <= self._latest:
            return False
        self._latest = number
        return True


def _letters(envelope: Any) -> int:
    """How long the texts of a message are."""
    message = envelope.get("message") if isinstance(envelope, Mapping) else None
    values = message.values() if isinstance(message, Mapping) else ()
    return sum(len(value) for value in values if isinstance(value, str))


def hurry(document: Any) -> None:
    """Turn off Nagle's algorithm on the connections of a document's session.

    Bokeh writes one message as several small web socket frames; waiting for the acknowledgement of the first
    before the second is sent costs up to 40 ms a frame. Where the server is of another make, nothing happens.
    """
    for connection in getattr(_session(document), "_subscribed_connections", ()):
        socket = getattr(connection, "_socket", None)
        if socket is not None and getattr(socket, "ws_connection", None) is not None:
            socket.set_nodelay(True)


def _session(document: Any) -> Any:
    """The server's session of a document; None where there is none."""
    return getattr(getattr(document, "session_context", None), "session", None)
