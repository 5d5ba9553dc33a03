"""Undo and redo, by keys and by buttons: the file is at each depth what it was there, to the letter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.studio.browser import EXAMPLE, Studio, box_of

Step = Callable[[Studio], None]


def saved(studio: Studio) -> str:
    """The model with its table, as a file."""
    studio.settled()
    with studio.page.expect_download() as saving:
        studio.page.keyboard.press("Control+s")
    return Path(saving.value.path()).read_text(encoding="utf-8")


def use_the_table(studio: Studio) -> None:
    panel = studio.show("Data")
    panel.get_by_role("button", name=EXAMPLE).click()
    panel.get_by_role("button", name="Use this table").click()
    expect(panel.get_by_text("in use", exact=True)).to_be_visible()


def change_a_role(studio: Studio) -> None:
    studio.show("Data").get_by_role("combobox", name="Role of plot").select_option("factor")


def take_a_template(studio: Studio) -> None:
    studio.use_template()


def set_the_title(studio: Studio) -> None:
    studio.page.get_by_label("Model title").fill("Oats in June")
    studio.page.keyboard.press("Enter")


def move_a_slider(studio: Studio) -> None:
    studio.select("residual")
    studio.drag_slider("residual/sigma^2", [0.3, 0.7])


def move_a_card(studio: Studio) -> None:
    box = box_of(studio.node("residual"))
    with studio.dragging(studio.node("residual")) as to_point:
        to_point((box["x"] + box["width"] / 2 - 70, box["y"] + box["height"] / 2 + 40))


def fit_it(studio: Studio) -> None:
    studio.fit()


def drop_an_autoregression(studio: Studio) -> None:
    studio.drag_from_palette("First-order autoregressive", studio.node("genotype variance"))
    expect(studio.node("AR1")).to_be_visible()


def rename_it(studio: Studio) -> None:
    studio.node("AR1").press("F2")
    studio.page.keyboard.type("time")
    studio.page.keyboard.press("Enter")
    expect(studio.node("time")).to_be_visible()


def remove_a_node(studio: Studio) -> None:
    studio.node("block").press("Delete")
    expect(studio.node("block")).to_have_count(0)


def write_fixed_effects(studio: Studio) -> None:
    studio.show("Fit").get_by_role("textbox", name="Fixed effects", exact=True).fill("1+rep+block")
    studio.page.keyboard.press("Tab")


STEPS: tuple[Step, ...] = (
    use_the_table,
    change_a_role,
    take_a_template,
    set_the_title,
    move_a_slider,
    move_a_card,
    fit_it,
    drop_an_autoregression,
    rename_it,
    remove_a_node,
    write_fixed_effects,
)


def by_key_and_button(page: Page, command: str, depth: int) -> None:
    """One step back or forth, by its keys at every second depth and by its button at the others."""
    if depth % 2 == (command == "Undo"):
        page.keyboard.press("Control+z" if command == "Undo" else "Control+Shift+z")
    else:
        page.get_by_role("button", name=command, exact=True).click()
        page.evaluate("document.activeElement.blur()")


def test_every_depth_is_what_it_was(studio: Studio) -> None:
    page = studio.page
    files = [saved(studio)]
    for step in STEPS:
        step(studio)
        files.append(saved(studio))
        assert files[-1] != files[-2], step.__name__
    studio.model()
    page.evaluate("document.activeElement.blur()")  # a text has an undo of its own
    for depth in reversed(range(len(STEPS))):
        by_key_and_button(page, "Undo", depth)
        assert saved(studio) == files[depth], f"undo of {STEPS[depth].__name__}"
    expect(studio.button("Undo")).to_be_disabled()
    for depth in range(len(STEPS)):
        by_key_and_button(page, "Redo", depth)
        assert saved(studio) == files[depth + 1], f"redo of {STEPS[depth].__name__}"
    expect(studio.button("Redo")).to_be_disabled()
