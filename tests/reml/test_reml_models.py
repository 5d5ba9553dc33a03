"""Models: what is fixed, held and free, structures of every kind, and closed forms that REML must give."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
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
    Inverse,
    KroneckerProduct,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    ScalarMatrix,
    SimpleMatrix,
    Sum,
    TransformExpPow2,
    UnconstrainedMatrix,
    UnstructuredMatrix,
)
from covstudio.reml import REML, fit
from tests.reml.reml_cases import assert_monotone, case, load, one_way


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
    assert "plots/sigma^2 and error/sigma^2 cannot be told apart: only their sum (9.7)" in result.message
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


class RawScalar(Matrix):
    """sigma^2 I in the older style: from raw parameters, without a derivative."""

    def __init__(self, n: int) -> None:
        super().__init__((n, n), ["sigma^2"], [TransformExpPow2()])

    def __call__(self, free_params: object = None) -> Tensor:
        theta = self.from_param_dict(free_params)  # type: ignore[arg-type]
        return self.trans_params(theta) * torch.eye(self.shape[0], dtype=theta.dtype)


@pytest.mark.parametrize("values", [[4.0, 6, 8, 7, 1, 3], [1.0, 9, 2, 8, 3, 7.5]])
def test_matrices_in_the_older_style_fit_alike_at_the_boundary_too(values: list[float]) -> None:
    v = Sum(
        g=CovariancePropagation(z=DummyMatrix(["a", "a", "b", "b", "c", "c"]), g=RawScalar(3)), e=RawScalar(6)
    )
    y = torch.tensor(values, dtype=torch.float64)
    result, expected = fit(v, y, torch.ones(6, 1)), fit(one_way(3, 2), y, torch.ones(6, 1))
    assert result.converged
    assert result.boundary == expected.boundary
    assert list(result.params.values()) == pytest.approx(list(expected.params.values()), rel=1e-6)


def test_a_small_variance_beside_a_matrix_without_scale_goes_to_zero() -> None:
    """What is small is measured against V itself, not against the other variances: there are none here."""
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(6, dtype=torch.float64, generator=generator).reshape(2, 3, 1)
    y = 3.0 * (u[0] + u[1] * torch.arange(4)).reshape(-1)
    y = y + torch.randn(12, dtype=torch.float64, generator=generator)
    result = fit(Sum(a=Inverse(AR1Matrix(12)), e=ScalarMatrix(12)), y, torch.ones(12, 1))
    assert result.converged, result.message
    assert result.params["e/sigma^2"] == 0.0
    assert_monotone(result)


def test_a_likelihood_without_a_maximum_inside_is_told_as_that() -> None:
    """The inverse of AR1 as rho nears -1 and sigma^2 grows: V does not exist where they arrive."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(6, dtype=torch.float64, generator=generator).repeat_interleave(2) * 9.0
    y = y + torch.arange(12, dtype=torch.float64)
    v = Sum(a=Inverse(AR1Matrix(12)), e=ScalarMatrix(12))
    result = fit(v, y, torch.ones(12, 1), max_iter=40)
    assert result.verdict == "at the boundary"
    assert result.boundary == ("a/op_0/sigma^2", "a/op_0/rho")
    assert "a/op_0/sigma^2 grows without end while a/op_0/rho nears -1" in result.message
    assert_monotone(result)
    short = fit(v, y, torch.ones(12, 1), max_iter=9)
    assert short.verdict == "stopped"
    assert "a/op_0/rho" in short.message
    assert "running off to the end of the range" in short.message
