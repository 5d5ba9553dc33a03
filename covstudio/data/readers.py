"""Readers: the formats that tables come in, each told by the file of `covstudio.data.files` that reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from covstudio.data.choices import Decision, TableChoices
from covstudio.data.content import other_kind
from covstudio.data.encoding import Decoded, decode
from covstudio.data.errors import ChoiceError, TableError, listed, shown
from covstudio.data.source import RawTable
from covstudio.registry import Registry

__all__ = ["MAX_BYTES", "READERS", "File", "Reader", "read_file", "suffixes", "too_large"]

MAX_BYTES = 100_000_000
#: A table in an archive in an archive is read, and nothing deeper.
MAX_DEPTH = 2


@dataclass(frozen=True, eq=False)
class File:
    """A file that may hold a table.

    Attributes:
        data: its bytes.
        name: its name, for messages.
        choices: what is said about it.
        max_bytes: the most that is read of it, unpacked.
        depth: how many archives it came out of.
    """

    data: bytes
    name: str
    choices: TableChoices = field(default_factory=TableChoices)
    max_bytes: int = MAX_BYTES
    depth: int = 0

    @cached_property
    def text(self) -> Decoded:
        """The file as text.

        Raises:
            TableError: it is none.
        """
        return decode(self.data, self.choices.encoding)

    @cached_property
    def no_text(self) -> str | None:
        """What it is if it is no text, in a sentence; None for a text."""
        return other_kind(self.data, (self.choices.encoding or "").startswith(("utf-16", "utf-32")))


@dataclass(frozen=True)
class Reader:
    """A format of files.

    Attributes:
        name: short and stable; the choice `format` says it.
        title: what a file of it is, as in "an Excel workbook".
        suffixes: what names of such files end with, with the point.
        fits: why a file is one, as the end of a sentence; "" where it is none.
        read: its columns of text, or its table where it has types; a `TableError` says why not.
        packed: whether the table is in another file inside.
        order: readers are asked in this order.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    fits: Callable[[File], str]
    read: Callable[[File], RawTable]
    packed: bool = False
    order: int = 100


READERS: Registry[Reader] = Registry("format", "covstudio.data.files")


def suffixes() -> tuple[str, ...]:
    """What the names of files end with that can be read.

    Example:
        >>> ".csv" in suffixes(), ".xlsx" in suffixes()
        (True, True)
    """
    return tuple(dict.fromkeys(suffix for reader in READERS for suffix in reader.suffixes))


def read_file(file: File) -> RawTable:
    """The columns of a file, by the reader that fits it.

    Args:
        file: the file.

    Raises:
        TableError: it is of no kind that can be read, or not what its kind should be.
        ChoiceError: what is said does not suit it.

    Example:
        >>> read_file(File(b"gen,yield\\nG1,4.1\\n", "trial.csv")).header
        ('gen', 'yield')
    """
    if file.depth > MAX_DEPTH:
        raise TableError(
            f"{shown(file.name)} is an archive within {MAX_DEPTH} others. Unpack it and load the file inside."
        )
    if not file.data.removeprefix(b"\xef\xbb\xbf").strip():
        raise TableError(
            "The file is empty. A table needs a first line with the names of its columns and a line for "
            "every plot or record."
        )
    reader, reason = _reader_of(file)
    raw = reader.read(file)
    return replace(raw, decisions=(Decision("format", reader.name, reason), *raw.decisions))


def _reader_of(file: File) -> tuple[Reader, str]:
    said = file.choices.format
    if said is not None and READERS.find(said) is None:
        raise ChoiceError(f"There is no format {shown(said)}. There are {listed(READERS.names(), limit=12)}.")
    for reader in READERS:
        # What is packed is unpacked whatever is said of the file inside.
        if (said is None or reader.packed) and (reason := reader.fits(file)):
            return reader, reason
        if said == reader.name and not reader.packed:
            return reader, "as was said"
    raise TableError(
        file.no_text or "The file is of no kind that can be read. Save the table as csv or xlsx."
    )


def too_large(size: int, max_bytes: int, what: str = "The file has") -> str:
    """The sentence about a file that is too large.

    Args:
        size: its bytes.
        max_bytes: the most that is read.
        what: what has so many.

    Example:
        >>> too_large(200, 100)
        'The file has 200 bytes, and 100 is the most that is read. Keep the columns and rows ...'
    """
    return (
        f"{what} {size:,} bytes, and {max_bytes:,} is the most that is read. "
        "Keep the columns and rows that the model needs; in Python, max_bytes of read_table raises the limit."
    )
