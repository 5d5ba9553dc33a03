"""Values and distances of stationary structures of coordinates, against formulas from the literature.

Formulas, written here with loops: Cressie (1993), Statistics for Spatial Data, section 2.3; Diggle & Ribeiro
(2007), Model-based Geostatistics, section 3.4; Rasmussen & Williams (2006), Gaussian Processes for Machine
Learning, chapter 4. Parameters: variances exp(2 theta), ranges exp(theta), rho sigmoid(theta).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

import covstudio.covariance as cov
from covstudio.covariance import Matrix
from covstudio.covariance.numerics.distance import EARTH_RADIUS_KM, Pairs, coordinate_distances, distances
from tests.covariance.distance_cases import CITIES, LINE, PLANE, SPACE, natural

Correlation = Callable[[float, Sequence[float]], float]


def spherical(h: float, _: Sequence[float]) -> float:
    return 1 - 1.5 * h + 0.5 * h**3 if h < 1 else 0.0


def circular(h: float, _: Sequence[float]) -> float:
    return 1 - 2 / math.pi * (h * math.sqrt(1 - h * h) + math.asin(h)) if h < 1 else 0.0


FORMULAS: dict[str, tuple[type[Matrix], Correlation, list[float]]] = {
    "exponential": (cov.ExponentialMatrix, lambda h, _: math.exp(-h), []),
    "Gaussian": (cov.GaussianMatrix, lambda h, _: math.exp(-(h**2) / 2), []),
    "spherical": (cov.SphericalMatrix, spherical, []),
    "circular": (cov.CircularMatrix, circular, []),
    "linear": (cov.LinearDistanceMatrix, lambda h, _: max(0.0, 1 - h), []),
    "rational quadratic": (
        cov.RationalQuadraticMatrix,
        lambda h, s: (1 + h * h / (2 * s[0])) ** -s[0],
        [1.7],
    ),
    "damped cosine": (cov.DampedCosineMatrix, lambda h, s: math.exp(-h) * math.cos(s[0] * h), [0.45]),
}
MOST = {"spherical": 3, "circular": 2, "linear": 1}


def rows(coordinates: object) -> list[list[float]]:
    table = np.asarray(coordinates, dtype=float)
    return (table[:, None] if table.ndim == 1 else table).tolist()


def expected(
    coordinates: object,
    correlation: Correlation,
    sigma2: float,
    ranges: Sequence[float],
    shape: Sequence[float],
) -> np.ndarray:
    points = rows(coordinates)
    result = np.zeros((len(points), len(points)))
    for i, x in enumerate(points):
        for j, y in enumerate(points):
            scales = list(ranges) * (len(x) if len(ranges) == 1 else 1)
            h = math.sqrt(sum(((a - b) / r) ** 2 for a, b, r in zip(x, y, scales, strict=True)))
            result[i, j] = sigma2 * correlation(h, shape)
    return result


VALID = [
    pytest.param(name, coordinates, id=f"{name}, {where}")
    for name in FORMULAS
    for where, coordinates in (("line", LINE), ("plane", PLANE), ("space", SPACE))
    if len(rows(coordinates)[0]) <= MOST.get(name, 3)
]


@pytest.mark.parametrize(("name", "coordinates"), VALID)
@pytest.mark.parametrize("sigma2", [1.0, 2.3])
@pytest.mark.parametrize("scale", [0.05, 0.9, 1.9, 40.0])
def test_values(name: str, coordinates: object, sigma2: float, scale: float) -> None:
    cls, correlation, shape = FORMULAS[name]
    count = len(rows(coordinates)[0])
    value = cls(coordinates).evaluate(natural(sigma2, scale, *shape)).numpy()
    np.testing.assert_allclose(
        value, expected(coordinates, correlation, sigma2, [scale], shape), rtol=1e-12, atol=1e-14
    )
    if name != "linear":
        ranges = [scale * (1 + 0.3 * k) for k in range(count)]
        matrix = cls(coordinates, anisotropic=True)
        assert [p for p in matrix.param_names if "range_" in p and p != "omega_range"] == [
            f"range_{k}" for k in range(count)
        ]
        value = matrix.evaluate(natural(sigma2, *ranges, *shape)).numpy()
        np.testing.assert_allclose(
            value, expected(coordinates, correlation, sigma2, ranges, shape), rtol=1e-12, atol=1e-14
        )


def test_values_at_raw_parameters() -> None:
    matrix = cov.RationalQuadraticMatrix(PLANE)
    theta = torch.tensor([0.3, -0.4, 0.7], dtype=torch.float64)
    wanted = expected(
        PLANE, FORMULAS["rational quadratic"][1], math.exp(0.6), [math.exp(-0.4)], [math.exp(0.7)]
    )
    np.testing.assert_allclose(matrix(theta).numpy(), wanted, rtol=1e-13)


def test_city_block_distances() -> None:
    for cls, scale in ((cov.ExponentialMatrix, 0.8), (cov.PowerMatrix, math.exp(-1 / 0.8))):
        value = cls(PLANE, metric="cityblock").evaluate(natural(1.5, scale)).numpy()
        for i, x in enumerate(PLANE):
            for j, y in enumerate(PLANE):
                distance = abs(x[0] - y[0]) + abs(x[1] - y[1])
                assert value[i, j] == pytest.approx(1.5 * math.exp(-distance / 0.8), rel=1e-13)
    own = cov.ExponentialMatrix(PLANE, metric="cityblock", anisotropic=True).evaluate(natural(1.5, 0.8, 2.0))
    product = cov.PowerMatrix(PLANE, metric="cityblock", anisotropic=True).evaluate(
        natural(1.5, math.exp(-1 / 0.8), math.exp(-1 / 2.0))
    )
    for i, x in enumerate(PLANE):
        for j, y in enumerate(PLANE):
            wanted = 1.5 * math.exp(-abs(x[0] - y[0]) / 0.8) * math.exp(-abs(x[1] - y[1]) / 2.0)
            assert float(own[i, j]) == pytest.approx(wanted, rel=1e-13)
            assert float(product[i, j]) == pytest.approx(wanted, rel=1e-13)


def test_power_values() -> None:
    value = cov.PowerMatrix(PLANE)(torch.tensor([0.2, 0.6], dtype=torch.float64)).numpy()
    rho = 1 / (1 + math.exp(-0.6))
    np.testing.assert_allclose(
        value, expected(PLANE, lambda d, _: rho**d, math.exp(0.4), [1.0], []), rtol=1e-13
    )
    assert cov.PowerMatrix([0.0, 1.0, 2.0]).param_names == ["sigma^2", "rho"]
    assert cov.PowerMatrix(PLANE, metric="cityblock", anisotropic=True).param_names == [
        "sigma^2",
        "rho_0",
        "rho_1",
    ]


@pytest.mark.parametrize("rho", [0.0, 1e-300, 0.5, 1.0])
def test_power_at_and_near_its_limits(rho: float) -> None:
    matrix = cov.PowerMatrix([0.0, 0.25, 1.0, 3.0])
    value, slope = matrix.evaluate(natural(2.0, rho)), matrix.differentiate(natural(2.0, rho), [1])[0]
    assert bool(torch.isfinite(value).all())
    assert bool(torch.isfinite(slope).all())
    assert float(value[0, 2]) == pytest.approx(2 * rho, abs=1e-300)
    assert float(slope[0, 2]) == pytest.approx(2.0)
    assert bool((slope.diagonal() == 0).all())


#: Kilometres between the cities, as tables of flights give them.
FLIGHTS = [
    ("Berlin", "Paris", 878.0),
    ("London", "New York", 5570.0),
    ("London", "Paris", 344.0),
    ("Sydney", "Tokyo", 7820.0),
    ("Berlin", "Sydney", 16095.0),
]


def haversine(a: tuple[float, float], b: tuple[float, float]) -> float:
    p, q = math.radians(a[0]), math.radians(b[0])
    lon = math.radians(b[1] - a[1])
    s = math.sin((q - p) / 2) ** 2 + math.cos(p) * math.cos(q) * math.sin(lon / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(s))


def test_great_circle_distances_of_cities() -> None:
    names = list(CITIES)
    found = distances(torch.tensor([CITIES[name] for name in names], dtype=torch.float64), "great-circle")
    for one, other, kilometres in FLIGHTS:
        i, j = names.index(one), names.index(other)
        assert float(found[i, j]) == pytest.approx(kilometres, rel=0.003)
        assert float(found[i, j]) == pytest.approx(haversine(CITIES[one], CITIES[other]), rel=1e-12)
    # One degree of latitude, half the equator, pole to pole.
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 180.0], [90.0, 10.0], [-90.0, -77.0]]).double()
    found = distances(points, "great-circle")
    around = 2 * math.pi * EARTH_RADIUS_KM
    for (i, j), part in {(0, 1): 1 / 360, (0, 2): 0.5, (3, 4): 0.5, (0, 3): 0.25}.items():
        assert float(found[i, j]) == pytest.approx(part * around, rel=1e-12)
    chord = distances(points, "chordal")
    torch.testing.assert_close(chord, 2 * EARTH_RADIUS_KM * torch.sin(found / 2 / EARTH_RADIUS_KM))


def test_great_circle_distances_of_near_places_are_accurate() -> None:
    step = 1e-7
    points = torch.tensor([[10.0, 20.0], [10.0 + step, 20.0]], dtype=torch.float64)
    for metric in ("great-circle", "chordal"):
        assert float(distances(points, metric)[0, 1]) == pytest.approx(
            math.radians(step) * EARTH_RADIUS_KM, rel=1e-6
        )


def test_one_place_written_in_two_ways_is_one_place() -> None:
    for one, other in (
        ((90.0, 0.0), (90.0, 77.0)),
        ((3.0, 180.0), (3.0, -180.0)),
        ((3.0, -10.0), (3.0, 350.0)),
    ):
        for metric in ("great-circle", "chordal"):
            matrix = cov.ExponentialMatrix([one, other], metric=metric)
            assert not matrix.positive_definite
            assert torch.equal(matrix(), torch.ones(2, 2))


def test_great_circle_covariance() -> None:
    places = list(CITIES.values())
    matrix = cov.ExponentialMatrix(places, metric="great-circle")
    assert matrix.positive_definite
    value = matrix.evaluate(natural(2.0, 3000.0))
    power = cov.PowerMatrix(places, metric="great-circle").evaluate(natural(2.0, math.exp(-1 / 3000.0)))
    for i, a in enumerate(places):
        for j, b in enumerate(places):
            wanted = 2 * math.exp(-haversine(a, b) / 3000)
            assert float(value[i, j]) == pytest.approx(wanted, rel=1e-12)
            assert float(power[i, j]) == pytest.approx(wanted, rel=1e-10)


def test_distances_are_kept_once_on_a_grid() -> None:
    grid = torch.cartesian_prod(torch.arange(9.0), torch.arange(7.0)).double()
    for parts in (distances(grid)[None], coordinate_distances(grid)):
        pairs = Pairs(parts)
        assert pairs.parts.shape[1] <= 64
        assert torch.equal(pairs.spread(pairs.parts), parts)
        assert pairs.distinct
    scattered = distances(
        torch.rand((20, 3), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    )
    for costly in (False, True):
        pairs = Pairs(scattered[None], costly)
        assert pairs.parts.numel() == (191 if costly else 400)
        assert torch.equal(pairs.spread(pairs.parts[0]), scattered)
        assert torch.equal(pairs.spread(pairs.parts), scattered[None])
    assert not Pairs(torch.zeros((1, 2, 2), dtype=torch.float64)).distinct
