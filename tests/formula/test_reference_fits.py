"""Fits of lme4, nlme and glmmTMB from the text of their calls, against what R says of them.

The numbers were made by `tests/formula/reference/make.R`, with the data beside it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from covstudio import fit
from covstudio.fitting import Fitted

REFERENCE = Path(__file__).parent / "reference"
FITS: list[dict[str, Any]] = json.loads((REFERENCE / "fits.json").read_text(encoding="utf-8"))


@cache
def frame(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / f"{name}.csv")


@pytest.mark.parametrize("case", FITS, ids=[case["name"] for case in FITS])
def test_the_call_gives_the_log_likelihood_of_r(case: dict[str, Any]) -> None:
    found = fit(case["call"], frame(case["data"]))
    assert isinstance(found, Fitted)
    assert found.loglik == pytest.approx(case["loglik"], abs=1e-5)
    expected = list(case["fixed"].values())
    assert found.fixed["estimate"].tolist() == pytest.approx(expected, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize(
    ("term", "same"),
    [
        ("diag(0 + Machine | Worker, hom = TRUE)", "Machines identity"),
        ("diag(0 + Machine | Worker)", "Machines diagonal"),
        ("cs(0 + Machine | Worker, hom = TRUE)", "Machines compound symmetric"),
        ("us(0 + Machine | Worker)", "Machines within worker"),
        ("(0 + Machine | Worker)", "Machines within worker"),
        ("(1 | Worker / Machine)", "Machines nested"),
        ("(1 | Worker) + (1 | interaction(Machine, Worker))", "Machines nested"),
    ],
)
def test_the_structures_of_lme4_2_are_those_of_nlme_and_glmmtmb(term: str, same: str) -> None:
    expected = next(case["loglik"] for case in FITS if case["name"] == same)
    assert fit(f"score ~ Machine + {term}", frame("Machines")).loglik == pytest.approx(expected, abs=1e-5)


def test_a_series_over_levels_is_the_series_of_glmmtmb() -> None:
    expected = next(case["loglik"] for case in FITS if case["name"] == "sleepstudy series")
    term = "ar1(0 + factor(Days) | Subject)"
    assert fit(f"Reaction ~ Days + {term}", frame("sleepstudy")).loglik == pytest.approx(expected, abs=1e-5)
    free = fit(f"Reaction ~ Days + {term[:-1]}, hom = FALSE)", frame("sleepstudy"))
    assert free.loglik > expected
    same = fit(f"Reaction ~ Days + het{term}", frame("sleepstudy"), "REML", dialect="glmmTMB")
    assert free.loglik == pytest.approx(same.loglik, abs=1e-6)


#: By nlme, `lme(weight ~ Time * Diet, random = ~ Time | Rat, BodyWeight)`: log-likelihood and errors;
#: with `Time | Diet/Rat` the log-likelihood is the same.
WEIGHTS = {
    "REML": (-575.85987441, [13.09402485, 0.09113974, 22.67951631, 22.67951631, 0.15785866, 0.15785866]),
    "ML": (-582.92907997, [11.80279450, 0.08215225, 20.44303975, 20.44303975, 0.14229188, 0.14229188]),
}


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_diets_that_are_fixed_and_random_change_nothing(method: str) -> None:
    call = f'lme(weight ~ Time * factor(Diet), random = ~ Time | Diet/Rat, method = "{method}")'
    found = fit(call, frame("BodyWeight"))
    assert isinstance(found, Fitted)
    loglik, errors = WEIGHTS[method]
    assert found.loglik == pytest.approx(loglik, abs=1e-6)
    assert found.fixed["standard_error"].tolist() == pytest.approx(errors, rel=1e-5)
    assert found.fit.params["Diet/g/b/L_1_1"] == 0.0
    if method == "REML":
        assert found.fit.verdict == "not identifiable"
        assert "take up all of their part of Diet" in found.fit.message
    else:
        assert found.fit.verdict == "at the boundary"
        assert set(found.fit.boundary) == {"Diet/g/b/L_0_0", "Diet/g/b/L_1_1"}


def test_a_call_may_stand_behind_a_colon() -> None:
    """A package stands before two colons, the other half of an interaction before one."""
    oats = frame("Oats").assign(level=lambda data: "n" + data["nitro"].astype(str))
    found, same = (
        fit(f"yield ~ Variety:{name} + (1 | Block:{name})", oats) for name in ("factor(nitro)", "level")
    )
    assert found.loglik == pytest.approx(same.loglik, abs=1e-9)
    assert len(found.fixed) == len(same.fixed) == 12
    series = "~ Block:Variety:ar1(level)"
    found = fit("yield ~ 1", oats, dialect="asreml", residual=series)
    same = fit("yield ~ 1", oats, dialect="asreml", residual=series.replace("Variety", "id(Variety)"))
    assert found.loglik == pytest.approx(same.loglik, abs=1e-9)


@pytest.mark.parametrize("column", ["nitro", "day"])
def test_a_series_runs_over_a_factor_and_not_over_a_slope(column: str) -> None:
    oats = frame("Oats").assign(day=[f"2023-05-{k % 4 + 1:02d}" for k in range(72)])
    with pytest.raises(ValueError, match=r"ar1 runs over the levels of one factor\. Write ar1\(0 \+ factor"):
        fit(f"yield ~ 1 + ar1(0 + {column} | Block)", oats, dialect="glmmTMB")
