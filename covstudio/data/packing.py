"""Packed files, looked at before it is unpacked: archives that would become too large are refused."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from typing import Protocol

from covstudio.data.errors import TableError
from covstudio.data.readers import too_large

__all__ = ["Readable", "checked_archive", "unpacked"]

_STEP = 1 << 20
_HEAD = 30


class Readable(Protocol):
    """A stream that unpacks as it is read."""

    def read(self, size: int, /) -> bytes:
        """Up to so many bytes."""


def checked_archive(data: bytes, most: int, what: str) -> zipfile.ZipFile:
    """A zip archive whose parts are together no larger than they may be, whatever it says of them.

    Args:
        data: its bytes.
        most: the most bytes of all parts together.
        what: what to call it in messages: "The workbook".

    Raises:
        TableError: it is damaged, or it would be too large.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise TableError(f"{what} is damaged: {error}. Save or download it again.") from None
    if (size := sum(part.file_size for part in parts)) > most:
        raise TableError(too_large(size, most, f"{what} would unpack to"))
    for part in parts:
        # The size that stands in an archive need not be true.
        if part.compress_type == zipfile.ZIP_DEFLATED and not part.flag_bits & 1:
            start = part.header_offset + _HEAD
            start += sum(int.from_bytes(data[at : at + 2], "little") for at in (start - 4, start - 2))
            content = memoryview(data)[start : start + part.compress_size]
            if _longer(content, part.file_size):
                raise TableError(
                    f"{what} says that a part of it has {part.file_size:,} bytes, and it has more: it is "
                    "damaged, or "
                    "made to do harm. Save or download it again."
                )
    return archive


def unpacked(stream: Readable, most: int, what: str) -> bytes:
    """What a packed stream holds, read no further than it may be long.

    Args:
        stream: what unpacks it.
        most: the most bytes.
        what: what to call it in messages: "The gzip file".

    Raises:
        TableError: it holds more, or is damaged.
    """
    try:
        found = stream.read(most + 1)
    except (
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
    ) as error:
        raise TableError(f"{what} is damaged: {str(error).rstrip('.')}. Save or download it again.") from None
    if len(found) > most:
        raise TableError(too_large(most + 1, most, f"{what} unpacks to at least"))
    return found


def _longer(packed: memoryview, size: int) -> bool:
    """Whether deflated bytes become more than they should, found without keeping them."""
    inflater, found, rest = zlib.decompressobj(-15), 0, bytes(packed)
    try:
        while rest and not inflater.eof:
            found += len(inflater.decompress(rest, _STEP))
            if found > size:
                return True
            rest = inflater.unconsumed_tail
    except zlib.error:
        return False  # whoever unpacks it says what is wrong
    return False
