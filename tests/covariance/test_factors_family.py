"""Factors and antedependence against formulas of the literature, written out with loops.

Formulas: Smith, Cullis & Thompson (2001) for factor analytic structures and Ledermann (1937) for their bound;
Gabriel (1962) for antedependence.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings

import covstudio.covariance as cov
from covstudio.covariance import IdentifiabilityWarning, SingularMatrixError, structure
from tests.covariance.family_checks import (
    agrees,
    raw,
    raw_parameters,
    semidefinite,
    table,
    thetas,
)

# -- factors ---------------------------------------------------------------------------------------------


def factors(theta: list[float], n: int, k: int) -> np.ndarray:
    """Lambda from loadings row by row."""
    values = iter(theta)
    return np.array([[next(values) if j <= i else 0.0 for j in range(k)] for i in range(n)])


def common(loadings: np.ndarray) -> np.ndarray:
    n, k = loadings.shape
    return table(n, lambda i, j: sum(loadings[i, q] * loadings[j, q] for q in range(k)))


@pytest.mark.parametrize(("n", "k"), [(3, 1), (4, 1), (5, 2), (7, 3)])
@pytest.mark.parametrize("equal_psi", [False, True])
def test_factor_analytic(n: int, k: int, equal_psi: bool) -> None:
    matrix = cov.FactorAnalyticMatrix(n, k, equal_psi=equal_psi)
    names = [f"lambda_{i}_{j}" for i in range(n) for j in range(min(i + 1, k))]
    count = len(names)
    assert matrix.param_names == [*names, *(["psi"] if equal_psi else [f"psi_{i}" for i in range(n)])]
    for theta in thetas(matrix, seed=30 + n):
        expected = common(factors(theta, n, k))
        for i in range(n):
            expected[i, i] += math.exp(2 * theta[count if equal_psi else count + i])
        agrees(matrix, theta, expected)


@pytest.mark.parametrize(("n", "k"), [(2, 1), (4, 2), (5, 4)])
def test_reduced_rank(n: int, k: int) -> None:
    matrix = cov.ReducedRankMatrix(n, k)
    assert matrix.param_names == [f"lambda_{i}_{j}" for i in range(n) for j in range(min(i + 1, k))]
    for theta in thetas(matrix, seed=40 + n):
        expected = common(factors(theta, n, k))
        agrees(matrix, theta, expected)
        assert np.linalg.matrix_rank(matrix(raw(theta)).numpy()) <= k
    random = raw(thetas(matrix, seed=1)[1])
    assert structure.factor(matrix, random).shape == (n, k)
    for function, arguments in (
        (structure.solve, (torch.eye(n, dtype=torch.float64),)),
        (structure.logdet, ()),
    ):
        with pytest.raises(SingularMatrixError):
            function(matrix, random, *arguments)


def test_loadings_default_to_one_on_and_below_their_diagonal() -> None:
    expected = torch.tensor([[1.0, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]])
    for matrix in (cov.FactorAnalyticMatrix(6, 3), cov.ReducedRankMatrix(6, 3)):
        assert torch.equal(matrix.loadings(matrix.build_params(matrix.free_param_defaults)), expected)


def test_sign_of_columns() -> None:
    matrix = cov.FactorAnalyticMatrix(5, 2)
    theta = raw(thetas(matrix, seed=3)[1])
    theta[0], theta[2] = -0.7, -0.2
    natural = matrix.build_params(theta)
    loadings, signed = matrix.loadings(natural), matrix.signed_loadings(natural)
    assert float(loadings[0, 0]) < 0
    assert float(loadings[1, 1]) < 0
    assert bool((signed.diagonal() >= 0).all())
    torch.testing.assert_close(signed, -loadings)
    torch.testing.assert_close(
        signed @ signed.mT + torch.diag(matrix.specific(natural)), matrix(theta), rtol=1e-14, atol=0
    )
    rank = cov.ReducedRankMatrix(4, 2)
    theta = raw(thetas(rank, seed=4)[1])
    theta[0], theta[2] = 0.5, -0.5
    plain = rank.loadings(theta)
    torch.testing.assert_close(rank.signed_loadings(theta), plain * torch.tensor([1.0, -1.0]))


def rank_at(matrix: cov.Matrix, theta: torch.Tensor) -> int:
    grad, _ = matrix.grad(theta)
    return int(torch.linalg.matrix_rank(grad.flatten(1), rtol=1e-9))


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_a_warning_beyond_ledermanns_bound_and_only_there(n: int) -> None:
    for k in range(1, n):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            matrix = cov.FactorAnalyticMatrix(n, k)
        theta = raw(thetas(matrix, seed=n * 10 + k)[1])
        identified = rank_at(matrix, theta) == matrix.num_params
        assert identified == (not caught)
        if caught:
            assert caught[0].category is IdentifiabilityWarning
            assert caught[0].filename == __file__
            message = str(caught[0].message)
            assert "Ledermann" in message
            assert f"FactorAnalyticMatrix({n}, {k})" in message
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            equal = cov.FactorAnalyticMatrix(n, k, equal_psi=True)
            reduced = cov.ReducedRankMatrix(n, k)
        for other in (equal, reduced):
            assert rank_at(other, raw(thetas(other, seed=n + k)[1])) == other.num_params


def descent(matrix: cov.Matrix, target: torch.Tensor, start: torch.Tensor) -> float:
    """The smallest Wishart deviance that a quasi-Newton descent finds from a start."""
    theta = start.clone().requires_grad_()
    optimiser = torch.optim.LBFGS(
        [theta], max_iter=400, tolerance_grad=1e-9, tolerance_change=1e-13, line_search_fn="strong_wolfe"
    )

    def deviance() -> torch.Tensor:
        optimiser.zero_grad()
        value = matrix(theta)
        loss = torch.logdet(value) + torch.linalg.solve(value, target).diagonal().sum()
        loss.backward()
        return loss

    optimiser.step(deviance)
    return float(deviance().detach())


@pytest.mark.parametrize("seed", [0, 1])
def test_the_default_loadings_lead_to_the_maximum(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth = factors(generator.normal(size=11).tolist(), 6, 2)
    target = torch.from_numpy(truth @ truth.T + np.diag(generator.uniform(0.3, 1.0, 6)))
    matrix = cov.FactorAnalyticMatrix(6, 2)
    start = matrix.free_param_defaults.double()
    value, (grad, _) = matrix(start), matrix.grad(start)
    inverse = torch.linalg.inv(value)
    score = 0.5 * torch.einsum("kij,ij->k", grad, inverse @ (target - value) @ inverse)
    assert float(score.abs().max()) > 0.1
    # The two columns of the rows where both are free do not move alike.
    slopes = {name: float(x) for name, x in zip(matrix.param_names, score, strict=True)}
    assert max(abs(slopes[f"lambda_{i}_0"] - slopes[f"lambda_{i}_1"]) for i in range(1, 6)) > 1e-2
    best = float(torch.logdet(target)) + 6
    assert descent(matrix, target, start) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("psi", [1e-3, 1e-8, 0.0])
def test_small_specific_variances_cost_no_digits(psi: float) -> None:
    # A Heywood case: V is far from singular although one specific variance is (nearly) zero.
    matrix = cov.FactorAnalyticMatrix(4, 1)
    natural = raw([2.0, 1.0, -0.5, 0.7, psi, 1.0, 0.5, 2.0])
    value, b = matrix.evaluate(natural), torch.eye(4, dtype=torch.float64)
    torch.testing.assert_close(
        structure.solve(matrix, natural, b), torch.linalg.inv(value), rtol=1e-10, atol=1e-10
    )
    assert float(structure.logdet(matrix, natural)) == pytest.approx(float(torch.logdet(value)), abs=1e-11)


@settings(max_examples=60, deadline=None)
@given(theta=raw_parameters(14))
def test_factors_are_covariances_for_every_theta(theta: list[float]) -> None:
    semidefinite(cov.FactorAnalyticMatrix(5, 2), theta)
    semidefinite(cov.FactorAnalyticMatrix(5, 2, equal_psi=True), theta[:10])
    semidefinite(cov.ReducedRankMatrix(5, 3), theta[:12])


@pytest.mark.parametrize("cls", [cov.FactorAnalyticMatrix, cov.ReducedRankMatrix, cov.AntedependenceMatrix])
def test_wrong_orders_are_refused(cls: type[cov.Leaf]) -> None:
    for n in (1, 0, -2):
        with pytest.raises(ValueError, match=f"n must be at least 2 .*got {n}"):
            cls(n, 1)
    for k in (0, -1):
        with pytest.raises(ValueError, match=f"k must be at least 1, got {k}"):
            cls(4, k)
    for k in (4, 9):
        with pytest.raises(ValueError, match=rf"{cls.__name__}: k must be between 1 and n - 1 = 3, got {k}"):
            cls(4, k)
    with pytest.raises(TypeError, match="k must be an int"):
        cls(4, 1.5)
    with pytest.raises(TypeError, match="n must be an int"):
        cls("4", 1)
    assert cls(4).k == 1


def test_equal_psi_is_a_flag() -> None:
    with pytest.raises(TypeError, match="equal_psi must be True or False"):
        cov.FactorAnalyticMatrix(4, 1, {"psi": cov.Parameter("psi")})


# -- antedependence ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "k"), [(2, 1), (5, 1), (6, 2), (4, 3)])
def test_antedependence(n: int, k: int) -> None:
    matrix = cov.AntedependenceMatrix(n, k)
    pairs = [(i, j) for i in range(n) for j in range(n) if i - k <= j < i]
    assert matrix.param_names == [*(f"sigma^2_{i}" for i in range(n)), *(f"phi_{i}_{j}" for i, j in pairs)]
    for theta in thetas(matrix, seed=50 + n, spread=0.6):
        phi = dict(zip(pairs, theta[n:], strict=True))
        # Each position as a sum of innovations, by the recursion of the regressions.
        sums = np.zeros((n, n))
        for i in range(n):
            sums[i, i] = 1.0
            for j in range(max(0, i - k), i):
                sums[i] += phi[i, j] * sums[j]
        errors = [math.exp(2 * x) for x in theta[:n]]
        expected = table(n, lambda i, j, s=sums, e=errors: sum(s[i, q] * e[q] * s[j, q] for q in range(n)))
        agrees(matrix, theta, expected)


def test_antedependence_is_an_autoregression_when_its_coefficients_are_equal() -> None:
    rho, sigma2 = -0.6, 2.0
    innovation = sigma2 * (1 - rho**2)
    matrix = cov.AntedependenceMatrix(5)
    natural = raw([sigma2, *[innovation] * 4, *[rho] * 4])
    expected = table(5, lambda i, j: sigma2 * rho ** abs(i - j))
    np.testing.assert_allclose(matrix.evaluate(natural).numpy(), expected, rtol=1e-13)


@pytest.mark.parametrize(("n", "k"), [(5, 1), (6, 2)])
def test_precision_of_antedependence(n: int, k: int) -> None:
    matrix = cov.AntedependenceMatrix(n, k)
    assert structure.bandwidth(matrix) == k
    assert structure.kind(matrix) == "banded precision"
    natural = matrix.build_params(raw(thetas(matrix, seed=5, spread=0.7)[1]))
    regression = np.eye(n)
    values = iter(natural[n:].tolist())
    for i in range(n):
        for j in range(max(0, i - k), i):
            regression[i, j] = -next(values)
    errors = natural[:n].tolist()
    expected = table(n, lambda i, j: sum(regression[q, i] * regression[q, j] / errors[q] for q in range(n)))
    bands = structure.precision(matrix, natural).numpy()
    for d in range(k + 1):
        np.testing.assert_allclose(bands[d, : n - d], np.diagonal(expected, -d), rtol=1e-12)
        assert not bands[d, n - d :].any()


def test_antedependence_near_singular_is_solved_without_loss() -> None:
    matrix = cov.AntedependenceMatrix(4)
    natural = raw([1e8, 1e-8, 1.0, 1e-12, 1.0, -1.0, 2.0])
    b = torch.eye(4, dtype=torch.float64)
    regression = np.array([[1.0, 0, 0, 0], [-1.0, 1, 0, 0], [0, 1.0, 1, 0], [0, 0, -2.0, 1]])
    errors = natural[:4].tolist()
    expected = table(4, lambda i, j: sum(regression[q, i] * regression[q, j] / errors[q] for q in range(4)))
    np.testing.assert_allclose(structure.solve(matrix, natural, b).numpy(), expected, rtol=1e-14)
    assert float(structure.logdet(matrix, natural)) == pytest.approx(-12 * math.log(10), rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(theta=raw_parameters(9))
def test_antedependence_is_a_covariance_for_every_theta(theta: list[float]) -> None:
    semidefinite(cov.AntedependenceMatrix(4, 2), theta)
    semidefinite(cov.AntedependenceMatrix(4), theta[:7])
