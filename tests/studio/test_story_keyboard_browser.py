"""The story of the README by keyboard alone, from an empty page, and how many keys it takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.studio.browser import Studio
from tests.studio.story import FIXED, VARIANCES
from tests.studio.test_story import cell

#: Every key that goes down counts, Shift, Ctrl and Alt as well.
MOST = 150
COUNT = """
    window.keysPressed = 0;
    window.pointersPressed = 0;
    window.addEventListener("keydown", ({ isTrusted }) => { window.keysPressed += isTrusted; }, true);
    window.addEventListener("pointerdown", () => { window.pointersPressed += 1; }, true);
"""
SHIFTED = '~!@#$%^&*()_+{}|:"<>?'

#: What is typed into the search for each piece; each goes into the next free slot of what is being filled.
PIECES = ("sum", "zgz", "inc", "idv", "zgz", "inc", "idv", "idv")


class Keyboard:
    """A person at the keyboard, who sees what each step leads to before the next."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self._page.keyboard.press(key)

    def write(self, text: str) -> None:
        """Type a text as on a keyboard, where some signs take Shift."""
        for sign in text:
            if sign in SHIFTED or sign.isupper():
                self._page.keyboard.down("Shift")
                self._page.keyboard.press(sign)
                self._page.keyboard.up("Shift")
            else:
                self._page.keyboard.press(sign)

    @property
    def count(self) -> int:
        """How many keys went down so far."""
        count: int = self._page.evaluate("window.keysPressed")
        return count


def test_the_story_by_keyboard_alone(page: Page, server_url: str) -> None:
    page.add_init_script(COUNT)
    studio = Studio(page, server_url).open()
    keys = Keyboard(page)
    assert keys.count == 0

    load_the_table(studio, keys)
    draw_the_model(studio, keys)
    finish_its_nodes(studio, keys)
    fit_it(studio, keys)
    take_it_along(studio, keys)

    # The sliders stand at the estimates; Undo takes them back.
    keys.press("Alt+1")
    expect(studio.value("residual/sigma^2")).to_have_value(re.compile("^0.0816"))
    keys.press("Control+z", "Control+z")  # the heritability is a step, too
    expect(studio.value("residual/sigma^2")).not_to_have_value(re.compile("^0.0816"))

    assert page.evaluate("window.pointersPressed") == 0
    count = keys.count
    print(f"{count} keys")
    assert count < MOST


def load_the_table(studio: Studio, keys: Keyboard) -> None:
    """The built-in example, confirmed."""
    keys.press("/")
    expect(studio.page.get_by_role("searchbox", name="Find a structure")).to_be_focused()
    keys.write("oats")
    keys.press("Enter")
    data = studio.panel("Data")
    expect(data.get_by_role("button", name="Use this table")).to_be_focused()
    keys.press("Enter")
    expect(data.get_by_text("in use", exact=True)).to_be_visible()


def draw_the_model(studio: Studio, keys: Keyboard) -> None:
    """V = a sum of two Z G Z' with their matrices, and a residual."""
    page = studio.page
    keys.press("/")
    expect(page.get_by_role("searchbox", name="Find a structure")).to_be_focused()
    for count, word in enumerate(PIECES, 2):
        keys.write(word)
        keys.press("Enter")
        expect(studio.nodes()).to_have_count(count)
        studio.settled()
    keys.press("Escape", "Escape")
    expect(studio.node("Sum")).to_be_focused()
    keys.press("w")
    expect(page.get_by_role("menuitem", name="Wire into V")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("group", name="Wire from Sum into V", exact=True)).to_be_attached()
    expect(studio.node("Sum")).to_be_focused()


def finish_its_nodes(studio: Studio, keys: Keyboard) -> None:
    """Genotypes, blocks within replicates, residual: names and columns; and a slider is moved."""
    page = studio.page

    def walk(arrow: str) -> None:
        keys.press(arrow)
        studio.settled()

    def name(text: str) -> None:
        keys.press("F2")
        keys.write(text)
        keys.press("Enter")
        expect(studio.node(text)).to_be_focused()

    def choose(column: str) -> None:
        box = page.get_by_role("checkbox", name=column, exact=True)
        for _ in range(8):
            if box.evaluate("(box) => box.getRootNode().activeElement === box"):
                break
            keys.press("Tab")
        keys.press("Space")
        expect(box).to_be_checked()

    walk("ArrowLeft")
    name("genotype")
    walk("ArrowLeft")
    keys.press("Enter")
    choose("gen")
    keys.press("Escape")
    walk("ArrowRight")
    expect(studio.node("genotype")).to_be_focused()
    walk("ArrowDown")
    walk("ArrowLeft")
    keys.press("Enter")
    choose("rep")
    choose("block")
    keys.press("Escape")
    walk("ArrowRight")
    walk("ArrowDown")
    name("residual")
    expect(studio.node("V")).to_have_accessible_name(re.compile("72 × 72"))
    before = studio.value("residual/sigma^2").input_value()
    keys.press("Enter")
    expect(studio.slider("residual/sigma^2")).to_be_focused()
    keys.press("Shift+ArrowRight")
    expect(studio.value("residual/sigma^2")).not_to_have_value(before)


def fit_it(studio: Studio, keys: Keyboard) -> None:
    """By REML, with replicates as fixed effects; every table as csv; and the heritability."""
    panel = studio.panel("Fit")
    keys.press("Alt+4")
    expect(panel.get_by_label("Response")).to_have_value("yield")
    keys.press("Tab", "Tab")
    expect(panel.get_by_role("textbox", name="Fixed effects", exact=True)).to_be_focused()
    keys.write("1+rep")
    keys.press("Control+Enter")
    results = panel.get_by_role("region", name="Results")
    expect(results.get_by_role("heading", name="Converged")).to_be_focused()
    expect(results.get_by_text(re.compile("46.5969")).first).to_be_visible()
    variances = results.get_by_label("Variance components", exact=True)
    assert cell(variances, "residual · σ²", 1) == pytest.approx(VARIANCES["residual/sigma^2"], abs=6e-7)
    fixed = results.get_by_label("Fixed effects", exact=True)
    assert cell(fixed, "rep[R2]", 1) == pytest.approx(FIXED["rep[R2]"][0], abs=6e-7)
    keys.press("Tab")
    expect(results.get_by_role("button", name="Download all")).to_be_focused()
    with studio.page.expect_download() as saving:
        keys.press("Enter")
    assert Path(saving.value.path()).stat().st_size > 0
    keys.press("=")
    expect(panel.get_by_label("New quantity")).to_be_focused()
    keys.write("h2=genotype/(genotype+residual)")
    keys.press("Enter")
    found = VARIANCES["genotype/g/sigma^2"]
    expected = found / (found + VARIANCES["residual/sigma^2"])
    expect(panel.get_by_role("row", name="h2")).to_contain_text(f"{expected:.3f}")


def take_it_along(studio: Studio, keys: Keyboard) -> None:
    """The model with its table as a file, and the program on the clipboard."""
    page = studio.page
    with page.expect_download() as saving:
        keys.press("Control+s")
    assert "john_alpha" in Path(saving.value.path()).read_text(encoding="utf-8")
    keys.press("Alt+5")
    copy = page.get_by_role("button", name="Copy code")
    expect(copy).to_be_visible()
    for _ in range(4):
        if copy.evaluate("(button) => button.getRootNode().activeElement === button"):
            break
        keys.press("Tab")
    keys.press("Enter")
    expect(page.get_by_text("Copied to the clipboard")).to_be_attached()
    assert "genotype" in page.evaluate("navigator.clipboard.readText()")
