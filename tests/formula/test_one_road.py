"""What a formula means is a document: saved, opened, exported and fitted, it gives the same numbers."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pandas as pd
import pytest
import torch

from covstudio import fit
from covstudio.cli import main
from covstudio.data import read_table
from covstudio.document.files.write import dumps, loads
from covstudio.document.model.document import check_forest
from covstudio.estimate import estimate
from covstudio.export import EXPORTERS
from covstudio.fitting import Fitted
from covstudio.formula import read

REFERENCE = Path(__file__).parent / "reference"
CALLS = {
    "slopes of a square, log of the response": (
        "sleepstudy",
        "lmer(log(Reaction) ~ Days + (Days + I(Days^2) | Subject), REML = FALSE)",
    ),
    "contrasts in slopes": ("Machines", "lmer(score ~ Machine + (Machine | Worker))"),
    "series by the order of rows, variances by sex": (
        "Orthodont",
        "lme(distance ~ age, random = ~ age | Subject, correlation = corAR1(form = ~ 1 | Subject), "
        "weights = varIdent(form = ~ 1 | Sex))",
    ),
    "contrasts and a nested group": (
        "Oats",
        "lmer(yield ~ C(factor(nitro), contr.poly) * Variety + (1 | Block/Variety), "
        "contrasts = list(Variety = contr.sum))",
    ),
    "process with a nugget": (
        "BodyWeight",
        "gls(weight ~ Time, correlation = corExp(form = ~ Time | Rat, nugget = TRUE))",
    ),
}


@pytest.fixture(params=list(CALLS), scope="module")
def call(request: pytest.FixtureRequest) -> tuple[Path, str, Fitted]:
    name, text = CALLS[request.param]
    path = REFERENCE / f"{name}.csv"
    found = fit(text, path)
    assert isinstance(found, Fitted)
    return path, text, found


def test_saved_and_opened_again_it_is_the_same_model(call: tuple[Path, str, Fitted]) -> None:
    _, _, found = call
    check_forest(found.document)
    document, table = loads(dumps(found.document, found.table))
    assert document == found.document
    again = estimate(document, table)
    assert again.fit.loglik == pytest.approx(found.loglik, abs=1e-9)
    assert again.fit.params == pytest.approx(found.params, rel=1e-6)


def test_the_command_line_fits_the_file_to_the_same_numbers(
    call: tuple[Path, str, Fitted], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _, found = call
    model = tmp_path / "model.json"
    model.write_text(dumps(found.document), encoding="utf-8")
    assert main(["fit", str(model), str(path), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["loglik"] == pytest.approx(found.loglik, abs=1e-9)


def test_the_program_fits_to_the_same_numbers(
    call: tuple[Path, str, Fitted], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _, found = call
    program = tmp_path / "model.py"
    program.write_text(EXPORTERS["python"].source(found.document, found.table), encoding="utf-8")
    precision = torch.get_default_dtype()
    try:
        runpy.run_path(str(program), run_name="program")["main"]([str(path)])
    finally:
        torch.set_default_dtype(precision)
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("log-likelihood"))
    assert float(line.split()[1]) == pytest.approx(found.loglik, abs=1e-9)


def test_a_reading_without_data_is_the_model_of_the_data() -> None:
    text = "lmer(Reaction ~ Days + (Days | Subject), data = sleepstudy)"
    table = read_table(REFERENCE / "sleepstudy.csv")
    blind = read(text).document
    assert blind.nodes == read(text, table).document.nodes
    assert estimate(blind, table).fit.loglik == pytest.approx(-871.8141359792, abs=1e-6)


def test_frames_mappings_and_paths_give_the_same_fit() -> None:
    path = REFERENCE / "Dyestuff.csv"
    frame = pd.read_csv(path)
    kinds = [path, str(path), frame, frame.to_dict("list"), frame.astype({"Batch": "category"})]
    found = [fit("Yield ~ 1 + (1 | Batch)", one).loglik for one in kinds]
    assert found == pytest.approx([-159.827137754] * len(kinds), abs=1e-6)


def test_names_arrive_in_every_table() -> None:
    found = fit("score ~ Machine + (0 + Machine | Worker)", REFERENCE / "Machines.csv")
    assert isinstance(found, Fitted)
    assert found.fixed["effect"].tolist() == ["(Intercept)", "Machine[B]", "Machine[C]"]
    assert found.random["level"].tolist()[:4] == ["1⋈A", "1⋈B", "1⋈C", "2⋈A"]
    assert set(found.random["term"]) == {"Worker"}
    assert "residual/sigma^2" in found.params


def test_variances_and_correlations_are_named_as_r_names_them() -> None:
    """as.data.frame(VarCorr(lmer(Reaction ~ Days + (Days | Subject), sleepstudy)))."""
    found = fit("Reaction ~ Days + (Days | Subject)", REFERENCE / "sleepstudy.csv")
    assert isinstance(found, Fitted)
    told = found.varcorr
    assert told[["term", "var1", "var2"]].values.tolist() == [
        ["Subject", "Intercept", ""],
        ["Subject", "Days", ""],
        ["Subject", "Intercept", "Days"],
        ["residual", "", ""],
    ]
    assert told["sdcor"].tolist() == pytest.approx([24.74066, 5.92214, 0.0655512, 25.59180], rel=1e-4)


def test_variances_of_levels_are_named_after_them() -> None:
    path = REFERENCE / "Machines.csv"
    texts = {"lme4": {}, "asreml": {"random": "~ us(Machine):Worker"}}
    formulas = {"lme4": "score ~ Machine + (0 + Machine | Worker)", "asreml": "score ~ Machine"}
    for dialect, more in texts.items():
        found = fit(formulas[dialect], path, dialect=dialect, **more)
        assert isinstance(found, Fitted)
        told = found.varcorr
        assert told["var1"].tolist()[:3] == ["A", "B", "C"]
        assert told["sdcor"].tolist()[:3] == pytest.approx([4.07928, 8.62529, 4.38948], rel=1e-4)


@pytest.mark.parametrize(
    "call",
    [
        "asreml(fixed = y ~ 1, residual = ~ id:ante(dose))",
        "asreml(fixed = y ~ 1, residual = ~ id:ar1v(dose))",
        "glmmTMB(y ~ 1 + toep(0 + dose | id), dispformula = ~ 0)",
        "proc mixed; class id dose; model y = ; repeated dose / subject=id type=ante(1);",
    ],
)
def test_what_was_made_of_levels_is_told(call: str) -> None:
    doses = ["low", "medium", "high"]
    rows = [
        (f"s{k}", dose, float((7 * k * j + 3 * j + k * k) % 11))
        for k in range(9)
        for j, dose in enumerate(doses)
    ]
    frame = pd.DataFrame(rows, columns=["id", "dose", "y"])
    found = fit(call, frame)
    assert isinstance(found, Fitted)
    assert "in the order high, low, medium" in found.notes[0]
    frame["dose"] = pd.Categorical(frame["dose"], categories=doses)
    again = fit(call, frame)
    assert isinstance(again, Fitted)
    assert not [note for note in again.notes if "order" in note]
