"""The numbers behind pictures of a fit are R's, or those of closed forms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import optimize, stats

import covstudio
from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
from covstudio.data import load_example
from covstudio.plots.fits import residuals
from covstudio.plots.pairs import pairs_by_distance
from covstudio.plots.svg_sheet import SvgSheet
from covstudio.reml import Inference, fit

REFERENCE = json.loads((Path(__file__).parent / "pictures_reference.json").read_text(encoding="utf-8"))
TABLE = load_example("john_alpha")


@pytest.fixture(scope="module")
def alpha():
    return covstudio.fit("yield ~ rep + (1 | gen) + (1 | rep:block)", TABLE)


@pytest.fixture(scope="module")
def growth():
    return covstudio.fit(
        "distance ~ age",
        pd.DataFrame(REFERENCE["data"]),
        correlation="corCompSymm(form = ~ 1 | Subject)",
        dialect="nlme",
    )


@pytest.fixture(scope="module")
def batches():
    """Four batches of three, balanced."""
    z = DummyMatrix(np.repeat(list("abcd"), 3).tolist())
    v = Sum(batch=CovariancePropagation(z=z, g=ScalarMatrix(4)), residual=ScalarMatrix(12))
    y = torch.tensor([5.1, 4.8, 5.5, 7.0, 7.9, 7.1, 3.0, 3.9, 3.6, 6.0, 5.2, 6.1], dtype=torch.float64)
    x = torch.ones(12, 1, dtype=torch.float64)
    return v, y, x, fit(v, y, x)


# --- against R ---


def test_the_variogram_is_that_of_nlme(growth):
    assert growth.loglik == pytest.approx(REFERENCE["loglik"], abs=1e-6)
    found, theirs = growth.plot.data("variogram", along="age", within="Subject"), REFERENCE["variogram"]
    assert found["distance"].tolist() == theirs["dist"]
    assert found["pairs"].tolist() == theirs["pairs"]
    np.testing.assert_allclose(found["sample"], theirs["variog"], rtol=1e-5)


def test_the_correlogram_is_that_of_nlme(growth):
    found, theirs = growth.plot.data("correlogram", along="age", within="Subject"), REFERENCE["acf"]
    np.testing.assert_allclose(found["distance"] / 2, theirs["lag"][1:])
    np.testing.assert_allclose(found["sample"], theirs["ACF"][1:], rtol=1e-5)


# --- the model beside the sample ---


def test_the_models_variogram_is_what_the_samples_is_expected_to_be(growth):
    """Twenty thousand responses of the model: the mean of their variograms."""
    told = growth.inference
    drawn = told.simulate(20_000, seed=1).numpy()
    x = np.column_stack([np.ones(108), growth.after.rows.numbers("age")])
    v = told.v.evaluate(torch.tensor(list(growth.params.values()), dtype=torch.float64)).numpy()
    inverse = np.linalg.inv(v)
    hat = x @ np.linalg.solve(x.T @ inverse @ x, x.T @ inverse)
    residuals = drawn - hat @ drawn
    labels, _ = pd.factorize(np.array(growth.after.rows.labels("Subject"), dtype=object))
    (pairs,) = pairs_by_distance({"age": growth.after.rows.numbers("age")}, labels)
    expected = pairs.mean(0.5 * ((residuals[pairs.i] - residuals[pairs.j]) ** 2).mean(axis=1))
    found = growth.plot.data("variogram", along="age", within="Subject")
    np.testing.assert_allclose(found["model"], expected, rtol=0.02)


def test_residual_covariance_is_v_without_the_loss_by_beta(batches):
    v, y, x, found = batches
    told = Inference(found, v, y, x)
    value = v.evaluate(torch.tensor(list(found.params.values()), dtype=torch.float64)).numpy()
    phi = 1.0 / np.linalg.inv(value).sum()
    np.testing.assert_allclose(told.residual_covariance(), value - phi, atol=1e-12)
    np.testing.assert_allclose(told.residual_covariance([7, 2]), (value - phi)[np.ix_([7, 2], [7, 2])])


def test_pairs_along_a_grid_and_in_classes():
    row, column = (axis.ravel().astype(float) for axis in np.indices((3, 2)))
    along = {pairs.direction: pairs for pairs in pairs_by_distance({"row": row, "column": column})}
    assert along["row"].distance.tolist() == [1.0, 2.0]
    assert along["row"].count.tolist() == [4, 2]
    assert along["column"].count.tolist() == [3]
    (straight,) = pairs_by_distance({"row": row, "column": column}, straight=True, reach=2.0)
    np.testing.assert_allclose(straight.distance, [1.0, np.sqrt(2.0), 2.0])
    (many,) = pairs_by_distance({"x": np.random.default_rng(0).uniform(size=60)})
    assert len(many.distance) == 15
    assert many.count.sum() == 60 * 59 / 2
    assert np.all(np.diff(many.distance) > 0)


# --- residuals ---


def test_residuals_are_those_of_the_fit(alpha):
    frame = alpha.plot.data("residuals")
    np.testing.assert_allclose(frame["residual"], alpha.fit.residuals, atol=1e-12)
    np.testing.assert_allclose(frame["fitted"], alpha.fit.fitted, atol=1e-12)
    np.testing.assert_allclose(frame["standardised"], alpha.augment()["studentised"], rtol=1e-10)
    assert frame["gen"].tolist() == TABLE.labels("gen")


def test_quantiles_have_a_pointwise_band_in_closed_form(alpha):
    frame = alpha.plot.data("qq")
    assert np.all(np.diff(frame["standardised"]) >= 0)
    rank = np.arange(1, 73)
    np.testing.assert_allclose(
        frame["lower"], stats.norm.ppf(stats.beta.ppf(0.025, rank, 73 - rank)), atol=1e-9
    )
    np.testing.assert_allclose(
        frame["upper"], stats.norm.ppf(stats.beta.ppf(0.975, rank, 73 - rank)), atol=1e-9
    )
    assert sorted(frame["row"]) == list(range(1, 73))


def test_quantiles_that_are_drawn_of_many_keep_their_ranks(alpha, monkeypatch):
    """16 of 72 points: all at the ends, each at the quantile and in the band of its rank among the 72."""
    drawn: dict[str, pd.DataFrame] = {}
    for name in ("points", "band"):
        original = getattr(SvgSheet, name)

        def recorded(sheet, frame, *more, _name=name, _original=original, **options):
            drawn[_name] = frame
            return _original(sheet, frame, *more, **options)

        monkeypatch.setattr(SvgSheet, name, recorded)
    monkeypatch.setattr(residuals, "MOST", 16)
    svg = alpha.plot.svg("qq")
    assert "16 of 72 rows drawn, all at the ends" in svg.title
    whole, points = alpha.plot.data("qq"), drawn["points"]
    ranks = points.index.to_numpy() + 1
    assert len(ranks) == 16
    assert {1, 2, 71, 72} <= set(ranks.tolist())
    np.testing.assert_allclose(points["normal_quantile"], stats.norm.ppf((ranks - 0.5) / 72), atol=1e-12)
    pd.testing.assert_frame_equal(points, whole.iloc[ranks - 1])
    for end, share in (("lower", 0.025), ("upper", 0.975)):
        wanted = stats.norm.ppf(stats.beta.ppf(share, ranks, 73 - ranks))
        np.testing.assert_allclose(drawn["band"][end], wanted, atol=1e-9)


def test_residuals_by_a_factor(alpha):
    frame = alpha.plot.data("factor", by="block")
    assert frame["level"].tolist() == TABLE.labels("block")
    assert sorted(set(zip(frame["place"], frame["level"], strict=True))) == [
        (k, f"B{k + 1}") for k in range(6)
    ]
    with pytest.raises(ValueError, match=r"no column 'Block'.*Did you mean 'block'"):
        alpha.plot("factor", by="Block")


# --- random effects, fields, subjects ---


def test_effects_in_their_order_with_intervals(batches):
    _, y, _, found = batches
    frame = found.plot.data("caterpillar", level=0.9)
    effect, residual = found.params["batch/g/sigma^2"], found.params["residual/sigma^2"]
    means = y.reshape(4, 3).mean(dim=1).numpy()
    shrunk = 3 * effect / (3 * effect + residual) * (means - means.mean())
    np.testing.assert_allclose(frame["blup"], np.sort(shrunk), rtol=1e-6)
    assert frame["level"].tolist() == [list("abcd")[k] for k in np.argsort(shrunk)]
    reach = frame["upper"] - frame["blup"]
    np.testing.assert_allclose(reach, stats.norm.ppf(0.95) * frame["std_error"])
    np.testing.assert_allclose(frame["blup"] - frame["lower"], reach)
    with pytest.raises(ValueError, match=r"no random term 'lot'; there are 'batch'"):
        found.plot("caterpillar", term="lot")


def test_the_field_has_every_plot_in_its_place(alpha):
    frame = alpha.plot.data("field")
    assert frame["row"].tolist() == TABLE.numbers("row").tolist()
    np.testing.assert_allclose(frame["data"], TABLE.numbers("yield"), rtol=1e-12)
    np.testing.assert_allclose(frame["data"], frame["fitted"] + frame["residual"], rtol=1e-12)
    with pytest.raises(ValueError, match=r"two plots stand at block 1|should hold numbers"):
        alpha.plot.data("field", row="block", column="col")


def test_a_field_measured_twice_is_refused_with_what_would_do():
    frame = pd.DataFrame(
        {
            "trial": ["A"] * 4 + ["B"] * 4,
            "row": [1, 1, 2, 2] * 2,
            "col": [1, 2, 1, 2] * 2,
            "gen": ["g1", "g2"] * 4,
            "y": [1.0, 2.0, 1.5, 2.5, 3.0, 4.1, 3.3, 4.4],
        }
    )
    found = covstudio.fit("y ~ trial + (1 | gen)", frame)
    with pytest.raises(ValueError, match=r"two plots stand at row 1, col 1.*within='trial'"):
        found.plot("field")
    assert found.plot.data("field", within="trial")["field"].tolist() == ["A"] * 4 + ["B"] * 4


def test_random_regressions_by_subject(growth):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(REFERENCE["data"])
    frame["distance"] += rng.normal(size=108) * 0.1
    found = covstudio.fit("distance ~ age + (age | Subject)", frame)
    told = found.plot.data("subjects")
    assert list(told.columns) == ["Subject", "age", "data", "fitted", "mean"]
    one = told[told["Subject"] == "M05"]
    assert one["age"].tolist() == [8, 10, 12, 14]
    # Every subject has a line of its own: second differences vanish.
    assert np.abs(np.diff(one["fitted"], 2)).max() < 1e-9
    np.testing.assert_allclose(
        one["mean"], found.fit.beta[0].item() + found.fit.beta[1].item() * one["age"], rtol=1e-10
    )
    split = found.plot.data("caterpillar")
    assert list(dict.fromkeys(split["coefficient"])) == ["Intercept", "age"]
    assert set(split["level"]) == set(frame["Subject"])


# --- likelihood ---


def _kernel(y, x, v):
    """The REML kernel, from its definition."""
    inverse = np.linalg.inv(v)
    information = x.T @ inverse @ x
    p = inverse - inverse @ x @ np.linalg.solve(information, x.T @ inverse)
    return -0.5 * (np.linalg.slogdet(v)[1] + np.linalg.slogdet(information)[1] + y @ p @ y)


def test_the_surface_over_two_parameters_is_the_likelihood(batches):
    v, y, x, found = batches
    frame = found.plot.data("contour", v=v, x=None, count=5)
    surface = frame[frame["what"] == "surface"]
    assert len(surface) == 25
    z = np.kron(np.eye(4), np.ones((3, 1)))
    best = found.kernel_loglik
    for _, row in surface.iloc[::4].iterrows():
        value = row["batch/g/sigma^2"] * z @ z.T + row["residual/sigma^2"] * np.eye(12)
        assert row["fall"] == pytest.approx(2 * (best - _kernel(y.numpy(), x.numpy(), value)), abs=1e-8)
    assert surface["fall"].min() >= -1e-9
    path = frame[frame["what"] == "path"]
    assert path["loglik"].tolist() == [step.loglik for step in found.history]
    assert path["batch/g/sigma^2"].iloc[-1] == pytest.approx(found.params["batch/g/sigma^2"], rel=1e-5)


def test_the_others_are_refitted_or_held(alpha):
    told = alpha.inference
    x, y = [0.1, 0.2], [0.05, 0.1]
    refitted = told.surface("gen", "residual", x=x, y=y)
    held = told.surface("gen", "residual", x=x, y=y, others="held")
    frame = TABLE.frame
    z = [pd.get_dummies(column).to_numpy(float) for column in (frame["gen"], frame["rep"] + frame["block"])]
    fixed = np.column_stack([np.ones(72), frame["rep"] == "R2", frame["rep"] == "R3"]).astype(float)
    response = frame["yield"].to_numpy()

    def kernel(block):
        v = 0.2 * z[0] @ z[0].T + block * z[1] @ z[1].T + 0.05 * np.eye(72)
        return _kernel(response, fixed, v)

    best = optimize.minimize_scalar(lambda b: -kernel(np.exp(b)), bounds=(-8, 2), method="bounded")
    gap = told.fit.loglik - told.fit.kernel_loglik
    assert refitted.loglik[0, 1] == pytest.approx(-best.fun + gap, abs=1e-6)
    assert held.loglik[0, 1] == pytest.approx(kernel(alpha.params["rep:block/g/sigma^2"]) + gap, abs=1e-8)
    assert np.all(refitted.loglik >= held.loglik - 1e-9)
    with pytest.raises(ValueError, match="named twice"):
        told.surface("gen", "gen")
    with pytest.raises(ValueError, match="2 to 60 different numbers between 0 and inf"):
        told.surface("gen", "residual", x=[-1.0, 1.0])
    with pytest.raises(ValueError, match="'refitted' or 'held'"):
        told.surface("gen", "residual", others="free")


def test_profiles_are_those_of_inference(alpha):
    frame = alpha.plot.data("profile", parameters="residual")
    told = alpha.inference.profile("residual")
    assert frame["value"].tolist() == [point.value for point in told.points]
    assert frame["lower"].iloc[0] == told.lower


# --- who has what ---


def test_v_of_a_fit_is_named_by_the_factors_of_its_table(alpha):
    frame = alpha.plot.data("V")
    assert frame.index[0] == "R1 · B1 · G11"
    assert frame.iloc[0, 0] == pytest.approx(sum(alpha.params.values()))
    draws = alpha.plot.data("draws")
    assert draws["row"].tolist() == TABLE.numbers("row").tolist()


def test_a_fit_alone_shows_what_it_knows_and_asks_for_the_rest(batches):
    v, y, x, found = batches
    frame = found.plot.data("residuals")
    np.testing.assert_allclose(frame["residual"], found.residuals)
    with pytest.raises(ValueError, match=r"needs V and X beside the fit"):
        found.plot("qq")
    with pytest.raises(ValueError, match="needs the table"):
        found.plot("factor", v=v, x=x)
    batch = {"batch": np.repeat(list("abcd"), 3).tolist()}
    assert len(found.plot.data("factor", v=v, x=x, frame=batch, by="batch")) == 12
    with pytest.raises(ValueError, match="must have the 12 rows of the fit, and has 1"):
        found.plot("factor", v=v, x=x, frame={"batch": ["a"]})
    told = Inference(found, v, y, x)
    np.testing.assert_allclose(told.plot.data("qq"), found.plot.data("qq", v=v, x=x))
    with pytest.raises(ValueError, match=r"There is no picture of a fit 'pie'\. There are 'residuals'"):
        told.plot("pie")


def test_residuals_without_a_residual_are_those_of_the_mean():
    """A field as Z G Z': every plot has an effect of its own, and nothing is left."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"row": np.repeat(range(6), 5), "col": np.tile(range(5), 6)})
    frame["y"] = rng.normal(size=30) + 0.5 * frame["row"]
    found = covstudio.fit("y ~ 1", frame, residual="~ ar1(row):ar1(col)", dialect="asreml")
    told = found.plot.data("residuals")
    np.testing.assert_allclose(told["residual"], frame["y"] - found.fit.beta.item(), rtol=1e-8)
    assert np.nanstd(told["standardised"]) > 0.3
    assert {"row", "col"} == set(found.plot.data("variogram")["direction"])
