"""A real server, a real Chromium, and pages that fail a test on an error or a request to another host."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from bokeh.document import Document
from browsers import CHROMIUM
from panel.io.state import set_curdoc
from playwright.sync_api import BrowserContext, BrowserType, Page, expect

from tests.studio.browser import Studio
from tests.studio.canvas_actions import PIECES, drawn
from tests.studio.lasting import LastingPage, forget
from tests.studio.serving import served
from tests.studio.watch import Watched

SLOWDOWN = float(os.environ.get("COVSTUDIO_SLOWDOWN", "1"))

# A machine that builds other things at the same time may be slow; what is never reached fails all the same.
expect.set_options(timeout=int(os.environ.get("COVSTUDIO_PATIENCE", "60000")))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser, directly or by its fixtures, before -m chooses by the mark."""
    for item in items:
        if "playwright" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    """Debian's Chromium (or COVSTUDIO_CHROMIUM), without the sandbox that a container cannot give it."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM.path(), "args": ["--no-sandbox"]}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, object]) -> dict[str, object]:
    """A laptop's screen, light, with the clipboard allowed."""
    return {
        **browser_context_args,
        "viewport": {"width": 1440, "height": 900},
        "color_scheme": "light",
        "permissions": ["clipboard-read", "clipboard-write"],
        "accept_downloads": True,
    }


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The address of a server of the studio that runs for the whole session."""
    with served() as url:
        yield url


@pytest.fixture(scope="session")
def chrome(
    browser_type: BrowserType,
    browser_type_launch_args: dict[str, Any],
    browser_context_args: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BrowserContext]:
    """A browser for the whole session, with a profile on disk.

    What it has fetched and compiled once it keeps, as that of a person who comes again: to open the studio
    takes half of what it takes a new context.
    """
    profile = tmp_path_factory.mktemp("profile")
    context = browser_type.launch_persistent_context(
        profile, **{**browser_type_launch_args, **browser_context_args}
    )
    # What is waited for may come late on a machine that does other things too.
    context.set_default_timeout(60_000)
    context.set_default_navigation_timeout(120_000)
    yield context
    context.close()


@pytest.fixture
def context(chrome: BrowserContext) -> Iterator[BrowserContext]:
    """The browser as a test finds it: one empty page, and nothing that an earlier test has stored."""
    before = chrome.pages
    storage = chrome.new_cdp_session(before[0])
    forget(storage)
    storage.detach()
    yield chrome
    for page in chrome.pages:
        if page not in before:
            page.close()


Watch = Callable[[Page], Page]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Makes a page fail the test on an error in it, a dialog, or a request to another host."""
    watched = Watched()
    yield watched.watch
    watched.check()


@pytest.fixture
def page(context: BrowserContext, watch: Watch) -> Page:
    """A page of the test's own that is watched; COVSTUDIO_SLOWDOWN=6 makes its processor six times slower."""
    page = watch(context.new_page())
    if SLOWDOWN > 1:
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    return page


# --- the studio, opened anew in a page that lasts ---


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember of a test that it has failed."""
    report = yield
    item.stash[FAILED] = report.failed or item.stash.get(FAILED, False)
    return report


@pytest.fixture(scope="session")
def lasting_page(chrome: BrowserContext, server_url: str) -> Iterator[LastingPage]:
    """The page of a laptop that many tests use, one after the other."""
    page = LastingPage(chrome, server_url, slowdown=SLOWDOWN)
    yield page
    page.close()


@pytest.fixture(scope="session")
def lasting_touch(chrome: BrowserContext, server_url: str) -> Iterator[LastingPage]:
    """The page of a touch screen that many tests use, one after the other."""
    page = LastingPage(chrome, server_url, slowdown=SLOWDOWN, touch=True)
    yield page
    page.close()


Lent = Callable[..., Studio]


@pytest.fixture
def lent(request: pytest.FixtureRequest, lasting_page: LastingPage) -> Iterator[Lent]:
    """Opens the studio for the test, by `LastingPage.lend`; in the test's own page, if it has one."""
    if "context" in request.fixturenames:
        own = Studio(request.getfixturevalue("page"), request.getfixturevalue("server_url"))
        yield own.open
        return
    yield lasting_page.lend
    lasting_page.take_back(failed=request.node.stash[FAILED])


@pytest.fixture
def lent_touch(request: pytest.FixtureRequest, lasting_touch: LastingPage) -> Iterator[Lent]:
    """Opens the studio for the test on a touch screen, by `LastingPage.lend`."""
    yield lasting_touch.lend
    lasting_touch.take_back(failed=request.node.stash[FAILED])


@pytest.fixture
def studio(lent: Lent) -> Studio:
    """The studio, freshly opened."""
    return lent()


@pytest.fixture
def alpha(lent: Lent) -> Studio:
    """The studio with the built-in trial and its model."""
    return lent("alpha")


@pytest.fixture
def oats(lent: Lent) -> Studio:
    """The studio with the table of the built-in trial in use."""
    return lent("table")


@pytest.fixture
def started(lent: Lent) -> Studio:
    """The studio as a template leaves it on an empty page: with the trial's model and a table made for it."""
    studio = lent("model")
    drawn(studio, PIECES + 1, PIECES)
    return studio


@pytest.fixture
def one_studio(request: pytest.FixtureRequest, lent: Lent) -> Studio:
    """One studio for all tests of a module, which leave it so that the next can begin."""
    return lent(user=request.node.module.__name__)


@pytest.fixture
def fitted(lent: Lent) -> Studio:
    """The built-in trial fitted by its model, one page for all that only read what was found."""
    studio = lent("alpha", user="readers of a fit")
    if studio.panel("Fit").get_by_role("region", name="Results").count() == 0:
        studio.fit()
    return studio


class Logged(logging.Handler):
    """What is logged as a warning or worse while a test runs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def text(self) -> str:
        return "\n".join(map(self.format, self.records))


@pytest.fixture
def logged() -> Iterator[Logged]:
    """The log of the test; pytest's own would be begun and ended three times for every test of all."""
    handler = Logged()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def loading() -> Iterator[Document]:
    """The document of a session whose page has not loaded yet; what the test does happens in that session."""
    document = Document()
    context = SimpleNamespace(request=SimpleNamespace(arguments={}))
    document._session_context = lambda: context  # type: ignore[assignment]
    with set_curdoc(document):
        yield document
