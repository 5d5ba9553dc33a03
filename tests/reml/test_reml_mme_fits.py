"""Fits by the mixed-model equations: published cases, large data, variances of zero, what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
)
from covstudio.reml import REML, fit
from covstudio.reml.engines.equations.residual import MarkovResidual, residual_of
from covstudio.reml.engines.mme.candidate import MmeCandidate
from covstudio.reml.terms.variance import Variance
from tests.reml.engine_cases import assert_fits_agree
from tests.reml.mme_cases import crossed
from tests.reml.reml_cases import CASES, alpha_design, assert_monotone, load


@pytest.mark.parametrize("name", [*CASES, "alpha"])
def test_published_cases_run_through_the_mixed_model_equations(name: str) -> None:
    """To the recorded digits, and to those of the dense engine."""
    v, y, x = alpha_design() if name == "alpha" else (load(name).v, load(name).y, load(name).x)
    dense = fit(v, y, x, engine="dense")
    result = fit(v, y, x, engine="mme")
    assert result.engine == "mme"
    assert result.converged
    assert_monotone(result)
    assert_fits_agree(result, dense, rtol=1e-5)
    if name != "alpha":
        case = load(name)
        assert result.kernel_loglik == pytest.approx(case.estimates["kernel_loglik"], abs=1e-6)
        recorded = case.recorded(result.params)
        for key, value in case.estimates["variance_parameters"].items():
            assert recorded[key] == pytest.approx(value, rel=1e-6), key


def test_twenty_thousand_rows_without_any_matrix_of_that_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing writes V, Z or a term out: doing so would need 3 GB at least."""

    def refuse(self: Matrix, *arguments: object) -> Tensor:
        raise AssertionError(f"{type(self).__name__} was written out")

    v, y, x = crossed(20_000, 400, 40)
    for cls in (DummyMatrix, CovariancePropagation, Sum):
        monkeypatch.setattr(cls, "evaluate", refuse)
    result = fit(v, y, x)
    assert result.engine == "mme"
    assert result.converged
    assert_monotone(result)
    assert result.params["g/g/sigma^2"] == pytest.approx(1.0, abs=0.25)
    assert result.params["b/g/sigma^2"] == pytest.approx(0.25, abs=0.2)
    assert result.params["e/sigma^2"] == pytest.approx(1.0, abs=0.05)
    torch.testing.assert_close(result.fitted + result.residuals, y)
    assert len(result.blups["g"]) == 400


def test_a_variance_of_zero_is_reached_and_reported() -> None:
    rng = np.random.default_rng(8)
    labels = [f"l{i % 40}" for i in range(1200)]
    y = torch.from_numpy(rng.normal(size=1200))
    # Less variation between levels than chance gives: the estimate is zero.
    codes = torch.arange(1200) % 40
    means = torch.zeros(40, dtype=torch.float64).index_add_(0, codes, y) / 30
    y = y - 0.5 * means[codes]
    v = Sum(u=CovariancePropagation(z=DummyMatrix(labels), g=ScalarMatrix(40)), e=ScalarMatrix(1200))
    result = fit(v, y, torch.ones(1200, 1), engine="mme")
    assert result.converged
    assert result.boundary == ("u/g/sigma^2",)
    assert result.params["u/g/sigma^2"] == 0.0
    assert result.params["e/sigma^2"] == pytest.approx(float(y.var()), rel=1e-9)
    assert float(result.blups["u"].blup.abs().max()) == 0.0


def test_long_series_are_inverted_along_the_chain() -> None:
    v = Sum(u=CovariancePropagation(z=torch.ones(400, 1), g=ScalarMatrix(1)), e=AR1Matrix(400))
    found = residual_of(Variance(v))
    assert isinstance(found, MarkovResidual)
    rng = np.random.default_rng(2)
    noise = rng.normal(size=400)
    series = np.zeros(400)
    for i in range(400):
        series[i] = 0.7 * series[i - 1] + noise[i] if i else noise[0]
    result = fit(AR1Matrix(400), torch.from_numpy(series), torch.ones(400, 1), engine="mme")
    dense = fit(AR1Matrix(400), torch.from_numpy(series), torch.ones(400, 1), engine="dense")
    assert result.params["rho"] == pytest.approx(dense.params["rho"], rel=1e-7)
    assert result.kernel_loglik == pytest.approx(dense.kernel_loglik, abs=1e-8)


def test_a_candidate_says_what_is_in_its_way() -> None:
    field = KroneckerProduct(row=AR1CorrelationMatrix(4), col=AR1Matrix(5))
    reason = MmeCandidate().applies(Variance(Sum(field=field, e=ScalarMatrix(20))), 1)
    assert isinstance(reason, str)
    assert reason.startswith("field (KroneckerProduct) is neither Z G Z' with a constant Z nor diagonal")
    z = DummyMatrix([f"l{i % 3}" for i in range(20)])
    bare = CovariancePropagation(z=z, g=ScalarMatrix(3))
    reason = MmeCandidate().applies(Variance(bare), 1)
    assert isinstance(reason, str)
    assert "no residual" in reason


def test_the_pieces_of_a_step_come_from_the_same_engine_as_a_fit() -> None:
    v, y, x = crossed(9000, 90, 9)
    reml = REML(v)
    theta = torch.tensor([0.1, -0.2, 0.05], dtype=torch.float64)
    beta, score, _, kernel = reml.ai_step(y, x, theta)
    assert beta is not None
    assert kernel is not None
    step = 1e-5
    for k in range(3):
        up, down = theta.clone(), theta.clone()
        up[k] += step
        down[k] -= step
        slope = float(reml.loglik(y, x, up) - reml.loglik(y, x, down)) / (2 * step)
        assert float(score[k]) == pytest.approx(slope, rel=1e-4, abs=1e-3)
    assert float(reml.loglik(y, x, fit(v, y, x).theta)) > float(kernel)
    few = alpha_design()
    theta = torch.tensor([0.3, 0.1, -0.4], dtype=torch.float64)
    kernels = [float(REML(few[0], engine=name).loglik(*few[1:], theta)) for name in ("dense", "mme")]
    assert kernels[0] == pytest.approx(kernels[1], abs=1e-10)
