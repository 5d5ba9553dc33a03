"""Models that stand ready, on the command line."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from covstudio import fit_template
from covstudio.data import load_example
from covstudio.document.files.templates import TEMPLATES
from tests.cli.cli_cases import JOHN_ALPHA, problem

OATS = JOHN_ALPHA.with_name("oats_yates.csv")
CALVES = JOHN_ALPHA.with_name("mrode_calves.csv")
PARTS = ("--part", "whole=Variety", "--part", "split=N")


def fitted(result: tuple[int, str, str]) -> dict:
    code, out, err = result
    assert code == 0, err
    return json.loads(out)


def test_a_template_fits_what_the_library_fits(run) -> None:
    told = fitted(run("fit", "--template", "split_plot", OATS, *PARTS, "--json"))
    found = fit_template("split_plot", load_example("oats_yates"), whole="Variety", split="N")
    assert told["loglik"] == pytest.approx(found.loglik, abs=1e-9)
    estimates = {one["parameter"]: one["estimate"] for one in told["variance_components"]}
    assert estimates == pytest.approx(dict(found.params), rel=1e-9)


def test_parts_are_guessed_as_far_as_a_table_tells(run) -> None:
    code, out, _ = run("fit", "--template", "alpha", JOHN_ALPHA)
    assert code == 0
    assert "log-likelihood -46.5969" in out
    ml = fitted(run("fit", "--template", "alpha", JOHN_ALPHA, "--method", "ML", "--fixed", "1", "--json"))
    other = fit_template("alpha", load_example("john_alpha"), method="ML", fixed="1")
    assert ml["loglik"] == pytest.approx(other.loglik, abs=1e-9)


def test_what_a_table_does_not_tell_is_asked_with_the_words_that_say_it(run) -> None:
    said = problem(run("fit", "--template", "split_plot", OATS))
    assert "Which column has the factor of the whole plots? It may be 'N' or 'Variety'." in said
    words = said[said.index("--part") :].split()
    assert words == ["--part", "whole=N", "--part", "split=Variety"]
    # What it says to write is understood.
    assert fitted(run("fit", "--template", "split_plot", OATS, *words, "--json"))["converged"]


def test_a_second_table_is_a_part_by_its_file_or_its_name(run, tmp_path) -> None:
    table, pedigree = tmp_path / "calves.csv", tmp_path / "ped.csv"
    table.write_bytes(CALVES.read_bytes())
    rows = [(who, sire or "", dam or "") for who, sire, dam in _pedigree()]
    pd.DataFrame(rows, columns=["id", "sire", "dam"]).to_csv(pedigree, index=False)
    words = ("--fixed", "0 + sex", "--held", "animal/g/sigma^2=20", "--held", "residual/sigma^2=40", "--json")
    by_file = fitted(run("fit", "--template", "animal", table, "--part", f"pedigree={pedigree}", *words))
    by_name = fitted(
        run("fit", "--template", "animal", table, "--table", f"A={pedigree}", "--part", "pedigree=A", *words)
    )
    assert by_file["loglik"] == by_name["loglik"]
    held = {"animal/g/sigma^2": 20.0, "residual/sigma^2": 40.0}
    found = fit_template(
        "animal", load_example("mrode_calves"), pedigree=_pedigree(), fixed="0 + sex", held=held
    )
    assert by_file["loglik"] == pytest.approx(found.loglik, abs=1e-9)


def _pedigree() -> list:
    from covstudio.data import load_relations

    return load_relations("mrode_calves")["pedigree"].pedigree()


@pytest.mark.parametrize(("command", "told"), [("export", "genotype"), ("advise", "Models to try")])
def test_other_commands_take_it_too(run, command, told) -> None:
    code, out, err = run(command, "--template", "alpha", JOHN_ALPHA)
    assert code == 0, err
    assert told in out


def test_a_report_is_written_on_one(run, tmp_path) -> None:
    page = tmp_path / "report.html"
    code, _, err = run("report", "--template", "alpha", JOHN_ALPHA, "-o", page)
    assert code == 0, err
    assert "genotype/g/sigma^2" in page.read_text(encoding="utf-8")


def test_templates_are_listed_with_their_parts(run) -> None:
    code, out, err = run("fit", "--list-templates")
    assert (code, err) == (0, "")
    for template in TEMPLATES:
        assert f"{template.name}: {template.title}\n" in out
        for part in template.parts:
            assert part.name in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--template", "splitplot", OATS), "There is no template 'splitplot'. There are 'alpha'"),
        (("--template", "alpha", JOHN_ALPHA, "--part", "genotyp=gen"), "no part 'genotyp'; the parts are"),
        (("--template", "alpha", JOHN_ALPHA, "--part", "genotype=gem"), "no column 'gem'"),
        (
            ("--template", "alpha", JOHN_ALPHA, "--part", "genotype"),
            "--part takes a column and a value with =",
        ),
        (
            ("--template", "alpha", JOHN_ALPHA, *("--part", "block=block") * 2),
            "--part says 'block' twice",
        ),
        (
            ("--template", "alpha", JOHN_ALPHA, "--part", "genotype=yield", "--response", "yield"),
            "'yield' is the response, and it is given for the part genotype",
        ),
        (("--template", "alpha", JOHN_ALPHA, "--held", "residual/sigma^2=x"), "--held takes a number for"),
        (("--template", "alpha", JOHN_ALPHA, "--held", "residual/sigma^2=-1"), "lies between 0 and inf"),
        (("--template", "alpha", "y ~ x", JOHN_ALPHA), "stands the table alone, and these are 'y ~ x'"),
        (("--template", "alpha", JOHN_ALPHA, "--random", "~ gen"), "--random goes with a formula"),
        (("--template", "alpha", JOHN_ALPHA, "--errors", "v"), "--errors goes with a formula"),
        (("--template", "alpha", JOHN_ALPHA, "--known", "gen=K.csv"), "--known goes with a formula"),
        (
            ("--template", "animal", CALVES, "--part", "pedigree=none.csv"),
            "The file none.csv cannot be read",
        ),
        (("yield ~ rep", JOHN_ALPHA, "--part", "block=rep"), "--part goes with --template NAME"),
        (("yield ~ rep", JOHN_ALPHA, "--held", "a=1"), "--held goes with --template NAME"),
    ],
)
def test_what_cannot_be_is_said(run, words, said) -> None:
    assert said in problem(run("fit", *words))
