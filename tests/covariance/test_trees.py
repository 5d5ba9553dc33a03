"""Random trees of structures and operators: what must hold of every one of them."""

from __future__ import annotations

import torch
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from torch import Tensor

from covstudio.covariance import (
    Adapter,
    AR1CorrelationMatrix,
    AR1Matrix,
    Augment,
    BlockDiagonal,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    EqualEntryMatrix,
    EquicorrelationMatrix,
    Evaluation,
    Gram,
    HadamardProduct,
    IdentityMatrix,
    Inverse,
    KnownMatrix,
    KroneckerProduct,
    LowerTriangularMatrix,
    Matrix,
    Operator,
    OrnsteinUhlenbeckMatrix,
    Parameter,
    Product,
    ScalarMatrix,
    SimpleMatrix,
    Stack,
    Sum,
    Transpose,
    UnconstrainedMatrix,
    UnstructuredMatrix,
)
from tests.covariance.operator_cases import OlderLeaf

DOUBLE = torch.float64

Draw = st.DrawFn


def known(n: int) -> Tensor:
    """A positive definite matrix that is no multiple of a simple one."""
    i = torch.arange(n, dtype=DOUBLE)
    return torch.exp(-((i[:, None] - i[None, :]) ** 2) / 3) + 0.25 * torch.eye(n, dtype=DOUBLE)


def outer(theta: Tensor, n: int) -> Tensor:
    loadings = torch.cat([theta, theta.new_ones(n)])[:n]
    return torch.outer(loadings, loadings) + torch.eye(n, dtype=theta.dtype)


SQUARE_LEAVES = [
    IdentityMatrix,
    ScalarMatrix,
    DiagonalMatrix,
    EqualEntryMatrix,
    AR1Matrix,
    AR1CorrelationMatrix,
    UnstructuredMatrix,
    UnconstrainedMatrix,
    OlderLeaf,
    lambda n: OrnsteinUhlenbeckMatrix([0.7 * k**1.5 for k in range(n)]),
    lambda n: KnownMatrix(known(n)),
    lambda n: LowerTriangularMatrix(n, n),
    lambda n: SimpleMatrix(2, lambda theta: outer(theta, n), default=0.5),
    lambda n: Adapter(DiagonalMatrix(n), {"common": Parameter("common")}, lambda theta: theta.expand(n)),
]
LARGER_LEAVES = [EquicorrelationMatrix, CompoundSymmetricMatrix]


@st.composite
def squares(draw: Draw, n: int, depth: int) -> Matrix:
    """An n x n matrix, nested at most `depth` operators deep."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(SQUARE_LEAVES + (LARGER_LEAVES if n > 1 else [])))(n)
    below = depth - 1
    kinds = [
        "sum",
        "hadamard",
        "scaled",
        "propagation",
        "incidence",
        "gram",
        "product",
        "transpose",
        "inverse",
    ]
    kinds += ["kronecker"] + (["blocks"] if n > 1 else [])
    kind = draw(st.sampled_from(kinds))
    inner = draw(st.integers(1, 4))
    if kind == "sum":
        terms = [draw(squares(n, below)) for _ in range(draw(st.integers(2, 3)))]
        return Sum(*terms, known(n)) if draw(st.booleans()) else Sum(*terms)
    if kind == "hadamard":
        return HadamardProduct(a=draw(squares(n, below)), b=draw(squares(n, below)))
    if kind == "scaled":
        return HadamardProduct(a=draw(squares(n, below)), b=torch.tensor([draw(st.floats(0.1, 4))]))
    if kind == "propagation":
        return CovariancePropagation(z=draw(rectangles(n, inner, below)), g=draw(squares(inner, below)))
    if kind == "incidence":
        labels = draw(st.lists(st.integers(0, inner - 1), min_size=n, max_size=n))
        z = DummyMatrix(labels, levels=[list(range(inner))])
        return CovariancePropagation(z=z, g=draw(squares(inner, below)))
    if kind == "gram":
        return Gram(draw(rectangles(inner, n, below)))
    if kind == "product":
        return Product(a=draw(rectangles(n, inner, below)), b=draw(rectangles(inner, n, below)))
    if kind == "transpose":
        return Transpose(draw(squares(n, below)))
    if kind == "inverse":
        operand = draw(squares(n, below).filter(lambda matrix: matrix.positive_definite))
        return Inverse(operand)
    if kind == "kronecker":
        outer_size = draw(st.sampled_from([k for k in range(1, n + 1) if n % k == 0]))
        return KroneckerProduct(
            outer=draw(squares(outer_size, below)), inner=draw(squares(n // outer_size, below))
        )
    first = draw(st.integers(1, n - 1))
    return BlockDiagonal(first=draw(squares(first, below)), second=draw(squares(n - first, below)))


@st.composite
def rectangles(draw: Draw, rows: int, columns: int, depth: int) -> Matrix:
    """A matrix of the given shape, nested at most `depth` operators deep."""
    below = depth - 1
    kinds = ["triangle", "constant"]
    if depth > 0:
        kinds += (
            ["transpose", "product"] + (["stack"] if rows > 1 else []) + (["augment"] if columns > 1 else [])
        )
    kind = draw(st.sampled_from(kinds))
    if kind == "triangle":
        return LowerTriangularMatrix(rows, columns)
    if kind == "constant":
        return EqualEntryMatrix(rows, columns)
    if kind == "transpose":
        return Transpose(draw(rectangles(columns, rows, below)))
    if kind == "product":
        return Product(x=draw(rectangles(rows, columns, below)), y=draw(squares(columns, below)))
    if kind == "stack":
        top = draw(st.integers(1, rows - 1))
        return Stack(a=draw(rectangles(top, columns, below)), b=draw(rectangles(rows - top, columns, below)))
    left = draw(st.integers(1, columns - 1))
    return Augment(a=draw(rectangles(rows, left, below)), b=draw(rectangles(rows, columns - left, below)))


@st.composite
def models(draw: Draw) -> tuple[Matrix, Tensor]:
    """A tree with some parameters fixed and some held, and a theta for it."""
    matrix = draw(squares(draw(st.integers(1, 5)), draw(st.integers(1, 3))))
    for name in matrix.param_names:
        # A direct call of code in the older style, which reads free parameters only, needs them free.
        if not isinstance(matrix, OlderLeaf) and draw(st.integers(0, 9)) == 0:
            matrix.set_param_specs(name, fixed=True)
    free = matrix.free_param_names
    matrix.set_no_grad(param_name=[name for name in free if draw(st.integers(0, 9)) == 0])
    theta = draw(st.lists(st.floats(-1.0, 1.0), min_size=len(free), max_size=len(free)))
    return matrix, torch.tensor(theta, dtype=DOUBLE)


common = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@common
@given(models())
def test_value(model: tuple[Matrix, Tensor]) -> None:
    matrix, theta = model
    value = matrix(theta)
    assert value.shape == matrix.shape
    assert value.dtype == DOUBLE
    size = float(value.abs().max()) + 1.0
    event(f"promised: {matrix.psd}")
    if matrix.psd:
        torch.testing.assert_close(value, value.mT, rtol=1e-9, atol=1e-9 * size)
        assert float(torch.linalg.eigvalsh(value)[0]) >= -1e-9 * size
    if matrix.positive_definite:
        assert matrix.psd
        assert int(torch.linalg.cholesky_ex(value).info) == 0 or float(torch.linalg.cond(value)) > 1e12
    torch.testing.assert_close(
        matrix.evaluate(matrix.build_params(theta)), value, rtol=1e-9, atol=1e-9 * size
    )


@common
@given(models())
def test_jacobian(model: tuple[Matrix, Tensor]) -> None:
    matrix, theta = model
    grad, names = matrix.grad(theta)
    auto, auto_names = matrix.auto_grad(theta)
    assert names == auto_names
    held = {matrix.free_param_names[k] for k in matrix.no_grad_index}
    assert names == [name for name in matrix.free_param_names if name not in held]
    if grad is None:
        assert auto is None
        return
    size = float(auto.abs().max()) + 1.0
    assert grad.shape == (len(names), *matrix.shape)
    torch.testing.assert_close(grad, auto, rtol=1e-7, atol=1e-9 * size)
    natural, _ = matrix.natural_grad(theta)
    places = [matrix.free_param_names.index(name) for name in names]
    slopes = matrix.trans_grad(theta)[places]
    torch.testing.assert_close(natural * slopes[:, None, None], grad, rtol=1e-9, atol=1e-9 * size)


@common
@given(models(), st.data())
def test_evaluation_of_the_whole_and_of_its_parts(model: tuple[Matrix, Tensor], data: st.DataObject) -> None:
    matrix, theta = model
    evaluation = Evaluation()
    natural = matrix.build_params(theta)
    for _ in range(3):
        fresh = matrix.evaluate(natural)
        torch.testing.assert_close(evaluation.value(matrix, natural), fresh, rtol=0, atol=0)
        if isinstance(matrix, Operator):
            start = 0
            for operand in matrix.operands.values():
                if isinstance(operand, Matrix):
                    part = natural[start : start + operand.num_params]
                    torch.testing.assert_close(
                        evaluation.value(operand, part), operand.evaluate(part), rtol=0, atol=0
                    )
                    start += operand.num_params
        if not matrix.num_params:
            return
        k = data.draw(st.integers(0, matrix.num_params - 1))
        expected = matrix.natural_jacobian(natural, [k])[0]
        size = float(expected.abs().max()) + 1.0
        got = evaluation.slice(matrix, natural, matrix.param_names[k], scale="natural")
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9 * size)
        parameter = matrix.parameters[k]
        raw = torch.tensor(data.draw(st.floats(-1.0, 1.0)), dtype=DOUBLE)
        natural = natural.clone()
        natural[k] = parameter.transform(raw)
