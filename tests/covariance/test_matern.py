"""The Matern covariance: closed forms, the quadrature for any smoothness, its derivatives and its bounds.

Judges: Rasmussen & Williams (2006), equations 4.14 to 4.17 in closed form, scipy's and mpmath's Bessel
functions (the latter in 40 digits), and the limit of large smoothness.
"""

from __future__ import annotations

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

import covstudio.covariance as cov
from covstudio.covariance.numerics.bessel import (
    matern_correlation,
    matern_decline,
    matern_derivatives,
    smoothness_slope,
)
from tests.covariance.contract import Case, keep

PLANE = [[0.0, 0.0], [1.0, 0.25], [0.5, 2.0], [2.2, 1.5], [0.5, 2.0]]
SEA = [[52.52, 13.405], [52.53, 13.42], [52.5, 13.39], [52.55, 13.40]]
LOGS = [-60.0, -30.0, -12.0, -5.0, -2.0, -0.7, 0.0, 0.4, 1.0, 1.6, 2.3]
SMOOTHNESS = [4.5e-5, 1e-3, 0.07, 0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 4.2, 9.999, 10.001, 45.0, 300.0]


def double(value: object) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def exact(log_distance: float, nu: float) -> tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]:
    """The correlation, minus its derivative by log D, and its derivative by nu, in 40 digits."""
    with mpmath.workdps(60):
        distance = mpmath.e ** mpmath.mpf(log_distance)

        def correlation(v: mpmath.mpf) -> mpmath.mpf:
            h = mpmath.sqrt(2 * v) * distance
            return 2 ** (1 - v) / mpmath.gamma(v) * h**v * mpmath.besselk(v, h)

        v = mpmath.mpf(nu)
        h = mpmath.sqrt(2 * v) * distance
        # d/dh (h^v K_v(h)) = -h^v K_(v-1)(h): DLMF 10.29.4.
        decline = 2 ** (1 - v) / mpmath.gamma(v) * h ** (v + 1) * mpmath.besselk(v - 1, h)
        step = v * mpmath.mpf(10) ** -20
        return correlation(v), decline, (correlation(v + step) - correlation(v - step)) / (2 * step)


@pytest.mark.parametrize("nu", SMOOTHNESS)
def test_the_quadrature_keeps_its_error_bound(nu: float) -> None:
    logs, order = double(LOGS), double(nu)
    values, slopes = matern_derivatives(logs, order)
    declines = matern_decline(logs, order)
    torch.testing.assert_close(matern_correlation(logs, order), values, rtol=1e-15, atol=0)
    bound = 1e-14 * (1 + math.sqrt(nu / 10))
    for k, log_distance in enumerate(LOGS):
        value, decline, slope = exact(log_distance, nu)
        if value > 1e-10:
            assert abs(float(values[k]) - value) <= bound * value
            assert abs(float(declines[k]) - decline) <= bound * decline
        assert abs(float(values[k]) - value) <= bound
        assert abs(float(declines[k]) - decline) <= bound
        assert abs(float(slopes[k]) - slope) <= 1e-14 * (1 + abs(slope))


@pytest.mark.parametrize("nu", [0.2, 0.5, 1.0, 3.3, 12.0])
def test_the_correlation_against_scipy(nu: float) -> None:
    logs = np.linspace(-6, 2, 200)
    h = math.sqrt(2 * nu) * np.exp(logs)
    wanted = 2 ** (1 - nu) / special.gamma(nu) * h**nu * special.kv(nu, h)
    np.testing.assert_allclose(
        matern_correlation(double(logs), double(nu)).numpy(), wanted, rtol=1e-11, atol=1e-300
    )


@pytest.mark.parametrize("nu", [1e3, 22026.0, 1e8])
def test_a_large_smoothness_is_gaussian(nu: float) -> None:
    logs = double([-4.0, -1.0, 0.0, 0.8, 1.5])
    square = torch.exp(2 * logs)
    gaussian = torch.exp(-square / 2)
    value, slope = matern_derivatives(logs, double(nu))
    # The next term of the expansion in 1 / nu: E exp(-D^2 nu / (2 U)), U of mean nu and variance nu.
    second = gaussian * (square**2 / 8 - square / 2) / nu
    torch.testing.assert_close(value, gaussian + second, rtol=0, atol=30 / nu**2 + 2e-12)
    torch.testing.assert_close(slope, -second / nu, rtol=0, atol=60 / nu**3 + 1e-16)
    torch.testing.assert_close(matern_decline(logs, double(nu)), square * gaussian, rtol=0, atol=20 / nu)


def test_half_integers_are_the_closed_forms() -> None:
    theta, logs = double([0.3, -0.2]), double(np.linspace(-8, 3, 60))
    distance = torch.exp(logs)
    closed = {
        "1/2": lambda t: torch.exp(-t),
        "3/2": lambda t: (1 + t) * torch.exp(-t),
        "5/2": lambda t: (1 + t + t * t / 3) * torch.exp(-t),
    }
    for (name, formula), nu in zip(closed.items(), (0.5, 1.5, 2.5), strict=True):
        wanted = formula(math.sqrt(2 * nu) * distance)
        torch.testing.assert_close(matern_correlation(logs, double(nu)), wanted, rtol=1e-13, atol=1e-300)
        given_, estimated = cov.MaternMatrix(PLANE, nu=name), cov.MaternMatrix(PLANE, nu="estimated")
        at = given_.build_params(theta)
        both = torch.cat([at, double([nu])])
        torch.testing.assert_close(given_.evaluate(at), estimated.evaluate(both), rtol=1e-13, atol=0)
        torch.testing.assert_close(
            given_.differentiate(at, [0, 1]), estimated.differentiate(both, [0, 1]), rtol=1e-12, atol=1e-300
        )
        torch.testing.assert_close(cov.MaternMatrix(PLANE, nu=nu)(theta), given_(theta), rtol=0, atol=0)
        for i, x in enumerate(PLANE):
            for j, y in enumerate(PLANE):
                d = double(math.dist(x, y)) / math.exp(-0.2)
                entry = math.exp(0.6) * formula(math.sqrt(2 * nu) * d)
                torch.testing.assert_close(given_(theta)[i, j], entry, rtol=1e-13, atol=0)


def test_one_half_is_the_exponential() -> None:
    theta = double([0.1, 0.4])
    for own in (False, True):
        raw = double([0.1, 0.4, -0.2]) if own else theta
        torch.testing.assert_close(
            cov.MaternMatrix(PLANE, nu="1/2", anisotropic=own)(raw),
            cov.ExponentialMatrix(PLANE, anisotropic=own)(raw),
        )
    torch.testing.assert_close(
        cov.MaternMatrix(SEA, nu="1/2", metric="great-circle")(theta),
        cov.ExponentialMatrix(SEA, metric="great-circle")(theta),
    )


def test_the_constant_is_smooth_where_its_formula_changes() -> None:
    # psi at 10 and a little beyond, from mpmath.
    for nu in (1e-8, 0.3, 9.9999999, 10.0, 10.0000001, 1e5):
        with mpmath.workdps(40):
            wanted = mpmath.log(mpmath.mpf(nu)) - mpmath.digamma(mpmath.mpf(nu))
        assert float(smoothness_slope(double(nu))) == pytest.approx(float(wanted), rel=2e-14)


@given(st.floats(-20, 4), st.floats(-9, 9))
@settings(deadline=None, max_examples=60)
def test_modes_of_differentiation_agree(log_distance: float, log_nu: float) -> None:
    def function(point: torch.Tensor) -> torch.Tensor:
        return matern_correlation(point[:1], torch.exp(point[1]))

    point = double([log_distance, log_nu])
    forward, reverse = torch.func.jacfwd(function)(point), torch.func.jacrev(function)(point)
    nu = torch.exp(point[1])
    _, slope = matern_derivatives(point[:1], nu)
    by_hand = torch.stack([-matern_decline(point[:1], nu)[0], nu * slope[0]])[None]
    torch.testing.assert_close(forward, reverse, rtol=1e-12, atol=1e-300)
    torch.testing.assert_close(forward, by_hand, rtol=1e-10, atol=1e-15)


def test_higher_derivatives_and_batches() -> None:
    logs = double([-1.5, 0.0, 0.7])

    def function(point: torch.Tensor) -> torch.Tensor:
        return matern_correlation(logs * point[0], point[1])

    point = double([1.1, 0.8])
    assert torch.autograd.gradcheck(
        function, point.clone().requires_grad_(), check_forward_ad=True, check_batched_grad=True
    )
    assert torch.autograd.gradgradcheck(function, point.clone().requires_grad_())
    hessian = torch.func.jacfwd(torch.func.jacrev(function))(point)
    torch.testing.assert_close(hessian, torch.func.jacrev(torch.func.jacfwd(function))(point))
    torch.testing.assert_close(hessian, torch.func.jacrev(torch.func.jacrev(function))(point))
    torch.testing.assert_close(hessian, hessian.mT)
    # torch gives zeros here, silently; an error is better.
    with pytest.raises(NotImplementedError, match=r"use torch\.func\.jacrev"):
        torch.func.jacfwd(torch.func.jacfwd(function))(point)
    batch = torch.stack([point, 2 * point, point / 3])
    wanted = torch.stack([function(one) for one in batch])
    torch.testing.assert_close(torch.func.vmap(function)(batch), wanted, rtol=1e-14, atol=0)
    matrix = cov.MaternMatrix(PLANE, nu="estimated")
    thetas = double([[0.0, 0.0, 0.0], [0.3, -0.5, 1.0]])
    torch.testing.assert_close(
        torch.func.vmap(matrix.evaluate)(torch.exp(thetas)),
        torch.stack([matrix.evaluate(torch.exp(theta)) for theta in thetas]),
        rtol=1e-14,
        atol=0,
    )


def test_single_precision_is_that_of_its_arguments() -> None:
    logs, nu = torch.linspace(-10, 2, 50), torch.tensor(0.7)
    single = matern_correlation(logs, nu)
    assert single.dtype == torch.float32
    torch.testing.assert_close(
        single.double(), matern_correlation(logs.double(), nu.double()), rtol=1e-7, atol=0
    )


@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=1, max_size=9), st.booleans(), st.data()
)
@settings(deadline=None, max_examples=60)
def test_positive_semi_definite_and_finite(
    points: list[tuple[float, float]], anisotropic: bool, data: st.DataObject
) -> None:
    nu = data.draw(st.sampled_from(["1/2", "3/2", "5/2", "estimated"]))
    matrix = cov.MaternMatrix(points, nu=nu, anisotropic=anisotropic)
    count = matrix.num_free_params
    theta = double(data.draw(st.lists(st.floats(-10, 10), min_size=count, max_size=count)))
    value, (grad, _) = matrix(theta), matrix.grad(theta)
    assert bool(torch.isfinite(value).all())
    assert bool(torch.isfinite(grad).all())
    assert bool(torch.isfinite(matrix(theta.float())).all())
    eigenvalues = torch.linalg.eigvalsh(value)
    assert float(eigenvalues[0]) >= -1e-10 * float(eigenvalues[-1]), eigenvalues


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=2, max_size=9), st.data())
@settings(deadline=None, max_examples=40)
def test_positive_semi_definite_on_the_sphere(places: list[tuple[float, float]], data: st.DataObject) -> None:
    matrix = cov.MaternMatrix(places, nu="estimated", metric="great-circle")
    theta = double([data.draw(st.floats(-3, 3)), data.draw(st.floats(2, 10)), data.draw(st.floats(-10, 10))])
    eigenvalues = torch.linalg.eigvalsh(matrix(theta))
    assert float(eigenvalues[0]) >= -1e-10 * float(eigenvalues[-1]), eigenvalues


def test_great_circle_distances_limit_the_smoothness() -> None:
    matrix = cov.MaternMatrix(SEA, nu="estimated", metric="great-circle")
    assert matrix.parameters[2].transform.bounds == (0.0, 0.5)
    assert matrix.parameters[2].value == 0.25
    assert cov.MaternMatrix(SEA, nu="estimated").parameters[2].transform.bounds == (0.0, math.inf)
    for nu in ("3/2", "5/2"):
        with pytest.raises(ValueError, match="Matern with nu up to 1/2"):
            cov.MaternMatrix(SEA, nu=nu, metric="great-circle")
        assert cov.MaternMatrix(SEA, nu=nu, metric="chordal").psd


def test_smoothness_that_is_refused() -> None:
    for nu in ("7/2", "1.5", 2.0, -1, None, True):
        with pytest.raises(ValueError, match=r"nu must be '1/2', '3/2', '5/2' or 'estimated', got .* fix it"):
            cov.MaternMatrix(PLANE, nu=nu)  # type: ignore[arg-type]
    matrix = cov.MaternMatrix(PLANE, nu="estimated")
    matrix.set_param_specs("nu", value=0.8, fixed=True)
    assert matrix.free_param_names == ["sigma^2", "range"]
    distance = math.dist(PLANE[0], PLANE[1]) * math.sqrt(1.6)
    wanted = 2**0.2 / special.gamma(0.8) * distance**0.8 * special.kv(0.8, distance)
    assert float(matrix(double([0.0, 0.0]))[0, 1]) == pytest.approx(wanted, rel=1e-6)


def test_distances_of_every_size() -> None:
    # Coincident, nearly coincident and far points, at the ends of nu and range.
    matrix = cov.MaternMatrix([0.0, 0.0, 1e-200, 1e-9, 1.0, 1e9, 1e200], nu="estimated")
    assert not matrix.positive_definite
    for nu in (0.0, 1e-12, 4.5e-5, 0.5, 22026.0):
        for scale in (0.0, 4.5e-5, 1.0, 22026.0):
            at = double([1.0, scale, nu])
            value = matrix.evaluate(at)
            assert bool(torch.isfinite(value).all())
            assert bool((value.diagonal() == 1).all())
            assert float(value[0, 1]) == 1
            assert float(value.max()) <= 1 + 1e-12
            assert float(value.min()) >= 0
            assert bool(torch.isfinite(matrix.differentiate(at, [0, 1, 2])).all())
            assert bool(torch.isfinite(torch.func.jacfwd(matrix.evaluate)(at)).all())


VARIANTS = [
    Case("1/2", lambda: cov.MaternMatrix(PLANE, nu="1/2")),
    Case("3/2, anisotropic", lambda: cov.MaternMatrix(PLANE, anisotropic=True)),
    Case("5/2, chordal", lambda: cov.MaternMatrix(SEA, nu="5/2", metric="chordal")),
    Case("estimated, anisotropic", lambda: cov.MaternMatrix(PLANE, nu="estimated", anisotropic=True)),
    Case("estimated, line", lambda: cov.MaternMatrix([0.0, 3.0, 0.4, 1.7], nu="estimated")),
    Case("estimated, great-circle", lambda: cov.MaternMatrix(SEA, nu="estimated", metric="great-circle")),
    Case("estimated, one point", lambda: cov.MaternMatrix([3.0], nu="estimated")),
]


@pytest.mark.parametrize("case", VARIANTS, ids=lambda case: case.name)
def test_contract_of_variants(case: Case) -> None:
    keep(replace(case, variant=True))
