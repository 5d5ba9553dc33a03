"""A page in which the studio was opened anew is one in which it was opened once, whatever was done before."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.studio.browser import Studio
from tests.studio.lasting import LastingPage

#: Every element of the page with its attributes and texts, through all shadow roots; what the browser keeps.
EVERYTHING = """() => {
    const lines = [];
    const walk = (one, depth) => {
        const add = (line) => line && lines.push(" ".repeat(depth) + line);
        if (one.nodeType === Node.TEXT_NODE) add(one.data.trim());
        if (one.nodeType !== Node.ELEMENT_NODE || one.matches("head, script, style, link")) return;
        const said = [...one.attributes].map(({ name, value }) => `${name}=${value}`).sort();
        add([one.localName, ...said].join(" "));
        for (const inner of one.shadowRoot?.childNodes ?? []) walk(inner, depth + 1);
        for (const inner of one.childNodes) walk(inner, depth + 1);
    };
    walk(document.documentElement, 0);
    return [...lines, ...Object.keys(localStorage), ...Object.keys(sessionStorage), document.title];
}"""
#: What is never the same twice: names that React Aria, React Flow and Bokeh make up, numbers of frames.
MADE_UP = re.compile(r"react-aria[-\w:«»]*|[0-9a-f]{8}-[-0-9a-f]{27}|:r\w+:|data-seq=\d+|\bp\d{4,}\b")


def everything(page: Page) -> list[str]:
    lines: list[str] = page.evaluate(EVERYTHING)
    return [MADE_UP.sub("…", line) for line in lines]


def rested(studio: Studio) -> Studio:
    """The studio when its pictures are painted and its draft is kept."""
    for picture in studio.page.get_by_role("img", name=re.compile("^Heatmap of ")).all():
        expect(picture).to_have_attribute("data-seq", re.compile(r"\d+"))
    studio.kept()
    studio.settled()
    return studio


@pytest.fixture
def own(chrome: BrowserContext, server_url: str) -> Iterator[LastingPage]:
    page = LastingPage(chrome, server_url)
    yield page
    page.close()


def test_nothing_is_left_of_what_was_done_before(own: LastingPage) -> None:
    studio = rested(own.lend("alpha"))
    page = studio.page
    loaded = everything(page)
    assert len(loaded) > 500
    page.evaluate("window.realm = true")
    studio.select("residual")
    studio.drag_slider("residual/sigma^2", [0.6])
    studio.button("Dark theme").click()
    studio.button("Slices pane").click()
    studio.button("Zoom in").click()
    studio.fit()
    studio.show("Code")
    page.set_viewport_size({"width": 1000, "height": 700})
    page.evaluate("document.body.append(document.createElement('b'))")
    page.keyboard.down("Shift")
    own.take_back(failed=False)
    assert everything(page) != loaded

    studio = rested(own.lend("alpha"))
    assert studio.page is page
    assert page.evaluate("window.realm"), "the page was not loaded again"
    assert everything(page) == loaded
    studio.select("genotype")  # it answers


def test_what_goes_wrong_is_said_of_the_test_in_which_it_did(own: LastingPage) -> None:
    page = own.lend().page
    page.evaluate("console.error('one'); fetch('http://192.0.2.1/').catch(() => {}); alert('two')")
    with pytest.raises(AssertionError) as caught:
        own.take_back(failed=False)
    for said in ("console: one", "http://192.0.2.1/", "a dialog: two"):  # refused by its policy
        assert said in str(caught.value)
    own.take_back(failed=True)
    assert page.is_closed()
    again = own.lend(user="many").page
    again.evaluate("document.title = 'left'")
    own.take_back(failed=False)
    assert own.lend(user="many").page.title() == "left"
