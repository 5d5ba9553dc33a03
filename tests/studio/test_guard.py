"""What a server lets in and what it says of itself: sessions, origins, messages, headers, counts."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from bokeh.util.token import generate_jwt_token, get_session_id
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClosedError

from benchmarks.line_client import Line
from covstudio.studio.page import guard as guarding
from covstudio.studio.page import page, server
from covstudio.studio.page.guard import Guard
from tests.studio.conftest import Logged
from tests.studio.own_loop import run


@pytest.fixture(scope="module")
def served() -> Iterator[Any]:
    """A server in a thread of its own, without workers."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(page.fitting, "pool", lambda: type("NoPool", (), {"prewarm": lambda self: None})())
        patched.setattr(server, "key", lambda: b"0123456789abcdef0123456789abcdef")
        patched.setenv("COVSTUDIO_EMBED_IN", "https://course.example.org")
        patched.delenv("COVSTUDIO_MAX_SESSIONS", raising=False)
        warmed, page._warmed = page._warmed, type(page._warmed)()
        found = server.serve(port=0, threaded=True)
        yield found
        found.stop()
        page._warmed = warmed


@pytest.fixture
def rules(served: Any) -> Iterator[Guard]:
    """The rules of the server, as they were afterwards."""
    found: Guard = served.server._tornado.settings["guard"]
    before = found.sessions, found.idle
    yield found
    found.sessions, found.idle = before


async def ask(url: str, **headers: str) -> HTTPResponse:
    """What a server answers, errors included."""
    client = AsyncHTTPClient(force_instance=True)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.fetch(HTTPRequest(url, headers=named), raise_error=False)


def test_every_answer_says_what_may_be_done_with_it(served: Any) -> None:
    async def work() -> None:
        found = await ask(f"{served.url}/")
        text = found.body.decode()
        policy = dict(rule.split(" ", 1) for rule in found.headers["Content-Security-Policy"].split("; "))
        nonce = re.search(r"'nonce-([\w-]+)'", policy["script-src"])
        assert nonce
        assert text.count("<script") == text.count(f'<script nonce="{nonce[1]}"') > 0
        assert "'unsafe-inline'" not in policy["script-src"]
        assert policy["frame-ancestors"] == "'self' https://course.example.org"
        assert policy["object-src"] == policy["base-uri"] == "'none'"
        other = await ask(f"{served.url}/")
        assert nonce[1] not in other.headers["Content-Security-Policy"]
        file = re.search(r'src="(static/[^"]+panel.min.js[^"]*)"', text)
        assert file
        for path in (file[1], "nothing", "healthz", "metrics", "?bokeh-session-id=x"):
            found = await ask(f"{served.url}/{path}")
            assert found.headers["X-Content-Type-Options"] == "nosniff", path
            assert "frame-ancestors 'self' https://course" in found.headers["Content-Security-Policy"], path
            assert "Server" not in found.headers

    run(work())


@pytest.mark.parametrize("query", ["?bokeh-session-id=mine", "?bokeh-token=mine", ""])
def test_nobody_names_a_session(served: Any, query: str) -> None:
    async def work() -> None:
        before = len(served.server.get_sessions("/"))
        found = await ask(f"{served.url}/{query}", **({} if query else {"Bokeh_Session_Id": "mine"}))
        assert found.code == 403
        assert b"named by the server alone" in found.body
        assert len(served.server.get_sessions("/")) == before

    run(work())


def test_a_token_that_nobody_has_signed_opens_no_line(served: Any) -> None:
    async def work() -> None:
        before = len(served.server.get_sessions("/"))
        for forged in (
            generate_jwt_token("mine", signed=False, expiration=300),
            generate_jwt_token("mine", secret_key=b"another key than theirs", signed=True, expiration=300),
            "no token at all",
        ):
            with pytest.raises((ConnectionError, HTTPClientError)):
                await Line.over(served.url, forged)
        assert len(served.server.get_sessions("/")) == before

    run(work())


def test_no_other_site_has_the_script_or_the_line(served: Any) -> None:
    script = f"{served.url}/autoload.js?bokeh-autoload-element=x"

    async def work() -> None:
        for stranger in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
            found = await ask(script, **stranger)
            assert found.code == 403
            assert "Access-Control-Allow-Origin" not in found.headers
        found = await ask(script, Origin=served.url)
        assert found.code == 200
        assert found.headers["Access-Control-Allow-Origin"] == served.url
        with pytest.raises(HTTPClientError, match="403"):
            await Line.opened(served.url, Origin="https://evil.example")

    run(work())


def test_a_session_more_than_there_is_room_for(served: Any, rules: Guard) -> None:
    async def work() -> None:
        rules.sessions, rules.idle = 2, 2
        first, second = await Line.opened(served.url), await Line.opened(served.url)
        assert len(served.server.get_sessions("/")) == 2  # those without a page were closed for them
        found = await ask(f"{served.url}/")
        assert found.code == 503
        assert found.headers["Retry-After"] == "30"
        assert b"tries again every 30 seconds" in found.body
        await second.document()  # who is here is not disturbed
        first.close()
        while sum(one.connection_count for one in served.server.get_sessions("/")) > 1:
            await asyncio.sleep(0.01)
        third = await Line.opened(served.url)  # the first was closed for it: its page is gone
        assert len(served.server.get_sessions("/")) == 2
        second.close()
        third.close()

    run(work())


def test_sessions_without_a_page_are_closed_oldest_first(served: Any, rules: Guard) -> None:
    async def work() -> None:
        rules.idle = 3
        for _ in range(5):
            assert (await ask(f"{served.url}/")).code == 200
        idle = [one for one in served.server.get_sessions("/") if not one.connection_count]
        assert len(idle) == 3

    run(work())


@pytest.mark.parametrize(
    "parts",
    [
        ['{"msgid": "1", "msgtype": "PATCH-DOC", "num_buffers": 100000}', "{}", "{}"],
        ['{"msgid": "1", "msgtype": "PATCH-DOC"}', "{}", '"%s"' % ("secret" * 2000)],
        ['{"msgid": "1", "msgtype": "PATCH-DOC"}', "{}", "[" * 4000 + '"secret"' + "]" * 4000],
        ['{"msgid": "1", "msgtype": "PUSH-DOC"}', "{}", '{"doc": {"title": "secret", "roots": []}}'],
    ],
    ids=["pieces", "bytes", "depth", "another document"],
)
def test_what_a_page_may_not_say_cuts_it_off(
    served: Any, rules: Guard, parts: list[str], monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setattr(guarding, "MAX_MESSAGE", 10_000)

    async def work() -> None:
        before = rules.refused
        line = await Line.opened(served.url)
        blocks = itertools.count() if "num_buffers" in parts[0] else ()
        with contextlib.suppress(WebSocketClosedError):
            for part in parts:
                await line.socket.write_message(part)
            for _ in blocks:
                await line.socket.write_message('{"id": "1"}')
                await line.socket.write_message(b"x", binary=True)
        with pytest.raises(ConnectionError):
            await line.until(lambda heard: False)
        assert rules.refused == before + 1
        other = await Line.opened(served.url)  # nobody else has noticed
        await other.document()
        other.close()

    run(work())
    assert "secret" not in logged.text


def test_a_message_goes_out_in_one_piece_and_a_patch_is_not_answered(served: Any) -> None:
    async def work() -> None:
        known = {id(one) for one in served.server.get_sessions("/")}
        line = await Line.opened(served.url)
        (session,) = (one for one in served.server.get_sessions("/") if id(one) not in known)
        (connection,) = session._subscribed_connections
        stream = connection._socket.ws_connection.stream
        await line.document()
        written: list[int] = []
        write = stream.write

        def counted(data: bytes) -> Any:
            written.append(len(data))
            return write(data)

        stream.write = counted
        kinds: list[str] = []
        for seq in (71, 72):
            await line.say("painter", {"type": "ping", "seq": seq})
            while True:
                heard = await line.heard()
                kinds.append(heard.kind)
                told = [message for view, message, _ in heard.events() if view == "painter"]
                if any(message.get("seq") == seq for message in told):
                    break
        await line.document()
        assert "OK" not in kinds
        assert len(written) == len(kinds) + 1  # as many as there were messages; the document is the last

    run(work())


def test_a_page_that_says_it_goes_is_waited_for_and_then_told_of(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COVSTUDIO_ABANDONED_SECONDS", "0")
    told: list[Any] = []
    monkeypatch.setattr(guarding, "left", told.append)

    async def gone(line: Line, code: int | None) -> Any:
        named = get_session_id(line.token)
        session = next(one for one in served.server.get_sessions("/") if one.id == named)
        line.socket.close(code)
        while session.connection_count:
            await asyncio.sleep(0.01)
        return session

    async def work() -> None:
        lost, closed = await Line.opened(served.url), await Line.opened(served.url)
        kept = (await gone(lost, None)).document  # a line that is lost says nothing: its page may come back
        left = (await gone(closed, 1001)).document
        while left not in told:  # others may be, whose lines earlier tests have closed
            await asyncio.sleep(0.01)
        assert kept not in told

    run(work())


def test_counts_tell_how_many_and_not_who(served: Any) -> None:
    async def work() -> None:
        line = await Line.opened(served.url)
        assert (await ask(f"{served.url}/healthz")).code == 200
        text = (await ask(f"{served.url}/metrics")).body.decode()
        numbers = dict(row.rsplit(" ", 1) for row in text.splitlines() if not row.startswith("#"))
        sessions = served.server.get_sessions("/")
        assert float(numbers['covstudio_sessions{process="0"}']) == len(sessions)
        idle = sum(one.connection_count == 0 for one in sessions)
        assert float(numbers['covstudio_sessions_idle{process="0"}']) == idle < len(sessions)
        assert float(numbers['covstudio_memory_bytes{process="0"}']) > 1e7
        assert line.session not in text
        line.close()

    run(work())


def test_who_has_not_logged_in_is_led_to_the_login(
    served: Any, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setenv("COVSTUDIO_BASIC_AUTH", "sesame")
    asks = server.serve(port=0, threaded=True)

    async def work() -> None:
        client = AsyncHTTPClient(force_instance=True)
        with pytest.raises(HTTPClientError, match="302"):
            await client.fetch(f"{asks.url}/", follow_redirects=False)
        assert (await ask(f"{asks.url}/healthz")).code == 200
        form = await ask(f"{asks.url}/login")
        assert form.code == 200
        assert "img-src 'self'" in form.headers["Content-Security-Policy"]  # Panel's form has another host's
        with pytest.raises(HTTPClientError, match="302") as entered:
            await client.fetch(
                f"{asks.url}/login", method="POST", body="username=a&password=sesame", follow_redirects=False
            )
        assert entered.value.response is not None
        cookies = entered.value.response.headers.get_list("Set-Cookie")
        page = await ask(f"{asks.url}/", Cookie="; ".join(one.split(";")[0] for one in cookies))
        assert b'id="cs-studio"' in page.body

    try:
        run(work())
    finally:
        asks.stop()
    assert "failed" not in logged.text


def test_the_key_is_kept_for_who_comes_back(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOKEH_SECRET_KEY", raising=False)
    monkeypatch.setattr(guarding, "_folder", lambda: tmp_path / "kept")
    made = guarding.key()
    assert len(made) >= 32
    assert guarding.key() == made
    assert (tmp_path / "kept" / "session-key").stat().st_mode & 0o077 == 0
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(guarding, "_folder", lambda: tmp_path / "file" / "none")
    assert guarding.key() != guarding.key()
    monkeypatch.setenv("BOKEH_SECRET_KEY", "given")
    assert guarding.key() == b"given"


@pytest.mark.parametrize(
    ("address", "warned"), [("localhost", False), ("127.0.0.1", False), ("0.0.0.0", True)]
)
def test_beyond_this_machine_somebody_is_warned(address: str, warned: bool) -> None:
    assert server.is_local(address) is not warned
