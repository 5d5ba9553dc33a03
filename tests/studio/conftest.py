"""A real server, a real Chromium, and pages that fail a test on an error or a request to another host."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlparse

import pytest
from bokeh.document import Document
from browsers import CHROMIUM
from panel.io.state import set_curdoc
from playwright.sync_api import BrowserContext, BrowserType, Page, expect

from tests.studio.browser import Studio, served

SLOWDOWN = float(os.environ.get("COVSTUDIO_SLOWDOWN", "1"))
LOCAL = {"localhost", "127.0.0.1", "::1"}
STORED = "cookies,indexeddb,local_storage,service_workers,cache_storage"

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
    yield context
    context.close()


@pytest.fixture
def context(chrome: BrowserContext) -> Iterator[BrowserContext]:
    """The browser as a test finds it: one empty page, and nothing that an earlier test has stored."""
    before = chrome.pages
    storage = chrome.new_cdp_session(before[0])
    # Of every origin, whatever port a test has served the studio at.
    storage.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": STORED})
    storage.detach()
    yield chrome
    for page in chrome.pages:
        if page not in before:
            page.close()


Watch = Callable[[Page], Page]


@contextmanager
def watching() -> Iterator[Watch]:
    """Makes a page fail on an error in it, an error on its console, or a request to another host."""
    trouble: list[str] = []

    def watched(page: Page) -> Page:
        page.on("pageerror", lambda error: trouble.append(f"error in the page: {error}"))
        page.on(
            "console", lambda message: message.type == "error" and trouble.append(f"console: {message.text}")
        )
        page.on(
            "request", lambda request: foreign(request.url) and trouble.append(f"request to {request.url}")
        )
        page.on("websocket", lambda socket: foreign(socket.url) and trouble.append(f"socket to {socket.url}"))
        return page

    yield watched
    assert not trouble, "\n".join(trouble)


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Makes a page fail the test on an error in it, an error on its console, or a request to another host."""
    with watching() as watch:
        yield watch


@pytest.fixture(scope="module")
def one_studio(chrome: BrowserContext, server_url: str) -> Iterator[Studio]:
    """One page of the studio for all tests of a module, which leave it so that the next can begin."""
    chrome.set_default_timeout(60_000)
    chrome.set_default_navigation_timeout(120_000)
    with watching() as watch:
        page = watch(chrome.new_page())
        yield Studio(page, server_url).open()
        page.close()


def foreign(url: str) -> bool:
    """True for an address on another machine."""
    parts = urlparse(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOCAL


@pytest.fixture
def page(context: BrowserContext, watch: Watch) -> Page:
    """A fresh page that is watched; COVSTUDIO_SLOWDOWN=6 makes its processor six times slower."""
    page = watch(context.new_page())
    if SLOWDOWN > 1:
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    return page


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest) -> None:
    """What is waited for may come late on a machine that does other things too."""
    if "context" in request.fixturenames:
        context: BrowserContext = request.getfixturevalue("context")
        context.set_default_timeout(60_000)
        context.set_default_navigation_timeout(120_000)


@pytest.fixture
def studio(page: Page, server_url: str) -> Studio:
    """The studio, freshly opened."""
    return Studio(page, server_url).open()


@pytest.fixture
def alpha(page: Page, server_url: str) -> Studio:
    """The studio with the built-in trial and its model."""
    return Studio(page, server_url).begun()


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
