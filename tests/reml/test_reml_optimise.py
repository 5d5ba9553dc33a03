"""The search: starts from anywhere, boundaries, release, monotone progress, and what is said when it does
not get there."""

from __future__ import annotations

import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from structures import CASES, alpha_design, load
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    HadamardProduct,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    ScalarMatrix,
    SimpleMatrix,
    Sum,
    UnconstrainedMatrix,
    UnstructuredMatrix,
)
from covstudio.reml import REML, Fit, FitCancelled, Iteration, fit

VARIANCE_COMPONENTS = ["alpha", "oats", "machines"]


def case(name: str) -> tuple[Matrix, Tensor, Tensor, float]:
    if name == "alpha":
        return (*alpha_design(), 16.80984867)
    loaded = load(name)
    return loaded.v, loaded.y, loaded.x, loaded.estimates["kernel_loglik"]


def random_start(v: Matrix, seed: int, spread: float) -> Tensor:
    """Raw values: variances over `spread` decades on either side of 1, correlations anywhere in their
    range."""
    rng = np.random.default_rng(seed)
    raw = []
    for transform in v.free_param_trans:
        low, high = transform.bounds
        if math.isfinite(low) and math.isfinite(high):
            natural = low + (high - low) * rng.uniform(0.05, 0.95)
        elif low == 0.0:
            natural = 10.0 ** rng.uniform(-spread, spread)
        else:
            natural = rng.normal()
        raw.append(float(transform.inverse(torch.tensor([natural], dtype=torch.float64))))
    return torch.tensor(raw, dtype=torch.float64)


def one_way(groups: int, size: int) -> Matrix:
    labels = [f"g{i:03d}" for i in range(groups) for _ in range(size)]
    n = groups * size
    return Sum(g=CovariancePropagation(z=DummyMatrix(labels), g=ScalarMatrix(groups)), e=ScalarMatrix(n))


def assert_monotone(result: Fit) -> None:
    logliks = [iteration.loglik for iteration in result.history]
    assert all(after >= before - 1e-8 for before, after in pairwise(logliks))


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


# -- what is estimated --------------------------------------------------------------------------------------


def test_fixed_parameters_are_constants_and_held_ones_stay_where_they_start() -> None:
    v, y, x, _ = case("alpha")
    v.set_param_specs("residual/sigma^2", fixed=True, value=0.1)
    v.set_no_grad(param_name="block/g/sigma^2")
    start = torch.tensor([0.0, 0.5 * math.log(0.05)], dtype=torch.float64)
    result = fit(v, y, x, start=start)
    assert result.converged
    assert result.params["residual/sigma^2"] == pytest.approx(0.1)
    assert result.params["block/g/sigma^2"] == pytest.approx(0.05)
    assert math.isnan(result.standard_errors["block/g/sigma^2"])
    assert math.isnan(result.standard_errors["residual/sigma^2"])
    assert result.standard_errors["gen/g/sigma^2"] > 0.0
    # The derivative vanishes with respect to what was estimated, and only there.
    _, score, _, _ = REML(v).ai_step(y, x, result.theta)
    assert score.shape == (1,)
    assert abs(float(score)) < 1e-5
    assert result.aic == pytest.approx(-2 * result.loglik + 2 * (3 + 1))


def test_nothing_to_estimate_is_evaluated() -> None:
    v, y, x, _ = case("alpha")
    for name in v.param_names:
        v.set_param_specs(name, fixed=True, value=0.1)
    result = fit(v, y, x)
    assert result.converged
    assert result.iterations == 0
    assert result.theta.shape == (0,)
    assert "no parameters to estimate" in result.message
    assert list(result.params.values()) == pytest.approx([0.1, 0.1, 0.1])
    assert result.kernel_loglik == pytest.approx(float(REML(v).loglik(y, x, None)))


def test_parameters_that_the_data_cannot_tell_apart_are_named() -> None:
    y = torch.tensor([1.0, 2.0, 4.0, 5.0, 9.0], dtype=torch.float64)
    v = Sum(plots=ScalarMatrix(5), error=ScalarMatrix(5))
    result = fit(v, y, torch.ones(5, 1))
    assert result.converged
    assert sum(result.params.values()) == pytest.approx(float(y.var()))
    assert result.indistinct == ("plots/sigma^2", "error/sigma^2")
    assert "cannot tell plots/sigma^2 and error/sigma^2 apart" in result.message
    assert all(math.isnan(error) for error in result.standard_errors.values())


def test_heterogeneous_residuals_and_other_structures_from_their_defaults() -> None:
    generator = torch.Generator().manual_seed(1)
    site = [f"s{i % 3}" for i in range(60)]
    spread = torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64).repeat(20)
    y = spread * torch.randn(60, dtype=torch.float64, generator=generator)
    v = CovariancePropagation(
        z=torch.eye(60), g=KroneckerProduct(i=IdentityMatrix(20), site=DiagonalMatrix(3))
    )
    x = DummyMatrix(site)()
    result = fit(v, y, x)
    for k in range(3):
        assert result.params[f"g/site/sigma^2_{k}"] == pytest.approx(float(y[k::3].var()), rel=1e-6)
    assert result.blups == {}


def test_compound_symmetry_is_a_random_intercept() -> None:
    loaded = load("machines")
    labels = [f"w{i}" for i in range(6)]
    y = loaded.y[:36].reshape(6, 6).reshape(-1)
    one = Sum(
        w=CovariancePropagation(z=DummyMatrix([w for w in labels for _ in range(6)]), g=ScalarMatrix(6)),
        e=ScalarMatrix(36),
    )
    two = KroneckerProduct(i=IdentityMatrix(6), within=CompoundSymmetricMatrix(6))
    a, b = fit(one, y, torch.ones(36, 1)), fit(two, y, torch.ones(36, 1))
    assert a.converged
    assert b.converged
    if a.boundary:
        assert b.kernel_loglik >= a.kernel_loglik
    else:
        total = a.params["w/g/sigma^2"] + a.params["e/sigma^2"]
        assert b.params["within/sigma^2"] == pytest.approx(total, rel=1e-6)
        assert b.params["within/rho"] == pytest.approx(a.params["w/g/sigma^2"] / total, rel=1e-6)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_a_range_starts_where_the_coordinates_are(unit: float) -> None:
    """The same plots measured in other units give the same fit, though the default range is 1 in all of
    them."""
    generator = torch.Generator().manual_seed(11)
    times = torch.arange(60, dtype=torch.float64)
    truth = 4.0 * torch.exp(-(times[:, None] - times[None, :]).abs() / 8.0) + 0.5 * torch.eye(
        60, dtype=torch.float64
    )
    y = torch.linalg.cholesky(truth) @ torch.randn(60, dtype=torch.float64, generator=generator)
    v = Sum(trend=OrnsteinUhlenbeckMatrix(unit * times), nugget=ScalarMatrix(60))
    result = fit(v, y, torch.ones(60, 1))
    assert result.converged, result.message
    same = fit(Sum(trend=OrnsteinUhlenbeckMatrix(times), nugget=ScalarMatrix(60)), y, torch.ones(60, 1))
    assert result.params["trend/range"] / unit == pytest.approx(same.params["trend/range"], rel=1e-5)
    assert result.kernel_loglik == pytest.approx(same.kernel_loglik, abs=1e-8)


def test_a_matrix_written_by_a_user_is_fitted_through_autograd() -> None:
    v, y, x, kernel = case("alpha")
    gen, block = (v.operands[name].operands["z"]().to(torch.float64) for name in ("gen", "block"))

    def call(theta: Tensor) -> Tensor:
        a, b, c = torch.exp(theta)
        return a * gen @ gen.T + b * block @ block.T + c * torch.eye(72, dtype=theta.dtype)

    result = fit(SimpleMatrix(3, call), y, x)
    assert result.converged, result.message
    assert result.kernel_loglik == pytest.approx(kernel, abs=1e-6)
    assert math.exp(result.params["theta_0"]) == pytest.approx(0.142902, abs=1e-6)


def test_a_separable_field_masked_to_trials() -> None:
    """Two operators deep, with a constant mask: nothing here is linear as a whole."""
    loaded = load("spatial_ar1xar1")
    trial = torch.ones(180, 180, dtype=torch.float64)
    trial[:90, 90:] = trial[90:, :90] = 0.0
    field = KroneckerProduct(row=AR1CorrelationMatrix(12), col=AR1Matrix(15))
    v = Sum(field=HadamardProduct(mask=trial, field=field), units=ScalarMatrix(180))
    result = fit(v, loaded.y, loaded.x)
    assert result.converged
    assert_monotone(result)
    _, score, _, _ = REML(v).ai_step(loaded.y, loaded.x, result.theta)
    assert float(score.abs().max()) < 1e-4


# -- closed forms -------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    groups=st.integers(2, 9),
    size=st.integers(2, 6),
    ratio=st.floats(0.0, 5.0),
    scale=st.floats(1e-3, 1e3),
    seed=st.integers(0, 10_000),
)
def test_balanced_one_way_designs_give_the_anova_estimates(
    groups: int, size: int, ratio: float, scale: float, seed: int
) -> None:
    """REML equals ANOVA in balanced designs, up to the boundary (Searle, Casella & McCulloch 1992, section
    3.8)."""
    generator = torch.Generator().manual_seed(seed)
    effects = torch.randn(groups, dtype=torch.float64, generator=generator).repeat_interleave(size)
    noise = torch.randn(groups * size, dtype=torch.float64, generator=generator)
    y = scale * (ratio * effects + noise)
    result = fit(one_way(groups, size), y, torch.ones(groups * size, 1))
    table = y.reshape(groups, size)
    within = float(((table - table.mean(1, keepdim=True)) ** 2).sum()) / (groups * (size - 1))
    between = size * float(table.mean(1).var())
    assert result.converged, result.message
    if between > within:
        expected = (between - within) / size
        assert result.params["e/sigma^2"] == pytest.approx(within, rel=1e-6)
        assert result.params["g/g/sigma^2"] == pytest.approx(expected, rel=1e-5, abs=1e-6 * within)
    else:
        assert result.params["g/g/sigma^2"] == pytest.approx(0.0, abs=1e-6 * within)
        assert result.params["e/sigma^2"] == pytest.approx(float(y.var()), rel=1e-5)
    if between > 1.01 * within:
        assert result.boundary == ()
    if between < 0.99 * within:
        assert result.boundary == ("g/g/sigma^2",)


@settings(max_examples=15, deadline=None)
@given(a=st.integers(3, 6), b=st.integers(3, 6), seed=st.integers(0, 10_000))
def test_balanced_two_way_designs_give_the_anova_estimates(a: int, b: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = [f"r{i}" for i in range(a) for _ in range(b)]
    columns = [f"c{j}" for _ in range(a) for j in range(b)]
    table = 3.0 * torch.randn(a, 1, dtype=torch.float64, generator=generator)
    table = table + 3.0 * torch.randn(1, b, dtype=torch.float64, generator=generator)
    table = table + torch.randn(a, b, dtype=torch.float64, generator=generator)
    v = Sum(
        row=CovariancePropagation(z=DummyMatrix(rows), g=ScalarMatrix(a)),
        column=CovariancePropagation(z=DummyMatrix(columns), g=ScalarMatrix(b)),
        error=ScalarMatrix(a * b),
    )
    result = fit(v, table.reshape(-1), torch.ones(a * b, 1))
    rest = table - table.mean(1, keepdim=True) - table.mean(0, keepdim=True) + table.mean()
    error = float((rest**2).sum()) / ((a - 1) * (b - 1))
    row = float(table.mean(1).var()) - error / b
    column = float(table.mean(0).var()) - error / a
    assert result.converged, result.message
    if min(row, column) > 0.0:
        assert result.params["error/sigma^2"] == pytest.approx(error, rel=1e-5)
        assert result.params["row/g/sigma^2"] == pytest.approx(row, rel=1e-5)
        assert result.params["column/g/sigma^2"] == pytest.approx(column, rel=1e-5)
    else:
        assert result.boundary


@pytest.mark.parametrize("spread", [0.0, 2.0])
@pytest.mark.parametrize("structure", [UnstructuredMatrix, UnconstrainedMatrix])
@pytest.mark.parametrize("size", [2, 3, 6])
def test_unstructured_residuals_give_the_sample_covariance(
    size: int, structure: type[Matrix], spread: float
) -> None:
    """With a mean per time, REML of I (x) R is the sample covariance; variances may be 10^8 apart."""
    subjects = size + 14
    generator = torch.Generator().manual_seed(size)
    a = torch.randn(size, size, dtype=torch.float64, generator=generator)
    deviation = 10.0 ** (spread * torch.linspace(-1, 1, size, dtype=torch.float64))
    truth = deviation[:, None] * (a @ a.T / size + 0.2 * torch.eye(size, dtype=torch.float64)) * deviation
    y = torch.randn(subjects, size, dtype=torch.float64, generator=generator) @ torch.linalg.cholesky(truth).T
    v = KroneckerProduct(subject=IdentityMatrix(subjects), time=structure(size))  # type: ignore[call-arg]
    result = fit(v, y.reshape(-1), torch.eye(size, dtype=torch.float64).repeat(subjects, 1))
    assert result.converged, result.message
    assert_monotone(result)
    expected = torch.cov(y.T)
    unit = torch.sqrt(expected.diagonal()[:, None] * expected.diagonal())
    time = v.operands["time"]
    assert isinstance(time, Matrix)
    torch.testing.assert_close(time(result.theta) / unit, expected / unit, rtol=0.0, atol=2e-6)
