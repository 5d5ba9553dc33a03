"""Pictures of codes as PNG."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["png"]

Bytes = NDArray[np.uint8]


def png(codes: Bytes, colours: Bytes) -> bytes:
    """Codes as a PNG with a palette.

    Args:
        codes: (rows, columns).
        colours: (256, 3), red, green and blue; or (256, 4), with straight alpha.

    Example:
        >>> png(np.zeros((1, 2), np.uint8), np.zeros((256, 3), np.uint8))[1:4]
        b'PNG'

    Reference:
        ISO/IEC 15948, Portable Network Graphics, sections 5 and 11.
    """
    height, width = codes.shape
    lines = np.concatenate([np.zeros((height, 1), dtype=np.uint8), codes], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    see_through = [_chunk(b"tRNS", colours[:, 3].tobytes())] if colours.shape[1] == 4 else []
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", colours[:, :3].tobytes()),
            *see_through,
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
