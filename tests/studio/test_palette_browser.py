"""The palette in a real Chromium: found, dragged and wired, by mouse and by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from covstudio.covariance import catalogue
from tests.studio.browser import Studio, box_of
from tests.studio.canvas_actions import (
    FITS,
    HADAMARD,
    KRONECKER,
    PIECES,
    PROPAGATION,
    SELECTED,
    connect,
    free,
    redo,
    title,
    undo,
    wire,
    wires,
)

# --- palette ---


@pytest.mark.parametrize(
    ("word", "kind", "via"),
    [("idv", "ScalarMatrix", "ASReml idv"), ("CS", "CompoundSymmetricMatrix", "SAS CS")],
)
def test_a_structure_is_found_by_what_another_system_calls_it(
    studio: Studio, word: str, kind: str, via: str
) -> None:
    search = studio.page.get_by_role("searchbox", name="Find a structure")
    search.fill(word)
    found = studio.page.get_by_label("Palette", exact=True).locator("[data-kind]")
    expect(found.first).to_have_attribute("data-kind", kind)
    expect(found.first).to_contain_text(via)


def test_ctrl_enter_in_the_palette_fits_and_adds_nothing(alpha: Studio) -> None:
    page = alpha.page
    search = page.get_by_role("searchbox", name="Find a structure")
    hadamard = alpha.item(title("HadamardProduct"))
    before = alpha.nodes().count()
    search.fill("hadam")
    search.press("Control+Enter")
    expect(alpha.panel("Fit").get_by_role("region", name="Results")).to_be_visible(timeout=60_000)
    page.keyboard.press("Alt+1")
    search.fill("hadam")
    search.press("ArrowDown")
    for keys in ("Control+ArrowUp", "Alt+Enter"):
        page.keyboard.press(keys)
        expect(hadamard).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(hadamard).to_be_hidden()  # the results are shown
    alpha.settled()
    expect(alpha.nodes()).to_have_count(before)


def test_the_palette_works_by_keyboard_alone(studio: Studio) -> None:
    page = studio.page
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Find a structure")
    expect(search).to_be_focused()
    page.keyboard.type("hadam")
    page.keyboard.press("ArrowDown")
    expect(studio.item(title("HadamardProduct"))).to_be_focused()
    expect(page.get_by_role("tooltip")).to_contain_text("HadamardProduct")
    page.keyboard.press("Enter")
    expect(studio.node(HADAMARD)).to_have_class(SELECTED)
    page.keyboard.press("ArrowUp")
    expect(search).to_be_focused()
    page.keyboard.press("Enter")
    expect(studio.nodes()).to_have_count(3)
    page.keyboard.press("Control+z")  # what it added is taken back, not its words
    expect(studio.nodes()).to_have_count(2)
    expect(search).to_have_value("hadam")
    page.keyboard.press("Escape")
    expect(search).to_have_value("")
    search.fill("zzz")
    expect(page.get_by_text("Nothing is called “zzz”.")).to_be_visible()


def test_a_category_folds_to_its_pictures_and_stays_so(studio: Studio) -> None:
    page = studio.page
    palette = page.get_by_label("Palette", exact=True)
    fold = palette.get_by_role("button", name=re.compile("^Time series"))
    item = studio.item(title("AR1Matrix"))
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(item).not_to_contain_text(title("AR1Matrix"))
    item.hover()
    tooltip = page.get_by_role("tooltip")
    expect(tooltip).to_contain_text(title("AR1Matrix"))
    expect(tooltip.locator("math")).to_be_visible()
    fold.click()
    expect(item).to_contain_text(title("AR1Matrix"))
    studio.reload()
    expect(item).to_contain_text(title("AR1Matrix"))
    palette.get_by_role("button", name="Show all names").click()
    expect(palette.get_by_role("button", expanded=False)).to_have_count(0)
    palette.get_by_role("button", name="Pictures only").click()
    expect(palette.get_by_role("button", expanded=True)).to_have_count(0)
    expect(palette.locator("[data-kind]")).to_have_count(sum(entry.palette for entry in catalogue()))


def test_a_picture_alone_can_be_dragged(studio: Studio) -> None:
    item = studio.item(title("AR1Matrix"))
    expect(item).not_to_contain_text(title("AR1Matrix"))
    studio.drag_from_palette(title("AR1Matrix"), studio.slot("V", "V"))
    expect(wire(studio, "AR1", "V")).to_be_attached()


def test_entries_fill_the_slots_of_the_selected_operator(studio: Studio) -> None:
    studio.item(title("KroneckerProduct")).click()
    expect(studio.node(KRONECKER)).to_have_class(SELECTED)
    expect(studio.page.get_by_label("Name", exact=True)).to_have_value(KRONECKER)
    studio.item("Identity").click()
    expect(studio.node("Identity")).to_be_visible()
    expect(wire(studio, "Identity", KRONECKER)).to_be_attached()
    studio.item("Diagonal").click()
    expect(wire(studio, "Diagonal", KRONECKER)).to_be_attached()
    expect(studio.node(KRONECKER)).to_contain_text("16 × 16")


# --- dragging from the palette and wiring ---


def test_a_model_is_built_with_the_mouse(studio: Studio) -> None:
    x, y = free(studio)
    studio.drag_from_palette("Sum", (x, y - 160))
    expect(studio.node("Sum")).to_be_visible()
    expect(studio.page.get_by_text("Build a covariance, piece by piece")).to_be_hidden()
    connect(studio, "Sum", studio.slot("V", "V"))
    expect(wire(studio, "Sum", "V")).to_be_attached()
    studio.drag_from_palette("Identity", studio.slot("Sum", "1"))
    expect(wire(studio, "Identity", "Sum")).to_be_attached()
    studio.drag_from_palette("Diagonal", studio.node("Sum"))  # on the card: its next free slot
    expect(wire(studio, "Diagonal", "Sum")).to_be_attached()
    expect(studio.slot("Sum", "3")).to_be_visible()
    expect(studio.node("V")).to_contain_text("4 × 4")
    expect(studio.node("V").get_by_role("img", name="Heatmap of V")).to_have_attribute(
        "data-seq", re.compile(r"\d+")
    )
    for left in (2, 1, 0):
        undo(studio.page)
        expect(wires(studio)).to_have_count(left)
    redo(studio.page)
    expect(wire(studio, "Sum", "V")).to_be_attached()


def test_what_is_dragged_says_where_it_would_go(studio: Studio) -> None:
    studio.item(title("CovariancePropagation")).click()
    expect(studio.node(PROPAGATION)).to_have_class(SELECTED)
    item = studio.item("Identity")
    item.scroll_into_view_if_needed()
    with studio.dragging(item) as to_point:
        to_point(free(studio))
        expect(studio.page.get_by_text("Drop to place it here")).to_be_visible()
        to_point(studio.slot(PROPAGATION, "g"))
        expect(studio.page.get_by_text(f"Drop to wire it into {PROPAGATION}, slot g")).to_be_visible()
    expect(wire(studio, "Identity", PROPAGATION)).to_be_attached()


def test_a_wrong_shape_is_refused_and_the_reason_shows_while_dragging(alpha: Studio) -> None:
    slot = alpha.slot("Sum", "4")
    with alpha.dragging(alpha.output("genotype design")) as to_point:
        to_point(slot)
        expect(slot).to_have_attribute(FITS, "no")
        for shape in ("72 × 72", "72 × 24"):
            expect(slot).to_have_attribute("data-explain", re.compile(shape))
        expect(slot).to_have_css("background-color", "rgb(189, 50, 43)")
        alpha.page.wait_for_function(
            """node => {
                const shown = JSON.parse(getComputedStyle(node, "::after").content);
                return node.matches(":hover") && shown === node.getAttribute("data-explain");
            }""",
            arg=slot.element_handle(),
        )
    expect(slot).not_to_have_attribute(FITS, "no")
    alpha.settled()
    expect(wires(alpha)).to_have_count(PIECES)
    expect(wire(alpha, "genotype design", "genotype")).to_be_attached()


def test_a_wire_let_go_on_a_card_takes_its_next_free_slot_or_says_why_not(studio: Studio) -> None:
    x, y = free(studio)
    studio.drag_from_palette("Sum", (x, y - 160))
    studio.drag_from_palette("Identity", (x, y))
    with studio.dragging(studio.output("Identity")) as to_point:
        box = box_of(studio.node("Sum"))
        to_point((box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.8))
    expect(wire(studio, "Identity", "Sum")).to_be_attached()
    with studio.dragging(studio.output("Sum")) as to_point:
        box = box_of(studio.node("Identity"))
        to_point((box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.8))
    expect(studio.notice("Identity")).to_be_visible()
    expect(wires(studio)).to_have_count(1)


def test_an_operand_moves_to_another_slot_and_what_was_there_stays_loose(started: Studio) -> None:
    connect(started, "residual", started.slot("genotype", "g"))
    expect(wire(started, "residual", "genotype")).to_be_attached()
    expect(wire(started, "residual", "Sum")).to_have_count(0)
    expect(wire(started, "genotype variance", "genotype")).to_have_count(0)
    expect(started.node("genotype variance")).to_be_visible()
    undo(started.page)
    expect(wire(started, "residual", "Sum")).to_be_attached()
    expect(wire(started, "genotype variance", "genotype")).to_be_attached()
