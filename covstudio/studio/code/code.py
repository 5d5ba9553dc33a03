"""The code view: the model as a program that stands on its own, in any language that has an exporter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from covstudio.export import EXPORTERS, exporters
from covstudio.studio.code.messages import CODE, CodeState, Copy, Download, Language
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.shared import ClipboardText, Named
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import TabView

#: Characters that a page can colour without stalling; a longer program is copied and downloaded whole.
MAX_SHOWN = 200_000


class CodeView(TabView):
    """The code view of one session; it writes nothing while nobody looks.

    Args:
        store: the session.
        download: takes a file name and its text, and has the browser save it.
    """

    def __init__(self, store: Store, download: Callable[[str, str | bytes], None]) -> None:
        self._store = store
        self._download = download
        self._visible = False
        self._drawn: tuple[Any, ...] | None = None
        self._exporter = exporters()[0]
        self.channel = Channel(
            CODE,
            store,
            {
                Download: lambda _: self._save(),
                Copy: lambda _: self._copy(),
                Language: lambda chosen: self.choose(chosen.name),
            },
        )
        store.param.watch(lambda *events: self._show(), ["settled", "structure_version"])

    @property
    def line(self) -> Channel:
        """Through which the page is told what to draw."""
        return self.channel

    def look(self, visible: bool) -> None:
        """Say whether the view can be seen."""
        self._visible = visible
        self._show()

    def choose(self, name: str) -> None:
        """Show the program in the language of an exporter, if there is one of that name."""
        chosen = EXPORTERS.find(name)
        if chosen is not None:
            self._exporter = chosen
            self._show()

    def _show(self) -> None:
        now = (self._store.document, self._store.table, self._exporter)
        if not self._visible or self._drawn == now:
            return
        self._drawn = now
        problems = self._store.build.problems
        code, reason = self._source()
        self.channel.show(
            CodeState(
                code=code if code is None else code[:MAX_SHOWN],
                long=code is not None and len(code) > MAX_SHOWN,
                name=self._exporter.file,
                language=self._exporter.name,
                languages=[Named(name=one.name, label=one.label) for one in exporters()],
                keywords=list(self._exporter.keywords),
                reason=reason,
                problems=[problem.message for problem in problems][:1]
                if code is None and reason is None
                else [],
            )
        )

    def _source(self) -> tuple[str | None, str | None]:
        if not self._store.document.nodes:
            return None, "The program appears here as soon as there is a structure on the canvas."
        try:
            return self._exporter.source(self._store.document, self._store.table), None
        except ValueError as error:
            return None, str(error)

    def _copy(self) -> None:
        code, _ = self._source()
        if code is not None:
            self.channel.tell(ClipboardText(text=code))

    def _save(self) -> None:
        code, reason = self._source()
        if code is None:
            self._store.notify(reason or "There is no program yet.", "warning")
        else:
            self._download(self._exporter.file, code)
