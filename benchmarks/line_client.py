"""A client that speaks what a page of the studio speaks to its server, without a browser.

It asks for the page, opens the line as the page does, and says and hears messages of views: tests of the
server, or thirty people at once, need no browsers.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

TOKEN = re.compile(r'"token":"([^"]+)"')
_numbers = itertools.count(1)


@dataclass
class Heard:
    """One message of the server.

    Attributes:
        kind: what Bokeh calls it, such as "PATCH-DOC".
        content: its text, not yet read.
        blocks: the bytes beside it.
    """

    kind: str
    content: str
    blocks: list[bytes] = field(default_factory=list)

    def said(self) -> list[tuple[str, dict[str, Any]]]:
        """What views were told: the name of each, and its message."""
        found = []
        for event in json.loads(self.content).get("events", ()):
            values = event.get("msg_data", {}).get("values", {})
            data = _plain(dict(values.get("entries", ())).get("data"))
            for one in data.get("several", [data]) if isinstance(data, Mapping) else ():
                if "json" in one:
                    found.append((one["view"], json.loads(one["json"])))
        return found


class Line:
    """The line of one page.

    Args:
        socket: the open web socket.
        token: of its page.
    """

    def __init__(self, socket: WebSocketClientConnection, token: str) -> None:
        self.socket = socket
        self.token = token
        self.root = ""
        self.session = ""
        self._said = 0

    @classmethod
    async def opened(cls, url: str, **headers: str) -> Line:
        """Ask for a page, and open its line.

        Args:
            url: of the page.
            **headers: of the request for the line.
        """
        page = await AsyncHTTPClient(force_instance=True).fetch(url, request_timeout=120)
        found = TOKEN.search(page.body.decode())
        assert found is not None, page.body[:500]
        line = await cls.over(url, found[1], **headers)
        await line.begin()
        return line

    @classmethod
    async def over(cls, url: str, token: str, query: str = "", **headers: str) -> Line:
        """Open the line of a page that has this token."""
        address = url.replace("http", "ws", 1).rstrip("/") + "/ws" + query
        request = HTTPRequest(address, headers=headers, request_timeout=120)
        socket = await websocket_connect(request, subprotocols=["bokeh", token], max_message_size=100_000_000)
        assert socket.protocol is not None
        # As browsers do: what is asked goes out at once, not when the answer to what was said before is in.
        socket.protocol.set_nodelay(True)
        line = cls(socket, token)
        await line.until(lambda heard: heard.kind == "ACK")
        return line

    async def begin(self) -> None:
        """Ask for the document, and say that the page stands."""
        document = await self.document()
        rest: list[Any] = [*document["roots"]]
        while rest:
            one = rest.pop()
            if isinstance(one, Mapping):
                attributes = one.get("attributes")
                data = attributes.get("data") if isinstance(attributes, Mapping) else None
                inner = data.get("attributes", {}) if isinstance(data, Mapping) else {}
                if "session" in inner and "painter" in inner:
                    self.root, self.session = one["id"], inner["session"]
                rest.extend(one.values())
            elif isinstance(one, list):
                rest.extend(one)
        assert self.root
        await self._send("PATCH-DOC", {"events": [_event("document_ready", [])]})
        await self.say("frame", {"type": "page-ready", "dark": False})

    async def document(self) -> Any:
        """The server's document."""
        await self._send("PULL-DOC-REQ", {})
        heard = await self.until(lambda heard: heard.kind == "PULL-DOC-REPLY")
        return json.loads(heard.content)["doc"]

    async def say(self, view: str, message: Mapping[str, Any]) -> None:
        """Say a message of a view's page half."""
        self._said += 1
        data = {"n": self._said, "view": view, "message": dict(message)}
        event = _event("data_event", [["model", {"id": self.root}], ["data", _packed(data)]])
        await self._send("PATCH-DOC", {"events": [event]})

    async def _send(self, kind: str, content: Mapping[str, Any]) -> None:
        header = {"msgid": f"c{next(_numbers)}", "msgtype": kind}
        for part in (header, {}, content):
            await self.socket.write_message(json.dumps(part))

    async def heard(self) -> Heard:
        """The next message.

        Raises:
            ConnectionError: the line is down.
        """
        parts = [await self._part() for _ in range(3)]
        header = json.loads(parts[0])
        blocks = []
        for _ in range(header.get("num_buffers", 0)):
            await self._part()
            blocks.append(await self._part())
        return Heard(header["msgtype"], str(parts[2]), blocks)  # type: ignore[arg-type]

    async def _part(self) -> Any:
        part = await self.socket.read_message()
        if part is None:
            raise ConnectionError(f"the line is down ({self.socket.close_code})")
        return part

    async def until(self, wanted: Callable[[Heard], bool]) -> Heard:
        """The next message of a kind; others are passed over."""
        while True:
            heard = await self.heard()
            if wanted(heard):
                return heard

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def _event(name: str, entries: list[Any]) -> dict[str, Any]:
    values = {"type": "map", "entries": entries}
    return {
        "kind": "MessageSent",
        "msg_type": "bokeh_event",
        "msg_data": {"type": "event", "name": name, "values": values},
    }


def _packed(value: Any) -> Any:
    """A value as BokehJS writes it."""
    if isinstance(value, Mapping):
        return {"type": "map", "entries": [[key, _packed(item)] for key, item in value.items()]}
    return [_packed(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """What Bokeh has written as a value."""
    if isinstance(value, Mapping) and value.get("type") == "map":
        return {key: _plain(item) for key, item in value.get("entries", ())}
    return [_plain(one) for one in value] if isinstance(value, list) else value
