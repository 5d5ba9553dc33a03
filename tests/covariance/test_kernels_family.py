"""Periodic, dot product and polynomial covariances, against formulas written here with loops.

Formulas: Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, section 4.2.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import covstudio.covariance as cov
from covstudio.covariance import Matrix, structure
from tests.covariance.contract import Case, keep

PLANE = [[0.0, 0.0], [0.3, -0.25], [0.15, 0.4], [0.42, 0.1], [0.15, 0.4]]
LINE = [0.0, 0.3, 0.9, 1.6, 2.45, -1.0, 2.2, 0.1, 3.0, 0.7, 1.1, -0.4]


def natural(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def table(coordinates: object) -> list[list[float]]:
    values = np.asarray(coordinates, dtype=float)
    return (values[:, None] if values.ndim == 1 else values).tolist()


def periodic(coordinates: object, sigma2: float, periods: list[float], ranges: list[float]) -> np.ndarray:
    points = table(coordinates)
    result = np.zeros((len(points), len(points)))
    for i, x in enumerate(points):
        for j, y in enumerate(points):
            product = sigma2
            for k, (a, b) in enumerate(zip(x, y, strict=True)):
                p, r = periods[k % len(periods)], ranges[k % len(ranges)]
                product *= math.exp(-2 * math.sin(math.pi * (a - b) / p) ** 2 / r**2)
            result[i, j] = product
    return result


def inner(coordinates: object, sigma2: float, offset: float, degree: int) -> np.ndarray:
    points = table(coordinates)
    result = np.zeros((len(points), len(points)))
    for i, x in enumerate(points):
        for j, y in enumerate(points):
            result[i, j] = sigma2 * (offset + sum(a * b for a, b in zip(x, y, strict=True))) ** degree
    return result


@pytest.mark.parametrize("coordinates", [LINE, PLANE], ids=["line", "plane"])
@pytest.mark.parametrize("period", [0.35, 1.3, 12.0])
@pytest.mark.parametrize("scale", [0.4, 1.0, 5.0])
def test_periodic_values(coordinates: object, period: float, scale: float) -> None:
    value = cov.PeriodicMatrix(coordinates).evaluate(natural(1.7, period, scale))
    np.testing.assert_allclose(
        value.numpy(), periodic(coordinates, 1.7, [period], [scale]), rtol=1e-12, atol=1e-15
    )


def test_periodic_values_of_each_coordinate() -> None:
    matrix = cov.PeriodicMatrix(PLANE, anisotropic=True)
    assert matrix.param_names == ["sigma^2", "period_0", "period_1", "range_0", "range_1"]
    value = matrix.evaluate(natural(1.7, 0.7, 1.9, 0.8, 1.4))
    np.testing.assert_allclose(value.numpy(), periodic(PLANE, 1.7, [0.7, 1.9], [0.8, 1.4]), rtol=1e-12)
    assert cov.PeriodicMatrix(PLANE).param_names == ["sigma^2", "period", "range"]


def test_periodic_values_return_with_every_period() -> None:
    matrix = cov.PeriodicMatrix([0.0, 0.3, 7.0, 7.3, 1e6 + 0.3])
    assert matrix.psd
    assert not matrix.positive_definite
    value = matrix.evaluate(natural(1.0, 1.0, 0.5))
    torch.testing.assert_close(value[0, [0, 2]], torch.ones(2).double(), rtol=1e-12, atol=0)
    torch.testing.assert_close(value[0, 1], value[0, 3], rtol=1e-12, atol=0)
    torch.testing.assert_close(value[0, 1], value[0, 4], rtol=1e-8, atol=0)


@pytest.mark.parametrize("values", [(1.0, 0.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1e-300, 1e-300)])
def test_periodic_values_at_the_ends_are_finite(values: tuple[float, ...]) -> None:
    for dtype in (torch.float64, torch.float32):
        matrix, at = cov.PeriodicMatrix(LINE), torch.tensor(values, dtype=dtype)
        assert bool(torch.isfinite(matrix.evaluate(at)).all())
        assert bool(torch.isfinite(matrix.differentiate(at, [0, 1, 2])).all())
        assert bool(torch.isfinite(torch.func.jacfwd(matrix.evaluate)(at)).all())


def test_locally_periodic_is_a_hadamard_product() -> None:
    product = cov.HadamardProduct(cov.PeriodicMatrix(LINE), cov.GaussianMatrix(LINE))
    assert product.psd
    value = product(torch.zeros(5, dtype=torch.float64)).numpy()
    for i, x in enumerate(LINE):
        for j, y in enumerate(LINE):
            wanted = math.exp(-2 * math.sin(math.pi * (x - y)) ** 2) * math.exp(-((x - y) ** 2) / 2)
            assert value[i, j] == pytest.approx(wanted, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("coordinates", [LINE, PLANE], ids=["line", "plane"])
@pytest.mark.parametrize("offset", [0.0, 0.7, 30.0])
@pytest.mark.parametrize("degree", [1, 2, 5])
def test_polynomial_values(coordinates: object, offset: float, degree: int) -> None:
    at = natural(1.7, offset)
    wanted = inner(coordinates, 1.7, offset, degree)
    value = cov.PolynomialMatrix(coordinates, degree=degree).evaluate(at)
    np.testing.assert_allclose(value.numpy(), wanted, rtol=1e-12, atol=1e-12)
    if degree == 1:
        np.testing.assert_allclose(cov.DotProductMatrix(coordinates).evaluate(at).numpy(), wanted, atol=1e-13)


def test_the_default_values() -> None:
    value = cov.DotProductMatrix([1.0, 2.0])(torch.tensor([0.5, -0.3], dtype=torch.float64)).numpy()
    np.testing.assert_allclose(value, inner([1.0, 2.0], math.e, math.exp(-0.3), 1), rtol=1e-14)
    assert cov.PolynomialMatrix([1.0, 2.0]).degree == 2
    for matrix in (cov.DotProductMatrix(PLANE), cov.PolynomialMatrix(PLANE)):
        assert matrix.param_names == ["sigma^2", "offset"]
        assert matrix.psd
        assert not matrix.positive_definite


def test_a_dot_product_is_a_random_regression() -> None:
    design = torch.cat([torch.ones(12, 1), torch.tensor(LINE)[:, None]], dim=1).double()
    regression = cov.CovariancePropagation(z=design, g=cov.DiagonalMatrix(2))
    wanted = regression.evaluate(natural(1.2 * 0.6, 1.2))
    torch.testing.assert_close(cov.DotProductMatrix(LINE).evaluate(natural(1.2, 0.6)), wanted)


def test_degrees_and_coordinates_that_are_refused() -> None:
    with pytest.raises(ValueError, match="degree must be at least 1"):
        cov.PolynomialMatrix(LINE, degree=0)
    with pytest.raises(TypeError, match="degree must be an int"):
        cov.PolynomialMatrix(LINE, degree=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"PolynomialMatrix: coordinates must be small enough .* rescale"):
        cov.PolynomialMatrix([1e30, 2e30], degree=6)
    with pytest.raises(TypeError, match="anisotropic must be True or False"):
        cov.PeriodicMatrix(LINE, anisotropic=1)  # type: ignore[arg-type]


def test_low_rank() -> None:
    dot, cubic, wide = (
        cov.DotProductMatrix(LINE),
        cov.PolynomialMatrix(LINE, degree=3),
        cov.DotProductMatrix(PLANE),
    )
    assert structure.kind(dot) == structure.kind(cubic) == "low rank"
    assert structure.kind(wide) == "dense"
    at = natural(1.3, 0.8)
    for matrix, columns in ((dot, 2), (cubic, 4)):
        lower = structure.factor(matrix, at)
        assert lower.shape == (12, columns)
        torch.testing.assert_close(lower @ lower.T, matrix.evaluate(at))


VARIANTS = [
    Case(
        "periodic, plane", lambda: cov.PeriodicMatrix([[0.0, 0.0], [0.31, 0.12], [0.15, 0.43], [0.42, 0.27]])
    ),
    Case(
        "periodic, anisotropic",
        lambda: cov.PeriodicMatrix([[0.0, 0.0], [0.31, 0.12], [0.15, 0.43]], anisotropic=True),
    ),
    Case("dot product, low rank", lambda: cov.DotProductMatrix(LINE)),
    Case("polynomial, low rank", lambda: cov.PolynomialMatrix(LINE, degree=3)),
    Case("polynomial, plane", lambda: cov.PolynomialMatrix(PLANE, degree=2)),
    Case("polynomial, plane, low rank", lambda: cov.PolynomialMatrix([*PLANE, *PLANE[:4], *PLANE], degree=2)),
    Case("polynomial, degree 1", lambda: cov.PolynomialMatrix(PLANE, degree=1)),
]


@pytest.mark.parametrize("case", VARIANTS, ids=lambda case: case.name)
def test_contract_of_variants(case: Case) -> None:
    keep(case)


number = st.one_of(st.floats(-3, 3), st.integers(-3, 3).map(float))


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    count = draw(st.integers(1, 3))
    points = draw(st.lists(st.lists(number, min_size=count, max_size=count), min_size=1, max_size=9))
    which = draw(st.sampled_from(["periodic", "dot", "polynomial"]))
    if which == "periodic":
        return cov.PeriodicMatrix(points, anisotropic=draw(st.booleans()))
    return (
        cov.DotProductMatrix(points)
        if which == "dot"
        else cov.PolynomialMatrix(points, degree=draw(st.integers(1, 4)))
    )


@given(matrices(), st.data())
@settings(deadline=None, max_examples=200)
def test_positive_semi_definite(matrix: Matrix, data: st.DataObject) -> None:
    count = matrix.num_free_params
    theta = torch.tensor(
        data.draw(st.lists(st.floats(-10, 10), min_size=count, max_size=count)), dtype=torch.float64
    )
    value, (grad, _) = matrix(theta), matrix.grad(theta)
    assert bool(torch.isfinite(value).all())
    assert bool(torch.isfinite(grad).all())
    eigenvalues = torch.linalg.eigvalsh(value)
    assert float(eigenvalues[0]) >= -1e-10 * float(eigenvalues[-1]), eigenvalues
