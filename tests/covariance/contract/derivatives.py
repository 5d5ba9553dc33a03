"""The contract on derivatives: analytic, automatic, by differences, inside and at the ends of the domain."""

from __future__ import annotations

import math

import pytest
import torch

from covstudio.covariance import SingularMatrixError
from tests.covariance.contract.case import (
    Case,
    close,
    contract,
    extremes,
    finite,
    ill_conditioned,
    slices_close,
    within,
)


@contract
def jacobian_agrees_with_automatic_differentiation(case: Case) -> None:
    matrix = case.make()
    for theta in case.thetas(8):
        automatic, automatic_names = matrix.auto_grad(theta)
        grad, names = matrix.grad(theta)
        assert names == automatic_names == matrix.free_param_names
        slices_close(grad, automatic, 1e-10)
        if matrix.has_analytic_grad:
            manual, manual_names = matrix.manual_grad(theta)
            assert manual_names == names
            slices_close(manual, automatic, 1e-10)
        else:
            with pytest.raises(NotImplementedError):
                matrix.manual_grad(theta)


@contract
def jacobian_agrees_with_differences(case: Case) -> None:
    matrix = case.make()
    step = 1e-3
    for theta in case.thetas(4, spread=0.5):
        grad, _ = matrix.grad(theta)
        for k in range(matrix.num_free_params):
            unit = torch.zeros_like(theta)
            unit[k] = step
            near = matrix(theta + unit) - matrix(theta - unit)
            far = matrix(theta + 2 * unit) - matrix(theta - 2 * unit)
            difference = (8 * near - far) / (12 * step)
            tolerance = 1e-8 * (1 + float(difference.abs().max()) + float(matrix(theta).abs().max()))
            within(grad[k], difference, tolerance)


@contract
def jacobian_agrees_with_reverse_mode(case: Case) -> None:
    matrix = case.make()
    weights = torch.randn(matrix.shape, generator=case.generator(), dtype=torch.float64)
    for theta in [*case.thetas(3), *extremes(matrix)]:
        if not len(theta):
            return
        leaf = theta.clone().requires_grad_()
        try:
            value = matrix(leaf)
        except SingularMatrixError:
            continue
        (value * weights).sum().backward()
        finite(leaf.grad)
        if ill_conditioned(matrix, value.detach()):
            continue
        grad, _ = matrix.grad(theta)
        expected = (grad * weights).sum((1, 2))
        scale = (grad * weights).abs().sum((1, 2))
        assert bool(((leaf.grad - expected).abs() <= 1e-7 * scale + 1e-12).all())


@contract
def extreme_parameters_give_finite_results(case: Case) -> None:
    matrix = case.make()
    for theta in extremes(matrix):
        try:
            value = matrix(theta)
        except SingularMatrixError:
            # An inverse that does not exist is refused, never returned as Inf or NaN.
            continue
        finite(value)
        grad, _ = matrix.grad(theta)
        automatic, _ = matrix.auto_grad(theta)
        finite(grad)
        finite(automatic)
        if not ill_conditioned(matrix, value):
            slices_close(grad, automatic, 1e-7)
        finite(matrix.natural_grad(theta)[0])
        try:
            finite(matrix(theta.float()))
        except SingularMatrixError:
            continue
        finite(matrix.grad(theta.float())[0])


@contract
def ends_of_the_natural_domain_give_finite_results(case: Case) -> None:
    matrix = case.make()
    start = matrix.build_params(matrix.free_param_defaults.double())
    for k, transform in enumerate(matrix.param_trans.values()):
        for end in transform.bounds:
            if not math.isfinite(end):
                continue
            natural = start.clone()
            natural[k] = end
            raw = matrix.param_defaults.double()
            raw[k] = float(transform.inverse(torch.tensor(end, dtype=torch.float64)))
            try:
                value = matrix.evaluate(natural)
            except SingularMatrixError:
                continue
            finite(value)
            finite(matrix.natural_jacobian(natural, range(matrix.num_params)))
            if len(raw) == matrix.num_free_params:
                close(matrix(raw), value, 1e-12)
                finite(matrix.grad(raw)[0])


@contract
def natural_jacobian_times_slopes_is_the_jacobian(case: Case) -> None:
    matrix = case.make()
    for theta in case.thetas(3):
        grad, names = matrix.grad(theta)
        natural, natural_names = matrix.natural_grad(theta)
        assert natural_names == names
        if grad is None:
            assert natural is None
            continue
        slices_close(natural * matrix.trans_grad(theta)[:, None, None], grad, 1e-12)
        values = matrix.build_params(theta)
        for order in ([0], list(reversed(range(matrix.num_params)))):
            some = matrix.natural_jacobian(values, order)
            slices_close(some, matrix.natural_jacobian(values, range(matrix.num_params))[order], 1e-13)


@contract
def modes_of_differentiation(case: Case) -> None:
    matrix = case.make()
    theta = case.thetas(2)[1]
    expected, names = matrix.auto_grad(theta)
    matrix.grad_mode = "auto"
    grad, automatic_names = matrix.grad(theta)
    assert automatic_names == names
    slices_close(grad, expected, 1e-13)
    matrix.grad_mode = "numeric"
    with pytest.raises(RuntimeError, match="numeric"):
        matrix.grad(theta)
    matrix.grad_mode = "default"
    slices_close(matrix.grad(theta)[0], expected, 1e-10)
