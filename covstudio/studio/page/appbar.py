"""The bar at the top: title, files, templates, examples, undo and redo."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from covstudio.data.examples import EXAMPLES
from covstudio.data.tables import Table
from covstudio.document.changes.all import SetTitle
from covstudio.document.files.templates import TEMPLATES
from covstudio.document.files.write import DocumentError, loads
from covstudio.document.model.document import Document
from covstudio.studio.page.messages import (
    BAR,
    BarState,
    RedoStep,
    SaveModel,
    SetModelTitle,
    StopOpening,
    UndoStep,
)
from covstudio.studio.session.background import Background
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.files import (
    MAX_NAME,
    Assembler,
    Chunk,
    Upload,
    UploadError,
    file_stem,
    max_model,
    model_text,
)
from covstudio.studio.session.offers import menu
from covstudio.studio.session.shared import ProposeExample, StartTemplate
from covstudio.studio.session.store import NOT_OPENED, Store
from covstudio.studio.session.tabs import Desk

#: Up to so many bytes a model is read at once; a larger one beside the event loop.
OPENED_AT_ONCE = 20_000
#: A larger file takes long enough to be cancelled.
OPENED_SOON = 300_000

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
        self._opening: str | None = None
        self._reading: Background[Read | str] = Background(self._read, long=True)
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
                StopOpening: lambda _: self._stop(),
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

    def _chunk(self, chunk: Chunk) -> None:
        try:
            upload = self._uploads.add(chunk)
        except UploadError as error:
            if not self._reading.busy:  # the file before it is still being read, and can be cancelled
                self._opening = None
            self._show()
            self._store.notify(str(error), "error")
            return
        if upload is not None and upload.size <= OPENED_AT_ONCE:
            self._reading.answer(_read(upload))
            return
        under_way = upload is not None or self._uploads.progress("open") is not None
        if under_way and chunk.size > OPENED_SOON:
            self._opening = chunk.name[:MAX_NAME]
            self._show()
        if upload is not None:
            self._reading.ask(partial(_read, upload))

    def _stop(self) -> None:
        """Do not open what is being sent or read; the model is as it was."""
        self._uploads = Assembler({"open": max_model()})
        self._reading.forget()
        self._opening = None
        self._show()

    def _read(self, found: Read | str | None) -> None:
        """Put a model that was read in the place of the present one; what was done meanwhile, undo has."""
        self._opening = None
        store = self._store
        if not isinstance(found, tuple):
            store.notify(found or NOT_OPENED.format("Try again."), "error")
        elif store.open(*found):
            title = store.document.title
            store.notify(f"Opened “{title}”. Undo brings the earlier model back.", "ok", topic="model")
        self._show()

    def _show(self) -> None:
        store = self._store
        self.channel.show(
            BarState(
                title=store.document.title,
                undo=store.history.undo_label or None,
                redo=store.history.redo_label or None,
                opening=self._opening,
                limit=max_model(),
                templates=menu(TEMPLATES),
                examples=menu(EXAMPLES),
            )
        )


def _read(upload: Upload) -> Read | str:
    """The model in a file, or why there is none."""
    try:
        return loads(model_text(upload))
    except UploadError as error:
        return str(error)
    except DocumentError as error:
        return NOT_OPENED.format(error)
