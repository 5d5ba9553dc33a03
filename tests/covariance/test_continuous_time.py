"""Random walks and the Ornstein-Uhlenbeck process at any times, and what processes in time make cheap."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import covstudio.covariance as cov
from covstudio.covariance import Matrix, SingularMatrixError, structure
from covstudio.covariance.linalg import is_linear
from covstudio.covariance.structures.timeseries.stationary import toeplitz_matmul
from tests.covariance.process_formulas import assert_psd, at

TIMES = [3.0, 0.5, 2.25, 7.0, 1.0]


def test_random_walk_is_the_sum_of_its_independent_steps() -> None:
    # x(t) adds up increments of variance sigma^2 (t_k - t_(k-1)), from x(0) = 0.
    order = sorted(TIMES)
    steps = np.diff([0.0, *order])
    loadings = np.array(
        [[np.sqrt(step) if t >= end else 0.0 for step, end in zip(steps, order, strict=True)] for t in TIMES]
    )
    expected = 1.5 * loadings @ loadings.T
    for given_times in (TIMES, tuple(TIMES), np.array(TIMES), torch.tensor(TIMES), pd.Series(TIMES)):
        np.testing.assert_allclose(at(cov.RandomWalkMatrix(given_times), [1.5]), expected, rtol=1e-14)


def test_integrated_random_walk_is_the_integral_of_the_random_walk() -> None:
    # cov = integral of min(u, w) over u < s, w < t, by Gauss's rule on each piece between two times: the
    # integrand is linear there but for the squares on the diagonal, where it is u on one half and w on the
    # other: t^3 / 3 minus ... is the integral over a square.
    ends = [0.0, *sorted(TIMES)]
    pieces = len(ends) - 1
    block = np.zeros((pieces, pieces))
    for i in range(pieces):
        for j in range(pieces):
            (a, b), (c, d) = ends[i : i + 2], ends[j : j + 2]
            if i == j:
                # a (b-a)^2 + the double integral of min over [0, b-a]^2, which is (b-a)^3 / 3.
                block[i, j] = a * (b - a) ** 2 + (b - a) ** 3 / 3
            else:
                block[i, j] = (min(a, c) + min(b, d)) / 2 * (b - a) * (d - c)
    inside = np.array([[float(end <= t) for end in ends[1:]] for t in TIMES])
    expected = 0.7 * inside @ block @ inside.T
    np.testing.assert_allclose(at(cov.IntegratedRandomWalkMatrix(TIMES), [0.7]), expected, rtol=1e-13)


def test_integrated_random_walk_predicts_the_cubic_smoothing_spline() -> None:
    # Green & Silverman (1994), Nonparametric Regression and Generalized Linear Models, section 2.3: the
    # fitted values are (I + alpha Q R^-1 Q')^-1 y with the banded Q and R of the knots' distances.
    t = np.array([0.5, 1.0, 2.25, 3.0, 4.5, 5.0, 7.0])
    y = np.array([0.3, 1.1, -0.4, 2.0, 1.7, 0.2, 3.3])
    n, h = len(t), np.diff(t)
    q, r = np.zeros((n, n - 2)), np.zeros((n - 2, n - 2))
    for j in range(n - 2):
        q[j : j + 3, j] = 1 / h[j], -1 / h[j] - 1 / h[j + 1], 1 / h[j + 1]
        r[j, j] = (h[j] + h[j + 1]) / 3
        if j + 1 < n - 2:
            r[j, j + 1] = r[j + 1, j] = h[j + 1] / 6
    residual, slope = 0.4, 0.9
    alpha = residual / slope
    spline = np.linalg.solve(np.eye(n) + alpha * q @ np.linalg.solve(r, q.T), y)
    g = at(cov.IntegratedRandomWalkMatrix(t), [slope])
    v = g + residual * np.eye(n)
    x = np.column_stack([np.ones(n), t])
    beta = np.linalg.solve(x.T @ np.linalg.solve(v, x), x.T @ np.linalg.solve(v, y))
    np.testing.assert_allclose(x @ beta + g @ np.linalg.solve(v, y - x @ beta), spline, atol=1e-11)


@pytest.mark.parametrize("kind", [cov.RandomWalkMatrix, cov.IntegratedRandomWalkMatrix])
def test_walks_are_linear_in_their_variance(kind: Callable[..., Matrix]) -> None:
    matrix = kind(TIMES)
    assert is_linear(matrix)
    natural = torch.tensor([2.5], dtype=torch.float64)
    torch.testing.assert_close(matrix.differentiate(natural, [0])[0] * 2.5, matrix.evaluate(natural))


@pytest.mark.parametrize(
    "kind", [cov.RandomWalkMatrix, cov.IntegratedRandomWalkMatrix, cov.OrnsteinUhlenbeckMatrix]
)
@given(times=st.lists(st.floats(0.0, 1e3), min_size=1, max_size=8), theta=st.floats(-10.0, 10.0))
@settings(max_examples=60, deadline=None)
def test_positive_semi_definite_at_any_times(
    kind: Callable[..., Matrix], times: list[float], theta: float
) -> None:
    matrix = kind(times, shared_times=len(set(times)) < len(times))
    assert matrix.psd
    assert matrix.positive_definite == (
        len(set(times)) == len(times) and (min(times) > 0 or kind is cov.OrnsteinUhlenbeckMatrix)
    )
    raw = torch.full((matrix.num_free_params,), theta, dtype=torch.float64)
    assert_psd(matrix(raw).numpy())
    slopes, _ = matrix.grad(raw)
    assert slopes is not None
    assert bool(torch.isfinite(slopes).all())


def test_rows_in_another_order_are_the_same_rows() -> None:
    order = np.argsort(TIMES)
    for kind in (cov.RandomWalkMatrix, cov.IntegratedRandomWalkMatrix):
        np.testing.assert_array_equal(
            at(kind(TIMES), [1.0])[np.ix_(order, order)], at(kind(sorted(TIMES)), [1.0])
        )


@pytest.mark.parametrize("kind", [cov.RandomWalkMatrix, cov.IntegratedRandomWalkMatrix])
@pytest.mark.parametrize(
    ("times", "error", "message"),
    [
        ([1.0, -0.5], ValueError, "times must be 0 or later.*got -0.5 at 1"),
        ([1.0, float("nan")], ValueError, "times must be finite"),
        ([], ValueError, "times must be one vector"),
        ([[1.0, 2.0]], ValueError, "times must be one vector"),
        (["a", "b"], TypeError, "times must hold numbers"),
        (3, TypeError, "times must hold numbers"),
    ],
)
def test_bad_times_are_refused(
    kind: Callable[..., Matrix], times: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        kind(times)


PROCESSES = [cov.OrnsteinUhlenbeckMatrix, cov.RandomWalkMatrix, cov.IntegratedRandomWalkMatrix]


@pytest.mark.parametrize("kind", PROCESSES)
@pytest.mark.parametrize(
    ("times", "found"),
    [
        ([3.0, 1.5, 0.0, 1.5], "1.5 in rows 1 and 3 ("),
        ([1e9 + 0.25, 2.0, 1e9 + 0.25], "1000000000.25 in rows 0 and 2 ("),
        ([-0.0, 1.0, 0.0, 1.0], "0 in rows 0 and 2 and 1 in rows 1 and 3 ("),
        ([1.0, 2.0, 3.0] * 2, "1 in rows 0 and 3 and 2 in rows 1 and 4, and 1 more such time ("),
        (
            [1.0, 2.0, 3.0, 4.0] * 5,
            "1 in rows 0, 4, 8, ... (5 rows) and 2 in rows 1, 5, 9, ... (5 rows), and 2",
        ),
    ],
)
def test_rows_of_one_time_are_refused(kind: Callable[..., Matrix], times: list[float], found: str) -> None:
    for given_times in (times, np.array(times), torch.tensor(times, dtype=torch.float64), pd.Series(times)):
        with pytest.raises(
            ValueError, match=re.escape(f"times must differ between rows, got {found}")
        ) as info:
            kind(given_times)
    for advice in ("V would be singular", "a time of its own", "pass shared_times=True", "such as subjects"):
        assert advice in str(info.value)
    with pytest.raises(ValueError, match="times must differ"):
        kind(times, shared_times=False)


@pytest.mark.parametrize("kind", PROCESSES)
def test_times_next_to_each_other_are_different(kind: Callable[..., Matrix]) -> None:
    kind([1.0, math.nextafter(1.0, 2.0), 5e-324, 1e-323])
    with pytest.raises(TypeError, match=f"{kind.__name__}: shared_times must be True or False, got 'yes'"):
        kind([1.0, 2.0], shared_times="yes")


@pytest.mark.parametrize("kind", PROCESSES)
def test_rows_that_share_a_time_share_their_covariances(kind: Callable[..., Matrix]) -> None:
    different, rows = [2.0, 0.5, 3.0], [0, 1, 2, 1, 0, 0]
    matrix = kind(different)
    values = [1.5] * matrix.num_params
    shared = kind([different[k] for k in rows], shared_times=True)
    np.testing.assert_array_equal(at(shared, values), at(matrix, values)[np.ix_(rows, rows)])
    assert shared.psd
    assert not shared.positive_definite
    # The flag alone changes nothing.
    allowed = kind(different, shared_times=True)
    np.testing.assert_array_equal(at(allowed, values), at(matrix, values))
    assert allowed.positive_definite
    assert structure.bandwidth(kind([1.0, 2.0], shared_times=True)) == structure.bandwidth(kind([1.0, 2.0]))


def test_subjects_measured_at_the_same_times() -> None:
    subjects, times = [0, 0, 0, 1, 1, 1], [0.0, 1.0, 3.0] * 2
    z = cov.DummyMatrix(subjects)
    same = cov.CovariancePropagation(z=z, g=cov.IdentityMatrix(2))
    v = cov.HadamardProduct(subject=same, process=cov.OrnsteinUhlenbeckMatrix(times, shared_times=True))
    one = at(cov.OrnsteinUhlenbeckMatrix(times[:3]), [2.0, 1.3])
    np.testing.assert_allclose(at(v, [2.0, 1.3]), np.kron(np.eye(2), one), rtol=1e-15)


@pytest.mark.parametrize("metric", ["euclidean", "cityblock"])
def test_places_on_a_line_may_coincide(metric: str) -> None:
    matrix = cov.ExponentialMatrix([2.0, 1.0, 2.0, 0.0], metric=metric)
    expected = cov.OrnsteinUhlenbeckMatrix([2.0, 1.0, 2.0, 0.0], shared_times=True)
    np.testing.assert_allclose(at(matrix, [2.0, 1.3]), at(expected, [2.0, 1.3]), rtol=1e-15)
    assert not matrix.positive_definite


@pytest.mark.parametrize("times", [[1.0, 2.0, 2.0], [0.0, 1.0, 2.0]])
def test_equal_times_and_time_zero_make_a_walk_singular(times: list[float]) -> None:
    natural = torch.tensor([1.0], dtype=torch.float64)
    matrix = cov.RandomWalkMatrix(times, shared_times=len(set(times)) < len(times))
    assert structure.bandwidth(matrix) is None
    for function in (structure.logdet, structure.precision_derivatives):
        with pytest.raises((SingularMatrixError, ValueError)):
            function(matrix, natural, *([[0]] if function is structure.precision_derivatives else []))
    with pytest.raises(SingularMatrixError):
        structure.solve(matrix, natural, torch.eye(3, dtype=torch.float64))


# -- cheap structure, where rows are many, unsorted, few or singular -----------------------------------------

CHEAP: list[tuple[str, Callable[[], Matrix], list[float]]] = [
    ("AR1", lambda: cov.AR1Matrix(60), [2.0, -0.8]),
    ("AR1, one row", lambda: cov.AR1Matrix(1), [2.0, -0.8]),
    ("AR1, two rows", lambda: cov.AR1Matrix(2), [2.0, -0.8]),
    ("AR1 correlation", lambda: cov.AR1CorrelationMatrix(60), [0.9]),
    ("AR1h", lambda: cov.HeterogeneousAR1Matrix(12), [*np.linspace(0.5, 3.0, 12), 0.7]),
    ("AR(3)", lambda: cov.ARMatrix(60, 3), [2.0, 0.9, -0.5, 0.3]),
    ("AR(3) of four rows", lambda: cov.ARMatrix(4, 3), [2.0, 0.9, -0.5, 0.3]),
    ("SAR", lambda: cov.SymmetricARMatrix(60), [2.0, 1.5]),
    ("SAR of two rows", lambda: cov.SymmetricARMatrix(2), [2.0, 1.5]),
    ("SAR2", lambda: cov.SymmetricARMatrix(60, 2), [2.0, 0.8, -0.4]),
    ("MA(3)", lambda: cov.MAMatrix(60, 3), [2.0, 0.9, -0.5, 0.3]),
    ("ARMA(2, 1)", lambda: cov.ARMAMatrix(60, 2, 1), [2.0, 0.9, -0.5, 0.3]),
    ("Toeplitz", lambda: cov.ToeplitzMatrix(12), [2.0, *np.linspace(-0.6, 0.6, 11)]),
    ("Toeplitz, 2 bands", lambda: cov.ToeplitzMatrix(60, 2), [2.0, 0.5, 0.4]),
    (
        "heterogeneous Toeplitz",
        lambda: cov.HeterogeneousToeplitzMatrix(6),
        [*np.linspace(0.5, 3.0, 6), *np.linspace(-0.6, 0.6, 5)],
    ),
    ("OU", lambda: cov.OrnsteinUhlenbeckMatrix([0.0, 1.0, 1.5, 4.0]), [2.0, 1.3]),
    ("OU, unsorted", lambda: cov.OrnsteinUhlenbeckMatrix(TIMES), [2.0, 1.3]),
    (
        "OU of shared times",
        lambda: cov.OrnsteinUhlenbeckMatrix([2.0, 1.0, 2.0, 0.0, 1.0], shared_times=True),
        [2.0, 1.3],
    ),
    ("OU at a short range", lambda: cov.OrnsteinUhlenbeckMatrix([*TIMES, 2.5]), [2.0, 1e-4]),
    ("OU at a long range", lambda: cov.OrnsteinUhlenbeckMatrix([*TIMES, 2.5]), [2.0, 1e4]),
    (
        "OU of shared times at a short range",
        lambda: cov.OrnsteinUhlenbeckMatrix([*TIMES, 2.25], shared_times=True),
        [2.0, 1e-4],
    ),
    (
        "OU of shared times at a long range",
        lambda: cov.OrnsteinUhlenbeckMatrix([*TIMES, 2.25], shared_times=True),
        [2.0, 1e4],
    ),
    ("OU, one row", lambda: cov.OrnsteinUhlenbeckMatrix([4.0]), [2.0, 1.3]),
    ("walk", lambda: cov.RandomWalkMatrix([0.5, 1.0, 1.5, 4.0]), [2.0]),
    ("walk, unsorted", lambda: cov.RandomWalkMatrix(TIMES), [2.0]),
    ("walk, one row", lambda: cov.RandomWalkMatrix([4.0]), [2.0]),
    (
        "walk of shared times",
        lambda: cov.RandomWalkMatrix([2.0, 1.0, 2.0, 0.0], shared_times=True),
        [2.0],
    ),
    ("spline, unsorted", lambda: cov.IntegratedRandomWalkMatrix(TIMES), [2.0]),
    (
        "spline of shared times",
        lambda: cov.IntegratedRandomWalkMatrix([*TIMES, 2.25], shared_times=True),
        [2.0],
    ),
]


@pytest.mark.parametrize(("make", "values"), [case[1:] for case in CHEAP], ids=[case[0] for case in CHEAP])
def test_cheap_answers_are_the_dense_ones(make: Callable[[], Matrix], values: list[float]) -> None:
    matrix = make()
    natural = torch.tensor([float(x) for x in values], dtype=torch.float64)
    n, index = matrix.shape[0], list(range(matrix.num_params))[::-1]
    generator = torch.Generator().manual_seed(n)
    b = torch.randn((n, 3), generator=generator, dtype=torch.float64)
    a = torch.randn((n, n), generator=generator, dtype=torch.float64)
    value, slices = matrix.evaluate(natural), matrix.differentiate(natural, index)

    def close(actual: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-12) -> None:
        scale = float(expected.abs().max())
        torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance * max(scale, 1e-300))

    assert structure.matmul.is_cheap(matrix)
    close(structure.matmul(matrix, natural, b), value @ b)
    close(structure.diagonal(matrix, natural), value.diagonal())
    close(structure.derivative_matmul(matrix, natural, index, b), slices @ b)
    close(structure.derivative_diagonal(matrix, natural, index), slices.diagonal(dim1=1, dim2=2))
    close(structure.trace_against(matrix, natural, index, a), (slices * a).sum((1, 2)), 1e-11)
    if not matrix.positive_definite or float(torch.linalg.matrix_rank(value)) < n:
        return
    inverse = torch.linalg.inv(value)
    close(structure.solve(matrix, natural, b), inverse @ b, 1e-10)
    close(structure.logdet(matrix, natural), torch.logdet(value), 1e-11)
    width = structure.bandwidth(matrix)
    if width is None:
        assert structure.kind(matrix) != "banded precision"
        return
    assert structure.kind(matrix) == "banded precision"
    assert structure.precision.is_cheap(matrix)
    close(inverse, inverse.tril(width).triu(-width), 1e-9)
    close(structure.precision(matrix, natural), structure.bands(inverse, width), 1e-10)
    expected = structure.bands(-inverse @ slices @ inverse, width)
    close(structure.precision_derivatives(matrix, natural, index), expected, 1e-9)


def test_band_widths() -> None:
    expected = [
        (cov.AR1Matrix(9), 1),
        (cov.AR1Matrix(1), 0),
        (cov.AR1Matrix(2), 1),
        (cov.HeterogeneousAR1Matrix(4), 1),
        (cov.ARMatrix(9, 4), 4),
        (cov.SymmetricARMatrix(9), 2),
        (cov.SymmetricARMatrix(9, 2), 3),
        (cov.SymmetricARMatrix(2), 1),
        (cov.OrnsteinUhlenbeckMatrix([1.0, 2.0]), 1),
        (cov.OrnsteinUhlenbeckMatrix([2.0, 1.0]), None),
        (cov.OrnsteinUhlenbeckMatrix([1.0, 1.0], shared_times=True), None),
        (cov.RandomWalkMatrix([1.0, 2.0]), 1),
        (cov.RandomWalkMatrix([2.0, 1.0]), None),
        (cov.MAMatrix(9, 1), None),
        (cov.IntegratedRandomWalkMatrix([1.0, 2.0]), None),
    ]
    for matrix, width in expected:
        assert structure.bandwidth(matrix) == width, matrix


@pytest.mark.parametrize(
    ("matrix", "values"),
    [
        (cov.AR1Matrix(4), [1.0, 1.0]),
        (cov.AR1Matrix(4), [0.0, 0.5]),
        (cov.ARMatrix(4, 2), [1.0, 0.5, -1.0]),
        (cov.HeterogeneousAR1Matrix(3), [1.0, 0.0, 1.0, 0.5]),
        (cov.ToeplitzMatrix(3), [1.0, 0.5, 1.0]),
        (cov.HeterogeneousToeplitzMatrix(3), [1.0, 0.0, 1.0, 0.5, 0.1]),
        (cov.OrnsteinUhlenbeckMatrix([1.0, 1.0], shared_times=True), [1.0, 1.0]),
        (cov.RandomWalkMatrix([1.0, 2.0]), [0.0]),
    ],
)
def test_singular_matrices_are_refused_by_name(matrix: Matrix, values: list[float]) -> None:
    natural = torch.tensor(values, dtype=torch.float64)
    with pytest.raises(SingularMatrixError, match=type(matrix).__name__):
        structure.logdet(matrix, natural)
    with pytest.raises(SingularMatrixError, match=type(matrix).__name__):
        structure.solve(matrix, natural, torch.ones((matrix.shape[0], 1), dtype=torch.float64))


def test_products_by_fourier_transform_keep_their_digits() -> None:
    # A long row of many sizes, against the sum written out.
    generator = torch.Generator().manual_seed(1)
    n = 257
    row = 10.0 ** torch.linspace(0, -12, n, dtype=torch.float64)
    b = torch.randn((n, 2), generator=generator, dtype=torch.float64)
    dense = torch.stack([row[(torch.arange(n) - i).abs()] for i in range(n)])
    product = toeplitz_matmul(row, b)
    assert float((product - dense @ b).abs().max()) <= 1e-12 * float((dense.abs() @ b.abs()).max())
