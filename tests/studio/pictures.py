"""The pictures of a page, for the tests that look at them."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.studio.browser import Studio

PATIENCE = 60.0


def with_pictures(studio: Studio) -> Studio:
    """The studio once all pictures of its V are painted; it has three slices."""
    pictures = studio.page.get_by_label("V and its derivatives").get_by_role("img")
    expect(pictures).to_have_count(4)
    for canvas in pictures.all():
        painted(canvas)
    rested(studio)
    return studio


def rested(studio: Studio) -> None:
    """Wait until no picture is under way."""
    studio.settled()
    wait(studio.page, "bus.idle && bus.lastFrame.done")
    studio.settled()


def picture(page: Page, name: str) -> Locator:
    """A picture of the dock, by what it shows."""
    return page.get_by_label("V and its derivatives").get_by_role(
        "img", name=f"Heatmap of {name}", exact=True
    )


def painted(canvas: Locator) -> Locator:
    """Wait until a canvas has been painted."""
    expect(canvas).to_have_attribute("data-seq", pattern(r"\d+"))
    return canvas


def pattern(text: str) -> re.Pattern[str]:
    """A regular expression."""
    return re.compile(text)


PIXELS = """(canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
    let sum = 0, opaque = 0
    for (let i = 0; i < data.length; i += 4) {
      sum = (sum * 31 + data[i] * 65536 + data[i + 1] * 256 + data[i + 2] + data[i + 3]) % 4294967291
      opaque += data[i + 3] > 200
    }
    return { sum, share: opaque / (data.length / 4), width: canvas.width,
             sharp: canvas.width === Math.round(canvas.clientWidth * devicePixelRatio) }
  }"""


def pixels(canvas: Locator) -> dict[str, Any]:
    """What is on a canvas: a checksum, the share of opaque pixels, whether it is as sharp as the screen."""
    result: dict[str, Any] = canvas.evaluate(PIXELS)
    return result


def expect_pixels(canvas: Locator, wanted: int, *, differ: bool = False) -> None:
    """Wait until a canvas shows exactly this, or anything else."""
    canvas.page.wait_for_function(
        f"([canvas, wanted]) => (({PIXELS})(canvas).sum === wanted) !== {str(differ).lower()}",
        arg=[canvas.element_handle(), wanted],
    )


def colour_at(canvas: Locator, x: float, y: float) -> list[int]:
    """RGBA at a place given as shares of width and height."""
    result: list[int] = canvas.evaluate(
        """(canvas, [x, y]) => [...canvas.getContext("2d")
             .getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data]""",
        [x, y],
    )
    return result


def bus(page: Page, expression: str) -> Any:
    """A value of the page's bus."""
    return page.evaluate(f"() => {{ const bus = window.covstudio; return {expression} }}")


def wait(page: Page, expression: str) -> None:
    """Wait until something holds of the bus."""
    page.wait_for_function(f"() => {{ const bus = window.covstudio; return {expression} }}")


def drag(page: Page, node: str, name: str, values: list[float]) -> None:
    """Speak as a slider does, and wait for the frame that shows the last value."""
    page.evaluate(
        """async ([node, param, values]) => {
          const bus = window.covstudio
          for (const value of values) bus.drag(node, param, value)
          while (!bus.idle)
            await new Promise((resolve) => { const stop = bus.onFrame(() => { stop(); resolve() }) })
        }""",
        [node, name, values],
    )


def node_id(page: Page, name: str) -> str:
    """The id of a node of the canvas, by its name."""
    found = page.locator(f'.react-flow__node[aria-label^="{name}, "]').get_attribute("data-id")
    assert found is not None
    return found
