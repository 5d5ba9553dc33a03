"""The log of a server, without anybody's data.

The text of an exception may hold a label, a value, a formula. The log has where something went wrong and what
kind of error it was; the person whose data they are reads the text on the page.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

#: Loggers whose messages have what was asked, or the text of an exception -> what they say instead.
_TELLING = {"tornado.application": "a request or a callback failed", "asyncio": "a task failed"}

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class WithoutData(logging.Formatter):
    """Writes records with the kind of an exception and its way, and without its text.

    Example:
        >>> record = logging.LogRecord("covstudio", logging.ERROR, "", 0, "it failed", (), None)
        >>> try:
        ...     float("a secret")
        ... except ValueError as error:
        ...     record.exc_info = (type(error), error, error.__traceback__)
        >>> written = WithoutData("%(levelname)s %(message)s").format(record)
        >>> written.splitlines()[0], written.splitlines()[-1], "a secret'" in written
        ('ERROR it failed', 'ValueError', False)
    """

    def format(self, record: logging.LogRecord) -> str:
        """A record as text."""
        said = _TELLING.get(record.name)
        if said is not None and record.levelno >= logging.ERROR:
            record = logging.makeLogRecord({**record.__dict__, "msg": said, "args": (), "exc_text": None})
        return super().format(record)

    def formatException(self, ei: _ExcInfo) -> str:
        """The way of an exception, and of those that led to it."""
        lines: list[str] = []
        error: BaseException | None = ei[1]
        while error is not None:
            part = [*traceback.format_tb(error.__traceback__), type(error).__name__]
            lines[:0] = [*part, "\nthen\n"] if lines else part
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(line.rstrip("\n") for line in lines)


def is_no_lost_line(record: logging.LogRecord) -> bool:
    """Whether a record says more than that a page was gone before it was written to.

    What is being written then ends with an error that nobody waits for, and asyncio tells of those.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, WebSocketClosedError | StreamClosedError)


def keep_without_data() -> None:
    """Have this process log without data, unless somebody has said how it is to log."""
    logging.getLogger("asyncio").addFilter(is_no_lost_line)
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(WithoutData("%(asctime)s %(levelname)s %(message)s"))
        root.addHandler(handler)
