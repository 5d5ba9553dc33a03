"""SimpleMatrix and Adapter: functions of one's own, tied and constrained parameters, and what they refuse."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from torch import Tensor

import covstudio.covariance as cov
from covstudio.covariance import Adapter, Matrix, Parameter, SimpleMatrix


def brownian(theta: Tensor) -> Tensor:
    """sigma^2 min(s, t) at times 1, 2, 3, with sigma = theta_0, plus theta_1 on the diagonal."""
    times = torch.arange(1.0, 4.0, dtype=theta.dtype)
    return theta[0] ** 2 * torch.minimum(times[:, None], times) + theta[1] * torch.eye(3, dtype=theta.dtype)


def brownian_slices(theta: Tensor) -> tuple[Tensor, list[str]]:
    times = torch.arange(1.0, 4.0, dtype=theta.dtype)
    slices = [2 * theta[0] * torch.minimum(times[:, None], times), torch.eye(3, dtype=theta.dtype)]
    return torch.stack(slices), ["theta_0", "theta_1"]


# -- SimpleMatrix ----------------------------------------------------------------------------------


def test_function_as_a_matrix() -> None:
    matrix = SimpleMatrix(2, brownian)
    assert matrix.shape == (3, 3)
    assert matrix.param_names == ["theta_0", "theta_1"]
    assert all(transform == cov.TransformIdentity() for transform in matrix.param_trans.values())
    assert torch.equal(matrix.param_defaults, torch.zeros(2))
    value = matrix(torch.tensor([2.0, 0.5], dtype=torch.float64))
    expected = [[4 * min(i, j) + 0.5 * (i == j) for j in (1, 2, 3)] for i in (1, 2, 3)]
    np.testing.assert_allclose(value.numpy(), expected, rtol=1e-15)
    assert not matrix.psd


def test_gradient_of_a_function_is_automatic_or_given() -> None:
    theta = torch.tensor([2.0, 0.5], dtype=torch.float64)
    automatic, given = SimpleMatrix(2, brownian), SimpleMatrix(2, brownian, brownian_slices)
    assert not automatic.has_analytic_grad
    assert given.has_analytic_grad
    with pytest.raises(NotImplementedError):
        automatic.manual_grad(theta)
    expected, names = brownian_slices(theta)
    for matrix in (automatic, given):
        grad, grad_names = matrix.grad(theta)
        assert grad_names == names
        torch.testing.assert_close(grad, expected)
    assert given.manual_grad(theta)[1] == names


def test_given_gradient_is_found_by_name_and_without_fixed_and_held_parameters() -> None:
    def reversed_slices(theta: Tensor) -> tuple[Tensor, list[str]]:
        grad, names = brownian_slices(theta)
        return grad.flip(0), names[::-1]

    theta = torch.tensor([2.0, 0.5], dtype=torch.float64)
    matrix = SimpleMatrix(2, brownian, reversed_slices)
    torch.testing.assert_close(matrix.grad(theta)[0], brownian_slices(theta)[0])
    matrix.set_no_grad(param_name="theta_0")
    grad, names = matrix.grad(theta)
    assert names == ["theta_1"]
    torch.testing.assert_close(grad, torch.eye(3, dtype=torch.float64)[None])
    matrix.set_no_grad(index=[])
    matrix.set_param_specs("theta_1", fixed=True, value=0.25)
    grad, names = matrix.grad(theta[:1])
    assert names == ["theta_0"]
    torch.testing.assert_close(grad[0], brownian_slices(theta)[0][0])
    assert float(matrix(theta[:1])[0, 0]) == 4.25


def test_function_with_a_transform() -> None:
    matrix = SimpleMatrix(2, brownian, brownian_slices)
    matrix.set_param_specs("theta_1", trans=cov.TransformExpPow2())
    theta = torch.tensor([2.0, 0.3], dtype=torch.float64)
    assert float(matrix(theta)[0, 0]) == pytest.approx(4 + math.exp(0.6), rel=1e-14)
    grad, _ = matrix.grad(theta)
    torch.testing.assert_close(grad[1], 2 * math.exp(0.6) * torch.eye(3, dtype=torch.float64))


def test_defaults_of_a_function() -> None:
    assert torch.equal(SimpleMatrix(2, brownian, default=1.5).param_defaults, torch.tensor([1.5, 1.5]))
    assert torch.equal(SimpleMatrix(2, brownian, default=[1.0, 2.0]).param_defaults, torch.tensor([1.0, 2.0]))
    double = torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert SimpleMatrix(2, brownian, default=double)().dtype == torch.float64
    assert SimpleMatrix(2, brownian, default=torch.tensor(3.0)).param_defaults.tolist() == [3.0, 3.0]


def test_function_without_parameters() -> None:
    matrix = SimpleMatrix(0, lambda theta: torch.full((2, 3), 7.0))
    assert matrix.shape == (2, 3)
    assert matrix.grad() == (None, [])
    assert float(matrix()[1, 2]) == 7.0


def test_a_function_of_fixed_precision_follows_the_parameters() -> None:
    matrix = SimpleMatrix(1, lambda theta: theta.float() * torch.eye(2))
    assert matrix(torch.ones(1, dtype=torch.float64)).dtype == torch.float64


def test_a_function_that_forward_differentiation_cannot_follow() -> None:
    def in_place(theta: Tensor) -> Tensor:
        value = torch.zeros((2, 2), dtype=theta.dtype)
        value[0, 0] = theta[0] ** 2
        value[1, 1] = theta[1]
        return value

    grad, _ = SimpleMatrix(2, in_place).grad(torch.tensor([3.0, 1.0]))
    assert grad is not None
    assert torch.equal(grad, torch.tensor([[[6.0, 0], [0, 0]], [[0, 0], [0, 1.0]]]))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((-1, brownian), {}, ValueError, "num_free_params must be at least 0, got -1"),
        ((1.5, brownian), {}, TypeError, "num_free_params must be an int, got 1.5"),
        ((2, "brownian"), {}, TypeError, "call must be a function of the parameters, got 'brownian'"),
        ((2, None), {}, TypeError, "call must be a function"),
        ((2, brownian, 3), {}, TypeError, "manual_grad must be a function of the parameters, got 3"),
        ((2, brownian), {"default": [1.0]}, None, ""),
        ((2, brownian), {"default": [1.0, 2.0, 3.0]}, ValueError, "one number or 2 of them, got 3"),
        ((2, brownian), {"default": float("nan")}, ValueError, "default must be finite everywhere"),
        ((2, brownian), {"default": [0.0, float("inf")]}, ValueError, "default must be finite everywhere"),
        ((2, brownian), {"default": "one"}, TypeError, "default must hold numbers"),
        ((1, lambda theta: theta), {}, ValueError, "call must return a matrix, got shape (1,)"),
        ((1, lambda theta: 3.0), {}, TypeError, "call must return a tensor, got float"),
        (
            (1, lambda theta: torch.ones(2, 2) / theta),
            {},
            ValueError,
            "default must be where call returns finite numbers, got 4 entries",
        ),
        (
            (0, lambda theta: torch.zeros((0, 2))),
            {},
            ValueError,
            "call must return a matrix, got shape (0, 2)",
        ),
    ],
)
def test_functions_that_are_refused(
    arguments: tuple, options: dict, error: type[Exception] | None, message: str
) -> None:
    if error is None:
        assert SimpleMatrix(*arguments, **options).num_params == 2
        return
    with pytest.raises(error, match=re.escape(message)):
        SimpleMatrix(*arguments, **options)


def test_a_function_whose_size_depends_on_its_parameters() -> None:
    matrix = SimpleMatrix(1, lambda theta: torch.eye(2 if float(theta.detach()) < 1 else 3) * theta)
    with pytest.raises(ValueError, match=r"shape \(2, 2\), as at the defaults, got \(3, 3\)"):
        matrix(torch.tensor([2.0]))


@pytest.mark.parametrize(
    ("slices", "message"),
    [
        (lambda theta: (torch.zeros((1, 3, 3)), ["theta_0"]), r"a slice for each of ['theta_0', 'theta_1']"),
        (lambda theta: (None, []), r"got []"),
        (lambda theta: (torch.zeros((2, 3)), ["theta_0", "theta_1"]), r"shape (2, 3, 3)"),
    ],
)
def test_gradients_that_are_refused(slices: object, message: str) -> None:
    matrix = SimpleMatrix(2, brownian, slices)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=re.escape(message)):
        matrix.grad()


# -- Adapter ---------------------------------------------------------------------------------------


def test_tied_parameters() -> None:
    tied = Adapter(cov.DiagonalMatrix(3), {"common": Parameter("common")}, lambda theta: theta.repeat(3))
    theta = torch.tensor([0.4], dtype=torch.float64)
    torch.testing.assert_close(tied(theta), cov.ScalarMatrix(3)(theta))
    torch.testing.assert_close(tied.manual_grad(theta)[0], cov.ScalarMatrix(3).grad(theta)[0])
    assert tied.param_names == ["common"]
    assert tied.shape == (3, 3)
    assert tied.psd
    assert tied.positive_definite


def test_tied_variance_components_of_an_operator() -> None:
    # The two sites share their correlation, not their variances.
    sites = cov.BlockDiagonal(a=cov.AR1Matrix(2), b=cov.AR1Matrix(3))
    names = ("a/sigma^2", "b/sigma^2", "rho")

    def spread(theta: Tensor) -> dict[str, Tensor]:
        return {
            "a/sigma^2": theta[0:1],
            "a/rho": theta[2:3],
            "b/sigma^2": theta[1:2],
            "b/rho": theta[2:3],
        }

    tied = Adapter(
        sites, {name.replace("/", " "): Parameter(name.replace("/", " ")) for name in names}, spread
    )
    theta = torch.tensor([0.1, -0.3, 0.8], dtype=torch.float64)
    raw = torch.tensor([0.1, 0.8, -0.3, 0.8], dtype=torch.float64)
    assert torch.equal(tied(theta), sites(raw))
    inner, _ = sites.grad(raw)
    assert inner is not None
    expected = torch.stack([inner[0], inner[2], inner[1] + inner[3]])
    torch.testing.assert_close(tied.grad(theta)[0], expected, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(tied.auto_grad(theta)[0], expected, rtol=1e-13, atol=1e-15)


def test_constrained_parameters_by_a_nonlinear_map() -> None:
    # The variance is that of a mean of n plots: sigma^2 / n, with log n as parameter.
    adapter = Adapter(
        cov.ScalarMatrix(2),
        {"log sigma": Parameter("log sigma"), "n": Parameter("n", default=4.0)},
        lambda theta: (theta[0] - 0.5 * torch.log(theta[1])).reshape(1),
    )
    theta = torch.tensor([0.5, 4.0], dtype=torch.float64)
    torch.testing.assert_close(adapter(theta), math.e / 4 * torch.eye(2, dtype=torch.float64))
    grad, names = adapter.grad(theta)
    assert grad is not None
    assert names == ["log sigma", "n"]
    torch.testing.assert_close(grad[0], math.e / 2 * torch.eye(2, dtype=torch.float64))
    torch.testing.assert_close(grad[1], -math.e / 16 * torch.eye(2, dtype=torch.float64))


def test_adapter_of_what_has_no_analytic_gradient() -> None:
    adapter = Adapter(
        SimpleMatrix(2, brownian), {"x": Parameter("x")}, lambda theta: torch.cat([theta, theta**2])
    )
    theta = torch.tensor([1.5], dtype=torch.float64)
    grad, _ = adapter.manual_grad(theta)
    inner, _ = brownian_slices(torch.tensor([1.5, 2.25], dtype=torch.float64))
    torch.testing.assert_close(grad, (inner[0] + 3.0 * inner[1])[None])
    assert not adapter.psd


def test_adapter_of_fixed_and_held_parameters() -> None:
    adaptee = cov.AR1Matrix(3)
    adaptee.set_param_specs("sigma^2", fixed=True)
    adapter = Adapter(adaptee, {"x": Parameter("x", default=0.3)}, lambda theta: 2 * theta)
    theta = torch.tensor([0.3], dtype=torch.float64)
    torch.testing.assert_close(adapter(theta), cov.AR1CorrelationMatrix(3)(2 * theta))
    full, _ = adapter.grad(theta)
    # To hold a parameter of the adaptee leaves it varying with the adapter's.
    adaptee.set_no_grad(param_name="rho")
    torch.testing.assert_close(adapter.grad(theta)[0], full)
    adapter.set_no_grad(param_name="x")
    assert adapter.grad(theta) == (None, [])


def test_adapter_in_an_operator_and_adapter_of_an_adapter() -> None:
    inner = Adapter(cov.DiagonalMatrix(2), {"x": Parameter("x")}, lambda theta: theta.repeat(2))
    outer = Adapter(inner, {"y": Parameter("y"), "z": Parameter("z")}, lambda theta: theta[:1] * theta[1:])
    op = cov.Sum(a=outer, b=cov.ScalarMatrix(2))
    theta = torch.tensor([0.5, 2.0, 0.0], dtype=torch.float64)
    grad, names = op.grad(theta)
    automatic, _ = op.auto_grad(theta)
    assert names == ["a/y", "a/z", "b/sigma^2"]
    torch.testing.assert_close(grad, automatic)
    assert float(op(theta)[0, 0]) == pytest.approx(math.exp(2.0) + 1)


def test_adapter_shows_its_adaptee() -> None:
    text = repr(Adapter(cov.ScalarMatrix(2), {"x": Parameter("x")}, lambda theta: theta))
    assert "adaptee: ScalarMatrix(" in text
    assert "\n    shape: (2, 2)" in text


SPECS = {"x": Parameter("x")}


@pytest.mark.parametrize(
    ("adaptee", "specs", "mapping", "error", "message"),
    [
        (torch.eye(2), SPECS, lambda t: t, TypeError, "adaptee must be a Matrix, got Tensor"),
        (
            cov.ScalarMatrix(2),
            SPECS,
            None,
            TypeError,
            "param_map must be a function of the parameters, got None",
        ),
        (
            cov.ScalarMatrix(2),
            {"x": Parameter("x", cov.TransformExp())},
            lambda t: t,
            ValueError,
            "parameter 'x' must have the identity transform, got TransformExp()",
        ),
        (cov.DiagonalMatrix(2), SPECS, lambda t: t, ValueError, "param_map must return the adaptee's free"),
        (cov.ScalarMatrix(2), SPECS, lambda t: {"y": t}, ValueError, "unexpected ['y']"),
        (cov.ScalarMatrix(2), SPECS, lambda t: [0.5], TypeError, "param_map must return the adaptee's free"),
        (cov.ScalarMatrix(2), SPECS, lambda t: None, TypeError, "got None; let param_map return its result"),
    ],
)
def test_adapters_that_are_refused(
    adaptee: Matrix, specs: dict, mapping: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        Adapter(adaptee, specs, mapping)  # type: ignore[arg-type]


def test_adapter_keeps_identity_transforms() -> None:
    adapter = Adapter(cov.ScalarMatrix(2), SPECS, lambda theta: theta)
    with pytest.raises(ValueError, match="put the transform into param_map"):
        adapter.set_param_specs("x", trans=cov.TransformExp())
    assert adapter.param_trans == [cov.TransformIdentity()]


# -- promises under another declaration ------------------------------------------------------------


def test_promises_fall_with_the_transforms_they_hang_on() -> None:
    matrix = cov.AR1Matrix(3)
    assert matrix.psd
    assert matrix.positive_definite
    matrix.set_param_specs("rho", trans=cov.TransformIdentity())
    assert not matrix.psd
    matrix.set_param_specs("rho", fixed=True, value=0.5)
    assert matrix.psd
    matrix.set_param_specs("rho", value=2.0)
    assert not matrix.psd
    assert float(torch.linalg.eigvalsh(matrix(torch.zeros(1)))[0]) < 0
    matrix.set_param_specs("rho", value=1.0)
    assert matrix.psd
    assert not matrix.positive_definite


def test_a_negative_variance_is_promised_nothing() -> None:
    specs = {"sigma^2": Parameter("sigma^2", cov.TransformIdentity())}
    for matrix in (
        cov.ScalarMatrix(2, specs),
        cov.KnownMatrix([[1.0]], specs),
        cov.EqualEntryMatrix(2, None, specs),
    ):
        assert not matrix.psd
    assert cov.UnstructuredMatrix(1, {"L": Parameter("L")}).psd
    assert not cov.UnstructuredMatrix(1, {"L": Parameter("L")}).positive_definite


def test_promises_of_rectangles_and_singular_matrices() -> None:
    assert not cov.EqualEntryMatrix(2, 3).psd
    assert cov.EqualEntryMatrix(2).psd
    assert not cov.EqualEntryMatrix(2).positive_definite
    assert cov.OrnsteinUhlenbeckMatrix([0.0, 1.0]).positive_definite
    repeated = cov.OrnsteinUhlenbeckMatrix([1.0, 0.0, 1.0], shared_times=True)
    assert repeated.psd
    assert not repeated.positive_definite
    assert not cov.KnownMatrix([[1.0, 1.0], [1.0, 1.0]]).positive_definite
    assert cov.KnownMatrix([[1.0, 0.5], [0.5, 1.0]]).positive_definite
