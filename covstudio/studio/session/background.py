"""Computations beside the event loop, in threads and processes: the session hears the answer in a turn."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import panel as pn

from covstudio.studio.session.apart import Apart, Ended, OutOfMemory
from covstudio.studio.session.turns import take_turn

log = logging.getLogger("covstudio")

Answer = TypeVar("Answer")

#: Shared by all sessions: these are questions of milliseconds, and a session never asks twice at once.
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="covstudio-background")
#: Those that may take long have threads of their own.
_READERS = ThreadPoolExecutor(2, thread_name_prefix="covstudio-read")
#: Each waits for a process; so many of them are there at once.
_APART = ThreadPoolExecutor(2, thread_name_prefix="covstudio-apart")
#: Small files wait for no large ones.
_SOON = ThreadPoolExecutor(2, thread_name_prefix="covstudio-soon")


class Stopped(Exception):
    """Raised by a question that nobody wants answered any more: it has no answer."""


class Background(Generic[Answer]):
    """One kind of question of one session; the answer to an older question is dropped for a newer one's.

    Where there is no session (a notebook, a test) questions are answered at once.

    Args:
        hear: takes the answer, in a turn of the session; None when the question could not be answered.
        long: the question may take long, and so may the turn, whatever the model is by now.
    """

    def __init__(self, hear: Callable[[Answer | None], None], *, long: bool = False) -> None:
        self._hear = hear
        self._long = long
        self._document = pn.state.curdoc
        self._serial = 0
        self._asked = 0  # the serial of the question that is under way, if that is the present one
        self._apart: Apart[Answer] | None = None  # what answers it, if a process does

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._asked == self._serial > 0

    def ask(self, question: Callable[[], Answer], *, soon: bool = False) -> None:
        """Have a question answered by a thread.

        Args:
            question: what finds the answer.
            soon: it is answered within a moment, and waits for none that takes long.
        """
        self._ask(question, _THREADS if not self._long else _SOON if soon else _READERS)

    def ask_apart(
        self, question: Callable[[], Answer], ended: Answer, too_much: Answer, *, soon: bool = False
    ) -> None:
        """Have a question answered by a process of its own, which ends when nobody wants it any more.

        Args:
            question: it is pickled, and so is its answer.
            ended: the answer where the process ended by itself.
            too_much: the answer where it would have taken too much memory.
            soon: it is answered within a moment, and waits for none that takes long.
        """
        apart = Apart(question)

        def answer() -> Answer:
            try:
                return apart.answer()
            except OutOfMemory:
                return too_much
            except Ended:
                return ended

        self._ask(answer, _SOON if soon else _APART, apart, question)

    def _ask(
        self,
        question: Callable[[], Answer],
        threads: ThreadPoolExecutor,
        apart: Apart[Answer] | None = None,
        at_once: Callable[[], Answer] | None = None,
    ) -> None:
        """Have threads answer, with the process that does it; at once where there is no session."""
        self.forget()
        serial = self._asked = self._serial
        document = self._document = pn.state.curdoc or self._document
        if document is None or document.session_context is None:
            self._take(serial, _answered(at_once or question))
            return
        self._apart = apart

        def work() -> None:
            if serial == self._serial:
                answer = _answered(question)
                take_turn(document, lambda: self._take(serial, answer), long=self._long)

        threads.submit(work)

    def answer(self, answer: Answer) -> None:
        """Have an answer heard that needed no thread: what was asked before is older."""
        self.forget()
        self._hear(answer)

    def forget(self) -> None:
        """Drop the answer that is still to come, and end the process that finds it."""
        self._serial += 1
        apart, self._apart = self._apart, None
        if apart is not None:
            apart.end()

    def _take(self, serial: int, answer: Answer | None) -> None:
        if serial == self._serial:
            self._asked = 0
            self._apart = None
            self._hear(answer)


def _answered(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Stopped:
        return None
    except Exception:
        log.exception("a question beside the event loop could not be answered")
        return None
