"""Results where there is room: columns beside each other, pictures of residuals, the keyboard's place."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

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


def test_residuals_are_drawn_and_told(alpha: Studio) -> None:
    residuals = alpha.fit().get_by_role("region", name="Residuals")
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


def test_a_table_is_copied_for_a_spreadsheet(alpha: Studio) -> None:
    results = alpha.fit()
    results.get_by_role("button", name="Copy Fixed effects").click()
    expect(results.get_by_text("Copied to the clipboard")).to_be_attached()
    text = alpha.page.evaluate("navigator.clipboard.readText()")
    lines = [line.split("\t") for line in text.splitlines()]
    assert lines[0][:3] == ["effect", "estimate", "standard_error"]
    assert [line[0] for line in lines[1:]] == ["(Intercept)", "rep[R2]", "rep[R3]"]
