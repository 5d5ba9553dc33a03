"""Values of the structures against formulas written here, independently, with loops over rows and columns.

Formulas: Pinheiro & Bates (2000), sections 4.2.2 and 5.3; Pinheiro & Bates (1996) for the log-Cholesky
factor; Uhlenbeck & Ornstein (1930). Parameters: variances exp(2 theta), correlations onto (lower, 1) by a
sigmoid, ranges exp(theta).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

import covstudio.covariance as cov
from covstudio.covariance import Matrix


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def table(n: int, m: int, entry: Callable[[int, int], float]) -> np.ndarray:
    return np.array([[entry(i, j) for j in range(m)] for i in range(n)])


def check(matrix: Matrix, theta: list[float], expected: np.ndarray) -> None:
    value = matrix(torch.tensor(theta, dtype=torch.float64))
    assert matrix.shape == expected.shape
    np.testing.assert_allclose(value.numpy(), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_identity(n: int) -> None:
    check(cov.IdentityMatrix(n), [], table(n, n, lambda i, j: float(i == j)))


@pytest.mark.parametrize("theta", [-1.3, 0.0, 0.8])
def test_scalar(theta: float) -> None:
    check(cov.ScalarMatrix(5), [theta], table(5, 5, lambda i, j: math.exp(2 * theta) if i == j else 0.0))


def test_diagonal() -> None:
    theta = [-0.4, 0.0, 1.1, 2.0]
    check(cov.DiagonalMatrix(4), theta, table(4, 4, lambda i, j: math.exp(2 * theta[i]) if i == j else 0.0))


@pytest.mark.parametrize(("n", "m"), [(3, None), (2, 5), (5, 2), (1, 1)])
def test_equal_entry(n: int, m: int | None) -> None:
    check(cov.EqualEntryMatrix(n, m), [0.3], table(n, m or n, lambda i, j: math.exp(0.6)))


@pytest.mark.parametrize("n", [2, 3, 6])
@pytest.mark.parametrize("theta", [-3.0, 0.0, 0.7, 4.0])
def test_equicorrelation_and_compound_symmetry(n: int, theta: float) -> None:
    lower = -1 / (n - 1)
    rho = lower + (1 - lower) * sigmoid(theta)
    check(cov.EquicorrelationMatrix(n), [theta], table(n, n, lambda i, j: 1.0 if i == j else rho))
    check(
        cov.CompoundSymmetricMatrix(n),
        [0.25, theta],
        table(n, n, lambda i, j: math.exp(0.5) * (1.0 if i == j else rho)),
    )


@pytest.mark.parametrize("theta", [-2.0, 0.0, 0.9])
@pytest.mark.parametrize("n", [1, 2, 6])
def test_first_order_autoregression(n: int, theta: float) -> None:
    rho = 2 * sigmoid(theta) - 1
    check(cov.AR1CorrelationMatrix(n), [theta], table(n, n, lambda i, j: rho ** abs(i - j)))
    check(cov.AR1Matrix(n), [-0.2, theta], table(n, n, lambda i, j: math.exp(-0.4) * rho ** abs(i - j)))


def test_autoregression_is_the_stationary_covariance_of_its_recursion() -> None:
    # x_t = rho x_(t-1) + e_t, Var e = sigma^2 (1 - rho^2), started from its stationary law.
    n, rho, sigma2 = 5, 0.6, 2.0
    weights = np.zeros((n, n))
    for t in range(n):
        for s in range(t + 1):
            innovation = math.sqrt(sigma2) if s == 0 else math.sqrt(sigma2 * (1 - rho**2))
            weights[t, s] = rho ** (t - s) * innovation
    matrix = cov.AR1Matrix(n)
    matrix.set_param_specs("rho", value=torch.tensor(rho, dtype=torch.float64))
    matrix.set_param_specs("sigma^2", value=torch.tensor(sigma2, dtype=torch.float64))
    np.testing.assert_allclose(matrix().numpy(), weights @ weights.T, rtol=1e-13)


def test_autoregressive_slope_at_zero_correlation() -> None:
    expected = table(4, 4, lambda i, j: 1.0 if abs(i - j) == 1 else 0.0)
    for name in ("natural_grad", "grad", "manual_grad", "auto_grad"):
        slope, names = getattr(cov.AR1CorrelationMatrix(4), name)(torch.zeros(1, dtype=torch.float64))
        # d rho / d theta = 1/2 at theta = 0.
        factor = 1.0 if name == "natural_grad" else 0.5
        np.testing.assert_allclose(slope[0].numpy(), factor * expected, atol=0)
        assert names == ["rho"]


@pytest.mark.parametrize("rho", [-1.0, 0.0, 1.0])
def test_autoregression_at_and_beyond_its_limits_is_finite(rho: float) -> None:
    natural = torch.tensor([2.0, rho], dtype=torch.float64)
    matrix = cov.AR1Matrix(5)
    expected = table(5, 5, lambda i, j: 2.0 * rho ** abs(i - j))
    slope = table(5, 5, lambda i, j: 2.0 * abs(i - j) * rho ** max(abs(i - j) - 1, 0))
    np.testing.assert_allclose(matrix.evaluate(natural).numpy(), expected, atol=0)
    np.testing.assert_allclose(matrix.differentiate(natural, [1])[0].numpy(), slope, atol=0)
    automatic = torch.func.jacfwd(matrix.evaluate)(natural)
    np.testing.assert_allclose(automatic[..., 1].numpy(), slope, atol=0)


@pytest.mark.parametrize("times", [[0.0, 1.0, 2.0], [3.0, -1.0, 0.5, 0.5], [7.0]])
def test_ornstein_uhlenbeck(times: list[float]) -> None:
    n = len(times)
    expected = table(n, n, lambda i, j: math.exp(0.2) * math.exp(-abs(times[i] - times[j]) / math.exp(0.7)))
    for given in (times, tuple(times), np.array(times), torch.tensor(times), pd.Series(times)):
        shared = len(set(times)) < n
        check(cov.OrnsteinUhlenbeckMatrix(given, shared_times=shared), [0.1, 0.7], expected)


def test_ornstein_uhlenbeck_at_whole_times_is_autoregressive() -> None:
    rho = 0.45
    process = cov.OrnsteinUhlenbeckMatrix([0, 1, 2, 3])
    ar1 = cov.AR1Matrix(4)
    ar1.set_param_specs("rho", value=torch.tensor(rho, dtype=torch.float64))
    process.set_param_specs("range", value=torch.tensor(-1 / math.log(rho), dtype=torch.float64))
    torch.testing.assert_close(process(), ar1())


def test_ornstein_uhlenbeck_of_large_times_keeps_their_differences_in_single_precision() -> None:
    start = 1_600_000_000.0
    near = cov.OrnsteinUhlenbeckMatrix([start, start + 1, start + 3])(torch.tensor([0.0, 0.0]))
    torch.testing.assert_close(near, cov.OrnsteinUhlenbeckMatrix([0.0, 1.0, 3.0])(torch.tensor([0.0, 0.0])))


def test_ornstein_uhlenbeck_without_range_is_white_noise() -> None:
    natural = torch.tensor([2.0, 0.0], dtype=torch.float64)
    matrix = cov.OrnsteinUhlenbeckMatrix([0.0, 1.0, 1.0], shared_times=True)
    expected = 2.0 * table(3, 3, lambda i, j: float(i == j or {i, j} == {1, 2}))
    np.testing.assert_allclose(matrix.evaluate(natural).numpy(), expected, atol=0)
    assert torch.isfinite(matrix.differentiate(natural, [0, 1])).all()
    assert torch.isfinite(torch.func.jacfwd(matrix.evaluate)(natural)).all()


def test_unstructured() -> None:
    theta = [0.1, -0.7, 0.3, 1.2, 0.4, -0.2]
    factor = np.array([[math.exp(0.1), 0.0, 0.0], [-0.7, math.exp(0.3), 0.0], [1.2, 0.4, math.exp(-0.2)]])
    expected = table(3, 3, lambda i, j: sum(factor[i, k] * factor[j, k] for k in range(3)))
    matrix = cov.UnstructuredMatrix(3)
    assert matrix.param_names == ["L_0_0", "L_1_0", "L_1_1", "L_2_0", "L_2_1", "L_2_2"]
    check(matrix, theta, expected)
    np.testing.assert_allclose(np.linalg.cholesky(expected), factor, rtol=1e-12)


def test_unconstrained() -> None:
    theta = [0.5, -0.3, -1.0, 0.25, 2.0, 0.75]
    expected = np.array(
        [[math.exp(1.0), -0.3, 0.25], [-0.3, math.exp(-2.0), 2.0], [0.25, 2.0, math.exp(1.5)]]
    )
    matrix = cov.UnconstrainedMatrix(3)
    assert matrix.param_names[:4] == ["sigma^2_0_0", "sigma^2_1_0", "sigma^2_1_1", "sigma^2_2_0"]
    check(matrix, theta, expected)
    assert not matrix.psd
    assert np.linalg.eigvalsh(expected)[0] < 0


@pytest.mark.parametrize(
    ("n", "m", "expected"),
    [
        (2, 2, [[1, 0], [2, 3]]),
        (3, 1, [[1], [2], [3]]),
        (3, 2, [[1, 0], [2, 3], [4, 5]]),
        (2, 3, [[1, 0, 0], [2, 3, 0]]),
        (2, None, [[1, 0], [2, 3]]),
    ],
)
def test_lower_triangular(n: int, m: int | None, expected: list[list[float]]) -> None:
    matrix = cov.LowerTriangularMatrix(n, m)
    values = np.array(expected, dtype=float)
    check(matrix, [float(k + 1) for k in range(matrix.num_params)], values)
    np.testing.assert_array_equal(matrix().numpy(), np.tril(np.ones(values.shape)))


def test_known() -> None:
    known = [[2.0, 0.5], [0.5, 1.0]]
    expected = math.exp(0.6) * np.array(known)
    for given in (known, np.array(known), torch.tensor(known, dtype=torch.float64), pd.DataFrame(known)):
        check(cov.KnownMatrix(given), [0.3], expected)


def test_known_default_has_the_precision_of_what_was_given() -> None:
    assert cov.KnownMatrix(torch.eye(2, dtype=torch.float64))().dtype == torch.float64
    assert cov.KnownMatrix(torch.eye(2, dtype=torch.float32))().dtype == torch.float32
    assert cov.KnownMatrix([[1.0]])().dtype == torch.get_default_dtype()


def test_known_does_not_follow_later_changes_of_its_argument() -> None:
    known = torch.eye(2)
    matrix = cov.KnownMatrix(known)
    known[0, 0] = 7.0
    assert torch.equal(matrix(), torch.eye(2))


def test_known_accepts_rounding_and_singularity() -> None:
    singular = torch.ones((4, 4), dtype=torch.float64)
    cov.KnownMatrix(singular)
    cov.KnownMatrix(torch.zeros((2, 2)))
    rounded = singular.clone()
    rounded[0, 1] += 1e-14
    value = cov.KnownMatrix(rounded)()
    assert torch.equal(value, value.T)


def test_diagonal_slices_hold_one_entry_each() -> None:
    slices, names = cov.DiagonalMatrix(3).manual_grad(torch.zeros(3))
    assert names == ["sigma^2_0", "sigma^2_1", "sigma^2_2"]
    for k in range(3):
        expected = torch.zeros(3, 3)
        expected[k, k] = 2.0
        assert torch.equal(slices[k], expected)


SIZED = [
    cov.IdentityMatrix,
    cov.ScalarMatrix,
    cov.DiagonalMatrix,
    cov.EqualEntryMatrix,
    cov.EquicorrelationMatrix,
    cov.CompoundSymmetricMatrix,
    cov.AR1Matrix,
    cov.AR1CorrelationMatrix,
    cov.UnstructuredMatrix,
    cov.UnconstrainedMatrix,
    cov.LowerTriangularMatrix,
]


@pytest.mark.parametrize("structure", SIZED)
def test_sizes_that_are_none(structure: type[Matrix]) -> None:
    for size in (0, -3):
        with pytest.raises(ValueError, match=rf"n must be at least [12].*got {size}"):
            structure(size)  # type: ignore[call-arg]
    for size in (2.0, "3", True, None, [3], torch.ones(2)):
        with pytest.raises(TypeError, match=r"n must be an int, got"):
            structure(size)  # type: ignore[call-arg]
    assert structure(np.int64(3)).shape == (3, 3)  # type: ignore[call-arg]


@pytest.mark.parametrize("structure", [cov.EqualEntryMatrix, cov.LowerTriangularMatrix])
def test_second_sizes_that_are_none(structure: type[Matrix]) -> None:
    with pytest.raises(ValueError, match=r"m must be at least 1, got 0"):
        structure(2, 0)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"m must be an int, got 1\.5"):
        structure(2, 1.5)  # type: ignore[call-arg]


@pytest.mark.parametrize("structure", [cov.EquicorrelationMatrix, cov.CompoundSymmetricMatrix])
def test_a_correlation_needs_two_rows(structure: type[Matrix]) -> None:
    with pytest.raises(ValueError, match=r"n must be at least 2 \(a correlation needs two rows\), got 1"):
        structure(1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("known", "error", "message"),
    [
        ([[1.0, 0.0]], ValueError, r"K must be a square matrix, got shape (1, 2)"),
        ([1.0, 2.0], ValueError, "K must be a square matrix, got shape (2,)"),
        ([], ValueError, "K must be a square matrix"),
        ([[1.0, 0.2], [0.3, 1.0]], ValueError, "K[0,1] = 0.2 but K[1,0] = 0.3"),
        ([[1.0, 2.0], [2.0, 1.0]], ValueError, "smallest eigenvalue of -1"),
        ([[1.0, float("nan")], [0.0, 1.0]], ValueError, "K must be finite everywhere, got nan at (0, 1)"),
        ([[float("inf")]], ValueError, "got inf at (0, 0)"),
        ([[1.0], [1.0, 2.0]], ValueError, "rectangular"),
        ([["a"]], TypeError, "K must hold numbers only"),
        ("identity", TypeError, "K must hold numbers"),
        (3, TypeError, "K must hold numbers"),
        (torch.eye(2, dtype=torch.complex64), TypeError, "K must hold real numbers"),
    ],
)
def test_known_matrices_that_are_no_covariance(known: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        cov.KnownMatrix(known)


@pytest.mark.parametrize(
    ("times", "error", "message"),
    [
        ([], ValueError, "times must be one vector of numbers"),
        ([[0.0], [1.0]], ValueError, "got shape (2, 1)"),
        ([0.0, float("nan"), 2.0], ValueError, "times must be finite everywhere, got nan at 1"),
        ([0.0, float("-inf")], ValueError, "got -inf at 1"),
        ([0.0, None], TypeError, "times must hold numbers only"),
        (["monday"], TypeError, "times must hold numbers only, got ['monday']"),
        ("monday", TypeError, "times must hold numbers"),
        (pd.to_datetime(pd.Series(["2020-01-01"])), TypeError, "times must hold numbers only"),
    ],
)
def test_times_that_are_none(times: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        cov.OrnsteinUhlenbeckMatrix(times)


def test_declaration_in_place_of_the_default() -> None:
    specs = {
        "rho": cov.Parameter("rho", cov.TransformIdentity(), default=0.25),
        "sigma^2": {"fixed": True, "default": torch.tensor([4.0]), "trans": cov.TransformIdentity()},
    }
    matrix = cov.AR1Matrix(2, param_specs=specs)
    assert matrix.param_names == ["sigma^2", "rho"]
    assert matrix.free_param_names == ["rho"]
    torch.testing.assert_close(matrix(), torch.tensor([[4.0, 1.0], [1.0, 4.0]]))


def test_declaration_with_other_names_replaces_in_order() -> None:
    specs = {"scale": cov.Parameter("scale", cov.TransformExp()), "shift": cov.Parameter("shift")}
    matrix = cov.AR1Matrix(2, param_specs=specs)
    assert matrix.param_names == ["scale", "shift"]
    torch.testing.assert_close(matrix(torch.tensor([0.0, 0.5])), torch.tensor([[1.0, 0.5], [0.5, 1.0]]))


def test_declarations_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"must declare 2 parameters \(sigma\^2, rho\), got 1 \(rho\)"):
        cov.AR1Matrix(2, param_specs={"rho": cov.Parameter("rho")})
    with pytest.raises(ValueError, match=r"must declare 0 parameters \(none\), got 1"):
        cov.IdentityMatrix(2, param_specs={"rho": cov.Parameter("rho")})
    with pytest.raises(TypeError, match=r"param_specs must map each of .* got list"):
        cov.ScalarMatrix(2, param_specs=["sigma^2"])  # type: ignore[arg-type]
