"""The canvas in a real Chromium, by mouse and by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.studio.browser import Point, Studio, box_of, centre
from tests.studio.canvas_actions import (
    PIECES,
    PROPAGATION,
    SELECTED,
    connect,
    drawn,
    free,
    head,
    redo,
    title,
    trial,
    undo,
    wire,
)

# --- selecting, removing, copying, naming ---


def test_delete_is_one_step_with_all_its_wires(started: Studio) -> None:
    page = started.page
    head(started, "genotype")
    page.keyboard.press("Delete")
    drawn(started, PIECES, PIECES - 3)
    expect(started.node("genotype")).to_have_count(0)
    expect(started.node("genotype design")).to_be_visible()
    undo(page)
    drawn(started, PIECES + 1, PIECES)
    redo(page)
    drawn(started, PIECES, PIECES - 3)


def test_a_selected_wire_is_deleted_alone(started: Studio) -> None:
    page = started.page
    wire(started, "residual", "Sum").focus()
    page.keyboard.press("Enter")
    expect(wire(started, "residual", "Sum")).to_have_class(SELECTED)
    page.keyboard.press("Backspace")
    expect(wire(started, "residual", "Sum")).to_have_count(0)
    drawn(started, PIECES + 1, PIECES - 1)


def test_keys_that_are_typed_are_not_the_canvases(started: Studio) -> None:
    page = started.page
    head(started, "residual")
    started.item("Sum").hover()  # with the pointer on the canvas the search opens there
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Find a structure")
    expect(search).to_be_focused()
    page.keyboard.type("wad")
    for key in ("Backspace", "Delete", "Control+a", "Control+d"):
        page.keyboard.press(key)
    expect(search).to_have_value("wa")
    started.settled()
    drawn(started, PIECES + 1, PIECES)
    expect(started.page.locator(".react-flow__node.selected")).to_have_count(1)


def test_all_are_selected_and_copied_by_keyboard(started: Studio) -> None:
    page = started.page
    count = PIECES + 1
    head(started, "genotype")
    page.keyboard.press("Control+d")
    expect(started.nodes()).to_have_count(count + 3)
    expect(started.node("genotype 2")).to_have_class(SELECTED)
    expect(wire(started, "genotype variance 2", "genotype 2")).to_be_attached()
    page.keyboard.press("Control+a")
    expect(page.locator(".react-flow__node.selected")).to_have_count(count + 2)  # V is no node of the model
    page.keyboard.press("Escape")
    expect(page.locator(".react-flow__node.selected")).to_have_count(0)
    undo(page)
    expect(started.nodes()).to_have_count(count)


def test_all_are_selected_and_removed_at_once(started: Studio) -> None:
    head(started, "genotype")
    started.page.locator(".react-flow").evaluate(
        """flow => {
            const press = (key, ctrlKey) => flow.dispatchEvent(
                new KeyboardEvent("keydown", {key, ctrlKey, bubbles: true, composed: true})
            );
            press("a", true);
            press("Delete", false);
        }"""
    )
    expect(started.nodes()).to_have_count(1)
    undo(started.page)
    expect(started.nodes()).not_to_have_count(1)


def test_a_node_is_renamed_on_its_card_and_markup_stays_text(started: Studio) -> None:
    page = started.page
    started.node("residual").dblclick(position={"x": 60, "y": 14})
    field = started.node("residual").get_by_role("textbox", name="Name")
    expect(field).to_be_focused()
    field.fill("<img src=x onerror=alert(1)>")
    field.press("Enter")
    renamed = started.node("<img src=x onerror=alert(1)>")
    expect(renamed).to_contain_text("<img src=x onerror=alert(1)>")
    expect(renamed.locator("img")).to_have_count(0)
    head(started, "block")
    page.keyboard.press("F2")
    expect(started.node("block").get_by_role("textbox", name="Name")).to_be_focused()
    page.keyboard.type("blocks")
    page.keyboard.press("Escape")
    started.settled()
    expect(started.node("block")).to_be_visible()
    undo(page)
    expect(started.node("residual")).to_be_visible()


# --- moving and looking ---


def test_a_move_is_undone_and_redone(started: Studio) -> None:
    page = started.page
    start = centre(started.node("residual"))
    head_at = (box_of(started.node("residual"))["x"] + 60, box_of(started.node("residual"))["y"] + 14)
    page.mouse.move(*head_at)
    page.mouse.down()
    page.mouse.move(head_at[0] + 5, head_at[1] + 5)
    page.mouse.move(head_at[0] + 90, head_at[1] - 40, steps=8)
    page.mouse.up()
    expect(started.button("Undo")).to_have_attribute("aria-description", re.compile("Move residual"))
    started.settled()
    moved = centre(started.node("residual"))
    assert moved[0] == pytest.approx(start[0] + 90, abs=6)
    undo(page)
    expect(started.button("Redo")).to_have_attribute("aria-description", re.compile("Move residual"))
    expect_at(started, "residual", start)
    redo(page)
    expect_at(started, "residual", moved)


def expect_at(studio: Studio, name: str, point: Point) -> None:
    """Wait until a node's middle is there."""
    studio.page.wait_for_function(
        """([node, x, y]) => {
            const box = node.getBoundingClientRect();
            return Math.abs(box.x + box.width / 2 - x) < 2 && Math.abs(box.y + box.height / 2 - y) < 2;
        }""",
        arg=[studio.node(name).element_handle(), *point],
    )


def test_shift_and_arrow_keys_move_and_a_run_of_them_is_one_step(started: Studio) -> None:
    page = started.page
    start = centre(started.node("residual"))
    head(started, "residual")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    expect(started.button("Undo")).to_have_attribute("aria-description", re.compile("Move residual"))
    started.settled()
    assert centre(started.node("residual"))[0] > start[0] + 10
    undo(page)
    expect_at(started, "residual", start)


def test_tidying_lays_the_model_out_and_shows_all_of_it(studio: Studio) -> None:
    page = studio.page
    x, y = free(studio)
    studio.drag_from_palette("Sum", (x, y))
    for slot, kind in (("1", "Identity"), ("2", "Diagonal")):
        studio.drag_from_palette(kind, studio.slot("Sum", slot))
        expect(wire(studio, kind, "Sum")).to_be_attached()
    connect(studio, "Sum", studio.slot("V", "V"))
    expect(wire(studio, "Sum", "V")).to_be_attached()
    studio.button("Tidy up").click()
    expect(studio.button("Undo")).to_have_attribute("aria-description", re.compile("Tidy up"))
    page.wait_for_function(
        """(nodes) => {
            const [identity, diagonal, sum, v] = nodes.map((node) => node.getBoundingClientRect());
            return Math.abs(identity.x - diagonal.x) < 1 && identity.right < sum.x && sum.right < v.x;
        }""",
        arg=[studio.node(name).element_handle() for name in ("Identity", "Diagonal", "Sum", "V")],
    )
    studio.settled()
    canvas = box_of(page.get_by_role("region", name="Model", exact=True))
    for name in ("Identity", "Diagonal", "Sum", "V"):
        box = box_of(studio.node(name))
        assert canvas["x"] <= box["x"]
        assert box["x"] + box["width"] <= canvas["x"] + canvas["width"]
        assert canvas["y"] <= box["y"]
        assert box["y"] + box["height"] <= canvas["y"] + canvas["height"]


def test_a_picture_follows_a_parameter_and_a_click_shows_it_large(studio: Studio) -> None:
    page = studio.page
    trial(studio, "Repeated measures")
    card = studio.node("over time")
    picture = card.get_by_role("img", name="Heatmap of over time")
    expect(picture).to_have_attribute("data-seq", re.compile(r"\d+"))
    studio.select("over time")
    studio.settled()
    before = picture.evaluate("canvas => canvas.toDataURL()")
    field = studio.page.locator('[data-number$="rho"]')
    field.fill("0.9")
    field.press("Enter")
    expect(card).to_contain_text("0.9")
    page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before", arg=[picture.element_handle(), before]
    )
    picture.click()
    expect(card.locator("[data-focused]")).to_be_visible()


# --- the menu: wiring without a mouse ---


def test_a_node_is_wired_by_keyboard_alone(studio: Studio) -> None:
    page = studio.page
    page.keyboard.press("/")
    page.keyboard.type("sum")
    page.keyboard.press("Enter")
    expect(studio.node("Sum")).to_have_class(SELECTED)
    studio.node("Sum").focus()
    page.keyboard.press("Shift+F10")
    menu = page.get_by_role("menu", name="Actions for Sum")
    items = menu.get_by_role("menuitem")
    expect(items.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(items.nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    page.keyboard.press("w")  # what it may be wired into, alone
    menu = page.get_by_role("menu", name="Wire Sum")
    expect(menu.get_by_role("menuitem", name="Wire into V")).to_be_focused()
    page.keyboard.press("Enter")
    expect(wire(studio, "Sum", "V")).to_be_attached()
    expect(menu).to_be_hidden()
    expect(studio.node("Sum")).to_be_focused()


def test_the_menu_says_of_a_slot_that_does_not_fit_why(alpha: Studio) -> None:
    page = alpha.page
    alpha.node("genotype design").click(button="right", position={"x": 60, "y": 14})
    menu = page.get_by_role("menu", name="Actions for genotype design")
    refused = menu.get_by_role("menuitem", name=re.compile("^Sum: .*72 × 24"))
    expect(refused).to_have_attribute("data-refused", "true")
    menu.get_by_role("menuitem", name="Take out of its slot").click()
    expect(wire(alpha, "genotype design", "genotype")).to_have_count(0)
    head(alpha, "genotype design")
    alpha.node("genotype design").get_by_role("button", name="Actions for genotype design").click()
    menu.get_by_role("menuitem", name="Wire into genotype · z").click()
    expect(wire(alpha, "genotype design", "genotype")).to_be_attached()
    alpha.node("residual").click(button="right", position={"x": 60, "y": 14})
    page.get_by_role("menuitem", name="Delete").click()
    expect(alpha.node("residual")).to_have_count(0)


def test_a_problem_is_said_on_the_node_it_concerns(studio: Studio) -> None:
    studio.item(title("CovariancePropagation")).click()
    badge = studio.node(PROPAGATION).get_by_role("button", name=re.compile("^To do: .*needs"))
    expect(badge).to_be_visible()
    badge.hover()
    expect(badge.locator("..")).to_have_attribute("data-explain", re.compile("drag"))
    badge.click()
    troubles = studio.page.get_by_role("dialog", name=f"Problems of {PROPAGATION}")
    troubles.get_by_role("button", name="Add g…").click()
    search = studio.page.get_by_role("dialog", name="Add what goes in here")
    expect(search.get_by_role("combobox")).to_be_focused()
    studio.page.keyboard.press("Escape")


def test_a_problem_is_mended_on_its_node_by_one_named_step(studio: Studio) -> None:
    studio.use_example()
    studio.item(title("DummyMatrix")).click()
    card = studio.node("Design")
    expect(card).to_contain_text("choose one or more columns")
    card.get_by_role("button", name="Use gen").click()
    expect(card).to_contain_text("72 × 24")
    expect(studio.button("Undo")).to_have_attribute("aria-description", "Undo: Use gen (Ctrl Z)")


@pytest.mark.parametrize("size", [(1024, 768), (480, 800)])
def test_a_small_window_shows_the_whole_model(started: Studio, size: tuple[int, int]) -> None:
    page = started.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    started.button("Show everything").click()
    for node in started.nodes().all():
        expect(node).to_be_in_viewport(ratio=0.99)  # what the canvas cuts off counts as outside


def test_a_template_and_what_follows_stay_whole_until_somebody_looks_at_a_part(studio: Studio) -> None:
    page = studio.page

    def all_seen() -> None:
        for node in studio.nodes().all():
            expect(node).to_be_in_viewport(ratio=0.99)

    studio.item("Sum").click()  # selected, and by its id a node of the template, too
    studio.settled()
    studio.use_template()
    expect(studio.nodes()).to_have_count(9)
    all_seen()
    page.locator(".react-flow__pane").click(position={"x": 20, "y": 20})  # a click looks at nothing
    studio.item("Sum").click()
    expect(studio.nodes()).to_have_count(10)
    page.set_viewport_size({"width": 1024, "height": 768})
    all_seen()
    mark = box_of(page.locator(".react-flow__attribution"))
    for node in studio.nodes().all():
        card = box_of(node)
        over = card["x"] < mark["x"] + mark["width"] and mark["x"] < card["x"] + card["width"]
        assert not over or card["y"] + card["height"] <= mark["y"]
    studio.button("Zoom in").click()
    studio.button("Zoom in").click()
    page.set_viewport_size({"width": 900, "height": 768})
    expect(studio.node("genotype design")).not_to_be_in_viewport(ratio=0.99)
