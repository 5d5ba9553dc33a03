"""Every leaf with every option, and operators over every leaf, for raw parameters up to 10 in size.

The contract goes through the examples of the catalogue, with parameters at their ends one at a time; here it
is sizes, options, coordinates of all kinds, and many parameters at their ends at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import torch
from torch import Tensor

import covstudio.covariance as cov
from covstudio.covariance import Declaration, Matrix, Operator, SingularMatrixError, catalogue, structure
from tests.covariance.contract.case import finite
from tests.covariance.sweep_cases import LEAVES, dimensions, options, places, ways_of

DOUBLE, SINGLE = torch.float64, torch.float32
#: What single precision is compared up to: beyond, values may be held or leave its range.
ROOM = float(torch.finfo(SINGLE).max) * 2.0**-33
#: What it is compared from: a matrix below vanishes in it.
FLOOR = float(torch.finfo(SINGLE).tiny) * 2.0**33

#: Their powers are held between 5e-20 and 2e19 in single precision.
HELD = ("PowerVarianceMatrix", "ExponentialVarianceMatrix", "ConstantPowerVarianceMatrix")


def thetas(label: str, matrix: Matrix, randoms: int = 2, singles: int = 2) -> Iterator[Tensor]:
    """Defaults, all at one end, random ones, each at one end or the other, and single ones at an end."""
    start = matrix.free_param_defaults.double()
    yield start
    if not len(start):
        return
    generator = torch.Generator().manual_seed(zlib.crc32(label.encode()))
    for end in (-10.0, 10.0):
        yield torch.full_like(start, end)
    for k in range(randoms):
        unit = torch.rand(len(start), generator=generator, dtype=DOUBLE)
        yield 20.0 * unit - 10.0
        if k:
            yield 20.0 * unit.round() - 10.0
    for k in torch.randperm(len(start), generator=generator)[:singles].tolist():
        for end in (-10.0, 10.0):
            theta = start.clone()
            theta[k] = end
            yield theta


def size(tensor: Tensor) -> float:
    return float(tensor.abs().max()) if tensor.numel() else 0.0


def largest(jacobian: Tensor) -> Tensor:
    """The size of every slice."""
    return jacobian.abs().flatten(1).amax(1)


def slices(matrix: Matrix, natural: Tensor, slopes: Tensor) -> Tensor:
    """The Jacobian in raw parameters, from natural values that may have been rounded."""
    return matrix.natural_jacobian(natural, matrix.free_param_index) * slopes[:, None, None]


def check_value_and_jacobian(matrix: Matrix, theta: Tensor) -> None:
    value, (grad, _) = matrix(theta), matrix.grad(theta)
    finite(value)
    finite(grad)
    finite(matrix.natural_grad(theta)[0])
    if matrix.psd:
        assert size(value - value.mT) <= 1e-15 * size(value)
        eigenvalues = torch.linalg.eigvalsh(value)
        assert float(eigenvalues[0]) >= -1e-10 * float(eigenvalues[-1]), eigenvalues


def check_single_precision(matrix: Matrix, theta: Tensor, tolerance: float = 2e-5) -> None:
    """Finite, and what double precision makes of the same natural values, to the digits there are.

    Natural values, as a correlation near 1 cannot be told in single precision to more than 6e-8.
    """
    single = theta.float()
    value, (grad, _) = matrix(single), matrix.grad(single)
    assert value.dtype == SINGLE
    natural, slopes = matrix.build_params(single), matrix.trans_grad(single).double()
    expected = matrix.evaluate(natural.double())
    if size(expected) > ROOM and not isinstance(matrix, cov.AntedependenceMatrix):
        return
    finite(value)
    if grad is None:
        return
    jacobian = slices(matrix, natural.double(), slopes)
    if size(jacobian) > ROOM and not isinstance(matrix, cov.AntedependenceMatrix):
        return
    assert grad.dtype == SINGLE
    finite(grad)
    if max(size(expected), size(jacobian)) > ROOM or isinstance(matrix, tuple(getattr(cov, n) for n in HELD)):
        return
    if size(expected) < FLOOR:
        return
    assert size(value.double() - expected) <= tolerance * size(expected)
    gaps, bounds = largest(grad.double() - jacobian), largest(jacobian).clamp(min=size(expected))
    assert bool((gaps <= 5 * tolerance * bounds).all()), (gaps, bounds)


def check_functions_of_structure(matrix: Matrix, theta: Tensor, tolerance: float) -> None:
    """Finite where the dense ones are, and equal to them; or refused as singular."""
    natural = matrix.build_params(theta)
    value, index = matrix.evaluate(natural), matrix.free_param_index
    slopes = matrix.trans_grad(theta)
    jacobian = slices(matrix, natural, slopes)
    if theta.dtype == SINGLE and max(size(value), size(jacobian)) > ROOM:
        return
    rows, columns = matrix.shape
    generator = torch.Generator().manual_seed(rows)
    left, right, a = (
        torch.randn(shape, generator=generator, dtype=DOUBLE).to(theta.dtype)
        for shape in ((rows, 2), (columns, 2), (rows, columns))
    )
    scale = size(value) * rows + 1e-300

    def same(found: Tensor, expected: Tensor, scale: float) -> None:
        finite(found)
        assert size(found - expected) <= tolerance * scale

    same(structure.matmul(matrix, natural, right), value @ right, scale)
    same(structure.transpose_matmul(matrix, natural, left), value.mT @ left, scale)
    if index:
        wide = scale + size(jacobian) * rows
        moved = structure.derivative_matmul(matrix, natural, index, right) * slopes[:, None, None]
        same(moved, jacobian @ right, wide)
        traces = structure.trace_against(matrix, natural, index, a) * slopes
        same(traces, torch.einsum("kij,ij->k", jacobian, a), wide * rows)
    if rows != columns:
        return
    same(structure.diagonal(matrix, natural), value.diagonal(), scale)
    if index:
        moved = structure.derivative_diagonal(matrix, natural, index) * slopes[:, None]
        same(moved, jacobian.diagonal(dim1=1, dim2=2), wide)
    if not matrix.psd:
        return
    lower = structure.factor(matrix, natural)
    same(lower @ lower.mT, value, scale)
    solution = unless_singular(structure.solve, matrix, natural, left)
    unless_singular(structure.logdet, matrix, natural)
    if solution is not None and size(value) < ROOM:
        residual = size(value @ solution - left)
        assert residual <= tolerance * (scale * size(solution) + 1.0)
    if solution is not None and structure.bandwidth(matrix) is not None:
        finite(structure.precision(matrix, natural))
        finite(structure.precision_derivatives(matrix, natural, index))


def unless_singular(
    function: Callable[..., Tensor], matrix: Matrix, natural: Tensor, *arguments: Tensor
) -> Tensor | None:
    """What a function of structure gives, which is finite; None where it refuses V as singular, rightly.

    Each function has a way of its own to see that V is singular to working precision: near the edge, where
    rounding decides, one may answer and another refuse.
    """
    try:
        found = function(matrix, natural, *arguments)
    except SingularMatrixError:
        condition = float(torch.linalg.cond(matrix.evaluate(natural.double())))
        assert not condition * torch.finfo(natural.dtype).eps < 1e-3, (
            f"refused at a condition number of {condition}"
        )
        return None
    finite(found)
    return found


@pytest.mark.parametrize("name", LEAVES)
def test_leaves(name: str) -> None:
    for label, make in ways_of(name):
        matrix = make()
        for k, theta in enumerate(thetas(label, matrix)):
            try:
                check_value_and_jacobian(matrix, theta)
                check_single_precision(matrix, theta)
                if k % 3 == 1:
                    check_functions_of_structure(matrix, theta, 1e-9)
                    check_functions_of_structure(matrix, theta.float(), 1e-3)
            except Exception as error:
                error.add_note(f"{label} at {theta.tolist()[:12]}")
                raise


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_is_swept(name: str) -> None:
    calls = [make.keywords for _, make in ways_of(name)]
    for argument in LEAVES[name].arguments:
        if argument.kind in ("choice", "flag"):
            assert {call[argument.name] for call in calls if argument.name in call} == set(options(argument))
        if argument.kind == "integer":
            assert len({call[argument.name] for call in calls if argument.name in call}) > 1
        if argument.kind == "coordinates":
            columns = {1 if call[argument.name].ndim == 1 else call[argument.name].shape[1] for call in calls}
            assert columns == set(dimensions(argument))
        if argument.kind == "size":
            assert len({call[argument.name] for call in calls}) >= 3


COVARIANCES = [
    entry.name
    for entry in catalogue()
    if entry.psd and entry.kind == "matrix" and entry.cls.__module__.startswith("covstudio.")
]
#: Operators over a leaf: sums, products, parts, transformations.
OVER: dict[str, Callable[[Matrix], Matrix]] = {
    "Sum": lambda a: cov.Sum(a, cov.ExponentialMatrix(places(a.shape[0], 2, "random"))),
    "HadamardProduct": lambda a: cov.HadamardProduct(a=a, b=cov.AR1Matrix(a.shape[0])),
    "KroneckerProduct": lambda a: cov.KroneckerProduct(a, cov.UnstructuredMatrix(2)),
    "KroneckerSum": lambda a: cov.KroneckerSum(cov.EquicorrelationMatrix(2), a),
    "BlockDiagonal": lambda a: cov.BlockDiagonal(a, cov.Scale(a)),
    "Scale": lambda a: cov.Scale(cov.Transpose(a)),
    "Correlation": lambda a: cov.Correlation(cov.Sum(a, cov.ScalarMatrix(a.shape[0]))),
    "Submatrix": lambda a: cov.Submatrix(a, index=[1, 0]),
    "Conditional": lambda a: cov.Conditional(cov.Sum(a, cov.DiagonalMatrix(a.shape[0])), given=[1]),
    "CovariancePropagation": lambda a: cov.CovariancePropagation(
        z=cov.LowerTriangularMatrix(4, a.shape[0]), g=a
    ),
    "incidence": lambda a: cov.CovariancePropagation(
        z=cov.DummyMatrix([0, 1, 0, 1], levels=[list(range(a.shape[0]))]), g=a
    ),
    "Gram": lambda a: cov.Gram(cov.Product(cov.LowerTriangularMatrix(3, a.shape[0]), a)),
    "Inverse": lambda a: cov.Inverse(cov.Sum(a, cov.ScalarMatrix(a.shape[0]))),
}

INVERTING = ("Conditional", "Inverse")


def sized(a: Matrix, size: int) -> Matrix:
    """A covariance of another size: a part of it, or more beside it."""
    if a.shape[0] > size:
        return cov.Submatrix(a, index=range(size))
    return a if a.shape[0] == size else cov.BlockDiagonal(a, cov.IdentityMatrix(size - a.shape[0]))


def in_place_of_an_operand(entry: Declaration, a: Matrix) -> Matrix:
    """The example of an operator with a covariance where it has one."""
    example = entry.example()
    assert isinstance(example, Operator)
    matrices = {name: operand for name, operand in example.operands.items() if isinstance(operand, Matrix)}
    name = next((name for name, operand in matrices.items() if operand.psd), next(iter(matrices)))
    rows, columns = matrices[name].shape
    operands = example.operands | {name: sized(a, rows) if rows == columns else a}
    return entry.cls(operands, **{one.name: getattr(example, one.name) for one in entry.arguments})


#: Operators for which nothing is written above: those of one's own, and new ones.
FURTHER = {
    entry.name: partial(in_place_of_an_operand, entry)
    for entry in catalogue()
    if entry.kind == "operator" and entry.psd and entry.name not in OVER
}


@pytest.mark.parametrize("operator", [*OVER, *FURTHER])
def test_operators_over_every_covariance(operator: str) -> None:
    entries = {entry.name: entry for entry in catalogue()}
    for name in COVARIANCES:
        matrix = (OVER | FURTHER)[operator](entries[name].example())
        for theta in list(thetas(operator + name, matrix, singles=1))[1:-1]:
            try:
                check_value_and_jacobian(matrix, theta)
                # What inverting leaves of single precision depends on the condition number.
                check_single_precision(matrix, theta, torch.inf if operator in INVERTING else 2e-5)
            except SingularMatrixError:
                # Refused by name, never returned as Inf or NaN.
                assert operator in INVERTING, name
            except Exception as error:
                error.add_note(f"{operator} over {name} at {theta.tolist()}")
                raise
