"""The bar at the top: title, files, templates, examples, undo and redo."""

from __future__ import annotations

from collections.abc import Callable

from covstudio.data.examples import EXAMPLES
from covstudio.document.changes.all import SetTitle
from covstudio.document.files.templates import TEMPLATES
from covstudio.studio.page.messages import (
    BAR,
    BarState,
    RedoStep,
    SaveModel,
    SetModelTitle,
    UndoStep,
)
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.files import (
    Assembler,
    Chunk,
    UploadError,
    file_stem,
    max_model,
    model_text,
)
from covstudio.studio.session.offers import menu
from covstudio.studio.session.shared import ProposeExample, StartTemplate
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import Desk


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
        """Start from a template."""
        template = TEMPLATES.find(name)
        if template is not None and self._store.start(template):
            self._desk.open_tab("inspector")

    def propose(self, name: str) -> None:
        """Show a built-in table in the data tab, for the person to confirm."""
        self._on_example(name)
        self._desk.open_tab("data")

    def _chunk(self, chunk: Chunk) -> None:
        try:
            upload = self._uploads.add(chunk)
            text = None if upload is None else model_text(upload)
        except UploadError as error:
            self._store.notify(str(error), "error")
            return
        if upload is not None and text is not None and self._store.open_text(text):
            title = self._store.document.title
            self._store.notify(f"Opened “{title}”. Undo brings the earlier model back.", "ok", topic="model")

    def _show(self) -> None:
        store = self._store
        self.channel.show(
            BarState(
                title=store.document.title,
                undo=store.history.undo_label or None,
                redo=store.history.redo_label or None,
                limit=max_model(),
                templates=menu(TEMPLATES),
                examples=menu(EXAMPLES),
            )
        )
