"""The inspector in a browser: sliders by mouse and keyboard, exact numbers, arguments, names, undo."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from covstudio.covariance import declaration
from tests.studio.browser import Studio
from tests.studio.conftest import Lent

RESIDUAL = "residual/sigma^2"


@pytest.fixture
def alpha(alpha: Studio) -> Studio:
    """The alpha design, complete, with all its parameters shown."""
    expect(alpha.slider(RESIDUAL)).to_be_visible()
    return alpha


def test_a_drag_moves_the_value_and_is_one_step(alpha: Studio) -> None:
    slider, value = alpha.slider(RESIDUAL), alpha.value(RESIDUAL)
    expect(value).to_have_value("1")
    alpha.drag_slider(RESIDUAL, [0.5, 0.4, 0.6, 0.5])
    undo = alpha.button("Undo")
    expect(undo).to_have_attribute("aria-description", re.compile("σ²"))
    alpha.settled()
    moved = value.input_value()
    assert float(moved) == pytest.approx(0.1, rel=0.15)  # the middle of 10^-4 to 10^2
    expect(slider).to_have_attribute("aria-valuetext", moved)
    expect(alpha.node("residual")).to_contain_text(re.compile(r"0\.[01]"))
    undo.click()
    expect(value).to_have_value("1")
    expect(slider).to_have_attribute("aria-valuetext", "1")
    alpha.button("Redo").click()
    expect(value).to_have_value(moved)


def test_raw_theta_stands_beside_and_follows(alpha: Studio) -> None:
    group = alpha.page.get_by_role("region", name="residual")
    expect(group.get_by_text("θ = 0", exact=True)).to_be_visible()
    alpha.value(RESIDUAL).fill("0.25")
    alpha.value(RESIDUAL).press("Enter")
    expect(group.get_by_text("θ = −0.6931", exact=True)).to_be_visible()


def test_arrow_keys_move_a_slider_and_shift_moves_it_further(alpha: Studio) -> None:
    slider = alpha.slider(RESIDUAL)
    start = int(slider.input_value())
    slider.focus()
    slider.press("ArrowRight")
    expect(slider).to_have_value(str(start + 5))
    slider.press("Shift+ArrowLeft")
    expect(slider).to_have_value(str(start - 45))
    slider.press("Home")
    expect(alpha.value(RESIDUAL)).to_have_value("0")
    slider.press("End")
    expect(alpha.value(RESIDUAL)).to_have_value("100")
    alpha.button("Undo").click()
    expect(alpha.value(RESIDUAL)).to_have_value("0")


def test_a_key_that_is_held_is_one_step(alpha: Studio) -> None:
    slider, keyboard = alpha.slider(RESIDUAL), alpha.page.keyboard
    before = alpha.value(RESIDUAL).input_value()
    start = int(slider.input_value())
    slider.focus()
    for count in range(1, 6):  # the browser repeats a key that stays down
        keyboard.down("ArrowRight")
        expect(slider).to_have_value(str(start + 5 * count))
        alpha.settled()
    keyboard.up("ArrowRight")
    alpha.settled()
    alpha.button("Undo").click()
    expect(alpha.value(RESIDUAL)).to_have_value(before)
    expect(alpha.button("Undo")).to_have_attribute("aria-description", re.compile("^Undo: Start from"))


def test_undo_in_a_text_is_of_the_text_alone(alpha: Studio) -> None:
    undo = alpha.button("Undo")
    label = undo.get_attribute("aria-description") or ""
    alpha.select("residual")
    for field in (alpha.value(RESIDUAL), alpha.page.get_by_label("Name", exact=True)):
        before = field.input_value()
        field.press("End")
        field.press_sequentially("9")
        for _ in range(3):  # more often than there is text to take back
            field.press("Control+z")
        expect(field).to_have_value(before)
        alpha.settled()
        expect(undo).to_have_attribute("aria-description", label)
        field.press("Escape")


def test_exact_numbers_are_typed_and_zero_is_allowed(alpha: Studio) -> None:
    value = alpha.value(RESIDUAL)
    for typed, shown in (
        ("0.142902", "0.142902"),
        ("0", "0"),
        ("1e-3", "0.001"),
        ("250000", "250000"),
        ("0,5", "0.5"),
    ):
        value.fill(typed)
        value.press("Enter")
        expect(value).to_have_value(shown)
        expect(alpha.slider(RESIDUAL)).to_have_attribute("aria-valuetext", shown)
    expect(alpha.slider(RESIDUAL)).to_have_value(re.compile(r"\d+"))


@pytest.mark.parametrize(
    ("typed", "says"), [("-1", "at least 0"), ("much", "Write a number"), ("", "Write a number")]
)
def test_what_is_no_value_is_refused_under_the_field_and_taken_back(
    lent: Lent, typed: str, says: str
) -> None:
    alpha = lent("alpha", user=__name__)  # everything is taken back
    value = alpha.value(RESIDUAL)
    value.fill(typed)
    value.press("Enter")
    expect(alpha.panel("Inspector").get_by_role("alert")).to_contain_text(says)
    expect(value).to_have_value(typed)
    value.press("Escape")
    expect(value).to_have_value("1")
    expect(alpha.panel("Inspector").get_by_role("alert")).to_have_count(0)


def test_what_is_being_typed_is_not_overwritten(alpha: Studio) -> None:
    value, slider = alpha.value(RESIDUAL), alpha.slider(RESIDUAL)
    value.fill("0.5")
    value.press("Enter")
    expect(slider).to_have_attribute("aria-valuetext", "0.5")
    value.fill("0.7")
    alpha.button("Undo").dispatch_event("click")  # the focus stays where it is
    expect(slider).to_have_attribute("aria-valuetext", "1")
    expect(value).to_have_value("0.7")
    expect(value).to_be_focused()
    value.press("Escape")
    expect(value).to_have_value("1")


def test_a_parameter_is_fixed_freed_and_reset(alpha: Studio) -> None:
    fix, reset = alpha.button("Fix σ² of residual"), alpha.button("Reset σ² of residual")
    expect(reset).to_be_disabled()
    fix.click()
    expect(fix).to_have_attribute("aria-pressed", "true")
    expect(alpha.state()).to_contain_text("2 parameters")
    fix.click()
    expect(fix).to_have_attribute("aria-pressed", "false")
    alpha.value(RESIDUAL).fill("3")
    alpha.value(RESIDUAL).press("Enter")
    reset.click()
    expect(alpha.value(RESIDUAL)).to_have_value("1")


def test_a_selected_node_says_what_it_is(alpha: Studio) -> None:
    alpha.select("block variance")
    panel = alpha.panel("Inspector")
    expect(panel.get_by_text("Scalar (variance components)")).to_be_visible()
    expect(panel.locator("math")).to_be_visible()
    expect(panel.get_by_text("18, the columns of block design")).to_be_visible()
    expect(alpha.slider("block/g/sigma^2")).to_be_visible()
    expect(alpha.slider(RESIDUAL)).to_have_count(0)


def test_renaming_shows_everywhere_and_a_taken_name_is_refused(alpha: Studio) -> None:
    alpha.select("block variance")
    name = alpha.page.get_by_label("Name", exact=True)
    name.fill("genotype")
    name.press("Enter")
    refusal = alpha.panel("Inspector").get_by_role("alert")
    expect(refusal).to_contain_text("genotype")
    # What the session refuses stays to be mended, until it is taken back.
    expect(name).to_have_value("genotype")
    name.press("Escape")
    expect(name).to_have_value("block variance")
    expect(refusal).to_have_count(0)
    name.fill("blocks")
    name.press("Enter")
    expect(alpha.node("blocks")).to_be_visible()
    expect(alpha.panel("Inspector").get_by_role("alert")).to_have_count(0)


def test_factors_are_chosen_by_their_names(alpha: Studio) -> None:
    alpha.select("block design")
    factors = alpha.page.get_by_role("group", name="Factors", exact=True)
    expect(factors.get_by_role("checkbox", name="rep", exact=True)).to_be_checked()
    factors.get_by_text("rep", exact=True).click()
    expect(factors.get_by_role("checkbox", name="rep", exact=True)).not_to_be_checked()
    expect(alpha.node("block design")).to_have_accessible_name(re.compile("72 × 6"))
    expect(alpha.node("block variance")).to_have_accessible_name(re.compile("6 × 6"))
    alpha.button("Undo").click()
    expect(alpha.node("block design")).to_have_accessible_name(re.compile("72 × 18"))


def test_several_columns_make_coordinates_and_one_makes_times(oats: Studio) -> None:
    oats.show("Inspector")
    oats.item(declaration("SphericalMatrix").title).click()
    spherical = oats.node("Spherical")
    places = oats.page.get_by_role("group", name="Coordinates")
    places.get_by_text("row", exact=True).click()
    expect(spherical).to_contain_text("72 × 72")
    places.get_by_text("col", exact=True).click()
    expect(spherical).to_contain_text("row, col")
    expect(oats.panel("Inspector").get_by_text("1 to 3 columns, one for each coordinate.")).to_be_visible()
    oats.item(declaration("RandomWalkMatrix").title).click()
    times = oats.page.get_by_role("group", name="Times")
    times.get_by_text("row", exact=True).click()
    expect(times.get_by_role("radio", name="row", exact=True)).to_be_checked()
    times.get_by_text("plot", exact=True).click()
    expect(times.get_by_role("radio", name="row", exact=True)).not_to_be_checked()
    expect(oats.node("Random Walk")).to_contain_text("plot")


def test_coordinates_are_written_one_row_a_line(studio: Studio) -> None:
    studio.show("Inspector")
    studio.item(declaration("CircularMatrix").title).click()
    places = studio.page.get_by_label("Coordinates")
    places.fill("0 0\n0 1.5\n1")
    places.blur()
    expect(studio.panel("Inspector").get_by_role("alert")).to_contain_text("Row 3 is 1 long")
    places.fill("0 0\n0 1.5\n1 0")
    places.blur()
    expect(studio.node("Circular")).to_contain_text("3 × 3")
    expect(places).to_have_value("0 0\n0 1.5\n1 0")


def test_positions_are_typed_as_numbers_and_ranges(studio: Studio) -> None:
    studio.show("Inspector")
    name = studio.page.get_by_label("Name", exact=True)
    studio.item(declaration("Submatrix").title).click()
    expect(name).to_have_value("Submatrix")
    studio.item(declaration("AR1Matrix").title).click()
    expect(name).to_have_value("AR1")
    studio.select("Submatrix")
    positions = studio.page.get_by_role("textbox", name="Positions")
    positions.fill("0, two")
    positions.press("Enter")
    expect(studio.panel("Inspector").get_by_role("alert")).to_contain_text("is no position")
    expect(positions).to_have_value("0, two")
    positions.fill("0, 9")
    positions.press("Enter")
    # A matrix without a size of its own becomes as large as the positions ask for.
    expect(studio.node("AR1")).to_contain_text("10 × 10")
    expect(studio.node("Submatrix")).to_contain_text("2 × 2")
    positions.fill("0,2-3")
    positions.press("Enter")
    expect(positions).to_have_value("0, 2, 3")
    expect(studio.node("Submatrix")).to_contain_text("3 × 3")


def test_what_is_optional_can_be_left_out_again(studio: Studio) -> None:
    studio.show("Inspector")
    studio.item(declaration("ToeplitzMatrix").title).click()
    bands = studio.page.get_by_label("Bands")
    expect(bands).to_have_attribute("placeholder", "left out")
    bands.fill("1")
    bands.press("Enter")
    expect(studio.slider("pacf_2")).to_have_count(0)
    studio.button("Leave it out").click()
    expect(bands).to_have_value("")
    expect(studio.button("Leave it out")).to_have_count(0)


def test_an_operator_has_a_slider_of_its_own(studio: Studio) -> None:
    studio.show("Inspector")
    studio.item(declaration("Scale").title).click()
    studio.item(declaration("AR1CorrelationMatrix").title).click()
    studio.select("Scale")
    expect(studio.panel("Inspector").get_by_text(declaration("Scale").parameters["sigma^2"])).to_be_visible()
    studio.value("sigma^2").fill("0.25")
    studio.value("sigma^2").press("Enter")
    expect(studio.node("Scale")).to_contain_text("0.25")


def test_a_size_follows_the_model_the_table_or_a_number(alpha: Studio) -> None:
    alpha.select("residual")
    size = alpha.page.get_by_label("Size", exact=True)
    size.select_option("rows")
    expect(alpha.panel("Inspector").get_by_text("72, the rows of the table")).to_be_visible()
    size.select_option("number")
    number = alpha.page.get_by_label("Size as a number")
    number.fill("9")
    number.press("Enter")
    expect(alpha.node("residual")).to_have_accessible_name(re.compile("9 × 9"))
    expect(alpha.state()).to_contain_text("to finish")
    size.select_option("auto")
    expect(alpha.state()).to_contain_text("V 72 × 72 · 3 parameters")


def test_from_its_parameters_a_model_leads_to_its_fit(alpha: Studio) -> None:
    alpha.show("Inspector").get_by_role("button", name="fit V to the data").click()
    expect(alpha.page.get_by_role("tab", name="Results")).to_have_attribute("aria-selected", "true")
    expect(alpha.panel("Fit").get_by_role("button", name="Fit", exact=True)).to_be_enabled()


def test_problems_lead_to_their_node(studio: Studio) -> None:
    studio.item("Sum").click()
    expect(studio.page.get_by_label("Name", exact=True)).to_have_value("Sum")
    studio.page.keyboard.press("Escape")
    studio.show("Inspector")
    problems = studio.panel("Inspector").get_by_label("To finish")
    problems.get_by_role("button", name=re.compile("^Sum:")).click()
    expect(studio.page.get_by_label("Name", exact=True)).to_have_value("Sum")
    expect(studio.panel("Inspector").get_by_text("needs two operands").first).to_be_visible()


def test_a_matrix_is_typed_in(studio: Studio) -> None:
    studio.item("Known matrix").click()
    field = studio.panel("Inspector").get_by_role("textbox", name="Matrix")
    field.fill("1 0.5\n0.5 one")
    field.blur()
    expect(studio.panel("Inspector").get_by_role("alert")).to_contain_text("line 2")
    field.fill("1 0.5\n0.5 1")
    field.blur()
    expect(studio.nodes().first).to_have_accessible_name(re.compile("2 × 2"))
    expect(studio.panel("Inspector").get_by_role("alert")).to_have_count(0)


def test_the_keyboard_walks_from_a_slider_to_its_number(alpha: Studio) -> None:
    alpha.slider(RESIDUAL).focus()
    alpha.page.keyboard.press("Tab")
    expect(alpha.value(RESIDUAL)).to_be_focused()
    alpha.page.keyboard.press("Shift+Tab")
    expect(alpha.slider(RESIDUAL)).to_be_focused()
