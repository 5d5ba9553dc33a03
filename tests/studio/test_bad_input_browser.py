"""Bad input in a browser: messages say what is wrong and what to do, and nothing the person had is lost."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from covstudio.data import Table, read_table
from covstudio.data.examples import load_example
from covstudio.document.build.build import build
from covstudio.document.changes.all import AddNode, SetFixed, SetParameters
from covstudio.document.files.templates import templates
from covstudio.document.files.write import dumps, loads
from covstudio.document.model.document import Document
from covstudio.document.model.node import FrozenMap
from tests.studio.browser import ALPHA, Studio

SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(2)>"
LEVEL = f"R2{IMAGE}"
RESIDUAL = "residual/sigma^2"

OATS = load_example("john_alpha")
CSV = OATS.to_csv()
MODEL = templates()[0].document(OATS)


@pytest.fixture
def worked(alpha: Studio) -> Studio:
    """A model with data and with steps behind it and ahead of it: of 0.25 and 0.5, the second is undone."""
    for value in ("0.25", "0.5"):
        alpha.value(RESIDUAL).fill(value)
        alpha.value(RESIDUAL).press("Enter")
        expect(alpha.slider(RESIDUAL)).to_have_attribute("aria-valuetext", value)
    alpha.button("Undo").click()
    expect(alpha.value(RESIDUAL)).to_have_value("0.25")
    alpha.settled()
    return alpha


def nothing_is_lost(studio: Studio, *, ahead: bool = True) -> None:
    """The model of `worked` stands as it was, with its data, its past and its future.

    Args:
        studio: the page.
        ahead: whether the undone step is still to be had; a step that was applied and undone took its place.
    """
    studio.show("Inspector")
    expect(studio.page.get_by_label("Model title")).to_have_value(ALPHA)
    expect(studio.state()).to_contain_text("V 72 × 72 · 3 parameters")
    expect(studio.value(RESIDUAL)).to_have_value("0.25")
    studio.button("Undo").click()
    expect(studio.value(RESIDUAL)).to_have_value("1")
    studio.button("Redo").click()
    expect(studio.value(RESIDUAL)).to_have_value("0.25")
    if ahead:
        studio.button("Redo").click()
        expect(studio.value(RESIDUAL)).to_have_value("0.5")
        studio.button("Undo").click()
        expect(studio.value(RESIDUAL)).to_have_value("0.25")


def fit_button(studio: Studio) -> Locator:
    return studio.panel("Fit").get_by_role("button", name="Fit", exact=True)


def open_model(studio: Studio, path: Path, text: str | bytes) -> None:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    studio.page.get_by_label("Open a model file").set_input_files(path)


def spoilt(change: Callable[[dict[str, Any]], object]) -> str:
    """The saved model of the oats with something wrong in it."""
    content = json.loads(dumps(MODEL, OATS))
    change(content)
    return json.dumps(content)


def in_a_circle(content: dict[str, Any]) -> None:
    model = content["model"]
    nodes = {node["id"]: node for node in model["nodes"]}
    top = nodes[model["v"]]
    nodes[top["operands"][0]]["operands"]["g"] = model["v"]
    model["v"] = None


def test_tables_that_will_not_do_leave_the_one_in_use(worked: Studio, tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    with large.open("wb") as stream:
        stream.write(b"gen,yield\n")
        stream.truncate(100_000_001)
    cases: list[tuple[str, str | bytes | None, str]] = [
        ("empty.csv", "", "The file is empty. A table needs a first line with the names of its columns"),
        ("ragged.csv", "gen,yield\nG1,4\nG2\nG3,5,6\n", "line 3 has 1, line 4 has 3 (2 of 3 lines)"),
        ("joined.csv", "gen,yield\nGrün,4\nGrün,5\n".encode() + b"\xe9,3\n", "UTF-8 but for byte 27"),
        ("names.csv", "gen,gen\nG1,4\n", "'gen'"),
        ("large.csv", None, "at most 100 MB can be taken"),
    ]
    data = worked.show("Data")
    data.get_by_text("Use another table").click()
    for name, content, says in cases:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        data.get_by_label("Upload a csv file").set_input_files(path)
        expect(data.get_by_role("alert")).to_contain_text(says)
        expect(data.get_by_role("alert")).to_contain_text(name)
        expect(data.get_by_text("in use", exact=True)).to_be_visible()
        expect(data.get_by_text("72 rows × 7 columns")).to_be_visible()
    nothing_is_lost(worked)
    worked.show("Data")
    good = tmp_path / "good.csv"
    good.write_text("gen,yield\nG1,4\nG2,5\nG1,NA\nG2,4.5\n", encoding="utf-8")
    data.get_by_label("Upload a csv file").set_input_files(good)
    expect(data.get_by_role("heading", name="good")).to_be_visible()
    expect(data.get_by_role("alert")).to_have_count(0)


def test_broken_model_files_leave_the_model_and_its_history(worked: Studio, tmp_path: Path) -> None:
    def node(content: dict[str, Any], **changed: Any) -> None:
        content["model"]["nodes"][-1].update(changed)

    many = [{"id": f"n{i}", "kind": "IdentityMatrix", "name": f"n{i}"} for i in range(10_000)]
    cases: list[tuple[str | bytes, str]] = [
        ("", "The file is empty. Choose a file that covstudio has saved."),
        (CSV, "This is not JSON"),
        (b"\x89PNG\r\n\x1a\n\xff", "Open a model that was saved here"),
        (spoilt(lambda content: node(content, kind="Sacalar")), "Expected a structure of the catalogue"),
        (spoilt(lambda content: node(content, kind="SimpleMatrix")), "nothing in a file is ever executed"),
        (spoilt(lambda content: content.update(covstudio=2)), "Upgrade covstudio to open it."),
        (spoilt(in_a_circle), "The operands go round in a circle"),
        (
            spoilt(lambda content: node(content, values={"sigma^2": float("nan")})),
            "A finite number is expected; got NaN. Write a number in its place.",
        ),
        (spoilt(lambda content: content["model"].update(nodes=many)), "at most 2,000 nodes"),
    ]
    for text, says in cases:
        open_model(worked, tmp_path / "broken.json", text)
        notice = worked.notice(says)
        expect(notice).to_be_visible()
        expect(notice).to_have_role("alert")
        notice.get_by_role("button", name="Dismiss").click()
        expect(notice).to_have_count(0)
        expect(worked.node("genotype")).to_be_visible()
    large = tmp_path / "large.json"
    with large.open("wb") as stream:
        stream.truncate(250_000_001)
    worked.page.get_by_label("Open a model file").set_input_files(large)
    expect(worked.notice("at most 250 MB can be opened")).to_be_visible()
    nothing_is_lost(worked)


def test_a_model_whose_table_has_a_name_in_use_keeps_both(worked: Studio, tmp_path: Path) -> None:
    other = OATS.rows(OATS.frame["rep"].to_numpy() != "R3")
    open_model(worked, tmp_path / "two.json", dumps(MODEL, other))
    expect(worked.state()).to_contain_text("V 48 × 48")
    worked.button("Undo").click()
    nothing_is_lost(worked, ahead=False)


def test_what_cannot_be_fitted_is_said_and_mended(worked: Studio, tmp_path: Path) -> None:
    panel = worked.show("Fit")
    fit = fit_button(worked)
    formula = panel.get_by_role("textbox", name="Fixed effects")
    for text, says in (
        ("__import__('os').system('true')", "never evaluated as code"),
        ("1 + row + plot", "cannot all be estimated"),
        ("1 + (", "Write brackets in pairs"),
        ("1 + height", "There is no column 'height'"),
        ("1 + yield", "'yield' is the response"),
    ):
        formula.fill(text)
        formula.press("Enter")
        expect(panel.get_by_role("alert")).to_contain_text(says)
        expect(fit).to_be_disabled()
        expect(panel.get_by_text("Mend the fixed effects first.")).to_be_visible()
    for _ in range(5):
        worked.button("Undo").click()
    expect(formula).to_have_value("1 + rep")
    expect(fit).to_be_enabled()

    data = worked.show("Data")
    data.get_by_label("Role of gen", exact=True).select_option("response")
    expect(data.get_by_role("alert")).to_contain_text("gen")
    worked.show("Fit")
    expect(panel.get_by_role("alert").first).to_contain_text("'gen' holds text. A response holds numbers")
    expect(fit).to_be_disabled()
    worked.button("Undo").click()
    expect(fit).to_be_enabled()

    worked.show("Inspector")
    worked.select("genotype variance")
    worked.page.keyboard.press("Delete")
    expect(worked.node("genotype variance")).to_have_count(0)
    expect(worked.state()).to_contain_text("to finish")
    worked.show("Fit")
    expect(panel.get_by_text("Finish V first.")).to_be_visible()
    expect(panel.get_by_label("Problems")).to_contain_text("drag a matrix onto its free slot")
    expect(fit).to_be_disabled()
    worked.button("Undo").click()
    expect(fit).to_be_enabled()

    gap = read_table(CSV.replace("4.1172", "NA").encode(), name=OATS.name)
    open_model(worked, tmp_path / "gap.json", dumps(MODEL, gap))
    expect(panel.get_by_text("1 of 72 rows was dropped: 1 has no 'yield'.")).to_be_visible()
    expect(worked.state()).to_contain_text("V 71 × 71")
    expect(panel.get_by_role("region", name="Results")).to_have_count(0)  # none of the model before
    expect(worked.fit()).to_contain_text("REML on 71 rows")
    expect(panel.get_by_text("1 of 72 rows was dropped")).to_have_count(1)
    worked.button("Undo").click()
    worked.button("Undo").click()
    expect(worked.state()).to_contain_text("V 72 × 72")

    one = CSV.replace("R2", "R1").replace("R3", "R1")
    open_model(worked, tmp_path / "one.json", dumps(MODEL, read_table(one.encode(), name=OATS.name)))
    expect(panel.get_by_role("alert")).to_contain_text("has one level, 'R1'")
    expect(panel.get_by_role("alert")).to_contain_text("Take it out of the formula.")
    worked.button("Undo").click()
    nothing_is_lost(worked, ahead=False)


def indefinite() -> str:
    """A model whose V has fixed covariances that are far larger than its variances."""
    table = Table.from_columns({"plot": ["a", "b", "c"], "yield": [1.0, 2.5, 2.0]}, "three")
    document = AddNode("UnconstrainedMatrix", name="free", id="free", connect=("V", None)).apply(Document())
    document = replace(
        document,
        response="yield",
        data_name="three",
        roles=FrozenMap({"plot": "ignored", "yield": "response"}),
    )
    for ref in build(document, table).parameters:
        row, column = ref.name.split("_")[1:]
        if row != column:
            document = SetParameters({("free", ref.name): 9.0}).apply(document)
            document = SetFixed("free", ref.name, True).apply(document)
    return dumps(document, table)


def test_a_table_without_the_columns_that_the_model_names(worked: Studio, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("genotype,yield\nG1,4\nG2,5\nG1,4.5\nG2,3\n", encoding="utf-8")
    data = worked.show("Data")
    data.get_by_text("Use another table").click()
    data.get_by_label("Upload a csv file").set_input_files(path)
    data.get_by_role("button", name="Use this table").click()
    expect(data.get_by_text("in use", exact=True)).to_be_visible()
    panel = worked.show("Fit")
    expect(panel.get_by_role("alert")).to_contain_text("There is no column 'rep' in 'other'.")
    expect(panel.get_by_label("Problems")).to_contain_text(
        "There is no column 'gen' in 'other'. The columns are 'genotype' and 'yield'."
    )
    expect(fit_button(worked)).to_be_disabled()
    worked.button("Undo").click()
    nothing_is_lost(worked, ahead=False)


def test_a_v_that_is_not_positive_definite(worked: Studio, tmp_path: Path) -> None:
    open_model(worked, tmp_path / "indefinite.json", indefinite())
    expect(worked.state()).to_contain_text("V 3 × 3")
    panel = worked.show("Fit")
    fit_button(worked).click()
    trouble = panel.get_by_role("region", name="What went wrong")
    expect(trouble).to_contain_text("not positive definite", timeout=60_000)
    expect(trouble.get_by_role("button", name="free")).to_have_count(1)
    expect(fit_button(worked)).to_be_enabled()
    expect(panel.get_by_role("region", name="Results")).to_have_count(0)
    worked.button("Undo").click()
    expect(worked.fit()).to_contain_text("Converged")
    worked.button("Undo").click()
    nothing_is_lost(worked, ahead=False)


def test_more_rows_than_can_be_drawn_are_fitted(worked: Studio, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    rows = (
        f"R{i % 3},B{i % 60},G{i % 24},{4 + (i % 97) / 50 + (i % 24) / 9 + (i % 60) / 40}\n"
        for i in range(20_000)
    )
    path.write_text("rep,block,gen,yield\n" + "".join(rows), encoding="utf-8")
    data = worked.show("Data")
    data.get_by_text("Use another table").click()
    data.get_by_label("Upload a csv file").set_input_files(path)
    expect(data.get_by_text("20,000 rows × 4 columns")).to_be_visible()
    data.get_by_role("button", name="Use this table").click()
    expect(data.get_by_text("in use", exact=True)).to_be_visible()
    expect(worked.state()).to_contain_text("V 20000 × 20000")
    expect(worked.notice("too large to be drawn")).to_be_visible()
    expect(worked.fit()).to_contain_text("Converged")
    worked.button("Undo").click()
    worked.button("Undo").click()
    nothing_is_lost(worked, ahead=False)


def test_a_column_named_like_a_script_is_only_text(studio: Studio, tmp_path: Path) -> None:
    page = studio.page
    path = tmp_path / f"{SCRIPT.replace('/', '')}.csv"
    path.write_text(CSV.replace("rep,", f"{SCRIPT},").replace("yield", IMAGE).replace("R2", LEVEL))
    data = studio.show("Data")
    data.get_by_label("Upload a csv file").set_input_files(path)
    preview = data.get_by_role("region", name="Table")
    for name in (SCRIPT, IMAGE):
        expect(preview.get_by_role("columnheader", name=name, exact=True)).to_be_visible()
        expect(data.get_by_label(f"Role of {name}", exact=True)).to_be_visible()
    data.get_by_label(f"Role of {SCRIPT}", exact=True).select_option("factor")
    data.get_by_label(f"Role of {IMAGE}", exact=True).select_option("response")
    data.get_by_role("button", name="Use this table").click()
    expect(data.get_by_text("in use", exact=True)).to_be_visible()

    studio.use_template()
    studio.show("Inspector")
    studio.select("genotype design")
    factors = studio.panel("Inspector").get_by_role("group", name="Factors", exact=True)
    factors.get_by_text("gen", exact=True).click()
    factors.get_by_text(SCRIPT, exact=True).click()
    expect(factors.get_by_role("checkbox", name=SCRIPT, exact=True)).to_be_checked()
    page.get_by_label("Name", exact=True).fill(IMAGE)
    page.get_by_label("Name", exact=True).press("Enter")

    panel = studio.show("Fit")
    expect(panel.get_by_label("Response")).to_have_value(IMAGE)
    formula = panel.get_by_role("textbox", name="Fixed effects")
    formula.fill(f"1 + `{SCRIPT}`")
    formula.press("Enter")
    expect(panel.get_by_text("3 columns of X")).to_contain_text(f"{SCRIPT}[{LEVEL}]")
    results = studio.fit()
    effects = results.get_by_role("region", name="Fixed effects")
    expect(effects.get_by_role("cell", name=f"{SCRIPT}[{LEVEL}]", exact=True)).to_be_visible()
    blups = results.get_by_role("region", name="Random effects (BLUPs)")
    expect(blups.get_by_role("cell", name=LEVEL).first).to_be_visible()
    with page.expect_download() as started:
        effects.get_by_role("button", name="Download Fixed effects as csv").click()
    rows = list(csv.DictReader(io.StringIO(started.value.path().read_text(encoding="utf-8"))))
    assert f"{SCRIPT}[{LEVEL}]" in [row["effect"] for row in rows]

    for tab in ("Matrix", "Inspector"):
        expect(studio.show(tab)).to_be_visible()  # type: ignore[arg-type]
    code = studio.show("Code").get_by_role("region", name="Python code")
    expect(code).to_contain_text(SCRIPT)
    with page.expect_download() as started:
        studio.panel("Code").get_by_role("button", name=re.compile(r"^Download")).click()
    compile(started.value.path().read_text(encoding="utf-8"), "model.py", "exec")

    with page.expect_download() as started:
        studio.button("Save").click()
    text = started.value.path().read_text(encoding="utf-8")
    document, table = loads(text)
    assert table is not None
    assert {SCRIPT, IMAGE} < set(table.columns)
    assert (document.response, document.fixed_effects) == (IMAGE, f"1 + `{SCRIPT}`")
    open_model(studio, tmp_path / "saved.json", text)
    expect(studio.notice("Opened")).to_be_visible()
    studio.settled()
    expect(page.locator("script:text-is('alert(1)'), img[src='x']")).to_have_count(0)
