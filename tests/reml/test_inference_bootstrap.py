"""Simulation and the parametric bootstrap: reproducible, of the right moments, honest about failures."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
import torch

from covstudio.covariance import (
    AR1Matrix,
    BlockDiagonal,
    CovariancePropagation,
    HadamardProduct,
    IdentityMatrix,
    KnownMatrix,
    KroneckerProduct,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import FitCancelled, Inference
from covstudio.reml.inference import bootstrap, simulation
from tests.reml.inference_cases import intercepts, one_way_data, reference, sleepstudy, told


def check_moments(inference: Inference, draws: int = 4000) -> None:
    """Covariances of the draws against V, entry by entry, in their standard errors."""
    y = inference.simulate(draws, seed=5).numpy()
    binding = inference._binding
    v = binding.variance.written().value(binding.natural).numpy()
    centred = y - inference.fit.marginal_fitted.numpy()[:, None]
    error = np.sqrt((np.outer(np.diag(v), np.diag(v)) + v**2) / draws)
    assert np.abs((centred @ centred.T / draws - v) / error).max() < 5.5
    mean_error = np.sqrt(np.diag(v) / draws)
    assert np.abs(centred.mean(axis=1) / mean_error).max() < 5.0


def noise(n: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_draws_have_the_covariance_of_random_effects() -> None:
    labels = [f"s{i // 4}" for i in range(24)]
    z = intercepts(labels).operands["z"]().double()
    slope = torch.arange(24.0).double()[:, None] % 4
    subject = CovariancePropagation(
        z=torch.cat([z, z * slope], 1), g=KroneckerProduct(a=UnstructuredMatrix(2), b=IdentityMatrix(6))
    )
    v = Sum(subject=subject, e=ScalarMatrix(24))
    y = noise(24) + (z @ noise(6, 2)) * 2 + (z @ noise(6, 3)) * slope[:, 0]
    check_moments(told(v, y, torch.ones(24, 1).double(), ["m"]))


@pytest.mark.parametrize("chain", [200, 2])
def test_draws_have_the_covariance_of_series_within_subjects(
    chain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "CHAIN", chain)
    subject = torch.tensor([0] * 7 + [1] * 4 + [2] * 7 + [3] * 1 + [4] * 6)
    same = (subject[:, None] == subject[None, :]).double()
    v = Sum(series=HadamardProduct(same=same, ar=AR1Matrix(25)), e=ScalarMatrix(25))
    v.set_param_specs("e/sigma^2", fixed=True, value=0.3)
    series = torch.linalg.cholesky(0.6 ** (torch.arange(25)[:, None] - torch.arange(25)).abs().double())
    check_moments(told(v, series @ noise(25), torch.ones(25, 1).double(), ["m"]))


def test_draws_have_the_covariance_of_blocks_and_other_terms() -> None:
    known = torch.linalg.cholesky(0.5 ** (torch.arange(20)[:, None] - torch.arange(20)).abs().double())
    v = Sum(
        field=KroneckerProduct(row=AR1Matrix(4), col=UnstructuredMatrix(5)),
        known=HadamardProduct(a=known @ known.mT, b=KnownMatrix(known @ known.mT)),
        e=BlockDiagonal(top=ScalarMatrix(8), bottom=ScalarMatrix(12)),
    )
    for name in v.free_param_names:
        if "field" in name and name != "field/row/rho":
            v.set_param_specs(name, fixed=True)
    check_moments(told(v, 1.5 * known @ noise(20, 4) + noise(20), torch.ones(20, 1).double(), ["m"]))


def test_a_term_that_is_no_covariance_is_drawn_with_the_others() -> None:
    """V = (sigma^2 + 1) I - J / 10: the constant part alone has a negative eigenvalue."""
    part = torch.eye(12, dtype=torch.float64) - torch.full((12, 12), 0.1, dtype=torch.float64)
    v = Sum(odd=part, e=ScalarMatrix(12))
    x = torch.stack([torch.ones(12), torch.arange(12.0)], 1).double()
    inference = told(v, 2 * noise(12, 6), x, ["m", "t"])
    check_moments(inference)
    assert torch.equal(inference.simulate(3, seed=2), inference.simulate(3, seed=2))


def test_the_same_seed_gives_the_same_draws() -> None:
    inference = sleepstudy()
    assert torch.equal(inference.simulate(5, seed=3), inference.simulate(5, seed=3))
    assert not torch.equal(inference.simulate(5, seed=3), inference.simulate(5, seed=4))
    with pytest.raises(ValueError, match="count must be a whole number of at least 1"):
        inference.simulate(0)


def test_bootstrap_of_a_balanced_layout() -> None:
    v, y, x = one_way_data(12, 4, between=2.0)
    inference = told(v, y, x, ["mean"])
    seen: list[tuple[int, int]] = []
    found = inference.bootstrap(
        200, seed=1, functions=["g / (g + e)"], callback=lambda done, count: seen.append((done, count))
    )
    again = inference.bootstrap(200, seed=1, functions=["g / (g + e)"])
    assert torch.equal(found.replicates, again.replicates)
    assert (found.count, found.failed) == (200, 0)
    assert found.names == ("g/g/sigma^2", "e/sigma^2", "mean", "g / (g + e)")
    assert seen[-1] == (200, 200)
    rows = {row["name"]: row for row in found.table()}
    intervals = inference.intervals()
    # 200 draws give a standard error to about 5 %.
    for name in ("g/g/sigma^2", "e/sigma^2"):
        assert rows[name]["std. error"] == pytest.approx(intervals[name].standard_error, rel=0.25)
        assert rows[name]["mean"] == pytest.approx(rows[name]["estimate"], rel=0.15)
    effect = inference.fixed_effects()["mean"]
    assert rows["mean"]["std. error"] == pytest.approx(effect.standard_error, rel=0.25)
    low, high = found.interval("e/sigma^2")
    assert low < found.estimates[1] < high
    basic = found.interval("e/sigma^2", "basic")
    assert basic == pytest.approx((2 * found.estimates[1] - high, 2 * found.estimates[1] - low))
    with pytest.raises(ValueError, match="'percentile' or 'basic'"):
        found.interval("mean", "normal")
    with pytest.raises(KeyError, match="no 'nothing' in the bootstrap"):
        found.interval("nothing")


def test_replicates_are_fits_of_the_draws() -> None:
    from covstudio.reml import fit

    v, y, x = one_way_data(6, 4, between=1.0)
    inference = told(v, y, x, ["mean"])
    found = inference.bootstrap(6, seed=9)
    for y_star, row in zip(inference.simulate(6, seed=9).mT, found.replicates, strict=True):
        result = fit(v, y_star, x)
        assert row[:2].tolist() == pytest.approx(list(result.params.values()), rel=1e-5, abs=1e-7)
        assert row[2].item() == pytest.approx(float(result.beta[0]), rel=1e-7)


def test_failed_refits_are_counted_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    v, y, x = one_way_data(6, 4, between=1.0)
    inference = told(v, y, x, ["mean"])
    real, calls = bootstrap.refit, []

    def sometimes(*args: object) -> object:
        calls.append(args)
        return None if len(calls) % 3 == 0 else real(*args)

    monkeypatch.setattr(bootstrap, "refit", sometimes)
    found = inference.bootstrap(9, seed=1)
    assert (found.failed, len(found.replicates)) == (3, 6)
    assert "3 of 9 refits did not converge" in repr(found)


def test_a_bootstrap_can_be_stopped() -> None:
    v, y, x = one_way_data(6, 4, between=1.0)
    inference = told(v, y, x, ["mean"])
    done: list[int] = []
    token = threading.Event()

    def report(number: int, _: int) -> None:
        done.append(number)
        if number == 3:
            token.set()

    with pytest.raises(FitCancelled, match="after 3 refits"):
        inference.bootstrap(50, callback=report, cancel=token)
    assert done == [1, 2, 3]


def test_a_test_at_the_boundary_has_its_mixture() -> None:
    """Half of the statistics are 0 where the variance is 0 (Self & Liang 1987), as many as the exact
    probability of MSA <= MSE says for few groups."""
    from scipy import stats

    v, y, x = one_way_data(12, 5, between=0.0, seed=3)
    small, large = told(ScalarMatrix(60), y, x, ["mean"]), told(v, y, x, ["mean"])
    found = large.bootstrap_test(small, 200, seed=7)
    at_zero = found.table()[0]["at zero"] / len(found.replicates)
    expected = stats.f.cdf(1.0, 11, 48)
    assert at_zero == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 200))
    assert 0.0 < found.p_value <= 1.0
    reached = int((found.replicates >= found.statistic - 1e-6).sum())
    assert found.p_value == pytest.approx((1 + reached) / (1 + len(found.replicates)))
    assert found.statistic == pytest.approx(2 * (large.fit.loglik - small.fit.loglik))


def test_a_clear_effect_is_found() -> None:
    small, large = sleepstudy(slopes=False), sleepstudy()
    found = large.bootstrap_test(small, 19, seed=1)
    assert found.p_value == pytest.approx(1 / 20)
    assert "bootstrap" in repr(found)
    assert found.failed == 0


def test_bootstrap_of_a_spatial_model_keeps_correlations_in_range() -> None:
    found = reference("spatial_ar1xar1").bootstrap(3, seed=2)
    assert found.failed == 0
    rho = found.replicates[:, found.names.index("spatial/g/row/rho")]
    assert bool((rho.abs() <= 1.0).all())
