"""Scale, KroneckerSum and Correlation; operators with parameters of their own."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CompoundSymmetricMatrix,
    Conditional,
    Correlation,
    DiagonalMatrix,
    EqualEntryMatrix,
    EquicorrelationMatrix,
    Evaluation,
    KroneckerSum,
    LowerTriangularMatrix,
    Matrix,
    Operator,
    ScalarMatrix,
    Scale,
    ShapeError,
    SingularMatrixError,
    Submatrix,
    Sum,
    TransformIdentity,
    UnconstrainedMatrix,
    UnstructuredMatrix,
)
from covstudio.covariance.linalg import is_linear
from tests.covariance.operator_cases import DOUBLE, numerical, theta_of


class Affine(Operator):
    """slope A + level on the diagonal: an operator with two parameters of its own."""

    operand_count = (1, 1)

    def own_operand(self) -> Matrix:
        return DiagonalMatrix(2)

    @classmethod
    def shape_rule(cls, shapes: Any, names: Any, **arguments: Any) -> Any:
        return shapes[0]

    def combine(self, values: list[Tensor]) -> Tensor:
        own, a = values
        return own[0, 0] * a + own[1, 1] * torch.eye(len(a), dtype=a.dtype)


# -- parameters of its own -----------------------------------------------------------------------------------


def test_own_parameters_come_first_without_a_prefix() -> None:
    op = Scale(a=AR1CorrelationMatrix(3))
    assert op.param_names == ["sigma^2", "a/rho"]
    assert list(op.operands) == ["a"]
    outer = Sum(field=Scale(a=Scale(AR1CorrelationMatrix(3))), rest=ScalarMatrix(3))
    assert outer.param_names == ["field/sigma^2", "field/a/sigma^2", "field/a/op_0/rho", "rest/sigma^2"]
    assert Affine(b=ScalarMatrix(2)).param_names == ["sigma^2_0", "sigma^2_1", "b/sigma^2"]


@pytest.mark.parametrize("make", [lambda: Scale(a=AR1Matrix(3)), lambda: Affine(a=AR1Matrix(3))])
def test_own_parameters_can_be_set_fixed_and_held(make: Any) -> None:
    op = make()
    theta = theta_of(op)
    full, names = op.grad(theta)
    torch.testing.assert_close(full, numerical(op, theta), rtol=1e-7, atol=1e-8)
    assert names == op.param_names
    name = names[0]
    op.set_param_specs(name, fixed=True, default=theta[0])
    assert op.fixed_param_names == [name]
    torch.testing.assert_close(op(theta[1:]), make()(theta))
    torch.testing.assert_close(op.grad(theta[1:])[0], full[1:])
    torch.testing.assert_close(op.auto_grad(theta[1:])[0], full[1:])
    assert make().fixed_param_names == []
    op.set_param_specs(name, fixed=False)
    op.set_no_grad(param_name=name)
    torch.testing.assert_close(op.grad(theta)[0], full[1:])
    grads, prefixed = make().operands_grad(theta)
    assert [len(some) for some in prefixed] == [len(names) - 2, 2]
    assert [name for some in prefixed for name in some] == names
    assert all(grad is not None for grad in grads)
    for other in (copy.deepcopy(op), pickle.loads(pickle.dumps(op))):
        torch.testing.assert_close(other(theta), op(theta))
        other.set_param_specs(name, fixed=True)
        assert op.fixed_param_names == []


def test_the_same_operator_twice_has_own_parameters_twice() -> None:
    one = Scale(a=AR1CorrelationMatrix(2))
    both = Sum(x=one, y=one)
    assert both.param_names == ["x/sigma^2", "x/a/rho", "y/sigma^2", "y/a/rho"]
    both.set_param_specs("y/sigma^2", fixed=True, value=2.0)
    assert both.fixed_param_names == ["y/sigma^2"]
    assert one.fixed_param_names == []


def test_own_parameters_are_shown() -> None:
    assert repr(Scale(a=ScalarMatrix(2))) == (
        "Scale(\n  shape: (2, 2)\n  params:\n    sigma^2: 1\n  operands:\n    a: ScalarMatrix(\n"
        "      shape: (2, 2)\n      params:\n        sigma^2: 1\n    )\n)"
    )


def test_own_parameters_move_in_incremental_evaluation() -> None:
    op = Scale(a=AR1CorrelationMatrix(4))
    evaluation = Evaluation()
    below = evaluation.value(op.operands["a"], torch.tensor([0.3], dtype=DOUBLE))  # type: ignore[arg-type]
    for sigma2 in (2.0, 3.0):
        natural = torch.tensor([sigma2, 0.3], dtype=DOUBLE)
        torch.testing.assert_close(evaluation.value(op, natural), sigma2 * below)
        assert torch.equal(evaluation.slice(op, natural, "sigma^2", scale="natural"), below)
        torch.testing.assert_close(evaluation.slice(op, natural, "sigma^2"), 2 * sigma2 * below)
    # The operand was not evaluated again: the very same tensor stands for it.
    assert evaluation.value(op.operands["a"], torch.tensor([0.3], dtype=DOUBLE)) is below  # type: ignore[arg-type]


def test_an_error_below_names_the_operand_and_one_of_its_own_names_none() -> None:
    outer = Sum(x=Scale(a=Correlation(b=ScalarMatrix(2))), y=ScalarMatrix(2))
    theta = torch.tensor([0.0, -math.inf, 0.0], dtype=DOUBLE)
    with pytest.raises(SingularMatrixError, match=r"operand 'x/a': Correlation: expected positive variances"):
        outer(theta)


# -- Scale ---------------------------------------------------------------------------------------------------


def test_scale_multiplies() -> None:
    a = torch.tensor([[1.0, -0.5], [-0.5, 1.0]], dtype=DOUBLE)
    value = Scale(a)(torch.tensor([math.log(3.0) / 2], dtype=DOUBLE))
    torch.testing.assert_close(value, 3.0 * a)
    assert Scale(a).dtype == DOUBLE
    assert Scale(a.float()).dtype == torch.float32
    assert Scale(torch.eye(2, dtype=torch.int64)).dtype == torch.float32
    assert Scale({"k": a}).operands.keys() == {"k"}


def test_what_scale_promises() -> None:
    assert Scale(AR1CorrelationMatrix(3)).positive_definite
    assert Scale(torch.eye(2)).positive_definite
    assert Scale(EqualEntryMatrix(3)).psd
    assert not Scale(EqualEntryMatrix(3)).positive_definite
    assert not Scale(UnconstrainedMatrix(3)).psd
    assert not Scale(-torch.eye(2)).psd
    op = Scale(ScalarMatrix(2))
    op.set_param_specs("sigma^2", trans=TransformIdentity())
    assert not op.psd
    zero = Scale(ScalarMatrix(2))
    zero.set_param_specs("sigma^2", fixed=True, value=0.0)
    assert zero.psd
    assert not zero.positive_definite


def test_linear_models_stay_linear() -> None:
    assert is_linear(Scale(torch.eye(2)))
    assert not is_linear(Scale(ScalarMatrix(2)))
    assert is_linear(KroneckerSum(ScalarMatrix(2), DiagonalMatrix(3)))
    assert not is_linear(KroneckerSum(ScalarMatrix(2), AR1Matrix(3)))
    assert is_linear(Submatrix(DiagonalMatrix(3), index=[2, 0]))
    assert not is_linear(Conditional(DiagonalMatrix(3), given=[2]))


# -- Kronecker sum -------------------------------------------------------------------------------------------


def test_eigenvalues_of_a_kronecker_sum_are_sums_of_eigenvalues() -> None:
    op = KroneckerSum(a=UnstructuredMatrix(3), b=AR1Matrix(4))
    theta = theta_of(op)
    a, b = op.build_operands(theta)
    expected = torch.linalg.eigvalsh(a)[:, None] + torch.linalg.eigvalsh(b)
    torch.testing.assert_close(torch.linalg.eigvalsh(op(theta)), expected.flatten().sort().values)
    assert op.positive_definite
    assert KroneckerSum(EqualEntryMatrix(2), ScalarMatrix(2)).positive_definite
    assert not KroneckerSum(EqualEntryMatrix(2), EqualEntryMatrix(2)).positive_definite


def test_shapes_of_a_kronecker_sum() -> None:
    with pytest.raises(ShapeError, match=r"square matrix, got 'b' \(3 x 2\)"):
        KroneckerSum(a=ScalarMatrix(2), b=LowerTriangularMatrix(3, 2))
    with pytest.raises(ValueError, match="exactly 2 operands, got 1"):
        KroneckerSum(ScalarMatrix(2))
    assert KroneckerSum.shape_rule([None, (2, 2)], ["a", "b"]) is None
    with pytest.raises(ShapeError, match="square"):
        KroneckerSum.shape_rule([None, (2, 3)], ["a", "b"])


# -- Correlation ---------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-6, 6), min_size=10, max_size=10))
@settings(max_examples=60, deadline=None)
def test_correlations_have_a_unit_diagonal_and_stay_between_minus_one_and_one(raw: list[float]) -> None:
    op = Correlation(UnstructuredMatrix(4))
    value = op(torch.tensor(raw, dtype=DOUBLE))
    assert bool((value.diagonal() == 1.0).all())
    torch.testing.assert_close(value, value.mT, rtol=0, atol=1e-14)
    assert float(value.abs().max()) <= 1 + 1e-12
    assert float(torch.linalg.eigvalsh(value)[0]) >= -1e-12
    grad, _ = op.grad(torch.tensor(raw, dtype=DOUBLE))
    assert bool((grad.diagonal(dim1=1, dim2=2) == 0.0).all())


def test_correlation_of_known_structures() -> None:
    theta = torch.tensor([0.3, 0.8], dtype=DOUBLE)
    for covariance, correlation in (
        (AR1Matrix(4), AR1CorrelationMatrix(4)),
        (CompoundSymmetricMatrix(4), EquicorrelationMatrix(4)),
    ):
        op = Correlation(a=covariance)
        torch.testing.assert_close(op(theta), correlation(theta[1:]))
        grad, names = op.grad(theta)
        assert names == ["a/sigma^2", "a/rho"]
        torch.testing.assert_close(grad[1:], correlation.grad(theta[1:])[0])
        torch.testing.assert_close(grad[0], torch.zeros(4, 4, dtype=DOUBLE), atol=1e-15, rtol=0)


def test_a_correlation_without_variance_is_refused() -> None:
    op = Correlation(a=DiagonalMatrix(3))
    natural = torch.tensor([1.0, 0.0, 2.0], dtype=DOUBLE)
    for function in (op.evaluate, lambda values: op.natural_jacobian(values, [0])):
        with pytest.raises(SingularMatrixError, match=r"operand 'a', got 0 in row 1 \(from 0 on\)"):
            function(natural)
    with pytest.raises(SingularMatrixError, match="got -4 in row 0"):
        Correlation(LowerTriangularMatrix(1, 1))(torch.tensor([-4.0]))
    with pytest.raises(ShapeError, match="square"):
        Correlation(LowerTriangularMatrix(3, 2))


# -- tensors as operands -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tensor", "error", "words"),
    [
        (
            torch.tensor([[1.0, math.nan], [0.0, 1.0]]),
            ValueError,
            r"'k' to be finite everywhere, got nan at \(0, 1\)",
        ),
        (torch.tensor([[1.0, 0.0], [-math.inf, 1.0]]), ValueError, r"got -inf at \(1, 0\)"),
        (torch.eye(2, dtype=torch.complex64), TypeError, "'k' to hold real numbers, got torch.complex64"),
        (torch.eye(2).to_sparse(), TypeError, r"'k' as a dense tensor.*to_dense\(\)"),
        (torch.ones(0, 2), ShapeError, r"'k' to have rows and columns, got shape \(0, 2\)"),
        (torch.ones(2), ShapeError, "'k' as a 2-D tensor"),
        (torch.eye(3), ShapeError, "one shape"),
    ],
)
def test_tensors_that_cannot_be_operands(tensor: Tensor, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Sum(a=ScalarMatrix(2), k=tensor)
    if error is not ShapeError:
        with pytest.raises(error, match=words):
            Scale(k=tensor)
