"""A view's line to its page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Protocol

import msgspec
import panel as pn

from covstudio.studio.session.event_loop import call_soon
from covstudio.studio.session.messages import Edit, Message, State, Wire, kind, plain
from covstudio.studio.session.router import Router
from covstudio.studio.session.store import Store
from covstudio.studio.session.turns import on_loop

#: Kind of message -> what takes it.
Handlers = Mapping[type[Any], Callable[[Any], object]]


#: An infinity or NaN as MessagePack has it; no text in UTF-8 has such bytes.
_ODD = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")


class Line(Protocol):
    """Carries what a channel says to the page."""

    def draw(self, view: str, state: str) -> None:
        """Have a view draw a state, as JSON."""

    def say(self, view: str, message: str, data: bytes | None) -> None:
        """Tell a view something once, as JSON, with bytes beside it."""

    def together(self) -> AbstractContextManager[None]:
        """What any view is told meanwhile may go in one message; singly by a line that cannot do so."""
        return nullcontext()


class Channel:
    """What one view says to its page, and what its page says to it.

    Args:
        wire: what may be said.
        store: the session, where a failure is told.
        handlers: for each kind of message that a person's doings send, the method that takes it.

    Raises:
        ValueError: a kind of message has no handler, or a handler no message.
    """

    def __init__(
        self, wire: Wire, store: Store, handlers: Mapping[type[Any], Callable[[Any], object]] = {}
    ) -> None:
        if set(handlers) != set(wire.up):
            names = sorted(one.__name__ for one in set(handlers) ^ set(wire.up))
            raise ValueError(f"expected a handler for every message of {wire.name!r} and no other: {names}")
        self.name = wire.name
        self.state = ""
        self._line: Line | None = None
        self._edited = {kind(one) for one in handlers if issubclass(one, Edit)}
        self._router = Router(store, {kind(one): _typed(one, handler) for one, handler in handlers.items()})

    def _edits(self, message: Any) -> bool:
        said = message.get("type") if isinstance(message, Mapping) else None
        return isinstance(said, str) and said in self._edited

    def join(self, line: Line) -> None:
        """Speak through this line from now on; what is shown already goes down it at once."""
        self._line = line
        if self.state:
            self._draw(self.state)

    def show(self, state: State) -> None:
        """Have the page draw a state; nothing is sent when it is what the page has."""
        text = _written(state)
        if text == self.state:
            return
        self.state = text
        self._draw(text)

    def clear(self) -> None:
        """Have the page draw nothing, as before there was a state."""
        self.state = ""
        self._draw("")

    def tell(self, message: Message, data: bytes | None = None) -> None:
        """Tell the page something that is not state; nobody hears it before there is a page."""
        if self._line is not None:
            on_loop(partial(self._line.say, self.name, _written(message), data))

    def _draw(self, text: str) -> None:
        if self._line is not None:
            on_loop(partial(self._line.draw, self.name, text))

    def together(self) -> AbstractContextManager[None]:
        """What any view tells the page meanwhile goes in one message, which costs what one of them does."""
        return nullcontext() if self._line is None else self._line.together()

    def take(self, message: Any, *, again: bool = False) -> None:
        """Take what the page says.

        A notebook's kernel may hear it in a thread of its own; it is taken on the notebook's loop, so that
        one thread alone answers.

        Args:
            message: as it came.
            again: it was said to a session that is gone, before a draft had it: of use where it is an `Edit`.
        """
        if again and not self._edits(message):
            return
        document = pn.state.curdoc
        if document is None or document.session_context is None:
            call_soon(None, partial(self._router, message))
        else:
            self._router(message)


def _written(said: State | Message) -> str:
    """As JSON. msgspec writes infinities and NaN as null: what may have some is looked through first.

    It is written by msgspec in any case: no other thread goes on while a long text is written, and the
    standard library takes ten times as long.
    """
    text = msgspec.json.encode(said).decode()
    if "null" not in text or not _ODD.search(msgspec.msgpack.encode(said)):
        return text
    return msgspec.json.encode(plain(msgspec.to_builtins(said))).decode()


def _typed(
    expected: type[Message], handler: Callable[[Any], object]
) -> Callable[[Mapping[str, Any]], object]:
    return lambda message: handler(msgspec.convert(dict(message), expected))
