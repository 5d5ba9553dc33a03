"""Nothing is lost: the server killed and started again, a line that drops, reloads, tabs, drafts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from covstudio.document.files.write import loads
from tests.studio.browser import ALPHA, Studio
from tests.studio.conftest import Watch
from tests.studio.serving import Server
from tests.studio.watch import foreign

NOT_HEARD = "The server is not heard"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of one's own, to be killed."""
    server = Server()
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def strangers() -> Iterator[list[str]]:
    """What was asked of other hosts."""
    asked: list[str] = []
    yield asked
    assert not asked


def test_a_server_that_is_killed_and_started_again(
    context: BrowserContext, server: Server, strangers: list[str]
) -> None:
    page = context.new_page()  # not watched: the browser reports refused connections as errors
    page.on("request", lambda request: foreign(request.url) and strangers.append(request.url))
    studio = Studio(page, server.url).open("alpha")
    title = page.get_by_label("Model title")
    title.fill("Oats")
    title.press("Enter")
    title.fill("Oats of 1995")
    title.press("Enter")
    studio.fit()
    studio.select("genotype")
    studio.button("Undo").click()  # the fit's values
    results = studio.show("Fit").get_by_role("region", name="Results")
    expect(results.get_by_role("button", name="Back to the estimates")).to_be_visible()
    found = results.inner_text()
    undo, redo = (studio.button(name).get_attribute("aria-description") for name in ("Undo", "Redo"))
    studio.show("Data")
    studio.kept()

    server.kill()
    expect(studio.notice(NOT_HEARD)).to_be_visible()
    expect(page.get_by_role("button", name="No connection, trying again")).to_be_visible()
    expect(page.locator("[inert]", has=page.get_by_role("button", name="Save"))).to_have_count(1)
    studio.show("Fit")
    expect(results).to_be_visible()  # as it was last
    studio.show("Data")
    with page.expect_navigation():
        server.start()
    studio.ready()
    expect(studio.notice(NOT_HEARD)).to_have_count(0)
    expect(title).to_have_value("Oats of 1995")
    expect(page.get_by_role("tab", name="Data", exact=True)).to_have_attribute("aria-selected", "true")
    expect(studio.panel("Data").get_by_text("72 rows × 7 columns")).to_be_visible()
    for name, said in (("Undo", undo), ("Redo", redo)):
        expect(studio.button(name)).to_have_attribute("aria-description", said or "")
    expect(studio.state()).to_contain_text("V 72 × 72 · 3 parameters")
    results = studio.show("Fit").get_by_role("region", name="Results")
    expect(results).to_be_visible()
    assert results.inner_text() == found
    studio.model()
    expect(page.get_by_label("Name", exact=True)).to_have_value("genotype")
    studio.button("Redo").click()
    expect(studio.button("Undo")).to_have_attribute("aria-description", "Undo: Fit (Ctrl Z)")
    for _ in range(3):
        studio.button("Undo").click()
    expect(title).to_have_value(ALPHA)


class Between:
    """Stands between a page and its server: takes the line down, and swallows what the page says."""

    def __init__(self, page: Page) -> None:
        self.down = self.swallows = False
        self.page = page
        self.swallowed: list[str | bytes] = []
        self._lines: list[tuple[WebSocketRoute, WebSocketRoute]] = []
        page.route_web_socket("**", self._connect)

    def _connect(self, page: WebSocketRoute) -> None:
        if self.down:
            page.close()
            return
        server = page.connect_to_server()
        self._lines.append((page, server))
        page.on_message(lambda message: (self.swallowed.append if self.swallows else server.send)(message))
        server.on_message(page.send)

    def swallow(self, what: str) -> None:
        """Wait until this was swallowed."""
        while not any(what in str(message) for message in self.swallowed):
            self.page.evaluate("null")

    def cut(self) -> None:
        """Take the line down until `mend`."""
        self.down = True
        for line in self._lines:
            for end in line:
                end.close()
        self._lines.clear()

    def mend(self) -> None:
        """Let the page through again."""
        self.down = self.swallows = False


def test_a_line_that_drops_costs_nothing(context: BrowserContext, server_url: str) -> None:
    page = context.new_page()  # not watched: the browser reports refused connections as errors
    between = Between(page)
    studio = Studio(page, server_url).open("model")
    matrix = studio.show("Matrix")
    expect(matrix.locator("canvas").first).to_be_visible()
    studio.model()
    nodes = studio.nodes().count()
    page.locator(".react-flow").evaluate("flow => { flow.dataset.same = 'yes'; }")
    title = page.get_by_label("Model title")
    title.fill("Half a ti")

    between.swallows = True
    studio.item("Sum").click()  # under way when the line drops
    between.swallow("add-structure")
    title.focus()
    between.cut()
    expect(studio.notice(NOT_HEARD)).to_be_visible()
    expect(page.locator("main[inert]")).to_have_count(1)
    expect(title).to_have_value("Half a ti")
    between.mend()
    expect(studio.notice(NOT_HEARD)).to_have_count(0)
    expect(page.locator("[inert]")).to_have_count(0)
    expect(studio.nodes()).to_have_count(nodes + 1)
    studio.settled()
    expect(studio.nodes()).to_have_count(nodes + 1)
    expect(page.locator(".react-flow")).to_have_attribute("data-same", "yes")  # nothing was made anew
    expect(title).to_have_value("Half a ti")
    title.press("End")
    title.type("tle")
    title.press("Enter")
    expect(studio.button("Undo")).to_have_attribute("aria-description", "Undo: Set the title (Ctrl Z)")
    expect(studio.show("Matrix").locator("canvas").first).to_be_visible()


def test_a_page_whose_line_cannot_be_opened_asks_again(context: BrowserContext, server_url: str) -> None:
    page = context.new_page()  # not watched: BokehJS reports the line that it cannot open
    between = Between(page)
    between.down = True
    page.clock.install()
    with page.expect_console_message(lambda message: "Failed to load Bokeh session" in message.text):
        page.goto(server_url)
    between.mend()
    with page.expect_navigation():
        page.clock.fast_forward(61_000)
    Studio(page, server_url).ready()


def test_a_reload_is_no_event(page: Page, server_url: str) -> None:
    between = Between(page)
    studio = Studio(page, server_url).open("alpha")
    studio.select("genotype")
    studio.kept()
    nodes = studio.nodes().count()
    between.swallows = True
    studio.item("Sum").click()  # nobody has heard of it when the page goes
    between.swallow("add-structure")
    between.swallows = False
    studio.reload()
    expect(studio.nodes()).to_have_count(nodes + 1)
    expect(studio.button("Undo")).to_have_attribute("aria-description", "Undo: Add Sum (Ctrl Z)")
    studio.button("Undo").click()
    expect(studio.nodes()).to_have_count(nodes)
    expect(studio.state()).to_contain_text("V 72 × 72 · 3 parameters")
    studio.settled()
    studio.kept()
    studio.reload()
    expect(studio.state()).to_contain_text("V 72 × 72 · 3 parameters")
    for title in (ALPHA, "Untitled model"):
        expect(page.get_by_label("Model title")).to_have_value(title)
        studio.button("Undo").click()


#: Has every draft be one of a version that there is not.
OF_ANOTHER_VERSION = """async () => {
  const asked = (request) =>
    new Promise((known, failed) => {
      request.onsuccess = () => known(request.result);
      request.onerror = () => failed(request.error);
    });
  const base = await asked(indexedDB.open("covstudio"));
  const drafts = base.transaction("drafts", "readwrite").objectStore("drafts");
  for (const key of (await asked(drafts.getAllKeys())).filter(([, part]) => part === "")) {
    const head = await asked(drafts.get(key));
    head.draft.version = 9;
    await asked(drafts.put(head, key));
  }
  base.close();
}"""


def test_a_draft_that_cannot_be_read_gives_its_model_as_a_file(page: Page, server_url: str) -> None:
    studio = Studio(page, server_url).open("alpha")
    rename(studio, "Oats")
    studio.kept()
    page.evaluate(OF_ANOTHER_VERSION)
    studio.reload()
    expect(studio.notice("This draft was kept by another covstudio")).to_be_visible()
    studio.button("Recent").click()
    entry = page.get_by_role("dialog", name="Recent work").get_by_role("listitem")
    expect(entry).to_contain_text("kept by another covstudio")
    with page.expect_download() as saved:
        entry.get_by_role("button", name=re.compile("^Save the model of Oats")).click()
    document, table = loads(saved.value.path().read_bytes())
    assert document.title == "Oats"
    assert table is not None
    assert table.n == 72


def test_tabs_do_not_mix_and_drafts_are_listed_and_forgotten(
    page: Page, context: BrowserContext, server_url: str, watch: Watch
) -> None:
    first = Studio(page, server_url).open("alpha")
    rename(first, "One")
    with context.expect_page() as opened:
        page.evaluate(
            "() => void window.open(location.href)"
        )  # it has the memory of this one, as a duplicate
    second = Studio(watch(opened.value), server_url).ready()
    expect(second.page.get_by_label("Model title")).to_have_value("One")
    rename(second, "Two")
    for studio, title in ((first, "One"), (second, "Two")):
        studio.reload()
        expect(studio.page.get_by_label("Model title")).to_have_value(title)
        expect(studio.state()).to_contain_text("V 72 × 72 · 3 parameters")

    third = Studio(watch(context.new_page()), server_url).open()
    expect(third.nodes()).to_have_count(1)
    expect(
        third.page.get_by_role("button", name=re.compile("^Continue: (One|Two) ?today at"))
    ).to_be_visible()
    third.item("Sum").click()
    rename(third, "Three")
    second.page.close()
    third.button("Recent").click()
    recent = third.page.get_by_role("dialog", name="Recent work")
    expect(recent.get_by_role("listitem")).to_have_count(3)
    expect(recent.get_by_role("listitem").first).to_contain_text("on this page")
    entry = recent.get_by_role("button", name="Two, today at").first
    assert entry.locator("img").evaluate("img => img.naturalWidth") > 0
    entry.click()
    expect(third.page.get_by_label("Model title")).to_have_value("Two")
    expect(third.state()).to_contain_text("V 72 × 72 · 3 parameters")
    expect(third.button("Undo")).to_have_attribute("aria-description", "Undo: Set the title (Ctrl Z)")

    third.button("Recent").click()
    expect(recent.get_by_role("listitem")).to_have_count(3)  # what was here before is one of them
    recent.get_by_role("button", name="Forget all").click()
    recent.get_by_role("button", name="Keep them").click()
    expect(recent.get_by_role("button", name="Forget all")).to_be_focused()
    third.page.keyboard.press("Escape")
    expect(recent).to_have_count(0)
    expect(third.button("Recent")).to_be_focused()
    third.button("Recent").click()
    recent.get_by_role("button", name="Forget all").click()
    recent.get_by_role("button", name="Forget them").click()
    expect(recent.get_by_text("There is nothing yet.")).to_be_visible()
    recent.get_by_role("button", name="Close").click()
    third.reload()
    expect(third.nodes()).to_have_count(1)
    rename(first, "One more")  # the tab that stayed open keeps its work again, whole
    first.reload()
    expect(first.page.get_by_label("Model title")).to_have_value("One more")
    expect(first.state()).to_contain_text("V 72 × 72 · 3 parameters")


def rename(studio: Studio, title: str) -> None:
    """Give the model a title, and wait until the browser keeps it."""
    field = studio.page.get_by_label("Model title")
    field.fill(title)
    field.press("Enter")
    expect(studio.button("Undo")).to_have_attribute("aria-description", "Undo: Set the title (Ctrl Z)")
    studio.kept()
