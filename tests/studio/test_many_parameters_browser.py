"""A model of very many parameters, as a person sees it: the first of them, and the others by their names."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.studio.browser import Studio
from tests.studio.test_many_parameters import PARAMETERS, unstructured


def test_the_last_of_many_parameters_is_found_set_and_shown(page: Page, server_url: str) -> None:
    studio = Studio(page, server_url).open()
    store = unstructured()
    content = store.save_text().encode()
    with studio.choosing({"name": "us.json", "mimeType": "application/json", "buffer": content}):
        page.get_by_role("button", name="Open", exact=True).click()
    expect(studio.notice("Opened")).to_be_visible()
    panel = studio.panel("Inspector")
    sliders = panel.get_by_role("slider")
    expect(sliders).to_have_count(40)
    expect(panel.get_by_text(f"40 of {PARAMETERS} are listed")).to_be_visible()
    panel.get_by_role("button", name="Show more").click()
    expect(sliders).to_have_count(240)
    last = store.parameters()[-1]
    panel.get_by_role("searchbox", name="Find a parameter").fill(last.name)
    expect(sliders).to_have_count(1)
    studio.value(last.path).fill("0.25")
    studio.value(last.path).press("Enter")
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    expect(studio.slider(last.path)).to_have_attribute("aria-valuetext", "0.25")
    panel.get_by_role("searchbox", name="Find a parameter").fill("nothing")
    expect(panel.get_by_text("No parameter and no node is called so.")).to_be_visible()
    dock = page.get_by_role("list", name="V and its derivatives")
    pictures = dock.get_by_role("img")
    expect(pictures).to_have_count(61)
    dock.get_by_role("button", name="Show more").click()
    expect(pictures).to_have_count(181)
