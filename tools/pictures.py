"""Take the README's pictures of the app again, in headless Chromium: `make pictures`."""

import io
import sys
from pathlib import Path

from browsers import CHROMIUM
from PIL import Image
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.studio.browser import EXAMPLE, Studio  # noqa: E402
from tests.studio.serving import served  # noqa: E402

expect.set_options(timeout=60_000)  # a machine may be busy

FOLDER = ROOT / "assets"


def keep(png: bytes, file: Path) -> None:
    """Write a picture in 256 colours, each within 8 of 255 of what it was: a third of the bytes."""
    whole = Image.open(io.BytesIO(png)).convert("RGB")
    small = whole.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(file, optimize=True)


def story(studio: Studio) -> None:
    """The story of the README, a picture a step."""
    page = studio.page

    def picture(name: str) -> None:
        for notice in page.get_by_role("button", name="Dismiss").all():
            notice.click()
        page.mouse.move(1000, 888)  # nothing is pointed at
        page.evaluate("document.activeElement?.blur()")
        keep(page.screenshot(animations="disabled"), FOLDER / f"{name}.png")
        print(f"assets/{name}.png")

    data = studio.show("Data")
    data.get_by_role("button", name=EXAMPLE).click()
    expect(data.get_by_label("Role of gen").first).to_have_value("factor")
    picture("story-1-data")
    data.get_by_role("button", name="Use this table").click()
    studio.use_template()
    studio.show("Inspector")
    studio.drag_slider("block/g/sigma^2", [0.6, 0.72])
    picture("story-2-model")
    studio.fit()
    picture("story-3-fit")
    studio.show("Code")
    picture("story-4-code")
    matrix = studio.show("Matrix")
    expect(matrix.locator("canvas").first).to_be_visible()
    studio.button("Dark theme").click()
    expect(page.locator(".react-flow.dark")).to_be_visible()
    picture("dark")
    studio.button("Light theme").click()
    expect(page.locator(".react-flow.light")).to_be_visible()
    studio.show("Inspector")
    studio.settled()
    picture("studio")


def main() -> None:
    """Serve the app, tell the story, and stop."""
    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM.path(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        story(Studio(page, url).open())


if __name__ == "__main__":
    main()
