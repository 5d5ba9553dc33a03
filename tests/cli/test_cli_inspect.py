"""The command that looks at a file, and choices that go from one command to another."""

from __future__ import annotations

import json

from covstudio.data import load_example
from tests.cli.cli_cases import problem
from tests.data.workbooks import Sheet, workbook

OTHER = Sheet([["site", "x"], ["S1", 3]])


def trial() -> bytes:
    """The oats as a workbook of two sheets, the second of which has them below a title."""
    columns = load_example("john_alpha").to_columns()
    rows = [
        ["Oats, Craibstone"],
        [],
        list(columns),
        *(list(row) for row in zip(*columns.values(), strict=True)),
    ]
    return workbook({"Sites": OTHER, "Oats": Sheet(rows)})


def test_a_file_is_shown_with_every_choice_and_its_reason(run, tmp_path):
    path = tmp_path / "oats.xlsx"
    path.write_bytes(trial())
    code, out, _ = run("inspect", path)
    assert code == 0
    assert "format  workbook" in out
    assert "sheet   Sites     the first of 'Sites' and 'Oats'" in out
    assert "Question: The workbook has 2 sheets with values" in out
    code, out, _ = run("inspect", path, "--sheet", "Oats", "--json")
    found = json.loads(out)
    assert found["table"]["rows"] == 72
    assert found["choices"]["header"] == 3
    assert found["choices"]["sheet"] == "Oats"
    assert found["lines"][0].startswith("Oats, Craibstone")
    assert {
        "name": "header",
        "value": 3,
        "reason": "the first line that has a name for every column below it",
    } in found["decisions"]


def test_choices_that_were_found_are_repeated_by_a_fit_and_a_program(run, tmp_path):
    path, choices = tmp_path / "oats.xlsx", tmp_path / "choices.json"
    path.write_bytes(trial())
    assert run("inspect", path, "--sheet", "Oats", "-o", choices)[0] == 0
    words = ("yield ~ rep + (1 | gen) + (1 | rep:block)", path, "--choices", choices)
    code, out, _ = run("fit", *words, "--json")
    assert code == 0
    fitted = json.loads(out)
    code, out, _ = run("fit", words[0], path, "--sheet", "2", "--json")
    assert json.loads(out)["loglik"] == fitted["loglik"]
    code, program, _ = run("export", words[0], "--data", path, "--choices", choices)
    assert code == 0
    assert '"sheet": "Oats"' in program
    assert "read_table(path, choices=TableChoices.from_dict(CHOICES))" in program


def test_what_cannot_be_looked_at_is_told_in_a_sentence(run, tmp_path):
    path = tmp_path / "oats.xlsx"
    path.write_bytes(trial())
    assert "no sheet 'Oat'. Did you mean 'Oats'?" in problem(run("inspect", path, "--sheet", "Oat"))
    assert "There is no encoding 'utf-9'" in problem(run("inspect", path, "--encoding", "utf-9"))
    assert "--widths takes whole numbers" in problem(run("inspect", path, "--widths", "8;5"))
    assert "There is no file" in problem(run("inspect", tmp_path / "none.csv"))
    choices = tmp_path / "choices.json"
    choices.write_text('{"sheets": "Oats"}', encoding="utf-8")
    assert "A table has no choice 'sheets'" in problem(run("inspect", path, "--choices", choices))
    choices.write_text("sheet", encoding="utf-8")
    assert "should hold choices as JSON" in problem(run("inspect", path, "--choices", choices))


def test_what_is_done_to_a_table_is_said_in_its_order_and_repeated_by_a_program(run, tmp_path):
    path = tmp_path / "oats.csv"
    path.write_text(load_example("john_alpha").to_csv(), encoding="utf-8")
    words = ["--rename", "yield=t", "--keep", "t > 4.2 & rep != 'R3'", "--compute", "lt=log(t)"]
    words += ["--recode", "gen:G02,G03=G01", "--reference", "gen=G04"]
    code, out, _ = run("inspect", path, *words, "--json")
    assert code == 0
    found = json.loads(out)
    assert [next(iter(step)) for step in found["choices"]["steps"]] == ["rename", "keep", "compute", "recode"]
    assert found["table"]["columns"][-1] == "lt"
    assert 0 < found["table"]["rows"] < 48
    code, program, _ = run("export", "lt ~ gen + (1 | rep:block)", "--data", path, *words)
    assert code == 0
    assert '"labels": { "G02": "G01", "G03": "G01", }, }, ],' in " ".join(program.split())
    assert "Did you mean 'yield'?" in problem(run("inspect", path, "--rename", "yeild=t"))
    assert "--recode takes COLUMN:OLD" in problem(run("inspect", path, "--recode", "gen=G01"))
    assert "no function 'lgo'. Did you mean 'log'" in problem(
        run("inspect", path, "--compute", "l=lgo(yield)")
    )
