"""Operators: values against dense algebra, Jacobians against differences, other styles, promises."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    Augment,
    BlockDiagonal,
    CovariancePropagation,
    DummyMatrix,
    EqualEntryMatrix,
    Gram,
    HadamardProduct,
    Inverse,
    KroneckerProduct,
    LowerTriangularMatrix,
    Matrix,
    Operator,
    Product,
    ScalarMatrix,
    SimpleMatrix,
    SingularMatrixError,
    Stack,
    Sum,
    Transpose,
    UnconstrainedMatrix,
)
from tests.covariance.operator_cases import CASES, DOUBLE, TENSOR, OlderLeaf, Z, numerical, parts, theta_of


@pytest.mark.parametrize("name", CASES)
def test_value_shape_and_jacobian(name: str) -> None:
    op, algebra = CASES[name]
    theta = theta_of(op)
    value = op(theta)
    assert value.dtype == DOUBLE
    assert value.shape == op.shape
    torch.testing.assert_close(value, algebra(*op.build_operands(theta)), rtol=1e-12, atol=1e-12)
    expected = numerical(op, theta)
    for grad, names in (op.grad(theta), op.manual_grad(theta), op.auto_grad(theta)):
        assert names == op.free_param_names
        assert grad.dtype == DOUBLE
        torch.testing.assert_close(grad, expected, rtol=1e-6, atol=1e-7)
    natural, names = op.natural_grad(theta)
    torch.testing.assert_close(natural * op.trans_grad(theta)[:, None, None], op.grad(theta)[0])
    torch.testing.assert_close(op.evaluate(op.build_params(theta)), value)


@pytest.mark.parametrize("name", CASES)
def test_single_precision_in_single_precision_out(name: str) -> None:
    op, _ = CASES[name]
    theta = theta_of(op).float()
    for got, double in ((op(theta), op(theta.double())), (op.grad(theta)[0], op.grad(theta.double())[0])):
        assert got.dtype == torch.float32
        torch.testing.assert_close(got, double.float(), rtol=1e-4, atol=1e-4)
    assert all(value.dtype == torch.float32 for value in op.build_operands(theta))
    assert op().dtype == torch.float32


@pytest.mark.parametrize("name", CASES)
def test_automatic_propagation_agrees_with_the_rule(name: str) -> None:
    """The default `propagate` differentiates `combine`: the written rules must say the same."""
    op, _ = CASES[name]
    values = op.build_operands(theta_of(op))
    for position, (value, operand) in enumerate(zip(values, parts(op), strict=True)):
        if isinstance(operand, Matrix) and operand.num_params == 0:
            continue  # it never moves
        direction = torch.randn(3, *value.shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))
        square = value.shape[0] == value.shape[-1]
        if square and torch.allclose(value, value.mT, rtol=1e-12, atol=1e-12):
            # A symmetric structure moves symmetrically, whatever the last bits of a product L L' are.
            direction = direction + direction.mT
        expected = Operator.propagate(op, values, position, direction)
        torch.testing.assert_close(op.propagate(values, position, direction), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_propagation_reads_only_what_it_says(name: str) -> None:
    op, _ = CASES[name]
    values = op.build_operands(theta_of(op))
    for position, value in enumerate(values):
        direction = torch.randn(2, *value.shape, dtype=DOUBLE)
        needs = op.propagate_needs(position)
        spoilt = [other if k in needs else torch.full_like(other, math.nan) for k, other in enumerate(values)]
        torch.testing.assert_close(
            op.propagate(spoilt, position, direction), op.propagate(values, position, direction)
        )


# -- older and automatic operators -----------------------------------------------------------------------


class OlderSum(Operator):
    """An operator in the older style: __call__ and manual_grad over build_operands and operands_grad."""

    def __call__(self, free_params: Tensor | None = None) -> Tensor:
        values = self.build_operands(free_params)
        return values[0] + 2 * values[1]

    def manual_grad(self, free_params: Tensor | None = None) -> tuple[Tensor | None, list[str]]:
        grads, names = self.operands_grad(free_params)
        parts = [grad * factor for grad, factor in zip(grads, (1, 2), strict=True) if grad is not None]
        return (torch.cat(parts), [*names[0], *names[1]]) if parts else (None, [])


class Automatic(Operator):
    """An operator with nothing but its formula."""

    def combine(self, values: list[Tensor]) -> Tensor:
        return values[0] @ values[1] @ values[0]


@pytest.mark.parametrize("kind", [OlderSum, Automatic])
def test_operators_of_other_styles_stand_alone_and_inside_others(kind: type[Operator]) -> None:
    op = kind(a=OlderLeaf(2), b=AR1Matrix(2))
    outer = Sum(inner=op, rest=ScalarMatrix(2))
    outer.set_param_specs("inner/b/sigma^2", fixed=True, value=3.0)
    for matrix in (op, outer):
        theta = theta_of(matrix)
        expected = numerical(matrix, theta)
        for grad, names in (matrix.grad(theta), matrix.auto_grad(theta)):
            assert names == matrix.free_param_names
            torch.testing.assert_close(grad, expected, rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(matrix.evaluate(matrix.build_params(theta)), matrix(theta))
    natural = outer.build_params(theta_of(outer))
    natural[outer.param_names.index("inner/b/sigma^2")] = 5.0
    outer.set_param_specs("inner/b/sigma^2", value=5.0)
    torch.testing.assert_close(outer.evaluate(natural), outer(theta_of(outer)))
    assert kind(a=OlderLeaf(2), b=AR1Matrix(2)).has_analytic_grad is (kind is OlderSum)


def test_a_fixed_parameter_of_an_older_leaf_that_knows_of_free_ones_only() -> None:
    leaf = OlderLeaf(2)
    op = Sum(a=leaf, b=ScalarMatrix(2))
    op.set_param_specs("a/sigma^2", fixed=True, value=3.0)
    theta = theta_of(op)
    expected = torch.diag(torch.tensor([3.0, 6.0], dtype=DOUBLE)) + ScalarMatrix(2)(theta)
    torch.testing.assert_close(op(theta), expected)
    for grad, names in (op.grad(theta), op.auto_grad(theta)):
        assert names == ["b/sigma^2"]
        torch.testing.assert_close(grad, numerical(op, theta), rtol=1e-6, atol=1e-7)
    assert leaf.grad() == (None, [])


def test_an_automatic_operator_has_no_manual_grad() -> None:
    with pytest.raises(NotImplementedError, match="Automatic has no analytic derivative"):
        Automatic(a=AR1Matrix(2), b=AR1Matrix(2)).manual_grad()


def test_a_leaf_without_derivative_inside_a_manual_grad() -> None:
    op = KroneckerProduct(a=SimpleMatrix(2, lambda t: torch.outer(t, t), default=1.0), b=AR1Matrix(2))
    theta = theta_of(op)
    torch.testing.assert_close(op.manual_grad(theta)[0], numerical(op, theta), rtol=1e-6, atol=1e-7)


def test_grad_mode_auto_of_an_operand_is_honoured() -> None:
    leaf = AR1Matrix(3)
    op = Sum(a=leaf, b=ScalarMatrix(3))
    leaf.grad_mode = "auto"
    torch.testing.assert_close(op.grad(theta_of(op))[0], numerical(op, theta_of(op)), rtol=1e-6, atol=1e-7)
    leaf.grad_mode = "none"
    with pytest.raises(RuntimeError, match="AR1Matrix: expected grad_mode"):
        op.grad(theta_of(op))


# -- special rules ---------------------------------------------------------------------------------------


def test_incidence_with_empty_rows_is_gathered_exactly() -> None:
    with pytest.warns(RuntimeWarning):
        z = DummyMatrix(["a", "x", "b", "a"], levels=[["a", "b"]])
    assert z.codes.tolist() == [0, -1, 1, 0]
    op = CovariancePropagation(z=z, g=AR1Matrix(2))
    theta = torch.tensor([0.3, 0.8], dtype=DOUBLE)
    dense = z(torch.zeros(0, dtype=DOUBLE))
    assert torch.equal(op(theta), dense @ AR1Matrix(2)(theta) @ dense.T)
    torch.testing.assert_close(op.manual_grad(theta)[0], dense @ AR1Matrix(2).grad(theta)[0] @ dense.T)
    torch.testing.assert_close(op.auto_grad(theta)[0], op.manual_grad(theta)[0])


def test_inverse_of_a_singular_operand() -> None:
    for singular in (EqualEntryMatrix(3), Gram(LowerTriangularMatrix(3, 2), gram_type="xxt")):
        op = Inverse(a=singular)
        with pytest.raises(SingularMatrixError, match=r"'a', got a 3 x 3 matrix that is singular to working"):
            op()
        with pytest.raises(ValueError, match="positive definite structure"):
            op.grad()
    zero = Inverse(ScalarMatrix(2))
    with pytest.raises(SingularMatrixError):
        zero(torch.tensor([-math.inf]))


def test_inverse_of_a_symmetric_operand_is_symmetric() -> None:
    value = Inverse(AR1Matrix(30))(torch.tensor([0.3, 2.0], dtype=DOUBLE))
    assert torch.equal(value, value.T)


def test_gram_takes_its_type_in_second_place() -> None:
    x = LowerTriangularMatrix(3, 2)
    assert Gram(x, "xxt").shape == (3, 3)
    assert Gram(x=x, gram_type="xtx").param_names[0] == "x/L_0_0"


def test_promises() -> None:
    ar1, flat, free, root = (
        AR1Matrix(3),
        EqualEntryMatrix(3),
        UnconstrainedMatrix(3),
        LowerTriangularMatrix(3, 3),
    )
    indefinite = torch.tensor([[1.0, 2.0, 0], [2.0, 1.0, 0], [0, 0, 1.0]])
    expected = {
        Sum(ar1, flat): (True, True),
        Sum(flat, flat): (True, False),
        Sum(ar1, free): (False, False),
        Sum(ar1, TENSOR): (True, True),
        Sum(ar1, indefinite): (False, False),
        Sum(ar1, torch.tensor([[1.0, 1.0, 0], [0, 1.0, 0], [0, 0, 1.0]])): (False, False),
        HadamardProduct(ar1, flat): (True, False),
        HadamardProduct(ar1, torch.tensor([2.0])): (True, True),
        HadamardProduct(ar1, torch.tensor([-2.0])): (False, False),
        HadamardProduct(flat, torch.tensor([0.0])): (True, False),
        KroneckerProduct(ar1, ar1): (True, True),
        KroneckerProduct(ar1, flat): (True, False),
        BlockDiagonal(ar1, ar1): (True, True),
        BlockDiagonal(ar1, free): (False, False),
        CovariancePropagation(Z, ar1): (True, False),
        CovariancePropagation(Z, free): (False, False),
        Gram(root): (True, False),
        Product(ar1, ar1): (False, False),
        Transpose(ar1): (True, True),
        Transpose(LowerTriangularMatrix(3, 2)): (False, False),
        Inverse(ar1): (True, True),
        Inverse(flat): (False, False),
        Inverse(Gram(root)): (False, False),
        Stack(ar1, ar1): (False, False),
        Augment(ar1, ar1): (False, False),
        Automatic(ar1, ar1): (False, False),
    }
    for op, (psd, definite) in expected.items():
        assert (op.psd, op.positive_definite) == (psd, definite), op

    class Difference(Sum):
        def combine(self, values: list[Tensor]) -> Tensor:
            return values[0] - values[1]

    assert not Difference(ar1, ar1).psd, "a new formula does not inherit the promise"


def test_copies_and_repr() -> None:
    op = CASES["nested"][0]
    theta = theta_of(op)
    for other in (copy.deepcopy(op), pickle.loads(pickle.dumps(op))):
        assert torch.equal(other(theta), op(theta))
        other.set_param_specs("field/row/rho", fixed=True)
        assert op.num_free_params == 7
    shown = repr(Sum(time=AR1Matrix(2), known=torch.eye(2)))
    assert shown == (
        "Sum(\n  shape: (2, 2)\n  operands:\n    time: AR1Matrix(\n      shape: (2, 2)\n      params:\n"
        "        sigma^2: 1\n        rho: 0\n    )\n    known: tensor of shape (2, 2)\n)"
    )
    assert "gram_type: xxt" in repr(Gram(AR1Matrix(2), gram_type="xxt"))
