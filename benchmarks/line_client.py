"""A client that speaks what a page of the studio speaks to its server, without a browser.

It asks for the page, opens the line as the page does, and says and hears messages of views: tests of the
server, or thirty people at once, need no browsers.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

TOKEN = re.compile(r'"token":"([^"]+)"')
#: What a page whose line was lost adds to the address of the next one.
BACK = "?covstudio-back=1"
#: Bytes of a file that go in one message.
PIECE = 2**20
_numbers = itertools.count(1)


@dataclass
class Heard:
    """One message of the server.

    Attributes:
        kind: what Bokeh calls it, such as "PATCH-DOC".
        content: its text, not yet read.
        blocks: the bytes beside it, by the names that its text has for them.
    """

    kind: str
    content: str
    blocks: dict[str, bytes] = field(default_factory=dict)

    def events(self) -> list[tuple[str, Any, bytes]]:
        """What views were told: of each its name, its message or its whole state, and the bytes beside it.

        A state is what the page draws of a view; its "type" is "state".
        """
        found: list[tuple[str, Any, bytes]] = []
        for event in json.loads(self.content).get("events", ()):
            if isinstance(event.get("new"), str) and event["new"].startswith("{"):
                found.append((event["attr"], {"type": "state", **json.loads(event["new"])}, b""))
            values = event.get("msg_data", {}).get("values", {})
            data = _plain(dict(values.get("entries", ())).get("data"))
            for one in data.get("several", [data]) if isinstance(data, Mapping) else ():
                if "json" in one:
                    block = one.get("data", {}).get("data", {}).get("id", "")
                    found.append((one["view"], json.loads(one["json"]), self.blocks.get(block, b"")))
        return found


class Line:
    """The line of one page.

    Args:
        socket: the open web socket.
        token: of its page.

    Attributes:
        session: the name of the session, once its document is there.
        states: what the views' states were then.
        said: the number of the last message that was said.
    """

    def __init__(self, socket: WebSocketClientConnection, token: str) -> None:
        self.socket = socket
        self.token = token
        self.root = ""
        self.session = ""
        self.states: dict[str, Any] = {}
        self.said = 0

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
        assert self.finds(await self.document())
        await self._send("PATCH-DOC", {"events": [_event("document_ready", [])]})
        await self.say("frame", {"type": "page-ready", "dark": False})

    def finds(self, document: Any) -> bool:
        """Whether a document has the page's root in it, whose session this is then."""
        rest: list[Any] = [*document["roots"]]
        while rest:
            one = rest.pop()
            if isinstance(one, Mapping):
                attributes = one.get("attributes")
                data = attributes.get("data") if isinstance(attributes, Mapping) else None
                inner = data.get("attributes", {}) if isinstance(data, Mapping) else {}
                if "session" in inner and "painter" in inner:
                    self.root, self.session = one["id"], inner["session"]
                    texts = {name: text for name, text in inner.items() if str(text).startswith("{")}
                    self.states = {
                        name: json.loads(text) for name, text in texts.items() if type(text) is str
                    }
                rest.extend(one.values())
            elif isinstance(one, list):
                rest.extend(one)
        return bool(self.root)

    async def document(self) -> Any:
        """The server's document."""
        await self._send("PULL-DOC-REQ", {})
        heard = await self.until(lambda heard: heard.kind == "PULL-DOC-REPLY")
        return json.loads(heard.content)["doc"]

    async def say(
        self, view: str, message: Mapping[str, Any], number: int | None = None, again: bool = False
    ) -> None:
        """Say a message of a view's page half.

        Args:
            view: its name.
            message: with its "type".
            number: of the message, where whoever says it counts.
            again: it was said to a session that is gone.
        """
        self.said = self.said + 1 if number is None else number
        data = {"n": self.said, "view": view, "message": dict(message)} | ({"again": True} if again else {})
        event = _event("data_event", [["model", {"id": self.root}], ["data", _packed(data)]])
        await self._send("PATCH-DOC", {"events": [event]})

    async def send_file(self, view: str, purpose: str, name: str, data: bytes) -> None:
        """Send a file in pieces, as the page does."""
        pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
        file = {"purpose": purpose, "id": name, "name": name, "total": len(pieces), "size": len(data)}
        for index, piece in enumerate(pieces):
            await self.say(view, {"type": "chunk", **file, "index": index, "data": piece})

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
        blocks = {}
        for _ in range(header.get("num_buffers", 0)):
            name = json.loads(await self._part())["id"]
            blocks[name] = await self._part()
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
    if isinstance(value, bytes):
        return {"type": "bytes", "data": base64.b64encode(gzip.compress(value, 1)).decode()}
    return [_packed(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """What Bokeh has written as a value."""
    if isinstance(value, Mapping) and value.get("type") == "map":
        return {key: _plain(item) for key, item in value.get("entries", ())}
    return [_plain(one) for one in value] if isinstance(value, list) else value
