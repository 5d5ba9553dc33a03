"""One more exporter, template, example and tab, met on the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from covstudio.studio.session.tabs import TABS
from tests.studio.browser import Studio
from tests.studio.own_files import as_modules
from tests.studio.serving import served


@pytest.fixture(scope="module")
def own_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose process imported somebody's own modules first."""
    folder = tmp_path_factory.mktemp("own")
    with served(f"import {', '.join(as_modules(folder))}", folder, fits=False) as url:
        yield url


def test_one_more_of_each_kind_is_on_the_page(page: Page, own_url: str) -> None:
    studio = Studio(page, own_url).open()

    page.get_by_role("tab", name="Notes").click()
    expect(page.get_by_role("tabpanel", name="Notes")).to_contain_text("Notes about")
    *_, last = TABS
    count = len(TABS.names())
    page.keyboard.press(f"Alt+{count}")
    expect(page.get_by_role("tab", name=last.title)).to_have_attribute("aria-selected", "true")
    page.keyboard.press(f"Alt+{count + 1}")
    expect(page.get_by_role("tab", name="Notes")).to_have_attribute("aria-selected", "true")
    page.keyboard.press(f"Alt+{count + 2}")
    expect(page.get_by_role("tab", name="Notes")).to_have_attribute("aria-selected", "true")

    studio.button("Help").click()
    expect(page.get_by_role("dialog")).to_contain_text("Write down what you think (Notes).")
    expect(page.get_by_role("dialog")).to_contain_text(f"1 … {count + 1}")
    page.keyboard.press("Escape")

    studio.button("Examples").click()
    page.get_by_role("menuitem", name="Two beds of three plants").click()
    data = studio.panel("Data")
    expect(data).to_contain_text("own_two_beds.csv")
    data.get_by_role("button", name="Use this table").click()
    expect(data.get_by_text("in use", exact=True)).to_be_visible()

    studio.use_template("Independent rows")
    expect(studio.node("noise")).to_be_visible()
    expect(studio.state()).to_contain_text("V 6 × 6")

    code = studio.show("Code")
    expect(code.get_by_role("region", name="Python code")).to_contain_text("ScalarMatrix(")
    code.get_by_label("Language").select_option(label="Outline")
    outline = code.get_by_role("region", name="Outline code")
    expect(outline).to_contain_text("noise := ScalarMatrix")
    expect(outline.locator("code > span[class]")).to_have_text(["model"])
    with page.expect_download() as download:
        code.get_by_role("button", name="Download model.txt").click()
    assert download.value.suggested_filename == "model.txt"


def test_one_more_of_each_kind_is_found_by_the_search(page: Page, own_url: str) -> None:
    studio = Studio(page, own_url).open()
    search = page.get_by_label("Find a structure")
    also = page.get_by_role("region", name="Also")

    search.fill("independent")
    also.get_by_role("button", name="Template: Independent rows").click()
    expect(studio.node("noise")).to_be_visible()
    expect(search).to_have_value("")
    expect(also).to_have_count(0)

    search.fill("two beds")
    search.press("Enter")  # no structure is called so: what is offered comes first
    expect(studio.panel("Data")).to_contain_text("own_two_beds.csv")

    studio.model()
    search.fill("notes")
    search.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Notes")).to_have_attribute("aria-selected", "true")

    studio.model()
    search.fill("outline")
    also.get_by_role("button", name="Export: Outline").click()
    expect(studio.panel("Code").get_by_role("region", name="Outline code")).to_contain_text("model ")

    studio.model()
    search.fill("zzz")
    expect(page.get_by_text("Nothing is called “zzz”.")).to_be_visible()


def test_with_one_language_there_is_nothing_to_choose(started: Studio) -> None:
    code = started.show("Code")
    expect(code.get_by_role("region", name="Python code")).to_be_visible()
    expect(code.get_by_label("Language")).to_have_count(0)
