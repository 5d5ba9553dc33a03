"""The page: one session's store and views put together.

The frame (`assets/page.html`) is plain HTML that is painted before any script has run; each region holds one
view. Views know the store, never each other: what one asks of another (bring a tab to the front, save a file)
is a function handed over here. Views in tabs that nobody has opened are not built.
"""

from __future__ import annotations

import html
import logging
import threading
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import panel as pn
from bokeh.util.warnings import BokehUserWarning
from panel.viewable import Viewable

from covstudio.studio.canvas.canvas import CanvasView
from covstudio.studio.canvas.palette import PaletteView
from covstudio.studio.code.code import CodeView
from covstudio.studio.data.data import DataView
from covstudio.studio.fit import pool as fitting
from covstudio.studio.fit.view import FitView
from covstudio.studio.inspector.inspector import Inspector
from covstudio.studio.matrix.live import Live
from covstudio.studio.matrix.slices import SlicesView
from covstudio.studio.page.appbar import TABS, AppBar
from covstudio.studio.session.resources import read_asset
from covstudio.studio.session.store import Store

log = logging.getLogger("covstudio")

# BokehJS packs the component that speaks first whole into its message, and the server warns that it knows it.
warnings.filterwarnings("ignore", message="reference already known", category=BokehUserWarning)

TITLE = "covstudio"


class PageTemplate(pn.Template):
    """The frame of the page.

    Panel would also load every component's style sheets at the level of the document, by addresses that do
    not exist for files outside its own folders; they live in the components' shadow roots.
    """

    def resolve_resources(self, cdn: Any = "auto", extras: Any = None) -> Any:
        """The scripts and style sheets of the page itself."""
        return super().resolve_resources(cdn=cdn, extras=None)


class Page:
    """The views of one session.

    Args:
        store: the session's store; a new one when left out.
    """

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store()
        self.live = Live.of(self.store)
        self.bar = AppBar(
            self.store, on_tab=self._opened, on_example=lambda name: self.data.propose_example(name)
        )
        self.inspector = Inspector(self.store, open_tab=self.bar.open_tab)
        self._views: dict[str, Any] = {}
        self._tabs: dict[str, pn.Column] = {name: _region() for name in TABS}
        self._tabs["inspector"].append(self.inspector.panel())
        self._making: dict[str, Callable[[], Any]] = {
            "matrix": self._make_matrix,
            "data": lambda: DataView(self.store),
            "fit": lambda: FitView(
                self.store,
                self.bar.download,
                open_tab=self.bar.open_tab,
                done=lambda mark: self.bar.mark_tab("fit", mark),
            ),
            "code": lambda: CodeView(self.store, self.bar.download),
        }

    @property
    def data(self) -> DataView:
        """The data view, made now if it was not."""
        view: DataView = self._view("data")
        return view

    def _make_matrix(self) -> Any:
        from covstudio.studio.matrix.focus import (
            FocusView,
        )  # HoloViews takes long to import: not before somebody looks

        return FocusView(self.store)

    def _view(self, name: str) -> Any:
        if name not in self._views:
            self._views[name] = self._making[name]()
        return self._views[name]

    def _opened(self, name: str) -> None:
        if name in self._making and not len(self._tabs[name]):
            self._tabs[name].append(self._view(name).panel())
            self.bar.settle()
        if "code" in self._views:
            self._views["code"].look(name == "code")

    def regions(self) -> dict[str, Viewable]:
        """What stands in each region of the frame."""
        return {
            "bar": self.bar.panel(),
            "palette": PaletteView(self.store).panel(),
            "canvas": CanvasView(self.store).panel(),
            "dock": SlicesView(self.store).panel(),
            "bus": self.live.bus,
            **self._tabs,
        }

    def template(self) -> PageTemplate:
        """The page as a servable Panel template."""
        template = PageTemplate(read_asset("page.html"), items=self.regions())
        for name, value in _frame().items():
            template.add_variable(name, value)
        return template

    def close(self) -> None:
        """Stop what the session has under way."""
        if "fit" in self._views:
            self._views["fit"].close()
        self.live.close()


def _region() -> pn.Column:
    return pn.Column(sizing_mode="stretch_both", margin=0)


def _frame() -> dict[str, Any]:
    logo = read_asset("logo.svg")
    return {
        "cs_icon": f"data:image/svg+xml,{quote(logo)}",
        "cs_logo": f'{logo}<span class="cs-logo-name">{html.escape(TITLE)}</span>',
        "cs_theme_script": read_asset("theme.js"),
        "cs_theme_css": read_asset("theme.css"),
        "cs_page_css": read_asset("page.css"),
        "cs_page_script": read_asset("page.js"),
        "cs_tabs": [{"name": name, "title": name.capitalize()} for name in TABS],
    }


def create_page() -> PageTemplate:
    """A new session's page.

    Returns:
        A Panel template; `create_page().servable()` serves it.
    """
    prewarm()
    page = Page()
    if pn.state.curdoc is not None and pn.state.curdoc.session_context is not None:
        pn.state.curdoc.title = TITLE
        pn.config.reconnect = True
        pn.state.on_session_destroyed(lambda context: page.close())
    return page.template()


_warmed = threading.Event()


def prewarm() -> None:
    """Start the worker processes in the background; only the first call of a server process does so."""
    if _warmed.is_set():
        return
    _warmed.set()
    try:
        fitting.pool().prewarm()
    except Exception:
        log.exception("the workers could not be started; the first fit will try again")
