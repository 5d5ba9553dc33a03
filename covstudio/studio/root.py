"""The one component of the page: every view's line runs through it, and Panel's own views stand in its slots.

It stands beside `assets`, because Panel serves a bundle only from below its component's own folder.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import param
from panel.custom import Child, Children, JSComponent

log = logging.getLogger("covstudio")


class View(Protocol):
    """What speaks through a root: a `covstudio.studio.session.channel.Channel`."""

    name: str

    def join(self, line: Any) -> None:
        """Speak through this line from now on."""

    def take(self, message: Any) -> None:
        """Take what the page says."""


class Root(JSComponent):
    """The page's root; `frontend/src/main.tsx` is its other half.

    The state of each view is a property of its own, so that what has not changed does not travel.
    """

    frame = param.String(default="", doc="state of the frame, as JSON; so are those below")
    code = param.String(default="")

    bar = Child()
    palette = Child()
    canvas = Child()
    dock = Child()
    tabs = Children()

    _bundle = Path(__file__).parent / "assets" / "studio.js"

    def __init__(self, **params: Any) -> None:
        super().__init__(**{"sizing_mode": "stretch_both", "margin": 0} | params)
        self._channels: dict[str, View] = {}
        self.on_msg(self._heard)

    def connect(self, channel: View) -> None:
        """Let a view speak to the page through this root."""
        self._channels[channel.name] = channel
        channel.join(self)

    def draw(self, view: str, state: str) -> None:
        """Have a view draw a state, as JSON."""
        setattr(self, view, state)

    def say(self, view: str, message: str, data: bytes | None = None) -> None:
        """Tell a view something once, as JSON, with bytes beside it."""
        self._send_msg({"view": view, "json": message} | ({} if data is None else {"data": data}))

    def _heard(self, event: Any) -> None:
        envelope = getattr(event, "data", event)
        view = envelope.get("view") if isinstance(envelope, Mapping) else None
        channel = self._channels.get(view) if isinstance(view, str) else None
        if channel is None:
            log.warning("a message for no view was ignored: %.200r", envelope)
        else:
            channel.take(envelope.get("message"))
