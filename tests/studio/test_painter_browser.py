"""The pictures of the dock and of the cards in a real Chromium. Tests wait for states only."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from covstudio.document.changes.all import AddNode, SetArgument
from covstudio.document.model.node import V
from covstudio.studio.session.store import Store
from tests.studio.browser import Studio, box_of
from tests.studio.conftest import Lent
from tests.studio.pictures import (
    bus,
    colour_at,
    drag,
    expect_pixels,
    node_id,
    painted,
    picture,
    pixels,
    rested,
    wait,
    with_pictures,
)

GENOTYPE = "genotype/g/sigma^2"


@pytest.fixture
def alpha(alpha: Studio) -> Studio:
    """The alpha design with its model, all of V's pictures painted."""
    return with_pictures(alpha)


@pytest.fixture
def shown(lent: Lent) -> Studio:
    """The same, one page for all that leave it as they found it."""
    return with_pictures(lent("alpha", user=__name__))


def test_v_and_every_slice_are_painted_sharp(shown: Studio) -> None:
    page = shown.page
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


def test_every_thumbnail_in_sight_is_painted(shown: Studio) -> None:
    thumbnails = shown.page.locator("#cs-canvas canvas[data-tile]")
    expect(thumbnails).to_have_count(9)
    for canvas in thumbnails.all():
        painted(canvas)


def cell_of(side: float) -> float:
    """Pixels of one of 72 rows: a whole number, unless that leaves much of the place empty."""
    room = side / 72
    return room // 1 if room // 1 >= 0.8 * room else room


def test_the_pixels_are_those_of_the_matrix(shown: Studio) -> None:
    """Every entry is a square, as large as every other to within a pixel, and nothing else is painted."""
    matrix = np.zeros((72, 72), bool)
    for block in range(18):
        matrix[4 * block : 4 * block + 4, 4 * block : 4 * block + 4] = True
    canvas = picture(shown.page, "∂V/∂θ, σ² of block variance")
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


def test_hover_tells_row_column_and_value(shown: Studio) -> None:
    page = shown.page
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


def test_a_double_click_or_enter_opens_the_matrix_area(alpha: Studio) -> None:
    page = alpha.page
    block = alpha.button("Show ∂V/∂θ, σ² of block variance large")
    shown = alpha.panel("Matrix")
    picture(page, "∂V/∂θ, σ² of block variance").dblclick()
    expect(shown.get_by_role("heading", level=2)).to_contain_text("∂V/∂")
    expect(block).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Alt+1")
    expect(shown).to_be_hidden()
    alpha.button("Show V large").press("Enter")
    expect(shown.get_by_role("heading", level=2)).to_have_text("V")
    expect(alpha.button("Show V large")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Alt+1")
    block.press("Space")
    expect(block).to_have_attribute("aria-pressed", "true")
    expect(shown).to_be_hidden()  # Space chooses, and goes nowhere


def test_an_empty_dock_says_what_will_stand_there(studio: Studio) -> None:
    dock = studio.page.locator("#cs-dock")
    expect(dock).to_contain_text("Connect a matrix to V")
    studio.drag_from_palette("Sum", studio.slot("V", "V"))
    expect(dock).to_contain_text("as soon as the model is complete")


def test_of_many_slices_only_those_in_sight_are_computed(studio: Studio) -> None:
    store = Store()
    store.dispatch(AddNode("UnstructuredMatrix", id="u", name="us", connect=(V, None)))
    store.dispatch(SetArgument("u", "n", 10))
    assert len(store.parameters()) == 55  # no more than the dock lists at once
    page = studio.page
    with studio.choosing(
        {"name": "many.json", "mimeType": "application/json", "buffer": store.save_text().encode()}
    ):
        studio.button("Open").click()
    dock = page.get_by_label("V and its derivatives")
    expect(dock.get_by_role("img")).to_have_count(56)
    painted(picture(page, "V"))
    slices = "[...bus.tiles.keys()].filter((key) => key.startsWith('slice:')).length"
    wait(page, f"{slices} > 2")
    assert bus(page, slices) < 20
    last = store.parameters()[-1].path
    studio.button("Show V large").focus()
    page.keyboard.press("End")
    wait(page, f"bus.tiles.has('slice:{last}')")
    assert bus(page, slices) < 40


# --- derivatives ---


def test_derivatives_are_taken_by_theta_or_by_the_natural_values(alpha: Studio) -> None:
    page = alpha.page
    by = page.get_by_role("group", name="Differentiate by")
    expect(by.get_by_role("button", name="by θ")).to_have_attribute("aria-pressed", "true")
    by.get_by_role("button", name="natural").click()
    expect(picture(page, "∂V/∂σ² of residual")).to_be_visible()
    by.get_by_role("button", name="by θ").click()
    expect(picture(page, "∂V/∂θ, σ² of residual")).to_be_visible()
