"""At the ends of the range of numbers: overflow, many periods, variances of very different sizes."""

from __future__ import annotations

import math

import pytest
import torch

from covstudio.covariance import (
    AntedependenceMatrix,
    Correlation,
    CorrelationMatrix,
    DiagonalMatrix,
    FactorAnalyticMatrix,
    Gram,
    HadamardProduct,
    HuynhFeldtMatrix,
    Matrix,
    PeriodicMatrix,
    Product,
    ScalarMatrix,
    Scale,
    SingularMatrixError,
    UnstructuredMatrix,
    structure,
)

DOUBLE, SINGLE = torch.float64, torch.float32


def antedependence(n: int, dtype: torch.dtype, k: int = 1) -> tuple[AntedependenceMatrix, torch.Tensor]:
    """All raw parameters at 10: coefficients of 10, which multiply along the positions."""
    matrix = AntedependenceMatrix(n, k)
    return matrix, torch.full((matrix.num_free_params,), 10.0, dtype=dtype)


@pytest.mark.parametrize(("n", "dtype", "exact"), [(30, SINGLE, 11), (200, DOUBLE, 145)])
def test_antedependence_holds_what_would_overflow(n: int, dtype: torch.dtype, exact: int) -> None:
    matrix, theta = antedependence(n, dtype)
    value = matrix(theta)
    assert bool(torch.isfinite(value).all())
    limit = torch.finfo(dtype).max * 2.0**-32
    # Var y_i = sigma^2 (1 + 100 + ... + 100^i), and Cov(y_i, y_j) = 10^(j - i) Var y_i; by whole numbers.
    variances = [math.exp(20.0) * (100 ** (i + 1) - 1) / 99 for i in range(exact)]
    assert variances[-1] < limit < math.exp(20.0) * 100.0**exact
    for i in range(exact):
        for j in range(i, exact):
            assert float(value[i, j]) == pytest.approx(variances[i] * 10.0 ** (j - i), rel=1e-5)
    held = value.diagonal()[exact:].double() / limit
    torch.testing.assert_close(held, torch.ones_like(held), rtol=1e-4, atol=0.0)
    scaled = torch.linalg.eigvalsh(value.double() / limit)
    assert float(scaled[0]) >= -n * torch.finfo(dtype).eps * float(scaled[-1])


@pytest.mark.parametrize(("n", "k", "dtype"), [(30, 1, SINGLE), (30, 4, SINGLE), (160, 1, DOUBLE)])
def test_derivatives_of_what_is_held(n: int, k: int, dtype: torch.dtype) -> None:
    matrix, theta = antedependence(n, dtype, k)
    natural = matrix.build_params(theta)
    index = [0, 2, n, n + n // 2]
    slices = matrix.natural_jacobian(natural, index)
    assert bool(torch.isfinite(slices).all())
    # A position that is held stays where it is.
    assert float(slices[:, -1, -1].abs().max()) <= 1e-4 * float(slices.abs().max())
    if dtype == DOUBLE:
        for place, position in enumerate(index):
            step = torch.zeros_like(natural)
            step[position] = 1e-5 * natural[position]
            change = matrix.evaluate(natural + step) - matrix.evaluate(natural - step)
            difference = change / (2.0 * step[position])
            torch.testing.assert_close(
                slices[place], difference, rtol=0.0, atol=1e-5 * float(difference.abs().max())
            )
    grad, _ = matrix.grad(theta)
    assert grad is not None
    assert bool(torch.isfinite(grad).all())


def test_functions_of_structure_of_what_is_held() -> None:
    matrix, theta = antedependence(30, SINGLE)
    natural = matrix.build_params(theta)
    value = matrix.evaluate(natural)
    b = torch.eye(30)
    torch.testing.assert_close(structure.matmul(matrix, natural, b), value, rtol=1e-5, atol=0.0)
    lower = structure.factor(matrix, natural)
    torch.testing.assert_close(lower @ lower.mT, value, rtol=0.0, atol=1e-5 * float(value.max()))
    slices = matrix.natural_jacobian(natural, [3, 40])
    moved = structure.derivative_matmul(matrix, natural, [3, 40], b)
    torch.testing.assert_close(moved, slices, rtol=1e-5, atol=1e-5 * float(slices.abs().max()))
    diagonals = structure.derivative_diagonal(matrix, natural, [3, 40])
    torch.testing.assert_close(diagonals, slices.diagonal(dim1=1, dim2=2), rtol=1e-5, atol=0.0)
    assert bool(torch.isfinite(structure.trace_against(matrix, natural, [3, 40], b)).all())
    # The inverse is that of the formula: 1 / sigma^2 times T'T, with -10 beside its diagonal of 101.
    bands = structure.precision(matrix, natural).double() * math.exp(20.0)
    torch.testing.assert_close(bands[0, :-1], torch.full((29,), 101.0, dtype=DOUBLE), rtol=1e-5, atol=0.0)
    torch.testing.assert_close(bands[1, :-1], torch.full((29,), -10.0, dtype=DOUBLE), rtol=1e-5, atol=0.0)
    assert float(structure.logdet(matrix, natural)) == pytest.approx(600.0)


def test_derivatives_that_overflow_where_the_value_does_not() -> None:
    matrix, theta = antedependence(30, SINGLE)
    theta[:30] = 0.0
    # The chain is cut in the middle: V is small, and its derivative by the coefficient there is not.
    theta[30 + 14] = 0.0
    value, (grad, _) = matrix(theta), matrix.grad(theta)
    assert grad is not None
    assert float(value.max()) < 2e28
    assert bool(torch.isfinite(grad).all())
    assert bool((grad == grad.mT).all())


@pytest.mark.parametrize("shift", [0.0, 1e6, -3e8])
def test_periodic_far_from_zero_with_a_short_period(shift: float) -> None:
    generator = torch.Generator().manual_seed(3)
    x = shift + 1000.0 * torch.rand(30, generator=generator, dtype=DOUBLE)
    matrix = PeriodicMatrix(x)
    for log_range in (0.0, -2.0, 2.0):
        value = matrix(torch.tensor([0.0, -10.0, log_range], dtype=DOUBLE))
        eigenvalues = torch.linalg.eigvalsh(value)
        assert float(eigenvalues[0]) >= -1e-13 * float(eigenvalues[-1])


def test_periodic_phases_are_those_of_the_coordinates() -> None:
    # Whole numbers of quarters of the period, exactly: sin^2 is 0, 1/2 or 1.
    period = 2.0**-20
    quarters = torch.tensor([0, 1, 2, 4 * 10**9, 4 * 10**12 + 1, 4 * 10**12 + 2], dtype=DOUBLE)
    matrix = PeriodicMatrix(quarters * period / 4.0)
    value = matrix.evaluate(torch.tensor([1.0, period, 1.0], dtype=DOUBLE))
    expected = torch.exp(-2.0 * torch.sin(math.pi * (quarters[:, None] - quarters).remainder(4.0) / 4.0) ** 2)
    torch.testing.assert_close(value, expected, rtol=1e-14, atol=0.0)
    single = matrix.evaluate(torch.tensor([1.0, period, 1.0]))
    assert single.dtype == SINGLE
    torch.testing.assert_close(single.double(), expected, rtol=1e-6, atol=0.0)


def test_a_promised_covariance_without_a_cholesky_factor_is_singular() -> None:
    x = torch.linspace(0.0, 1.0, 12, dtype=DOUBLE)
    matrix = PeriodicMatrix(x)
    natural = matrix.build_params(torch.tensor([0.0, 10.0, 0.0], dtype=DOUBLE))
    b = torch.ones((12, 1), dtype=DOUBLE)
    for function, arguments in ((structure.solve, (b,)), (structure.logdet, ())):
        with pytest.raises(SingularMatrixError, match="singular to working precision"):
            function(matrix, natural, *arguments)
    lower = structure.factor(matrix, natural)
    torch.testing.assert_close(lower @ lower.mT, matrix.evaluate(natural), rtol=0.0, atol=1e-13)


def test_a_solution_that_is_no_number_is_refused() -> None:
    matrix = UnstructuredMatrix(30)
    natural = matrix.build_params(torch.full((matrix.num_free_params,), -10.0, dtype=DOUBLE))
    with pytest.raises(SingularMatrixError):
        structure.solve(matrix, natural, torch.ones((30, 1), dtype=DOUBLE))
    assert float(structure.logdet(matrix, natural)) == pytest.approx(-600.0)


def test_factors_keep_small_variances_beside_large_ones() -> None:
    matrix = Correlation(FactorAnalyticMatrix(5, 1))
    theta = torch.tensor([-10.0, -10.0, 10.0, -10.0, -10.0, -10.0, 10.0, 10.0, -10.0, -10.0])
    natural = matrix.build_params(theta)
    value, lower = matrix.evaluate(natural), structure.factor(matrix, natural)
    torch.testing.assert_close(lower @ lower.mT, value, rtol=0.0, atol=1e-5)


@pytest.mark.parametrize(("dtype", "large"), [(SINGLE, 1e4), (DOUBLE, math.exp(20.0))])
def test_huynh_feldt_solves_with_variances_of_different_sizes(dtype: torch.dtype, large: float) -> None:
    matrix = HuynhFeldtMatrix(2)
    natural = torch.tensor([1.0, large, 1.0], dtype=dtype)
    b = torch.tensor([[1.0, 0.0], [2.0, 1.0]], dtype=dtype)
    value, solution = matrix.evaluate(natural), structure.solve(matrix, natural, b)
    # The normwise backward error, which cancellation in the border of 2 x 2 makes some 20 to 100 roundings.
    residual = float((value.double() @ solution.double() - b.double()).abs().max())
    assert residual <= 400 * torch.finfo(dtype).eps * float(value.abs().max()) * float(solution.abs().max())


def test_correlations_near_one_are_the_same_in_single_precision() -> None:
    matrix = CorrelationMatrix(12)
    theta = torch.full((matrix.num_free_params,), -10.0)
    natural = matrix.build_params(theta)
    exact = matrix.evaluate(natural.double())
    torch.testing.assert_close(matrix.evaluate(natural).double(), exact, rtol=0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("matrix", "natural"),
    [
        (Gram(x=DiagonalMatrix(2)), [1e-11, 1.0]),
        (HadamardProduct(a=DiagonalMatrix(2), b=ScalarMatrix(2)), [1.0, 2.0, 1e-25]),
        (Product(a=DiagonalMatrix(2), b=ScalarMatrix(2)), [1.0, 2.0, 1e-25]),
        (Scale(a=ScalarMatrix(2)), [1e-25, 1e20]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Matrix) else "",
)
def test_inverses_of_small_variances_move_as_they_do_in_double_precision(
    matrix: Matrix, natural: list[float]
) -> None:
    # The squares of these variances are no numbers of single precision, their derivatives are.
    index = [0] if isinstance(matrix, Scale) else [0, 1]
    exact = structure.precision_derivatives(matrix, torch.tensor(natural, dtype=DOUBLE), index)
    single = structure.precision_derivatives(matrix, torch.tensor(natural, dtype=SINGLE), index)
    assert structure.precision_derivatives.is_cheap(matrix)
    torch.testing.assert_close(single.double(), exact, rtol=1e-5, atol=0.0)
