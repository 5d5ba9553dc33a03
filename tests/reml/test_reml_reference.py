"""Every published case to its digits, against estimates that lme4, nlme, glmmTMB and independent numpy code
agree on."""

from __future__ import annotations

import importlib.util
import math
from functools import cache
from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest
import torch

from covstudio.reml import Fit, Inference, fit
from tests.reml.reml_cases import CASES, REFERENCE, Case, alpha_design, load


@cache
def fitted(name: str) -> tuple[Case, Fit]:
    case = load(name)
    return case, fit(case.v, case.y, case.x)


@cache
def oracle() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kernel_loglik", REFERENCE / "kernel_loglik.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", CASES)
def test_the_fit_converges_without_a_word_of_doubt(name: str) -> None:
    _, result = fitted(name)
    assert result.converged
    assert result.message == f"Converged in {result.iterations} iterations."
    assert result.boundary == ()
    assert result.indistinct == ()
    assert result.engine_reason.startswith("V is ")


@pytest.mark.parametrize("name", CASES)
def test_variance_parameters(name: str) -> None:
    case, result = fitted(name)
    recorded = case.recorded(result.params)
    expected = case.estimates["variance_parameters"]
    assert recorded.keys() == expected.keys()
    for key, value in expected.items():
        assert recorded[key] == pytest.approx(value, rel=1e-6), key


@pytest.mark.parametrize("name", CASES)
def test_fitted_v_against_independent_code(name: str) -> None:
    case, result = fitted(name)
    entry, frame = oracle().load_case(str(REFERENCE), name)
    expected = oracle().build_V(entry, frame, case.estimates["variance_parameters"], str(REFERENCE))
    value = case.v(result.theta).numpy()
    assert np.abs(value - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("name", CASES)
def test_likelihoods_and_criteria(name: str) -> None:
    case, result = fitted(name)
    estimates = case.estimates
    assert result.kernel_loglik == pytest.approx(estimates["kernel_loglik"], abs=1e-6)
    assert result.loglik == pytest.approx(estimates["loglik_lme_lmer_convention"], abs=1e-6)
    assert result.aic == pytest.approx(estimates["AIC_R_convention"], abs=1e-5)
    count = result.p + len(estimates["variance_parameters"])
    assert result.bic == pytest.approx(
        -2 * estimates["loglik_lme_lmer_convention"] + math.log(result.n) * count
    )


@pytest.mark.parametrize("name", CASES)
def test_fixed_effects(name: str) -> None:
    case, result = fitted(name)
    for j, column in enumerate(case.columns):
        error = case.estimates["fixed_se"][column]
        assert abs(float(result.beta[j]) - case.estimates["fixed_effects"][column]) <= 1e-4 * error
        assert float(result.beta_standard_errors[j]) == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_random_effects_and_their_prediction_errors(name: str) -> None:
    case, result = fitted(name)
    for term, expected in case.estimates["blups_first5"].items():
        effect = result.blups[term.replace(":", "_")]
        places = {label: i for i, label in enumerate(case.labels[term])}
        assert len(effect) == len(places)
        for label, (blup, error) in expected.items():
            assert abs(float(effect.blup[places[label]]) - blup) <= 1e-5 * error, label
            assert float(effect.standard_error[places[label]]) == pytest.approx(error, rel=1e-5), label


@pytest.mark.parametrize("name", ["oats", "machines", "ovary_ar1", "spatial_ar1xar1"])
def test_standard_errors_are_those_of_the_observed_information(name: str) -> None:
    case, result = fitted(name)
    errors = case.recorded(result.standard_errors)
    assert result.information == "observed"
    for key, value in case.estimates["variance_se_observed_information"].items():
        assert errors[key] == pytest.approx(value, rel=1e-4), key


@pytest.mark.parametrize("name", ["oats", "machines"])
def test_average_and_observed_information_agree_in_balanced_designs(name: str) -> None:
    """There they are the same at the estimates of variance components; elsewhere they differ by per cents."""
    case, result = fitted(name)
    average = Inference(result, case.v, case.y, case.x, information="average").intervals()
    errors = case.recorded({entry.name: entry.standard_error for entry in average.entries})
    for key, value in case.estimates["variance_se_observed_information"].items():
        assert errors[key] == pytest.approx(value, rel=1e-6), key


@pytest.mark.parametrize("name", CASES)
def test_history_rises_and_ends_at_the_fit(name: str) -> None:
    _, result = fitted(name)
    logliks = [iteration.loglik for iteration in result.history]
    assert [iteration.number for iteration in result.history] == list(range(result.iterations + 1))
    assert all(after >= before - 1e-8 for before, after in pairwise(logliks))
    assert logliks[-1] == result.loglik
    assert result.history[-1].params == result.params
    assert torch.equal(result.history[-1].theta, result.theta)
    assert result.history[-1].score_norm < 1e-6


@pytest.mark.parametrize("name", CASES)
def test_fitted_values_and_residuals_add_up(name: str) -> None:
    case, result = fitted(name)
    torch.testing.assert_close(result.marginal_fitted, case.x @ result.beta)
    torch.testing.assert_close(result.fitted + result.residuals, case.y)


def test_the_alpha_design_of_john_and_williams() -> None:
    v, y, x = alpha_design()
    result = fit(v, y, x)
    assert result.converged
    assert [round(value, 6) for value in result.params.values()] == [0.142902, 0.070218, 0.081617]
    assert [round(value, 6) for value in result.beta.tolist()] == [4.518250, 0.297846, -0.414046]
    assert [round(value, 6) for value in result.beta_standard_errors.tolist()] == [
        0.145114,
        0.173803,
        0.173803,
    ]
    assert result.kernel_loglik == pytest.approx(16.809849, abs=1e-6)
    assert result.loglik == pytest.approx(-46.596910, abs=1e-6)
    assert len(result.blups["gen"]) == 24
    assert result.blups["block"].levels[0] == "R1\u22c8B1"
