"""Several processes that serve pages at one address.

The parent imports what all need, listens, and forks; the children answer, and one that ends is replaced.
The kernel gives a new connection to any of them, as a rule to the same one. So a process that is asked for a
page passes the connection on to the process that has the fewest sessions, and one that is asked for the line
of another's session to that one: the open file itself, once, at the beginning; after that nothing stands in
between.
"""

from __future__ import annotations

import contextlib
import json
import logging
import mmap
import os
import random
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from bokeh.util.token import check_token_signature, get_token_payload
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream

log = logging.getLogger("covstudio")

#: What a token of a page calls the process that has its session.
PROCESS = "process"
#: Children that were replaced before the parent gives up: something is wrong with all of them.
MOST_REPLACED = 100
_COUNT = struct.Struct("=q")
_ENDING = {signal.SIGINT, signal.SIGTERM}


class Family:
    """The processes of one server; every child has a copy.

    Args:
        size: how many.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.index = 0
        self._load = mmap.mmap(-1, size * _COUNT.size)
        self._boxes = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(size)]

    # --- the parent ---

    def run(self, child: Callable[[int], None]) -> None:
        """Fork, replace who ends, and end all when the parent is told to.

        Args:
            child: what a process does, with its number from 0; it returns when it is told to end.

        Raises:
            OSError: children end again and again.
            SystemExit: in a child, when it has ended.
        """
        pids: dict[int, int] = {}
        replaced = 0

        def end(_signal: int, _frame: object) -> None:
            raise _Ended

        for one in _ENDING:
            signal.signal(one, end)
        try:
            while True:
                for index in set(range(self.size)) - set(pids.values()):
                    self._fork(index, child, pids)
                pid, status = os.wait()
                index = pids.pop(pid, -1)
                if index < 0:
                    continue
                replaced += 1
                log.error("process %d of the server ended (%d) and is replaced", index, status)
                if replaced > MOST_REPLACED:
                    raise OSError(
                        f"The processes of the server ended {replaced} times. What they said before is why; "
                        "with --processes 1 there is one, which says it to the end."
                    )
        except _Ended:
            pass
        finally:
            for one in _ENDING:
                signal.signal(one, signal.SIG_IGN)
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            for pid in pids:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)

    def _fork(self, index: int, child: Callable[[int], None], pids: dict[int, int]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        pid = os.fork()
        if pid:
            pids[pid] = index
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            return
        for one in _ENDING:
            signal.signal(one, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        random.seed()
        self.index = index
        self._count(index, 0)
        child(index)
        raise SystemExit(0)

    # --- a child ---

    def join(self, server: Any) -> None:
        """Take connections that others pass on, and have pages know which process is theirs.

        Args:
            server: Bokeh's server of this process.
        """
        tornado = server._tornado
        tornado.settings["family"] = self
        for context in tornado.applications.values():
            self._mark(context.application)
        box = self._boxes[self.index][0]
        box.setblocking(False)

        def take(*_: Any) -> None:
            with contextlib.suppress(BlockingIOError):
                while True:
                    text, files, _flags, _address = socket.recv_fds(box, 2**17, 1)
                    for file in files:
                        self._take(server._http, file, text)

        IOLoop.current().add_handler(box.fileno(), take, IOLoop.READ)

    def _mark(self, application: Any) -> None:
        known = application.process_request
        application.process_request = lambda request: {**known(request), PROCESS: self.index}

    def _take(self, http: Any, file: int, text: bytes) -> None:
        connection = socket.socket(fileno=file)
        connection.setblocking(False)
        head, _, request = text.partition(b"\n")
        http.handle_stream(_Replayed(connection, request), tuple(json.loads(head)))

    def hand_over(self, handler: Any) -> bool:
        """Pass the connection of a page on, where its session is another process's.

        Args:
            handler: of a web socket that is asked for and not open yet.

        Returns:
            Whether it was; then it is none of this process any more.
        """
        index = self._process_of(handler)
        return index is not None and index != self.index and self._pass_on(handler, index)

    def share(self, handler: Any) -> bool:
        """Pass the connection of who asks for a page on, where another process has fewer sessions.

        Args:
            handler: of the page.

        Returns:
            Whether it was.
        """
        context = handler.application_context
        here = len(context._sessions) + len(context._pending_sessions)
        self._count(self.index, here)
        stream = handler.request.connection.stream
        if isinstance(stream, _Replayed) and stream.fresh:  # somebody has just passed it on to here
            stream.fresh = False
            return False
        counts = [_COUNT.unpack_from(self._load, index * _COUNT.size)[0] for index in range(self.size)]
        fewest = min(range(self.size), key=lambda index: (counts[index], index != self.index))
        if fewest == self.index or not self._pass_on(handler, fewest):
            return False
        self._count(fewest, counts[fewest] + 1)  # it says itself how many it has when it takes this one
        return True

    def _count(self, index: int, sessions: int) -> None:
        _COUNT.pack_into(self._load, index * _COUNT.size, sessions)

    def _pass_on(self, handler: Any, index: int) -> bool:
        """Give the connection of a request to another process, which reads the request again."""
        request = handler.request
        lines = [f"{request.method} {request.uri} {request.version}"]
        lines += [f"{name}: {value}" for name, value in request.headers.get_all()]
        text = "\r\n".join([*lines, "", ""]).encode("latin-1")
        stream = request.connection.stream
        address = json.dumps(stream.socket.getpeername()).encode()
        try:
            socket.send_fds(self._boxes[index][1], [address + b"\n" + text], [stream.socket.fileno()])
        except OSError as error:  # it is told nothing at all; the page tries again
            log.error("a connection could not be passed on (%s)", error)
            return False
        handler._finished, handler._auto_finish = True, False
        request.connection.detach().close()
        return True

    def _process_of(self, handler: Any) -> int | None:
        """Which process has the session of a page; None where its token does not say."""
        protocols = handler.request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        application = handler.application
        try:
            token = protocols[1].strip()
            if not check_token_signature(
                token, secret_key=application.secret_key, signed=application.sign_sessions
            ):
                return None
            index = get_token_payload(token).get(PROCESS)
        except Exception:  # Bokeh says what is wrong with it
            return None
        return index if isinstance(index, int) and 0 <= index < self.size else None


class _Ended(Exception):
    """The parent is told to end."""


class _Replayed(IOStream):
    """A connection of which another process has read the beginning.

    Args:
        connection: the open connection.
        read: what was read of it.

    Attributes:
        fresh: the request with which it came was not answered yet.
    """

    def __init__(self, connection: socket.socket, read: bytes) -> None:
        self._read = read
        self.fresh = True
        super().__init__(connection)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """What was read before, then what comes."""
        if not self._read:
            return super().read_from_fd(buf)
        part, self._read = self._read[: len(buf)], self._read[len(buf) :]
        buf[: len(part)] = part
        return len(part)


@contextlib.contextmanager
def listening(sockets: list[socket.socket], port: int) -> Iterator[None]:
    """Have the server that is made inside listen on sockets that are open already."""
    with patch("bokeh.server.server.bind_sockets", lambda address, wanted: (sockets, port)):
        yield
