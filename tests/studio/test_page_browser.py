"""The page as a whole: it starts, and its frame works by mouse and keyboard."""

from __future__ import annotations

import json
import re
from contextlib import closing

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from covstudio.studio.session.tabs import TABS
from tests.studio.browser import ALPHA, Studio, box_of
from tests.studio.conftest import Lent, Watch

TITLES = [tab.title for tab in TABS]


def test_the_frame_opens_every_tab(studio: Studio) -> None:
    for tab in (*TITLES[1:], TITLES[0]):
        panel = studio.show(tab)  # type: ignore[arg-type]
        expect(panel).to_be_visible()
        expect(studio.page.get_by_role("tabpanel")).to_have_count(1)
        expect(
            panel.get_by_role("heading")
            .or_(panel.get_by_text("appear"))
            .or_(panel.get_by_role("button"))
            .first
        ).to_be_visible()


def test_tabs_follow_the_keyboard(studio: Studio) -> None:
    page = studio.page
    page.get_by_role("tab", name=TITLES[0]).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name=TITLES[1])).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name=TITLES[-1])).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name=TITLES[0])).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Alt+4")
    expect(page.get_by_role("tab", name=TITLES[3])).to_have_attribute("aria-selected", "true")


def test_every_area_has_the_model_within_reach(alpha: Studio) -> None:
    page = alpha.page
    model = page.get_by_role("region", name="Model", exact=True)
    whole = box_of(model)["width"]
    views = {title: alpha.panel(title) for title in TITLES}  # type: ignore[arg-type]
    for number, title in enumerate(TITLES, 1):
        page.keyboard.press(f"Alt+{number}")
        expect(page.get_by_role("tabpanel")).to_have_count(1)
        expect(views[title]).to_be_visible()
        for node in ("genotype", "V"):
            expect(alpha.node(node)).to_be_in_viewport(ratio=0.99)
        if number > 1:
            assert box_of(model)["width"] < whole
            assert box_of(views[title])["width"] > 0.45 * 1440
    alpha.show("Inspector")
    assert box_of(model)["width"] == whole


def test_the_keyboard_goes_where_one_looks(alpha: Studio) -> None:
    page = alpha.page
    for number, title in enumerate(TITLES[1:], 2):
        page.keyboard.press(f"Alt+{number}")
        expect(alpha.panel(title)).to_be_focused()  # type: ignore[arg-type]
    page.keyboard.press("Alt+1")
    expect(page.get_by_role("region", name="Model", exact=True)).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")  # it is the model's
    expect(alpha.nodes()).to_have_count(1)


def test_what_was_made_in_an_area_stays_there(alpha: Studio) -> None:
    formula = alpha.show("Fit").get_by_role("textbox", name="Fixed effects")
    formula.fill("1 + rep +")
    for tab in ("Matrix", "Inspector", "Fit"):
        alpha.page.keyboard.press(f"Alt+{('Inspector', 'Matrix', 'Data', 'Fit').index(tab) + 1}")
    expect(formula).to_have_value("1 + rep +")


def test_panes_fold_and_that_is_remembered(alpha: Studio) -> None:
    page = alpha.page
    palette = page.get_by_role("complementary", name="Palette")
    model = page.get_by_role("region", name="Model", exact=True)
    button = alpha.button("Palette pane")
    expect(button).to_have_attribute("aria-pressed", "true")
    before = box_of(model)["width"]
    button.click()
    expect(palette).to_be_hidden()
    assert box_of(model)["width"] > before
    alpha.show("Data")
    expect(model).to_be_visible()
    alpha.button("Model pane").click()
    expect(model).to_be_hidden()
    alpha.show("Code")
    expect(model).to_be_visible()
    alpha.reload()
    alpha.model()
    expect(palette).to_be_hidden()
    button.click()
    expect(palette).to_be_visible()


def test_an_area_that_shows_no_model_has_no_button_for_its_pane(studio: Studio) -> None:
    for area in ("Matrix", "Data", "Fit", "Code"):
        studio.show(area)
        expect(studio.page.get_by_role("region", name="Model", exact=True)).to_be_hidden()
        expect(studio.button("Model pane")).to_have_count(0)
    studio.model()
    studio.item("Sum").click()
    studio.show("Code")
    expect(studio.button("Model pane")).to_have_attribute("aria-pressed", "true")


def test_the_search_leads_to_the_palette_from_any_area(studio: Studio) -> None:
    studio.show("Data")
    studio.page.keyboard.press("/")
    expect(studio.page.get_by_role("searchbox", name="Find a structure")).to_be_focused()
    expect(studio.panel("Inspector")).to_be_visible()


def test_undo_and_redo_name_the_step(studio: Studio) -> None:
    undo, redo = studio.button("Undo"), studio.button("Redo")
    expect(undo).to_be_disabled()
    studio.page.get_by_label("Model title").fill("Oats")
    studio.page.get_by_label("Model title").press("Enter")
    expect(undo).to_have_attribute("aria-description", "Undo: Set the title (Ctrl Z)")
    undo.click()
    expect(studio.page.get_by_label("Model title")).to_have_value("Untitled model")
    expect(redo).to_have_attribute("aria-description", "Redo: Set the title (Ctrl Shift Z)")
    redo.click()
    expect(studio.page.get_by_label("Model title")).to_have_value("Oats")


def test_undone_to_an_empty_model_the_page_is_as_at_first(studio: Studio) -> None:
    page = studio.page
    page.set_viewport_size({"width": 1024, "height": 768})
    studio.settled()
    first = box_of(studio.node("V"))
    for name in ("Kronecker product", "First-order autoregressive", "First-order autoregressive"):
        page.keyboard.press("/")
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        studio.settled()
    while studio.button("Undo").is_enabled():
        studio.button("Undo").click()
        studio.settled()
    expect(studio.nodes()).to_have_count(1)
    started = box_of(page.get_by_role("region", name="Getting started"))
    v = box_of(studio.node("V"))
    assert v == pytest.approx(first, abs=1)
    assert v["y"] >= started["y"] + started["height"], "V lies under what the empty page says"


def test_undo_and_redo_by_keyboard_from_anywhere(alpha: Studio) -> None:
    page = alpha.page
    alpha.show("Inspector")
    title = page.get_by_label("Model title")
    for focus in (page.get_by_role("tab", name="Model"), alpha.slider("residual/sigma^2")):
        expect(alpha.slider("residual/sigma^2")).to_be_visible()
        focus.focus()
        page.keyboard.press("Control+z")
        expect(title).to_have_value("Untitled model")
        expect(alpha.nodes()).to_have_count(1)
        page.keyboard.press("Control+Shift+z")
        expect(title).to_have_value(ALPHA)


def test_a_text_field_keeps_its_own_undo(started: Studio) -> None:
    title = started.page.get_by_label("Model title")
    title.focus()
    title.press("End")
    title.type(" x")
    title.press("Control+z")
    expect(title).to_have_value(ALPHA)
    title.press("Control+z")  # there is nothing more of the text to take back
    started.settled()
    expect(started.nodes()).not_to_have_count(1)
    title.type("y")
    title.press("Escape")
    expect(title).to_have_value(ALPHA)
    expect(started.button("Undo")).to_have_attribute("aria-description", re.compile("^Undo: Start from"))


def test_a_title_is_set_by_leaving_it_and_by_saving(studio: Studio) -> None:
    page, title = studio.page, studio.page.get_by_label("Model title")
    title.fill("Oats")
    title.blur()
    expect(studio.button("Undo")).to_have_attribute("aria-description", "Undo: Set the title (Ctrl Z)")
    title.fill("Barley")
    with page.expect_download() as saving:
        page.keyboard.press("Control+s")
    assert saving.value.suggested_filename == "Barley.covstudio.json"


def test_the_first_click_is_alive(studio: Studio) -> None:
    start = studio.page.get_by_role("region", name="Getting started")
    start.get_by_role("button", name="Spatial field trial").click()
    expect(studio.state()).to_contain_text("V 48 × 48")
    expect(studio.notice("made up for it")).to_be_visible()
    expect(studio.node("V").get_by_role("img", name="Heatmap of V")).to_have_attribute(
        "data-seq", re.compile(r"\d+")
    )
    expect(studio.page.get_by_role("slider").first).to_be_visible()
    studio.button("Undo").click()
    expect(studio.nodes()).to_have_count(1)


# --- notices ---


def refused(studio: Studio, version: int) -> Locator:
    """The notice of a file that cannot be opened, each of another version."""
    content = json.dumps({"covstudio": version, "model": {}}).encode()
    file = {"name": "later.json", "mimeType": "application/json", "buffer": content}
    studio.page.get_by_label("Open a model file").set_input_files(file)
    notice = studio.notice(f"version {version}")
    expect(notice).to_be_visible()
    return notice


def test_no_more_than_two_notices_stand_and_none_covers_anything(studio: Studio) -> None:
    page = studio.page
    bottom = max(
        box["y"] + box["height"]
        for name in ("Model", "Slices")
        for box in [box_of(page.get_by_role("region", name=name, exact=True))]
    )
    first = refused(studio, 97)
    for version in (98, 99):
        notice = refused(studio, version)
        box = box_of(notice)
        assert box["y"] >= bottom
        assert box["height"] < 30, "one line, however long the text"
    expect(page.locator("[data-notice]")).to_have_count(2)
    expect(first).to_have_count(0)


def test_a_long_notice_has_more(studio: Studio) -> None:
    page = studio.page
    refused(studio, 98)
    notice = refused(studio, 99)
    notice.get_by_role("button", name="more").click()
    whole = page.get_by_role("dialog", name="The whole notice")
    expect(whole).to_contain_text("Upgrade covstudio to open it.")
    page.keyboard.press("Escape")
    expect(whole).to_have_count(0)


def test_a_notice_goes_with_its_cause(studio: Studio) -> None:
    notice = refused(studio, 99)
    studio.item("Sum").click()  # the model is another now
    expect(studio.nodes()).to_have_count(2)
    expect(notice).to_have_count(0)


def test_the_theme_follows_the_switch_and_is_remembered(studio: Studio) -> None:
    page = studio.page
    root = page.locator("html")
    expect(root).to_have_attribute("data-cs-theme", "light")
    studio.button("Dark theme").click()
    expect(root).to_have_attribute("data-cs-theme", "dark")
    expect(page.locator(".react-flow.dark")).to_be_visible()
    studio.reload()
    expect(root).to_have_attribute("data-cs-theme", "dark")
    expect(page.locator(".react-flow.dark")).to_be_visible()
    expect(studio.button("Light theme")).to_be_visible()


def test_the_theme_starts_as_the_system_has_it(page: Page, server_url: str) -> None:
    page.emulate_media(color_scheme="dark")
    studio = Studio(page, server_url).open()
    expect(studio.page.locator("html")).to_have_attribute("data-cs-theme", "dark")
    expect(studio.page.locator(".react-flow.dark")).to_be_visible()


def test_splitters_move_by_mouse_and_keyboard_and_are_remembered(studio: Studio) -> None:
    page = studio.page
    side = page.get_by_role("complementary", name="Details")
    before = box_of(side)["width"]
    splitter = page.get_by_role("separator", name="Width of the details")
    with studio.dragging(splitter) as to_point:
        box = box_of(splitter)
        to_point((box["x"] - 100, box["y"] + 200))
    studio.settled()
    wide = box_of(side)["width"]
    assert wide == pytest.approx(before + 100, abs=12)
    splitter.focus()
    page.keyboard.press("ArrowRight")
    studio.settled()
    assert box_of(side)["width"] == pytest.approx(wide - 16, abs=1)
    studio.reload()
    assert box_of(side)["width"] == pytest.approx(wide - 16, abs=1)


def test_help_lists_the_keys(studio: Studio) -> None:
    page = studio.page
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Help and shortcuts")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_text("Save the model", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    studio.button("Help").click()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_menus_follow_the_keyboard(studio: Studio) -> None:
    page = studio.page
    studio.button("Templates").focus()
    page.keyboard.press("ArrowDown")
    items = page.get_by_role("menuitem")
    expect(items.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(items.nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(items).to_have_count(0)
    expect(studio.button("Templates")).to_be_focused()


def test_an_example_leads_to_the_data(studio: Studio) -> None:
    studio.button("Examples").click()
    studio.page.get_by_role("menuitem", name="Alpha design of spring oats").click()
    expect(studio.panel("Data").get_by_role("button", name="Use this table")).to_be_visible()


def test_the_chip_leads_to_what_is_unfinished(studio: Studio) -> None:
    expect(studio.state()).to_contain_text("Empty model")
    studio.item("Sum").click()
    expect(studio.state()).to_contain_text("to finish")
    studio.show("Code")
    studio.state().click()
    expect(studio.panel("Inspector")).to_be_visible()


@pytest.mark.parametrize("width", [480, 1024])
def test_smaller_screens_reach_everything(lent: Lent, width: int) -> None:
    studio = lent(size=(width, 768))
    page = studio.page
    studio.button("Examples").click()
    page.get_by_role("menuitem").first.click()
    studio.button("Use this table").click()
    studio.use_template()
    views = page.get_by_role("navigation", name="Views")
    if width == 480:
        views.get_by_role("button", name="Palette").click()
        expect(studio.item("Sum")).to_be_in_viewport()
        views.get_by_role("button", name="Slices").click()
        expect(page.get_by_role("region", name="Slices")).to_be_in_viewport()
        views.get_by_role("button", name="Details").click()
    else:
        expect(views).to_be_hidden()
    studio.show("Inspector")
    expect(studio.slider("residual/sigma^2")).to_be_in_viewport()
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
    for name in ("Open", "Save", "Templates", "Examples", "Undo", "Redo", "Dark theme", "Help"):
        expect(studio.button(name)).to_be_in_viewport(ratio=1)


def test_two_sessions_know_nothing_of_each_other(
    studio: Studio, chrome: BrowserContext, server_url: str, watch: Watch
) -> None:
    with closing(chrome.new_page()) as another:
        other = Studio(watch(another), server_url).open()
        studio.use_template()
        expect(studio.nodes()).not_to_have_count(1)
        other.settled()
        expect(other.nodes()).to_have_count(1)


def test_names_below_slices_can_be_read_on_a_small_screen(studio: Studio) -> None:
    """At 1024 x 768 five pictures are too wide for the row: it scrolls, and no name is cut."""
    studio.page.set_viewport_size({"width": 1024, "height": 768})
    studio.use_template("Random slopes")
    strip = studio.page.get_by_role("list", name="V and its derivatives")
    names = strip.get_by_title("of subject", exact=False)
    expect(names).to_have_count(3)
    for name in names.all():
        assert name.evaluate("name => [...name.children].every(part => part.scrollWidth <= part.clientWidth)")
    assert strip.evaluate("strip => strip.scrollWidth > strip.clientWidth")
    tiles = strip.get_by_role("listitem").filter(has=studio.page.get_by_role("img"))
    widths = tiles.evaluate_all("tiles => tiles.map(tile => tile.clientWidth)")
    assert len(widths) == 5
    assert min(widths) >= 124
    # Where all of them fit in a row they stand in it.
    studio.page.set_viewport_size({"width": 1440, "height": 900})
    studio.settled()
    expect(strip.get_by_role("img").last).to_be_in_viewport(ratio=1)
    assert strip.evaluate("strip => strip.scrollWidth <= strip.clientWidth")
