"""`covstudio compare` and `covstudio advise`."""

from __future__ import annotations

import json

import pytest

from covstudio.cli import OK, PROBLEM
from tests.cli.cli_cases import JOHN_ALPHA, problem

PLAIN = "yield ~ rep + (1 | gen)"
BLOCKS = f"{PLAIN} + (1 | rep:block)"


def test_models_are_put_side_by_side(run):
    code, out, err = run("compare", PLAIN, BLOCKS, "--data", JOHN_ALPHA, "--json", "--verbose")
    assert code == OK
    assert err.count("fitting") == 2
    one, two = json.loads(out)["models"]
    assert one["LR"] is None
    assert (two["model"], two["against"], two["df"]) == (BLOCKS, PLAIN, 1)
    assert two["LR"] == pytest.approx(8.6058, abs=1e-4)
    code, out, _ = run("compare", PLAIN, BLOCKS, "--data", JOHN_ALPHA, "--name", "a", "--name", "b")
    assert code == OK
    assert "½ χ²(0) + ½ χ²(1)" in out


def test_a_model_that_fails_is_a_row(run, model):
    code, out, _ = run(
        "compare", PLAIN, "yield ~ rep + (1 | genn)", model, "nothing.json", "--data", JOHN_ALPHA
    )
    assert code == PROBLEM
    for said in ("111.8", "genn", "restricted likelihoods", "There is no file nothing.json"):
        assert said in out


def test_what_to_try_is_said(run):
    code, out, _ = run("advise", PLAIN, JOHN_ALPHA)
    assert code == OK
    assert "random effects of rep:block" in out
    code, out, _ = run("advise", PLAIN, JOHN_ALPHA, "--json", "--time", "row", "--subject", "rep")
    found = json.loads(out)
    assert found["candidates"][0]["candidate"] == "AR(1) over row within rep beside the residual"
    assert found["evidence"][0]["evidence"] == "correlogram"
    code, out, err = run("advise", PLAIN, JOHN_ALPHA, "--fit", "--verbose")
    assert code == OK
    assert "as it is" in out
    assert "1 of 4: AR(1) over row within rep beside the residual fitted" in err
    code, out, _ = run("advise", PLAIN, JOHN_ALPHA, "--choose", "BIC", "--json")
    assert [step["taken"] for step in json.loads(out)["steps"]][-1] == "none"


def test_words_that_do_not_fit_are_told(run):
    assert "2 models and 1 names" in problem(
        run("compare", PLAIN, BLOCKS, "--data", JOHN_ALPHA, "--name", "a")
    )
    assert "two columns with a comma" in problem(run("advise", PLAIN, JOHN_ALPHA, "--field", "row"))
    assert "weather" in problem(run("advise", PLAIN, JOHN_ALPHA, "--time", "weather"))
