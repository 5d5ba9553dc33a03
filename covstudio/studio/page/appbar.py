"""The bar at the top: title, files, templates, examples, undo and redo."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import panel as pn

from covstudio.data.examples import EXAMPLES
from covstudio.data.tables import Table
from covstudio.document.changes.all import SetTitle
from covstudio.document.files.templates import TEMPLATES
from covstudio.document.files.write import DocumentError, loads
from covstudio.document.model.document import Document
from covstudio.settings import READ_GB
from covstudio.studio.page.messages import (
    BAR,
    BarState,
    RedoStep,
    SaveModel,
    SetModelTitle,
    StopOpening,
    UndoStep,
)
from covstudio.studio.session.background import Background, Stopped
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.files import (
    MEGABYTE,
    Assembler,
    Chunk,
    Upload,
    UploadError,
    file_stem,
    max_model,
    model_text,
)
from covstudio.studio.session.offers import menu
from covstudio.studio.session.opened import Opened, made_ready
from covstudio.studio.session.shared import FileUnderWay, ProposeExample, StartTemplate
from covstudio.studio.session.store import MANY_NODES, NOT_OPENED, Store
from covstudio.studio.session.tabs import Desk
from covstudio.studio.session.turns import take_turn

#: A larger file takes long enough to be cancelled; it is read by a process of its own.
OPENED_SOON = 300_000
#: Up to so many bytes are read within a moment, and wait for no larger ones.
READ_SOON = 4 * MEGABYTE
#: How often somebody hears how far a model is built.
STEPS = 20
READING_ENDED = (
    "The process that read it ended unexpectedly, most likely because memory ran out. Try again, or save the "
    "model with a smaller table."
)
TOO_MUCH_MEMORY = (
    "Reading it takes more than {:g} GB of memory, which is the most that may be used. Save the model with a "
    "smaller table."
)

_numbers = itertools.count(1)


@dataclass
class Opening:
    """A file that is being opened.

    Attributes:
        id: another one for each.
        name: of the file.
        text: what is done with it, where it takes long enough to be said.
        share: how much of that is done, where that is known.
        stopped: somebody has cancelled it, or opened another one.
    """

    name: str
    id: int = field(default_factory=lambda: next(_numbers))
    text: str = ""
    share: float | None = None
    stopped: bool = False


Read = tuple[Document, Table | None]


class AppBar:
    """The bar of one session.

    Args:
        store: the session.
        desk: what the page does for its views.
        on_example: called with the name of a built-in table that the person wants.
    """

    def __init__(
        self, store: Store, desk: Desk, on_example: Callable[[str], None] = lambda name: None
    ) -> None:
        self._store = store
        self._desk = desk
        self._on_example = on_example
        self._uploads = Assembler({"open": max_model()})
        self._sending: Opening | None = None
        self._opening: Opening | None = None  # which arrived, and is read or built
        self._placed: tuple[int, Document] | None = None  # the last one that was opened, and its model
        self._reading: Background[Read | str] = Background(self._read, long=True)
        self._building: Background[Opened] = Background(self._built, long=True)
        self.channel = Channel(
            BAR,
            store,
            {
                SetModelTitle: lambda said: store.dispatch(SetTitle(said.title)),
                UndoStep: lambda _: store.undo(),
                RedoStep: lambda _: store.redo(),
                SaveModel: lambda _: self.save(),
                StartTemplate: lambda chosen: self.start(chosen.name),
                ProposeExample: lambda chosen: self.propose(chosen.name),
                Chunk: self._chunk,
                StopOpening: self._cancel,
            },
        )
        store.param.watch(lambda *events: self._show(), ["version"])
        self._show()

    def save(self) -> None:
        """Download the model with its table."""
        name = f"{file_stem(self._store.document.title)}.covstudio.json"
        self._desk.download(name, self._store.save_text())
        self._store.notify(
            f"Saved as {name}, with its table." if self._store.table is not None else f"Saved as {name}.",
            "ok",
            topic="saved",
        )

    def start(self, name: str) -> None:
        """Start from a template; a file that is still being opened would take its place."""
        template = TEMPLATES.find(name)
        if template is not None and self._store.start(template):
            self._stop()
            self._desk.open_tab("inspector")

    def propose(self, name: str) -> None:
        """Show a built-in table in the data tab, for the person to confirm."""
        self._on_example(name)
        self._desk.open_tab("data")

    def left(self) -> None:
        """Nobody sees what is being opened."""
        self._drop()

    def _chunk(self, chunk: Chunk) -> None:
        try:
            upload = self._uploads.add(chunk)
        except UploadError as error:
            if self._uploads.coming("open") is None:
                self._sending = None
            self._show()
            self._store.notify(str(error), "error")
            return
        if upload is not None:
            self._sending = None
            self._open(upload)
            return
        coming = self._uploads.coming("open")
        if coming is None:
            return  # a piece of what was cancelled says nothing
        if chunk.index == 0:
            self._sending = Opening(coming[0])
        if self._sending is not None and coming[1] > OPENED_SOON:
            self._sending.text = f"Sending {self._sending.name}"
            self._sending.share = self._uploads.progress("open")
            self._show()

    def _open(self, upload: Upload) -> None:
        """Read a file, build what is in it and put it in its place, of two files the later one."""
        self._drop()
        opening = self._opening = Opening(upload.name)
        size = upload.size
        if size <= OPENED_SOON:
            self._show()
            self._reading.ask(partial(_read, upload), soon=True)
            return
        opening.text = f"Reading {opening.name}"
        self._show()
        self._reading.ask_apart(
            partial(_read, upload),
            NOT_OPENED.format(READING_ENDED),
            NOT_OPENED.format(TOO_MUCH_MEMORY.format(READ_GB())),
            soon=size <= READ_SOON,
        )

    def _read(self, found: Read | str | None) -> None:
        """Build a model that was read."""
        opening = self._opening
        if not isinstance(found, tuple):
            self._opening = None
            self._store.notify(found or NOT_OPENED.format("Try again."), "error")
        elif opening is not None:
            document, table = found
            nodes = len(document.nodes)
            if opening.text or nodes > MANY_NODES:
                opening.text = f"Building {opening.name}"
                opening.share = None
            make = partial(self._make, pn.state.curdoc, opening, document, table)
            self._building.ask(make, soon=nodes <= MANY_NODES)
        self._show()

    def _make(self, session: Any, opening: Opening, document: Document, table: Table | None) -> Opened:
        """Build a model, in a thread, and say how far it is.

        Raises:
            Stopped: nobody wants it any more.
        """

        def told(done: int, of: int) -> None:
            if opening.stopped:
                raise Stopped
            share = done * STEPS // max(of, 1) / STEPS
            if opening.text and share != opening.share:
                opening.share = share
                take_turn(session, self._show)

        ready = made_ready(self._store.tables, document, table, told)
        if opening.text:
            opening.text, opening.share = f"Drawing {opening.name}", None
            take_turn(session, self._show)
        return ready

    def _built(self, ready: Opened | None) -> None:
        """Put a model in the place of the present one; what was done meanwhile, undo has."""
        opening, self._opening = self._opening, None
        store = self._store
        if ready is None:
            store.notify(NOT_OPENED.format("Try again."), "error")
        elif store.open(ready.document, ready.table, ready):
            if opening is not None:
                self._placed = (opening.id, store.document)
            title = store.document.title
            store.notify(f"Opened “{title}”. Undo brings the earlier model back.", "ok", topic="model")
        self._show()

    def _cancel(self, said: StopOpening) -> None:
        """Do not open a file; the model is as it was, also where it was drawn meanwhile."""
        under_way = {one.id for one in (self._sending, self._opening) if one is not None}
        if said.id in under_way:
            self._stop()
        elif self._placed is not None and self._placed[0] == said.id:
            self._store.undo()

    def _stop(self) -> None:
        """Do not open what is being sent, read or built; the model is as it was."""
        self._uploads = Assembler({"open": max_model()})
        self._sending = None
        self._drop()
        self._show()

    def _drop(self) -> None:
        """End what is being read or built."""
        if self._opening is not None:
            self._opening.stopped = True
        self._opening = None
        self._reading.forget()
        self._building.forget()

    def _show(self) -> None:
        store = self._store
        if self._placed is not None and self._placed[1] is not store.document:
            self._placed = None
        self.channel.show(
            BarState(
                title=store.document.title,
                undo=store.history.undo_label or None,
                redo=store.history.redo_label or None,
                opening=self._under_way(),
                limit=max_model(),
                templates=menu(TEMPLATES),
                examples=menu(EXAMPLES),
            )
        )

    def _under_way(self) -> FileUnderWay | None:
        """What is said of a file that is being opened; of two the later one is sent."""
        told = (one for one in (self._sending, self._opening) if one is not None and one.text)
        opening = next(told, None)
        return (
            None if opening is None else FileUnderWay(id=opening.id, text=opening.text, share=opening.share)
        )


def _read(upload: Upload) -> Read | str:
    """The model in a file, or why there is none."""
    try:
        return loads(model_text(upload))
    except UploadError as error:
        return str(error)
    except DocumentError as error:
        return NOT_OPENED.format(error)
