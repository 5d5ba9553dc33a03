"""The data view in a browser: examples and uploads, roles, and files that will not do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import JSHandle, Locator, expect

from covstudio.data.examples import load_example
from covstudio.document.files.write import dumps
from tests.studio.browser import Studio
from tests.studio.canvas_cases import field_trial

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def data(studio: Studio) -> Locator:
    return studio.show("Data")


def upload(data: Locator, path: Path) -> None:
    data.get_by_label("Upload a csv file").set_input_files(path)


def test_the_example_is_shown_explained_and_confirmed(studio: Studio, data: Locator, tmp_path: Path) -> None:
    data.get_by_role("button", name="Alpha design of spring oats").click()
    expect(data.get_by_text("72 rows × 7 columns")).to_be_visible()
    expect(data.get_by_text("to confirm")).to_be_visible()
    for column, role in (
        ("gen", "factor"),
        ("rep", "factor"),
        ("block", "factor"),
        ("yield", "response"),
        ("plot", "ignored"),
    ):
        expect(data.get_by_label(f"Role of {column}", exact=True)).to_have_value(role)
    expect(data.get_by_text("its name is that of a response")).to_be_visible()
    table = data.get_by_role("table", name="john_alpha.csv")
    expect(table).to_have_attribute("aria-rowcount", "73")
    expect(data.get_by_role("cell", name="4.1172")).to_be_visible()
    expect(studio.button("Undo")).to_be_disabled()
    data.get_by_role("button", name="Use this table").click()
    expect(data.get_by_text("in use", exact=True)).to_be_visible()
    expect(studio.button("Undo")).to_have_attribute(
        "aria-description", "Undo: Use the data john_alpha.csv (Ctrl Z)"
    )
    kin = tmp_path / "kin.csv"
    kin.write_text("id,sire,dam\nG01,,\nG02,G01,\nX,G01,\n", encoding="utf-8")
    data.get_by_label("Add a pedigree, markers or a matrix").set_input_files(kin)
    added = data.get_by_role("group", name="Table kin")
    expect(added.get_by_text("gen: 2 of 24 levels are in it.")).to_be_visible()
    added.get_by_role("button", name="Drop kin").click()
    expect(added).to_have_count(0)
    studio.button("Undo").click()
    expect(added).to_be_visible()
    studio.button("Undo").click()
    expect(added).to_have_count(0)
    studio.button("Undo").click()
    expect(data.get_by_label("Upload a csv file")).to_be_attached()
    expect(data.get_by_text("72 rows")).to_have_count(0)


def test_the_same_table_is_uploaded(studio: Studio, data: Locator, tmp_path: Path) -> None:
    path = tmp_path / "my trial.csv"
    path.write_text(load_example("john_alpha").to_csv(), encoding="utf-8")
    upload(data, path)
    expect(data.get_by_role("heading", name="my trial")).to_be_visible()
    data.get_by_role("button", name="Use this table").click()
    expect(data.get_by_text("in use", exact=True)).to_be_visible()
    expect(studio.show("Fit").get_by_label("Response")).to_have_value("yield")


def test_roles_are_changed_before_and_after(studio: Studio, data: Locator) -> None:
    data.get_by_role("button", name="Alpha design of spring oats").click()
    data.get_by_label("Role of row", exact=True).select_option("covariate")
    data.get_by_label("Role of plot", exact=True).select_option("response")
    expect(data.get_by_label("Role of yield", exact=True)).to_have_value("covariate")
    data.get_by_role("button", name="Use this table").click()
    expect(data.get_by_text("in use", exact=True)).to_be_visible()
    expect(data.get_by_label("Role of row", exact=True)).to_have_value("covariate")
    data.get_by_label("Role of yield", exact=True).select_option("response")
    expect(data.get_by_label("Role of plot", exact=True)).to_have_value("covariate")
    expect(studio.button("Undo")).to_have_attribute(
        "aria-description", "Undo: Use yield as response (Ctrl Z)"
    )
    studio.button("Undo").click()
    expect(data.get_by_label("Role of plot", exact=True)).to_have_value("response")


def test_a_role_that_will_not_do_keeps_the_table_from_being_used(data: Locator) -> None:
    data.get_by_role("button", name="Alpha design of spring oats").click()
    data.get_by_label("Role of gen", exact=True).select_option("covariate")
    expect(data.get_by_role("alert")).to_contain_text("gen")
    expect(data.get_by_role("button", name="Use this table")).to_be_disabled()
    data.get_by_label("Role of gen", exact=True).select_option("factor")
    data.get_by_label("Role of col", exact=True).select_option("factor")
    expect(data.get_by_role("alert")).to_contain_text("one level")
    data.get_by_label("Role of col", exact=True).select_option("ignored")
    expect(data.get_by_role("button", name="Use this table")).to_be_enabled()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n3\n", "line 3"),
        ("a,b\nü,2\nö,3\n".encode() + b"\xe9,4\n", "UTF-8 but for byte"),
        (b"gen,yield\n", "nothing below it"),
        (b"a,a\n1,2\n", "name of its own"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "bad.csv"),
        (b"1,2\n3,4\n", "should name the columns"),
    ],
)
def test_a_file_that_will_not_do_is_refused_and_nothing_is_lost(
    oats: Studio, tmp_path: Path, content: bytes, says: str
) -> None:
    data = oats.show("Data")
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    data.get_by_text("Use another table").click()
    upload(data, path)
    expect(data.get_by_role("alert")).to_contain_text(says)
    expect(data.get_by_role("alert")).to_contain_text("bad.csv")
    expect(data.get_by_text("in use", exact=True)).to_be_visible()
    expect(data.get_by_text("72 rows × 7 columns")).to_be_visible()


def test_a_file_over_the_limit_is_refused_before_it_is_sent(data: Locator, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as stream:
        stream.write(b"gen,yield\n")
        stream.truncate(100_000_001)
    upload(data, path)
    expect(data.get_by_role("alert")).to_contain_text("100.0 MB; at most 100 MB")


def test_a_large_file_arrives_in_pieces(studio: Studio, data: Locator, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    lines = [
        f"G{i % 50},R{i % 4},{4 + (i % 97) / 50},some words that make the line longer {i % 7}"
        for i in range(60_000)
    ]
    path.write_text("gen,rep,yield,note\n" + "\n".join(lines) + "\n", encoding="utf-8")
    assert path.stat().st_size > 3_000_000
    upload(data, path)
    expect(data.get_by_text("60,000 rows × 4 columns")).to_be_visible(timeout=60_000)
    # The whole table is there, and of its rows only those in sight are on the page.
    data.get_by_role("region", name="Table").evaluate("region => region.scrollTo(0, region.scrollHeight)")
    last = data.get_by_role("row").filter(has=studio.page.get_by_role("rowheader", name="60,000", exact=True))
    expect(last.get_by_role("cell").first).to_have_text("G49")
    assert data.get_by_role("row").count() < 100


def test_what_stands_in_a_table_is_never_run(studio: Studio, data: Locator, tmp_path: Path) -> None:
    path = tmp_path / "hostile.csv"
    path.write_text(
        f"{HOSTILE},y\n<img src=x onerror=alert(2)>,1\nb,2\n{HOSTILE},3.5\nb,3\n", encoding="utf-8"
    )
    upload(data, path)
    expect(data.get_by_role("columnheader", name=HOSTILE)).to_be_visible()
    expect(data.get_by_role("cell", name="<img src=x onerror=alert(2)>")).to_be_visible()
    data.get_by_label(f"Role of {HOSTILE}").select_option("factor")
    data.get_by_role("button", name="Use this table").click()
    expect(data.get_by_text("in use", exact=True)).to_be_visible()
    studio.model()
    studio.item("Factor design").click()
    studio.show("Inspector")
    studio.page.get_by_role("group", name="Factors", exact=True).get_by_text(HOSTILE, exact=True).click()
    expect(studio.page.get_by_role("checkbox", name=HOSTILE)).to_be_checked()
    studio.show("Fit")
    studio.page.get_by_label("Fixed effects").fill(HOSTILE)
    expect(studio.panel("Fit").get_by_role("alert")).to_be_visible()
    studio.show("Code")
    expect(
        studio.panel("Code")
        .get_by_role("region", name="Python code")
        .or_(studio.panel("Code").locator("p"))
        .first
    ).to_be_visible()


def test_missing_values_are_told_of(data: Locator, tmp_path: Path) -> None:
    path = tmp_path / "gaps.csv"
    path.write_text("gen,yield\nG1,4.1\nG2,NA\nG1,3.9\nG2,4.4\n", encoding="utf-8")
    upload(data, path)
    expect(data.get_by_text("1 missing")).to_be_visible()
    expect(data.get_by_role("cell", name="missing")).to_be_visible()


def test_levels_are_put_in_order_and_one_to_compare_with_is_chosen(data: Locator, studio: Studio) -> None:
    data.get_by_role("button", name="Alpha design of spring oats").click()
    data.get_by_role("button", name="Levels of rep, reference level R1").click()
    levels = studio.page.get_by_role("dialog", name="Levels of rep")
    levels.get_by_role("button", name="Move R2 up").click()
    expect(levels.get_by_role("listitem").first).to_contain_text("R2")
    levels.get_by_role("button", name="Compare the others with R3").click()
    expect(levels.get_by_role("button", name="Compare the others with R3")).to_have_attribute(
        "aria-pressed", "true"
    )
    studio.page.keyboard.press("Escape")
    expect(levels).to_have_count(0)
    expect(data.get_by_role("button", name="Levels of rep, reference level R3")).to_be_focused()


def dropped(studio: Studio, name: str, text: str) -> JSHandle:
    """A file on its way to the page."""
    return studio.page.evaluate_handle(
        """([name, text]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], name));
            return transfer;
        }""",
        [name, text],
    )


def test_a_file_is_dropped_where_files_are_asked_for(studio: Studio, data: Locator) -> None:
    transfer = dropped(studio, "dropped.csv", "gen,yield\nG1,4\nG2,5\nG1,4.5\nG2,3\n")
    zone = data.locator("label[data-drop]")
    zone.dispatch_event("dragover", {"dataTransfer": transfer})
    zone.dispatch_event("drop", {"dataTransfer": transfer})
    expect(data.get_by_role("heading", name="dropped")).to_be_visible()


def test_a_file_dropped_anywhere_opens_and_never_takes_the_place_of_the_page(studio: Studio) -> None:
    canvas = studio.page.get_by_role("region", name="Model", exact=True)
    table = dropped(studio, "field.csv", "gen,yield\nG1,4\nG2,5\nG1,4.5\nG2,3\n")
    canvas.dispatch_event("dragenter", {"dataTransfer": table})
    expect(studio.page.get_by_text("Drop to open")).to_be_visible()
    # An event that nobody prevents has the browser show the file.
    assert not canvas.evaluate(
        """(canvas, dataTransfer) => canvas.dispatchEvent(
            new DragEvent("dragover", { dataTransfer, bubbles: true, cancelable: true, composed: true })
        )""",
        table,
    )
    canvas.dispatch_event("drop", {"dataTransfer": table})
    expect(studio.show("Data").get_by_role("heading", name="field")).to_be_visible()
    expect(studio.page.get_by_text("Drop to open")).to_have_count(0)
    model = dropped(
        studio, "Oats.covstudio.json", dumps(replace(field_trial().document, title="Dropped oats"), None)
    )
    studio.panel("Data").dispatch_event("drop", {"dataTransfer": model})
    expect(studio.page.get_by_label("Model title")).to_have_value("Dropped oats")
