"""The page under a finger: the palette, sliders, panes, and swipes that stay on the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import CDPSession, expect

from tests.studio.browser import Studio, box_of, centre
from tests.studio.canvas_actions import free, title, wire
from tests.studio.conftest import Lent
from tests.studio.lasting import LastingPage
from tests.studio.touch import finger, touch

TABLET = (1024, 768)


@pytest.fixture
def studio(lent_touch: Lent) -> Studio:
    """A tablet."""
    return lent_touch(size=TABLET)


@pytest.fixture
def fingers(lasting_touch: LastingPage, studio: Studio) -> CDPSession:
    return lasting_touch.devtools


def test_a_structure_is_drawn_out_of_the_palette_and_dropped(studio: Studio, fingers: CDPSession) -> None:
    page = studio.page
    item = studio.item("Sum")
    x, y = centre(item)
    with finger(fingers, (x, y)) as move:
        move.to((x + 120, y + 10))
        expect(page.locator("[data-carried]")).to_have_text("Sum")
        move.to(free(studio))
        expect(page.get_by_text("Drop to place it here")).to_be_visible()
        move.to(centre(studio.slot("V", "V")))
        expect(page.get_by_text("Drop to wire it into V")).to_be_visible()
    expect(wire(studio, "Sum", "V")).to_be_attached()
    expect(page.locator("[data-carried]")).to_have_count(0)
    expect(studio.nodes()).to_have_count(2)  # it was dropped once


def test_a_finger_that_rests_picks_up_and_may_give_up(studio: Studio, fingers: CDPSession) -> None:
    page = studio.page
    item = studio.item(title("CovariancePropagation"))
    palette = page.get_by_label("Palette", exact=True)
    x, y = centre(item)
    with finger(fingers, (x, y)) as move:
        expect(page.locator("[data-carried]")).to_be_visible()
        move.to((x, y + 150))
        move.to(centre(palette))
    studio.settled()
    expect(studio.nodes()).to_have_count(1)
    expect(page.locator("[data-carried]")).to_have_count(0)
    with finger(fingers, (x, y)) as move:
        expect(page.locator("[data-carried]")).to_be_visible()
        move.to(free(studio))
    expect(studio.nodes()).to_have_count(2)


def test_a_finger_along_the_palette_scrolls_it(studio: Studio, fingers: CDPSession) -> None:
    x, y = centre(studio.item(title("CovariancePropagation")))
    first = studio.item("Sum")
    before = box_of(first)["y"]
    with finger(fingers, (x, y)) as move:
        move.to((x, y - 90), steps=20)
    studio.page.wait_for_function(
        "([item, before]) => item.getBoundingClientRect().y < before - 30",
        arg=[first.element_handle(), before],
    )
    expect(studio.nodes()).to_have_count(1)


def test_a_tap_adds_a_structure(studio: Studio, fingers: CDPSession) -> None:
    touch(fingers, "touchStart", centre(studio.item("Sum")))
    touch(fingers, "touchEnd")
    expect(studio.node("Sum")).to_be_visible()
    expect(studio.nodes()).to_have_count(2)


def test_on_a_phone_the_palette_gives_way_to_the_model(lent_touch: Lent, lasting_touch: LastingPage) -> None:
    studio, fingers = lent_touch(size=(390, 844)), lasting_touch.devtools
    studio.page.get_by_role("navigation", name="Views").get_by_role("button", name="Palette").click()
    palette = studio.page.get_by_label("Palette", exact=True)
    studio.item("Sum").scroll_into_view_if_needed()  # once it has slid in
    x, y = centre(studio.item("Sum"))
    with finger(fingers, (x, y)) as move:
        move.to((x + 60, y))
        expect(palette).to_be_hidden()
        move.to((200, 600))
    expect(studio.nodes()).to_have_count(2)


def test_a_slider_moves_under_a_finger(lent_touch: Lent, lasting_touch: LastingPage) -> None:
    studio, fingers = lent_touch("model", TABLET), lasting_touch.devtools
    studio.select("residual")
    path = "residual/sigma^2"
    slider = studio.slider(path)
    slider.scroll_into_view_if_needed()
    studio.settled()
    box = box_of(slider)
    before = studio.value(path).input_value()
    y = box["y"] + box["height"] / 2
    x = box["x"] + 8 + float(slider.input_value()) / 1000 * (box["width"] - 16)
    with finger(fingers, (x, y)) as move:
        move.to((box["x"] + 0.8 * box["width"], y + 6))
    studio.settled()
    assert float(studio.value(path).input_value()) > float(before)
    expect(studio.button("Undo")).to_have_attribute("aria-description", re.compile("σ²"))


def test_a_pane_is_resized_with_a_finger(studio: Studio, fingers: CDPSession) -> None:
    line = studio.page.get_by_role("separator", name="Width of the details")
    side = studio.page.get_by_role("complementary", name="Details")
    before = box_of(side)["width"]
    x, y = centre(line)
    with finger(fingers, (x - 10, y)) as move:  # beside the line, within what can be hit
        move.to((x - 110, y))
    studio.settled()
    assert box_of(side)["width"] == pytest.approx(before + 100, abs=6)


@pytest.mark.parametrize("way", [(300, 0), (-300, 0), (0, 300)], ids=["back", "forth", "down"])
def test_a_swipe_never_leaves_the_page(
    lent_touch: Lent, lasting_touch: LastingPage, way: tuple[int, int]
) -> None:
    studio, fingers = lent_touch("model", TABLET), lasting_touch.devtools
    page = studio.page
    page.evaluate("window.stillHere = true")
    for place in (
        page.get_by_role("region", name="Model", exact=True),
        page.get_by_role("list", name="V and its derivatives"),
        page.get_by_role("complementary", name="Details"),
    ):
        x, y = centre(place)
        with finger(fingers, (x, y)) as move:
            move.to((x + way[0], y + way[1]))
        studio.settled()
        assert page.evaluate("window.stillHere && scrollX === 0 && scrollY === 0")
    for name in ("html", "body"):
        assert page.locator(name).evaluate("(one) => getComputedStyle(one).overscrollBehavior") == "none"


def test_a_file_dropped_anywhere_opens_in_place_of_none(
    lent: Lent, lasting_page: LastingPage, tmp_path: Path
) -> None:
    studio = lent()
    page, devtools = studio.page, lasting_page.devtools
    table = tmp_path / "field.csv"
    table.write_text("gen,yield\nG1,4\nG2,5\nG1,4.5\nG2,3\n", encoding="utf-8")
    page.evaluate("window.stillHere = true")
    data = {"items": [], "files": [str(table)], "dragOperationsMask": 1}
    for place in ("banner", "contentinfo"):
        x, y = centre(page.get_by_role(place))  # type: ignore[arg-type]
        for kind in ("dragEnter", "dragOver", "drop"):
            devtools.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})
        expect(studio.panel("Data").get_by_role("heading", name="field")).to_be_visible()
        assert page.evaluate("window.stillHere")
        studio.model()
