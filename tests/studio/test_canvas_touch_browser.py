"""The canvas under fingers: a long press opens menus, two fingers pinch and pan."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import CDPSession, expect

from tests.studio.browser import Studio, box_of, centre
from tests.studio.canvas_actions import PIECES, drawn, free, wire, wires
from tests.studio.conftest import Lent
from tests.studio.lasting import LastingPage
from tests.studio.touch import finger, touch


@pytest.fixture
def studio(lent_touch: Lent) -> Studio:
    """A screen that answers to two fingers, and the model of a trial on it."""
    studio = lent_touch("model")
    drawn(studio, PIECES + 1, PIECES)
    return studio


@pytest.fixture
def fingers(lasting_touch: LastingPage, studio: Studio) -> CDPSession:
    return lasting_touch.devtools


def view(studio: Studio) -> tuple[float, float, float]:
    """x, y and zoom of what is shown."""
    studio.settled()
    x, y, zoom = studio.page.locator(".react-flow__viewport").evaluate(
        "(node) => { const m = new DOMMatrix(getComputedStyle(node).transform); return [m.e, m.f, m.a]; }"
    )
    return x, y, zoom


def test_a_long_press_opens_the_menu_of_what_is_under_the_finger(studio: Studio, fingers: CDPSession) -> None:
    page = studio.page
    for place, name in (
        (centre(studio.node("residual")), "Actions for residual"),
        (centre(studio.node("V")), "Actions for V"),
        (free(studio), "Canvas"),
    ):
        studio.settled()
        touch(fingers, "touchStart", place)
        menu = page.get_by_role("menu", name=name)
        expect(menu).to_be_visible()
        touch(fingers, "touchEnd")
        studio.settled()
        expect(menu).to_be_visible()
        page.keyboard.press("Escape")
        expect(menu).to_have_count(0)


def test_two_fingers_pinch_and_pan(studio: Studio, fingers: CDPSession) -> None:
    before = view(studio)
    # Left of the map, where no card is, and none when they are smaller.
    box = box_of(studio.page.get_by_role("region", name="Model", exact=True))
    x, y = box["x"] + 0.7 * box["width"], box["y"] + 0.85 * box["height"]
    touch(fingers, "touchStart", (x - 40, y), (x + 40, y))
    for step in range(1, 6):
        touch(fingers, "touchMove", (x - 40 + 5 * step, y), (x + 40 - 5 * step, y))
    touch(fingers, "touchEnd")
    smaller = view(studio)
    assert smaller[2] == pytest.approx(before[2] * 30 / 80, rel=0.2)
    touch(fingers, "touchStart", (x - 40, y), (x + 40, y))
    for step in range(1, 6):
        touch(fingers, "touchMove", (x - 40 + 10 * step, y - 4 * step), (x + 40 + 10 * step, y - 4 * step))
    touch(fingers, "touchEnd")
    moved = view(studio)
    assert moved[2] == pytest.approx(smaller[2], rel=0.01)
    assert moved[0] == pytest.approx(smaller[0] + 50, abs=3)
    assert moved[1] == pytest.approx(smaller[1] - 20, abs=3)


def test_a_long_press_on_a_wire_and_on_a_selection_opens_their_menus(
    studio: Studio, fingers: CDPSession
) -> None:
    page = studio.page
    line = wire(studio, "residual", "Sum").locator("path").first
    x, y = line.evaluate(
        """(path) => {
            const at = path.getPointAtLength(path.getTotalLength() / 2).matrixTransform(path.getScreenCTM());
            return [at.x, at.y];
        }"""
    )
    touch(fingers, "touchStart", (x, y))
    menu = page.get_by_role("menu", name="Wire from residual into Sum")
    expect(menu.get_by_role("menuitem", name="Take this wire out")).to_be_visible()
    touch(fingers, "touchEnd")
    studio.settled()
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    page.keyboard.press("Control+a")
    studio.settled()
    touch(fingers, "touchStart", centre(studio.node("residual")))
    expect(page.get_by_role("menu", name=re.compile(r"Actions for \d+ nodes"))).to_be_visible()
    touch(fingers, "touchEnd")


def test_a_finger_that_moves_opens_no_menu(studio: Studio, fingers: CDPSession) -> None:
    x, y = free(studio)
    before = view(studio)
    with finger(fingers, (x, y)) as move:
        move.to((x + 60, y - 40))
        studio.settled()
        expect(studio.page.get_by_role("menu")).to_have_count(0)
    after = view(studio)
    assert after[0] == pytest.approx(before[0] + 60, abs=12)


def test_a_wire_is_drawn_with_a_finger(studio: Studio, fingers: CDPSession) -> None:
    page = studio.page
    count = wires(studio).count()
    page.keyboard.press("Control+a")
    studio.node("residual").focus()
    page.keyboard.press("Shift+F10")
    page.get_by_role("menuitem", name="Take out of its slot").click()
    expect(wires(studio)).to_have_count(count - 1)
    studio.settled()
    with finger(fingers, centre(studio.output("residual"))) as move:
        move.to(centre(studio.slot("Sum", "3")))
    expect(wire(studio, "residual", "Sum")).to_be_attached()
