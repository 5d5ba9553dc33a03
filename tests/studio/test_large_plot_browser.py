"""The large plot in a real Chromium: followed, read in three ways, hovered, with axes of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from covstudio.document.changes.all import AddNode, SetArgument
from covstudio.document.model.node import V
from covstudio.studio.session.store import Store
from tests.studio.browser import Studio, box_of
from tests.studio.pictures import (
    PATIENCE,
    bus,
    drag,
    node_id,
    painted,
    pattern,
    picture,
    with_pictures,
)


@pytest.fixture
def alpha(alpha: Studio) -> Studio:
    """The alpha design with its model, all of V's pictures painted."""
    return with_pictures(alpha)


def focused(page: Page, javascript: str) -> Any:
    """A value of the figure of the large plot."""
    find = """
      const models = [...Bokeh.documents[0]._all_models.values()]
      const figure = models.find((model) => model.type === "Figure")
      if (!figure) return null
      const renderer = figure.renderers.find((each) => each.glyph?.type === "Image")
      const source = renderer.data_source, mapper = renderer.glyph.color_mapper
    """
    return page.evaluate(f"() => {{ {find}; return ({javascript}) }}")


def until(page: Page, javascript: str, holds: Callable[[Any], bool]) -> None:
    """Wait until a value of the large plot's figure is as it should be."""
    value = None
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = focused(page, javascript)
        if holds(value):
            return
        page.evaluate("() => new Promise(requestAnimationFrame)")
    raise AssertionError(f"{javascript} stayed {value!r}")


def test_the_large_plot_shows_v_and_follows(alpha: Studio) -> None:
    page = alpha.page
    panel = alpha.show("Matrix")
    expect(panel).to_contain_text("72 × 72")
    expect(panel).to_contain_text("mean diagonal")
    until(page, "[mapper.low, mapper.high]", lambda value: value == [0, 3])
    node = node_id(page, "genotype variance")
    drag(page, node, "sigma^2", [2.0])
    page.evaluate("window.covstudio.release()")
    until(page, "mapper.high", lambda value: value == 4)
    until(page, "source.data.image[0][0]", lambda value: value == 4)
    # Square cells, whatever the width of the panel.
    until(
        page,
        "Math.abs(figure.inner_width - figure.inner_height)",
        lambda value: value is not None and value < 3,
    )
    expect(panel).to_contain_text("0 to 4")


def test_the_large_plot_as_correlations_and_logarithms(alpha: Studio) -> None:
    page = alpha.page
    panel = alpha.show("Matrix")
    until(page, "mapper.high", lambda value: value == 3)
    panel.locator("label", has_text="Correlation").click()
    until(page, "mapper.high", lambda value: value == 1)
    until(page, "source.data.image[0][1]", lambda value: abs(value - 1 / 3) < 1e-6)
    panel.get_by_role("radio", name="Correlation").press("ArrowRight")
    expect(panel.get_by_role("radio", name="Log")).to_be_checked()
    until(page, "[mapper.low, mapper.high].map((x) => Math.round(x * 1000))", lambda value: value == [0, 477])
    # A derivative has no correlations.
    picture(page, "∂V/∂θ, σ² of residual").click()
    alpha.show("Matrix")
    expect(panel.get_by_role("radio", name="Correlation")).to_be_disabled()
    expect(panel).to_contain_text("∂V/∂θ")


def test_the_large_plot_of_a_rectangle_and_its_names(alpha: Studio) -> None:
    page = alpha.page
    alpha.show("Matrix")
    until(page, "mapper.high", lambda value: value == 3)
    page.locator("#cs-canvas").get_by_role("img", name=pattern("genotype design")).click()
    until(page, "[source.data.dw[0], source.data.dh[0]]", lambda value: value == [24, 72])
    until(page, "figure.above[0].major_label_overrides.get?.(1) ?? null", lambda value: value == "G01")


#: The labels that stand along an axis.
AXIS = """((axis) => {
  const view = Bokeh.index.find_one(axis)
  const { ticks } = axis.ticker
  return view && ticks ? view.compute_labels(ticks).items.map(({ text }) => text) : null
})"""


def test_the_axes_are_those_of_the_matrix_shown(alpha: Studio) -> None:
    """Also of the next one: what is drawn is read, not what was sent."""
    page = alpha.page
    rows, columns = f"{AXIS}(figure.left[0])", f"{AXIS}(figure.above[0])"
    page.locator("#cs-canvas").get_by_role("img", name=pattern("genotype variance")).click()
    alpha.show("Matrix")
    until(page, rows, lambda value: value == [f"G{i:02}" for i in range(1, 25)])
    alpha.button("Show V large").click()
    numbers = ["1", *map(str, range(10, 71, 10))]
    until(page, rows, lambda value: value == numbers)
    until(page, columns, lambda value: value == numbers)
    page.locator("#cs-canvas").get_by_role("img", name=pattern("genotype design")).click()
    until(page, rows, lambda value: value == numbers)
    until(page, columns, lambda value: value == [f"G{i:02}" for i in range(1, 25)])


def test_a_small_matrix_has_its_values_in_its_cells(studio: Studio) -> None:
    store = Store()
    store.dispatch(AddNode("AR1Matrix", id="a", name="time", connect=(V, None)))
    store.dispatch(SetArgument("a", "n", 3))
    page = studio.page
    with studio.choosing(
        {"name": "small.json", "mimeType": "application/json", "buffer": store.save_text().encode()}
    ):
        studio.button("Open").click()
    painted(picture(page, "V"))
    value = store.natural("a", "rho")
    written = f"{value**2:.3g}"
    assert bus(page, "bus.tiles.get('V').values")[2] == written
    studio.show("Matrix")
    texts = "[...figure.renderers.find((each) => each.glyph?.type === 'Text').data_source.data.text]"
    until(page, texts, lambda found: found is not None and len(found) == 9 and found[2] == written)


def test_hover_on_the_large_plot(alpha: Studio) -> None:
    page = alpha.page
    panel = alpha.show("Matrix")
    until(page, "mapper.high", lambda value: value == 3)
    until(
        page,
        "Math.abs(figure.inner_width - figure.inner_height)",
        lambda value: value is not None and value < 3,
    )
    alpha.settled()
    box = box_of(panel.locator("canvas").first)
    place = r"\d+ · R\d · B\d · G\d\d"
    tip = page.locator(".bk-Tooltip").filter(has_text=pattern(rf"row {place}\s+column {place}"))
    # The figure may lay itself out once more, and then knows nothing of a mouse that rests: it moves on.
    for turn in range(100):
        page.mouse.move(box["x"] + box["width"] * 0.5 + turn % 5, box["y"] + box["height"] * 0.4 + turn % 3)
        alpha.settled()
        if tip.count():
            break
    expect(tip.first).to_be_visible()


def test_an_unfinished_model_has_nothing_to_read_and_says_why(studio: Studio) -> None:
    studio.drag_from_palette("Sum", studio.slot("V", "V"))
    expect(studio.show("Matrix")).to_contain_text("needs two operands")
