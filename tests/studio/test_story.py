"""The main job, as a plant breeder does it: from an empty page to a fitted, exported and saved model."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.studio.browser import EXAMPLE, Studio, box_of
from tests.studio.conftest import Lent
from tests.studio.story import (
    CALLED,
    FACTORS,
    FIXED,
    LOGLIK,
    PIECES,
    TABLE,
    VARIANCES,
    Shell,
    check_program,
    forked,
    plain,
)


def build_with_the_mouse(studio: Studio) -> None:
    """Drag every piece onto an empty place of the canvas, name it, and draw its wire."""
    page = studio.page
    canvas = page.get_by_role("region", name="Model", exact=True)
    box = box_of(canvas)
    empty = (box["x"] + 0.7 * box["width"], box["y"] + 0.86 * box["height"])  # below V
    for count, (title, name, (parent, slot)) in enumerate(PIECES, 2):
        studio.drag_from_palette(title, empty)
        expect(studio.nodes()).to_have_count(count)
        studio.settled()  # the inspector shows it, too
        field = page.get_by_label("Name", exact=True)
        field.fill(name)
        field.press("Enter")
        expect(studio.node(name)).to_be_visible()
        studio.wire(name, parent, slot)
        studio.button("Tidy up").click()
        expect(studio.node(name)).to_be_in_viewport(ratio=0.9)


def painted(picture: Locator) -> str:
    """What a heatmap shows now, to the pixel."""
    return picture.evaluate("canvas => canvas.toDataURL()")


def repainted(picture: Locator, before: str) -> None:
    """Wait until a heatmap shows something else."""
    picture.page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before", arg=[picture.element_handle(), before]
    )


def cell(region: Locator, row: str, column: int) -> float:
    """A number of a table, by the name in its row; a short cell has all its digits in its hint."""
    found = region.get_by_role("row").filter(has=region.page.get_by_text(row, exact=True)).get_by_role("cell")
    text = found.nth(column).get_attribute("title") or found.nth(column).inner_text()
    return float(text.replace("−", "-"))


def test_from_palette_to_fit(studio: Studio, lent: Lent, tmp_path: Path) -> None:
    page = studio.page
    expect(page.get_by_text("Build a covariance, piece by piece")).to_be_visible()
    data = studio.show("Data")
    data.get_by_role("button", name=EXAMPLE).click()
    confirm_roles(data)

    # The model, drawn with the mouse.
    studio.show("Inspector")
    build_with_the_mouse(studio)
    for node, columns in FACTORS.items():
        studio.select(node)
        for column in columns:
            page.get_by_role("group", name="Factors", exact=True).get_by_text(column, exact=True).click()
            expect(page.get_by_role("checkbox", name=column, exact=True)).to_be_checked()
    expect(studio.node("V")).to_have_accessible_name(re.compile("72 × 72"))
    expect(studio.node("block variance")).to_have_accessible_name(re.compile("18 × 18"))

    # Sliders move V, every slice that depends on them and the thumbnails on their path, at once.
    studio.node("V").click(position={"x": 60, "y": 14})
    dock = page.get_by_role("list", name="V and its derivatives")
    expect(dock.get_by_role("img")).to_have_count(4)
    moving = [
        dock.get_by_role("img", name="Heatmap of V", exact=True),
        *(studio.node(name).get_by_role("img", name=f"Heatmap of {name}") for name in ("V", "model")),
    ]
    blank = page.evaluate("document.createElement('canvas').toDataURL()")
    for picture in [*moving, *dock.get_by_role("img").all()]:
        repainted(picture, blank)
    studio.settled()
    before = [painted(picture) for picture in moving]
    number = studio.value("genotype/g/sigma^2").input_value()
    studio.drag_slider("genotype/g/sigma^2", [0.55, 0.7, 0.8])
    expect(studio.value("genotype/g/sigma^2")).not_to_have_value(number)
    for picture, pixels in zip(moving, before, strict=True):
        repainted(picture, pixels)
    expect(studio.button("Undo")).to_have_attribute("aria-description", re.compile("σ² of genotype variance"))
    studio.settled()
    dragged = studio.value("genotype/g/sigma^2").input_value()
    assert float(dragged) > float(number)

    fit_and_check(studio)

    # The sliders stand at the estimates; Undo takes them back, Redo forward again.
    studio.show("Inspector")
    for name, value in VARIANCES.items():
        expect(studio.value(name)).to_have_value(re.compile(f"^{re.escape(str(value)[:6])}"))
    studio.button("Undo").click()
    expect(studio.value("genotype/g/sigma^2")).to_have_value(dragged)
    studio.button("Redo").click()
    expect(studio.value("genotype/g/sigma^2")).to_have_value(re.compile(r"^0\.1429"))

    copy_save_and_open(studio, lent, tmp_path, plain)


def test_an_upload_goes_the_same_way(studio: Studio, lent: Lent, tmp_path: Path) -> None:
    data = studio.show("Data")
    data.get_by_label("Upload a csv file").set_input_files(TABLE)
    confirm_roles(data)
    studio.use_template()
    fit_and_check(studio)
    copy_save_and_open(studio, lent, tmp_path, forked)


def confirm_roles(data: Locator) -> None:
    """Columns are guessed, and confirmed by the breeder."""
    expect(data.get_by_label("Role of gen")).to_have_value("factor")
    expect(data.get_by_label("Role of rep")).to_have_value("factor")
    expect(data.get_by_label("Role of yield")).to_have_value("response")
    data.get_by_role("button", name="Use this table").click()
    expect(data.get_by_text("in use", exact=True)).to_be_visible()


def fit_and_check(studio: Studio) -> None:
    """Fit yield ~ rep, and find the numbers of lme4 in every table and file."""
    page = studio.page
    panel = studio.show("Fit")
    expect(panel.get_by_label("Response")).to_have_value("yield")
    panel.get_by_label("Fixed effects").fill("1 + rep")
    panel.get_by_label("Fixed effects").press("Enter")
    expect(panel.get_by_text("3 columns of X")).to_be_visible()
    results = studio.fit()
    expect(results.get_by_text(LOGLIK).first).to_be_visible()
    panel.get_by_text("Iterations", exact=True).click()
    expect(panel.get_by_role("region", name="Iterations").get_by_role("row").nth(3)).to_be_visible()
    variances = results.get_by_label("Variance components", exact=True)
    for name, value in zip(CALLED, VARIANCES.values(), strict=True):
        assert cell(variances, name, 1) == pytest.approx(value, abs=6e-7)
    fixed = results.get_by_label("Fixed effects", exact=True)
    for name, (estimate, error) in FIXED.items():
        assert cell(fixed, name, 1) == pytest.approx(estimate, abs=6e-7)
        assert cell(fixed, name, 2) == pytest.approx(error, abs=6e-7)
    expect(results.get_by_label("Random effects table").get_by_role("row")).not_to_have_count(0)
    for title in ("Variance components", "Fixed effects"):
        with page.expect_download() as download:
            results.get_by_role("button", name=f"Download {title} as csv").click()
        text = Path(download.value.path()).read_text(encoding="utf-8")
        assert "0.1429" in text or "4.5182" in text


def copy_save_and_open(studio: Studio, lent: Lent, folder: Path, run: Shell) -> None:
    """The code runs as a file; the model, saved and opened again, is all there."""
    page = studio.page
    nodes = studio.nodes().count()
    code = studio.show("Code")
    code.get_by_role("button", name="Copy code").click()
    expect(code.get_by_text("Copied to the clipboard")).to_be_attached()
    program = page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as download:
        studio.button("Save").click()
    model = Path(shutil.copy(download.value.path(), folder / download.value.suggested_filename))
    check_program(program, model, folder, run)

    studio = lent()
    expect(studio.nodes()).to_have_count(1)
    studio.page.get_by_label("Open a model file").set_input_files(model)
    expect(studio.nodes()).to_have_count(nodes)
    expect(studio.node("V")).to_have_accessible_name(re.compile("72 × 72"))
    expect(studio.value("block/g/sigma^2")).to_have_value(re.compile(r"^0\.07021"))
    expect(studio.show("Fit").get_by_label("Fixed effects")).to_have_value("1 + rep")
    results = studio.fit()
    expect(results.get_by_text(LOGLIK).first).to_be_visible()
