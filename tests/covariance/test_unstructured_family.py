"""Free correlations, triangular factors and known matrices against formulas written out with loops.

Formulas: Pinheiro & Bates (1996), section 2.3, for spherical coordinates.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings

import covstudio.covariance as cov
from covstudio.covariance import SingularMatrixError, structure
from tests.covariance.family_checks import (
    agrees,
    positive_definite,
    raw,
    raw_parameters,
    scaled,
    semidefinite,
    table,
    thetas,
)


def spherical(n: int, angles: dict[tuple[int, int], float]) -> np.ndarray:
    """The correlation matrix of points on spheres given by their angles, by inner products of the points."""
    points = np.zeros((n, n))
    for i in range(n):
        radius = 1.0
        for j in range(i):
            points[i, j] = radius * math.cos(angles[i, j])
            radius *= math.sin(angles[i, j])
        points[i, i] = radius
    return np.array([[float(sum(points[i] * points[j])) for j in range(n)] for i in range(n)])


def below(n: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(n) for j in range(i)]


def angles_of(correlation: np.ndarray) -> list[float]:
    """Angles of a correlation matrix from its Cholesky factor, row by row."""
    lower = np.linalg.cholesky(correlation)
    found = []
    for i, j in below(len(correlation)):
        rest = math.sqrt(sum(lower[i, m] ** 2 for m in range(j + 1, i + 1)))
        found.append(math.atan2(rest, lower[i, j]))
    return found


# -- correlations ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 5])
def test_correlation(n: int) -> None:
    matrix = cov.CorrelationMatrix(n)
    assert matrix.param_names == [f"angle_{i}_{j}" for i, j in below(n)]
    for theta in thetas(matrix, seed=n):
        angles = {pair: scaled(x, 0.0, math.pi) for pair, x in zip(below(n), theta, strict=True)}
        agrees(matrix, theta, spherical(n, angles))


@pytest.mark.parametrize("n", [2, 4])
def test_heterogeneous_correlation(n: int) -> None:
    matrix = cov.HeterogeneousCorrelationMatrix(n)
    assert matrix.param_names == [
        *(f"sigma^2_{i}" for i in range(n)),
        *(f"angle_{i}_{j}" for i, j in below(n)),
    ]
    for theta in thetas(matrix, seed=20 + n):
        angles = {pair: scaled(x, 0.0, math.pi) for pair, x in zip(below(n), theta[n:], strict=True)}
        correlation = spherical(n, angles)
        expected = table(
            n,
            lambda i, j, theta=theta, correlation=correlation: (
                math.exp(theta[i] + theta[j]) * correlation[i, j]
            ),
        )
        agrees(matrix, theta, expected)


@pytest.mark.parametrize("seed", range(6))
def test_every_correlation_matrix_has_angles(seed: int) -> None:
    value = positive_definite(5, seed)
    deviations = np.sqrt(np.diag(value))
    correlation = value / np.outer(deviations, deviations)
    natural = raw(angles_of(correlation))
    matrix = cov.CorrelationMatrix(5)
    np.testing.assert_allclose(matrix.evaluate(natural).numpy(), correlation, atol=1e-13)
    scaled_ = cov.HeterogeneousCorrelationMatrix(5)
    both = torch.cat([raw(np.diag(value).tolist()), natural])
    np.testing.assert_allclose(scaled_.evaluate(both).numpy(), value, atol=1e-13)


def test_singular_correlation_matrices_are_at_the_ends_of_the_angles() -> None:
    matrix = cov.CorrelationMatrix(3)
    for ends in itertools.product([0.0, math.pi], repeat=3):
        natural = raw(ends)
        value = matrix.evaluate(natural)
        sign = math.cos(ends[0]), math.cos(ends[1])
        expected = np.outer([1.0, *sign], [1.0, *sign])
        np.testing.assert_allclose(value.numpy(), expected, atol=1e-15)
        analytic = matrix.natural_jacobian(natural, range(3))
        automatic = torch.func.jacfwd(matrix.evaluate)(natural).movedim(-1, 0)
        torch.testing.assert_close(analytic, automatic, rtol=0, atol=1e-14)
        reverse = torch.func.jacrev(matrix.evaluate)(natural).movedim(-1, 0)
        torch.testing.assert_close(analytic, reverse, rtol=0, atol=1e-14)
        for function, arguments in ((structure.solve, (value,)), (structure.logdet, ())):
            with pytest.raises(SingularMatrixError):
                function(matrix, natural, *arguments)


def test_default_correlation_is_exactly_the_identity_and_not_stationary() -> None:
    for dtype in (torch.float32, torch.float64):
        matrix = cov.CorrelationMatrix(4)
        theta = torch.zeros(6, dtype=dtype)
        assert torch.equal(matrix(theta), torch.eye(4, dtype=dtype))
        slices, _ = matrix.natural_grad(theta)
        for (i, j), slice_ in zip(below(4), slices, strict=True):
            expected = torch.zeros(4, 4, dtype=dtype)
            expected[i, j] = expected[j, i] = -1.0
            assert torch.equal(slice_, expected)


@settings(max_examples=60, deadline=None)
@given(theta=raw_parameters(14))
def test_correlations_are_covariances_for_every_theta(theta: list[float]) -> None:
    matrix = cov.CorrelationMatrix(5)
    semidefinite(matrix, theta[:10])
    assert torch.equal(matrix(raw(theta[:10])).diagonal(), torch.ones(5, dtype=torch.float64))
    semidefinite(cov.HeterogeneousCorrelationMatrix(4), theta[:10])


def test_large_correlation_matrices_stay_finite() -> None:
    matrix = cov.CorrelationMatrix(40)
    for value in (-10.0, 10.0):
        theta = torch.full((matrix.num_params,), value, dtype=torch.float64)
        assert bool(torch.isfinite(matrix(theta)).all())
        grad, _ = matrix.grad(theta)
        assert bool(torch.isfinite(grad).all())


# -- triangular factors and known matrices -----------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(theta=raw_parameters(10))
def test_unstructured_is_a_covariance_for_every_theta(theta: list[float]) -> None:
    semidefinite(cov.UnstructuredMatrix(4), theta)


def test_triangular_factors_with_a_zero_on_the_diagonal_are_singular() -> None:
    b = torch.ones(2, 1, dtype=torch.float64)
    for matrix in (cov.LowerTriangularMatrix(2), cov.UnstructuredMatrix(2)):
        for function, arguments in ((structure.solve, (b,)), (structure.logdet, ())):
            with pytest.raises(SingularMatrixError):
                function(matrix, raw([0.0, 1.0, 1.0]), *arguments)
    with pytest.raises(ValueError, match="positive determinant"):
        structure.logdet(cov.LowerTriangularMatrix(2), raw([-1.0, 1.0, 1.0]))


def test_a_diagonal_known_matrix_is_known_to_be_diagonal() -> None:
    weights = cov.KnownMatrix([[4.0, 0.0], [0.0, 0.5]])
    assert structure.kind(weights) == "diagonal"
    assert structure.bandwidth(weights) == 0
    torch.testing.assert_close(structure.precision(weights, raw([2.0])), raw([0.125, 1.0])[None])
    full = cov.KnownMatrix([[2.0, 1.0], [1.0, 2.0]])
    assert structure.kind(full) == "dense"
    assert structure.bandwidth(full) is None


def test_a_known_matrix_is_factored_once(monkeypatch: pytest.MonkeyPatch) -> None:
    value = positive_definite(6, seed=7)
    matrix = cov.KnownMatrix(value)
    calls = []
    cholesky = torch.linalg.cholesky_ex
    monkeypatch.setattr(torch.linalg, "cholesky_ex", lambda *a, **k: calls.append(a) or cholesky(*a, **k))
    b = torch.eye(6, dtype=torch.float64)
    for sigma2 in (0.5, 3.0):
        natural = raw([sigma2])
        np.testing.assert_allclose(
            structure.solve(matrix, natural, b).numpy(), np.linalg.inv(sigma2 * value), rtol=1e-9
        )
        expected = 6 * math.log(sigma2) + np.linalg.slogdet(value)[1]
        assert float(structure.logdet(matrix, natural)) == pytest.approx(expected, rel=1e-12)
    assert not calls


def test_known_matrices_that_are_no_covariances_are_refused() -> None:
    with pytest.raises(ValueError, match="K must be a square matrix"):
        cov.KnownMatrix([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    with pytest.raises(ValueError, match="K must be symmetric, got K"):
        cov.KnownMatrix([[1.0, 0.5], [0.2, 1.0]])
    with pytest.raises(ValueError, match="positive semi-definite, got a smallest eigenvalue of -1"):
        cov.KnownMatrix([[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(ValueError, match="finite"):
        cov.KnownMatrix([[1.0, math.nan], [math.nan, 1.0]])
    singular = cov.KnownMatrix([[1.0, 1.0], [1.0, 1.0]])
    with pytest.raises(SingularMatrixError):
        structure.solve(singular, raw([1.0]), torch.ones(2, 1, dtype=torch.float64))
