"""Standard errors, intervals and profiles of variance parameters: recorded, exact and brute force."""

from __future__ import annotations

import math
import pickle
import threading

import numpy as np
import pytest
import torch
from scipy import optimize

from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
from covstudio.reml import FitCancelled, Inference, InvalidData, InvalidModel, fit
from tests.reml.inference_cases import intercepts, one_way_data, reference, sleepstudy, told
from tests.reml.reml_cases import CASES, load

#: Recorded name -> expression, where the recorded parameter is no parameter of V here.
ENTRIES = {
    "sleepstudy": {"G_11": "var(Subject/g/a, 0)", "G_21": "cov(Subject/g/a, 1, 0)", "G_22": "var(a, 1)"},
    "orthodont_slope": {"G_11": "var(a, 0)", "G_21": "cov(a, 0, 1)", "G_22": "var(a, 1)"},
    "bodyweight_car1": {
        "G_11": "var(a, 0)",
        "G_21": "cov(a, 1, 0)",
        "G_22": "var(a, 1)",
        "phi": "exp(-1 / residual/series/range)",
    },
}


@pytest.mark.parametrize("name", CASES)
def test_standard_errors_are_those_recorded(name: str) -> None:
    """Recorded from the exact Hessian of independent code (tests/reml/reference/README.md)."""
    case, inference = load(name), reference(name)
    estimates = case.estimates["variance_parameters"]
    intervals = inference.intervals()
    for key, error in case.estimates["variance_se_observed_information"].items():
        expression = ENTRIES.get(name, {}).get(key)
        if expression is None:
            path = next(
                path
                for path, value in inference.fit.params.items()
                if value == pytest.approx(estimates[key], rel=1e-5)
            )
            assert intervals[path].standard_error == pytest.approx(error, rel=2e-5), key
        else:
            found = inference.function(expression)
            assert found.estimate == pytest.approx(estimates[key], rel=1e-5), key
            assert found.standard_error == pytest.approx(error, rel=2e-5), key


def balanced() -> tuple[Inference, float, float]:
    """A balanced one-way layout of 9 groups of 4, with its mean squares between and within."""
    v, y, x = one_way_data(9, 4, between=1.5)
    cells = y.reshape(9, 4)
    between = float(4.0 * cells.mean(dim=1).var())
    within = float(((cells - cells.mean(dim=1, keepdim=True)) ** 2).sum() / 27)
    return told(v, y, x, ["mean"]), between, within


def test_balanced_one_way_in_closed_form() -> None:
    """Mean squares are independent multiples of chi-squares: var(MS) = 2 MS^2 / df."""
    inference, between, within = balanced()
    spread = 2 * between**2 / 8, 2 * within**2 / 27
    intervals = inference.intervals()
    group, error = intervals["g/g/sigma^2"], intervals["e/sigma^2"]
    assert group.estimate == pytest.approx((between - within) / 4)
    assert error.standard_error == pytest.approx(math.sqrt(spread[1]), rel=1e-6)
    assert group.standard_error == pytest.approx(math.sqrt(sum(spread)) / 4, rel=1e-6)
    assert error.scale == "log"
    reach = 1.959964 * error.standard_error / error.estimate
    assert error.lower == pytest.approx(error.estimate * math.exp(-reach))
    assert error.upper == pytest.approx(error.estimate * math.exp(reach))
    assert error.natural_upper == pytest.approx(error.estimate * (1 + reach))
    ratio = inference.function("g/sigma^2 / (g/sigma^2 + e/sigma^2)")
    slope_between = 4 * within / (between + 3 * within) ** 2
    slope_within = -4 * between / (between + 3 * within) ** 2
    expected = math.sqrt(slope_between**2 * spread[0] + slope_within**2 * spread[1])
    assert ratio.estimate == pytest.approx((between - within) / (between + 3 * within))
    assert ratio.standard_error == pytest.approx(expected, rel=1e-6)


def test_average_information_on_request() -> None:
    case = load("spatial_ar1xar1")
    result = reference("spatial_ar1xar1").fit
    inference = Inference(result, case.v, case.y, case.x, information="average")
    intervals = inference.intervals()
    assert intervals.information == "average"
    # A = Q'PQ / 2 with the columns dV_k Py of Q, written out.
    binding = inference._binding
    columns = torch.cat(
        [binding.derivative(c.position, binding.py[:, None]) for c in binding.interior], dim=1
    )
    average = 0.5 * columns.mT @ binding.project(columns)
    errors = torch.linalg.inv(average).diagonal().sqrt().tolist()
    for c, error in zip(binding.interior, errors, strict=True):
        assert intervals[c.name].standard_error == pytest.approx(error, rel=1e-6)
        assert result.standard_errors[c.name] != pytest.approx(error, rel=1e-3)
    rho = intervals["spatial/g/row/rho"]
    assert rho.scale == "Fisher z"
    z, reach = math.atanh(rho.estimate), 1.959964 * rho.standard_error / (1 - rho.estimate**2)
    assert (rho.lower, rho.upper) == pytest.approx((math.tanh(z - reach), math.tanh(z + reach)), rel=1e-6)


def test_profile_against_a_grid_of_likelihoods() -> None:
    """The profile of one of two variances, by brute force over the other."""
    inference, between, within = balanced()

    def kernel(group: float, error: float) -> float:
        # -2 log-likelihood of the two mean squares, up to a constant (Searle et al. 1992, section 3.8).
        total = error + 4 * group
        return -0.5 * (8 * (math.log(total) + between / total) + 27 * (math.log(error) + within / error))

    def profiled(group: float) -> float:
        best = optimize.minimize_scalar(lambda log: -kernel(group, math.exp(log)), bracket=(-1.0, 1.0))
        return -float(best.fun)

    profile = inference.profile("g")
    assert profile.name == "g/g/sigma^2"
    top = kernel((between - within) / 4, within)
    for point in profile.points:
        assert point.loglik - inference.fit.loglik == pytest.approx(profiled(point.value) - top, abs=1e-6)
        assert point.converged
    roots = [point.root for point in profile.points]
    assert roots == sorted(roots)
    for end in (profile.lower, profile.upper):
        assert 2 * (top - profiled(end)) == pytest.approx(3.841459, abs=1e-5)
    assert (profile.open_below, profile.open_above) == (False, False)
    assert profile.notes == ()


def test_a_profile_is_open_at_the_end_of_the_range() -> None:
    v, y, x = one_way_data(6, 3, between=0.3, seed=9)
    inference = told(v, y, x, ["mean"])
    assert inference.fit.params["g/g/sigma^2"] > 0.0
    profile = inference.profile("g/g/sigma^2")
    assert (profile.lower, profile.open_below, profile.open_above) == (0.0, True, False)
    assert "open below" in profile.notes[0]
    assert profile.points[0].value == 0.0
    assert profile.points[0].params["g/g/sigma^2"] == 0.0


def test_a_variance_of_zero_has_a_one_sided_interval_and_a_profile() -> None:
    v, y, x = one_way_data(8, 5, between=0.0, seed=8)
    inference = told(v, y, x, ["mean"])
    assert inference.fit.boundary == ("g/g/sigma^2",)
    entry = inference.intervals()["g/g/sigma^2"]
    assert math.isnan(entry.standard_error)
    assert (entry.lower, entry.scale) == (0.0, "one-sided")
    assert "one-sided" in entry.note
    profile = inference.profile("g")
    assert (profile.lower, profile.open_below) == (0.0, True)
    # The likelihood of a variance is skewed: its curvature at 0 is no more than a guide.
    assert 0.3 * profile.upper < entry.upper < 1.5 * profile.upper
    assert abs(profile.points[-1].root) >= 1.959964 - 1e-6


def test_profile_of_a_correlation_refits_the_rest() -> None:
    inference = reference("spatial_ar1xar1")
    case = load("spatial_ar1xar1")
    profile = inference.profile("row/rho", level=0.8)
    v = load("spatial_ar1xar1").v
    v.set_param_specs("spatial/g/row/rho", fixed=True, value=profile.lower)
    refitted = fit(v, case.y, case.x)
    fall = 2 * (inference.fit.loglik - refitted.loglik)
    assert fall == pytest.approx(1.281552**2, abs=1e-4)
    assert profile.lower < profile.estimate < profile.upper < 1.0


def test_profiles_report_progress_and_stop() -> None:
    inference = balanced()[0]
    seen: list[float] = []
    inference.profile("e/sigma^2", callback=lambda point: seen.append(point.value))
    assert len(seen) >= 4
    token = threading.Event()
    with pytest.raises(FitCancelled):
        inference.profile("e/sigma^2", callback=lambda _: token.set(), cancel=token)
    with pytest.raises(ValueError, match="no parameter 'sigma'; there are g/g/sigma"):
        inference.profile("sigma")


def test_fixed_and_held_parameters_have_no_interval() -> None:
    v, y, x = one_way_data(6, 4, between=1.0)
    v.set_param_specs("e/sigma^2", fixed=True, value=1.0)
    inference = told(v, y, x, ["mean"])
    entry = inference.intervals()["e/sigma^2"]
    assert (entry.note, entry.scale) == ("fixed", "none")
    assert math.isnan(entry.lower)
    assert inference.intervals()["g/g/sigma^2"].standard_error > 0.0
    with pytest.raises(ValueError, match="was not estimated"):
        inference.profile("e/sigma^2")
    note = inference.function("g / e/sigma^2").notes
    assert note == ("fixed or held, and taken as known: e/sigma^2",)


def test_what_the_data_cannot_tell_apart_has_no_error_but_its_sum_has() -> None:
    generator = torch.Generator().manual_seed(5)
    y = torch.randn(30, generator=generator, dtype=torch.float64)
    x = torch.ones(30, 1, dtype=torch.float64)
    inference = told(Sum(one=ScalarMatrix(30), two=ScalarMatrix(30)), y, x, ["mean"])
    one = inference.intervals()["one/sigma^2"]
    assert math.isnan(one.standard_error)
    assert "cannot tell" in one.note
    total = inference.function("one + two")
    assert total.standard_error == pytest.approx(total.estimate * math.sqrt(2 / 29), rel=1e-6)
    assert math.isnan(inference.function("one - two").standard_error)


def test_results_are_plain_readable_and_picklable() -> None:
    inference = sleepstudy()
    results = [
        inference.intervals(),
        inference.profile("residual", level=0.5),
        inference.function("residual/sigma^2"),
        inference.fixed_effects(),
        inference.wald("Days"),
        inference.wald_terms({"Days": [1]}),
        inference.random_effects()["subject"],
        inference.residuals,
        inference.predict(torch.ones(2, 2)),
    ]
    for result in results:
        again = pickle.loads(pickle.dumps(result))
        assert repr(again) == repr(result)
        if hasattr(result, "table"):
            for row in result.table():
                assert all(isinstance(value, str | float | int | bool | None) for value in row.values())
    assert "Days" in repr(inference.fixed_effects())
    assert "95 % intervals of variance parameters" in repr(inference.intervals())
    with pytest.raises(KeyError, match="there is no interval of 'nothing', but of subject"):
        inference.intervals()["nothing"]


def test_a_fit_is_bound_to_what_was_fitted() -> None:
    v, y, x = one_way_data(6, 4, between=1.0)
    result = fit(v, y, x)
    with pytest.raises(InvalidData, match="rows in the same order"):
        Inference(result, v, y.flip(0) ** 2, x)
    with pytest.raises(InvalidData, match="pass what was fitted"):
        Inference(result, v, y, torch.cat([x, torch.arange(24.0)[:, None].double()], 1))
    with pytest.raises(InvalidModel, match="other parameters"):
        Inference(result, Sum(a=ScalarMatrix(24), b=ScalarMatrix(24)), y, x)
    with pytest.raises(TypeError, match="covstudio Matrix"):
        Inference(result, torch.eye(24), y, x)
    with pytest.raises(ValueError, match="'observed', 'average' or 'expected', or None, and got 'fisher'"):
        Inference(result, v, y, x, information="fisher")


def test_engines_give_the_same_inference() -> None:
    dense, mme = reference("ovary_ar1", "dense"), reference("ovary_ar1", "mme")
    assert (dense.fit.engine, mme.fit.engine) == ("dense", "mme")
    for a, b in zip(dense.intervals().entries, mme.intervals().entries, strict=True):
        np.testing.assert_allclose(
            [a.standard_error, a.lower, a.upper], [b.standard_error, b.lower, b.upper], rtol=1e-5
        )


def test_nothing_of_n_by_n_at_large_n() -> None:
    n, q = 30_000, 300
    generator = torch.Generator().manual_seed(1)
    code = torch.randint(q, (n,), generator=generator)
    y = torch.randn(q, generator=generator).double()[code] + torch.randn(n, generator=generator).double()
    v = Sum(g=intercepts([f"g{c:03d}" for c in code.tolist()]), e=ScalarMatrix(n))
    x = torch.stack([torch.ones(n), torch.arange(n) / n], 1).double()
    inference = told(v, y, x, ["one", "time"])
    assert inference.intervals()["e/sigma^2"].standard_error == pytest.approx(
        inference.fit.params["e/sigma^2"] * math.sqrt(2 / (n - q)), rel=0.01
    )
    assert inference.fixed_effects("kenward-roger")["one"].df == pytest.approx(q - 1, rel=0.1)
    assert inference.residuals.conditional_studentised.std() == pytest.approx(1.0, rel=0.02)
    assert inference.simulate(2, seed=1).shape == (n, 2)
    assert math.isfinite(inference.conditional_aic.value)


def test_series_alone_profiles_its_own_correlation() -> None:
    generator = torch.Generator().manual_seed(2)
    y = torch.randn(60, generator=generator, dtype=torch.float64).cumsum(0) * 0.3
    y = y + torch.randn(60, generator=generator, dtype=torch.float64)
    inference = told(AR1Matrix(60), y, torch.ones(60, 1, dtype=torch.float64), ["mean"])
    profile = inference.profile("rho")
    assert -1.0 < profile.lower < profile.estimate < profile.upper <= 1.0
    assert inference.random_effects() == {}
