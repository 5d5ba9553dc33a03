"""Fitting in a browser: progress, results, cancelling, what is stale, what is missing; and the program."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from covstudio.document.changes.all import AddNode, Batch, SetData
from covstudio.document.files.write import dumps
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns
from tests.programs import run_program
from tests.studio.browser import Studio, row
from tests.studio.long_fits import many_times

VARIANCES = {"genotype/g/sigma^2": "0.14290", "block/g/sigma^2": "0.07021", "residual/sigma^2": "0.08161"}


def test_a_fit_gives_the_published_estimates_and_undo_takes_them_back(alpha: Studio) -> None:
    results = alpha.fit()
    components = results.get_by_role("region", name="Variance components")
    assert row(components, "genotype variance · σ²")[:2] == ["genotype variance · σ²", "0.142902"]
    assert row(components, "block variance · σ²")[1] == "0.070218"
    assert row(components, "residual · σ²")[1] == "0.081617"
    effects = results.get_by_role("region", name="Fixed effects", exact=True)
    assert row(effects, "(Intercept)")[1:5] == ["4.518", "0.145", "4.217", "4.820"]
    assert row(effects, "rep[R2]")[1:5] == ["0.298", "0.174", "−0.082", "0.677"]
    expect(effects.get_by_title("−0.4140458333")).to_be_visible()
    summary = results.get_by_role("region", name="Summary")
    expect(summary).to_contain_text("Converged")
    expect(summary).to_contain_text("−46.5969")
    summary.get_by_text("Iterations", exact=True).click()
    expect(summary.get_by_role("img", name="Log-likelihood by iteration")).to_be_visible()

    alpha.show("Inspector")
    for path, value in VARIANCES.items():
        expect(alpha.slider(path)).to_have_attribute("aria-valuetext", re.compile(rf"^{value}"))
    expect(alpha.button("Undo")).to_have_attribute("aria-description", "Undo: Fit (Ctrl Z)")
    alpha.button("Undo").click()
    for path in VARIANCES:
        expect(alpha.value(path)).to_have_value("1")
    fit = alpha.show("Fit")
    expect(fit.get_by_text("no longer stand at these estimates")).to_be_visible()
    fit.get_by_role("button", name="Back to the estimates").click()
    expect(fit.get_by_text("no longer stand")).to_have_count(0)


def test_moving_a_node_does_not_make_a_fit_stale_and_another_formula_does(alpha: Studio) -> None:
    results = alpha.fit()
    with alpha.dragging(alpha.node("residual")) as to_point:
        to_point((600, 200))
    expect(alpha.button("Undo")).to_have_attribute("aria-description", re.compile("Move"))
    alpha.settled()
    expect(results.get_by_text("since this fit")).to_have_count(0)
    formula = alpha.page.get_by_role("textbox", name="Fixed effects")
    formula.fill("1")
    formula.press("Enter")
    expect(results.get_by_text("The fixed effects changed since this fit.")).to_be_visible()
    alpha.panel("Fit").get_by_role("button", name="Fit", exact=True).click()
    expect(results.get_by_text("since this fit")).to_have_count(0)
    expect(results.get_by_role("region", name="Fixed effects", exact=True).get_by_role("row")).to_have_count(
        2
    )


def test_blups_are_searched_and_sorted(alpha: Studio) -> None:
    blups = alpha.fit().get_by_role("region", name="Random effects (BLUPs)")
    rows = blups.get_by_role("row")
    expect(rows).to_have_count(1 + 24 + 18)
    count = blups.get_by_role("status", name="Random effects listed")
    expect(count).to_have_text("42")
    blups.get_by_role("searchbox", name="Search random effects").fill("genotype g0")
    expect(rows).to_have_count(1 + 9)
    expect(count).to_have_text("9 of 42")
    blups.get_by_role("searchbox").fill("")
    expect(rows).to_have_count(1 + 24 + 18)
    rows.last.scroll_into_view_if_needed()
    blups.get_by_role("button", name="Sort by BLUP").click()
    expect(blups.get_by_role("columnheader").nth(2)).to_have_attribute("aria-sort", "descending")
    values = [float(text.replace("−", "-")) for text in rows.locator("td:nth-child(3)").all_inner_texts()]
    assert values == sorted(values, reverse=True)
    head, first = rows.first.get_by_role("columnheader").first.bounding_box(), rows.nth(1).bounding_box()
    assert head is not None
    assert first is not None
    assert first["y"] >= head["y"] + head["height"] - 1, "no row begins below the head"
    blups.get_by_role("button", name="Sort by BLUP").click()
    expect(blups.get_by_role("columnheader").nth(2)).to_have_attribute("aria-sort", "ascending")
    blups.get_by_role("searchbox").fill("nobody")
    expect(blups.get_by_text("No random effect matches.")).to_be_visible()


def results_of(studio: Studio) -> Locator:
    """What was found, on the page."""
    return studio.panel("Fit").get_by_role("region", name="Results")


def test_uncertainty_stands_beside_the_estimates(fitted: Studio) -> None:
    results = results_of(fitted)
    components = results.get_by_role("region", name="Variance components")
    assert row(components, "block variance · σ²")[2:] == ["0.037969", "0.0243", "0.203", "Profile"]
    expect(components).to_contain_text("observed information")
    effects = results.get_by_role("region", name="Fixed effects", exact=True)
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
    expect(effects).to_contain_text("Satterthwaite")
    tests = results.get_by_role("region", name="Tests of fixed effects")
    assert row(tests, "rep") == ["rep", "8.46", "2", "11.8", "0.005"]
    blups = results.get_by_role("region", name="Random effects (BLUPs)")
    assert blups.get_by_role("row").nth(1).get_by_role("cell").all_inner_texts()[-1] == "0.775"


def test_every_table_is_downloaded(fitted: Studio) -> None:
    results = results_of(fitted)
    for name, rows in (
        ("Variance components", 3),
        ("Fixed effects", 3),
        ("Tests of fixed effects", 1),
        ("Residuals", 72),
        ("Random effects (BLUPs)", 42),
    ):
        with fitted.page.expect_download() as started:
            results.get_by_role("button", name=f"Download {name} as csv").click()
        assert started.value.suggested_filename.endswith(".csv")
        table = list(csv.DictReader(io.StringIO(started.value.path().read_text(encoding="utf-8"))))
        assert len(table) == rows
    with fitted.page.expect_download() as started:
        results.get_by_role("button", name="Download all").click()
    with zipfile.ZipFile(started.value.path()) as archive:
        assert sorted(archive.namelist()) == [
            "blups.csv",
            "fit.csv",
            "fixed_effects.csv",
            "residuals.csv",
            "tests.csv",
            "varcorr.csv",
            "variance_components.csv",
            "variance_shares.csv",
        ]
        assert b"-46.5969" in archive.read("fit.csv")


def test_the_engine_is_said_before_the_fit(alpha: Studio) -> None:
    panel = alpha.show("Fit")
    line = panel.get_by_text(re.compile(r"^(Dense engine|Mixed-model equations): about \d+ ms an iteration"))
    expect(line).to_be_visible()
    line.click()
    expect(panel.get_by_text(re.compile(r"^V is "))).to_be_visible()
    expect(panel.get_by_role("list", name="Other engines")).to_be_visible()
    panel.get_by_label("Response").select_option("")
    expect(line).to_have_count(0)


def test_the_method_is_part_of_the_model(alpha: Studio) -> None:
    results = alpha.fit()
    methods = alpha.panel("Fit").get_by_role("radiogroup", name="Method")
    expect(methods.get_by_role("radio", name="REML")).to_be_checked()
    methods.get_by_role("radio", name="REML").press("ArrowRight")
    expect(methods.get_by_role("radio", name="ML", exact=True)).to_be_checked()
    expect(results.get_by_text("The method is ML now; this fit is by REML.")).to_be_visible()
    expect(alpha.button("Undo")).to_have_attribute("aria-description", re.compile("^Undo: Fit by ML"))
    results = alpha.fit()
    expect(results.get_by_role("region", name="Summary")).to_contain_text("−43.3304")
    expect(results.get_by_role("region", name="Summary")).to_contain_text("ML on 72 rows")
    alpha.button("Undo").click()
    alpha.button("Undo").click()
    expect(methods.get_by_role("radio", name="REML")).to_be_checked()


def test_quantities_are_derived_from_the_parameters(alpha: Studio) -> None:
    panel = alpha.show("Fit")
    results = alpha.fit()
    section = results.get_by_role("region", name="Derived quantities")
    field = section.get_by_role("textbox", name="New quantity")
    field.fill("h2 = ")
    section.get_by_role("button", name="Insert genotype variance · σ²").click()
    expect(field).to_have_value("h2 = genotype")
    expect(field).to_be_focused()
    field.press_sequentially(" / (genotype + ")
    expect(section.get_by_role("alert")).to_have_count(0)
    expect(section.get_by_text("found the end")).to_be_visible()
    field.press("Enter")
    expect(section.get_by_role("alert")).to_contain_text("Expected a number, a name")
    expect(field).to_have_value("h2 = genotype / (genotype + ")
    field.press_sequentially("residual)")
    expect(section.get_by_text("= 0.6365, SE 0.106, 95 % interval 0.429 to 0.844")).to_be_visible()
    field.press("Enter")
    expect(field).to_have_value("")
    assert row(section, "h2")[:4] == ["h2", "0.636480", "0.105723", "0.429 to 0.844"]
    expect(alpha.button("Undo")).to_have_attribute("aria-description", re.compile("Add a derived quantity"))

    with alpha.page.expect_download() as started:
        section.get_by_role("button", name="Download Derived quantities as csv").click()
    (saved,) = csv.DictReader(io.StringIO(started.value.path().read_text(encoding="utf-8")))
    assert (saved["quantity"], saved["estimate"][:7]) == ("h2", "0.63648")

    alpha.button("Undo").click()
    expect(section.get_by_role("cell", name="h2", exact=True)).to_have_count(0)
    alpha.button("Redo").click()
    expect(section.get_by_role("cell", name="h2", exact=True)).to_have_count(1)
    # It is wanted of the next fit as well, of other fixed effects.
    formula = panel.get_by_role("textbox", name="Fixed effects")
    formula.fill("1")
    formula.press("Enter")
    alpha.fit()
    expect(section.get_by_role("cell", name="h2", exact=True)).to_be_visible()
    expect(section.get_by_text("0.636480")).to_have_count(0)
    section.get_by_role("button", name="Remove h2").click()
    expect(section.get_by_role("cell", name="h2", exact=True)).to_have_count(0)


def test_the_verdict_stands_on_top_in_words(alpha: Studio) -> None:
    panel = alpha.show("Fit")
    panel.get_by_label("Response").select_option("plot")
    results = alpha.fit()
    summary = results.get_by_role("region", name="Summary")
    expect(summary.get_by_role("heading", name="Converged at the boundary")).to_be_visible()
    verdict = summary.get_by_role("note", name="Verdict")
    expect(verdict).to_contain_text("Estimated as zero: genotype variance · σ²")
    components = results.get_by_role("region", name="Variance components")
    assert row(components, "genotype variance · σ²")[1:3] == ["0.000000\nat its boundary, 0", "–"]

    # Replicates among the fixed effects, and as a random effect too.
    alpha.show("Inspector")
    alpha.select("block design")
    alpha.page.get_by_role("group", name="Factors", exact=True).get_by_text("block", exact=True).click()
    alpha.fit()
    expect(summary.get_by_role("heading", name="Not identifiable")).to_be_visible()
    expect(verdict).to_contain_text("The data say nothing about block variance · σ²")
    expect(components.get_by_text("not told apart")).to_be_visible()


def test_the_formula_is_checked_while_it_is_written(alpha: Studio) -> None:
    panel = alpha.show("Fit")
    formula = panel.get_by_role("textbox", name="Fixed effects")
    fit = panel.get_by_role("button", name="Fit", exact=True)
    for text, says in (
        ("1 + repp", "Did you mean 'rep'?"),
        ("__import__('os').getcwd()", ""),
        ("1 + (", ""),
        ("log(rep)", ""),
    ):
        formula.fill(text)
        expect(panel.get_by_role("alert")).to_contain_text(says)
        expect(fit).to_be_disabled()
    formula.fill("1 + rep + gen")
    expect(panel.get_by_text("26 columns of X")).to_be_visible()
    expect(panel.get_by_role("alert")).to_have_count(0)
    formula.press("Escape")
    expect(formula).to_have_value("1 + rep")
    expect(panel.get_by_text("3 columns of X")).to_be_visible()
    expect(fit).to_be_enabled()
    # Written back by hand and left, it is the formula that stands there.
    formula.fill("1 + repp")
    expect(panel.get_by_role("alert")).to_contain_text("Did you mean 'rep'?")
    formula.fill("1 + rep")
    panel.get_by_label("Response").focus()
    expect(panel.get_by_text("3 columns of X")).to_be_visible()
    expect(fit).to_be_enabled()


def test_what_is_missing_is_said_beside_the_button(studio: Studio) -> None:
    panel = studio.show("Fit")
    fit = panel.get_by_role("button", name="Fit", exact=True)
    expect(fit).to_be_disabled()
    expect(panel.get_by_text("Load a table first.")).to_be_visible()
    studio.use_example()
    studio.show("Fit")
    expect(panel.get_by_text("Finish V first.")).to_be_visible()
    studio.model()
    studio.item("Sum").click()
    studio.show("Fit")
    problem = (
        panel.get_by_label("Problems")
        .get_by_role("button", name="Sum")
        .or_(panel.get_by_label("Problems").get_by_text("Connect the matrix"))
    )
    expect(problem.first).to_be_visible()
    studio.use_template()
    studio.show("Fit")
    expect(fit).to_be_enabled()
    panel.get_by_label("Response").select_option("")
    expect(panel.get_by_text("Choose the response.")).to_be_visible()
    expect(fit).to_be_disabled()


def test_a_problem_leads_to_its_node(alpha: Studio) -> None:
    alpha.show("Inspector")
    alpha.select("block design")
    alpha.page.get_by_role("group", name="Factors", exact=True).get_by_text("rep", exact=True).click()
    alpha.page.get_by_role("group", name="Factors", exact=True).get_by_text("block", exact=True).click()
    panel = alpha.show("Fit")
    panel.get_by_label("Problems").get_by_role("button", name="block design").click()
    expect(alpha.page.get_by_label("Name", exact=True)).to_have_value("block design")
    expect(alpha.panel("Inspector")).to_be_visible()


@pytest.fixture
def long_model(tmp_path: Path) -> Path:
    """The same trial thirty times over, with a covariance that no engine takes apart: a fit of minutes."""
    table = many_times(30, "long")
    changes = [
        AddNode("Sum", name="all", connect=("V", None)),
        AddNode(
            "GaussianMatrix",
            name="field",
            arguments={"coordinates": Columns(("row", "plot"))},
            connect=("n1", None),
        ),
        AddNode("ScalarMatrix", name="residual", connect=("n1", None)),
        SetData(table.name, {"yield": "response"}, "yield"),
    ]
    path = tmp_path / "long.json"
    path.write_text(dumps(Batch(changes).apply(Document()), table), encoding="utf-8")
    return path


def test_a_long_fit_shows_progress_leaves_the_sliders_free_and_is_cancelled(
    studio: Studio, long_model: Path
) -> None:
    studio.page.get_by_label("Open a model file").set_input_files(long_model)
    expect(studio.state()).to_contain_text("V 2160 × 2160")
    panel = studio.show("Fit")
    panel.get_by_role("button", name="Fit", exact=True).click()
    expect(panel.get_by_role("region", name="Progress")).to_be_visible()
    expect(panel.get_by_role("button", name="Fit", exact=True)).to_be_disabled()
    studio.show("Inspector")
    slider = studio.slider("residual/sigma^2")
    slider.focus()
    slider.press("Shift+ArrowRight")
    expect(studio.value("residual/sigma^2")).not_to_have_value("1")
    studio.show("Fit")
    panel.get_by_role("button", name="Cancel").click()
    expect(studio.notice("The fit was cancelled")).to_be_visible()
    expect(panel.get_by_role("button", name="Fit", exact=True)).to_be_enabled()
    expect(panel.get_by_role("region", name="Results")).to_have_count(0)


def test_a_rank_deficient_design_is_explained(alpha: Studio) -> None:
    panel = alpha.show("Fit")
    formula = panel.get_by_role("textbox", name="Fixed effects")
    formula.fill("1 + rep + rep:block + block + gen + row + plot")
    expect(panel.get_by_role("alert").or_(panel.get_by_text("columns of X"))).to_be_visible()
    formula.fill("1 + plot + row")
    expect(panel.get_by_role("alert")).to_be_visible()
    expect(panel.get_by_role("button", name="Fit", exact=True)).to_be_disabled()


def test_a_singular_model_is_explained_at_its_nodes(alpha: Studio) -> None:
    alpha.show("Inspector")
    alpha.value("residual/sigma^2").fill("0")
    alpha.value("residual/sigma^2").press("Enter")
    alpha.button("Fix σ² of residual").click()
    expect(alpha.state()).to_contain_text("2 parameters")
    panel = alpha.show("Fit")
    panel.get_by_role("button", name="Fit", exact=True).click()
    failure = panel.get_by_role("region", name="What went wrong").get_by_role("button")
    expect(failure).to_have_count(1)
    expect(failure).to_contain_text("genotype variance, block variance: V is singular")
    failure.click()
    expect(alpha.page.get_by_label("Name", exact=True)).to_have_value("genotype variance")


def test_the_program_is_copied_downloaded_and_runs(alpha: Studio, tmp_path: Path) -> None:
    panel = alpha.show("Code")
    code = panel.get_by_role("region", name="Python code")
    expect(code).to_contain_text("CovariancePropagation")
    panel.get_by_role("button", name="Copy code").click()
    expect(panel.get_by_role("button", name="Copy code")).to_contain_text("Copied")
    copied = alpha.page.evaluate("navigator.clipboard.readText()")
    with alpha.page.expect_download() as started:
        panel.get_by_role("button", name="Download model.py").click()
    assert started.value.suggested_filename == "model.py"
    program = tmp_path / "model.py"
    started.value.save_as(program)
    assert program.read_text(encoding="utf-8") == copied
    done = run_program(copied, tmp_path)
    assert done.code == 0, done.stderr
    assert len(done.stdout.strip().splitlines()) >= 72


def test_the_program_follows_the_model(alpha: Studio) -> None:
    code = alpha.show("Code").get_by_role("region", name="Python code")
    expect(code).to_contain_text('"residual/sigma^2": 1')
    alpha.show("Inspector")
    alpha.value("residual/sigma^2").fill("0.25")
    alpha.value("residual/sigma^2").press("Enter")
    alpha.show("Code")
    expect(code).to_contain_text('"residual/sigma^2": 0.25')
