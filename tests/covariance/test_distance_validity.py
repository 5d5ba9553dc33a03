"""Structures of distance are covariances wherever they are valid: contract, definiteness, limits, slopes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import covstudio.covariance as cov
from covstudio.covariance import Matrix, SingularMatrixError, structure
from tests.covariance.contract import Case, keep
from tests.covariance.distance_cases import CITIES, LINE, PLANE, SEA, SIMPLE, SMALL, SPACE, natural


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
    keep(replace(case, variant=True))


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
