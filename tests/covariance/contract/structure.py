"""The contract on the functions of structure: each gives what dense algebra gives on V and its derivatives.

What is expected is computed here from the value and the Jacobian alone, so that neither a rule nor the dense
default is its own judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pytest
import torch
from torch import Tensor

from covstudio.covariance import Matrix, Operator, ShapeError, SingularMatrixError, structure
from tests.covariance.contract.case import Case, contract, within

TOLERANCE = 1e-10
EPS = torch.finfo(torch.float64).eps
#: The condition number up to which solutions are compared.
WELL = 1e9


def points(case: Case, count: int = 4) -> Iterator[tuple[Matrix, Tensor]]:
    """The matrix, and natural values: the defaults, then others."""
    matrix = case.make()
    for theta in case.thetas(count, spread=0.7):
        yield matrix, matrix.build_params(theta)


def normal(case: Case, *shape: int) -> Tensor:
    return torch.randn(shape, generator=case.generator(), dtype=torch.float64)


def near(actual: Tensor, expected: Tensor, scale: Tensor | float, tolerance: float = TOLERANCE) -> None:
    """Agreement up to `tolerance` times the size of what was added up to get there."""
    sizes = torch.as_tensor(scale).abs()
    within(actual, expected, (tolerance * float(sizes.max()) if sizes.numel() else 0.0) + 1e-300)


def condition(value: Tensor) -> float:
    return float(torch.linalg.cond(value)) if value.shape[0] == value.shape[1] else float("inf")


def regular(case: Case, count: int = 4) -> Iterator[tuple[Matrix, Tensor, Tensor, float]]:
    """The points at which V can be inverted, with V and its condition number."""
    for matrix, natural in points(case, count):
        value = matrix.evaluate(natural)
        found = condition(value)
        if found < WELL:
            yield matrix, natural, value, found


def derivatives(case: Case, natural: Tensor) -> Tensor:
    """The Jacobian in natural values, by which several checks go at the same points."""
    return _derivatives(case, tuple(natural.tolist())).clone()


@lru_cache(maxsize=8)
def _derivatives(case: Case, natural: tuple[float, ...]) -> Tensor:
    matrix = case.make()
    return matrix.natural_jacobian(torch.tensor(natural, dtype=torch.float64), range(matrix.num_params))


def selections(matrix: Matrix) -> list[list[int]]:
    """None, all, all in another order, and one in the middle of the parameters."""
    everything = list(range(matrix.num_params))
    chosen = [[], everything, everything[1::2] + everything[::2][::-1]]
    return [*chosen, [len(everything) // 2]] if everything else chosen[:1]


def bands(values: Tensor, width: int) -> Tensor:
    """The lower bands, entry by entry: left aligned, zeros behind."""
    size = values.shape[-1]
    result = torch.zeros((*values.shape[:-2], width + 1, size), dtype=values.dtype)
    for d in range(width + 1):
        for i in range(size - d):
            result[..., d, i] = values[..., i + d, i]
    return result


@contract
def structure_is_what_it_is_called(case: Case) -> None:
    for matrix, natural in points(case):
        value = matrix.evaluate(natural)
        kind, width = structure.kind(matrix), structure.bandwidth(matrix)
        assert width is None or 0 <= width < max(matrix.shape[0], 1)
        if kind in ("scalar", "diagonal"):
            assert matrix.shape[0] == matrix.shape[1]
            assert torch.equal(value, torch.diag(value.diagonal()))
            assert width == 0
        if kind == "scalar":
            near(value.diagonal(), value[0, 0].expand(len(value)), value, 1e-14)
        if kind == "banded precision":
            assert width is not None
        if kind == "toeplitz":
            near(value[1:, 1:], value[:-1, :-1], value, 1e-13)
        if kind == "incidence":
            assert bool(((value == 0) | (value == 1)).all())
            assert bool((value.sum(1) <= 1).all())
        if kind == "block diagonal":
            assert bool((value == 0).any())


@contract
def products_agree_with_dense_ones(case: Case) -> None:
    for matrix, natural in points(case):
        value = matrix.evaluate(natural)
        (rows, columns), bound = matrix.shape, value.abs().sum() * 4
        for b in (normal(case, columns, 3), normal(case, columns, 1), torch.eye(columns, dtype=value.dtype)):
            before = b.clone()
            near(structure.matmul(matrix, natural, b), value @ b, bound)
            assert torch.equal(structure.matmul(matrix, natural, b), structure.matmul(matrix, natural, b))
            assert torch.equal(b, before)
        wide = normal(case, 5, columns).mT
        near(structure.matmul(matrix, natural, wide), value @ wide, bound)
        assert structure.matmul(matrix, natural, b[:, :0]).shape == (rows, 0)
        left = normal(case, rows, 2)
        near(structure.transpose_matmul(matrix, natural, left), value.mT @ left, bound)


@contract
def symmetry_is_what_is_declared(case: Case) -> None:
    """What is symmetric says so, and gets by it the rules of V b for V' b."""
    matrices = [matrix for matrix, natural in points(case) if not matches_its_transpose(matrix, natural)]
    assert not any(matrix.symmetric for matrix in matrices)
    matrix = case.make()
    declared = matrix.governing_declaration()
    if declared is not None and declared.palette and matrix.num_params and not isinstance(matrix, Operator):
        assert matrix.symmetric == (not matrices)
    if matrix.symmetric and structure.matmul.is_cheap(matrix):
        assert structure.transpose_matmul.is_cheap(matrix)


def matches_its_transpose(matrix: Matrix, natural: Tensor) -> bool:
    value = matrix.evaluate(natural)
    return value.shape[0] == value.shape[1] and torch.allclose(
        value, value.mT, rtol=0.0, atol=1e-12 * float(value.abs().max())
    )


@contract
def diagonals_agree_with_dense_ones(case: Case) -> None:
    for matrix, natural in points(case):
        value = matrix.evaluate(natural)
        near(structure.diagonal(matrix, natural), value.diagonal(), value)
        found = structure.diagonal(matrix, natural)
        again = structure.diagonal(matrix, natural).clone()
        # What a caller does to a result is his own affair.
        if not found.is_inference() and found.is_contiguous():
            found.fill_(7.0)
        assert torch.equal(structure.diagonal(matrix, natural), again)
        slices = derivatives(case, natural)
        bound = value.abs().max() + (slices.abs().max() if len(slices) else 0.0)
        for index in selections(matrix):
            expected = slices[index].diagonal(dim1=1, dim2=2)
            near(structure.derivative_diagonal(matrix, natural, index), expected, bound)


@contract
def derivatives_of_products_agree_with_dense_ones(case: Case) -> None:
    for matrix, natural in points(case):
        slices = derivatives(case, natural)
        b, a = normal(case, matrix.shape[1], 3), normal(case, *matrix.shape)
        # Parts that cancel, as in a correlation, leave the rounding errors of V.
        bound = matrix.evaluate(natural).abs().sum() * 4
        bound = bound + slices.abs().sum((1, 2)).max() * 4 if len(slices) else bound
        inner = torch.einsum("kij,ij->k", slices, a)
        for index in selections(matrix):
            near(structure.derivative_matmul(matrix, natural, index, b), slices[index] @ b, bound)
            near(structure.trace_against(matrix, natural, index, a), inner[index], bound)
            near(structure.trace_against(matrix, natural, tuple(index), a), inner[index], bound)


@contract
def solutions_and_determinants_agree_with_dense_ones(case: Case) -> None:
    matrix = case.make()
    if matrix.shape[0] != matrix.shape[1]:
        for function, arguments in (
            (structure.solve, (normal(case, matrix.shape[0], 1),)),
            (structure.logdet, ()),
        ):
            with pytest.raises(ShapeError, match="square"):
                function(matrix, matrix.build_params(case.thetas(1)[0]), *arguments)
        return
    for matrix, natural, value, found in regular(case):
        b = normal(case, matrix.shape[0], 3)
        expected = torch.linalg.solve(value, b)
        tolerance = TOLERANCE + 50 * EPS * found
        near(structure.solve(matrix, natural, b), expected, expected, tolerance)
        assert torch.equal(structure.solve(matrix, natural, b), structure.solve(matrix, natural, b))
        sign, log = torch.linalg.slogdet(value)
        if float(sign) > 0:
            near(structure.logdet(matrix, natural), log, len(value) * (1.0 + log.abs()), tolerance)
        else:
            with pytest.raises(ValueError, match="positive determinant"):
                structure.logdet(matrix, natural)


@contract
def banded_precisions_agree_with_dense_inverses(case: Case) -> None:
    matrix = case.make()
    width = structure.bandwidth(matrix)
    if width is None:
        natural = matrix.build_params(case.thetas(1)[0])
        if matrix.shape[0] == matrix.shape[1]:
            with pytest.raises(ValueError, match="banded"):
                structure.precision(matrix, natural)
            with pytest.raises(ValueError, match="banded"):
                structure.precision_derivatives(matrix, natural, [])
        return
    for matrix, natural, value, found in regular(case):
        inverse = torch.linalg.inv(value)
        tolerance = TOLERANCE + 50 * EPS * found
        outside = torch.tril(inverse, -width - 1)
        near(outside, torch.zeros_like(outside), inverse, tolerance)
        near(structure.precision(matrix, natural), bands(inverse, width), inverse, tolerance)
        moved = -(inverse @ derivatives(case, natural) @ inverse)
        bound = inverse.abs().max() + (moved.abs().max() if len(moved) else 0.0)
        for index in selections(matrix):
            got = structure.precision_derivatives(matrix, natural, index)
            near(got, bands(moved, width)[index], bound, tolerance * found)


@contract
def sparse_inverses_agree_with_dense_inverses(case: Case) -> None:
    matrix = case.make()
    places = structure.sparsity(matrix)
    if places is None:
        natural = matrix.build_params(case.thetas(1)[0])
        if matrix.shape[0] == matrix.shape[1]:
            with pytest.raises(ValueError, match=r"banded|sparse"):
                structure.inverse_entries(matrix, natural)
            with pytest.raises(ValueError, match=r"banded|sparse"):
                structure.inverse_derivatives(matrix, natural, [])
        return
    rows, columns = places
    assert bool((rows >= columns).all())
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == len(rows)
    assert int((rows == columns).sum()) == matrix.shape[0]
    for matrix, natural, value, found in regular(case):
        inverse = torch.linalg.inv(value)
        tolerance = TOLERANCE + 50 * EPS * found
        outside = torch.tril(inverse).index_put(places, torch.zeros(len(rows), dtype=value.dtype))
        near(outside, torch.zeros_like(outside), inverse, tolerance)
        near(structure.inverse_entries(matrix, natural), inverse[places], inverse, tolerance)
        moved = -(inverse @ derivatives(case, natural) @ inverse)
        bound = inverse.abs().max() + (moved.abs().max() if len(moved) else 0.0)
        for index in selections(matrix):
            got = structure.inverse_derivatives(matrix, natural, index)
            near(got, moved[index][:, rows, columns], bound, tolerance * found)


@contract
def factors_give_back_the_matrix(case: Case) -> None:
    matrix = case.make()
    if not matrix.psd:
        return
    for matrix, natural in points(case):
        value = matrix.evaluate(natural)
        lower = structure.factor(matrix, natural)
        assert lower.shape[0] == len(value)
        near(lower @ lower.mT, value, value)


@contract
def structure_keeps_the_precision(case: Case) -> None:
    for matrix, exact in points(case, 2):
        natural = exact.float()
        value = matrix.evaluate(exact)
        index = list(range(matrix.num_params))
        rows, columns = matrix.shape
        results = [
            (structure.matmul, (torch.eye(columns),)),
            (structure.transpose_matmul, (torch.eye(rows),)),
            (structure.diagonal, ()),
            (structure.derivative_matmul, (index, torch.eye(columns))),
            (structure.derivative_diagonal, (index,)),
            (structure.trace_against, (index, torch.ones(matrix.shape))),
        ]
        if condition(value) < 1e3:
            results += [(structure.solve, (torch.eye(rows),))]
            if float(torch.linalg.det(value)) > 0:
                results += [(structure.logdet, ())]
            if structure.bandwidth(matrix) is not None:
                results += [(structure.precision, ()), (structure.precision_derivatives, (index,))]
            if structure.sparsity(matrix) is not None:
                results += [(structure.inverse_entries, ()), (structure.inverse_derivatives, (index,))]
        for function, arguments in results:
            single = function(matrix, natural, *arguments)
            assert single.dtype == torch.float32, function
            double = function(matrix, exact, *(x.double() if isinstance(x, Tensor) else x for x in arguments))
            size = float(double.abs().max()) if double.numel() else 0.0
            within(single.double(), double, 2e-3 * (1.0 + size))


@contract
def singular_matrices_are_refused(case: Case) -> None:
    """A variance of zero is seen, and not divided by."""
    matrix = case.make()
    if matrix.shape[0] != matrix.shape[1] or not matrix.psd or not matrix.num_params:
        return
    natural = matrix.build_params(case.thetas(1)[0])
    zero = torch.zeros_like(natural)
    try:
        value = matrix.evaluate(zero)
    except SingularMatrixError:
        return
    if bool((value == 0).all()):
        b = normal(case, len(value), 1)
        for function, arguments in ((structure.solve, (b,)), (structure.logdet, ())):
            with pytest.raises(SingularMatrixError, match=r"singular|variance"):
                function(matrix, zero, *arguments)
