"""Coordinates, dimensions and metrics: which structures of distance take, and which they refuse."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

import covstudio.covariance as cov
from covstudio.covariance import Matrix
from covstudio.covariance.numerics.distance import distances
from tests.covariance.distance_cases import LINE, PLANE, SEA, SIMPLE, SPACE, natural


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
