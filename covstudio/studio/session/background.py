"""Computations beside the event loop: a thread does them, the session hears the answer in a turn."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import panel as pn

from covstudio.studio.session.turns import take_turn

log = logging.getLogger("covstudio")

Answer = TypeVar("Answer")

#: Shared by all sessions: these are questions of milliseconds, and a session never asks twice at once.
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="covstudio-background")
#: Those that may take long have threads of their own.
_READERS = ThreadPoolExecutor(2, thread_name_prefix="covstudio-read")


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

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._asked == self._serial > 0

    def ask(self, question: Callable[[], Answer]) -> None:
        """Have a question answered."""
        self._serial += 1
        serial = self._asked = self._serial
        document = self._document = pn.state.curdoc or self._document
        if document is None or document.session_context is None:
            self._take(serial, _answered(question))
            return

        def work() -> None:
            if serial == self._serial:
                answer = _answered(question)
                take_turn(document, lambda: self._take(serial, answer), long=self._long)

        (_READERS if self._long else _THREADS).submit(work)

    def answer(self, answer: Answer) -> None:
        """Have an answer heard that needed no thread: what was asked before is older."""
        self.forget()
        self._hear(answer)

    def forget(self) -> None:
        """Drop the answer that is still to come."""
        self._serial += 1

    def _take(self, serial: int, answer: Answer | None) -> None:
        if serial == self._serial:
            self._asked = 0
            self._hear(answer)


def _answered(question: Callable[[], Answer]) -> Answer | None:
    try:
        return question()
    except Exception:
        log.exception("a question beside the event loop could not be answered")
        return None
