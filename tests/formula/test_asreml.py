"""ASReml's words: against R where another system says the same, against closed identities elsewhere.

besag_met_two.csv has the first two counties of `besag.met` of the R package agridat: corn trials in North
Carolina (Besag & Higdon 1999).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from covstudio import fit
from covstudio.fitting import Fitted
from covstudio.formula import Refusal, read

REFERENCE = Path(__file__).parent / "reference"
R = {
    case["name"]: case["loglik"] for case in json.loads((REFERENCE / "fits.json").read_text(encoding="utf-8"))
}
MACHINES = pd.read_csv(REFERENCE / "Machines.csv")
SLEEP = pd.read_csv(REFERENCE / "sleepstudy.csv")
TRIALS = pd.read_csv(REFERENCE / "besag_met_two.csv")


def asreml(formula: str, frame: pd.DataFrame, **texts: Any) -> Fitted:
    found = fit(formula, frame, dialect="asreml", **texts)
    assert isinstance(found, Fitted)
    return found


@pytest.mark.parametrize(
    ("random", "same"),
    [
        ("~ us(Machine):Worker", "Machines within worker"),
        ("~ us(Machine):id(Worker)", "Machines within worker"),
        ("~ corgh(Machine):Worker", "Machines within worker"),
        ("~ fa(Machine, 1):Worker", "Machines within worker"),
        ("~ diag(Machine):Worker", "Machines diagonal"),
        ("~ idh(Machine):Worker", "Machines diagonal"),
        ("~ at(Machine):Worker", "Machines diagonal"),
        ('~ at(Machine, "A"):Worker + at(Machine, c("B", "C")):Worker', "Machines diagonal"),
        ("~ corv(Machine):Worker", "Machines compound symmetric"),
        ("~ cor(Machine):idv(Worker)", "Machines compound symmetric"),
        ("~ Worker + Worker:Machine", "Machines nested"),
        ("~ Worker / Machine", "Machines nested"),
        ("~ idv(Worker) + idv(Worker):id(Machine)", "Machines nested"),
    ],
)
def test_effects_of_factors_are_those_of_lme4_and_nlme(random: str, same: str) -> None:
    assert asreml("score ~ Machine", MACHINES, random=random).loglik == pytest.approx(R[same], abs=1e-5)


@pytest.mark.parametrize(
    ("random", "same"),
    [
        ("~ str(~ Subject + Subject:Days, ~ us(2):id(18))", "sleepstudy slopes"),
        ("~ us(pol(Days, 1)):id(Subject)", "sleepstudy slopes"),
        ("~ us(leg(Days, 1)):Subject", "sleepstudy slopes"),
        ("~ Subject + lin(Days):Subject", "sleepstudy double bar"),
        ("~ str(~ Subject + Subject:Days, ~ diag(2):id(18))", "sleepstudy double bar"),
    ],
)
def test_random_regressions_are_those_of_lme4(random: str, same: str) -> None:
    assert asreml("Reaction ~ Days", SLEEP, random=random).loglik == pytest.approx(R[same], abs=1e-5)


def test_a_field_for_each_trial_is_the_sum_of_the_trials() -> None:
    together = asreml(
        "yield ~ county + county:gen - 1", TRIALS, residual="~ dsum(~ ar1(row):ar1(col) | county)"
    )
    alone = [
        asreml("yield ~ gen", TRIALS[TRIALS["county"] == county], residual="~ ar1(row):ar1(col)")
        for county in ("C1", "C2")
    ]
    assert together.loglik == pytest.approx(sum(one.loglik for one in alone), abs=1e-5)
    assert together.params["residual C1/g/a/rho"] == pytest.approx(alone[0].params["g/a/rho"], abs=1e-4)
    assert together.params["residual C2/g/b/sigma^2"] == pytest.approx(
        alone[1].params["g/b/sigma^2"], rel=1e-3
    )


def test_units_are_a_nugget_beside_a_field() -> None:
    trial = TRIALS[TRIALS["county"] == "C1"]
    plain = asreml("yield ~ 1", trial, random="~ gen", residual="~ ar1(row):ar1(col)")
    nugget = asreml("yield ~ 1", trial, random="~ gen + units", residual="~ ar1v(row):ar1(col)")
    assert nugget.loglik >= plain.loglik - 1e-6
    assert "units/sigma^2" in nugget.params


def test_a_variance_for_each_level_is_that_of_nlme() -> None:
    expected = fit(
        "score ~ Machine",
        MACHINES,
        random="~ 1 | Worker",
        weights="varIdent(form = ~ 1 | Machine)",
        dialect="nlme",
    ).loglik
    for residual in ("~ dsum(~ id(units) | Machine)", "~ idh(Machine):units"):
        found = asreml("score ~ Machine", MACHINES, random="~ Worker", residual=residual)
        assert found.loglik == pytest.approx(expected, abs=1e-5)


def test_a_known_matrix_is_matched_by_names() -> None:
    rng = np.random.default_rng(1)
    root = rng.normal(size=(8, 8))
    names = [str(k) for k in (7, 3, 1, 8, 6, 2, 5, 4)]
    known = pd.DataFrame(root @ root.T + np.eye(8), index=names, columns=names)
    shuffled = known.loc[names[::-1], names[::-1]]
    inverse = pd.DataFrame(np.linalg.inv(known.to_numpy()), index=names)
    found = [
        asreml("score ~ Machine", MACHINES, random="~ vm(Worker, K)", matrices={"K": one}).loglik
        for one in (known, shuffled)
    ]
    found.append(
        asreml("score ~ Machine", MACHINES, random="~ giv(Worker, K)", matrices={"K": inverse}).loglik
    )
    both = asreml("score ~ Machine", MACHINES, random="~ id(Machine):vm(Worker, K)", matrices={"K": known})
    assert found == pytest.approx([found[0]] * 3, abs=1e-6)
    assert len([name for name in both.params if not name.startswith("residual")]) == 1
    unit = pd.DataFrame(np.eye(6), index=[str(k) for k in range(1, 7)])
    plain = asreml("score ~ Machine", MACHINES, random="~ vm(Worker, I)", matrices={"I": unit})
    assert plain.loglik == pytest.approx(
        asreml("score ~ Machine", MACHINES, random="~ Worker").loglik, abs=1e-6
    )


def test_a_whole_call() -> None:
    text = "asreml(fixed = yield ~ gen, random = ~ units, residual = ~ ar1v(row):ar1(col), data = trial)"
    reading = read(text, TRIALS[TRIALS["county"] == "C2"])
    assert (reading.dialect, reading.data, reading.document.response) == ("asreml", "trial", "yield")


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"random": "gen"}, "without a left side"),
        ({"random": "~ (1 | gen)"}, "bars are lme4's"),
        ({"random": "~ gan"}, "Did you mean 'gen'"),
        ({"random": "~ vm(gen, K)"}, "matrix K is not given"),
        ({"random": '~ at(county, "C9"):gen'}, "no such level"),
        ({"random": "~ corAR1(form = ~ 1 | gen)"}, "nlme's correlation"),
        ({"random": "~ us()"}, "names no factor"),
        ({"random": "~ str(~ gen)"}, "two formulas"),
        ({"residual": "~ dsum(~ ar1(row):ar1(col))"}, "with a bar"),
        ({"residual": "~ arl(row):ar1(col)"}, "no such function"),
        ({"correlation": "corAR1()"}, "takes no correlation"),
    ],
)
def test_what_is_refused(texts: dict[str, str], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        fit("yield ~ 1", TRIALS, dialect="asreml", **texts)
