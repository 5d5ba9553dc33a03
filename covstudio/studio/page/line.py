"""The server's end of a page's line: a message goes out in one piece."""

from __future__ import annotations

import contextlib
import json
import logging
from asyncio import Future
from typing import Any

from panel.io.server import WSHandler
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketProtocol13

log = logging.getLogger("covstudio")

_TEXT, _BYTES = 0x1, 0x2


class WholeMessages(WSHandler):
    """Writes each message at once, and only those that somebody waits for.

    Bokeh writes the three to five web socket frames of a message one after the other. Each is a call of the
    system that wakes whoever reads it, and together they cost as much as all that a moved slider asks for.
    """

    async def send_message(self, message: Any) -> None:
        """Write all frames of a message together.

        Args:
            message: of Bokeh's protocol.
        """
        protocol = self.ws_connection
        if not isinstance(protocol, WebSocketProtocol13) or protocol._compressor is not None:
            await super().send_message(message)
            return
        texts = (message.header_json, message.metadata_json, message.content_json)
        frames = [(_TEXT, text.encode()) for text in texts]
        for buffer in message.buffers:
            frames += [(_TEXT, json.dumps(buffer.ref).encode()), (_BYTES, bytes(buffer.to_bytes()))]
        with await self.write_lock.acquire(), contextlib.suppress(StreamClosedError):
            await _together(protocol, frames)

    async def _schedule(self, work: Any) -> None:
        """Answer a message; that a patch was taken is what no page waits for."""
        if getattr(work, "msgtype", None) != "OK":
            await super()._schedule(work)


def _together(protocol: WebSocketProtocol13, frames: list[tuple[int, bytes]]) -> Future[None]:
    """Write frames as one piece of bytes.

    Raises:
        StreamClosedError: the line is down; its handler is told of it.
    """
    stream, kept = protocol.stream, _Kept()
    protocol.stream = kept  # type: ignore[assignment]  # nothing else runs until it is put back
    try:
        for kind, data in frames:
            protocol._write_frame(True, kind, data)
    finally:
        protocol.stream = stream
    written: Future[None] = stream.write(b"".join(kept.pieces))
    return written


class _Kept:
    """What a protocol would write."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.pieces.append(data)
