"""Writing V and its Jacobian where they are to stay: who writes, who falls back, and what autograd keeps."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    HadamardProduct,
    KroneckerProduct,
    Matrix,
    Parameter,
    ScalarMatrix,
    SingularMatrixError,
    Sum,
    TransformExp,
)
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.operators.algebra import Inverse
from covstudio.covariance.structures.elementary.elementary import EqualEntryMatrix
from tests.covariance.operator_cases import DOUBLE, numerical, theta_of


class Ones(Matrix):
    """s J, which writes by itself and counts how often."""

    def __init__(self, n: int) -> None:
        self.written = 0
        super().__init__((n, n), {"s": Parameter("s", TransformExp())})

    def evaluate(self, natural: Tensor) -> Tensor:
        return natural[0].expand(self.shape).clone()

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        return natural.new_ones((len(index), *self.shape))

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        self.written += 1
        if value is not None:
            value.copy_(natural[0].expand(self.shape))
        slices.copy_(slopes[:, None, None].expand_as(slices))


class Twos(Ones):
    """Redefines the value and its derivative, but not how it is written."""

    def evaluate(self, natural: Tensor) -> Tensor:
        return 2 * super().evaluate(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        return 2 * super().differentiate(natural, index)


def test_a_structure_of_ones_own_writes_once_for_value_and_jacobian() -> None:
    leaf = Ones(3)
    v = Sum(a=AR1Matrix(3), b=leaf)
    theta = theta_of(v)
    value, grad, _ = v.value_and_grad(theta)
    assert leaf.written == 1
    torch.testing.assert_close(value, v(theta))
    assert grad is not None
    torch.testing.assert_close(grad, numerical(v, theta), rtol=1e-6, atol=1e-7)


def test_a_class_that_redefines_a_formula_does_not_inherit_how_it_is_written() -> None:
    leaf = Twos(2)
    theta = theta_of(leaf)
    value, grad, _ = Sum(a=leaf, b=ScalarMatrix(2)).value_and_grad(torch.cat([theta, theta]))
    assert leaf.written == 0
    assert grad is not None
    torch.testing.assert_close(grad[0], 2 * theta.exp() * torch.ones(2, 2, dtype=DOUBLE))
    torch.testing.assert_close(value[0, 1], 2 * theta[0].exp())


@pytest.mark.parametrize("seen", [False, True])
def test_the_same_for_an_operator_however_often_its_base_was_asked_for(seen: bool) -> None:
    # issubclass keeps answers, and a class that is just being made would give those of its base.
    if seen:
        assert issubclass(Sum, Sum)

    class Half(Sum):
        def combine(self, values: list[Tensor]) -> Tensor:
            return super().combine(values) / 2

    v = Half(a=AR1Matrix(2), b=ScalarMatrix(2))
    assert not v.has_analytic_grad, "the derivative of the sum is not that of its half"
    theta = theta_of(v)
    value, grad, _ = v.value_and_grad(theta)
    torch.testing.assert_close(value, v(theta))
    assert grad is not None
    torch.testing.assert_close(grad, numerical(v, theta), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(Sum(v=v, w=ScalarMatrix(2)).grad(torch.cat([theta, theta[:1]]))[0][:3], grad)


def test_an_operator_with_rules_alone_is_written_by_them() -> None:
    class Square(Operator):
        operand_count = (1, 1)

        def combine(self, values: list[Tensor]) -> Tensor:
            return values[0] ** 2

        def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
            return 2 * values[0] * direction

    v = KroneckerProduct(a=Square(a=AR1Matrix(2)), b=Square(b=Ones(2)))
    theta = theta_of(v)
    value, grad, _ = v.value_and_grad(theta)
    torch.testing.assert_close(value, v(theta))
    assert grad is not None
    torch.testing.assert_close(grad, numerical(v, theta), rtol=1e-6, atol=1e-7)


def test_an_operand_in_automatic_mode_is_differentiated_automatically() -> None:
    leaf = Ones(2)
    leaf.grad_mode = "auto"
    v = HadamardProduct(a=AR1Matrix(2), b=leaf)
    theta = theta_of(v)
    _, grad, _ = v.value_and_grad(theta)
    assert leaf.written == 0
    torch.testing.assert_close(grad, v.auto_grad(theta)[0])


def test_rows_without_a_level_are_written_as_zeros() -> None:
    with pytest.warns(RuntimeWarning, match="not among the levels"):
        z = DummyMatrix(["b", "c", "a", "b"], levels=[["a", "b"]])
    v = CovariancePropagation(z=z, g=AR1Matrix(2))
    theta = theta_of(v)
    out = torch.full((4, 4), 7.0, dtype=DOUBLE), torch.full((2, 4, 4), 7.0, dtype=DOUBLE)
    v.value_and_grad(theta, out=out)
    assert bool((out[0][1] == 0).all())
    assert bool((out[1][:, :, 1] == 0).all())
    torch.testing.assert_close(out[0], v(theta))


def test_autograd_through_a_fixed_tensor_is_kept() -> None:
    weights = torch.tensor([[1.0, 0.5], [0.5, 2.0]], dtype=DOUBLE, requires_grad=True)
    v = Sum(a=HadamardProduct(a=AR1Matrix(2), b=weights), b=ScalarMatrix(2))
    theta = theta_of(v)
    value, grad, _ = v.value_and_grad(theta)
    assert value.requires_grad
    assert grad is not None
    assert grad.requires_grad
    with pytest.raises(RuntimeError, match="autograd watches"):
        v.value_and_grad(theta, out=(torch.empty_like(value), torch.empty_like(grad)))
    with torch.no_grad():
        out = torch.empty_like(value), torch.empty_like(grad)
        v.value_and_grad(theta, out=out)
    torch.testing.assert_close(out[1], grad.detach())


def test_second_derivatives_in_both_modes() -> None:
    v = KroneckerProduct(a=AR1Matrix(2), b=Sum(a=ScalarMatrix(2), b=AR1Matrix(2)))
    theta = theta_of(v)

    def first(point: Tensor) -> Tensor:
        jacobian = v.value_and_grad(point)[1]
        assert jacobian is not None
        return jacobian

    forward = torch.func.jacfwd(first)(theta)
    reverse = torch.func.jacrev(first)(theta)
    torch.testing.assert_close(forward, reverse)
    assert float(forward.abs().max()) > 0
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(theta, torch.ones_like(theta))
        tangent = torch.autograd.forward_ad.unpack_dual(first(dual)).tangent
    torch.testing.assert_close(tangent, forward.sum(-1))


def test_an_error_while_writing_names_the_path() -> None:
    v = Sum(p=KroneckerProduct(x=Inverse(w=EqualEntryMatrix(2)), y=AR1Matrix(2)), q=ScalarMatrix(4))
    with pytest.raises(SingularMatrixError, match=r"^operand 'p/x': Inverse: expected an invertible"):
        v.value_and_grad()
