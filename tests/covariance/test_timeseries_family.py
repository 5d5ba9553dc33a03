"""Autoregressions, moving averages and Toeplitz matrices against textbook formulas and exact fractions."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import covstudio.covariance as cov
from covstudio.covariance import Matrix
from tests.covariance.process_formulas import (
    assert_psd,
    at,
    autocorrelations,
    coefficients,
    largest_inverse_root,
    partials,
    sigmoid_correlation,
    toeplitz,
)

CORRELATION = st.floats(-0.95, 0.95)
RAW = st.floats(-10.0, 10.0)


def lists(element: st.SearchStrategy[float], least: int, most: int) -> st.SearchStrategy[list[float]]:
    return st.lists(element, min_size=least, max_size=most)


# -- autoregressions -----------------------------------------------------------------------------------------


@given(lists(CORRELATION, 1, 5), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_autoregression_solves_the_equations_of_yule_and_walker(pacf: list[float], more: int) -> None:
    n = len(pacf) + more
    expected = 1.7 * toeplitz(autocorrelations(coefficients([Fraction(x) for x in pacf]), [], n))
    np.testing.assert_allclose(at(cov.ARMatrix(n, len(pacf)), [1.7, *pacf]), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("phi1", "phi2"), [(0.5, 0.3), (1.2, -0.8), (-0.4, 0.5), (0.0, -0.9)])
def test_second_order_autoregression_as_box_and_jenkins_give_it(phi1: float, phi2: float) -> None:
    # Section 3.2.4: r_1 = phi_1 / (1 - phi_2), r_2 = phi_2 + phi_1^2 / (1 - phi_2); with complex roots a
    # damped sine d^h sin(2 pi f h + F) / sin F, d = sqrt(-phi_2), cos(2 pi f) = phi_1 / (2 d),
    # tan F = (1 + d^2) / (1 - d^2) tan(2 pi f).
    row = at(cov.ARMatrix(12, 2), [1.0, phi1 / (1 - phi2), phi2])[0]
    assert row[1] == pytest.approx(phi1 / (1 - phi2), rel=1e-14)
    assert row[2] == pytest.approx(phi2 + phi1**2 / (1 - phi2), rel=1e-13)
    if phi1**2 + 4 * phi2 < 0:
        d = math.sqrt(-phi2)
        frequency = math.acos(phi1 / (2 * d))
        phase = math.atan2((1 + d * d) * math.sin(frequency), (1 - d * d) * math.cos(frequency))
        damped = [d**h * math.sin(frequency * h + phase) / math.sin(phase) for h in range(12)]
        np.testing.assert_allclose(row, damped, atol=1e-13)


def test_first_order_autoregression_is_that_of_its_own_class() -> None:
    np.testing.assert_allclose(
        at(cov.ARMatrix(9, 1), [2.0, -0.7]), at(cov.AR1Matrix(9), [2.0, -0.7]), rtol=1e-13
    )


def test_partial_autocorrelations_are_what_the_parameters_say() -> None:
    pacf = [0.5, -0.3, 0.2]
    found = partials(at(cov.ARMatrix(8, 3), [1.0, *pacf])[0].tolist())
    np.testing.assert_allclose(found, [*pacf, 0, 0, 0, 0], atol=1e-14)


@given(lists(st.floats(-3.0, 3.0), 1, 4))
@settings(max_examples=60, deadline=None)
def test_autoregressions_are_stationary(theta: list[float]) -> None:
    # The coefficients are recovered from V alone, by regression on the p positions before.
    p = len(theta)
    row = at(cov.ARMatrix(p + 1, p), [1.0, *map(sigmoid_correlation, theta)])[0]
    phi = np.linalg.solve(toeplitz(row[:p].tolist()), row[1:])
    assert largest_inverse_root([1.0, *(-phi)]) < 1


def test_heterogeneous_first_order_autoregression() -> None:
    variances, rho = [1.0, 4.0, 0.25, 9.0], -0.6
    expected = [
        [math.sqrt(variances[i] * variances[j]) * rho ** abs(i - j) for j in range(4)] for i in range(4)
    ]
    np.testing.assert_allclose(at(cov.HeterogeneousAR1Matrix(4), [*variances, rho]), expected, rtol=1e-14)


def test_a_variance_of_zero_takes_its_covariances_with_it() -> None:
    matrix = cov.HeterogeneousAR1Matrix(3)
    natural = torch.tensor([1.0, 0.0, 4.0, 0.5], dtype=torch.float64)
    np.testing.assert_array_equal(matrix.evaluate(natural).numpy(), [[1, 0, 0.5], [0, 0, 0], [0.5, 0, 4]])
    slopes = matrix.differentiate(natural, [0, 1, 2, 3])
    assert bool(torch.isfinite(slopes).all())
    np.testing.assert_array_equal(slopes[1].numpy(), [[0, 0, 0], [0, 1, 0], [0, 0, 0]])


@pytest.mark.parametrize("r", [-1.9, -0.4, 0.0, 1.0, 1.9999])
def test_symmetric_autoregression_of_order_one(r: float) -> None:
    # A double root b = r/2: correlations (1 + h (1 - b^2)/(1 + b^2)) b^h (Box & Jenkins, exercise on equal
    # roots), the first r / (1 + r^2/4) as the ASReml manual has it.
    b = r / 2
    row = at(cov.SymmetricARMatrix(8), [1.0, r])[0]
    expected = [(1 + h * (1 - b * b) / (1 + b * b)) * b**h for h in range(8)]
    np.testing.assert_allclose(row, expected, rtol=0, atol=1e-13)
    assert row[1] == pytest.approx(r / (1 + r * r / 4), abs=1e-15)
    exact = autocorrelations([Fraction(r), -(Fraction(r) ** 2) / 4], [], 8)
    np.testing.assert_allclose(row, exact, rtol=0, atol=1e-13)


@given(CORRELATION, CORRELATION)
@settings(max_examples=60, deadline=None)
def test_symmetric_autoregression_of_order_two(r1: float, r2: float) -> None:
    a, b = Fraction(r1), Fraction(r2)
    phi = [a + 2 * b, -b * (2 * a + b), a * b * b]
    # The domain is that of stationarity: the polynomial is (1 - r1 z)(1 - r2 z)^2.
    assert [-x for x in phi] == [-(a + 2 * b), 2 * a * b + b * b, -(a * b * b)]
    row = at(cov.SymmetricARMatrix(7, order=2), [1.0, r1, r2])[0]
    np.testing.assert_allclose(row, autocorrelations(phi, [], 7), rtol=0, atol=1e-13)


def test_symmetric_autoregression_at_and_beyond_its_domain() -> None:
    # At r = 2 the double root is 1: the polynomial (1 - z)^2 is no stationary process any more.
    assert largest_inverse_root([1.0, -1.999, 1.999**2 / 4]) < 1
    assert largest_inverse_root([1.0, -2.001, 2.001**2 / 4]) > 1
    for natural in ([1.0, 1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, -1.0], [1.0, 1.0, 0.5], [1.0, 0.5, -1.0]):
        matrix, point = cov.SymmetricARMatrix(5, 2), torch.tensor(natural, dtype=torch.float64)
        assert_psd(matrix.evaluate(point).numpy())
        assert bool(torch.isfinite(matrix.differentiate(point, [0, 1, 2])).all())
        assert bool(torch.isfinite(torch.func.jacfwd(matrix.evaluate)(point)).all())
    matrix = cov.SymmetricARMatrix(5)
    with pytest.raises(ValueError, match=r"\(-2, 2\)"):
        matrix.set_param_specs("r", value=2.5)


# -- moving averages -----------------------------------------------------------------------------------------


@given(lists(CORRELATION, 1, 5), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_moving_average(pacf: list[float], more: int) -> None:
    q, n = len(pacf), len(pacf) + more
    theta = coefficients([Fraction(x) for x in pacf], sign=1)
    expected = 0.8 * toeplitz(autocorrelations([], theta, n))
    np.testing.assert_allclose(at(cov.MAMatrix(n, q), [0.8, *pacf]), expected, rtol=0, atol=1e-14)
    assert largest_inverse_root([1.0, *map(float, theta)]) < 1


def test_positive_moving_average_correlates_neighbours_positively() -> None:
    # Box & Jenkins, section 3.3.2: r_1 = theta / (1 + theta^2) in the sign of R.
    assert at(cov.MAMatrix(4, 1), [1.0, 0.6])[0, 1] == pytest.approx(0.6 / 1.36, rel=1e-15)
    assert at(cov.ARMAMatrix(4, 1, 1), [1.0, 0.0, 0.6])[0, 1] == pytest.approx(0.6 / 1.36, rel=1e-14)


@pytest.mark.parametrize(("phi", "theta"), [(0.5, 0.5), (0.9, -0.4), (-0.7, 0.2), (0.3, -0.3)])
def test_mixed_process_of_first_order_as_box_and_jenkins_give_it(phi: float, theta: float) -> None:
    # Section 3.4.3, with theta of the sign of R; at theta = -phi the factors cancel and leave white noise.
    first = (1 + phi * theta) * (phi + theta) / (1 + 2 * phi * theta + theta**2)
    expected = [1.0, *(first * phi**h for h in range(6))]
    np.testing.assert_allclose(at(cov.ARMAMatrix(7, 1, 1), [1.0, phi, theta])[0], expected, atol=1e-15)


@given(lists(CORRELATION, 1, 3), lists(CORRELATION, 1, 4))
@settings(max_examples=60, deadline=None)
def test_mixed_process(pacf: list[float], ma_pacf: list[float]) -> None:
    p, q = len(pacf), len(ma_pacf)
    n = p + q + 3
    phi = coefficients([Fraction(x) for x in pacf])
    theta = coefficients([Fraction(x) for x in ma_pacf], sign=1)
    row = at(cov.ARMAMatrix(n, p, q), [1.0, *pacf, *ma_pacf])[0]
    np.testing.assert_allclose(row, autocorrelations(phi, theta, n), rtol=0, atol=1e-12)


def test_mixed_process_is_the_sum_of_its_psi_weights() -> None:
    pacf, ma_pacf = [0.6, -0.3], [0.4, 0.5]
    phi, theta = coefficients(pacf), [1.0, *coefficients(ma_pacf, sign=1)]
    psi: list[float] = []
    for j in range(600):
        own = theta[j] if j < len(theta) else 0.0
        psi.append(own + sum(phi[k] * psi[j - 1 - k] for k in range(min(2, j))))
    sums = [sum(psi[j] * psi[j + h] for j in range(600 - h)) for h in range(8)]
    row = at(cov.ARMAMatrix(8, 2, 2), [1.0, *pacf, *ma_pacf])[0]
    np.testing.assert_allclose(row, np.array(sums) / sums[0], atol=1e-13)


@pytest.mark.parametrize(("p", "q"), [(1, 1), (2, 2), (3, 1), (1, 3), (3, 3)])
@pytest.mark.parametrize("raw", [10.0, -10.0, 7.0])
@pytest.mark.parametrize("apart", [0.0, 1e-3, 1.0])
def test_mixed_process_with_nearly_cancelling_roots_keeps_its_digits(
    p: int, q: int, raw: float, apart: float
) -> None:
    # All roots next to the unit circle, those of one polynomial next to those of the other: in the plain sum
    # for lag 0 all but one part in 10^8 cancels.
    kappa, eta = sigmoid_correlation(raw), -sigmoid_correlation(raw - apart)
    n = p + q + 4
    phi = coefficients([Fraction(kappa)] * p)
    theta = coefficients([Fraction(eta)] * q, sign=1)
    row = at(cov.ARMAMatrix(n, p, q), [1.0, *[kappa] * p, *[eta] * q])[0]
    np.testing.assert_allclose(row, autocorrelations(phi, theta, n), rtol=0, atol=1e-11)
    assert_psd(toeplitz(row.tolist()))


def test_what_cancels_on_the_unit_circle_is_white_noise() -> None:
    matrix = cov.ARMAMatrix(4, 1, 1)
    natural = torch.tensor([2.0, 1.0, -1.0], dtype=torch.float64)
    np.testing.assert_array_equal(matrix.evaluate(natural).numpy(), 2 * np.eye(4))
    assert bool(torch.isfinite(matrix.differentiate(natural, [0, 1, 2])).all())
    assert bool(torch.isfinite(torch.func.jacfwd(matrix.evaluate)(natural)).all())


# -- Toeplitz matrices ---------------------------------------------------------------------------------------


def test_every_positive_definite_toeplitz_matrix_is_reached() -> None:
    generator = np.random.default_rng(5)
    for _ in range(20):
        # Any mixture of cosines is a stationary correlation (Herglotz).
        weights, frequencies = generator.random(9), generator.uniform(0, math.pi, 9)
        row = np.array([(weights * np.cos(frequencies * h)).sum() for h in range(6)])
        found = at(cov.ToeplitzMatrix(6), [row[0], *partials((row / row[0]).tolist())])
        np.testing.assert_allclose(found, toeplitz(row.tolist()), rtol=0, atol=1e-11)


def test_bands_cut_off_the_correlation_at_every_size() -> None:
    pacf = [0.9, -0.8, 0.95]
    for n in (4, 5, 60):
        row = at(cov.ToeplitzMatrix(n, bands=3), [1.0, *pacf])[0]
        if n > 4:
            assert not row[4:].any()
            assert row[3] != 0
            np.testing.assert_allclose(
                row, autocorrelations([], coefficients([Fraction(x) for x in pacf], sign=1), n), atol=1e-14
            )
        assert_psd(toeplitz(row.tolist()))
    assert cov.ToeplitzMatrix(5).bands == cov.HeterogeneousToeplitzMatrix(5, bands=4).bands == 4


@pytest.mark.parametrize("bands", [None, 2])
def test_heterogeneous_toeplitz_has_the_correlation_of_the_plain_one(bands: int | None) -> None:
    variances, pacf = [1.0, 4.0, 0.25, 9.0], [0.5, -0.4, 0.3][: bands or 3]
    correlation = at(cov.ToeplitzMatrix(4, bands), [1.0, *pacf])
    deviations = np.sqrt(variances)
    expected = deviations[:, None] * correlation * deviations
    np.testing.assert_allclose(
        at(cov.HeterogeneousToeplitzMatrix(4, bands), [*variances, *pacf]), expected, rtol=1e-14
    )


@pytest.mark.parametrize("seed", range(4))
def test_long_processes_with_partial_autocorrelations_near_one_keep_their_digits(seed: int) -> None:
    # Durbin's recursion loses half of its digits here, and positive definiteness with them.
    generator = np.random.default_rng(seed)
    raw = generator.choice([-10.0, -4.0, 0.5, 4.0, 10.0], size=39)
    pacf = [sigmoid_correlation(x) for x in raw]
    phi: list[Fraction] = []
    correlations, error = [Fraction(1)], Fraction(1)
    for k, partial in enumerate(map(Fraction, pacf)):
        correlations.append(
            sum((phi[j] * correlations[k - j] for j in range(k)), Fraction(0)) + partial * error
        )
        phi = [phi[j] - partial * phi[k - 1 - j] for j in range(k)] + [partial]
        error *= 1 - partial * partial
    for matrix in (cov.ToeplitzMatrix(40), cov.ARMatrix(40, 39)):
        row = at(matrix, [1.0, *pacf])[0]
        np.testing.assert_allclose(row, [float(x) for x in correlations], rtol=0, atol=2e-14)
        assert_psd(toeplitz(row.tolist()))


# -- all of them ---------------------------------------------------------------------------------------------

FAMILY: list[Callable[[], Matrix]] = [
    lambda: cov.HeterogeneousAR1Matrix(9),
    lambda: cov.ARMatrix(9, 3),
    lambda: cov.ARMatrix(9, 8),
    lambda: cov.SymmetricARMatrix(9),
    lambda: cov.SymmetricARMatrix(9, 2),
    lambda: cov.MAMatrix(9, 1),
    lambda: cov.MAMatrix(9, 4),
    lambda: cov.ARMAMatrix(9, 2, 1),
    lambda: cov.ARMAMatrix(9, 1, 3),
    lambda: cov.ARMAMatrix(9, 3, 3),
    lambda: cov.ToeplitzMatrix(9),
    lambda: cov.ToeplitzMatrix(9, 2),
    lambda: cov.HeterogeneousToeplitzMatrix(9),
    lambda: cov.HeterogeneousToeplitzMatrix(9, 3),
]


@pytest.mark.parametrize("make", FAMILY)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_positive_semi_definite_for_every_theta(make: Callable[[], Matrix], data: st.DataObject) -> None:
    matrix = make()
    assert matrix.psd
    assert matrix.positive_definite
    size = matrix.num_free_params
    theta = torch.tensor(data.draw(lists(RAW, size, size)), dtype=torch.float64)
    assert_psd(matrix(theta).numpy())
    slopes, _ = matrix.grad(theta)
    assert slopes is not None
    assert bool(torch.isfinite(slopes).all())


@pytest.mark.parametrize("make", FAMILY)
def test_single_precision_stays_and_agrees(make: Callable[[], Matrix]) -> None:
    matrix = make()
    theta = torch.linspace(-1.0, 1.5, matrix.num_free_params, dtype=torch.float64)
    exact, slopes = matrix(theta), matrix.grad(theta)[0]
    single, single_slopes = matrix(theta.float()), matrix.grad(theta.float())[0]
    assert slopes is not None
    assert single_slopes is not None
    assert single.dtype == single_slopes.dtype == torch.float32
    torch.testing.assert_close(single.double(), exact, rtol=0, atol=2e-6 * float(exact.max()))
    torch.testing.assert_close(single_slopes.double(), slopes, rtol=0, atol=1e-5 * float(slopes.abs().max()))


@pytest.mark.parametrize("make", FAMILY)
def test_analytic_derivatives_are_those_of_the_value(make: Callable[[], Matrix]) -> None:
    matrix = make()
    generator = torch.Generator().manual_seed(3)
    for spread in (0.5, 2.0):
        theta = spread * torch.randn(matrix.num_free_params, generator=generator, dtype=torch.float64)
        slopes, names = matrix.grad(theta)
        automatic, _ = matrix.auto_grad(theta)
        assert slopes is not None
        assert automatic is not None
        assert names == matrix.free_param_names
        torch.testing.assert_close(slopes, automatic, rtol=0, atol=1e-10 * float(automatic.abs().max()))


def test_white_noise_in_the_middle_of_every_range() -> None:
    for matrix in (cov.ARMatrix(5, 3), cov.MAMatrix(5, 3), cov.ToeplitzMatrix(5), cov.ToeplitzMatrix(5, 2)):
        np.testing.assert_array_equal(at(matrix, [3.0, *[0.0] * (matrix.num_params - 1)]), 3 * np.eye(5))


def test_default_parameters_can_be_told_apart() -> None:
    # At the defaults no derivative is a combination of the others: a fit can start there.
    for make in FAMILY:
        slopes, _ = make().grad()
        assert slopes is not None
        flat = slopes.flatten(1).double()
        flat = flat / flat.norm(dim=1, keepdim=True)
        assert float(torch.linalg.svdvals(flat)[-1]) > 1e-3, make()


BAD: list[tuple[Callable[[], Matrix], type[Exception], str]] = [
    (lambda: cov.ARMatrix(1, 1), ValueError, "n must be at least 2"),
    (lambda: cov.ARMatrix(4, 4), ValueError, "p must be at most n - 1 = 3"),
    (lambda: cov.ARMatrix(4, 0), ValueError, "p must be at least 1"),
    (lambda: cov.ARMatrix(4, 1.5), TypeError, "p must be an int"),  # type: ignore[arg-type]
    (lambda: cov.MAMatrix(3, 3), ValueError, "q must be at most n - 1 = 2"),
    (lambda: cov.MAMatrix(0, 1), ValueError, "n must be at least 2"),
    (lambda: cov.ARMAMatrix(3, 2, 1), ValueError, "n must be at least 4"),
    (lambda: cov.ARMAMatrix(5, 0, 1), ValueError, "p must be at least 1"),
    (lambda: cov.SymmetricARMatrix(5, 3), ValueError, "order must be 1"),
    (lambda: cov.SymmetricARMatrix(2, 2), ValueError, "n must be at least 3"),
    (lambda: cov.SymmetricARMatrix(5, True), TypeError, "order must be an int"),
    (lambda: cov.ToeplitzMatrix(1), ValueError, "n must be at least 2"),
    (lambda: cov.ToeplitzMatrix(4, 4), ValueError, "bands must be at most n - 1 = 3"),
    (lambda: cov.HeterogeneousToeplitzMatrix(4, 0), ValueError, "bands must be at least 1"),
    (lambda: cov.AR1Matrix(0), ValueError, "n must be at least 1"),
    (lambda: cov.AR1CorrelationMatrix(0), ValueError, "n must be at least 1"),
    (lambda: cov.HeterogeneousAR1Matrix(1), ValueError, "n must be at least 2"),
    (lambda: cov.HeterogeneousAR1Matrix("4"), TypeError, "n must be an int"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("make", "error", "message"), BAD)
def test_bad_sizes_and_orders_are_refused(
    make: Callable[[], Matrix], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()
