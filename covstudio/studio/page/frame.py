"""The frame of the page: its tabs, its theme, the files that it hands out."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable

from covstudio.studio.page.messages import (
    FRAME,
    FrameState,
    MarkTab,
    PageReady,
    Resumed,
    SaveFile,
    Settle,
    Settled,
    TabOpened,
    ThemeChosen,
)
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.shared import Named, OpenTab
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import TABS, Step

#: What the help says of the canvas, which is no tab.
CANVAS = Step("Drag structures from the palette and wire them into V. A template is a quick start.", 20)


class Frame:
    """The frame of one session's page.

    Args:
        store: the session.
        on_tab: called with the name of a tab when the person opens it, so that its view can be built then.
        on_ready: called when the page answers.
        on_resumed: called when the page is back after its line was lost.
    """

    def __init__(
        self,
        store: Store,
        on_tab: Callable[[str], None] = lambda name: None,
        on_ready: Callable[[], None] = lambda: None,
        on_resumed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._on_tab = on_tab
        self._on_ready = on_ready
        self.channel = Channel(
            FRAME,
            store,
            {
                PageReady: self._ready,
                ThemeChosen: lambda chosen: self._theme(chosen.dark),
                TabOpened: lambda opened: self._opened(opened.tab),
                Settled: lambda _: None,
                Resumed: lambda _: on_resumed(),
            },
        )
        tabs = tuple(TABS)
        steps = [CANVAS, *(tab.step for tab in tabs if tab.step is not None)]
        self.channel.show(
            FrameState(
                tabs=[Named(name=tab.name, label=tab.title) for tab in tabs],
                steps=[step.text for step in sorted(steps, key=lambda step: step.order)],
            )
        )

    def open_tab(self, name: str) -> None:
        """Bring a tab of the details to the front."""
        self.channel.tell(OpenTab(tab=name))

    def mark_tab(self, name: str, mark: str = "news") -> None:
        """Put a dot on a tab that is not open: "news", or "problem" in red."""
        self.channel.tell(MarkTab(tab=name, mark="problem" if mark == "problem" else "news"))

    def settle(self) -> None:
        """Say that components were added to the page; call it right after adding them.

        BokehJS takes every model that a server sends later for one of the page's own until the page has sent
        a message, and would pack such a model, whole, into the first message about it; a plot cannot even be
        packed. So the root, which the server knows, speaks first.
        """
        self.channel.tell(Settle())

    def download(self, name: str, content: str | bytes) -> None:
        """Have the browser download a text, or bytes, as a file.

        Args:
            name: of the file; its ending says what kind of file it is.
            content: what is in it.
        """
        kind, _ = mimetypes.guess_type(name)
        self.channel.tell(
            SaveFile(name=name, kind=kind or "application/octet-stream"),
            content.encode() if isinstance(content, str) else content,
        )

    def _ready(self, ready: PageReady) -> None:
        self._theme(ready.dark)
        self._on_ready()

    def _theme(self, dark: bool) -> None:
        self._store.dark = dark

    def _opened(self, name: str) -> None:
        tab = TABS.find(name)
        if tab is not None:
            self._on_tab(tab.name)
