"""A page of the browser that lasts from test to test: each finds the studio opened anew in it.

Of what it costs to open a page two thirds are what every page loads: BokehJS, Panel's and our own bundle.
These stay; new are the session, asked for as a browser asks for a page, its line, all that is drawn, and what
the browser keeps. Modules of the page hold nothing of a session, as a notebook shows several in one page;
`test_lasting_browser` compares a page that was opened anew with one that was opened once.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, CDPSession, Page

from tests.studio.browser import Studio
from tests.studio.touch import coarse
from tests.studio.watch import Watched

ANEW = (Path(__file__).parent / "lasting.js").read_text(encoding="utf-8")
Size = tuple[int, int]
LAPTOP: Size = (1440, 900)
MODIFIERS = ("Shift", "Control", "Alt", "Meta")
STORED = "cookies,indexeddb,local_storage,service_workers,cache_storage"


def forget(devtools: CDPSession) -> None:
    """Empty what the browser keeps, of every origin, whatever port a test has served the studio at."""
    devtools.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": STORED})


class LastingPage:
    """One page that is lent to one test after another.

    Args:
        browser: where it is opened when somebody asks for it first, or when a test has failed on it.
        url: of the server.
        slowdown: how many times slower its processor is made.
        touch: whether it is on a touch screen.
        script: what else runs in the page before its own scripts.
    """

    def __init__(
        self,
        browser: BrowserContext,
        url: str,
        *,
        slowdown: float = 1,
        touch: bool = False,
        script: str = "",
    ) -> None:
        self._browser = browser
        self._url = url
        self._slowdown = slowdown
        self._touch = touch
        self._script = script
        self._page: Page | None = None
        self._devtools: CDPSession | None = None
        self._watched = Watched()
        self._stands = False
        self._user = ""

    @property
    def devtools(self) -> CDPSession:
        """The line to the browser's tools, for `touch`."""
        assert self._devtools is not None, "the page is lent first"
        return self._devtools

    def lend(self, begin: str = "", size: Size = LAPTOP, user: str = "") -> Studio:
        """The studio, opened anew.

        Args:
            begin: what the session begins with, as `tests.studio.prepared` knows it.
            size: of the screen.
            user: who shares it: the same one gets the page as it was left.
        """
        page = self._page
        if page is None:
            page = self._page = self._watched.watch(self._browser.new_page())
            self._devtools = page.context.new_cdp_session(page)
            if self._slowdown > 1:
                self._devtools.send("Emulation.setCPUThrottlingRate", {"rate": self._slowdown})
            forget(self._devtools)
            page.add_init_script(f"{ANEW}\n{self._script}")
            self._measure(page, size)
            studio = Studio(page, self._url).open(begin)
        elif self._stands and user and user == self._user:
            return Studio(page, self._url)
        else:
            self._take_down(page)
            self._measure(page, size)
            studio = self._open_anew(page, begin)
        self._stands, self._user = True, user
        return studio

    def take_back(self, *, failed: bool) -> None:
        """Take it from a test, and say what went wrong on it.

        Args:
            failed: the test has failed, and nobody knows what it has left: the next one gets another page.

        Raises:
            AssertionError: there was an error in the page, a dialog, or a request to another host.
        """
        try:
            if failed:
                self.close()
            elif self._page is not None and self._user:
                self._page.evaluate("null")  # all that the page said before it answers is known
            elif self._page is not None:
                self._take_down(self._page)
        except BaseException:
            self.close()
            raise
        finally:
            self._watched.check()

    def close(self) -> None:
        """Close it; whoever asks next gets another one."""
        page, self._page, self._stands = self._page, None, False
        if page is not None:
            page.close()

    def _take_down(self, page: Page) -> None:
        if self._stands:
            page.evaluate("lasting.down()")
            self._stands = False

    def _open_anew(self, page: Page, begin: str) -> Studio:
        page.mouse.up()
        for key in MODIFIERS:
            page.keyboard.up(key)
        page.mouse.move(0, 0)
        page.evaluate("(address) => lasting.up(address)", f"/?begin={begin}" if begin else "/")
        return Studio(page, self._url).ready()

    def _measure(self, page: Page, size: Size) -> None:
        if self._touch:
            coarse(page, self.devtools, size)
        elif page.viewport_size != dict(zip(("width", "height"), size, strict=True)):
            page.set_viewport_size({"width": size[0], "height": size[1]})
