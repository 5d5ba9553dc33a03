"""Predictions at new rows with the random effects."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from covstudio import fit
from covstudio.choosing import fitted_to
from covstudio.data import load_example
from covstudio.data.errors import DesignError
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns
from covstudio.fitting import Fitted
from covstudio.formula.effects import identity, incidence, propagated, residual
from covstudio.formula.tree import Model, document_of, tree

NEW = {"Days": [2.5, 10.0, 4.0], "Subject": ["308", "309", "999"]}
REFERENCE = json.loads((Path(__file__).parent / "new_rows_reference.json").read_text(encoding="utf-8"))
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


def test_standard_errors_of_random_slopes_are_those_of_r(slopes: Fitted) -> None:
    """vcov of lme4, and Henderson's equations written out in R: see new_rows_reference.R."""
    told = REFERENCE["slopes"]
    for asked, name in (
        ({}, "fixed"),
        ({"random": True}, "random"),
        ({"random": True, "observation": True}, "observation"),
        ({"observation": True}, "marginal"),
    ):
        found = slopes.predict(NEW, **asked)
        assert found["standard_error"].tolist() == pytest.approx(told[name], rel=2e-5), name
    assert slopes.predict(NEW, observation=True)["prediction"].tolist() == pytest.approx(LME4_FIXED, rel=1e-8)


def test_standard_errors_of_crossed_effects_are_those_of_r() -> None:
    """The same, of genotypes and blocks, together and by themselves."""
    told = REFERENCE["crossed"]
    found = fit("yield ~ rep + (1 | gen) + (1 | rep:block)", load_example("john_alpha"))
    whole = found.predict(told["rows"], random=True)
    assert whole["prediction"].tolist() == pytest.approx(told["predict"], rel=1e-6)
    for asked, name in (
        ({}, "fixed"),
        ({"random": True}, "random"),
        ({"random": True, "observation": True}, "observation"),
        ({"random": "gen"}, "gen"),
        ({"random": ["gen"], "observation": True}, "gen_observation"),
    ):
        errors = found.predict(told["rows"], **asked)["standard_error"]
        assert errors.tolist() == pytest.approx(told[name], rel=2e-5), name


def test_intervals_of_observations_hold_what_they_should() -> None:
    """Of 400 new observations of known levels about 90 % lie within 90 % intervals; of means fewer do."""
    rng = np.random.default_rng(11)
    groups, inside, of_means = 12, 0, 0
    for _ in range(20):
        effects = rng.normal(size=groups)
        group = np.repeat(np.arange(groups), 6)
        y = 3.0 + effects[group] + rng.normal(size=len(group))
        found = fit("y ~ 1 + (1 | g)", {"y": y, "g": [f"g{k}" for k in group]})
        at = rng.integers(0, groups, 20)
        new = 3.0 + effects[at] + rng.normal(size=20)
        rows = {"g": [f"g{k}" for k in at]}
        told = found.predict(rows, random=True, level=0.9, observation=True)
        means = found.predict(rows, random=True, level=0.9)
        inside += int(((told["lower"] < new) & (new < told["upper"])).sum())
        of_means += int(((means["lower"] < new) & (new < means["upper"])).sum())
    assert 340 <= inside <= 380
    assert of_means < 280


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


def entrywise() -> Document:
    """Random slopes as the Hadamard product of "same subject" and the covariance of lines."""
    same = propagated("same", incidence(("Subject",), "subjects"), identity(("Subject",), "levels"))
    days = tree("DesignMatrix", "days", columns=Columns(("Days",)), intercept=True)
    lines = propagated("lines", days, tree("UnstructuredMatrix", "line", n=2))
    model = Model("Reaction", "Days", [tree("HadamardProduct", "Subject", same, lines)], residual())
    return document_of(model, "slopes, entry by entry", "sleepstudy")


def test_random_slopes_as_a_hadamard_product_predict_what_lme4_does(slopes: Fitted) -> None:
    found = fitted_to(entrywise(), slopes.table)
    assert found.loglik == pytest.approx(slopes.loglik, abs=1e-6)
    told = found.predict(NEW, random=True)
    assert told["prediction"].tolist() == pytest.approx(LME4, rel=2e-6)
    assert told["standard_error"].tolist() == pytest.approx(REFERENCE["slopes"]["random"], rel=2e-5)
    assert "Subject for row 3: 0" in told.attrs["notes"][0]
    error = found.predict(NEW, random=True, observation=True)["standard_error"]
    assert error.tolist() == pytest.approx(REFERENCE["slopes"]["observation"], rel=2e-5)


def test_errors_that_differ_by_level_are_those_of_the_new_rows() -> None:
    """The error variance of a new observation is that of its level; a level without one is refused."""
    rng = np.random.default_rng(5)
    kind = np.array(["calm", "wild"] * 60)
    y = rng.normal(size=120) * np.where(kind == "wild", 4.0, 1.0) + np.repeat(rng.normal(size=20), 6)
    frame = {"y": y, "kind": kind, "g": [f"g{k:02d}" for k in np.repeat(np.arange(20), 6)]}
    found = fit("y ~ 1", frame, random="~ 1 | g", weights="varIdent(form = ~ 1 | kind)", dialect="nlme")
    rows = {"kind": ["wild", "calm"], "g": ["g00", "g00"]}
    means = found.predict(rows, random=True)["standard_error"].to_numpy()
    whole = found.predict(rows, random=True, observation=True)["standard_error"].to_numpy()
    with torch.no_grad():
        natural = torch.tensor(list(found.params.values()), dtype=torch.float64)
        v = found.inference.v.evaluate(natural)
    group = float(v[0, 1])
    errors = [float(v[1, 1]) - group, float(v[0, 0]) - group]
    assert errors[0] > 6.0 * errors[1]
    assert np.allclose(whole**2 - means**2, errors, rtol=1e-9)
    with pytest.raises(DesignError, match=r"other parameters .* a level there has variances of its own"):
        found.predict({"kind": ["odd"], "g": ["g00"]}, random=True)
    with pytest.raises(DesignError, match=r"leave out random= and observation="):
        found.predict({"kind": ["odd"], "g": ["g00"]}, observation=True)
    # The mean of X beta needs no variance.
    assert found.predict({"kind": ["odd"], "g": ["g00"]})["prediction"].notna().all()


def test_effects_that_differ_by_level_refuse_a_level_without_variance(slopes: Fitted) -> None:
    frame = slopes.table.frame.assign(shift=["early", "late"] * 90)
    found = fit("Reaction ~ Days + diag(0 + shift | Subject)", frame, dialect="glmmTMB")
    known = {"Days": [1.0], "Subject": ["308"], "shift": ["late"]}
    assert found.predict(known, random=True, observation=True)["standard_error"].item() > 0.0
    with pytest.raises(DesignError, match="variances of its own"):
        found.predict({**known, "shift": ["night"]}, random=True)


def test_what_cannot_be_is_said(slopes: Fitted) -> None:
    with pytest.raises(DesignError, match=r"knows nothing of Subject in row 3 .* new_levels='zero'"):
        slopes.predict(NEW, random=True, new_levels="refuse")
    with pytest.raises(DesignError, match=r"needs all columns of the model, and 'Subject' is not among"):
        slopes.predict({"Days": [1.0]}, random=True)
    with pytest.raises(DesignError, match=r"random names 'Days'.*'Subject'"):
        slopes.predict(NEW, random="Days")
    with pytest.raises(ValueError, match="'zero' or 'refuse', and got 'drop'"):
        slopes.predict(NEW, random=True, new_levels="drop")  # type: ignore[arg-type]
