"""The contract on V and its Jacobian together: new or in the caller's memory, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from covstudio.covariance import Matrix
from covstudio.covariance.parameters.differentiation import chain
from tests.covariance.contract.case import Case, close, contract, slices_close


def ordinary(matrix: Matrix, theta: Tensor) -> tuple[Tensor, Tensor | None]:
    """V and its Jacobian by the formulas, as they are where autograd watches."""
    watched = theta.clone().requires_grad_()
    grad, _ = matrix.grad(watched)
    return matrix(watched).detach(), None if grad is None else grad.detach()


def buffers(matrix: Matrix, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Memory for the results full of what must not be read: NaN."""
    count = len(matrix.grad(theta)[1])
    return (
        torch.full(matrix.shape, math.nan, dtype=theta.dtype),
        torch.full((count, *matrix.shape), math.nan, dtype=theta.dtype),
    )


@contract
def value_and_jacobian_together_are_those_apart(case: Case) -> None:
    matrix = case.make()
    for theta in [*case.thetas(4), case.thetas(2)[1].float()]:
        precision = 1e-14 if theta.dtype == torch.float64 else 1e-6
        value, jacobian = ordinary(matrix, theta) if len(theta) else (matrix(theta), None)
        together, grad, names = matrix.value_and_grad(theta)
        close(together, value, precision)
        slices_close(grad, jacobian, precision)
        apart, apart_names = matrix.grad(theta)
        assert names == apart_names
        slices_close(grad, apart, precision)
        out = buffers(matrix, theta)
        written, slices, written_names = matrix.value_and_grad(theta, out=out)
        assert written is out[0]
        assert slices is (out[1] if names else None)
        assert written_names == names
        assert torch.equal(written, together)
        assert grad is None or torch.equal(out[1], grad)


@contract
def results_can_be_written_into_parts_of_larger_memory(case: Case) -> None:
    matrix = case.make()
    theta = case.thetas(2)[1]
    value, grad, names = matrix.value_and_grad(theta)
    rows, columns = matrix.shape
    slab = torch.full((len(names) + 3, columns + 2, rows + 3), math.nan, dtype=theta.dtype)
    # Transposed, inside a larger one: neither stride is 1.
    inside = slab[1 : len(names) + 2, 1 : columns + 1, 2 : rows + 2].mT
    matrix.value_and_grad(theta, out=(inside[0], inside[1:]))
    assert torch.equal(inside[0], value)
    assert grad is None or torch.equal(inside[1:], grad)
    assert int(torch.isfinite(slab).sum()) == (len(names) + 1) * rows * columns, "and nowhere else"


@contract
def chosen_slices_are_written_times_their_factors(case: Case) -> None:
    matrix = case.make()
    count = matrix.num_params
    natural = matrix.build_params(case.thetas(2)[1])
    empty = natural.new_empty(0)
    value = torch.full(matrix.shape, math.nan, dtype=natural.dtype)
    matrix.write(natural, value, [], empty, natural.new_empty((0, *matrix.shape)))
    close(value, matrix.evaluate(natural), 1e-14)
    for index in ([count - 1], list(range(0, count, 2)), list(range(count))):
        if not count or not matrix.has_analytic_grad:
            return
        slopes = torch.linspace(0.0, -2.0, len(index), dtype=natural.dtype)
        slices = torch.full((len(index), *matrix.shape), math.nan, dtype=natural.dtype)
        matrix.write(natural, None, index, slopes, slices)
        slices_close(slices, chain(matrix.natural_jacobian(natural, index), slopes), 1e-13)


@contract
def held_parameters_have_no_slice_in_what_is_written(case: Case) -> None:
    matrix = case.make()
    theta = case.thetas(2)[1]
    value, grad, names = matrix.value_and_grad(theta)
    if not names:
        assert grad is None
        assert matrix.value_and_grad(theta, out=(torch.empty_like(value), None))[1] is None
        return
    matrix.set_no_grad(index=0)
    again, rest, rest_names = matrix.value_and_grad(theta, out=buffers(matrix, theta))
    assert rest_names == names[1:]
    close(again, value, 1e-15)
    slices_close(rest, grad[1:] if len(names) > 1 else None, 1e-14)


@contract
def memory_that_does_not_fit_is_refused(case: Case) -> None:
    matrix = case.make()
    theta = case.thetas(2)[1]
    value, slices = buffers(matrix, theta)
    label = type(matrix).__name__
    wrong = value.new_empty((value.shape[0] + 1, value.shape[1]))
    for out in (
        (wrong, slices),
        (value, slices.new_empty((len(slices) + 1, *value.shape))),
        (value[None], slices),
    ):
        with pytest.raises(ValueError, match=rf"{label}: expected out of shape"):
            matrix.value_and_grad(theta, out=out)
    for out in ((value.float(), slices), (value, slices.to("meta")), value, (value,), (value, [1.0])):
        with pytest.raises(TypeError, match=rf"{label}: expected out"):
            matrix.value_and_grad(theta, out=out)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="without requires_grad"):
        matrix.value_and_grad(theta, out=(value.clone().requires_grad_(), slices))
    if len(theta):
        with pytest.raises(RuntimeError, match="autograd watches"):
            matrix.value_and_grad(theta.clone().requires_grad_(), out=(value, slices))
    assert bool(value.isnan().all()), "nothing was written"


@contract
def autograd_goes_through_value_and_jacobian(case: Case) -> None:
    matrix = case.make()
    theta = case.thetas(2)[1]
    if not len(theta):
        return
    watched = theta.clone().requires_grad_()
    value, grad, _ = matrix.value_and_grad(watched)
    weights = torch.randn(value.shape, generator=case.generator(), dtype=value.dtype)
    (score,) = torch.autograd.grad((value * weights).sum(), watched)
    if grad is not None and len(grad) == len(theta):
        expected = (grad.detach() * weights).sum((1, 2))
        scale = (grad.detach() * weights).abs().sum((1, 2))
        assert bool(((score - expected).abs() <= 1e-9 * scale + 1e-12).all())


@contract
def a_term_is_added_to_what_is_there(case: Case) -> None:
    matrix = case.make()
    theta = case.thetas(2)[1]
    natural = matrix.build_params(theta)
    before = torch.randn(matrix.shape, generator=case.generator(), dtype=natural.dtype)
    index = list(range(matrix.num_params)) if matrix.has_analytic_grad else []
    slopes = torch.linspace(1.0, 2.0, len(index), dtype=natural.dtype)
    added, slices = before.clone(), torch.full((len(index), *matrix.shape), math.nan, dtype=natural.dtype)
    matrix.write_added(natural, added, index, slopes, slices)
    close(added, before + matrix.evaluate(natural), 1e-14)
    if index:
        slices_close(slices, chain(matrix.natural_jacobian(natural, index), slopes), 1e-13)
