"""What a server logs is without anybody's data."""

from __future__ import annotations

import logging

from tornado.websocket import WebSocketClosedError

from covstudio.studio.session.logs import WithoutData, is_no_lost_line
from covstudio.studio.session.router import Router
from covstudio.studio.session.store import Store
from tests.studio.conftest import Logged


def record(name: str, text: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    found = logging.LogRecord(name, logging.ERROR, __file__, 1, text, arguments, None)
    if error is not None:
        found.exc_info = (type(error), error, error.__traceback__)
    return found


def test_an_exception_is_told_by_its_kind_and_its_way() -> None:
    def deep() -> None:
        raise KeyError("Mrs Miller")

    try:
        try:
            deep()
        except KeyError as error:
            raise ValueError("42 kg") from error
    except ValueError as error:
        written = WithoutData().format(record("covstudio", "a fit failed", error=error))
    assert written.startswith("a fit failed\n")
    assert ", in deep" in written
    assert written.index("KeyError") < written.index("then") < written.index("ValueError")
    assert "42 kg" not in written.replace('ValueError("42 kg")', "")  # a line of this file, no value


def test_a_page_that_was_gone_before_it_was_written_to_is_no_error() -> None:
    assert not is_no_lost_line(record("asyncio", "never retrieved", error=WebSocketClosedError()))
    assert is_no_lost_line(record("asyncio", "never retrieved", error=ValueError()))
    assert is_no_lost_line(record("asyncio", "a loop was closed"))


def test_a_request_that_failed_is_told_without_who_asked_what() -> None:
    text = "Uncaught exception %s\n%r"
    written = WithoutData().format(record("tornado.application", text, "GET /?name=Miller (10.0.0.7)", "it"))
    assert written == "a request or a callback failed"


def test_a_message_that_is_not_understood_is_told_without_what_it_says(logged: Logged) -> None:
    Router(Store(), {})({"type": "Mrs Miller", "text": "42 kg"})
    assert "ignored" in logged.text
    assert "Miller" not in logged.text
    assert "42 kg" not in logged.text
