"""The browser's half of the live pictures: the hidden bus, which paints every canvas that registers itself.

Bytes go down in one message per frame and bypass property sync, whose debounce alone would cost 50 ms a step.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import param
from panel.custom import JSComponent
from panel.io.state import state
from panel.models.esm import ESMEvent

from covstudio.studio.matrix.colours import THEMES, table
from covstudio.studio.matrix.quantise import Tile
from covstudio.studio.session.resources import read_asset

SCALES = ("sequential", "diverging")


def pack(
    seq: int,
    tiles: Iterable[tuple[str, Tile]],
    *,
    done: bool = True,
    clear: Sequence[str] = (),
    work: float = 0.0,
) -> dict[str, Any]:
    """One frame as the message the bus reads.

    Args:
        seq: sequence number of the latest drag that the frame shows.
        tiles: (key, tile) in the order they were made.
        done: False when more tiles of the same step will follow.
        clear: keys whose pictures are to be wiped, because they cannot be computed now.
        work: milliseconds spent evaluating, for the page's statistics.

    Returns:
        {"type": "frame", "head": JSON text, "data": bytes}
    """
    heads, chunks, offset = [], [], 0
    for key, tile in tiles:
        heads.append(
            {
                "key": key,
                "rows": tile.rows,
                "cols": tile.cols,
                "shape": tile.shape,
                "offset": offset,
                "lo": tile.low,
                "hi": tile.high,
                "limit": tile.limit,
                "scale": tile.scale,
            }
        )
        chunks.append(tile.codes)
        offset += len(tile.codes)
    head = {"seq": seq, "done": done, "tiles": heads, "work": work}
    if clear:
        head["clear"] = list(clear)
    return {"type": "frame", "head": json.dumps(head), "data": b"".join(chunks)}


class Bus(JSComponent):
    """The one hidden component of a page that paints every registered canvas.

    `assets/painter.js` has its interface.

    Place it once, anywhere on the page, and hand its messages to `covstudio.studio.matrix.live.Live`.
    """

    colours = param.Dict(doc="scale-theme -> 256 RGBA colours as hexadecimal text")

    _esm = "\n".join(read_asset(name) for name in ("raster.js", "tip.js", "painter.js"))

    def __init__(self, **params: Any) -> None:
        tables = {
            f"{scale}-{theme}": table(scale, theme).tobytes().hex() for scale in SCALES for theme in THEMES
        }
        super().__init__(
            **{"colours": tables, "width": 0, "height": 0, "margin": 0, "sizing_mode": "fixed"} | params
        )

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one message to the page.

        On a server it goes Bokeh's plain way, which writes as soon as the running callback returns. Panel's
        own way looks first whether another write is under way, and tries again 10 ms later when one is.

        The document must be locked, as it is in a callback of the document. While a message of the page is
        handled it may not be: Panel takes the lock for those only when no change of a property is pending.
        """
        for ref, (model, _parent) in list(self._models.items()):
            if ref not in state._views or ref in state._fake_roots:
                continue
            doc = model.document
            if doc is None or doc.session_context is None:
                self._send_msg(dict(message))
                return
            doc.callbacks.send_event(ESMEvent(model=model, data=dict(message)))

    def hurry(self, doc: Any) -> None:
        """Turn off Nagle's algorithm on the connections of this session.

        Bokeh writes one message as several small web socket frames; waiting for the acknowledgement of the
        first before the second is sent costs up to 40 ms a frame. Where the server is of another make,
        nothing happens.
        """
        session = getattr(getattr(doc, "session_context", None), "session", None)
        for connection in getattr(session, "_subscribed_connections", ()):
            socket = getattr(connection, "_socket", None)
            if socket is not None and getattr(socket, "ws_connection", None) is not None:
                socket.set_nodelay(True)
