"""Operators: operands, names, shapes, values against dense algebra, Jacobians, promises, both generations."""

from __future__ import annotations

import copy
import math
import pickle
import re

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
    SimpleMatrix,
    SingularMatrixError,
    Stack,
    Sum,
    TransformExpPow2,
    Transpose,
    UnconstrainedMatrix,
)

DOUBLE = torch.float64


def theta_of(matrix: Matrix, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(matrix.num_free_params, generator=generator, dtype=DOUBLE) * 0.5


def numerical(matrix: Matrix, theta: Tensor) -> Tensor:
    """Central differences: knows nothing of transforms, layouts or rules."""
    step = 1e-5
    slices = []
    for k in range(len(theta)):
        move = torch.zeros_like(theta)
        move[k] = step
        slices.append((matrix(theta + move) - matrix(theta - move)) / (2 * step))
    return torch.stack(slices)


class OlderLeaf(Matrix):
    """sigma^2 on the diagonal in the older style."""

    def __init__(self, n: int) -> None:
        super().__init__((n, n), ["sigma^2"], [TransformExpPow2()])

    def __call__(self, params: Tensor) -> Tensor:
        (sigma2,) = self.trans_params(self.from_param_dict(params))
        out = torch.zeros(self.shape, dtype=sigma2.dtype)
        for k in range(self.shape[0]):
            out[k, k] = sigma2 * (k + 1)
        return out


TENSOR = torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, 0.25], [0.0, 0.25, 3.0]])
Z = DummyMatrix(["a", "c", "b", "a", "c"])

# operator, and its value by dense algebra from the operands' values
CASES = {
    "Sum": (Sum(a=AR1Matrix(3), b=ScalarMatrix(3), c=TENSOR), lambda a, b, c: a + b + c),
    "Sum, older leaf": (Sum(a=OlderLeaf(3), b=AR1Matrix(3)), lambda a, b: a + b),
    "BlockDiagonal": (BlockDiagonal(AR1Matrix(3), TENSOR, ScalarMatrix(1)), torch.block_diag),
    "BlockDiagonal, rectangles": (
        BlockDiagonal(LowerTriangularMatrix(3, 2), EqualEntryMatrix(1, 3)),
        torch.block_diag,
    ),
    "Z G Z', codes": (CovariancePropagation(z=Z, g=AR1Matrix(3)), lambda z, g: z @ g @ z.T),
    "Z G Z', tensor": (CovariancePropagation(z=Z(), g=AR1Matrix(3)), lambda z, g: z @ g @ z.T),
    "Z G Z', tensor G": (
        CovariancePropagation(z=LowerTriangularMatrix(4, 3), g=TENSOR),
        lambda z, g: z @ g @ z.T,
    ),
    "Z G Z', both free, G not symmetric": (
        CovariancePropagation(z=LowerTriangularMatrix(4, 3), g=LowerTriangularMatrix(3, 3)),
        lambda z, g: z @ g @ z.T,
    ),
    "Kronecker": (KroneckerProduct(a=AR1Matrix(3), b=AR1CorrelationMatrix(2)), torch.kron),
    "Kronecker, rectangles": (
        KroneckerProduct(LowerTriangularMatrix(3, 2), torch.tensor([[1.0, 2.0, 3.0]])),
        torch.kron,
    ),
    "Hadamard": (HadamardProduct(a=AR1Matrix(3), b=UnconstrainedMatrix(3)), lambda a, b: a * b),
    "Hadamard, number": (HadamardProduct(torch.tensor([[3.0]]), AR1Matrix(3)), lambda a, b: 3 * b),
    "Gram xtx": (Gram(LowerTriangularMatrix(4, 2)), lambda x: x.T @ x),
    "Gram xxt": (Gram(LowerTriangularMatrix(4, 2), gram_type="xxt"), lambda x: x @ x.T),
    "Product": (
        Product(LowerTriangularMatrix(4, 3), TENSOR, AR1Matrix(3), LowerTriangularMatrix(3, 2)),
        lambda a, b, c, d: a @ b @ c @ d,
    ),
    "Transpose": (Transpose(LowerTriangularMatrix(3, 2)), lambda a: a.T),
    "Inverse": (Inverse(AR1Matrix(4)), torch.linalg.inv),
    "Inverse, not symmetric": (Inverse(LowerTriangularMatrix(3, 3)), torch.linalg.inv),
    "Stack": (Stack(ScalarMatrix(3), TENSOR, LowerTriangularMatrix(4, 3)), lambda *v: torch.cat(v, 0)),
    "Augment": (Augment(ScalarMatrix(3), LowerTriangularMatrix(3, 2), TENSOR), lambda *v: torch.cat(v, 1)),
    "nested": (
        Sum(
            field=KroneckerProduct(row=AR1Matrix(3), column=AR1CorrelationMatrix(2)),
            genotype=CovariancePropagation(
                z=DummyMatrix([1, 2, 1, 2, 1, 2]), g=HadamardProduct(a=AR1Matrix(2), b=ScalarMatrix(2))
            ),
            noise=OlderLeaf(6),
        ),
        lambda *v: v[0] + v[1] + v[2],
    ),
}


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
    """The default ``propagate`` differentiates ``combine``: the written rules must say the same."""
    op, _ = CASES[name]
    values = op.build_operands(theta_of(op))
    for position, (value, operand) in enumerate(zip(values, op.operands.values(), strict=True)):
        if isinstance(operand, Matrix) and operand.num_params == 0:
            continue  # it never moves
        direction = torch.randn(3, *value.shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))
        if value.shape[0] == value.shape[-1] and torch.equal(value, value.mT):
            direction = direction + direction.mT  # a symmetric structure moves symmetrically
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
        (lambda a: Sum(TENSOR, TENSOR), TypeError, "at least one Matrix among the operands"),
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
