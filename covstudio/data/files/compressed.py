"""A single packed file: gzip, bzip2 and xz. What it holds is read as if it had not been packed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from dataclasses import replace
from typing import IO

from covstudio.data.errors import TableError
from covstudio.data.packing import Readable, unpacked
from covstudio.data.readers import READERS, File, Reader, read_file, too_large
from covstudio.data.source import RawTable

__all__ = ["declared_size"]


def declared_size(data: bytes) -> int:
    """How many bytes a gzip file says that it unpacks to, modulo 2^32.

    Example:
        >>> declared_size(gzip.compress(bytes(1000)))
        1000
    """
    return int.from_bytes(data[-4:], "little")


def _register(name: str, mark: bytes, suffix: str, opener: Callable[[IO[bytes]], Readable]) -> None:
    def read(file: File) -> RawTable:
        what = f"The {name} file"
        if name == "gzip" and (size := declared_size(file.data)) > file.max_bytes:
            raise TableError(too_large(size, file.max_bytes, f"{what} would unpack to"))
        data = unpacked(opener(io.BytesIO(file.data)), file.max_bytes, what)
        inner = file.name.removesuffix(suffix)
        return read_file(replace(file, data=data, name=inner, depth=file.depth + 1))

    READERS.register(
        Reader(
            name,
            f"a file packed by {name}",
            (suffix,),
            lambda file: f"it begins as a {name} file does" if file.data.startswith(mark) else "",
            read,
            packed=True,
            order=20,
        )
    )


_register("gzip", b"\x1f\x8b", ".gz", lambda stream: gzip.GzipFile(fileobj=stream))
_register("bzip2", b"BZh", ".bz2", bz2.BZ2File)
_register("xz", b"\xfd7zXZ", ".xz", lzma.LZMAFile)
