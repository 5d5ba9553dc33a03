"""Stationary structures of coordinates, against formulas written here with loops from the literature.

Formulas: Cressie (1993), Statistics for Spatial Data, section 2.3; Diggle & Ribeiro (2007), Model-based
Geostatistics, section 3.4; Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, chapter 4.
Parameters: variances exp(2 theta), ranges exp(theta), rho sigmoid(theta).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import contract_derivatives  # noqa: F401
import contract_parameters  # noqa: F401
import contract_structure  # noqa: F401
import contract_values  # noqa: F401
import contract_written  # noqa: F401
import numpy as np
import pandas as pd
import pytest
import torch
from contract import CONTRACT, Case
from hypothesis import given, settings
from hypothesis import strategies as st

import covstudio.covariance as cov
from covstudio.covariance import Matrix, SingularMatrixError, structure
from covstudio.covariance.distance import EARTH_RADIUS_KM, Pairs, coordinate_distances, distances

PLANE = [[0.0, 0.0], [1.0, 0.25], [0.5, 2.0], [2.2, 1.5], [0.5, 2.0]]
SPACE = [[0.0, 0.0, 1.0], [1.0, 0.25, 0.3], [0.5, 2.0, -0.4], [2.2, 1.5, 0.8]]
LINE = [0.0, 3.0, 0.4, 1.7, 0.4]
SMALL = [[0.0, 0.0], [0.4, 0.05], [0.1, 0.5], [0.6, 0.3]]
SEA = [[52.52, 13.405], [52.53, 13.42], [52.5, 13.39], [52.55, 13.40]]

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


def natural(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


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


# City centres in degrees, and the distances between them in kilometres as tables of flights give them.
CITIES = {
    "Berlin": (52.5200, 13.4050),
    "Paris": (48.8566, 2.3522),
    "New York": (40.7128, -74.0060),
    "London": (51.5074, -0.1278),
    "Sydney": (-33.8688, 151.2093),
    "Tokyo": (35.6762, 139.6503),
}
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


SIMPLE = [
    cov.ExponentialMatrix,
    cov.GaussianMatrix,
    cov.SphericalMatrix,
    cov.RationalQuadraticMatrix,
    cov.DampedCosineMatrix,
    cov.PowerMatrix,
    cov.MaternMatrix,
]


@pytest.mark.parametrize("cls", SIMPLE)
def test_all_ways_to_give_coordinates(cls: type[Matrix]) -> None:
    table = [[0.0, 1.0], [2.0, 0.5], [1.0, 1.5]]
    wanted = cls(table)()  # type: ignore[call-arg]
    frame = pd.DataFrame(table, columns=["x", "y"])
    for given_ in (np.array(table), torch.tensor(table), frame, [tuple(row) for row in table], tuple(table)):
        assert torch.equal(cls(given_)(), wanted)  # type: ignore[call-arg]
    column = [row[0] for row in table]
    wanted = cls(column)()  # type: ignore[call-arg]
    for given_ in (
        frame["x"],
        frame[["x"]],
        np.array(column),
        torch.tensor(column)[:, None],
        [[x] for x in column],
    ):
        assert torch.equal(cls(given_)(), wanted)  # type: ignore[call-arg]


ALL = [
    *SIMPLE,
    cov.CircularMatrix,
    cov.LinearDistanceMatrix,
    cov.PeriodicMatrix,
    cov.DotProductMatrix,
    cov.PolynomialMatrix,
]


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize(
    ("coordinates", "error", "message"),
    [
        ([], ValueError, "coordinates must be a vector"),
        (torch.zeros((2, 2, 2)), ValueError, r"got shape \(2, 2, 2\)"),
        (torch.zeros((0, 2)), ValueError, r"got shape \(0, 2\)"),
        ([0.0, math.nan], ValueError, "coordinates must be finite everywhere, got nan at"),
        ([[0.0], [math.inf]], ValueError, r"got inf at \(1, 0\)"),
        ([[0.0, 1.0], [2.0]], ValueError, "rows of different length"),
        (["a", "b"], TypeError, "coordinates must hold numbers only"),
        ("north", TypeError, "coordinates must hold numbers"),
        (3.0, TypeError, "coordinates must hold numbers"),
        (torch.tensor([1j, 2.0]), TypeError, "real numbers"),
    ],
)
def test_bad_coordinates(
    cls: type[Matrix], coordinates: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        cls(coordinates)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("cls", "columns"), [(cov.SphericalMatrix, 4), (cov.CircularMatrix, 3), (cov.LinearDistanceMatrix, 2)]
)
def test_dimensions_that_are_refused(cls: type[Matrix], columns: int) -> None:
    with pytest.raises(
        ValueError, match=rf"{cls.__name__}.*got {columns} columns.*not positive semi-definite"
    ):
        cls(torch.zeros((3, columns)))  # type: ignore[call-arg]
    cls(torch.rand((3, columns - 1)))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("cls", "metric"),
    [
        *[(cls, "great-circle") for cls in SIMPLE if cls not in (cov.ExponentialMatrix, cov.PowerMatrix)],
        *[(cls, "cityblock") for cls in SIMPLE if cls not in (cov.ExponentialMatrix, cov.PowerMatrix)],
        (cov.CircularMatrix, "chordal"),
        (cov.LinearDistanceMatrix, "chordal"),
    ],
)
def test_metrics_that_are_refused(cls: type[Matrix], metric: str) -> None:
    with pytest.raises(ValueError, match=rf"{cls.__name__}: metric must be .* got '{metric}': .*"):
        cls([[1.0, 2.0], [3.0, 4.0]], metric=metric)  # type: ignore[call-arg]


def test_other_arguments_that_are_refused() -> None:
    with pytest.raises(ValueError, match="metric must be one of euclidean"):
        cov.ExponentialMatrix(LINE, metric="manhattan")
    for metric in ("great-circle", "chordal"):
        with pytest.raises(ValueError, match="latitude and longitude"):
            cov.ExponentialMatrix(SPACE, metric=metric)
        with pytest.raises(ValueError, match=r"latitude between -90 and 90 .* got 100 in row 1"):
            cov.ExponentialMatrix([[0.0, 10.0], [100.0, 10.0]], metric=metric)
        with pytest.raises(ValueError, match="longitude between -360 and 360"):
            cov.ExponentialMatrix([[0.0, 10.0], [10.0, 1000.0]], metric=metric)
        with pytest.raises(ValueError, match="anisotropic must be False"):
            cov.ExponentialMatrix(SEA, metric=metric, anisotropic=True)
    with pytest.raises(TypeError, match="anisotropic must be True or False"):
        cov.GaussianMatrix(PLANE, anisotropic="yes")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="metric must be 'cityblock' when anisotropic"):
        cov.PowerMatrix(PLANE, anisotropic=True)


def test_the_damped_cosine_is_bounded_by_its_dimensions() -> None:
    line, plane, space = (cov.DampedCosineMatrix(points) for points in (LINE, PLANE, SPACE))
    assert line.parameters[2].transform.bounds == (0.0, math.inf)
    assert plane.parameters[2].transform.bounds == pytest.approx((0.0, 1.0))
    assert space.parameters[2].transform.bounds == pytest.approx((0.0, 1 / math.sqrt(3)))
    globe = cov.DampedCosineMatrix(SEA, metric="chordal")
    assert globe.parameters[2].transform.bounds == pytest.approx((0.0, 1 / math.sqrt(3)))
    with pytest.raises(ValueError, match="omega_range"):
        plane.set_param_specs("omega_range", value=1.1)
    # Beyond the bound it is none: on a fine grid in the plane an eigenvalue turns negative.
    grid = [[0.25 * i, 0.25 * j] for i in range(14) for j in range(14)]
    matrix = cov.DampedCosineMatrix(grid)
    at_bound = torch.linalg.eigvalsh(matrix.evaluate(natural(1.0, 1.0, 1.0)))
    beyond = torch.linalg.eigvalsh(matrix.evaluate(natural(1.0, 1.0, 3.0)))
    assert float(at_bound[0]) > 0
    assert float(beyond[0]) < -1e-3


def test_the_refused_dimensions_would_not_be_covariances() -> None:
    # The linear correlation on a grid in the plane (Cressie 1993, section 2.5.1) has a negative eigenvalue.
    grid = torch.cartesian_prod(torch.arange(8.0), torch.arange(8.0)).double()
    for scale in (2.0, 5.0, 8.0):
        value = (1 - distances(grid) / scale).clamp_min(0.0)
        if float(torch.linalg.eigvalsh(value)[0]) < -1e-6:
            break
    else:
        pytest.fail("no negative eigenvalue was found")


@pytest.mark.parametrize("cls", [cov.SphericalMatrix, cov.CircularMatrix, cov.LinearDistanceMatrix])
def test_compact_structures_at_their_range(cls: type[Matrix]) -> None:
    # Distances 1, 2 and 3 at range 2: inside, at, and beyond.
    matrix = cls([0.0, 1.0, 3.0])  # type: ignore[call-arg]
    at = natural(1.0, 2.0)
    value, slopes = matrix.evaluate(at), matrix.differentiate(at, [0, 1])
    automatic = torch.func.jacfwd(matrix.evaluate)(at).movedim(-1, 0)
    reverse = torch.func.jacrev(matrix.evaluate)(at).movedim(-1, 0)
    torch.testing.assert_close(slopes, automatic)
    torch.testing.assert_close(slopes, reverse)
    assert float(value[0, 1]) > 0
    for i, j in ((1, 2), (0, 2)):
        assert float(value[i, j]) == 0
        assert float(slopes[1, i, j]) == 0


@given(st.floats(1e-12, 1e-4))
@settings(deadline=None)
def test_the_circular_slope_near_its_end(gap: float) -> None:
    matrix = cov.CircularMatrix([0.0, 1.0 - gap])
    slope = torch.func.jacfwd(matrix.evaluate)(natural(1.0, 1.0))[0, 1, 1]
    h = 1.0 - gap
    assert float(slope) == pytest.approx(4 / math.pi * h * math.sqrt((1 - h) * (1 + h)), rel=1e-9)
    torch.testing.assert_close(matrix.differentiate(natural(1.0, 1.0), [1])[0, 0, 1], slope)


VARIANTS = [
    Case(
        "exponential, city-block, anisotropic",
        lambda: cov.ExponentialMatrix(PLANE, metric="cityblock", anisotropic=True),
    ),
    Case("exponential, city-block", lambda: cov.ExponentialMatrix(PLANE, metric="cityblock")),
    Case("exponential, line", lambda: cov.ExponentialMatrix([0.0, 3.0, 0.4, 1.7, -0.6])),
    Case("exponential, line in order", lambda: cov.ExponentialMatrix([0.0, 0.4, 1.7, 3.0], anisotropic=True)),
    Case("exponential, line with coincident points", lambda: cov.ExponentialMatrix(LINE)),
    Case(
        "exponential, great-circle",
        lambda: cov.ExponentialMatrix(list(CITIES.values()), metric="great-circle"),
    ),
    Case("exponential, one point", lambda: cov.ExponentialMatrix([3.0])),
    Case(
        "exponential, grid", lambda: cov.ExponentialMatrix([[i, 1.1 * j] for i in range(4) for j in range(3)])
    ),
    Case("Gaussian, anisotropic", lambda: cov.GaussianMatrix(PLANE, anisotropic=True)),
    Case("Gaussian, chordal", lambda: cov.GaussianMatrix(SEA, metric="chordal")),
    Case("spherical, anisotropic", lambda: cov.SphericalMatrix(SMALL, anisotropic=True)),
    Case("circular, line", lambda: cov.CircularMatrix([0.0, 0.3, 0.71, 2.9])),
    Case("rational quadratic, anisotropic", lambda: cov.RationalQuadraticMatrix(PLANE, anisotropic=True)),
    Case("rational quadratic, chordal", lambda: cov.RationalQuadraticMatrix(SEA, metric="chordal")),
    Case(
        "power, city-block, anisotropic", lambda: cov.PowerMatrix(PLANE, metric="cityblock", anisotropic=True)
    ),
    Case("damped cosine, line", lambda: cov.DampedCosineMatrix(LINE)),
    Case("damped cosine, space, anisotropic", lambda: cov.DampedCosineMatrix(SPACE, anisotropic=True)),
]


@pytest.mark.parametrize("case", VARIANTS, ids=lambda case: case.name)
def test_contract_of_variants(case: Case) -> None:
    for check in CONTRACT:
        check(case)


def definite(matrix: Matrix, theta: torch.Tensor) -> None:
    eigenvalues = torch.linalg.eigvalsh(matrix(theta))
    assert float(eigenvalues[0]) >= -1e-10 * float(eigenvalues[-1]), eigenvalues


@st.composite
def tables(draw: st.DrawFn, most: int) -> list[list[float]]:
    count = draw(st.integers(1, most))
    number = st.one_of(st.floats(-3, 3), st.integers(-3, 3).map(float))
    return draw(st.lists(st.lists(number, min_size=count, max_size=count), min_size=1, max_size=9))


@pytest.mark.parametrize(
    ("cls", "most"),
    [
        (cov.ExponentialMatrix, 5),
        (cov.GaussianMatrix, 5),
        (cov.SphericalMatrix, 3),
        (cov.CircularMatrix, 2),
        (cov.LinearDistanceMatrix, 1),
        (cov.RationalQuadraticMatrix, 5),
        (cov.PowerMatrix, 5),
        (cov.DampedCosineMatrix, 5),
    ],
)
def test_positive_semi_definite_wherever_it_is_valid(cls: type[Matrix], most: int) -> None:
    @given(tables(most), st.booleans(), st.data())
    @settings(deadline=None, max_examples=60)
    def check(coordinates: list[list[float]], anisotropic: bool, data: st.DataObject) -> None:
        own: dict[str, object] = {}
        if cls is not cov.LinearDistanceMatrix:
            own["anisotropic"] = anisotropic
        if cls is cov.PowerMatrix and anisotropic:
            own["metric"] = "cityblock"
        matrix = cls(coordinates, **own)  # type: ignore[arg-type]
        count = matrix.num_free_params
        theta = data.draw(st.lists(st.floats(-10, 10), min_size=count, max_size=count))
        value = matrix(torch.tensor(theta, dtype=torch.float64))
        assert bool(torch.isfinite(value).all())
        assert bool(torch.isfinite(matrix.grad(torch.tensor(theta, dtype=torch.float64))[0]).all())
        definite(matrix, torch.tensor(theta, dtype=torch.float64))

    check()


@pytest.mark.parametrize(
    ("cls", "metric"),
    [
        (cov.ExponentialMatrix, "great-circle"),
        (cov.PowerMatrix, "great-circle"),
        *[(cls, "chordal") for cls in SIMPLE],
        (cov.ExponentialMatrix, "cityblock"),
    ],
)
def test_positive_semi_definite_with_every_metric(cls: type[Matrix], metric: str) -> None:
    place = st.tuples(st.floats(-90, 90), st.floats(-180, 360))

    @given(st.lists(place, min_size=1, max_size=9), st.data())
    @settings(deadline=None, max_examples=40)
    def check(places: list[tuple[float, float]], data: st.DataObject) -> None:
        matrix = cls(places, metric=metric)  # type: ignore[call-arg]
        count = matrix.num_free_params
        theta = torch.tensor(
            data.draw(st.lists(st.floats(-10, 10), min_size=count, max_size=count)), dtype=torch.float64
        )
        definite(matrix, theta)

    check()


@pytest.mark.parametrize("cls", SIMPLE)
def test_coincident_rows(cls: type[Matrix]) -> None:
    apart, together = cls(PLANE[:4]), cls(PLANE)  # type: ignore[call-arg]
    assert apart.positive_definite
    assert together.psd
    assert not together.positive_definite
    theta = torch.full((apart.num_free_params,), 0.3, dtype=torch.float64)
    value = together(theta)
    torch.testing.assert_close(value[4], value[2], rtol=1e-15, atol=0)
    torch.testing.assert_close(value[:4, :4], apart(theta), rtol=1e-14, atol=0)
    grad, _ = together.grad(theta)
    assert grad is not None
    assert bool(torch.isfinite(grad).all())
    assert bool((grad[1:, 2, 4] == 0).all())
    with pytest.raises(SingularMatrixError, match=cls.__name__):
        structure.solve(together, together.build_params(theta), torch.eye(5, dtype=torch.float64))


@pytest.mark.parametrize("cls", SIMPLE)
def test_no_range_is_white_noise_and_a_long_one_is_one_effect(cls: type[Matrix]) -> None:
    if cls is cov.PowerMatrix:
        return
    matrix = cls(PLANE[:4])  # type: ignore[call-arg]
    ends = matrix.build_params(matrix.free_param_defaults.double())
    for scale, wanted in ((0.0, torch.eye(4)), (1e-8, torch.eye(4)), (1e12, torch.ones(4, 4))):
        ends[1] = scale
        torch.testing.assert_close(matrix.evaluate(ends), wanted.double(), rtol=0, atol=1e-10)
        assert bool(torch.isfinite(matrix.differentiate(ends, range(matrix.num_params))).all())
        assert bool(torch.isfinite(torch.func.jacfwd(matrix.evaluate)(ends)).all())


def test_coordinates_of_any_scale() -> None:
    # Eastings and northings in metres keep their differences; so do very large and very small coordinates.
    shift = torch.tensor([4_500_000.0, 5_800_000.0], dtype=torch.float64)
    near = torch.tensor(PLANE, dtype=torch.float64)
    for cls in SIMPLE:
        theta = torch.full((cls(near).num_free_params,), 0.2)  # type: ignore[call-arg]
        torch.testing.assert_close(cls(near + shift)(theta), cls(near)(theta))  # type: ignore[call-arg]
    for scale in (1e-150, 1e150):
        value = cov.GaussianMatrix(near * scale).evaluate(natural(1.0, scale))
        torch.testing.assert_close(value, cov.GaussianMatrix(near).evaluate(natural(1.0, 1.0)))


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


def test_an_exponential_on_a_line_knows_its_inverse() -> None:
    ordered, shuffled = (
        cov.ExponentialMatrix([0.0, 0.4, 1.7, 3.0]),
        cov.ExponentialMatrix([0.4, 3.0, 0.0, 1.7]),
    )
    assert structure.kind(ordered) == "banded precision"
    assert structure.bandwidth(ordered) == 1
    assert structure.bandwidth(shuffled) is None
    assert structure.solve.is_cheap(shuffled)
    assert not structure.solve.is_cheap(cov.ExponentialMatrix(PLANE))
    with pytest.raises(SingularMatrixError, match="ExponentialMatrix"):
        structure.solve(ordered, natural(0.0, 1.0), torch.eye(4, dtype=torch.float64))


def test_second_derivatives_through_autograd() -> None:
    for cls in [*SIMPLE, cov.CircularMatrix]:
        matrix = cls(SMALL)  # type: ignore[call-arg]
        at = matrix.build_params(matrix.free_param_defaults.double()).requires_grad_()
        assert torch.autograd.gradcheck(matrix.evaluate, at, check_forward_ad=True)
        assert torch.autograd.gradgradcheck(matrix.evaluate, at)
