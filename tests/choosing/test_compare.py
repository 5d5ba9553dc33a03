"""Fits side by side: criteria and tests are those of lme4, nlme and cAIC4; what is not nested is told so."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from covstudio import compare, fit
from covstudio.choosing import Failure
from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
from covstudio.data import load_example
from covstudio.reml import Inference
from covstudio.reml import fit as fit_matrix

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "comparison_reference.json").read_text(encoding="utf-8"))
DATA = HERE.parent / "formula" / "reference"
#: What R calls the same.
FORMULAS = {
    "sleepstudy": {
        "intercepts": "Reaction ~ Days + (1 | Subject)",
        "independent": "Reaction ~ Days + (Days || Subject)",
        "correlated": "Reaction ~ Days + (Days | Subject)",
    },
    "pastes": {
        "sample": "strength ~ 1 + (1 | sample)",
        "both": "strength ~ 1 + (1 | batch) + (1 | sample)",
    },
    "orthodont": {
        "age": "distance ~ age + (1 | Subject)",
        "crossed": "distance ~ age * Sex + (1 | Subject)",
    },
}
TABLES = {"sleepstudy": "sleepstudy", "pastes": "Pastes", "orthodont": "Orthodont"}
PLAIN = "yield ~ rep + (1 | gen)"
BLOCKS = "yield ~ rep + (1 | gen) + (1 | rep:block)"


@cache
def side_by_side(name):
    frame = pd.read_csv(DATA / f"{TABLES[name]}.csv")
    if "Subject" in frame:
        frame["Subject"] = frame["Subject"].astype(str)
    return compare(FORMULAS[name], frame=frame, method="ML" if name == "orthodont" else None)


def row(found, name):
    return found.table.set_index("model").loc[name]


@pytest.mark.parametrize("name", FORMULAS)
def test_criteria_are_those_of_lme4_and_caic4(name):
    found, expected = side_by_side(name), REFERENCE[name]
    for model in FORMULAS[name]:
        own, theirs = row(found, model), expected[model]
        assert own["parameters"] == theirs["df"]
        np.testing.assert_allclose(
            own[["loglik", "AIC", "BIC"]].astype(float),
            [theirs[k] for k in ("loglik", "AIC", "BIC")],
            rtol=1e-7,
        )
        # cAIC4's closed form has a 2 that its own derivative has not: see comparison_reference.R.
        conditional = expected["conditional"][model]
        assert own["cAIC"] == pytest.approx(conditional["derived"], abs=1e-4)
        assert own["cAIC"] == pytest.approx(conditional["caic4"], abs=0.2)


@pytest.mark.parametrize("name", FORMULAS)
def test_ratios_are_those_of_anova(name):
    found = side_by_side(name)
    for model, theirs in REFERENCE[name]["tests"].items():
        own = row(found, model)
        assert own["against"] == list(FORMULAS[name])[list(FORMULAS[name]).index(model) - 1]
        assert own["df"] == theirs["df"]
        assert own["LR"] == pytest.approx(theirs["chisq"], rel=1e-4, abs=1e-5)
        if own["boundary"] == 0:
            assert own["p"] == pytest.approx(theirs["p"], rel=1e-3)


def test_a_variance_is_tested_at_the_end_of_its_range():
    found = side_by_side("pastes")
    own = row(found, "both")
    assert own["boundary"] == 1
    assert own["distribution"] == "½ χ²(0) + ½ χ²(1)"
    assert own["p"] == pytest.approx(REFERENCE["pastes"]["tests"]["both"]["p"] / 2, rel=1e-3)
    slopes = side_by_side("sleepstudy")
    assert row(slopes, "independent")["boundary"] == 1
    # The correlation of intercepts and slopes is inside its range.
    assert row(slopes, "correlated")["distribution"] == "χ²(1)"
    whole = slopes.test("correlated", "intercepts").test
    assert (whole.df, whole.boundary) == (2, 1)
    assert whole.p_value == pytest.approx(
        0.5 * (stats.chi2.sf(whole.statistic, 1) + stats.chi2.sf(whole.statistic, 2))
    )


def test_series_and_variances_by_group_are_nested_as_in_nlme():
    rats = pd.read_csv(DATA / "BodyWeight.csv")
    rats["Rat"] = rats["Rat"].astype(str)
    words = {"random": "~ 1 | Rat", "dialect": "nlme"}
    models = {
        "plain": fit("weight ~ Time", rats, **words),
        "series": fit("weight ~ Time", rats, correlation="corCAR1(form = ~ Time | Rat)", **words),
    }
    children = pd.read_csv(DATA / "Orthodont.csv")
    words = {"random": "~ 1 | Subject", "dialect": "nlme"}
    others = {
        "plain": fit("distance ~ age", children, **words),
        "byGroup": fit("distance ~ age", children, weights="varIdent(form = ~ 1 | Sex)", **words),
    }
    for expected, found in (("bodyweight", compare(models)), ("sexes", compare(others))):
        for model, theirs in REFERENCE[expected].items():
            if model == "tests":
                ((name, test),) = theirs.items()
                own = row(found, name)
                assert own["LR"] == pytest.approx(test["chisq"], rel=1e-4)
                assert own["df"] == test["df"]
                assert own["against"] == "plain"
            else:
                assert row(found, model)["AIC"] == pytest.approx(theirs["AIC"], rel=1e-6)
    assert row(compare(others), "byGroup")["boundary"] == 0


def test_what_is_not_nested_is_told():
    table = load_example("john_alpha")
    found = compare(
        {"rows": "yield ~ rep + (1 | rep:block)", "genotypes": BLOCKS, "other": PLAIN}, frame=table
    )
    asked = found.test("genotypes", "other")
    assert asked.test is not None
    assert asked.test.boundary == 1
    # As many parameters: neither can be a special case of the other.
    assert "no more parameters" in found.test("other", "rows").reason
    # More parameters, and no special case: an autoregression is none of independent blocks.
    y, x = torch.arange(12.0).double().sin(), torch.ones(12, 1).double()
    series, noise = AR1Matrix(12), Sum(drift=AR1Matrix(12), noise=ScalarMatrix(12))
    told = {name: Inference(fit_matrix(v, y, x), v, y, x) for name, v in (("a", series), ("b", noise))}
    nested = compare(told).test("b", "a")
    assert nested.test is not None
    assert nested.test.boundary == 1


def test_a_model_of_more_parameters_need_not_hold_the_other():
    table = load_example("john_alpha")
    found = compare({"labels": "yield ~ rep + (1 | block)", "both": BLOCKS}, frame=table)
    asked = found.test("both", "labels")
    assert asked.test is None
    assert asked.reason.startswith("labels is not nested in both: no values of the latter's parameters give")
    assert row(found, "both")["note"] == asked.reason
    assert np.isnan(row(found, "both")["p"])


def test_restricted_likelihoods_of_other_fixed_effects_are_not_compared():
    table = load_example("john_alpha")
    models = [fit(PLAIN, table), fit("yield ~ 1 + (1 | gen)", table)]
    found = compare(*models, names=["with", "without"])
    assert (
        "restricted likelihoods compare models with the same fixed effects only"
        in row(found, "without")["note"]
    )
    assert np.isnan(row(found, "without")["dAIC"])
    assert found.best() == "with"
    again = compare(*models, names=["with", "without"], method="ML")
    assert set(again.table["method"]) == {"ML"}
    own = row(again, "with")
    assert (own["against"], own["df"], own["boundary"]) == ("without", 2, 0)
    full, less = (fit(text, table, "ML") for text in (PLAIN, "yield ~ 1 + (1 | gen)"))
    assert own["LR"] == pytest.approx(2 * (full.loglik - less.loglik))


def test_other_rows_are_not_compared():
    table = load_example("john_alpha")
    fewer = table.frame.iloc[:60]
    found = compare(fit(PLAIN, table), fit(PLAIN, fewer), names=["all", "sixty"])
    assert "fit of 72 rows and sixty one of 60" in row(found, "sixty")["note"]
    assert np.isnan(row(found, "sixty")["dBIC"])
    # As many rows are not the same rows: each model leaves out others, with other values that are missing.
    holed = table.frame.assign(
        early=table.frame["row"].where(lambda x: x > 3), late=table.frame["row"].where(lambda x: x < 70)
    )
    found = compare(
        {"early": "yield ~ early + (1 | gen)", "late": "yield ~ late + (1 | gen)"}, frame=holed, method="ML"
    )
    assert found.table["n"].tolist() == [69, 69]
    assert "Were rows with missing values left out, others in each?" in row(found, "late")["note"]
    assert np.isnan(row(found, "late")["dAIC"])


def test_no_conditional_aic_where_effects_and_residual_are_not_told_apart():
    frame = load_example("john_alpha").frame
    frame["every"] = [f"plot {k}" for k in range(len(frame))]
    found = compare({"plain": PLAIN, "twice": f"{PLAIN} + (1 | every)"}, frame=frame)
    assert row(found, "twice")["loglik"] == pytest.approx(row(found, "plain")["loglik"], abs=1e-6)
    assert np.isnan(row(found, "twice")["cAIC"])
    assert "the residual and the random effects are not told apart" in row(found, "twice")["note"]
    assert found.best("cAIC") == "plain"
    # Effects that are not told apart from each other leave the conditional distribution as it is.
    two = compare(
        {"plain": PLAIN, "two": f"{PLAIN} + (1 | same)"}, frame=frame.assign(same=frame["gen"] + ".")
    )
    assert row(two, "two")["cAIC"] == pytest.approx(row(two, "plain")["cAIC"], abs=0.01)


def test_what_fails_is_a_row_with_its_sentence():
    table = load_example("john_alpha")
    found = compare(
        {"good": PLAIN, "typo": "yield ~ rep + (1 | genn)", "given": Failure("It was too large.")},
        frame=table,
    )
    assert found.table["model"].tolist() == ["good", "typo", "given"]
    assert "genn" in row(found, "typo")["note"]
    assert row(found, "given")["note"] == "It was too large."
    assert found.best() == "good"
    assert "genn" in repr(found)
    assert "It was too large." in found._repr_html_()
    with pytest.raises(KeyError, match="was not fitted"):
        found["typo"]
    assert found.test("good", "typo").reason == "typo was not fitted."
    nothing = compare({"typo": "yield ~ rep + (1 | genn)"}, frame=table)
    with pytest.raises(ValueError, match="No model has the criterion AIC"):
        nothing.best()


def test_the_coding_of_fixed_effects_does_not_matter():
    frame = load_example("john_alpha").frame
    found = compare(
        fit(PLAIN, frame), fit(BLOCKS, frame, contrasts="list(rep = contr.sum)"), names=["one", "two"]
    )
    plain = compare({"one": PLAIN, "two": BLOCKS}, frame=frame)
    assert row(found, "two")["LR"] == pytest.approx(row(plain, "two")["LR"], abs=1e-6)
    assert row(found, "two")["AIC"] == pytest.approx(row(plain, "two")["AIC"], abs=1e-6)


def test_words_for_what_is_asked_wrongly():
    table = load_example("john_alpha")
    with pytest.raises(ValueError, match="no models to compare"):
        compare()
    with pytest.raises(TypeError, match="give the table"):
        compare(PLAIN)
    with pytest.raises(TypeError, match="Inference"):
        compare(fit(PLAIN, table).fit)
    with pytest.raises(TypeError, match=r"one by one, compare\(a, b\)"):
        compare([PLAIN, BLOCKS], frame=table)
    assert repr(compare(PLAIN, frame=table)).startswith("Comparison of 1 model\n")
    with pytest.raises(ValueError, match="There are 2 models and 1 name: "):
        compare(PLAIN, BLOCKS, frame=table, names=["a"])
    for names in (3, "ab"):
        with pytest.raises(TypeError, match="Names are a list, one for each model"):
            compare(PLAIN, BLOCKS, frame=table, names=names)
    with pytest.raises(ValueError, match="given twice"):
        compare(PLAIN, BLOCKS, frame=table, names=["a", "a"])
    with pytest.raises(ValueError, match="criterion= takes 'AIC', 'BIC' or 'cAIC', and got 'DIC'"):
        compare(PLAIN, frame=table).best("DIC")
    assert compare(PLAIN, PLAIN, frame=table).names == (PLAIN, f"{PLAIN} (2)")


def test_the_difference_of_two_v():
    found = compare({"plain": PLAIN, "blocks": BLOCKS}, frame=load_example("john_alpha"))
    difference = found.difference("plain", "blocks")
    one, two = (found[name].inference for name in ("plain", "blocks"))
    values = [
        told.v.evaluate(torch.tensor(list(told.fit.params.values()), dtype=torch.float64)).numpy()
        for told in (one, two)
    ]
    np.testing.assert_allclose(difference.matrix, values[1] - values[0], atol=1e-12)
    assert difference.table["entries"].sum() == 72 * 72
    assert difference.distance == pytest.approx(
        np.linalg.norm(values[1] - values[0]) / np.linalg.norm(values[0])
    )
    assert "% away" in repr(difference)
    assert "<table>" in difference._repr_html_()
    picture = difference.plot(theme="light")
    assert type(picture).__module__.startswith("holoviews")
    sixty = compare(
        fit(PLAIN, load_example("john_alpha")),
        fit(PLAIN, load_example("john_alpha").frame.iloc[:60]),
        names=["a", "b"],
    )
    with pytest.raises(ValueError, match="no entries in common"):
        sixty.difference("a", "b")


def test_as_many_parameters_as_rows_have_no_criteria():
    frame = {"y": [1.0, 2.0, 4.0, 3.0], "a": [1.0, 3.0, 2.0, 7.0], "g": ["a", "b", "a", "b"]}
    found = compare("y ~ a + (1 | g)", "y ~ a", frame=frame)
    assert found.table["AIC"].isna().tolist() == [True, False]
    assert found.table["loglik"].notna().all()
    assert "4 parameters are estimated from 4 rows: criteria tell nothing" in found.table["note"][0]
    assert found.best() == "y ~ a"
