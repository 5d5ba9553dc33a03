"""Tests of types I to III, means, contrasts and letters: equal to lmerTest and emmeans."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from covstudio import fit
from covstudio.arguments import WrongArgument
from covstudio.data import DesignError, load_example
from covstudio.design import Expected
from covstudio.reml import InvalidData, augment, glance, tidy
from covstudio.reml.inference.multiplicity import ADJUSTMENTS, adjusted_p, letters
from covstudio.reml.inference.studentised_range import range_quantile, range_tail

REFERENCE = json.loads((Path(__file__).parent / "after_reference.json").read_text(encoding="utf-8"))
DATA = pd.DataFrame(REFERENCE["data"])
FORMULAS = {
    "crossed": "y ~ a * b + x + (1 | block)",
    "main": "y ~ a + b + x + (1 | block)",
    "slopes": "y ~ a * x + (1 | block)",
}
FITS: dict[str, object] = {}


def fitted(name):
    if name not in FITS:
        FITS[name] = fit(FORMULAS[name], DATA)
    return FITS[name]


def close(found, expected, relative=1e-4):
    np.testing.assert_allclose(np.asarray(found, dtype=float), expected, rtol=relative)


@pytest.mark.parametrize("kind", [1, 2, 3])
@pytest.mark.parametrize("name", FORMULAS)
def test_tests_of_terms_are_those_of_lmertest(name, kind):
    expected = REFERENCE["tests"][f"{name}{kind}"]
    found = fitted(name).anova(kind)
    assert found["term"].tolist() == expected["term"]
    assert found["df"].tolist() == expected["df"]
    close(found["F"], expected["F"])
    close(found["den_df"], expected["den_df"], 2e-3)
    close(found["p"], expected["p"], 3e-3)


@pytest.mark.parametrize(
    ("name", "key", "arguments"),
    [
        ("crossed", "a_by_b", {"factors": "a", "by": "b"}),
        ("main", "a", {"factors": "a"}),
        ("slopes", "slopes", {"factors": "a", "at": {"x": 2}}),
    ],
)
def test_means_are_those_of_emmeans(name, key, arguments):
    expected = REFERENCE["means"][key]
    found = fitted(name).means(**arguments).frame()
    assert found["a"].tolist() == expected["a"]
    for ours, theirs in (
        ("mean", "mean"),
        ("std_error", "SE"),
        ("conf_low", "lower.CL"),
        ("conf_high", "upper.CL"),
    ):
        close(found[ours], expected[theirs], 3e-4)
    close(found["df"], expected["df"], 3e-3)


@pytest.mark.parametrize("adjust", ADJUSTMENTS)
def test_pairs_are_those_of_emmeans_by_every_adjustment(adjust):
    expected = REFERENCE["pairs"][adjust]
    found = fitted("main").means("a").contrasts(adjust)
    assert found["contrast"].tolist() == expected["contrast"]
    for ours, theirs in (("estimate", "estimate"), ("std_error", "SE"), ("t", "t.ratio")):
        close(found[ours], expected[theirs])
    close(found["conf_low"], expected["lower.CL"], 1e-3)
    close(found["conf_high"], expected["upper.CL"], 1e-3)
    close(found["p"], expected["p.value"], 2e-2)
    assert found["lsd"].between(0.5, 0.65).all()


def test_pairs_within_levels_are_families_of_their_own():
    expected = REFERENCE["pairs"]["a_by_b"]
    found = fitted("crossed").means("a", by="b").contrasts("none")
    assert found["b"].tolist() == expected["b"]
    assert found["contrast"].tolist() == expected["contrast"]
    close(found["estimate"], expected["estimate"])
    close(found["std_error"], expected["SE"])


def test_differences_from_a_control():
    expected = REFERENCE["control"]
    means = fitted("main").means("a")
    found = means.contrasts("none", control="a1")
    assert found["contrast"].tolist() == expected["contrast"]
    close(found["estimate"], expected["estimate"])
    close(found["p"], expected["p.value"], 5e-3)
    with pytest.raises(ValueError, match="for all pairs"):
        means.contrasts(control="a1")
    with pytest.raises(ValueError, match="there is no mean of 'a9'"):
        means.contrasts("none", control="a9")


def test_logarithms_come_back_as_ratios():
    logs = DATA.assign(y=np.log(DATA["y"]))
    means = fit("y ~ a + x + (1 | block)", logs).means("a", back="log")
    expected = REFERENCE["response"]["means"]
    found = means.frame()
    close(found["mean"], expected["mean"])
    close(found["std_error"], expected["SE"], 1e-3)
    close(found["conf_low"], expected["lower.CL"], 1e-3)
    pairs, theirs = means.contrasts("tukey"), REFERENCE["response"]["pairs"]
    assert pairs["contrast"].tolist() == theirs["contrast"]
    close(pairs["estimate"], theirs["ratio"])
    close(pairs["std_error"], theirs["SE"], 1e-3)
    close(pairs["conf_low"], theirs["lower.CL"], 1e-3)
    close(pairs["p"], theirs["p.value"], 2e-2)


@pytest.mark.parametrize(
    ("formula", "back"), [("log(y)", "log"), ("sqrt(y)", "sqrt"), ("y", "none"), ("log(y + 1)", "none")]
)
def test_a_model_that_names_a_transformation_is_brought_back(formula, back):
    means = fit(f"{formula} ~ a + x + (1 | block)", DATA).means("a")
    assert means.back == back
    if formula in ("log(y)", "sqrt(y)"):
        close(means.frame()["mean"], REFERENCE["means"]["a"]["mean"], 0.02)
    assert fit(f"{formula} ~ a + (1 | block)", DATA).means("a", back="none").back == "none"


def test_errors_of_differences_are_the_table_of_seds():
    means = fitted("main").means("a")
    sed, pairs = means.sed, means.contrasts("none")
    assert [sed.loc["a1", "a2"], sed.loc["a1", "a3"], sed.loc["a2", "a3"]] == pytest.approx(
        pairs["std_error"].tolist()
    )
    assert (np.diag(sed) == 0.0).all()


def test_letters_tell_what_differs():
    assert fitted("main").means("a").letters() == ["c", "b", "a"]
    assert fitted("main").means("b").letters(alpha=1e-9) == ["a", "a"]
    assert "letters" in repr(fitted("main").means("a"))


def test_letters_are_shared_unless_means_differ():
    """Every pattern of differences that intervals could give, of five means."""
    rng = np.random.default_rng(3)
    for _ in range(60):
        k = 5
        differ = np.triu(rng.random((k, k)) < 0.4, 1)
        differ = differ | differ.T
        found = letters(rng.standard_normal(k).tolist(), differ)
        for i, j in itertools.combinations(range(k), 2):
            assert bool(set(found[i]) & set(found[j])) != bool(differ[i, j])
        assert all(found)


@pytest.mark.parametrize("how", ADJUSTMENTS)
def test_an_adjustment_never_makes_a_p_smaller(how):
    t, df = [0.1, -1.5, 2.2, 3.9], [8.0, 9.0, 10.0, 11.0]
    raw, found = adjusted_p(t, df, "none", 4), adjusted_p(t, df, how, 4)
    assert all(a >= b - 1e-12 for a, b in zip(found, raw, strict=True))
    assert np.argsort(found).tolist() == np.argsort(raw).tolist()


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (
            lambda: fitted("main").means("x"),
            DesignError,
            "'x' is no factor of the fixed effects, which are 'a'",
        ),
        (
            lambda: fitted("main").means(3),
            WrongArgument,
            "factors= takes a text or a list of texts, and got 3",
        ),
        (lambda: fitted("main").means("a", by="a"), DesignError, "each factor once, and of 'a' and 'a' was"),
        (
            lambda: fitted("main").means("a", at=3),
            WrongArgument,
            "a dict of numbers or None, and got 3",
        ),
        (lambda: fitted("main").means("a", at={"b": 1}), DesignError, "'b' is no covariate"),
        (
            lambda: fitted("main").means("a", back="exp"),
            ValueError,
            "takes 'none', .* and got 'exp'",
        ),
        (
            lambda: fitted("main").means("a").contrasts("scheffe"),
            ValueError,
            "takes 'none', .* and got 'scheffe'",
        ),
        (lambda: fitted("main").anova(4), ValueError, "kind= takes 1, 2 or 3, and got 4"),
    ],
)
def test_what_cannot_be_asked_is_said(call, error, said):
    with pytest.raises(error, match=said):
        call()


@pytest.mark.parametrize(
    ("q", "means", "df"), [(3.5, 3, 2.0), (5.0, 24, 10.0), (2.0, 10, 57.3), (8.0, 5, 3.4)]
)
def test_the_studentised_range_is_that_of_scipy(q, means, df):
    tail = range_tail(q, means, df)
    assert tail == pytest.approx(float(stats.studentized_range.sf(q, means, df)), abs=1e-8)
    assert range_quantile(1.0 - tail, means, df) == pytest.approx(q, rel=1e-6)


def test_the_studentised_range_of_two_is_t():
    assert range_tail(2.0**0.5 * 2.3, 2, 7.0) == pytest.approx(2.0 * stats.t.sf(2.3, 7.0), rel=1e-9)
    # qtukey(.95, 24, 17.3) of R, which itself has ten figures of it.
    assert range_quantile(0.95, 24, 17.3) == pytest.approx(6.01115234783, rel=1e-8)


def test_what_has_no_combination_has_no_mean_and_no_test_of_type_three():
    gap = DATA[~((DATA["a"] == "a3") & (DATA["b"] == "high"))]
    found = fit("y ~ a * b + x + (1 | block)", gap)
    with pytest.raises(DesignError, match="Ask for type II"):
        found.anova(3)
    with pytest.raises(DesignError, match="not every mean can be estimated"):
        found.means("a")
    assert found.anova(2)["df"].tolist() == [2, 1, 1, 1]


def test_estimates_in_the_columns_of_broom():
    found = fitted("main")
    tidy = found.tidy()
    assert tidy.columns.tolist() == [
        "term",
        "estimate",
        "std_error",
        "statistic",
        "df",
        "p_value",
        "conf_low",
        "conf_high",
    ]
    assert tidy["estimate"].tolist() == found.fixed["estimate"].tolist()
    glance = found.glance().iloc[0]
    assert (glance["nobs"], glance["df_fixed"], glance["df_random"]) == (31, 5, 2)
    assert glance["log_lik"] == found.loglik
    random = found.tidy("random")
    assert random["level"].tolist() == ["b1", "b2", "b3", "b4", "b5", "b6"]
    assert random["estimate"].tolist() == found.random["blup"].tolist()
    with pytest.raises(ValueError, match="'fixed', 'random' or 'components'"):
        found.tidy("all")


def test_components_add_up_and_have_the_intervals_of_their_variances():
    found = fitted("main")
    components = found.tidy("components")
    assert components["share"].sum() == pytest.approx(1.0)
    assert components["variance"].tolist() == pytest.approx(list(found.params.values()))
    assert (components["sd"] ** 2).tolist() == pytest.approx(components["variance"].tolist())
    intervals = found.inference.intervals()
    assert components["conf_low"].tolist() == pytest.approx([one.lower for one in intervals.entries])
    assert components["std_error"].tolist() == pytest.approx(
        [one.standard_error for one in intervals.entries]
    )


def test_rows_with_what_was_fitted():
    found = fitted("main")
    augmented = found.augment()
    assert augmented.columns[: DATA.shape[1]].tolist() == DATA.columns.tolist()
    np.testing.assert_allclose(augmented["fitted"] + augmented["residual"], DATA["y"], rtol=1e-12)
    named = fit("y ~ a + (1 | block)", DATA.assign(fitted=0.0)).augment()
    assert named["fitted"].eq(0.0).all()
    assert not named["fitted_"].eq(0.0).any()


def test_a_fit_without_a_table_has_its_frames_too():
    told = fitted("main").inference
    assert tidy(told)["estimate"].tolist() == fitted("main").tidy()["estimate"].tolist()
    assert glance(told).equals(fitted("main").glance())
    assert augment(told).columns.tolist() == [
        "fitted",
        "fixed",
        "residual",
        "pearson",
        "studentised",
        "cooks",
    ]
    assert told.components()["residual"].deviation == pytest.approx(
        fitted("main").params["residual/sigma^2"] ** 0.5
    )


def test_influence_is_what_leaving_out_does():
    found = fitted("main")
    inference = found.inference
    v = found.after._parts.matrix.evaluate(
        torch.tensor(list(found.params.values()), dtype=torch.float64)
    ).numpy()
    x, y = found.after._parts.x.numpy(), found.after._parts.y.numpy()

    def beta(kept):
        inverse = np.linalg.inv(v[np.ix_(kept, kept)])
        return np.linalg.solve(x[kept].T @ inverse @ x[kept], x[kept].T @ inverse @ y[kept])

    every = np.arange(len(y))
    frame = found.influence("block")
    for k, block in enumerate(frame["group"]):
        kept = every[DATA["block"].to_numpy() != block]
        np.testing.assert_allclose(frame.iloc[k, 3:].astype(float), beta(every) - beta(kept), atol=1e-9)
    rows = found.influence()
    change = beta(every) - beta(every[every != 7])
    np.testing.assert_allclose(rows.iloc[7, 3:].astype(float), change, atol=1e-9)
    metric = x.T @ np.linalg.inv(v) @ x
    assert rows["cooks"][7] == pytest.approx(change @ metric @ change / 5)
    with pytest.raises(InvalidData, match="group 'none' must have rows"):
        inference.influence({"none": []})


def test_rows_that_alone_tell_an_effect_are_told():
    # What is left of such a row is rounding error, of either sign.
    for units in (1.0, 3.0, 7.0, 11.0):
        lone = DATA.assign(f=["one", *["rest"] * 30], y=units * DATA["y"])
        found = fit("y ~ f + (1 | block)", lone).influence()
        assert np.isnan(found["cooks"][0])
        assert found["cooks"][1:].notna().all()


def test_heritabilities_of_a_fit_are_those_of_the_design_at_its_estimates():
    found = fit("yield ~ rep + (1 | gen) + (1 | rep:block)", load_example("john_alpha"))
    accuracy = found.after.accuracy()
    (path,) = [name for name in accuracy if len(accuracy[name]) == 24]
    own, parts = accuracy[path], found.after._parts
    told = Expected(parts.matrix, parts.x, dict(found.params)).random_effects()[path]
    assert own.cullis == pytest.approx(told.cullis)
    # By Henderson's mixed-model equations.
    table = load_example("john_alpha").frame
    g, b, e = (found.params[name] for name in found.params)
    z = pd.get_dummies(table["gen"]).to_numpy(float)
    w = pd.get_dummies(table["rep"] + table["block"]).to_numpy(float)
    both = np.hstack([parts.x.numpy(), z, w])
    penalty = np.diag([0.0] * 3 + [e / g] * 24 + [e / b] * 18)
    errors = e * np.linalg.inv(both.T @ both + penalty)[3:27, 3:27]
    spread = np.diag(errors)[:, None] + np.diag(errors) - 2.0 * errors
    mean = spread[np.triu_indices(24, 1)].mean()
    assert own.cullis == pytest.approx(1.0 - mean / (2.0 * g), rel=1e-8)
    assert own.mean_sed == pytest.approx(np.sqrt(spread[np.triu_indices(24, 1)]).mean(), rel=1e-8)
    shares = np.linalg.eigvalsh(np.eye(24) - errors / g)
    assert own.generalised == pytest.approx(shares[shares > 1e-8].mean(), rel=1e-8)


def test_an_offset_belongs_to_the_means():
    found = fit("y ~ a + offset(x) + (1 | block)", DATA)
    shifted = fit("y ~ a + (1 | block)", DATA.assign(y=DATA["y"] - DATA["x"]))
    means, others = found.means("a"), shifted.means("a")
    close(means.frame()["mean"], others.frame()["mean"] + DATA["x"].mean())
    close(means.frame()["conf_low"], others.frame()["conf_low"] + DATA["x"].mean())
    close(means.contrasts("none")["estimate"], others.contrasts("none")["estimate"])


def test_a_model_of_a_mean_alone_has_no_terms_to_test():
    found = fit("y ~ 1 + (1 | block)", DATA)
    assert found.anova(3).empty
    with pytest.raises(DesignError, match="is no factor"):
        found.means("a")


def test_other_contrasts_are_the_same_tests_and_means():
    summed = fit("y ~ C(a, contr.sum) * C(b, contr.helmert) + x + (1 | block)", DATA)
    for kind in (1, 2, 3):
        close(summed.anova(kind)["F"], fitted("crossed").anova(kind)["F"])
    close(summed.means("a").frame()["mean"], fitted("crossed").means("a").frame()["mean"])


def test_shares_of_variance_by_the_names_of_terms_are_those_of_lme4():
    """lmer of the same formula on Oats of nlme: 210.42287, 121.85332, 162.55887."""
    oats = load_example("oats_yates")
    found = fit("yield ~ factor(N) + (1 | Block) + (1 | Block:Variety)", oats)
    told = found.derive(
        "h2 = Block / (Block + residual)", "Block:Variety / (Block + Block:Variety + residual)"
    )
    assert told["estimate"].tolist() == pytest.approx([0.564164, 0.246250], abs=1e-5)
    assert "Blok" in found.derive("Blok / residual")["note"][0]
    with pytest.raises(TypeError, match=r"expressions takes a text, and got 3\."):
        found.derive(3)
