"""Likelihood, score and average information against their definitions, autograd and plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    CovariancePropagation,
    DummyMatrix,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
    UnconstrainedMatrix,
    UnstructuredMatrix,
)
from covstudio.reml import REML, fit
from covstudio.reml.engines.dense.engine import DenseEngine
from covstudio.reml.problem.problem import prepare
from covstudio.reml.terms.variance import Variance
from tests.reml.reml_cases import CASES, alpha_design, load


def definition(v: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """The kernel as it is written, differentiable."""
    inverse = torch.linalg.inv(v)
    xvx = x.T @ inverse @ x
    p = inverse - inverse @ x @ torch.linalg.inv(xvx) @ x.T @ inverse
    return -0.5 * (torch.logdet(v) + torch.logdet(xvx) + y @ p @ y)


def random_theta(v: Matrix, seed: int) -> Tensor:
    return 0.5 * torch.randn(
        v.num_free_params, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


@pytest.mark.parametrize("name", CASES)
def test_loglik_is_the_definition(name: str) -> None:
    case = load(name)
    for seed in range(3):
        theta = random_theta(case.v, seed)
        expected = definition(case.v(theta), case.y, case.x)
        assert float(REML(case.v).loglik(case.y, case.x, theta)) == pytest.approx(float(expected), rel=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_score_is_the_gradient_by_autograd(name: str) -> None:
    case = load(name)
    theta = random_theta(case.v, 4).requires_grad_()
    (expected,) = torch.autograd.grad(definition(case.v(theta), case.y, case.x), theta)
    _, score, _, _ = REML(case.v).ai_step(case.y, case.x, theta.detach())
    torch.testing.assert_close(score, expected, rtol=1e-6, atol=1e-6 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["oats", "sleepstudy", "spatial_ar1xar1"])
def test_average_information_is_its_definition(name: str) -> None:
    case = load(name)
    theta = random_theta(case.v, 5)
    v = case.v(theta)
    slices, names = case.v.grad(theta)
    assert names == case.v.free_param_names
    inverse = torch.linalg.inv(v)
    p = inverse - inverse @ case.x @ torch.linalg.inv(case.x.T @ inverse @ case.x) @ case.x.T @ inverse
    py = p @ case.y
    expected = torch.stack([torch.stack([0.5 * py @ a @ p @ b @ py for b in slices]) for a in slices])
    _, _, ai, _ = REML(case.v).ai_step(case.y, case.x, theta)
    torch.testing.assert_close(ai, expected, rtol=1e-7, atol=1e-9 * float(expected.abs().max()))
    assert torch.equal(ai, ai.T)


def test_average_information_is_the_mean_of_observed_and_expected_where_v_is_linear() -> None:
    v, y, x = alpha_design()
    variance = Variance(v)
    natural = np.array([0.2, 0.1, 0.3])
    point = DenseEngine(prepare(y, x), variance).at(natural)
    assert point is not None
    slices = [variance.written().slice(natural, k) for k in range(3)]

    def kernel(values: Tensor) -> Tensor:
        return definition(sum(value * block for value, block in zip(values, slices, strict=True)), y, x)

    observed = -torch.autograd.functional.hessian(kernel, torch.from_numpy(natural))
    p = point.project(torch.eye(72, dtype=torch.float64))
    expected = torch.tensor(
        [[0.5 * float(torch.trace(p @ a @ p @ b)) for b in slices] for a in slices], dtype=torch.float64
    )
    information = torch.from_numpy(point.derivatives([0, 1, 2]).information)
    torch.testing.assert_close(information, 0.5 * (observed + expected), rtol=1e-8, atol=1e-8)


def test_a_rescaled_point_is_the_point_of_the_rescaled_v() -> None:
    v, y, x = alpha_design()
    engine = DenseEngine(prepare(y, x), Variance(v))
    natural = np.array([0.2, 0.1, 0.3])
    moved, fresh = engine.at(natural), engine.at(3.7 * natural)
    assert moved is not None
    assert fresh is not None
    moved = moved.rescaled(3.7, 3.7 * natural)
    assert moved.kernel == pytest.approx(fresh.kernel, abs=1e-10)
    assert moved.quadratic == pytest.approx(fresh.quadratic)
    torch.testing.assert_close(moved.py, fresh.py)
    torch.testing.assert_close(moved.beta_covariance, fresh.beta_covariance)
    first, second = moved.derivatives([0, 1, 2]), fresh.derivatives([0, 1, 2])
    np.testing.assert_allclose(first.score, second.score, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(first.information, second.information, rtol=1e-9)


def test_the_fit_does_not_depend_on_how_x_is_coded() -> None:
    v, y, x = alpha_design()
    recoded = x @ torch.tensor([[1.0, 0.5, 2.0], [0.0, 3.0, -1.0], [0.0, 0.0, 0.1]], dtype=torch.float64)
    one, two = fit(v, y, x), fit(v, y, recoded)
    for name, value in one.params.items():
        assert two.params[name] == pytest.approx(value, rel=1e-7)
    torch.testing.assert_close(one.fitted, two.fitted)
    # The kernel moves by the log-determinant of the recoding, here log(0.3).
    assert two.kernel_loglik == pytest.approx(one.kernel_loglik - np.log(0.3), abs=1e-8)


def test_the_fit_does_not_depend_on_how_v_is_parametrised() -> None:
    """Free covariances and a log-Cholesky factor span the same V."""
    case = load("sleepstudy")
    z, g = case.v.operands["Subject"].operands.values()
    free = CovariancePropagation(z=z, g=KroneckerProduct(a=UnconstrainedMatrix(2), b=IdentityMatrix(18)))
    other = Sum(Subject=free, residual=ScalarMatrix(180))
    one, two = fit(case.v, case.y, case.x), fit(other, case.y, case.x)
    assert two.converged
    assert two.kernel_loglik == pytest.approx(one.kernel_loglik, abs=1e-8)
    recorded = case.recorded(one.params)
    for entry, path in (("G_11", "sigma^2_0_0"), ("G_21", "sigma^2_1_0"), ("G_22", "sigma^2_1_1")):
        error = two.standard_errors[f"Subject/g/a/{path}"]
        assert abs(two.params[f"Subject/g/a/{path}"] - recorded[entry]) <= 1e-5 * error
        # Standard errors too: here the recorded ones are of the same parameters.
        expected = case.estimates["variance_se_observed_information"][entry]
        assert error == pytest.approx(expected, rel=0.02)
    assert isinstance(g.operands["a"], UnstructuredMatrix)


def test_the_fit_does_not_depend_on_units() -> None:
    v, y, x = alpha_design()
    small, large = fit(v, 1e-6 * y, x), fit(v, 1e6 * y, 1e3 * x)
    for name, value in fit(v, y, x).params.items():
        assert small.params[name] == pytest.approx(1e-12 * value, rel=1e-7)
        assert large.params[name] == pytest.approx(1e12 * value, rel=1e-7)


def test_the_order_of_the_rows_does_not_matter() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = [f"g{i % 7}" for i in range(40)]
    y = torch.randn(40, dtype=torch.float64, generator=generator)
    y += torch.tensor([level_effect(label) for label in labels], dtype=torch.float64)
    x = torch.ones(40, 1)
    order = torch.randperm(40, generator=generator)

    def model(names: list[str]) -> Matrix:
        return Sum(g=CovariancePropagation(z=DummyMatrix(names), g=ScalarMatrix(7)), e=ScalarMatrix(40))

    one = fit(model(labels), y, x)
    two = fit(model([labels[i] for i in order.tolist()]), y[order], x)
    assert one.kernel_loglik == pytest.approx(two.kernel_loglik, abs=1e-9)
    torch.testing.assert_close(one.blups["g"].blup, two.blups["g"].blup)


def level_effect(label: str) -> float:
    return 0.8 * int(label[1:])


def test_estimation_runs_in_double_precision_whatever_came_in() -> None:
    v, y, x = alpha_design()
    reference = fit(v, y, x)
    # The response survives the trip to float32 and back to 7 digits only; here it is rounded to what
    # float32 holds first.
    rounded = y.to(torch.float32)
    one, two = fit(v, rounded, x.to(torch.float32)), fit(v, rounded.to(torch.float64), x)
    assert one.theta.dtype == one.beta.dtype == one.residuals.dtype == torch.float64
    assert one.params == two.params
    assert one.kernel_loglik == pytest.approx(reference.kernel_loglik, abs=1e-5)
