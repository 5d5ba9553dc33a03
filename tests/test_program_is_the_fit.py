"""`covstudio export` and `covstudio fit` take the same words, and a program gives the fit of the command."""

import contextlib
import io
import json
import math
import re
from dataclasses import replace

import pytest
import torch

from covstudio.cli import OK, main
from covstudio.data import TableChoices, read_table
from covstudio.data.examples import load_example
from covstudio.document.changes.all import AddNode, SetDerived
from covstudio.document.files.templates import TEMPLATES
from covstudio.document.files.write import dumps, loads
from covstudio.document.model.document import Document
from covstudio.export.python import python_source

ALPHA = load_example("john_alpha")


def german() -> str:
    """The oats as a German spreadsheet saves them: a title, decimal commas, replicates as numbers, dates."""
    lines = ["Haferversuch Craibstone;;;;;", ";;;;;", "Wdh;Block;Sorte;Ertrag (dt/ha);Datum;Feuchte %"]
    labels = zip(*(ALPHA.labels(name) for name in ("rep", "block", "gen")), strict=True)
    for row, ((rep, block, gen), value) in enumerate(zip(labels, ALPHA.numbers("yield"), strict=True)):
        weight, moisture = f"{100 * value:,.2f}", f"{14 + row % 7 / 10:.1f}"
        german = [number.translate({46: ",", 44: "."}) for number in (weight, moisture)]
        lines.append(f"{rep[1]};{block[1]};{gen};{german[0]};0{rep[1]}.05.2023;{german[1]}")
    return "\n".join(lines) + "\n"


def silent(words) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()) as err:
        code = main([str(word) for word in words])
    assert code == OK, err.getvalue()
    return out.getvalue()


def printed(source: str, path) -> str:
    """What a program prints for a table, run in this process."""
    out = io.StringIO()
    space = {"__name__": "exported"}
    before = torch.get_default_dtype()
    try:
        exec(compile(source, "model.py", "exec"), space)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            space["main"]([str(path)])
    finally:
        torch.set_default_dtype(before)
    return out.getvalue()


def same(model, table, *words, export_with_data=True) -> dict:
    """The fit of the command, after the program has given the same."""
    fit = json.loads(silent(["fit", model, table, "--json", *words]))
    data = ["--data", table] if export_with_data else []
    said = printed(silent(["export", model, *data, *words]), table)
    lines = {line.split("  ")[0]: line for line in said.splitlines() if line}
    assert float(lines["log-likelihood"].split()[1]) == pytest.approx(fit["loglik"], abs=1e-8)
    for one in (*fit["variance_components"], *fit["fixed_effects"]):
        name = one.get("parameter", one.get("effect"))
        value = float(lines[name].removeprefix(name).split()[0])
        assert value == pytest.approx(one["estimate"], rel=1e-6, abs=1e-9), name
    for one in fit["derived"]:
        value, error = re.search(
            rf"^{re.escape(one['quantity'])} = (\S+)  standard error (\S+)", said, re.M
        ).groups()
        assert float(value) == pytest.approx(one["estimate"], rel=1e-6)
        assert float(error) == pytest.approx(one["standard_error"], rel=0.05)
    return fit


def saved(tmp_path, document: Document, table=None):
    path = tmp_path / "model.json"
    path.write_text(dumps(document, table), encoding="utf-8")
    return path


def write(tmp_path, text: str):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def bare(document: Document) -> Document:
    """A document that says nothing about the roles of columns."""
    return replace(document, roles={})


def test_roles_that_nobody_has_said_are_guessed_alike(tmp_path):
    text = ALPHA.to_csv().replace("R1", "1").replace("R2", "2").replace("R3", "3")
    document = bare(TEMPLATES["alpha"].document(ALPHA))
    fit = same(saved(tmp_path, document), write(tmp_path, text))
    # John & Williams (1995), p. 146: rep is a factor whatever its labels.
    assert fit["loglik"] == pytest.approx(-46.596910, abs=1e-5)
    assert [one["effect"] for one in fit["fixed_effects"]] == ["(Intercept)", "rep[2]", "rep[3]"]


def test_a_program_that_was_written_without_a_table_guesses_when_it_is_run(tmp_path):
    text = ALPHA.to_csv().replace("R1", "1").replace("R2", "2").replace("R3", "3")
    document = AddNode("ScalarMatrix", arguments={"n": 72}, connect=("V", None)).apply(
        Document(response="yield", fixed_effects="1 + rep")
    )
    model, table = saved(tmp_path, document), write(tmp_path, text)
    fit = same(model, table, export_with_data=False)
    assert len(fit["fixed_effects"]) == 3
    assert len(same(model, table, "--covariate", "rep", export_with_data=False)["fixed_effects"]) == 2


def test_a_german_file(tmp_path):
    table = write(tmp_path, german())
    text = dumps(bare(TEMPLATES["alpha"].document(ALPHA)))
    for old, new in (("rep", "Wdh"), ("block", "Block"), ("gen", "Sorte"), ("yield", "Ertrag (dt/ha)")):
        text = text.replace(f'"{old}"', f'"{new}"')
    model = tmp_path / "model.json"
    model.write_text(text.replace('"1 + rep"', '"1 + Wdh"'), encoding="utf-8")
    fit = same(model, table)
    # The yields are a hundred times as large, and rounded; REML counts 69 of 72 rows.
    assert fit["loglik"] == pytest.approx(-46.596910 - 69 * math.log(100), abs=0.02)
    assert any("decimal commas" in note for note in fit["notes"])
    assert any("Haferversuch" in note for note in fit["notes"])
    fit = same(model, table, "--fixed", "1 + `Feuchte %` + Datum")
    assert [one["effect"] for one in fit["fixed_effects"]][1:] == ["Feuchte %", "Datum"]


@pytest.mark.parametrize(
    "words",
    [
        ["--factor", "plot", "--fixed", "1", "--drop-dependent"],
        ["--covariate", "plot", "--fixed", "1 + rep + plot"],
        ["--reference", "rep=R2"],
        ["--levels", "rep=R3,R1,R2", "--reference", "gen=G02"],
        ["--fixed", "1 + rep + poly(plot, 2)"],
        ["--fixed", "1 + rep + factor(block)", "--drop-dependent"],
        ["--fixed", "rep + offset(plot)"],
        ["--fixed", "yield ~ 1 + rep:block"],
        ["--method", "ML", "--derive", "h2 = genotype / (genotype + residual)"],
        ["--response", "plot", "--fixed", "1"],
        ["--missing", "yield=4.1172", "--missing", "G01", "--text", "block"],
        ["--degrees", "kenward-roger-observed"],
    ],
    ids=" ".join,
)
def test_the_words_of_the_command(tmp_path, words):
    same(saved(tmp_path, TEMPLATES["alpha"].document(ALPHA)), write(tmp_path, ALPHA.to_csv()), *words)


def test_choices_are_kept_with_the_model_and_repeated_by_the_program(tmp_path):
    text = ALPHA.to_csv().replace("4.1172", "-99").replace("G11", ".")
    choices = TableChoices(missing=("-99",)).with_column("gen", missing=["."], reference="G02")
    choices = choices.with_column("rep", levels=["R3", "R2", "R1"])
    document = replace(TEMPLATES["alpha"].document(ALPHA), choices=choices)
    assert loads(dumps(document))[0] == document
    fit = same(saved(tmp_path, document), write(tmp_path, text))
    assert [one["effect"] for one in fit["fixed_effects"]] == ["(Intercept)", "rep[R2]", "rep[R1]"]
    assert fit["references"] == {"rep": "R3"}
    assert fit["n"] == 69
    source = python_source(document, ALPHA)
    assert "CHOICES = {" in source
    assert "read_table(path, choices=TableChoices.from_dict(CHOICES))" in source
    # With the table inside the model, as it stood in the file.
    inside = saved(tmp_path, document, table=ALPHA)
    assert json.loads(silent(["fit", inside, "--json"]))["references"] == {"rep": "R3"}


def test_the_order_of_levels_is_that_of_the_correlations(tmp_path):
    season = {"early": [1.0, 2.1, 0.4, 3.0], "mid": [1.4, 2.0, 1.1, 2.2], "late": [0.2, 1.9, 1.6, 2.9]}
    season["last"] = [0.7, 1.2, 2.0, 1.8]
    rows = "".join(
        f"P{k},{time},{value}\n" for time, values in season.items() for k, value in enumerate(values)
    )
    table = write(tmp_path, f"patient,time,y\n{rows}")
    document = TEMPLATES["repeated"].document(read_table(table))
    model = saved(tmp_path, document)
    plain = same(model, table)["loglik"]
    ordered = same(model, table, "--levels", "time=early,mid,late,last")["loglik"]
    assert abs(plain - ordered) > 0.01
    for number, name in enumerate(season, start=1):
        rows = rows.replace(name, str(number))
    renamed = write(tmp_path, f"patient,time,y\n{rows}")
    assert same(model, renamed, "--factor", "time")["loglik"] == pytest.approx(ordered, abs=1e-7)


def test_derived_quantities_saved_with_the_model(tmp_path):
    document = SetDerived(["h2 = genotype / (genotype + residual)", "2 * block"]).apply(
        TEMPLATES["alpha"].document(ALPHA)
    )
    fit = same(saved(tmp_path, document, ALPHA), write(tmp_path, ALPHA.to_csv()))
    assert fit["derived"][0]["estimate"] == pytest.approx(0.6365, abs=1e-4)
