"""The canvas under fingers: a long press opens menus, two fingers pinch and pan."""

from __future__ import annotations

import pytest
from playwright.sync_api import CDPSession, expect

from tests.studio.browser import Point, Studio, box_of, centre
from tests.studio.canvas_actions import free, trial


@pytest.fixture
def fingers(studio: Studio) -> CDPSession:
    """A screen that answers to two fingers, and the model of a trial on it."""
    devtools = studio.page.context.new_cdp_session(studio.page)
    devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    studio.reload()
    trial(studio)
    studio.settled()
    return devtools


def touch(devtools: CDPSession, kind: str, *points: Point) -> None:
    """Fingers go down, move, or leave the screen."""
    there = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
    devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": there})


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
    x, _ = free(studio)
    box = box_of(studio.page.get_by_role("region", name="Model", exact=True))
    y = box["y"] + box["height"] * 0.95
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
