"""Comparisons of fits: mixtures at a boundary, coding of X, information criteria."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from covstudio.covariance import (
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    KroneckerProduct,
    ScalarMatrix,
    Sum,
)
from covstudio.reml import InvalidData, compare, fit
from covstudio.reml.inference.comparison import mixture_tail
from tests.reml.inference_cases import (
    derivatives_of_the_fitted,
    machines,
    oats,
    one_way_data,
    reference,
    sleepstudy,
    told,
)


def test_mixtures() -> None:
    assert mixture_tail(2.0, 1, 0) == pytest.approx(stats.chi2.sf(2.0, 1))
    assert mixture_tail(2.0, 1, 1) == pytest.approx(0.5 * stats.chi2.sf(2.0, 1))
    # Stram & Lee (1994): a slope beside an intercept, with their covariance.
    expected = 0.5 * stats.chi2.sf(5.0, 1) + 0.5 * stats.chi2.sf(5.0, 2)
    assert mixture_tail(5.0, 2, 1) == pytest.approx(expected)
    # Self & Liang (1987), case 7: two independent variances.
    expected = 0.5 * stats.chi2.sf(5.0, 1) + 0.25 * stats.chi2.sf(5.0, 2)
    assert mixture_tail(5.0, 2, 2) == pytest.approx(expected)
    assert mixture_tail(0.0, 1, 1) == 1.0
    with pytest.raises(ValueError, match="from 0 to df = 1"):
        mixture_tail(1.0, 1, 2)


def test_random_slopes_against_r() -> None:
    """R 4.2.2, lme4 1.1-31: anova(m0, m, refit = FALSE) of the REML fits gives Chisq = 42.83681, Df = 2; AIC
    1794.465085 and 1755.628272; BIC 1807.236913 and 1774.786013."""
    small, large = sleepstudy(slopes=False), sleepstudy()
    found = compare(small, large, names=["intercepts", "slopes"])
    test = found.tests[0]
    assert test is not None
    assert test.statistic == pytest.approx(42.83681, abs=1e-5)
    assert (test.df, test.boundary) == (2, 1)
    assert test.plain_p_value == pytest.approx(4.99e-10, rel=1e-3)
    expected = 0.5 * stats.chi2.sf(42.83681, 1) + 0.5 * stats.chi2.sf(42.83681, 2)
    assert test.p_value == pytest.approx(expected, rel=1e-4)
    assert found.aic == pytest.approx((1794.465085, 1755.628272), abs=1e-5)
    assert found.bic == pytest.approx((1807.236913, 1774.786013), abs=1e-5)
    assert "slopes" in repr(found)
    assert found.table()[1]["at boundary"] == 1


def test_a_nested_effect_against_r() -> None:
    """R 4.2.2, lme4 1.1-31: anova(m0, m, refit = FALSE) gives Chisq = 71.19063, Df = 1."""
    found = compare(machines(interaction=False), machines())
    test = found.tests[0]
    assert test is not None
    assert (test.statistic, test.df, test.boundary) == (pytest.approx(71.19063, abs=1e-5), 1, 1)
    assert found.logliks == pytest.approx((-143.439101, -107.843784), abs=1e-6)
    assert found.notes == ()


def test_fits_alone_are_taken_on_trust() -> None:
    found = compare(machines(interaction=False).fit, machines().fit)
    assert found.tests[0].boundary == 0
    assert "taken on trust" in found.notes[0]
    assert "give boundary=" in found.notes[1]
    given = compare(machines(interaction=False).fit, machines().fit, boundary=1)
    assert given.tests[0].p_value == pytest.approx(0.5 * found.tests[0].p_value)
    assert given.parameters == (5, 6)


def test_restricted_likelihoods_of_other_fixed_effects_are_refused() -> None:
    v, y, x = one_way_data(6, 4, between=1.0)
    trend = torch.cat([x, torch.arange(24.0)[:, None].double()], 1)
    bend = torch.cat([x, torch.arange(24.0)[:, None].double() ** 2], 1)
    with pytest.raises(InvalidData, match="1 fixed effect and model 1 2: restricted likelihoods"):
        compare(told(v, y, x, ["m"]), told(v, y, trend, ["m", "t"]))
    with pytest.raises(InvalidData, match="span different spaces"):
        compare(told(v, y, trend, ["m", "t"]), told(v, y, bend, ["m", "t"]))
    with pytest.raises(InvalidData, match="different responses"):
        compare(fit(v, y, x), fit(v, y.flip(0), x))
    with pytest.raises(InvalidData, match="24 rows and model 1 one of 20"):
        compare(fit(v, y, x), fit(ScalarMatrix(20), y[:20], x[:20]))
    with pytest.raises(InvalidData, match="two fits or more"):
        compare(fit(v, y, x))
    with pytest.raises(TypeError, match="fits and Inference objects"):
        compare(fit(v, y, x), "other")


def test_the_coding_of_x_does_not_matter() -> None:
    v, y, x = one_way_data(6, 4, between=1.0)
    group = (torch.arange(24) % 2).double()
    one = torch.stack([x[:, 0], group], 1)
    other = torch.stack([1000 * (1 - group), 5 * group], 1)
    small, large = told(ScalarMatrix(24), y, one, ["m", "g"]), told(v, y, other, ["a", "b"])
    same = compare(small, told(v, y, one, ["m", "g"])).tests[0]
    coded = compare(small, large).tests[0]
    assert coded.statistic == pytest.approx(same.statistic, abs=1e-7)


def test_variances_at_zero_are_counted_by_terms() -> None:
    v, y, x = one_way_data(6, 4, between=1.0)
    labels = [f"p{i % 3}" for i in range(24)]
    place = CovariancePropagation(z=DummyMatrix(labels), g=ScalarMatrix(3))
    two = Sum(g=v.operands["g"], place=place, e=ScalarMatrix(24))
    none, both = told(ScalarMatrix(24), y, x, ["m"]), told(two, y, x, ["m"])
    found = compare(none, both)
    assert (found.tests[0].df, found.tests[0].boundary) == (2, 2)
    assert "orthogonal" in found.notes[0]
    assert compare(none, both, boundary=0).tests[0].boundary == 0
    series = Sum(g=v.operands["g"], series=AR1Matrix(24), e=ScalarMatrix(24))
    found = compare(told(v, y, x, ["m"]), told(series, y, x, ["m"]))
    assert (found.tests[0].df, found.tests[0].boundary) == (2, 1)
    assert "series/rho mean nothing" in found.notes[0]
    # A correlation within groups is no variance at zero.
    free = KroneckerProduct(groups=torch.eye(6, dtype=torch.float64), within=AR1Matrix(4))
    found = compare(told(ScalarMatrix(24), y, x, ["m"]), told(free, y, x, ["m"]))
    assert (found.tests[0].df, found.tests[0].boundary) == (1, 0)
    found = compare(both, none)
    assert found.tests == (None,)
    assert "no more parameters" in found.notes[0]


@pytest.mark.parametrize("name", ["machines", "oats"])
def test_conditional_degrees_of_freedom_are_the_derivatives_of_the_fitted_values(name: str) -> None:
    """rho = sum of d fitted_i / d y_i, the variances fitted again for each; by central differences."""
    inference = oats() if name == "oats" else machines()
    found = inference.conditional_aic
    assert found.degrees == pytest.approx(derivatives_of_the_fitted(inference), rel=1e-4)
    assert found.degrees > found.known_degrees


def test_conditional_aic_against_dense_algebra() -> None:
    inference = reference("ovary_ar1")
    binding = inference._binding
    n = binding.problem.n
    eye = torch.eye(n, dtype=torch.float64)
    r = binding.multiply(binding.residual_pieces, eye).numpy()
    hat = np.eye(n) - r @ binding.project(eye).numpy()
    found = inference.conditional_aic
    assert found.known_degrees == pytest.approx(np.trace(hat), rel=1e-8)
    conditional = (binding.problem.y - inference.fit.fitted).numpy()
    density = stats.multivariate_normal(np.zeros(n), r).logpdf(conditional)
    assert found.loglik == pytest.approx(density, rel=1e-8)
    assert found.residual_parameters == 2
    assert found.value == pytest.approx(-2 * density + 2 * (found.degrees + 2), rel=1e-8)


def test_without_random_effects_it_is_the_ordinary_aic() -> None:
    _, y, x = one_way_data(6, 4, between=1.0)
    inference = told(ScalarMatrix(24), y, x, ["m"])
    found = inference.conditional_aic
    assert found.known_degrees == pytest.approx(1.0)
    assert found.degrees == pytest.approx(1.0)
    sigma = math.sqrt(inference.fit.params["sigma^2"])
    density = stats.norm(float(y.mean()), sigma).logpdf(y.numpy()).sum()
    assert found.value == pytest.approx(-2 * density + 4, rel=1e-9)


def test_a_variance_of_zero_leaves_the_smaller_model() -> None:
    v, y, x = one_way_data(8, 5, between=0.0, seed=8)
    small, large = told(ScalarMatrix(40), y, x, ["m"]), told(v, y, x, ["m"])
    assert large.conditional_aic.value == pytest.approx(small.conditional_aic.value, rel=1e-7)
    test = compare(small, large).tests[0]
    assert test.statistic == pytest.approx(0.0, abs=1e-8)
    assert test.p_value > 0.5
