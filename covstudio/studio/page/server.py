"""The server that hands out pages."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import ipaddress
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterable
from typing import Any

import panel as pn
from bokeh.server.util import bind_sockets
from tornado.ioloop import IOLoop

from covstudio.settings import (
    BASIC_AUTH,
    EMBED_IN,
    MAX_IDLE,
    MAX_SESSIONS,
    OAUTH_PROVIDER,
    PREFIX,
    PROCESSES,
    PROXY_HEADERS,
    SESSION_MINUTES,
    SETTINGS,
)
from covstudio.studio.fit import pool as fitting
from covstudio.studio.page.guard import MAX_BODY, MAX_MESSAGE, Guard, key
from covstudio.studio.page.health import PATTERNS, Board
from covstudio.studio.page.page import TITLE, create_page, prepare, prewarm
from covstudio.studio.page.processes import Family, listening
from covstudio.studio.session.apart import end_all
from covstudio.studio.session.logs import keep_without_data

PORTS_TRIED = 20
LARGEST_PORT = 65_535
#: How long a page may be open and still come back to its session by itself; a later one loads itself again.
TOKEN_DAYS = 30
UNPROTECTED = (
    "Whoever reaches {address} can use this server, its processor and its memory: nobody is asked who they "
    "are. Have them log in (--basic-auth, --oauth-provider), or serve localhost behind a proxy that does."
)


def free_port(port: int, address: str) -> int:
    """The first free port from `port` on.

    Args:
        port: where to begin; 0 takes any free port.
        address: the address that will be listened on.

    Raises:
        OSError: none of the next ports is free, or the address is not one of this machine.
    """
    host = "" if address in ("0.0.0.0", "") else address
    last = min(port + PORTS_TRIED, LARGEST_PORT + 1) - 1
    denied = False
    for candidate in range(port, last + 1) if port else [0]:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError as error:
                if error.errno in (errno.EADDRINUSE, errno.EACCES):
                    denied = denied or error.errno == errno.EACCES
                    continue
                raise OSError(
                    f"This machine cannot listen on {address!r} ({error.strerror}). Take localhost for "
                    "people at this machine alone, 0.0.0.0 for every machine, or one of its own addresses."
                ) from error
            return int(probe.getsockname()[1])
    taken = "in use, or need rights that you do not have," if denied else "all in use"
    raise OSError(
        f"Ports {port} to {last} are {taken} on {address}. Choose another one, such as --port "
        f"{port + 100 if 1024 < port + 100 <= LARGEST_PORT else 5006}."
    )


def serve(
    port: int = 5006,
    address: str = "localhost",
    show: bool = False,
    threaded: bool = False,
    origins: Iterable[str] = (),
) -> Any:
    """Serve the app until it is stopped, as the settings say (`covstudio.settings`).

    Args:
        port: the port to listen on; when it is in use the next free one is taken, and said.
        address: the address to listen on; "0.0.0.0" lets other machines in.
        show: open a browser.
        threaded: serve from a thread and return at once, as in tests and notebooks.
        origins: further host:port pairs under which people reach the app, behind a proxy say.

    Returns:
        The server, None where several processes served; with `threaded` a thread with a method `stop`, whose
        attribute `url` is the address.

    Raises:
        OSError: no port is free, or the address is not one of this machine.
        ValueError: an environment variable asks for something that makes no sense.
    """
    keep_without_data()
    for one in SETTINGS:
        one()  # whoever starts the server is told, not whoever comes first
    processes = 1 if threaded else PROCESSES()
    if processes > 1 and not hasattr(os, "fork"):
        raise OSError("This system cannot serve from several processes: leave --processes out.")
    chosen = free_port(port, address)
    if port and chosen != port:
        print(f"Port {port} is in use; taking {chosen}.", flush=True)
    host = "localhost" if address in ("0.0.0.0", "::", "") else address
    url = f"http://{f'[{host}]' if ':' in host else host}:{chosen}{PREFIX()}"
    hosts = {host, "localhost", "127.0.0.1"}
    if host != address:
        hosts.add(socket.gethostname())
    options: dict[str, Any] = {
        "port": chosen,
        "address": address,
        "show": show,
        "websocket_origin": sorted({f"{name}:{chosen}" for name in hosts} | set(origins)),
        "secret_key": key(),
    }
    if not is_local(address) and not (BASIC_AUTH() or OAUTH_PROVIDER()):
        print(UNPROTECTED.format(address=address), file=sys.stderr, flush=True)
    prepare()  # before anybody can come: the first visitor waits for no import
    if threaded:
        return _Serving(options, url)
    board = Board(processes)
    main = threading.current_thread() is threading.main_thread()  # signals come to it alone
    if main:
        signal.signal(signal.SIGTERM, _leave)
    try:
        if processes == 1:
            server = make_server(options, board)
            print(f"covstudio is at {url}", flush=True)  # it listens by now: whoever reads this may come
            _run(server, main)
            return server
        sockets, _ = bind_sockets(address, chosen)
        family = Family(processes)
        print(f"covstudio is at {url}, in {processes} processes", flush=True)
        family.run(lambda index: _join(family, options, board, sockets, index))
        return None
    finally:
        _end_processes()


def make_server(options: dict[str, Any], board: Board, index: int = 0) -> Any:
    """The server of this process, which listens and does not run yet.

    Args:
        options: the port, the address, the origins and the key.
        board: where its numbers go.
        index: which of the processes this is.
    """
    share = PROCESSES() if board.processes > 1 else 1
    server = pn.serve(
        {"/": create_page},
        start=False,
        verbose=False,
        title=TITLE,
        sign_sessions=True,
        prefix=PREFIX(),
        use_xheaders=PROXY_HEADERS(),
        websocket_max_message_size=MAX_MESSAGE,
        http_server_kwargs={"max_body_size": MAX_BODY, "max_buffer_size": MAX_MESSAGE + MAX_BODY},
        session_token_expiration=TOKEN_DAYS * 86_400,
        unused_session_lifetime_milliseconds=round(SESSION_MINUTES() * 60_000),
        check_unused_sessions_milliseconds=30_000,
        extra_patterns=PATTERNS,
        **_login(options["secret_key"]),
        **options,
    )
    guard = Guard(-(-MAX_SESSIONS() // share), -(-MAX_IDLE() // share), EMBED_IN())
    guard.install(server._tornado)
    board.keep(index, server)
    prewarm()
    return server


def _login(secret: bytes) -> dict[str, Any]:
    """What Panel is told of who may come in."""
    cookies = hashlib.blake2b(b"cookies" + secret).hexdigest()
    if BASIC_AUTH():
        return {"basic_auth": BASIC_AUTH(), "cookie_secret": pn.config.cookie_secret or cookies}
    if not OAUTH_PROVIDER():
        return {}
    missing = [
        f"PANEL_{name.upper()}" for name in ("oauth_key", "oauth_secret") if not getattr(pn.config, name)
    ]
    if missing:
        raise ValueError(
            f"--oauth-provider {OAUTH_PROVIDER()} needs {' and '.join(missing)} in the environment."
        )
    return {
        "oauth_provider": OAUTH_PROVIDER(),
        "cookie_secret": pn.config.cookie_secret or cookies,
    }


def is_local(address: str) -> bool:
    """Whether only this machine reaches an address.

    Example:
        >>> is_local("localhost"), is_local("127.0.0.2"), is_local("::1"), is_local("0.0.0.0")
        (True, True, True, False)
    """
    try:
        return address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _join(family: Family, options: dict[str, Any], board: Board, sockets: list[Any], index: int) -> None:
    """What one of several processes does."""
    try:
        with listening(sockets, options["port"]):
            server = make_server(options | {"show": options["show"] and not index}, board, index)
        family.join(server)
        _run(server, main=True)
    finally:
        _end_processes()


def _end_processes() -> None:
    """End what fits and what reads files."""
    end_all()
    fitting.close_pool()


def _run(server: Any, main: bool) -> None:
    """Run a server until it is told to end; Bokeh's way prints first, and goes on where nobody reads it."""
    server.start()
    if main and sys.platform != "win32":
        for one in (signal.SIGINT, signal.SIGTERM):
            server.io_loop.asyncio_loop.add_signal_handler(one, server.io_loop.stop)
    with contextlib.suppress(KeyboardInterrupt):
        server.io_loop.start()
    server.stop()


class _Serving(threading.Thread):
    """A server in a thread of its own.

    Attributes:
        url: its address.
    """

    def __init__(self, options: dict[str, Any], url: str) -> None:
        super().__init__(name="covstudio-server", daemon=True)
        self.url = url
        self._options = options
        self._up = threading.Event()
        self._trouble: BaseException | None = None
        self.server: Any = None
        self.start()
        self._up.wait()
        if self._trouble is not None:
            raise self._trouble
        print(f"covstudio is at {url}", flush=True)

    def run(self) -> None:
        """Serve until it is stopped."""
        loop = IOLoop(make_current=False)
        try:
            self.server = make_server(self._options | {"loop": loop}, Board(1))
            self.server.start()
        except BaseException as error:
            self._trouble = error
            return
        finally:
            self._up.set()
        loop.start()
        self.server.stop()
        loop.close()

    def stop(self) -> None:
        """End it."""
        if self.is_alive():
            self.server.io_loop.add_callback(self.server.io_loop.stop)
            self.join()


def _leave(_signal: int, _frame: object) -> None:
    """End a server that was asked to before it listened."""
    raise SystemExit(0)
