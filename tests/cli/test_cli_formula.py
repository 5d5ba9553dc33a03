"""A formula in place of a model file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from covstudio.cli import main

REFERENCE = Path(__file__).parents[1] / "formula" / "reference"


def fitted(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main(["fit", *words, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_formula_is_fitted(capsys: pytest.CaptureFixture[str]) -> None:
    found = fitted(capsys, "Reaction ~ Days + (Days | Subject)", str(REFERENCE / "sleepstudy.csv"))
    assert found["loglik"] == pytest.approx(-871.8141359792, abs=1e-6)


def test_nlme_with_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    found = fitted(
        capsys,
        "distance ~ age",
        str(REFERENCE / "Orthodont.csv"),
        "--dialect=nlme",
        "--random=~ age | Subject",
        "--correlation=corAR1(form = ~ 1 | Subject)",
        "--weights=varIdent(form = ~ 1 | Sex)",
    )
    assert found["loglik"] == pytest.approx(-210.339615, abs=1e-5)


def test_a_whole_call_and_a_method(capsys: pytest.CaptureFixture[str]) -> None:
    text = "lme(yield ~ nitro, random = list(Block = ~ 1, Variety = ~ 1))"
    found = fitted(capsys, text, str(REFERENCE / "Oats.csv"), "--method", "ML")
    assert found["loglik"] == pytest.approx(-302.114504, abs=1e-5)


def test_a_formula_is_exported(capsys: pytest.CaptureFixture[str]) -> None:
    data = str(REFERENCE / "sleepstudy.csv")
    assert main(["export", "Reaction ~ Days + (Days | Subject)", "--data", data]) == 0
    assert "KhatriRaoProduct(" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Reaction ~ Dayz", "sleepstudy.csv"], "(character 12)"),
        (["Reaction ~ Days", "sleepstudy.csv", "--random", "~ 1 | Subject"], 'dialect="nlme"'),
        (["model.json", "sleepstudy.csv", "--random", "~ 1 | Subject"], "goes with a formula"),
        (["Reaction ~ Days", "nothing.csv"], "nothing.csv"),
    ],
)
def test_what_is_wrong_is_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    model, data, *more = words
    assert main(["fit", model, str(REFERENCE / data), *more]) == 1
    assert said in capsys.readouterr().err


def test_roles_that_are_said_hold_in_random_effects_too(capsys: pytest.CaptureFixture[str]) -> None:
    data = str(REFERENCE / "sleepstudy.csv")
    words = ("--dialect", "glmmTMB", "--method", "REML")
    said = fitted(capsys, "Reaction ~ 1 + ar1(0 + Days | Subject)", data, *words, "--factor", "Days")
    written = fitted(capsys, "Reaction ~ 1 + ar1(0 + factor(Days) | Subject)", data, *words)
    assert said["loglik"] == pytest.approx(written["loglik"], abs=1e-8)
