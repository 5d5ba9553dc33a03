"""What a person chooses before a fit: how fixed effects are tested, and what becomes of dependent columns."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.studio.browser import Studio, row
from tests.studio.conftest import Lent


def test_dependent_columns_are_left_out_when_asked_to(alpha: Studio) -> None:
    panel = alpha.show("Fit")
    formula = panel.get_by_role("textbox", name="Fixed effects")
    formula.fill("1 + rep + plot + row")
    expect(panel.get_by_role("alert")).to_contain_text("'row' is a multiple of 'plot'")
    panel.get_by_role("button", name="Leave out dependent columns").click()
    results = panel.get_by_role("region", name="Results")
    expect(results.get_by_text("Left out of the fixed effects, depending on others: 'row'.")).to_be_visible()
    effects = results.get_by_role("region", name="Fixed effects", exact=True)
    expect(effects.get_by_role("row")).to_have_count(1 + 4)
    expect(formula).to_have_value("1 + rep + plot + row")
    expect(formula).to_be_focused()
    expect(panel.get_by_text("Left out, depending on others: row.")).to_be_visible()
    expect(alpha.show("Code").get_by_role("region", name="Python code")).to_contain_text(
        "drop_dependent=True"
    )

    alpha.show("Fit")
    panel.get_by_role("button", name="Keep all columns").click()
    expect(panel.get_by_role("alert")).to_contain_text("'row' is a multiple of 'plot'")
    expect(panel.get_by_role("button", name="Fit", exact=True)).to_be_disabled()
    expect(alpha.button("Undo")).to_have_attribute(
        "aria-description", re.compile("^Undo: Keep all columns of X")
    )
    alpha.button("Undo").click()
    expect(panel.get_by_text("Left out, depending on others: row.")).to_be_visible()


def test_fixed_effects_are_tested_as_chosen(alpha: Studio) -> None:
    results = alpha.fit()
    panel = alpha.panel("Fit")
    tests = panel.get_by_role("radiogroup", name="Tests")
    tests.get_by_role("radio", name="Satterthwaite").press("ArrowRight")
    chosen = tests.get_by_role("radio", name="Kenward-Roger", exact=True)
    expect(chosen).to_be_checked()
    expect(chosen).to_be_focused()
    expect(results.get_by_text("Tests are by Kenward-Roger now; those of this fit are by")).to_be_visible()
    expect(alpha.button("Undo")).to_have_attribute(
        "aria-description", re.compile("^Undo: Test by Kenward-Roger")
    )
    alpha.fit()
    effects = results.get_by_role("region", name="Fixed effects", exact=True)
    expect(effects).to_contain_text("Kenward-Roger")
    assert row(effects, "rep[R3]")[5:7] == ["−2.38", "12.5"]
    assert row(results.get_by_role("region", name="Tests of fixed effects"), "rep")[3] == "12.5"
    expect(alpha.show("Code").get_by_role("region", name="Python code")).to_contain_text("kenward-roger")

    alpha.show("Fit")
    panel.get_by_role("radio", name="ML", exact=True).click()
    expect(tests.get_by_role("radio", name="Satterthwaite")).to_be_checked()
    expect(chosen).to_be_disabled()
    expect(tests).to_have_accessible_description("Kenward-Roger is for REML.")
    panel.get_by_role("radio", name="REML").click()
    expect(chosen).to_be_checked()


@pytest.fixture
def wide(lent: Lent) -> Studio:
    """A fit with many fixed effects, one page for every width."""
    studio = lent("alpha", user=__name__)
    panel = studio.show("Fit")
    if panel.get_by_role("region", name="Results").count() == 0:
        formula = panel.get_by_role("textbox", name="Fixed effects")
        formula.fill("1 + rep + rep:plot")
        formula.press("Enter")
        studio.fit()
    return studio


@pytest.mark.parametrize("width", [1440, 1280, 1000])
def test_no_table_of_a_fit_is_wider_than_the_panel(wide: Studio, width: int) -> None:
    wide.page.set_viewport_size({"width": width, "height": 900})
    wide.settled()
    results = wide.panel("Fit").get_by_role("region", name="Results")
    for name in ("Variance components", "Fixed effects", "Tests of fixed effects"):
        table = results.get_by_role("group", name=f"{name} table", exact=True)
        expect(table).to_be_visible()
        assert table.evaluate("table => table.scrollWidth - table.clientWidth") == 0, name
    blups = results.get_by_role("region", name="Random effects table")
    assert blups.evaluate("table => table.scrollWidth - table.clientWidth") == 0
