"""Fingers: a page on a touch screen, and what they do on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import CDPSession, Page

from tests.studio.browser import Point


def coarse(page: Page, devtools: CDPSession, size: tuple[int, int]) -> None:
    """Put a page on a touch screen of this size, before the studio is opened in it."""
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    devtools.send(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True},
    )
    assert page.evaluate('matchMedia("(pointer: coarse)").matches'), "expected a touch screen"


def touch(devtools: CDPSession, kind: str, *points: Point) -> None:
    """Fingers go down, move, or leave the screen."""
    there = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
    devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": there})


@contextmanager
def finger(devtools: CDPSession, start: Point) -> Iterator[Finger]:
    """One finger goes down; it leaves the screen at the end."""
    touch(devtools, "touchStart", start)
    yield Finger(devtools, start)
    touch(devtools, "touchEnd")


class Finger:
    """A finger on the screen.

    Args:
        devtools: the line to the browser's tools.
        at: where it is.
    """

    def __init__(self, devtools: CDPSession, at: Point) -> None:
        self._devtools = devtools
        self._at = at

    def to(self, place: Point, steps: int = 10) -> None:
        """Move in a straight line."""
        x, y = self._at
        for step in range(1, steps + 1):
            share = step / steps
            touch(self._devtools, "touchMove", (x + share * (place[0] - x), y + share * (place[1] - y)))
        self._at = place
