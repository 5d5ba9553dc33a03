"""Gestures of the canvas in a real Chromium: structures found, inserted, wrapped, swapped, pasted."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.studio.browser import Point, Studio, box_of, centre, copied
from tests.studio.canvas_actions import FITS, PIECES, SELECTED, drawn, free, head, undo, wire


def search(studio: Studio, title: str) -> Locator:
    """The search at the pointer, by its title."""
    return studio.page.get_by_role("dialog", name=title).get_by_role("combobox")


def last_step(studio: Studio, text: str) -> None:
    expect(studio.button("Undo")).to_have_attribute("aria-description", re.compile(re.escape(text)))


def beside(studio: Studio, name: str) -> Point:
    """An empty place right of a node."""
    box = box_of(studio.node(name))
    return box["x"] + box["width"] + 80, box["y"] + box["height"] * 0.9


def on_wire(line: Locator) -> Point:
    """A point near the beginning of a wire, where no other covers it, in pixels of the page."""
    x, y = line.locator(".react-flow__edge-path").evaluate(
        """(path) => {
            const at = path.getPointAtLength(14).matrixTransform(path.getScreenCTM());
            return [at.x, at.y];
        }"""
    )
    return x, y


def test_a_wire_let_go_in_space_finds_what_fits_and_wires_it(started: Studio) -> None:
    page = started.page
    with started.dragging(started.output("residual")) as to_point:
        to_point(beside(started, "residual"))
    field = search(started, "Wire into a new structure")
    expect(field).to_be_focused()
    page.keyboard.type("sca")
    expect(page.get_by_role("option", name="Scale")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    drawn(started, PIECES + 2, PIECES + 1)
    expect(wire(started, "residual", "Scale")).to_be_attached()
    expect(wire(started, "Scale", "Sum")).to_be_attached()
    expect(started.node("Scale")).to_be_focused()
    expect(started.node("Scale")).to_have_class(SELECTED)
    undo(page)
    drawn(started, PIECES + 1, PIECES)


def test_a_double_click_and_a_slash_open_the_search_where_the_pointer_is(studio: Studio) -> None:
    page = studio.page
    x, y = free(studio)
    corner = box_of(page.get_by_role("region", name="Model", exact=True))
    page.mouse.dblclick(corner["x"] + 40, corner["y"] + 40)  # away from the templates of the empty page
    field = search(studio, "Add a structure")
    expect(field).to_be_focused()
    expect(page.get_by_role("option")).not_to_have_count(0)
    assert box_of(field)["height"] >= 24, "the list leaves the field its height"
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)
    page.mouse.move(x, y - 100)
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("sas toep")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(studio.nodes()).to_have_count(2)
    last_step(studio, "Add ")
    added = page.locator(".react-flow__node[aria-label*='Toeplitz']").first
    assert centre(added)[0] - x < 3


def test_an_operator_is_inserted_on_a_wire_and_says_so_while_it_hovers(started: Studio) -> None:
    line = wire(started, "genotype", "Sum")
    item = started.item("Scale")
    item.scroll_into_view_if_needed()
    with started.dragging(item) as to_point:
        to_point(on_wire(line))
        expect(started.page.get_by_text("Drop to insert it between genotype and Sum")).to_be_visible()
    drawn(started, PIECES + 2, PIECES + 1)
    expect(wire(started, "Scale", "Sum")).to_be_attached()
    last_step(started, "Insert Scale between genotype and Sum")


def test_a_matrix_dropped_on_another_takes_its_place_and_an_operator_is_wrapped_around_it(
    started: Studio,
) -> None:
    item = started.item("Diagonal")
    item.scroll_into_view_if_needed()
    with started.dragging(item) as to_point:
        to_point(started.node("residual"))
        expect(started.page.get_by_text("Drop to put it in the place of residual")).to_be_visible()
    expect(started.node("residual")).to_have_count(0)
    expect(wire(started, "Diagonal", "Sum")).to_be_attached()
    item = started.item("Scale")
    item.scroll_into_view_if_needed()
    with started.dragging(item) as to_point:
        to_point(started.node("Diagonal"))
        expect(started.page.get_by_text("Drop to wrap Diagonal in it")).to_be_visible()
    drawn(started, PIECES + 2, PIECES + 1)
    last_step(started, "Wrap Diagonal in Scale")


def test_operands_swap_when_one_is_drawn_into_the_others_slot(started: Studio) -> None:
    slot = started.slot("Sum", "3")
    with started.dragging(started.output("genotype")) as to_point:
        to_point(slot)
        expect(slot).to_have_attribute(FITS, "yes")
        expect(slot).to_have_attribute("data-explain", re.compile("Swap genotype and residual"))
    last_step(started, "Swap genotype and residual")
    drawn(started, PIECES + 1, PIECES)
    started.node("genotype").click(button="right", position={"x": 60, "y": 14})
    started.page.get_by_role("menuitem", name="Swap with residual").click()
    last_step(started, "Swap genotype and residual")


def test_nodes_are_cut_copied_and_pasted_as_text(started: Studio) -> None:
    page = started.page
    head(started, "genotype")
    page.evaluate("navigator.clipboard.writeText('')")  # an earlier test may have copied a program
    page.keyboard.press("Control+c")
    text = copied(page, "covstudio")
    page.keyboard.press("Control+v")
    drawn(started, PIECES + 4, PIECES + 2)
    last_step(started, "Paste genotype")
    undo(page)
    drawn(started, PIECES + 1, PIECES)
    head(started, "residual")
    page.keyboard.press("Control+x")
    expect(started.node("residual")).to_have_count(0)
    last_step(started, "Cut residual")
    copied(page, "residual")
    started.settled()  # nothing of the cut is under way that would write to the clipboard yet
    page.evaluate("text => navigator.clipboard.writeText(text)", text.replace("genotype", "variety"))
    copied(page, "variety")
    page.keyboard.press("Control+v")
    expect(started.node("variety")).to_be_visible()


def test_arrows_lead_to_parent_child_and_sibling(started: Studio) -> None:
    page = started.page
    head(started, "genotype design")
    for key, name in (
        ("ArrowDown", "genotype variance"),
        ("ArrowRight", "genotype"),
        ("ArrowDown", "block"),
        ("ArrowRight", "Sum"),
        ("ArrowRight", "V"),
        ("ArrowLeft", "Sum"),
        ("ArrowLeft", "genotype"),
    ):
        page.keyboard.press(key)
        expect(started.node(name)).to_be_focused()
        expect(started.node(name)).to_have_class(SELECTED)
    expect(page.locator(".react-flow__node.selected")).to_have_count(1)


def test_clicks_with_a_key_add_to_the_selection_and_a_box_selects(started: Studio) -> None:
    page = started.page
    selected = page.locator(".react-flow__node.selected")
    head(started, "residual")
    for count, (name, key) in enumerate((("block", "Control"), ("genotype", "Shift")), 2):
        started.node(name).click(modifiers=[key], position={"x": 60, "y": 14})  # type: ignore[list-item]
        expect(selected).to_have_count(count)
    started.node("block").click(button="right", position={"x": 60, "y": 14})
    expect(page.get_by_role("menu", name="Actions for 3 nodes")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(selected).to_have_count(0)
    started.settled()  # the cards stand still
    box, last = box_of(started.node("genotype design")), box_of(started.node("genotype variance"))
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] - 15, box["y"] - 15)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + 40, steps=4)
    page.mouse.move(last["x"] + last["width"] + 15, last["y"] + last["height"] + 8, steps=6)
    expect(selected).to_have_count(2)  # while the box is still drawn
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(selected).to_have_count(2)


def test_wires_v_and_the_canvas_have_menus(started: Studio) -> None:
    page = started.page
    wire(started, "block", "Sum").focus()
    page.keyboard.press("Shift+F10")
    page.get_by_role("menuitem", name="Take this wire out").click()
    expect(wire(started, "block", "Sum")).to_have_count(0)
    undo(page)
    drawn(started, PIECES + 1, PIECES)
    started.node("V").click(button="right", position={"x": 60, "y": 14})
    page.get_by_role("menuitem", name="Take its matrix out").click()
    expect(wire(started, "Sum", "V")).to_have_count(0)
    page.mouse.click(*beside(started, "residual"), button="right")
    page.get_by_role("menuitem", name="Select all").click()
    expect(page.locator(".react-flow__node.selected")).to_have_count(PIECES)
    page.mouse.click(*on_wire(wire(started, "block design", "block")), button="right")
    page.get_by_role("menuitem", name="Insert a structure…").click()
    expect(search(started, "Insert on this wire")).to_be_focused()
    page.keyboard.type("scale")
    page.keyboard.press("Enter")
    expect(wire(started, "block design", "Scale")).to_be_attached()


def test_keys_are_about_the_card_that_has_the_keyboard(started: Studio) -> None:
    page = started.page
    started.select("residual")
    started.node("block").press("Delete")  # as after Tab: it has the keyboard, and is not selected
    expect(started.node("block")).to_have_count(0)
    expect(started.node("residual")).to_be_attached()
    undo(page)
    drawn(started, PIECES + 1, PIECES)
    started.select("residual")
    started.node("genotype variance").press("Control+d")
    expect(started.node("genotype variance 2")).to_be_attached()
    undo(page)
    drawn(started, PIECES + 1, PIECES)
    started.select("residual")
    before = box_of(started.node("residual"))
    started.node("block variance").press("Shift+ArrowDown")
    expect(started.node("block variance")).to_have_class(SELECTED)
    expect(started.node("residual")).not_to_have_class(SELECTED)
    assert box_of(started.node("residual")) == before
    started.node("V").press("Delete")
    wire(started, "residual", "Sum").press("Delete")
    expect(wire(started, "residual", "Sum")).to_have_count(0)
    drawn(started, PIECES + 1, PIECES - 1)


def test_what_a_menu_wraps_gives_its_place_to_the_operator(started: Studio) -> None:
    page = started.page
    before = box_of(started.node("residual"))
    v = box_of(started.node("V"))
    started.node("residual").click(button="right", position={"x": 60, "y": 14})
    page.get_by_role("menuitem", name="Wrap in…").click()
    page.keyboard.type("scale")
    page.keyboard.press("Enter")
    expect(wire(started, "residual", "Scale")).to_be_attached()
    started.settled()
    scale, residual = box_of(started.node("Scale")), box_of(started.node("residual"))
    across = box_of(started.node("V"))["x"] - v["x"]  # the view may have moved
    down = box_of(started.node("V"))["y"] - v["y"]
    assert (scale["x"], scale["y"]) == pytest.approx((before["x"] + across, before["y"] + down), abs=1)
    assert residual["x"] + residual["width"] < scale["x"]


def test_a_card_that_is_not_complete_says_from_afar_what_it_misses(studio: Studio) -> None:
    page = studio.page
    for title in ("Kronecker product", "Random walk"):
        studio.item(title).click()
        studio.settled()
    missing = {
        "Kronecker Product": page.get_by_role("img", name=re.compile("^Missing in Kronecker Product: ")),
        "Random Walk": page.get_by_role("img", name=re.compile("^Missing in Random Walk: Load a table")),
    }
    for name, picture in missing.items():
        expect(picture).to_have_count(0)  # the words are there
        expect(studio.node(name).get_by_text(re.compile("needs|Load a table")).first).to_be_visible()
    for _ in range(12):
        studio.button("Zoom out").click()
        studio.settled()
        if missing["Random Walk"].count():
            break
    for name, picture in missing.items():
        expect(picture).to_be_visible()
        expect(studio.node(name).get_by_text(name, exact=True)).to_be_visible()
        card, shown = box_of(studio.node(name)), box_of(picture)
        assert shown["height"] > 0.4 * card["height"], f"{name} is blank"
        assert shown["y"] + shown["height"] <= card["y"] + card["height"]


def test_a_button_that_mends_is_cut_at_its_end(studio: Studio) -> None:
    studio.item("Kronecker product").click()
    studio.node("Kronecker Product").press("F2")
    studio.page.keyboard.type("rows by columns of the field trial")
    studio.page.keyboard.press("Enter")
    button = studio.node("V").get_by_role("button", name="Connect rows by columns of the field trial to V")
    expect(button).to_be_visible()
    cut = "(one) => [getComputedStyle(one).textOverflow, getComputedStyle(one).display]"
    assert button.evaluate(cut) == ["ellipsis", "block"]
    assert button.evaluate("(one) => one.scrollWidth > one.clientWidth")
