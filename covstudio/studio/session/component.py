"""The base of every hand-written view.

State goes down as one JSON text, what a person does comes up as one message.

A view's Python side computes the whole state from the store and assigns `state`; its script draws it. Its
script never changes the state: it sends `{"type": ...}` messages, which `router.py` hands to the
method for that type. This keeps the law that a value travels one way, and JSON keeps text text: a column
named like a tag arrives as characters and is drawn as characters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import panel as pn
import param
from panel.custom import JSComponent

from covstudio.studio.session.messages import plain


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
