"""The server that hands out pages."""

from __future__ import annotations

import contextlib
import errno
import signal
import socket
import threading
import time
from collections.abc import Iterable
from typing import Any

import panel as pn

from covstudio.studio.fit import pool as fitting
from covstudio.studio.page.page import TITLE, create_page, prewarm
from covstudio.studio.session.files import MAX_CHUNK

PORTS_TRIED = 20
LARGEST_PORT = 65_535
#: How long a session whose page lost its connection (a closed lid, a lost network) is kept for.
SESSION_MINUTES = 15
#: How long a page may be open and still come back to its session by itself; a later one loads itself again.
TOKEN_DAYS = 30


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
    """Serve the app until it is stopped.

    Args:
        port: the port to listen on; when it is in use the next free one is taken, and said.
        address: the address to listen on; "0.0.0.0" lets other machines in.
        show: open a browser.
        threaded: serve from a thread and return at once, as in tests and notebooks.
        origins: further host:port pairs under which people reach the app, behind a proxy say.

    Returns:
        The server; with `threaded` a thread with a `stop` method. Its attribute `url` is the address.

    Raises:
        OSError: no port is free, or the address is not one of this machine.
        ValueError: an environment variable asks for something that makes no sense.
    """
    fitting.workers_wanted()  # whoever starts the server is told, not whoever fits first
    chosen = free_port(port, address)
    if port and chosen != port:
        print(f"Port {port} is in use; taking {chosen}.", flush=True)
    host = "localhost" if address in ("0.0.0.0", "::", "") else address
    url = f"http://{f'[{host}]' if ':' in host else host}:{chosen}"
    hosts = {host, "localhost", "127.0.0.1"}
    if host != address:
        hosts.add(socket.gethostname())
    options: dict[str, Any] = {
        "port": chosen,
        "address": address,
        "show": show,
        "verbose": False,
        "title": TITLE,
        "websocket_origin": sorted({f"{name}:{chosen}" for name in hosts} | set(origins)),
        "websocket_max_message_size": 8 * MAX_CHUNK,
        "session_token_expiration": TOKEN_DAYS * 86_400,
        "unused_session_lifetime_milliseconds": SESSION_MINUTES * 60_000,
        "check_unused_sessions_milliseconds": 30_000,
    }
    if threaded:
        prewarm()
        thread = pn.serve({"/": create_page}, threaded=True, **options)
        _wait_for(host, chosen)
        print(f"covstudio is at {url}", flush=True)
        thread.url = url
        return thread
    main = threading.current_thread() is threading.main_thread()  # signals come to it alone
    if main:
        signal.signal(signal.SIGTERM, _leave)
    try:
        prewarm()
        server = pn.serve({"/": create_page}, start=False, **options)
        print(f"covstudio is at {url}", flush=True)  # it listens by now: whoever reads this may come
        if main:
            server.run_until_shutdown()
        else:
            server.start()
            server.io_loop.start()
    finally:
        fitting.close_pool()
    return server


def _leave(_signal: int, _frame: object) -> None:
    """End a server that was asked to before it listened."""
    raise SystemExit(0)


def _wait_for(host: str, port: int, seconds: float = 20.0) -> None:
    """Wait until somebody listens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with (
            contextlib.suppress(OSError),
            contextlib.closing(socket.create_connection((host, port), timeout=1)),
        ):
            return
        time.sleep(0.02)
