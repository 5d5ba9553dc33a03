"""Pages that were left: whoever has something under way for one hears of it."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary, WeakMethod

from bokeh.document import Document

__all__ = ["alone", "left", "watch"]

#: Methods are held weakly: what has them holds its document, too, and neither would ever end.
_watching: WeakKeyDictionary[Document, list[WeakMethod[Callable[[], object]]]] = WeakKeyDictionary()


def watch(document: Document | None, told: Callable[[], object]) -> None:
    """Have somebody told when the page of a session was left.

    Args:
        document: of the session; without one nobody is told.
        told: a method, called on the session's event loop as long as there is what has it.
    """
    if document is not None:
        _watching.setdefault(document, []).append(WeakMethod(told))


def left(document: Document) -> None:
    """Tell who watches a session that its page was left, and did not come back."""
    for told in _watching.get(document, ()):
        if (method := told()) is not None:
            method()


def alone(document: Document | None) -> bool:
    """Whether a session has no page now.

    Args:
        document: of the session; one without a session of a server is never alone.
    """
    session = getattr(getattr(document, "session_context", None), "session", None)
    return session is not None and (session.destroyed or session.connection_count == 0)
