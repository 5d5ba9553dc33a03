"""Parts of drafts: documents, their large nodes, tables and fits as bytes, each named by its content."""

from __future__ import annotations

import contextlib
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from covstudio.data.packed import pieces, unpack
from covstudio.data.tables import Table
from covstudio.document.changes.history import History, Step
from covstudio.document.files.write import VERSION, data_of, loads, model_and_data, written
from covstudio.document.model.document import Document
from covstudio.estimate.files import estimate_from, estimate_text
from covstudio.studio.drafts.messages import DRAFT_VERSION, Draft, DraftFit, DraftStep, DraftTable
from covstudio.studio.fit.kept import KeptFit
from covstudio.studio.session.files import MEGABYTE, UploadError

#: A node of more bytes is a part of its own, so that it travels once and not with every step.
LARGE_NODE = 4_000
#: The steps of a draft are the last ones whose documents come to so many bytes together.
MAX_HISTORY = 32 * MEGABYTE
#: The most bytes that a part may have once it is unpacked.
MAX_PART = 2_000 * MEGABYTE


@dataclass(frozen=True, eq=False)
class Work:
    """The work of a session, as it is kept and as it comes back.

    Attributes:
        history: the document with its past and its future.
        tables: the tables that its documents name.
        fit: the latest fit.
        fitting: whether a fit was under way.
        running: what names that fit, on the server that it runs on.
        selection: ids of the selected nodes.
        focus: what the large plot shows.
        derivatives: what V is differentiated by.
    """

    history: History
    tables: Mapping[str, Table] = field(default_factory=dict)
    fit: KeptFit | None = None
    fitting: bool = False
    running: str = ""
    selection: tuple[str, ...] = ()
    focus: str = "V"
    derivatives: str = "theta"


#: What was written, the name of its part, those of its large nodes, and the bytes of all of them.
_Entry = tuple[object, str, tuple[str, ...], int]


class Parts:
    """What of a session was written as parts, and which of them the page has.

    It is used by one thread at a time.
    """

    def __init__(self) -> None:
        self._names: dict[int, _Entry] = {}
        self._used: dict[int, _Entry] = {}
        self._fresh: dict[str, bytes] = {}
        self._sent: set[str] = set()

    def draft(self, work: Work, heard: int) -> tuple[Draft, dict[str, bytes]]:
        """A draft, and its parts that the page does not have.

        Args:
            work: what to keep.
            heard: the number of the last message of the page.
        """
        history = work.history
        self._used = {}
        present = self._document(history.present)
        room = MAX_HISTORY - present[3]
        past, room = self._steps(history.past, room)
        future, room = self._steps(history.future, room)
        fit = None
        if work.fit is not None:
            estimate = work.fit.estimate
            part = self._part(estimate, lambda: (_squeezed(estimate_text(estimate)), ()))
            belongs = self._document(work.fit.document)
            fit = DraftFit(
                part=part[1], document=belongs[1], seconds=work.fit.seconds, number=work.fit.number
            )
        named = {document.data_name for document in _documents(work)}
        tables = [
            DraftTable(name=name, part=self._table(table))
            for name, table in work.tables.items()
            if name in named
        ]
        self._names = self._used
        nodes = dict.fromkeys(node for entry in self._used.values() for node in entry[2])
        draft = Draft(
            version=DRAFT_VERSION,
            title=history.present.title,
            present=present[1],
            past=past,
            future=future,
            tables=tables,
            nodes=list(nodes),
            fit=fit,
            fitting=work.fitting,
            running=work.running,
            selection=list(work.selection),
            focus=work.focus,
            derivatives="natural" if work.derivatives == "natural" else "theta",
            heard=heard,
            file_version=VERSION,
        )
        wanted = {entry[1] for entry in self._used.values()} | set(nodes)
        self._fresh = {name: data for name, data in self._fresh.items() if name in wanted - self._sent}
        return draft, dict(self._fresh)

    def sent(self, names: Mapping[str, bytes]) -> None:
        """The page has these parts now."""
        self._sent.update(names)
        for name in names:
            self._fresh.pop(name, None)

    def forget(self) -> None:
        """The page has none of them any more."""
        self._names, self._used, self._fresh, self._sent = {}, {}, {}, set()

    def adopt(
        self, known: Mapping[str, object], large: Mapping[str, tuple[str, ...]], sizes: Mapping[str, int]
    ) -> None:
        """Parts that came from the page: what was made of each, the large nodes of documents, and sizes."""
        self.forget()
        self._sent = {*known, *(node for nodes in large.values() for node in nodes)}
        for name, value in known.items():
            self._names[id(value)] = (value, name, large.get(name, ()), sizes[name])

    def _steps(self, steps: tuple[Step, ...], room: int) -> tuple[list[DraftStep], int]:
        kept: list[DraftStep] = []
        for step in reversed(steps):
            entry = self._document(step.document)
            room -= entry[3]
            if room < 0:
                break
            kept.append(DraftStep(part=entry[1], label=step.label, another_model=step.another_model))
        return kept[::-1], room

    def _table(self, table: Table) -> str:
        return self._part(table, lambda: (_squeezed(*pieces(table)), ()))[1]

    def _document(self, document: Document) -> _Entry:
        return self._part(document, lambda: self._written(document))

    def _written(self, document: Document) -> tuple[bytes, tuple[str, ...]]:
        model = model_and_data(document)["model"]
        large: list[str] = []
        for place, value in enumerate(model["nodes"]):
            text = msgspec.json.encode(value)
            if len(text) > LARGE_NODE:
                name = self._keep(_squeezed(text))
                model["nodes"][place] = name
                large.append(name)
        return _squeezed(msgspec.json.encode(model)), tuple(large)

    def _part(self, value: object, write: Callable[[], tuple[bytes, tuple[str, ...]]]) -> _Entry:
        entry = self._used.get(id(value)) or self._names.get(id(value))
        if entry is None:
            data, large = write()
            size = len(data) + sum(len(self._fresh.get(name, b"")) for name in large)
            entry = (value, self._keep(data), large, size)
        self._used[id(value)] = entry
        return entry

    def _keep(self, data: bytes) -> str:
        name = hashlib.blake2b(data, digest_size=16).hexdigest()
        if name not in self._sent:
            self._fresh[name] = data
        return name


def _documents(work: Work) -> list[Document]:
    history = work.history
    found = [history.present, *(step.document for step in (*history.past, *history.future))]
    return found if work.fit is None else [*found, work.fit.document]


def _squeezed(*pieces: bytes | memoryview) -> bytes:
    packer = zlib.compressobj(1)
    return b"".join([*map(packer.compress, pieces), packer.flush()])


# --- coming back ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Returned:
    """A draft that came from a page.

    Attributes:
        draft: as it was kept.
        work: what it says.
        known: part -> what was made of it.
        large: part of a document -> the parts of its large nodes.
        sizes: part -> its bytes.
    """

    draft: Draft
    work: Work
    known: Mapping[str, object]
    large: Mapping[str, tuple[str, ...]]
    sizes: Mapping[str, int]


class _Bundle(msgspec.Struct, frozen=True):
    """What stands before the parts: the draft, and each part with its size."""

    draft: Draft
    parts: list[tuple[str, int]]


def read_bundle(data: bytes) -> Returned:
    """The work in what a page has kept: the length of the head (8 bytes), the head, and the parts.

    Args:
        data: from `frontend/src/session/drafts.ts`.

    Raises:
        UploadError: it cannot be read; the message says why.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    try:
        head = msgspec.json.decode(data[8:end], type=_Bundle)
    except (msgspec.DecodeError, OverflowError) as error:
        raise UploadError(f"This draft is not one that this covstudio keeps ({error}).") from None
    if head.draft.version != DRAFT_VERSION:
        raise UploadError(
            f"This draft was kept by another covstudio (version {head.draft.version} of drafts; this one "
            f"reads {DRAFT_VERSION})."
        )
    try:
        return _Reader(_parts_behind(data, end, head.parts), head.draft.file_version).returned(head.draft)
    except KeyError as error:
        raise UploadError(f"A part of this draft is missing ({error}).") from None
    except (ValueError, zlib.error) as error:
        raise UploadError(f"This draft cannot be read: {error}") from None


def read_model_file(data: bytes) -> tuple[str, str]:
    """The title and the text of a model file out of what a page has kept, whatever else of it cannot be read.

    The model is as it was kept, and not checked: a covstudio that knows its layout opens the file. Its
    table is in it where that can be read.

    Args:
        data: as of `read_bundle`.

    Raises:
        UploadError: there is no model to be had.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    try:
        head = msgspec.json.decode(data[8:end])
        draft = head["draft"]
        reader = _Reader(_parts_behind(data, end, head["parts"]), VERSION)
        model = reader.model(draft["present"])
        content = {"covstudio": draft.get("file_version", VERSION), "model": model}
        part = {one["name"]: one["part"] for one in draft["tables"]}.get(model["data_name"])
        if part is not None:
            with contextlib.suppress(ValueError, KeyError, TypeError, zlib.error):
                content |= data_of(unpack(reader.bytes_of(part)))
        return str(model["title"]), written(content) + "\n"
    except (
        msgspec.DecodeError,
        OverflowError,
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
        zlib.error,
    ):
        raise UploadError("Nothing of this draft can be read, and no model is to be had from it.") from None


def _parts_behind(data: bytes, start: int, sizes: Iterable[tuple[str, int]]) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    for name, size in sizes:
        parts[name] = data[start : start + size]
        start += size
    return parts


def _sharing(document: Document, other: Document | None) -> Document:
    """The same document, with the objects of another one wherever they are equal.

    A step changes little: documents that edits have made share all else, and those that are read do again.
    """
    if other is None:
        return document
    return replace(
        document,
        nodes=_sharing_values(document.nodes, other.nodes),
        roles=_sharing_values(document.roles, other.roles),
        choices=other.choices if document.choices == other.choices else document.choices,
        relations=_sharing_values(document.relations, other.relations),
    )


def _sharing_values(values: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    shared = {name: had if (had := other.get(name)) == value else value for name, value in values.items()}
    same = list(shared) == list(other) and all(shared[name] is other[name] for name in other)
    return other if same else shared


class _Reader:
    """Reads the parts of one draft, each once.

    Args:
        parts: its parts.
        version: of the layout of its documents.
    """

    def __init__(self, parts: Mapping[str, bytes], version: int) -> None:
        self._parts = parts
        self._version = version
        self._known: dict[str, Any] = {}
        self._large: dict[str, tuple[str, ...]] = {}
        self._nodes: dict[str, Any] = {}
        self._latest: Document | None = None

    def returned(self, draft: Draft) -> Returned:
        # In the order of the steps: each shares with the one before it.
        past = tuple(map(self._step, draft.past))
        present = self._document(draft.present)
        future = tuple(map(self._step, reversed(draft.future)))[::-1]
        history = History(present, past, future)
        tables: dict[str, Table] = {}
        for one in draft.tables:
            tables[one.name] = self._known[one.part] = unpack(self.bytes_of(one.part))
        fit = None
        if draft.fit is not None:
            estimate = estimate_from(self.bytes_of(draft.fit.part))
            self._known[draft.fit.part] = estimate
            fit = KeptFit(estimate, draft.fit.seconds, draft.fit.number, self._document(draft.fit.document))
        work = Work(
            history,
            tables,
            fit,
            draft.fitting,
            draft.running,
            tuple(draft.selection),
            draft.focus,
            draft.derivatives,
        )
        sizes = {name: len(data) for name, data in self._parts.items()}
        return Returned(draft, work, self._known, self._large, sizes)

    def _step(self, step: DraftStep) -> Step:
        return Step(self._document(step.part), step.label, step.another_model)

    def _document(self, name: str) -> Document:
        if name not in self._known:
            content = {"covstudio": self._version, "model": self.model(name)}
            document, _ = loads(msgspec.json.encode(content))
            self._latest = self._known[name] = _sharing(document, self._latest)
        found: Document = self._known[name]
        return found

    def model(self, name: str) -> Any:
        """A document as JSON's own values, not checked."""
        model = msgspec.json.decode(self.bytes_of(name))
        nodes = model.get("nodes", []) if isinstance(model, dict) else []
        large = [node for node in nodes if isinstance(node, str)]
        if large:
            model["nodes"] = [self._node(node) if isinstance(node, str) else node for node in nodes]
        self._large[name] = tuple(large)
        return model

    def _node(self, name: str) -> Any:
        if name not in self._nodes:
            self._nodes[name] = msgspec.json.decode(self.bytes_of(name))
        return self._nodes[name]

    def bytes_of(self, name: str) -> bytes:
        """A part, unpacked."""
        reader = zlib.decompressobj()
        data = reader.decompress(self._parts[name], MAX_PART)
        if not reader.eof:
            raise ValueError(f"a part of it is broken, or larger than {MAX_PART / MEGABYTE:.0f} MB")
        return data
