"""Results where there is room: columns beside each other, pictures of residuals, the keyboard's place."""

from __future__ import annotations

import csv
import io
import re

import pandas as pd
from playwright.sync_api import Locator, expect

from covstudio import fit
from covstudio.document.files.write import dumps
from tests.studio.browser import Studio, box_of, row


def widened(studio: Studio) -> None:
    """Give the results the width of the page, whatever the frame gives them."""
    studio.panel("Fit").evaluate(
        "panel => Object.assign(panel.style, "
        "{position: 'fixed', inset: '90px 0 0 0', zIndex: 60, background: 'var(--cs-surface)'})"
    )


def inside(studio: Studio, part: Locator) -> bool:
    """Whether a part stands on the screen whole."""
    box, screen = box_of(part), studio.page.viewport_size
    assert screen is not None
    return (
        box["x"] >= 0
        and box["y"] >= 0
        and box["x"] + box["width"] <= screen["width"]
        and box["y"] + box["height"] <= screen["height"]
    )


def test_estimates_and_effects_stand_on_the_screen_together(alpha: Studio) -> None:
    panel = alpha.show("Fit")
    widened(alpha)
    results = alpha.panel("Fit").get_by_role("region", name="Results")
    fit = panel.get_by_role("button", name="Fit", exact=True)
    fit.focus()
    fit.press("Enter")
    # The keyboard is where a person looks now: at how the fit ended.
    expect(results.get_by_role("heading", name="Converged")).to_be_focused()
    components = results.get_by_role("region", name="Variance components")
    effects = results.get_by_role("region", name="Fixed effects", exact=True)
    for part in (panel.get_by_role("region", name="Set-up of the fit"), components, effects):
        assert inside(alpha, part)
    assert box_of(components)["y"] == box_of(effects)["y"]
    # Each number has a column of its own.
    expect(components.get_by_role("columnheader", name="by profile")).to_be_visible()
    assert row(components, "block variance · σ²") == [
        "block variance · σ²",
        "0.070218",
        "0.037969",
        "0.0243",
        "0.203",
        "Profile",
    ]
    assert row(effects, "rep[R3]") == [
        "rep[R3]",
        "−0.414",
        "0.174",
        "−0.794",
        "−0.034",
        "−2.38",
        "11.8",
        "0.035",
    ]
    # In a narrow place they stand below each other again.
    alpha.page.set_viewport_size({"width": 700, "height": 900})
    expect(components.get_by_role("columnheader", name="by profile", exact=True)).to_have_count(0)


def test_the_keyboard_stays_with_who_writes(alpha: Studio) -> None:
    panel = alpha.show("Fit")
    panel.get_by_role("button", name="Fit", exact=True).click()
    formula = panel.get_by_role("textbox", name="Fixed effects")
    formula.focus()
    expect(panel.get_by_role("region", name="Results")).to_be_visible()
    expect(formula).to_be_focused()


def test_residuals_are_drawn_and_told(fitted: Studio) -> None:
    residuals = fitted.panel("Fit").get_by_role("region", name="Residuals")
    fitted = residuals.get_by_role("img", name=re.compile("^Studentised residuals against fitted values"))
    normal = residuals.get_by_role("img", name=re.compile("^Studentised residuals against normal quantiles"))
    expect(fitted).to_have_accessible_name(re.compile(r"72 rows, from −2\.41 to 3\.\d+, \d beyond ±1\.96$"))
    expect(normal).to_have_accessible_name(re.compile(r"\d outside of the 95 % band$"))
    for picture in (fitted, normal):
        # A mark for each row, inside of the picture.
        marks = picture.evaluate("svg => [...svg.querySelectorAll('path')].at(-1).getAttribute('d')")
        places = [tuple(map(float, place.split())) for place in re.findall(r"M([\d. -]+)h0", marks)]
        assert len(places) == 72
        box = box_of(picture)
        assert all(0 < x < box["width"] and 0 < y < box["height"] for x, y in places)
    fitted.focus()
    fitted.press("Home")
    expect(residuals.get_by_text("Row 24: fitted ")).to_contain_text("residual −2.41 standard deviations")
    fitted.press("End")
    expect(residuals.get_by_text("Row 24")).to_have_count(0)
    fitted.press("Escape")
    expect(residuals.get_by_text("Band: where each point lies")).to_be_visible()


def test_a_table_is_copied_for_a_spreadsheet(fitted: Studio) -> None:
    results = fitted.panel("Fit").get_by_role("region", name="Results")
    results.get_by_role("button", name="Copy Fixed effects").click()
    expect(results.get_by_text("Copied to the clipboard")).to_be_attached()
    text = fitted.page.evaluate("navigator.clipboard.readText()")
    lines = [line.split("\t") for line in text.splitlines()]
    assert lines[0][:3] == ["effect", "estimate", "standard_error"]
    assert [line[0] for line in lines[1:]] == ["(Intercept)", "rep[R2]", "rep[R3]"]


def narrow(studio: Studio, width: int) -> None:
    """Give the results so many pixels."""
    studio.panel("Fit").evaluate(
        "(panel, width) => Object.assign(panel.style, {position: 'fixed', inset: '90px auto 0 0', "
        "width: `${width}px`, zIndex: 60, background: 'var(--cs-surface)'})",
        width,
    )


def test_effects_that_are_correlated_are_told_by_name(studio: Studio) -> None:
    """SDs, correlation and residual of sleepstudy are those that lme4 prints: 24.74, 5.92, 0.07, 25.59."""
    studio.use_template("Random slopes")
    results = studio.fit()
    told = results.get_by_role("region", name="Variances and correlations by name")
    variances = told.get_by_role("table", name="Variances by name")
    correlations = told.get_by_role("table", name="Correlations by name")
    assert row(variances, "Intercept")[1:] == ["612", "289", "24.74", "5.84"]
    assert row(variances, "Days")[1:] == ["35.1", "14.8", "5.92", "1.25"]
    assert row(variances, "residual")[1:] == ["654.9", "77.2", "25.59", "1.51"]
    assert row(correlations, "Intercept, Days")[1:] == ["9.6", "46.7", "0.066", "0.325"]
    expect(variances.get_by_role("rowheader", name="subject")).to_be_visible()
    # A number is told whole under the pointer.
    expect(correlations.get_by_title("0.06555", exact=False)).to_have_text("0.066")
    with studio.page.expect_download() as started:
        told.get_by_role("button", name=re.compile("^Download ")).click()
    table = list(csv.DictReader(io.StringIO(started.value.path().read_text(encoding="utf-8"))))
    assert [line["var2"] for line in table] == ["", "", "Days", ""]
    assert list(table[0])[-3:] == ["vcov_standard_error", "sdcor_standard_error", "path"]
    # In a narrow panel a standard error stands under its number, and nothing is wider than the panel.
    narrow(studio, 340)
    expect(correlations.get_by_role("columnheader")).to_have_count(3)
    assert row(correlations, "Intercept, Days")[1:] == ["9.6\n46.7", "0.066\n0.325"]
    for table_of in (variances, correlations):
        assert table_of.evaluate(
            "table => table.parentElement.scrollWidth <= table.parentElement.clientWidth"
        )


def test_long_names_of_effects_lose_their_middle_and_are_told_whole(studio: Studio) -> None:
    long = "temperature_of_the_soil_in_the_week_before"
    lines = [f"subject,response,{long}"]
    for k in range(12):
        for day in range(5):
            value = 10 + k % 4 + (1 + 0.4 * (k % 5)) * day + ((7 * k + 3 * day) % 11) / 5
            lines.append(f"s{k:02d},{value:.3f},{day}")
    model = fit(f"response ~ {long} + ({long} | subject)", pd.read_csv(io.StringIO("\n".join(lines))))
    written = dumps(model.document, model.table).encode()
    with studio.choosing({"name": "soil.json", "mimeType": "application/json", "buffer": written}):
        studio.button("Open").click()
    results = studio.fit()
    narrow(studio, 340)
    told = results.get_by_role("region", name="Variances and correlations by name")
    correlations = told.get_by_role("table", name="Correlations by name")
    name = correlations.get_by_title(long)
    expect(name).to_be_visible()
    assert box_of(name)["width"] < 200
    assert name.evaluate("name => name.firstChild.scrollWidth > name.firstChild.clientWidth")
    assert correlations.evaluate(
        "table => table.parentElement.scrollWidth <= table.parentElement.clientWidth"
    )


def test_what_is_taken_away_of_random_effects_is_said_where_fewer_are_shown(alpha: Studio) -> None:
    results = alpha.fit()
    effects = results.get_by_role("region", name="Random effects (BLUPs)")
    expect(effects.get_by_text("Copy and Download take")).to_have_count(0)
    effects.get_by_role("searchbox", name="Search random effects").fill("G05")
    expect(effects.get_by_role("status", name="Random effects listed")).to_have_text("1 of 42")
    expect(effects.get_by_text("Copy and Download take all 42, whatever is searched for")).to_be_visible()
