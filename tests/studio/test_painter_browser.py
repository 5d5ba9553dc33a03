"""The pictures in a real Chromium: painted, followed, hovered, shown large. Tests wait for states only."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from covstudio.document.changes.all import AddNode, SetArgument
from covstudio.document.model.node import V
from covstudio.studio.session.store import Store
from tests.studio.browser import Studio, box_of

GENOTYPE = "genotype/g/sigma^2"
PATIENCE = 60.0


@pytest.fixture
def alpha(studio: Studio) -> Studio:
    """The alpha design with its model, all of V's pictures painted."""
    studio.use_example()
    studio.use_template()
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


# --- painting ---


def test_v_and_every_slice_are_painted_sharp(alpha: Studio) -> None:
    page = alpha.page
    dock = page.get_by_label("V and its derivatives")
    expect(dock.get_by_role("img")).to_have_count(4)
    shares = {}
    for name in (
        "V",
        *(f"∂V/∂θ, σ² of {owner}" for owner in ("genotype variance", "block variance", "residual")),
    ):
        seen = pixels(painted(picture(page, name)))
        assert seen["sharp"], name
        shares[name] = seen["share"]
    # 72 plots: a diagonal, 18 blocks of 4, 24 genotypes three times each; zero is left to the surface.
    assert shares["∂V/∂θ, σ² of residual"] < shares["∂V/∂θ, σ² of genotype variance"] < 0.12
    assert colour_at(picture(page, "∂V/∂θ, σ² of residual"), 0.9, 0.1)[3] == 0
    assert colour_at(picture(page, "∂V/∂θ, σ² of block variance"), 0.03, 0.03)[3] == 255


def test_every_thumbnail_in_sight_is_painted(alpha: Studio) -> None:
    thumbnails = alpha.page.locator("#cs-canvas canvas[data-tile]")
    expect(thumbnails).to_have_count(9)
    for canvas in thumbnails.all():
        painted(canvas)


def test_thumbnails_have_the_pixels_of_the_screen_at_any_zoom(alpha: Studio) -> None:
    page = alpha.page
    canvas = page.locator("#cs-canvas canvas[data-tile^='node:']").first
    before = canvas.evaluate("(canvas) => canvas.width")
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_function(
        "([canvas, before]) => canvas.width > before && "
        "canvas.width === Math.round(canvas.getBoundingClientRect().width * devicePixelRatio)",
        arg=[canvas.element_handle(), before],
    )


def test_pictures_follow_the_slider_and_undo_brings_them_back(alpha: Studio) -> None:
    page = alpha.page
    v, thumbnail = picture(page, "V"), page.locator("#cs-canvas canvas[data-tile^='node:']").first
    painted(thumbnail)
    alpha.show("Inspector")
    alpha.select("genotype variance")
    before = pixels(v)["sum"], pixels(thumbnail)["sum"]
    alpha.drag_slider(GENOTYPE, [0.5, 0.6, 0.7, 0.8])
    expect_pixels(v, before[0], differ=True)
    value = page.locator(f"[data-path='{GENOTYPE}']")
    expect(value).not_to_have_text("1")
    rested(alpha)
    page.keyboard.press("Control+z")
    expect(value).to_have_text("1")
    expect_pixels(v, before[0])
    expect_pixels(thumbnail, before[1])


def test_a_burst_is_not_queued_and_its_last_value_is_shown(alpha: Studio) -> None:
    page = alpha.page
    node = node_id(page, "genotype variance")
    before = bus(page, "({ ...bus.stats })")
    drag(page, node, "sigma^2", [round(0.5 + 0.01 * i, 2) for i in range(100)])
    after = bus(page, "({ ...bus.stats })")
    assert after["sent"] - before["sent"] <= 3
    assert after["superseded"] - before["superseded"] >= 97
    page.evaluate("window.covstudio.release()")
    expect(page.locator(f"[data-path='{GENOTYPE}']")).to_have_text("1.49")


def test_the_bus_answers_even_when_there_is_nothing_to_paint(alpha: Studio) -> None:
    page = alpha.page
    frames = bus(page, "bus.stats.frames")
    drag(page, node_id(page, "genotype variance"), "sigma^2", [1.0])
    assert bus(page, "bus.stats.frames") > frames
    seq = bus(page, "bus.ping()")
    wait(page, f"bus.stats.painted >= {seq}")


def test_a_canvas_anywhere_can_join_and_leave(alpha: Studio) -> None:
    """In a shadow root inside a shadow root; a matrix that is not square keeps its shape in the middle."""
    page = alpha.page
    design = node_id(page, "genotype design")
    page.evaluate(
        """(key) => {
          let place = document.body
          for (let depth = 0; depth < 2; depth++) {
            const host = document.createElement("div")
            host.style.cssText = "position:fixed;left:0;top:0;z-index:99"
            place.append(host)
            place = host.attachShadow({ mode: "open" })
          }
          const canvas = document.createElement("canvas")
          canvas.id = "guest"
          canvas.style.cssText = "width:90px;height:90px;display:block"
          place.append(canvas)
          window.leave = window.covstudio.register(key, canvas)
        }""",
        f"node:{design}",
    )
    guest = painted(page.locator("#guest"))
    columns = guest.evaluate(
        """(canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, 90, 90)
          const used = new Set()
          for (let i = 3; i < data.length; i += 4) if (data[i]) used.add(((i - 3) / 4) % 90)
          return [Math.min(...used), Math.max(...used)]
        }"""
    )
    assert 28 <= columns[0] <= columns[1] <= 61  # 72 x 24: a third of the width, in the middle
    page.evaluate("window.leave()")
    assert not bus(page, "[...bus.entries.keys()].some((canvas) => canvas.id === 'guest')")


def test_the_theme_repaints_in_place(alpha: Studio) -> None:
    page = alpha.page
    v = picture(page, "V")
    light = pixels(v)
    diagonal = colour_at(v, 0.5, 0.5)
    # No server is needed: it is repainted before anything else can happen.
    frames = page.evaluate(
        """async () => {
          const before = window.covstudio.stats.frames
          document.documentElement.dataset.csTheme = "dark"
          await null
          return [before, window.covstudio.stats.frames]
        }"""
    )
    assert frames[0] == frames[1]
    dark = pixels(v)
    assert dark["sum"] != light["sum"]
    assert sum(colour_at(v, 0.5, 0.5)[:3]) > sum(diagonal[:3])


def cell_of(side: float) -> float:
    """Pixels of one of 72 rows: a whole number, unless that leaves much of the place empty."""
    room = side / 72
    return room // 1 if room // 1 >= 0.8 * room else room


def test_the_pixels_are_those_of_the_matrix(alpha: Studio) -> None:
    """Every entry is a square, as large as every other to within a pixel, and nothing else is painted."""
    matrix = np.zeros((72, 72), bool)
    for block in range(18):
        matrix[4 * block : 4 * block + 4, 4 * block : 4 * block + 4] = True
    canvas = picture(alpha.page, "∂V/∂θ, σ² of block variance")
    width, height, data = canvas.evaluate(
        """(canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
          return [canvas.width, canvas.height, Array.from(data).filter((_, at) => at % 4 === 3)]
        }"""
    )
    seen = np.array(data).reshape(height, width) > 0
    assert width == height
    cell = cell_of(width)
    edges = np.floor(np.arange(73) * cell + 0.5).astype(int)
    assert 0.8 * width <= edges[-1] <= width
    around = (width - edges[-1]) // 2
    expected = np.zeros_like(seen)
    inside = slice(around, around + edges[-1])
    expected[inside, inside] = matrix.repeat(np.diff(edges), 0).repeat(np.diff(edges), 1)
    assert np.array_equal(seen, expected)


# --- the dock ---


def test_the_colours_under_a_picture_have_numbers(alpha: Studio) -> None:
    scale = alpha.page.locator("[data-scale='V']")
    expect(scale).to_have_text("03")
    drag(alpha.page, node_id(alpha.page, "genotype variance"), "sigma^2", [2.0])
    expect(scale).to_have_text("04")


def test_a_click_or_the_keyboard_shows_a_slice_large(alpha: Studio) -> None:
    page = alpha.page
    name = "Show ∂V/∂θ, σ² of block variance large"
    expect(alpha.button("Show V large")).to_have_attribute("aria-pressed", "true")
    picture(page, "∂V/∂θ, σ² of block variance").click()
    expect(alpha.button(name)).to_have_attribute("aria-pressed", "true")
    expect(alpha.button("Show V large")).to_have_attribute("aria-pressed", "false")
    alpha.button("Show V large").focus()
    page.keyboard.press("End")
    expect(alpha.button("Show ∂V/∂θ, σ² of residual large")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(alpha.button(name)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(alpha.button("Show V large")).to_have_attribute("aria-pressed", "true")


def test_an_empty_dock_says_what_will_stand_there(studio: Studio) -> None:
    dock = studio.page.locator("#cs-dock")
    expect(dock).to_contain_text("Connect a matrix to V")
    studio.drag_from_palette("Sum", studio.slot("V", "V"))
    expect(dock).to_contain_text("as soon as the model is complete")


def test_of_many_slices_only_those_in_sight_are_computed(studio: Studio) -> None:
    store = Store()
    store.dispatch(AddNode("UnstructuredMatrix", id="u", name="us", connect=(V, None)))
    store.dispatch(SetArgument("u", "n", 19))
    assert len(store.parameters()) == 190
    page = studio.page
    with studio.choosing(
        {"name": "many.json", "mimeType": "application/json", "buffer": store.save_text().encode()}
    ):
        studio.button("Open").click()
    dock = page.get_by_label("V and its derivatives")
    expect(dock.get_by_role("img")).to_have_count(191)
    painted(picture(page, "V"))
    slices = "[...bus.tiles.keys()].filter((key) => key.startsWith('slice:')).length"
    wait(page, f"{slices} > 2")
    assert bus(page, slices) < 20
    last = store.parameters()[-1].path
    studio.button("Show V large").focus()
    page.keyboard.press("End")
    wait(page, f"bus.tiles.has('slice:{last}')")
    assert bus(page, slices) < 40


# --- hover ---


def test_hover_tells_row_column_and_value(alpha: Studio) -> None:
    page = alpha.page
    v = picture(page, "V")
    side = box_of(v)["width"]
    corner = (side - 72 * cell_of(side)) / 2 + 0.5
    v.hover(position={"x": corner, "y": corner})
    tip = page.get_by_role("tooltip").filter(has_text="column")
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("3")
    expect(tip).to_contain_text("1 · R1 · B1 · G11")
    page.mouse.move(2, 2)
    expect(tip).to_be_hidden()


# --- the large plot ---


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


def test_derivatives_are_taken_by_theta_or_by_the_natural_values(alpha: Studio) -> None:
    page = alpha.page
    by = page.get_by_role("group", name="Differentiate by")
    expect(by.get_by_role("button", name="by θ")).to_have_attribute("aria-pressed", "true")
    by.get_by_role("button", name="natural").click()
    expect(picture(page, "∂V/∂σ² of residual")).to_be_visible()
    by.get_by_role("button", name="by θ").click()
    expect(picture(page, "∂V/∂θ, σ² of residual")).to_be_visible()
