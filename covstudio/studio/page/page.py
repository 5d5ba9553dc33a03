"""The page: one session's store and views put together.

The frame (`assets/page.html`) is plain HTML that is painted before any script has run; each region holds one
view. Views know the store, never each other: what one asks of another (bring a tab to the front, save a file)
is a function handed over here. Views in tabs that nobody has opened are not built.
"""

from __future__ import annotations

import gc
import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from functools import cache, partial
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import panel as pn
from bokeh.embed.bundle import _bundle_extensions as extensions
from bokeh.util.warnings import BokehUserWarning
from panel.io import resources
from panel.io.resources import Resources
from tornado.process import task_id

from covstudio.data.examples import EXAMPLES
from covstudio.document.files.templates import TEMPLATES
from covstudio.export.exporter import EXPORTERS
from covstudio.plots.picture import FIT_PICTURES, MATRIX_PICTURES
from covstudio.studio.canvas.canvas import CanvasView
from covstudio.studio.code.code import CodeView
from covstudio.studio.data.data import DataView
from covstudio.studio.drafts.drafts import Drafts
from covstudio.studio.fit import pool as fitting
from covstudio.studio.fit.kept import KeptFit
from covstudio.studio.fit.view import FitView
from covstudio.studio.matrix.live import Live
from covstudio.studio.matrix.slices import SlicesView
from covstudio.studio.page.appbar import AppBar
from covstudio.studio.page.frame import Frame
from covstudio.studio.page.status import StatusLine
from covstudio.studio.palette.palette import PaletteView
from covstudio.studio.root import Root
from covstudio.studio.session import workers
from covstudio.studio.session.leaving import watch
from covstudio.studio.session.resources import read_asset
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import TABS, Desk, TabView
from covstudio.studio.session.turns import judge, on_loop, take_turn, takes_long

log = logging.getLogger("covstudio")

# BokehJS packs the component that speaks first whole into its message, and the server warns that it knows it.
warnings.filterwarnings("ignore", message="reference already known", category=BokehUserWarning)

TITLE = "covstudio"
#: A message with longer texts, such as nodes that are pasted, may take long.
LONG_TEXT = 20_000
#: What a page adds to the address of its web socket once its line was lost (`frontend/src/session/line.ts`).
BACK = "covstudio-back"
#: Seconds after which a thread of a server lets another one go on. Each operation of torch lets the others go
#: on and waits for its turn again, so that a frame of forty operations waits forty times for what is computed
#: beside it: at Python's 5 ms a fifth of a second, with which nobody can drag.
TURN = 0.0002


class PageTemplate(pn.Template):
    """The frame of the page.

    Panel would also load every component's style sheets at the level of the document, by addresses that do
    not exist for files outside its own folders; they live in the components' shadow roots.
    """

    def resolve_resources(self, cdn: Any = "auto", extras: Any = None) -> Any:
        """The scripts and style sheets of the page itself."""
        return super().resolve_resources(cdn=cdn, extras=None)

    def __repr__(self) -> str:
        """Its name: Panel writes down every component of each page otherwise."""
        return type(self).__name__


class Page:
    """The views of one session.

    Args:
        store: the session's store; a new one when left out.
        keeps: whether the browser keeps drafts of the work, and a page that comes back has it again. In a
            notebook the kernel keeps it.
    """

    def __init__(self, store: Store | None = None, *, keeps: bool = False) -> None:
        self.store = store or Store()
        self.live = Live.of(self.store)
        self.frame = Frame(self.store, self._opened, self._ready, self._resumed)
        self._desk = Desk(self.store, self.frame.download, self.frame.open_tab, self.frame.mark_tab)
        self.bar = AppBar(self.store, self._desk, on_example=self._propose)
        self.palette = PaletteView(self.store, self._take)
        self.status = StatusLine(self.store, self._desk)
        self._tabs = {tab.name: tab for tab in TABS}
        self._places = {name: pn.Column(sizing_mode="stretch_both", margin=0) for name in self._tabs}
        self._views: dict[str, TabView] = {}
        self._drawn: set[str] = set()  # tabs that stand on the page: somebody may have asked a view before
        self.root = Root(
            tabs=list(self._places.values()),
        )
        self.root.on_missing(lambda name: self._make(name) if name in self._tabs else None)
        self.root.turn = self._turn
        self._waiting = 0  # messages that wait for their turn
        slices, canvas = SlicesView(self.store), CanvasView(self.store)
        for view in (self.frame, self.bar, self.palette, self.status, self.live, slices, canvas):
            self.root.connect(view.channel)
        self.drafts: Drafts | None = None
        if keeps:
            self.drafts = Drafts(
                self.store,
                self._kept_fit,
                self._fit_back,
                lambda: self.root.heard,
                self._running_fit,
                self._take_up_fit,
                self.frame.download,
            )
            self.root.connect(self.drafts.channel)
        self._make(next(iter(self._tabs)))

    @property
    def views(self) -> Mapping[str, TabView]:
        """The views that were made so far, by the names of their tabs."""
        return MappingProxyType(self._views)

    def view(self, name: str) -> TabView:
        """The view of a tab, made now if it was not.

        Args:
            name: of a tab.
        """
        if name not in self._views:
            self._views[name] = self._tabs[name].make(self._desk)
        return self._views[name]

    def _turn(self, take: Callable[[], object], letters: int) -> None:
        """Have a message taken: at once where that is short, else where no other session waits for it.

        A message never overtakes one that waits for its turn.
        """
        document = pn.state.curdoc
        # Before the page has loaded, the router keeps what is said until then.
        if pn.state.loaded and (self._waiting or letters > LONG_TEXT or takes_long(document)):
            self._waiting += 1
            take_turn(document, partial(self._take_waiting, take), long=True)
        else:
            take()

    def _take_waiting(self, take: Callable[[], object]) -> None:
        try:
            take()
        finally:
            self._waiting -= 1

    def _make(self, name: str) -> None:
        """Make what stands in a tab, if nobody has yet."""
        if name in self._drawn:
            return
        self._drawn.add(name)
        view = self.view(name)
        panel = view.panel()
        if panel is not None:
            on_loop(lambda: self._places[name].append(panel))
            self.frame.settle()
        for line in view.lines:
            self.root.connect(line)

    def _opened(self, name: str) -> None:
        if name in self._tabs:
            self._make(name)
        for other, view in self._views.items():
            view.look(other == name)

    def _ready(self) -> None:
        """What was told before, nobody has heard."""
        if self.drafts is not None:
            self.drafts.write_all()

    def _resumed(self) -> None:
        """Tell once more what is no state: pictures, and what Panel draws."""
        self.live.again()
        for place in self._places.values():
            if place.objects:
                on_loop(partial(_put_again, place))
                self.frame.settle()

    # --- drafts ---

    def _kept_fit(self) -> KeptFit | None:
        view = self._views.get("fit")
        return view.kept() if isinstance(view, FitView) else None

    def _fit_back(self, kept: KeptFit | None) -> None:
        if kept is None and "fit" not in self._views:
            return
        view = self.view("fit")
        assert isinstance(view, FitView)
        view.bring_back(kept)

    def _running_fit(self) -> str:
        view = self._views.get("fit")
        return view.under_way if isinstance(view, FitView) else ""

    def _take_up_fit(self, key: str) -> bool:
        view = self.view("fit")
        return isinstance(view, FitView) and view.take_up(key)

    def left(self) -> None:
        """The page was left, and did not come back: end what nobody will see."""
        self.bar.left()
        for view in self._views.values():
            view.left()

    def _propose(self, example: str) -> None:
        data = self.view("data")
        assert isinstance(data, DataView)
        data.propose_example(example)

    def _take(self, kind: str, name: str) -> None:
        """Give somebody what they found in the search."""
        if kind == "template":
            self.bar.start(name)
        elif kind == "example":
            self.bar.propose(name)
        elif kind == "tab":
            self.frame.open_tab(name)
        elif kind == "language":
            code = self.view("code")
            assert isinstance(code, CodeView)
            code.choose(name)
            self.frame.open_tab("code")

    def template(self) -> PageTemplate:
        """The page as a servable Panel template."""
        template = PageTemplate(_compiled(), items={"studio": self.root})
        for name, value in _frame().items():
            template.add_variable(name, value)
        return template

    def close(self) -> None:
        """Stop what the session has under way."""
        self.bar.left()
        for view in self._views.values():
            view.close()
        self.live.close()


def _put_again(place: pn.Column) -> None:
    """Have Panel make anew what stands in a place."""
    place.objects, shown = [], place.objects
    place.objects = shown


@cache
def _compiled() -> Any:
    """The frame of all pages, compiled once."""
    return PageTemplate(read_asset("page.html")).template


@cache
def _frame() -> Mapping[str, Any]:
    logo = read_asset("logo.svg")
    return {
        "cs_icon": f"data:image/svg+xml,{quote(logo)}",
        "cs_logo": logo,
        "cs_theme_script": read_asset("theme.js"),
        "cs_starting_script": read_asset("starting.js"),
        "cs_theme_css": re.sub(r"/\*.*?\*/\s*", "", read_asset("theme.css"), flags=re.DOTALL),
    }


def create_page() -> PageTemplate:
    """A new session's page.

    Returns:
        A Panel template; `create_page().servable()` serves it.
    """
    if task_id() is not None and not _warmed.is_set():
        log.warning(
            "One of several processes was not ready when somebody came; others may not find Panel's files. "
            "Add --setup app.py to panel serve, or use covstudio serve --processes."
        )
    prewarm()
    _keep_to_this_host()
    if _came_back():
        empty: PageTemplate = PageTemplate("{% extends base %}")
        return empty
    page = Page(keeps=True)
    if pn.state.curdoc is not None and pn.state.curdoc.session_context is not None:
        pn.state.curdoc.title = TITLE
        pn.state.on_session_destroyed(lambda context: page.close())
        watch(pn.state.curdoc, page.left)
        judge(pn.state.curdoc, page.store)
    return page.template()


def _keep_to_this_host() -> None:
    """Have the session take Panel's style sheets from here, also where its page came from another process."""
    document = pn.state.curdoc
    if document is not None and document.session_context is not None:
        path = f"{pn.state.rel_path}/" if pn.state.rel_path else ""
        document.template_variables.setdefault("dist_url", path + resources.LOCAL_DIST)


def _came_back() -> bool:
    """Whether a page whose line was lost asks for a session that is gone.

    A server that does not know the session of a web socket makes a new one under its name. The page is told
    by an empty document, and loads itself again, which makes a session with everything that belongs to it.
    A page that comes back says so in the address of its web socket.
    """
    document = pn.state.curdoc
    context = None if document is None else document.session_context
    request = None if context is None else context.request
    return BACK in str(getattr(request, "query", "") or "")


_warmed = threading.Event()
_prepared = threading.Event()


def prepare() -> None:
    """Import what the first visitor would wait for, and have this process serve Panel's files, once.

    A process learns where Panel's files are, and that pages have them from here and no other host, when it
    hands out its first page; of several processes, one may be asked for a file or a session before that.
    """
    if _prepared.is_set():
        return
    _prepared.set()
    resources.RESOURCE_MODE = "server"
    extensions(None, Resources(mode="server"))
    for registry in (TABS, EXAMPLES, TEMPLATES, EXPORTERS, MATRIX_PICTURES, FIT_PICTURES):
        registry.names()
    Page().close()
    # What is there now stays. Python need not look through all of it again and again, which takes 0.2 s in
    # which nobody's slider moves.
    gc.collect()
    gc.freeze()


def prewarm() -> None:
    """Import the views and start the workers in the background, once per server process."""
    if _warmed.is_set():
        return
    _warmed.set()
    sys.setswitchinterval(TURN)
    prepare()
    try:
        workers.prewarm()
        fitting.pool().prewarm()
    except (ImportError, OSError, ValueError) as error:
        log.error("No worker was started; the first fit will try again. %s", error)
