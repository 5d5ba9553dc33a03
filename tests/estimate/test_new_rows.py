"""Predictions at new rows with the random effects."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from covstudio import fit
from covstudio.data import load_example
from covstudio.data.errors import DesignError
from covstudio.fitting import Fitted

NEW = {"Days": [2.5, 10.0, 4.0], "Subject": ["308", "309", "999"]}
LME4 = [302.829310111, 229.482420213, 293.274248687]
LME4_FIXED = [277.573319747, 356.077964444, 293.274248687]


@pytest.fixture(scope="module")
def slopes() -> Fitted:
    frame = load_example("sleepstudy").frame.copy()
    frame["Subject"] = [str(one).lstrip("sS") for one in frame["Subject"]]
    return fit("Reaction ~ Days + (Days | Subject)", frame)


def test_predictions_are_those_of_lme4(slopes: Fitted) -> None:
    """lme4 of R, REML, with ftol_abs=1e-14 and xtol_abs=1e-12 for the optimiser.

    * m <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy)
    * nd <- data.frame(Days = c(2.5, 10, 4), Subject = c("308", "309", "999"))
    * predict(m, nd, allow.new.levels = TRUE); predict(m, nd, re.form = NA)
    """
    found = slopes.predict(NEW, random=True)
    assert found["prediction"].tolist() == pytest.approx(LME4, rel=2e-6)
    assert "Subject for row 3: 0" in found.attrs["notes"][0]
    fixed = slopes.predict(NEW)
    assert fixed["prediction"].tolist() == pytest.approx(LME4_FIXED, rel=1e-8)
    assert "notes" not in fixed.attrs


def test_standard_errors_are_those_of_the_mixed_model_equations(slopes: Fitted) -> None:
    """Henderson (1975): the prediction error variance from the inverse of the mixed-model equations."""
    table = slopes.table
    days, subject = table.numbers("Days"), pd.Categorical(table.labels("Subject"))
    n, q = table.n, len(subject.categories)
    z = np.zeros((n, 2 * q))
    z[np.arange(n), 2 * subject.codes], z[np.arange(n), 2 * subject.codes + 1] = 1.0, days
    x = np.stack([np.ones(n), days], axis=1)
    inference = slopes.inference
    with torch.no_grad():
        v = inference.v.evaluate(torch.tensor(list(slopes.params.values()), dtype=torch.float64)).numpy()
    first = np.flatnonzero(subject.codes == 0)
    sigma = slopes.params["residual/sigma^2"]
    own = v[np.ix_(first, first)] - sigma * np.eye(len(first))
    a = np.stack([np.ones(len(first)), days[first]], axis=1)
    g = np.linalg.pinv(a) @ own @ np.linalg.pinv(a).T
    w = np.hstack([x, z])
    equations = w.T @ w / sigma
    equations[2:, 2:] += np.kron(np.eye(q), np.linalg.inv(g))
    inverse = np.linalg.inv(equations)
    rows = np.zeros((2, 2 + 2 * q))
    for i, (level, day) in enumerate([("308", 2.5), ("309", 10.0)]):
        j = list(subject.categories).index(level)
        rows[i, [0, 1, 2 + 2 * j, 3 + 2 * j]] = 1.0, day, 1.0, day
    expected = np.sqrt(np.einsum("ij,jk,ik->i", rows, inverse, rows))
    found = slopes.predict(NEW, random=True, level=0.9)
    assert found["standard_error"][:2].tolist() == pytest.approx(expected.tolist(), rel=1e-6)
    half = 1.6448536269514722 * found["standard_error"]
    assert np.allclose(found["upper"] - found["prediction"], half)
    assert np.allclose(found["prediction"] - found["lower"], half)


def test_the_rows_of_the_fit_have_their_fitted_values(slopes: Fitted) -> None:
    again = slopes.predict(slopes.table, random=True)
    assert np.allclose(again["prediction"], slopes.augment()["fitted"], rtol=1e-10)


def test_terms_are_chosen_by_name() -> None:
    found = fit("yield ~ rep + (1 | gen) + (1 | rep:block)", load_example("john_alpha"))
    rows = {"rep": ["R1", "R2"], "gen": ["G01", "G02"], "block": ["B1", "B2"]}
    parts = [found.predict(rows, random=which)["prediction"] for which in (["gen"], ["rep:block"])]
    whole = found.predict(rows, random=True)["prediction"]
    assert np.allclose(parts[0] + parts[1] - found.predict(rows)["prediction"], whole, rtol=1e-12)
    effects = found.ranef()["gen"].iloc[:, 0]
    assert np.allclose(parts[0] - found.predict(rows)["prediction"], effects[["G01", "G02"]])


def test_a_field_is_predicted_at_places_without_a_plot() -> None:
    """Kriging by hand, c'V^-1 (y - X beta) + X beta, for a process and independent errors."""
    rng = np.random.default_rng(4)
    y = np.cumsum(rng.normal(size=30)) * 0.7 + rng.normal(size=30) * 0.3 + 5
    frame = pd.DataFrame({"y": y, "t": np.arange(1.0, 31.0), "g": "a"})
    frame = frame.drop(index=[9, 20]).reset_index(drop=True)
    found = fit("y ~ 1 + ou(0 + numFactor(t) | g)", frame, dialect="glmmTMB", method="REML")
    with torch.no_grad():
        natural = torch.tensor(list(found.params.values()), dtype=torch.float64)
        v = found.inference.v.evaluate(natural).numpy()
    lags = np.abs(np.subtract.outer(frame["t"].to_numpy(), frame["t"].to_numpy()))
    cross = np.array([v[lags == lag][0] for lag in np.abs(frame["t"].to_numpy() - 10.0)])
    weights, ones = np.linalg.inv(v), np.ones(len(v))
    mean = ones @ weights @ frame["y"] / (ones @ weights @ ones)
    expected = mean + cross @ weights @ (frame["y"].to_numpy() - mean)
    told = found.predict({"t": [10.0], "g": ["a"]}, random=True)
    assert told["prediction"].tolist() == pytest.approx([expected], rel=1e-8)
    assert abs(expected - mean) > 0.01


@pytest.mark.parametrize(
    "texts",
    [
        {"random": "~ Days | Subject", "dialect": "nlme"},
        {"random": "~ str(~ Subject + Subject:Days, ~ us(2):id(Subject))", "dialect": "asreml"},
    ],
)
def test_however_a_random_slope_is_drawn_it_predicts_the_same(slopes: Fitted, texts: dict[str, str]) -> None:
    found = fit("Reaction ~ Days", slopes.table, **texts)
    assert found.predict(NEW, True)["prediction"].tolist() == pytest.approx(LME4, rel=2e-6)


def test_what_cannot_be_is_said(slopes: Fitted) -> None:
    with pytest.raises(DesignError, match=r"knows nothing of Subject in row 3 .* new_levels='zero'"):
        slopes.predict(NEW, random=True, new_levels="refuse")
    with pytest.raises(DesignError, match=r"needs all columns of the model, and 'Subject' is not among"):
        slopes.predict({"Days": [1.0]}, random=True)
    with pytest.raises(DesignError, match=r"random names 'Days'.*'Subject'"):
        slopes.predict(NEW, random="Days")
    with pytest.raises(ValueError, match="'zero' or 'refuse'"):
        slopes.predict(NEW, random=True, new_levels="drop")  # type: ignore[arg-type]
