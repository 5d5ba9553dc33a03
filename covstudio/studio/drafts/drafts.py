"""Drafts of one session: kept in the browser at every rest, and brought back from there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from covstudio.studio.drafts.messages import (
    DRAFTS,
    Draft,
    DraftBack,
    DraftsState,
    ForgetWork,
    KeepDraft,
    KeepPart,
    NotKept,
    SendAll,
)
from covstudio.studio.drafts.parts import Parts, Returned, Work, read_bundle, read_model_file
from covstudio.studio.fit.kept import KeptFit
from covstudio.studio.session.background import Background
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.files import Assembler, Chunk, UploadError, file_stem, max_model
from covstudio.studio.session.store import Store


def max_draft() -> int:
    """The most bytes of a draft: it has undo, redo and a fit beside the model and its tables."""
    return 2 * max_model()


_Written = tuple[Draft, dict[str, bytes]]
_Read = TypeVar("_Read")


def _or_why(read: Callable[[bytes], _Read], data: bytes) -> _Read | str:
    """What is read, or the sentence why it is not."""
    try:
        return read(data)
    except UploadError as error:
        return str(error)


class Drafts:
    """Keeps the work of a session in its page's browser.

    At every rest (a change that settled, another selection, an answer about a fit) the page is told what is
    new; what is large is written beside the event loop, and travels once.

    Args:
        store: the session.
        fit: gives the latest fit.
        bring_back: takes the fit of a draft that came back, or None where it has none.
        heard: gives the number of the last message of the page that was taken.
        running: gives what names the fit under way.
        download: takes a file name and a text, and has the browser save it.
        take_up: goes on with the fit of that name, where it is still under way.
    """

    def __init__(
        self,
        store: Store,
        fit: Callable[[], KeptFit | None],
        bring_back: Callable[[KeptFit | None], None],
        heard: Callable[[], int] = lambda: 0,
        running: Callable[[], str] = lambda: "",
        take_up: Callable[[str], bool] = lambda key: False,
        download: Callable[[str, str], None] = lambda name, text: None,
    ) -> None:
        self._store = store
        self._fit = fit
        self._bring_back = bring_back
        self._heard = heard
        self._running = running
        self._take_up = take_up
        self._download = download
        self._parts = Parts()
        self._alone = threading.Lock()  # parts are written by one thread at a time
        self._untouched = store.history
        self._uploads = Assembler({"draft": max_draft(), "draft-file": max_draft()})
        self._writing: Background[_Written] = Background(self._tell)
        self._reading: Background[Returned | str] = Background(self._returned, long=True)
        self._saving: Background[tuple[str, str] | str] = Background(self._saved, long=True)
        self.channel = Channel(
            DRAFTS,
            store,
            {
                Chunk: self._chunk,
                SendAll: lambda _: self.write_all(),
                ForgetWork: lambda _: self._forget(),
                NotKept: lambda said: self._not_kept(said.text[:500]),
            },
        )
        self.channel.show(DraftsState(limit=max_draft()))
        store.param.watch(
            lambda *events: self.write(), ["settled", "selection", "focus", "derivatives", "answers"]
        )

    @property
    def work(self) -> Work:
        """The work as it stands."""
        store = self._store
        return Work(
            store.history,
            dict(store.tables),
            self._fit(),
            store.fitting,
            self._running(),
            store.selection,
            store.focus,
            store.derivatives,
        )

    def write(self) -> None:
        """Have the page keep the work as it stands, unless nothing was done yet."""
        if self._store.history is self._untouched:
            return
        work, heard, parts = self.work, self._heard(), self._parts

        def written() -> _Written:
            with self._alone:
                return parts.draft(work, heard)

        self._writing.ask(written)

    def _tell(self, written: _Written | None) -> None:
        if written is None:
            return
        draft, fresh = written
        for name, data in fresh.items():
            self.channel.tell(KeepPart(part=name), data)
        self.channel.tell(KeepDraft(draft=draft))
        with self._alone:
            self._parts.sent(fresh)

    # --- coming back ------------------------------------------------------------------------------

    def _chunk(self, chunk: Chunk) -> None:
        try:
            upload = self._uploads.add(chunk)
        except UploadError as error:
            self._refuse(str(error))
            return
        if upload is None:
            return

        if upload.purpose == "draft-file":
            self._saving.ask(lambda: _or_why(read_model_file, upload.data))
        else:
            self._reading.ask(lambda: _or_why(read_bundle, upload.data))

    def _saved(self, found: tuple[str, str] | str | None) -> None:
        if isinstance(found, tuple):
            title, text = found
            self._download(f"{file_stem(title)}.covstudio.json", text)
        else:
            self._store.notify(found or "This draft cannot be saved as a file.", "error")

    def _returned(self, found: Returned | str | None) -> None:
        if not isinstance(found, Returned):
            self._refuse(found or "This draft cannot be read.")
            return
        work = found.work
        with self._alone:
            self._parts = Parts()
            self._parts.adopt(found.known, found.large, found.sizes)
        self._store.bring_back(work.history, work.tables, work.selection, work.focus, work.derivatives)
        self._bring_back(work.fit)
        if work.fitting and not self._take_up(work.running):
            self._store.notify(
                "A fit was under way and has ended with its page or its server. Press Fit to start it again.",
                "warning",
            )
        self.channel.tell(DraftBack(trouble=None))

    def _refuse(self, sentence: str) -> None:
        self._store.notify(f"{sentence} It is kept: Recent saves its model as a file.", "error")
        self.channel.tell(DraftBack(trouble=sentence))

    # --- the browser's storage --------------------------------------------------------------------

    def write_all(self) -> None:
        """Have the page keep everything: it has nothing, or has lost something."""
        with self._alone:
            self._parts.forget()
        self.write()

    def _forget(self) -> None:
        self._writing.forget()
        self._untouched = self._store.history
        with self._alone:
            self._parts.forget()

    def _not_kept(self, why: str) -> None:
        self._store.notify(
            f"This browser keeps no draft of your work ({why}). Save the model to have it after a reload.",
            "warning",
            stands=lambda: True,
        )
