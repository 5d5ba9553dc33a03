"""Take a picture of every area of the app, in every width, theme and state, to be looked at: `make pictures`.

They go to build/pictures, which is not kept. `python tools/screens.py large 1440` takes those whose names
hold all of the words.
"""

import csv
import io
import random
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

from browsers import CHROMIUM
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.studio.browser import Studio, Tab  # noqa: E402
from tests.studio.serving import served  # noqa: E402

expect.set_options(timeout=60_000)  # a machine may be busy

FOLDER = ROOT / "build" / "pictures"
SIZES = ((1024, 768), (1440, 900), (1920, 1080))
AREAS: tuple[Tab, ...] = ("Inspector", "Matrix", "Data", "Fit", "Code")
SPATIAL = "Spatial field trial"


def field_trial() -> str:
    """700 plots in 28 rows and 25 columns, 140 genotypes five times each, as csv."""
    chance = random.Random(700)
    rows, columns, genotypes = 28, 25, 140
    plots = [f"G{1 + i % genotypes:03d}" for i in range(rows * columns)]
    chance.shuffle(plots)
    worth = {name: chance.gauss(0, 0.6) for name in plots}
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("row", "column", "genotype", "weight", "height", "yield"))
    trend = 0.0
    for place, name in enumerate(plots):
        trend = 0.7 * trend + chance.gauss(0, 0.4)
        observed = 6 + worth[name] + trend + chance.gauss(0, 0.5)
        weight, height = chance.gauss(40, 3), chance.gauss(95, 6)
        row, column = place // columns + 1, place % columns + 1
        table.writerow((row, column, name, f"{weight:.1f}", f"{height:.0f}", f"{observed:.3f}"))
    return text.getvalue()


def empty(studio: Studio) -> None:
    """Nothing yet."""


def small(studio: Studio) -> None:
    """72 plots of oats, fitted."""
    studio.use_example()
    studio.use_template()
    studio.fit()


def large(studio: Studio) -> None:
    """700 plots of a field with a genotype each, fitted."""
    data = studio.show("Data")
    file = {"name": "field trial.csv", "mimeType": "text/csv", "buffer": field_trial().encode()}
    data.locator("input[type=file]").set_input_files([file])
    data.get_by_role("button", name="Use this table").click()
    expect(data.get_by_text("in use", exact=True)).to_be_visible()
    studio.model()
    studio.use_template(SPATIAL)
    panel = studio.show("Fit")
    panel.get_by_role("button", name="Fit", exact=True).click()
    expect(panel.get_by_role("region", name="Results")).to_be_visible(timeout=240_000)


STATES: dict[str, Callable[[Studio], None]] = {"empty": empty, "small": small, "large": large}


def wanted(words: list[str]) -> Iterator[tuple[str, str, tuple[int, int], Tab, str]]:
    """State, theme, size and area of each picture, and its name."""
    for state, theme, size, area in product(STATES, ("light", "dark"), SIZES, AREAS):
        shown = "model" if area == "Inspector" else "results" if area == "Fit" else area.lower()
        name = f"{shown}-{state}-{size[0]}-{theme}"
        if all(word in name.split("-") for word in words):
            yield state, theme, size, area, name


def main(words: list[str]) -> None:
    """Serve the app, bring it into each state, and look at every area of it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    present: str | None = None
    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM.path(), args=["--no-sandbox"])
        for state, theme, (width, height), area, name in wanted(words):
            if state != present:
                present = state
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                studio = Studio(page, url).open()
                STATES[state](studio)
                for notice in page.get_by_role("button", name="Dismiss").all():
                    notice.click()
            switch = studio.button("Dark theme" if theme == "dark" else "Light theme")
            if switch.count():
                switch.click()
            page.set_viewport_size({"width": width, "height": height})
            studio.show(area)
            page.mouse.move(5, height - 60)
            page.evaluate("document.activeElement?.blur()")
            studio.settled()
            page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
            print(f"build/pictures/{name}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
