"""Files from and to the browser: uploads in pieces, safe file names."""

from __future__ import annotations

import pickle
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from covstudio.settings import UPLOAD_MB
from covstudio.studio.session.messages import Message

if TYPE_CHECKING:
    import pandas as pd

MEGABYTE = 1_000_000
MAX_CHUNK = 4 * MEGABYTE
MAX_NAME = 200


def max_table() -> int:
    """The most bytes of a table that somebody uploads."""
    return UPLOAD_MB() * MEGABYTE


def max_model() -> int:
    """The most bytes of a saved model: it holds its table as text, so it may be larger than the table was."""
    return max_table() * 5 // 2


class UploadError(ValueError):
    """An upload that cannot be taken; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Upload:
    """A file that arrived whole.

    Args:
        purpose: what the page wants done with it, e.g. "table" or "open".
        name: its name on the person's computer, without folders.
        content: its bytes, or the pieces in which they came. Nobody puts tens of megabytes together on the
            event loop: whoever reads them does.
    """

    purpose: str
    name: str
    content: bytes | tuple[bytes, ...]

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.content) if isinstance(self.content, bytes) else sum(map(len, self.content))

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return self.content if isinstance(self.content, bytes) else b"".join(self.content)

    def __eq__(self, other: object) -> bool:
        """Whether it is the same file for the same purpose."""
        return isinstance(other, Upload) and self._told == other._told

    def __hash__(self) -> int:
        return hash(self._told)

    @property
    def _told(self) -> tuple[str, str, bytes]:
        return self.purpose, self.name, self.data

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled, its pieces may travel beside the text."""
        pieces = (self.content,) if isinstance(self.content, bytes) else self.content
        return _again, (self.purpose, self.name, *map(pickle.PickleBuffer, pieces))


def _again(purpose: str, name: str, *pieces: bytes) -> Upload:
    return Upload(purpose, name, b"".join(pieces))


class Chunk(Message, frozen=True):
    """A piece of a file that the page sends (`src/session/upload.ts`).

    Args:
        purpose: what the page wants done with the file.
        id: another one for each upload.
        name: of the file.
        index: which piece it is, from 0.
        total: how many there are.
        size: of the whole file, in bytes.
        data: the piece.
    """

    purpose: str
    id: str
    name: str
    index: int
    total: int
    size: int
    data: bytes


class RefuseFile(Message, frozen=True):
    """The page could not read or send a file; the sentence says why."""

    text: str


@dataclass
class _Partial:
    name: str
    total: int
    size: int = 0
    pieces: list[bytes] = field(default_factory=list)
    received: int = 0


class Assembler:
    """Puts the pieces of an upload together, with a limit on what it holds.

    A file travels in pieces of one megabyte, in order, because a server refuses a single message over 20 MB.
    Only the latest upload for a purpose is kept: starting another one drops the first.

    Args:
        limits: purpose -> largest size in bytes.

    Example:
        >>> parts = Assembler({"table": 100})
        >>> file = {"purpose": "table", "id": "1", "name": "oats.csv", "total": 2, "size": 6}
        >>> parts.add(Chunk(**file, index=0, data=b"a,b")) is None
        True
        >>> parts.add(Chunk(**file, index=1, data=b"\\n1,")).data
        b'a,b\\n1,'
    """

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = dict(limits)
        self._partial: dict[str, tuple[str, _Partial]] = {}

    def add(self, chunk: Chunk) -> Upload | None:
        """Take one piece.

        Returns:
            The upload when this was its last piece, else None.

        Raises:
            UploadError: too large, out of order, or for an unknown purpose. The upload is dropped.
        """
        purpose, upload_id, index, data = chunk.purpose, chunk.id, chunk.index, chunk.data
        name = re.split(r"[/\\]", chunk.name)[-1][:MAX_NAME] or "file"
        if purpose not in self._limits:
            raise UploadError(
                f"{name} arrived for a purpose that is not known. Reload the page and try again."
            )
        limit = self._limits[purpose]
        if index == 0:
            self._partial[purpose] = (upload_id, _Partial(name, chunk.total, chunk.size))
        current, partial = self._partial.get(purpose, ("", _Partial(name, 0)))
        if current != upload_id:
            return None  # a piece of an upload that was dropped, or that a newer one replaced
        if index != len(partial.pieces) or len(data) > MAX_CHUNK:
            raise self._dropped(purpose, f"The pieces of {name} arrived out of order. Upload it again.")
        if max(chunk.size, partial.received + len(data)) > limit:
            largest = max(chunk.size, partial.received + len(data))
            raise self._dropped(
                purpose,
                f"{name} is {largest / MEGABYTE:.1f} MB; at most {limit / MEGABYTE:.0f} MB can be taken. "
                "Keep the columns the model needs, or fewer rows.",
            )
        partial.pieces.append(data)
        partial.received += len(data)
        if len(partial.pieces) < partial.total:
            return None
        del self._partial[purpose]
        return Upload(purpose, name, tuple(partial.pieces))

    def coming(self, purpose: str) -> tuple[str, int] | None:
        """The name and the size of the file whose pieces arrive; None when nothing is under way."""
        found = self._partial.get(purpose)
        return None if found is None else (found[1].name, found[1].size)

    def progress(self, purpose: str) -> float | None:
        """The share that has arrived, between 0 and 1; None when nothing is under way."""
        found = self._partial.get(purpose)
        return None if found is None else len(found[1].pieces) / max(found[1].total, 1)

    def _dropped(self, purpose: str, sentence: str) -> UploadError:
        self._partial.pop(purpose, None)
        return UploadError(sentence)


def spreadsheet_text(frame: pd.DataFrame, separator: str = ",") -> str:
    """A table as text for a spreadsheet, in which no cell begins a formula.

    A text that begins as a formula does gets an apostrophe before it, which spreadsheets take for "this is
    text". Numbers stay numbers, negative ones and those that stand in a column of texts included.

    Args:
        frame: the table.
        separator: between cells.

    Example:
        >>> import pandas as pd
        >>> print(spreadsheet_text(pd.DataFrame({"gen": ["=1+1", "-2"], "yield": [-0.5, 4.0]})), end="")
        gen,yield
        '=1+1,-0.5
        -2,4.0
    """
    texts = frame.select_dtypes(exclude="number")
    safe = frame.assign(**{str(name): texts[name].map(_plain_cell) for name in texts.columns})
    return safe.rename(columns=_plain_cell).to_csv(index=False, sep=separator)


def _plain_cell(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")  # a lone one would begin a row, and is not quoted
    if not cell.startswith(("=", "+", "-", "@", "\t", "\n")):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def file_stem(title: str) -> str:
    """A title as a file name that every system takes, without its extension.

    Example:
        >>> file_stem("Oats: alpha design, 1995/96")
        'Oats alpha design, 1995-96'
        >>> file_stem("../..")
        'model'
    """
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFC", title)).replace("/", "-").replace("\\", "-")
    text = "".join(c for c in text if c.isprintable() and c not in '<>:"|?*')
    text = text.strip(" .-")[:80].strip(" .-")
    return text or "model"


def model_text(upload: Upload) -> str:
    """The text of an uploaded model file.

    Raises:
        UploadError: when it is not UTF-8 text.
    """
    try:
        return upload.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UploadError(
            f"{upload.name} is not a text file (byte {error.start} is not UTF-8). "
            "Open a model that was saved here, a file named like model.covstudio.json."
        ) from None
