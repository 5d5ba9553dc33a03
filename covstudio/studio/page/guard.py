"""The bounds of a server: which sessions, messages and origins it lets in, and the headers it answers with.

Bokeh's and Panel's handlers do the work; each is replaced by a class of its own that asks first. Nothing here
knows who somebody is: that is the affair of Panel's login, or of a proxy.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import re
import secrets
import sys
from dataclasses import dataclass, field
from functools import partial
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from bokeh.server.util import check_allowlist
from panel.io.server import AutoloadJsHandler, DocHandler, WSHandler
from tornado.httputil import HTTPHeaders
from tornado.web import HTTPError, OutputTransform, RequestHandler

from covstudio.settings import ABANDONED_SECONDS
from covstudio.studio.page.line import WholeMessages
from covstudio.studio.session.files import MAX_CHUNK
from covstudio.studio.session.leaving import left

log = logging.getLogger("covstudio")

#: The most bytes of one message of a page, with everything that comes along; a file comes in pieces.
MAX_MESSAGE = 8 * MAX_CHUNK
#: The most pieces that a message comes in: three, and two for each block of bytes beside it.
MAX_PIECES = 3 + 2 * 64
#: The most bytes of a request's body: a login form has the largest.
MAX_BODY = 64_000
#: What a browser says when it closes a page, or loads it again; a line that is lost says nothing.
GOING_AWAY = 1001
#: Where a client would say which session it wants.
SESSION_WORDS = ("bokeh-session-id", "bokeh-token")
#: Seconds after which somebody who found no room tries again.
AGAIN = 30


@dataclass
class Guard:
    """The rules of one process of a server.

    Args:
        sessions: the most sessions.
        idle: the most of them without a page.
        frames: origins that may show the page in a frame, besides its own.
    """

    sessions: int
    idle: int
    frames: tuple[str, ...] = ()
    refused: int = field(default=0, init=False)

    def install(self, tornado: Any) -> None:
        """Have the handlers of a Bokeh server ask first.

        Args:
            tornado: the server's application.
        """
        kinds: dict[type, type[RequestHandler]] = {
            DocHandler: _GuardedPage,
            AutoloadJsHandler: _GuardedAutoload,
            WSHandler: _GuardedLine,
        }
        for rule in tornado.wildcard_router.rules:
            rule.target = kinds.get(rule.target, rule.target)
        tornado.settings.update(guard=self, log_function=_log_request)
        tornado.add_transform(partial(_Headers, policy=f"{FOR_THE_REST}; frame-ancestors {self.ancestors}"))

    @property
    def ancestors(self) -> str:
        """Who may show the page in a frame, as a Content-Security-Policy has it."""
        return " ".join(["'self'", *self.frames])

    async def make_room(self, context: Any) -> bool:
        """Close sessions that have been without their page for longest, where there are too many.

        Args:
            context: Bokeh's context of the app.

        Returns:
            Whether there is room for one more.
        """
        idle = [one for one in context.sessions if one.connection_count == 0 and not one.expiration_blocked]
        idle.sort(key=lambda one: one.milliseconds_since_last_unsubscribe)
        while idle and (len(idle) >= self.idle or self._taken(context) >= self.sessions):
            oldest = idle.pop()
            with contextlib.suppress(KeyError, RuntimeError):  # gone, or its page came back meanwhile
                await context._discard_session(oldest, lambda one: one.connection_count == 0)
        if self._taken(context) < self.sessions:
            return True
        self.refused += 1
        return False

    @staticmethod
    def _taken(context: Any) -> int:
        return len(context._sessions) + len(context._pending_sessions)


class _NoRoom(HTTPError):
    def __init__(self) -> None:
        super().__init__(503, reason="No room for another session")


def _asks_for_a_session(handler: RequestHandler) -> bool:
    """Whether a client says which session it wants: nobody takes up another's, or makes one under a name."""
    return "Bokeh-Session-Id" in handler.request.headers or any(
        handler.get_query_argument(word, None) is not None for word in SESSION_WORDS
    )


class _Asks:
    """Makes no session for who names one, and none where there is no room."""

    async def get_session(self) -> Any:
        handler: Any = self
        if handler.current_user is not None:
            if _asks_for_a_session(handler):
                raise HTTPError(403, reason="A session is named by the server alone")
            if not await handler.settings["guard"].make_room(handler.application_context):
                raise _NoRoom
        return await super().get_session()  # type: ignore[misc]

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        handler: Any = self
        if status_code != 503:
            handler.finish(f"<!DOCTYPE html><title>{status_code}</title><p>{escape(handler._reason)}.")
            return
        handler.set_header("Retry-After", str(AGAIN))
        handler.set_header("Refresh", str(AGAIN))
        handler.finish(
            '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>covstudio</title>'
            "<p>As many people are here as this server takes. "
            f"This page tries again every {AGAIN} seconds; you need not do anything."
        )


class _GuardedPage(_Asks, DocHandler):
    """The page. All scripts in what is handed out are its own, and no others run."""

    async def get(self, *args: Any, **kwargs: Any) -> None:
        family = self.settings.get("family")
        if family is None or not family.share(self):
            found = super().get(*args, **kwargs)
            if found is not None:  # who is not logged in is led to the login, and nothing is awaited
                await found

    def write(self, chunk: Any) -> None:
        if isinstance(chunk, str) and "<script" in chunk:
            nonce = secrets.token_urlsafe(16)
            chunk = chunk.replace("<script", f'<script nonce="{nonce}"')
            ancestors = self.settings["guard"].ancestors
            self.set_header("Content-Security-Policy", policy(nonce, self.request.host, ancestors))
        super().write(chunk)


class _GuardedAutoload(_Asks, AutoloadJsHandler):
    """The script that puts the app into somebody else's page: for origins that are known."""

    def set_default_headers(self) -> None:
        """None of Bokeh's, which are for everybody."""

    async def prepare(self) -> None:
        await super().prepare()
        origin = self.request.headers.get("Origin", "")
        if not check_allowlist(urlparse(origin).netloc.lower(), self.application.websocket_origins):
            raise HTTPError(403, reason="This origin may not show the app; --origin names one that may")
        self.set_header("Access-Control-Allow-Origin", origin)
        self.set_header("Access-Control-Allow-Credentials", "true")
        self.set_header("Vary", "Origin")

    async def get(self, *args: Any, **kwargs: Any) -> None:
        self.request.headers.pop("Origin", None)  # Bokeh would let it in, whatever it is
        await super().get(*args, **kwargs)

    async def options(self, *args: Any, **kwargs: Any) -> None:
        self.set_header("Access-Control-Allow-Methods", "GET, OPTIONS")
        self.set_header("Access-Control-Allow-Headers", "*")


class _GuardedLine(WholeMessages):
    """The line of a page: no more than it may say is taken together."""

    _bytes = _pieces = 0
    _over = False

    async def get(self, *args: Any, **kwargs: Any) -> None:
        family = self.settings.get("family")
        if family is not None and family.hand_over(self):
            return
        if not await self._has_room():
            self.set_status(503)
            self.finish()
            return
        await super().get(*args, **kwargs)

    def on_close(self) -> None:
        """Wait a while for a page that said it goes, as one does that is closed or loaded again."""
        session = None if self.connection is None else self.connection.session
        super().on_close()
        if session is not None and self.close_code == GOING_AWAY:
            self.application.io_loop.call_later(ABANDONED_SECONDS(), partial(_ended, session))

    async def _has_room(self) -> bool:
        """Whether its session is there, or may be made."""
        from bokeh.util.token import get_session_id

        protocols = self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        try:
            known = get_session_id(protocols[1].strip()) in self.application_context._sessions
        except Exception:
            return True  # no token, or none that can be read: Bokeh refuses it
        return known or await self.settings["guard"].make_room(self.application_context)

    async def _receive(self, fragment: str | bytes) -> Any:
        if self._over:
            return None
        self._bytes += len(fragment)
        self._pieces += 1
        if self._bytes > MAX_MESSAGE or self._pieces > MAX_PIECES:
            return self._refuse(f"a message of more than {MAX_MESSAGE:,} bytes or {MAX_PIECES} pieces")
        try:
            message = await super()._receive(fragment)
        except Exception as error:  # Bokeh would write what was said into the log
            return self._refuse(f"a message that cannot be read ({type(error).__name__})")
        if message is not None:
            self._bytes = self._pieces = 0
            if message.msgtype == "PUSH-DOC":
                return self._refuse("a document in the place of the server's")
        return message

    def _refuse(self, what: str) -> None:
        self._over = True
        self.settings["guard"].refused += 1
        log.warning("a page was cut off that sent %s", what)
        self.receiver = None
        self.close(1009, "not taken")


async def _ended(session: Any) -> None:
    """Tell a session that its page was left, if that is so."""
    if not session.destroyed and session.connection_count == 0:
        document = session.document
        await session.with_document_locked(left, document)


def policy(nonce: str, host: str, ancestors: str = "'self'") -> str:
    """The Content-Security-Policy of a page.

    Args:
        nonce: what its scripts carry.
        host: the host and port that it was asked for by: some browsers do not take web sockets for its own.
        ancestors: who may show it in a frame.
    """
    lines = f" ws://{host} wss://{host}" if re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", host) else ""
    rules = {
        "default-src": "'self'",
        # Bokeh compiles the callbacks of its plots.
        "script-src": f"'self' 'nonce-{nonce}' 'unsafe-eval' blob:",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self' blob:" + lines,
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": ancestors,
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


#: For what is no page of the app: a login form, a file, an error.
FOR_THE_REST = (
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'"
)


class _Headers(OutputTransform):
    """What every answer says of itself, errors and files included."""

    def __init__(self, request: Any, policy: str) -> None:
        super().__init__(request)
        self._policy = policy

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Add them."""
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers.setdefault("Content-Security-Policy", self._policy)
        headers.pop("Server", None)
        return status_code, headers, chunk


def _log_request(handler: RequestHandler) -> None:
    """A request in the log: its path without what was asked, and nobody's address."""
    status = handler.get_status()
    level = logging.INFO if status < 400 else logging.WARNING if status < 500 else logging.ERROR
    log.log(
        level,
        "%d %s %.200s %.0f ms",
        status,
        handler.request.method,
        handler.request.path,
        1000 * handler.request.request_time(),
    )


# --- the key that sessions are signed with


def key() -> bytes:
    """The key that sessions are signed with: BOKEH_SECRET_KEY, or one that was made here and is kept.

    A page that is open while the server is started anew comes back with what the former server has signed.
    Where nothing can be kept the key is another one each time, and pages load themselves again.
    """
    given = os.environ.get("BOKEH_SECRET_KEY", "").strip()
    if given:
        return given.encode()
    path = _folder() / "session-key"
    with contextlib.suppress(OSError, ValueError):
        kept = base64.b64decode(path.read_text(encoding="ascii"), validate=True)
        if len(kept) >= 32:
            return kept
    made = secrets.token_bytes(48)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        with open(
            os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
        ) as file:
            file.write(base64.b64encode(made).decode())
        beside.replace(path)
    return made


def _folder() -> Path:
    """Where this system has programs keep what they made for themselves."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "covstudio"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "covstudio"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "covstudio"
