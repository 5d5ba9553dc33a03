"""Turns of a session: what may take long runs in a thread, with the session's document locked.

All sessions of a process share one event loop. What a person does to a small model takes milliseconds and is
done on it; a model of a thousand nodes, or a table of ten thousand columns, takes longer to build and to
draw, and only its own session is to wait for that. So its turns are taken by a thread. The document is locked
meanwhile, so that a session does one thing after the other, as ever. What is told to the page is told when
the turn is over, in its order, on the event loop: neither Bokeh nor Panel know threads.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol
from weakref import ReferenceType, WeakKeyDictionary, ref

import panel as pn
from bokeh.document import Document
from panel.io.state import set_curdoc

from covstudio.studio.session.event_loop import call_soon

__all__ = ["judge", "on_loop", "take_turn", "takes_long"]

#: Shared by all sessions; each has one turn at a time.
_THREADS = ThreadPoolExecutor(4, thread_name_prefix="covstudio-turn")
#: Document of a session -> what says how large its work is. That knows the document, and is held weakly.
_WORK: WeakKeyDictionary[Document, ReferenceType[Work]] = WeakKeyDictionary()


class _Later(threading.local):
    """Of a thread that takes a turn: what is to be done on the event loop when it is over.

    It is the thread's, not the context's: what the turn has the loop do later inherits the context.
    """

    acts: list[Callable[[], object]] | None = None


_later = _Later()


class Work(Protocol):
    """What a person works on."""

    @property
    def large(self) -> bool:
        """Whether what is done to it may take long."""


def judge(document: Document, work: Work) -> None:
    """Have a session's turns judged by the size of its work.

    Args:
        document: of the session.
        work: asked before each turn.
    """
    _WORK[document] = ref(work)


def take_turn(document: Document | None, function: Callable[[], object], *, long: bool = False) -> None:
    """Call a function soon with the session's document locked: in a thread where it may take long.

    Args:
        document: of the session; without a session the function is called as `call_soon` does.
        function: without arguments.
        long: it may take long whatever the model and its table are.
    """
    session = document is not None and document.session_context is not None
    if session and document is not None and (long or takes_long(document)):
        call_soon(document, partial(_turn, document, function))
    else:
        call_soon(document, function)


def takes_long(document: Document | None) -> bool:
    """Whether the next turn of a session may take long."""
    known = None if document is None else _WORK.get(document)
    work = None if known is None else known()
    return work is not None and work.large


def on_loop(act: Callable[[], object]) -> None:
    """Do something to what Bokeh or Panel have: at once, or when the turn that a thread takes is over."""
    if _later.acts is None:
        act()
    else:
        _later.acts.append(act)


async def _turn(document: Document, function: Callable[[], object]) -> None:
    """A turn that a thread takes; the document is locked until it is over."""
    later: list[Callable[[], object]] = []

    def work() -> None:
        _later.acts = later
        pn.state.curdoc = document
        try:
            function()
        finally:
            _later.acts = None

    try:
        await asyncio.get_running_loop().run_in_executor(_THREADS, contextvars.copy_context().run, work)
    finally:
        with set_curdoc(document):
            for act in later:
                act()
