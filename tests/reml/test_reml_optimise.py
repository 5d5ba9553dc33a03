"""The search: starts from anywhere, boundaries, release, monotone progress, and what is said on failure."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    CovariancePropagation,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import REML, FitCancelled, Iteration, fit
from tests.reml.reml_cases import CASES, assert_monotone, case, one_way

VARIANCE_COMPONENTS = ["alpha", "oats", "machines"]


def random_start(v: Matrix, seed: int, spread: float) -> Tensor:
    """Raw values: variances over `spread` decades on either side of 1, correlations anywhere in their
    range."""
    rng = np.random.default_rng(seed)
    raw = []
    for transform in v.free_param_trans.values():
        low, high = transform.bounds
        if math.isfinite(low) and math.isfinite(high):
            natural = low + (high - low) * rng.uniform(0.05, 0.95)
        elif low == 0.0:
            natural = 10.0 ** rng.uniform(-spread, spread)
        else:
            natural = rng.normal()
        raw.append(float(transform.inverse(torch.tensor([natural], dtype=torch.float64))))
    return torch.tensor(raw, dtype=torch.float64)


# -- starts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["alpha", *CASES])
def test_random_starts(name: str, seed: int) -> None:
    v, y, x, kernel = case(name)
    result = fit(v, y, x, start=random_start(v, seed, 1.0))
    assert result.converged, result.message
    assert result.kernel_loglik == pytest.approx(kernel, abs=1e-6)
    assert_monotone(result)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", VARIANCE_COMPONENTS)
def test_starts_that_are_wrong_by_orders_of_magnitude(name: str, seed: int) -> None:
    v, y, x, kernel = case(name)
    result = fit(v, y, x, start=random_start(v, seed, 6.0))
    assert result.converged, result.message
    assert result.kernel_loglik == pytest.approx(kernel, abs=1e-6)
    assert_monotone(result)


@pytest.mark.parametrize("factor", [1e-3, 1e3, 100.0])
@pytest.mark.parametrize("which", [None, 0, 1, 2])
@pytest.mark.parametrize("name", VARIANCE_COMPONENTS)
def test_starts_far_below_and_above_the_estimates(name: str, which: int | None, factor: float) -> None:
    v, y, x, kernel = case(name)
    best = fit(v, y, x)
    start = best.theta.clone()
    start[slice(None) if which is None else which] += 0.5 * math.log(factor)
    result = fit(v, y, x, start=start)
    assert result.converged
    assert result.kernel_loglik == pytest.approx(kernel, abs=1e-6)
    assert result.iterations <= 15


def test_a_start_at_the_estimates_stays_there() -> None:
    v, y, x, _ = case("alpha")
    best = fit(v, y, x)
    again = fit(v, y, x, start=v.to_param_dict(best.theta))
    assert again.iterations == 0
    assert again.params == pytest.approx(dict(best.params))


def test_a_start_in_a_lower_maximum_is_given_up_for_the_data() -> None:
    """With the field at zero and a wrong correlation the score points back to zero: a maximum, but a poor
    one."""
    v, y, x, kernel = case("spatial_ar1xar1")
    start = v.from_param_dict(None).to(torch.float64)
    start[v.free_param_names.index("spatial/g/col/sigma^2")] = -math.inf
    start[v.free_param_names.index("spatial/g/row/rho")] = -3.0
    result = fit(v, y, x, start=start)
    assert result.converged
    assert result.kernel_loglik == pytest.approx(kernel, abs=1e-6)


# -- boundaries ---------------------------------------------------------------------------------------------


def test_a_variance_whose_estimate_is_zero_ends_at_exactly_zero() -> None:
    """Group means closer than the spread within groups allows: the ANOVA estimate is negative."""
    y = torch.tensor([1.0, 9.0, 2.0, 8.0, 3.0, 7.5], dtype=torch.float64)
    result = fit(one_way(3, 2), y, torch.ones(6, 1))
    assert result.converged
    assert result.params["g/g/sigma^2"] == 0.0
    assert float(result.theta[0]) == -math.inf
    assert result.boundary == ("g/g/sigma^2",)
    assert "Estimated as zero: g/g/sigma^2" in result.message
    assert math.isnan(result.standard_errors["g/g/sigma^2"])
    assert result.params["e/sigma^2"] == pytest.approx(float(y.var()))
    assert result.standard_errors["e/sigma^2"] == pytest.approx(float(y.var()) * math.sqrt(2 / 5))
    assert result.blups["g"].blup.tolist() == [0.0, 0.0, 0.0]
    assert result.blups["g"].standard_error.tolist() == [0.0, 0.0, 0.0]
    # What a boundary fit returns can be evaluated, and used to start from.
    assert bool(torch.isfinite(one_way(3, 2)(result.theta)).all())
    assert fit(one_way(3, 2), y, torch.ones(6, 1), start=result.theta).iterations == 0


def test_a_variance_at_zero_is_released_when_its_score_turns_positive() -> None:
    v, y, x, kernel = case("alpha")
    start = torch.tensor([-math.inf, -math.inf, 0.0], dtype=torch.float64)
    result = fit(v, y, x, start=start)
    assert result.converged
    assert result.boundary == ()
    assert result.history[0].params["gen/g/sigma^2"] == 0.0
    assert result.kernel_loglik == pytest.approx(kernel, abs=1e-6)


def test_a_singular_unstructured_matrix_is_found_and_named() -> None:
    """Intercepts and slopes in exact proportion: the 2 x 2 covariance has rank one."""
    generator = torch.Generator().manual_seed(3)
    subjects, times = 30, 5
    u = torch.randn(subjects, dtype=torch.float64, generator=generator)
    t = torch.arange(times, dtype=torch.float64).repeat(subjects)
    z0 = torch.eye(subjects, dtype=torch.float64).repeat_interleave(times, dim=0)
    y = z0 @ (2.0 * u) + t * (z0 @ (0.5 * u))
    y += 3.0 * torch.randn(len(t), dtype=torch.float64, generator=generator)
    z = torch.cat([z0, z0 * t.unsqueeze(1)], dim=1)
    v = Sum(
        subject=CovariancePropagation(
            z=z, g=KroneckerProduct(a=UnstructuredMatrix(2), b=IdentityMatrix(subjects))
        ),
        residual=ScalarMatrix(len(t)),
    )
    x = torch.stack([torch.ones_like(t), t], dim=1)
    result = fit(v, y, x)
    assert result.converged, result.message
    assert result.boundary == ("subject/g/a/L_1_1",)
    assert result.params["subject/g/a/L_1_1"] == 0.0
    assert "singular" in result.message
    # No small value of it is better, in either direction of the covariance.
    theta = result.theta.clone()
    for small in (1e-3, 1e-2, 1e-1):
        theta[v.free_param_names.index("subject/g/a/L_1_1")] = math.log(small)
        assert float(REML(v).loglik(y, x, theta)) <= result.kernel_loglik + 1e-9


def test_a_correlation_may_go_to_the_end_of_its_range() -> None:
    """A field that is constant along the rows: rho = 1, with a nugget beside it."""
    generator = torch.Generator().manual_seed(5)
    n = 12
    y = torch.randn(6, dtype=torch.float64, generator=generator).repeat_interleave(n) * 3.0
    y = y + torch.randn(6 * n, dtype=torch.float64, generator=generator)
    v = Sum(
        field=KroneckerProduct(block=IdentityMatrix(6), row=AR1Matrix(n)),
        nugget=ScalarMatrix(6 * n),
    )
    result = fit(v, y, torch.ones(6 * n, 1))
    assert result.params["field/row/rho"] > 0.98
    assert_monotone(result)
    assert result.converged, result.message


def test_a_correlation_below_a_zero_variance_does_not_disturb() -> None:
    y = torch.tensor([1.0, 9.0, 2.0, 8.0, 3.0, 7.5, 1.5, 8.2], dtype=torch.float64)
    v = Sum(field=AR1Matrix(8), nugget=ScalarMatrix(8), g=one_way(4, 2).operands["g"])
    result = fit(v, y, torch.ones(8, 1))
    assert result.converged
    assert result.params["g/g/sigma^2"] == 0.0


# -- progress -----------------------------------------------------------------------------------------------


def test_the_callback_sees_every_iteration() -> None:
    v, y, x, _ = case("alpha")
    seen: list[Iteration] = []
    result = fit(v, y, x, callback=seen.append)
    assert [iteration.number for iteration in seen] == list(range(result.iterations + 1))
    assert [iteration.loglik for iteration in seen] == [iteration.loglik for iteration in result.history]
    assert seen[0].step == 0.0
    assert all(iteration.seconds >= 0.0 for iteration in seen)
    assert seen[-1].score_norm < 1e-6 < seen[0].score_norm
    assert list(seen[0].params) == v.param_names


def test_a_callback_cancels_a_fit() -> None:
    v, y, x, _ = case("alpha")
    calls = []

    def stop(iteration: Iteration) -> None:
        calls.append(iteration.number)
        if iteration.number == 2:
            raise FitCancelled("enough")

    threads = torch.get_num_threads()
    with pytest.raises(FitCancelled, match="enough"):
        fit(v, y, x, callback=stop)
    assert calls == [0, 1, 2]
    assert torch.get_num_threads() == threads


def test_too_few_iterations_give_the_best_so_far_and_say_so() -> None:
    v, y, x, kernel = case("bodyweight_car1")
    result = fit(v, y, x, max_iter=3)
    assert not result.converged
    assert result.iterations == 3
    assert result.message.startswith("Not converged after 3 iterations")
    assert "max_iter" in result.message
    assert result.kernel_loglik < kernel
    assert result.loglik == max(iteration.loglik for iteration in result.history)


def test_no_iterations_evaluate_the_start() -> None:
    v, y, x, _ = case("alpha")
    assert not fit(v, y, x, max_iter=0).converged
    with pytest.raises(ValueError, match="max_iter"):
        fit(v, y, x, max_iter=-1)


def test_a_fit_pickles_and_reads_well() -> None:
    v, y, x, _ = case("alpha")
    result = fit(v, y, x)
    copy = pickle.loads(pickle.dumps(result))
    assert copy.params == result.params
    assert repr(copy) == repr(result)
    text = repr(result)
    for part in ("gen/g/sigma^2", "0.142902", "4.51825", "0.145114", "-46.5969", "Converged"):
        assert part in text
