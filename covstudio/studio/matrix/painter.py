"""The frames of the live pictures: codes as bytes in one message, which the page paints on every canvas.

`frontend/src/painter` is the page's half. Bytes bypass property sync, whose debounce alone would cost 50 ms
a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from covstudio.plots.colours import table
from covstudio.studio.matrix.messages import Paint, PainterState, PaintTile, Ramps
from covstudio.studio.matrix.quantise import Tile


def pack(
    seq: int,
    tiles: Iterable[tuple[str, Tile]],
    *,
    done: bool = True,
    clear: Sequence[str] = (),
    work: float = 0.0,
) -> tuple[Paint, bytes]:
    """One frame as the message that the page reads, and the bytes beside it.

    Args:
        seq: sequence number of the latest drag that the frame shows.
        tiles: (key, tile) in the order they were made.
        done: False when more tiles of the same step will follow.
        clear: keys whose pictures are to be wiped, because they cannot be computed now.
        work: milliseconds spent evaluating, for the page's statistics.
    """
    heads, chunks, offset = [], [], 0
    for key, tile in tiles:
        heads.append(
            PaintTile(
                key=key,
                rows=tile.rows,
                cols=tile.cols,
                n=tile.shape[0],
                m=tile.shape[1],
                block=tile.block,
                offset=offset,
                low=tile.low,
                high=tile.high,
                limit=tile.limit,
                scale=tile.scale,
                values=list(tile.values),
            )
        )
        chunks.append(tile.codes)
        offset += len(tile.codes)
    return Paint(seq=seq, done=done, tiles=heads, clear=list(clear), work=work), b"".join(chunks)


def colours() -> PainterState:
    """The colours of every picture, in both themes."""
    return PainterState(light=_ramps("light"), dark=_ramps("dark"))


def _ramps(theme: str) -> Ramps:
    return Ramps(
        sequential=table("sequential", theme).tobytes().hex(),
        diverging=table("diverging", theme).tobytes().hex(),
    )
