"""Operators: operands, names, shapes, parameters and their refusals."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    Augment,
    BlockDiagonal,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    EqualEntryMatrix,
    Evaluation,
    Gram,
    HadamardProduct,
    IdentityMatrix,
    Inverse,
    KroneckerProduct,
    LowerTriangularMatrix,
    Matrix,
    Operator,
    Product,
    ScalarMatrix,
    ShapeError,
    SingularMatrixError,
    Stack,
    Sum,
    Transpose,
)
from tests.covariance.operator_cases import CASES, DOUBLE, OlderLeaf, Z, numerical, theta_of

# -- operands and names ----------------------------------------------------------------------------------


def test_three_ways_to_give_operands() -> None:
    a, b = AR1Matrix(2), ScalarMatrix(2)
    assert list(Sum(a, b).operands) == ["op_0", "op_1"]
    assert Sum(a, b).param_names == ["op_0/sigma^2", "op_0/rho", "op_1/sigma^2"]
    named = Sum(time=a, noise=b)
    assert named.operands == {"time": a, "noise": b}
    assert Sum({"time": a, "noise": b}).param_names == named.param_names
    named.operands.clear()
    assert list(named.operands) == ["time", "noise"], "operands is a copy"


def test_names_to_any_depth() -> None:
    op = CASES["nested"][0]
    assert op.param_names == [
        "field/row/sigma^2",
        "field/row/rho",
        "field/column/rho",
        "genotype/g/a/sigma^2",
        "genotype/g/a/rho",
        "genotype/g/b/sigma^2",
        "noise/sigma^2",
    ]
    as_dict = op.to_param_dict(theta_of(op))
    torch.testing.assert_close(op(as_dict), op(theta_of(op)))


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda a: Sum(a, b=a), ValueError, "all operands positional or all by keyword"),
        (lambda a: Sum({"a": a, "b": a}, c=a), ValueError, "all operands positional or all by keyword"),
        (lambda a: Sum({"a": a, "b": a}, a), ValueError, "one dict of operands on its own"),
        (lambda a: Sum({"a/b": a, "c": a}), ValueError, "without '/' .*, got 'a/b'"),
        (lambda a: Sum({"": a, "c": a}), ValueError, "got ''"),
        (lambda a: Sum({1: a, "c": a}), TypeError, "operand names as strings, got 1"),
        (lambda a: Sum(a, 2.0), TypeError, "operand 'op_1' as a Matrix or a torch.Tensor, got float"),
        (lambda a: Sum(a), ValueError, "Sum: expected 2 or more operands, got 1"),
        (lambda a: Sum(), ValueError, "got 0"),
        (lambda a: BlockDiagonal(a), ValueError, "2 or more"),
        (lambda a: Stack(a), ValueError, "2 or more"),
        (lambda a: Augment(a), ValueError, "2 or more"),
        (lambda a: Product(a), ValueError, "2 or more"),
        (lambda a: KroneckerProduct(a), ValueError, "KroneckerProduct: expected exactly 2 operands, got 1"),
        (lambda a: HadamardProduct(a, a, a), ValueError, "exactly 2 operands, got 3"),
        (lambda a: CovariancePropagation(g=a), ValueError, "exactly 2"),
        (lambda a: Gram(a, a), ValueError, "Gram: expected exactly 1 operand, got 2"),
        (lambda a: Transpose(a, a), ValueError, "exactly 1 operand, got 2"),
        (lambda a: Inverse(), ValueError, "exactly 1 operand, got 0"),
        (lambda a: Gram(a, gram_type="xx"), ValueError, "gram_type='xtx' or 'xxt', got 'xx'"),
    ],
)
def test_wrong_operands(build: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build(AR1Matrix(3))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: Sum(time=AR1Matrix(3), noise=ScalarMatrix(4)),
            "operands of one shape, got 'time' (3 x 3) and 'noise' (4 x 4); make the sizes equal",
        ),
        (lambda: HadamardProduct(a=AR1Matrix(3), b=torch.ones(3)), "'b' as a 2-D tensor, got shape (3,)"),
        (lambda: HadamardProduct(a=AR1Matrix(3), b=ScalarMatrix(1)), "'a' (3 x 3) and 'b' (1 x 1)"),
        (
            lambda: CovariancePropagation(z=Z, g=AR1Matrix(4)),
            "rows in G as Z has columns, got Z = 'z' (5 x 3) and G = 'g' (4 x 4); give 'g' the size 3",
        ),
        (lambda: CovariancePropagation(z=AR1Matrix(3), g=Z), "expected a square G, got 'g' (5 x 3)"),
        (lambda: Product(a=AR1Matrix(3), b=Z), "'a' (3 x 3) before 'b' (5 x 3); give 'b' 3 rows"),
        (lambda: Inverse(a=LowerTriangularMatrix(3, 2)), "a square matrix, got 'a' (3 x 2)"),
        (lambda: Stack(a=Z, b=AR1Matrix(2)), "equally many columns, got 'a' (5 x 3) and 'b' (2 x 2)"),
        (lambda: Augment(a=Z, b=AR1Matrix(2)), "equally many rows, got 'a' (5 x 3) and 'b' (2 x 2)"),
        (lambda: KroneckerProduct(AR1Matrix(2), torch.tensor([1.0])), "'op_1' as a 2-D tensor"),
    ],
)
def test_shapes_are_checked_when_written(build: object, message: str) -> None:
    with pytest.raises(ShapeError, match=re.escape(message)):
        build()  # type: ignore[operator]
    assert issubclass(ShapeError, ValueError)


def test_shape_rules_with_unknown_operands() -> None:
    names = ["z", "g"]
    assert CovariancePropagation.shape_rule([(5, 3), None], names) == (5, 5)
    assert CovariancePropagation.shape_rule([None, (3, 3)], names) is None
    with pytest.raises(ShapeError, match="square G"):
        CovariancePropagation.shape_rule([None, (3, 2)], names)
    assert Sum.shape_rule([None, (4, 4), None], "abc") == (4, 4)
    with pytest.raises(ShapeError, match=r"'b' \(4 x 4\) and 'c' \(3 x 3\)"):
        Sum.shape_rule([None, (4, 4), (3, 3)], "abc")
    assert KroneckerProduct.shape_rule([None, (4, 4)], "ab") is None
    assert KroneckerProduct.shape_rule([(2, 3), (4, 5)], "ab") == (8, 15)
    assert Stack.shape_rule([(2, 3), None], "ab") is None
    with pytest.raises(ShapeError):
        Stack.shape_rule([(2, 3), None, (2, 2)], "abc")
    assert BlockDiagonal.shape_rule([(2, 3), (1, 1)], "ab") == (3, 4)
    assert BlockDiagonal.shape_rule([(2, 3), None], "ab") is None
    assert Product.shape_rule([(2, 3), None, (4, 5)], "abc") == (2, 5)
    assert Gram.shape_rule([(5, 2)], "x") == (2, 2)
    assert Gram.shape_rule([(5, 2)], "x", gram_type="xxt") == (5, 5)
    assert Transpose.shape_rule([(5, 2)], "x") == (2, 5)
    assert Inverse.shape_rule([None], "x") is None


def test_an_operand_that_breaks_its_declared_shape_is_named() -> None:
    class Liar(Matrix):
        def __init__(self) -> None:
            super().__init__((3, 3), [])

        def __call__(self, params: Tensor) -> Tensor:
            return torch.eye(2)

    op = Sum(good=AR1Matrix(3), bad=Liar())
    with pytest.raises(
        ShapeError, match=r"'bad' \(Liar\) to give the shape \(3, 3\) it declares, got \(2, 2\)"
    ):
        op()


# -- parameters ------------------------------------------------------------------------------------------


def test_set_param_specs_reaches_the_leaf() -> None:
    row = AR1Matrix(3)
    op = Sum(field=KroneckerProduct(row=row, column=AR1CorrelationMatrix(2)), noise=ScalarMatrix(6))
    op.set_param_specs("field/row/sigma^2", fixed=True, value=2.0)
    assert row.fixed_param_names == ["sigma^2"]
    assert row.parameters[0].value == pytest.approx(2.0)
    assert op.free_param_names == ["field/row/rho", "field/column/rho", "noise/sigma^2"]
    assert op.fixed_param_index == [0]
    theta = theta_of(op)
    torch.testing.assert_close(op.grad(theta)[0], numerical(op, theta), rtol=1e-6, atol=1e-7)
    row.set_param_specs("rho", fixed=True)
    assert op.num_free_params == 2, "a change at the leaf shows in the operator"
    with pytest.raises(KeyError, match="Sum has no parameter 'row/rho'"):
        op.set_param_specs("row/rho", fixed=True)


def test_all_operands_fixed() -> None:
    op = Sum(a=ScalarMatrix(2), b=IdentityMatrix(2))
    op.set_param_specs("a/sigma^2", fixed=True)
    assert op.grad() == (None, [])
    assert op.manual_grad() == (None, [])
    assert op.operands_grad() == ([None, None], [[], []])
    torch.testing.assert_close(op(), 2 * torch.eye(2))


def test_holding_belongs_to_the_object_it_was_set_on() -> None:
    leaf = DiagonalMatrix(2)
    op = Sum(a=leaf, b=ScalarMatrix(2))
    leaf.set_no_grad(index=0)
    assert op.no_grad_index == []
    for method in (op.grad, op.manual_grad, op.auto_grad):
        assert method()[1] == ["a/sigma^2_0", "a/sigma^2_1", "b/sigma^2"]
    leaf.set_no_grad(index=[])
    op.set_no_grad(param_name="a/sigma^2_1")
    assert op.no_grad_index == [1]
    assert leaf.no_grad_index == []
    for method in (op.grad, op.manual_grad, op.auto_grad, op.natural_grad):
        grad, names = method(torch.zeros(3))
        assert names == ["a/sigma^2_0", "b/sigma^2"]
        assert grad.shape == (2, 2, 2)
    assert op.operands_grad()[1] == [["a/sigma^2_0"], ["b/sigma^2"]]


def test_a_held_parameter_of_an_older_manual_grad_still_moves_the_operator() -> None:
    class Own(OlderLeaf):
        def manual_grad(self, params: Tensor) -> tuple[Tensor | None, list[str]]:
            if self.no_grad_index:
                return None, []
            return (self(params) * 2)[None], ["sigma^2"]

    leaf = Own(2)
    leaf.set_no_grad(index=0)
    op = Sum(a=leaf, b=AR1Matrix(2))
    torch.testing.assert_close(op.grad(theta_of(op))[0], numerical(op, theta_of(op)), rtol=1e-6, atol=1e-7)


def test_the_same_object_twice_is_two_operands() -> None:
    leaf = AR1Matrix(2)
    op = Sum(leaf, leaf)
    theta = torch.tensor([0.0, 0.5, 1.0, -0.5], dtype=DOUBLE)
    torch.testing.assert_close(op(theta), leaf(theta[:2]) + leaf(theta[2:]))
    torch.testing.assert_close(op.grad(theta)[0], numerical(op, theta), rtol=1e-6, atol=1e-7)


def test_the_same_object_twice_has_parameters_of_its_own_in_each_place() -> None:
    leaf = Sum(a=AR1Matrix(2), b=ScalarMatrix(2))
    op = KroneckerProduct(leaf, leaf)
    assert op.operands["op_0"] is leaf
    op.set_param_specs("op_1/a/rho", fixed=True, value=0.25)
    assert op.fixed_param_names == ["op_1/a/rho"]
    assert leaf.num_fixed_params == 0
    leaf.set_param_specs("b/sigma^2", fixed=True)
    assert op.fixed_param_names == ["op_0/b/sigma^2", "op_1/a/rho"]
    design = DummyMatrix(["x", "y"])
    shared = Product(design, design)
    assert shared.operands["op_0"] is shared.operands["op_1"], "nothing to tell apart without parameters"


def test_an_operator_without_a_shape_rule_finds_its_shape() -> None:
    class Kron(Operator):
        """Written from `build_operands` and `operands_grad` alone."""

        def __call__(self, free_params: object = None) -> Tensor:
            a, b = self.build_operands(free_params)
            return torch.kron(a, b)

        def manual_grad(self, free_params: object = None) -> tuple[Tensor | None, list[str]]:
            a, b = self.build_operands(free_params)
            (in_a, in_b), (names_a, names_b) = self.operands_grad(free_params)
            slices = [] if in_a is None else [torch.kron(slice_, b) for slice_ in in_a]
            slices += [] if in_b is None else [torch.kron(a, slice_) for slice_ in in_b]
            return (torch.stack(slices) if slices else None), names_a + names_b

    op = Kron(a=LowerTriangularMatrix(3, 2), b=AR1Matrix(2))
    assert op.shape == (6, 4)
    theta = theta_of(op)
    torch.testing.assert_close(op(theta), KroneckerProduct(**op.operands)(theta))
    torch.testing.assert_close(op.grad(theta)[0], numerical(op, theta), rtol=1e-6, atol=1e-7)
    gram = Sum(low=Gram(op, gram_type="xxt"), noise=ScalarMatrix(6))
    torch.testing.assert_close(gram.grad(theta_of(gram))[0], gram.auto_grad(theta_of(gram))[0])
    flat = Kron(a=AR1Matrix(2), b=torch.tensor([1.0, 2.0]))
    assert flat.shape == (2, 4), "its operands are its own affair"


def test_a_derivative_evaluates_only_the_operands_it_needs() -> None:
    class Counted(AR1Matrix):
        calls = 0

        def evaluate(self, natural: Tensor) -> Tensor:
            Counted.calls += 1
            return super().evaluate(natural)

        def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
            return super().differentiate(natural, index)

    Sum(a=Counted(2), b=Counted(2)).manual_grad()
    assert Counted.calls == 0
    op = HadamardProduct(a=Counted(2), b=Counted(2))
    op.set_no_grad(param_name=["b/sigma^2", "b/rho"])
    op.manual_grad()
    assert Counted.calls == 1, "the other operand alone"


def test_a_new_derivative_inherits_no_promise_of_what_it_reads() -> None:
    class Squares(Sum):
        def combine(self, values: list[Tensor]) -> Tensor:
            return values[0] ** 2 + values[1] ** 2

        def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
            return 2 * values[position] * direction

    op = Squares(a=AR1Matrix(2), b=ScalarMatrix(2))
    torch.testing.assert_close(op.grad(theta_of(op))[0], numerical(op, theta_of(op)), rtol=1e-6, atol=1e-7)


def test_an_error_inside_a_tree_names_the_path() -> None:
    inner = KroneckerProduct(x=Inverse(w=EqualEntryMatrix(2)), y=AR1Matrix(2))
    op = Sum(p=inner, q=ScalarMatrix(4))
    for method in (op, op.grad, op.auto_grad, op.operands_grad, op.build_operands):
        with pytest.raises(
            SingularMatrixError, match=r"^operand 'p/x': Inverse: expected an invertible operand 'w'"
        ):
            method()
    natural = op.build_params().double()
    with pytest.raises(SingularMatrixError, match=r"^operand 'p/x': Inverse"):
        Evaluation().value(op, natural)


@pytest.mark.parametrize(
    ("operands", "error", "message"),
    [
        ([AR1Matrix(2), ScalarMatrix], TypeError, "got the class ScalarMatrix; construct it"),
        ([[AR1Matrix(2), ScalarMatrix(2)]], TypeError, "give the operands one by one"),
        ([AR1Matrix(2), np.eye(2)], TypeError, "an array by torch.as_tensor"),
        ([AR1Matrix(2)], ValueError, r"expected 2 or more operands, got 1 (['op_0']); add the missing ones"),
        ([{1: AR1Matrix(2), 2: AR1Matrix(2)}], TypeError, "operand names as strings, got 1 (int); write '1'"),
    ],
)
def test_refused_operands_come_with_advice(operands: list, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        Sum(*operands)


def test_build_operands_and_operands_grad() -> None:
    op = CovariancePropagation(z=Z, g=DiagonalMatrix(3))
    theta = torch.tensor([0.0, 0.5, 1.0])
    values = op.build_operands(theta)
    assert isinstance(values, list)
    torch.testing.assert_close(values[0], Z())
    torch.testing.assert_close(values[1], torch.diag(torch.exp(2 * theta)))
    grads, names = op.operands_grad(theta)
    assert grads[0] is None
    assert names == [[], ["g/sigma^2_0", "g/sigma^2_1", "g/sigma^2_2"]]
    torch.testing.assert_close(grads[1], DiagonalMatrix(3).grad(theta)[0])


@pytest.mark.parametrize("bad", [torch.zeros(2), [0.0] * 3, {"a": torch.zeros(1)}])
def test_bad_parameters(bad: object) -> None:
    op = Sum(a=AR1Matrix(2), b=ScalarMatrix(2))
    for method in (op, op.grad, op.manual_grad, op.auto_grad, op.build_operands, op.operands_grad):
        with pytest.raises((TypeError, ValueError), match="Sum: expected"):
            method(bad)


def test_dtype_of_a_call_without_parameters() -> None:
    assert Sum(a=DummyMatrix([1, 2], dtype=DOUBLE), b=IdentityMatrix(2))().dtype == DOUBLE
    op = Sum(a=DummyMatrix([1, 2], dtype=DOUBLE), b=ScalarMatrix(2))
    assert op().dtype == torch.float32, "the parameters' defaults decide"
    op.set_param_specs("b/sigma^2", value=torch.tensor(1.0, dtype=DOUBLE))
    assert op().dtype == DOUBLE
    integers = Sum(a=ScalarMatrix(2), b=torch.tensor([[1, 2], [2, 1]]))
    assert integers().dtype == torch.float32


def test_a_zero_variance_in_a_tree() -> None:
    op = CASES["nested"][0]
    theta = theta_of(op)
    theta[5] = -math.inf
    grad, _ = op.grad(theta)
    assert torch.isfinite(grad).all()
    assert not grad[5].any()
    natural, names = op.natural_grad(theta)
    assert torch.isfinite(natural).all()
    assert natural[names.index("genotype/g/b/sigma^2")].any()
    torch.testing.assert_close(op.auto_grad(theta)[0], grad)
