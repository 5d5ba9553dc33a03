"""Numeric designs: polynomials and splines against their definitions, names, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import interpolate

from covstudio.covariance import (
    CovariancePropagation,
    DesignMatrix,
    Matrix,
    ScalarMatrix,
    Stack,
    UnstructuredMatrix,
)
from covstudio.reml.terms.random_effects import level_names

DOUBLE = torch.float64
X = [0.0, 0.7, 1.0, 2.4, 3.3, 5.0]


def values(matrix: Matrix) -> np.ndarray:
    return matrix(torch.zeros(0, dtype=DOUBLE)).numpy()


def test_columns_as_they_are() -> None:
    z = DesignMatrix([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], intercept=True)
    assert z.shape == (3, 3)
    assert z.colnames == ["Intercept", "x_0", "x_1"]
    np.testing.assert_array_equal(values(z), [[1, 1, 2], [1, 3, 4], [1, 5, 6]])
    np.testing.assert_array_equal(values(DesignMatrix([4.0, 5.0])), [[4], [5]])


def test_powers() -> None:
    z = DesignMatrix({"age": X, "dose": X[::-1]}, basis="polynomial", degree=3, intercept=True)
    assert z.colnames == ["Intercept", "age", "age^2", "age^3", "dose", "dose^2", "dose^3"]
    for i, row in enumerate(values(z)):
        expected = [1.0] + [X[i] ** k for k in (1, 2, 3)] + [X[-1 - i] ** k for k in (1, 2, 3)]
        np.testing.assert_allclose(row, expected, rtol=1e-14)


def legendre_by_rodrigues(degree: int, t: float) -> float:
    """P_n(t) = 2^-n sum_k C(n, k)^2 (t - 1)^(n - k) (t + 1)^k, from Rodrigues' formula."""
    terms = (math.comb(degree, k) ** 2 * (t - 1) ** (degree - k) * (t + 1) ** k for k in range(degree + 1))
    return sum(terms) / 2**degree


@pytest.mark.parametrize("basis", ["legendre", "normalised legendre"])
def test_legendre_polynomials(basis: str) -> None:
    z = DesignMatrix(X, basis=basis, degree=4, intercept=True, names=["days"])
    assert z.colnames == [f"P{k}(days)" for k in range(5)]
    for i, row in enumerate(values(z)):
        t = -1 + 2 * (X[i] - min(X)) / (max(X) - min(X))
        for k, entry in enumerate(row):
            factor = math.sqrt((2 * k + 1) / 2) if basis.startswith("normalised") else 1.0
            assert entry == pytest.approx(factor * legendre_by_rodrigues(k, t), rel=1e-12, abs=1e-13)
    without = DesignMatrix(X, basis=basis, degree=4)
    np.testing.assert_array_equal(values(without), values(z)[:, 1:])


def test_normalised_legendre_polynomials_of_schaeffer() -> None:
    """Schaeffer (2004): phi_0 = 0.7071, phi_1 = 1.2247 t, phi_2 = -0.7906 + 2.3717 t^2."""
    z = values(DesignMatrix([-1.0, 0.0, 0.5, 1.0], basis="normalised legendre", degree=2, intercept=True))
    for t, row in zip([-1.0, 0.0, 0.5, 1.0], z, strict=True):
        np.testing.assert_allclose(row, [0.7071, 1.2247 * t, -0.7906 + 2.3717 * t * t], atol=2e-4)


def test_an_interval_wider_than_the_data() -> None:
    z = DesignMatrix([2.0, 4.0], basis="legendre", degree=1, lower=0.0, upper=8.0)
    np.testing.assert_allclose(values(z)[:, 0], [-0.5, 0.0])
    with pytest.raises(ValueError, match=r"interval from 3 to 8, got 2 in x.*widen"):
        DesignMatrix([2.0, 4.0], basis="legendre", lower=3.0, upper=8.0)
    with pytest.raises(ValueError, match="lower must be below upper"):
        DesignMatrix([2.0, 2.0], basis="legendre")


def test_orthogonal_polynomials_are_orthonormal_and_span_the_powers() -> None:
    x = np.array(X)
    z = values(DesignMatrix(X, basis="orthogonal", degree=4, intercept=True))
    np.testing.assert_allclose(z.T @ z, np.eye(5), atol=1e-13)
    # Gram-Schmidt by hand, the leading coefficient of each left positive.
    found: list[np.ndarray] = []
    for k in range(5):
        vector = x**k
        for earlier in found:
            vector = vector - (earlier @ x**k) * earlier
        found.append(vector / math.sqrt(vector @ vector))
    np.testing.assert_allclose(z, np.stack(found, axis=1), atol=1e-9)
    assert DesignMatrix(X, basis="orthogonal", degree=2).colnames == ["O1(x)", "O2(x)"]


def test_orthogonal_polynomials_of_equal_steps() -> None:
    """The tabulated contrasts for five equally spaced levels (Snedecor & Cochran, appendix)."""
    z = values(DesignMatrix([10, 20, 30, 40, 50], basis="orthogonal", degree=4))
    contrasts = np.array([[-2, -1, 0, 1, 2], [2, -1, -2, -1, 2], [-1, 2, 0, -2, 1], [1, -4, 6, -4, 1]])
    for k, contrast in enumerate(contrasts):
        np.testing.assert_allclose(z[:, k], contrast / math.sqrt(contrast @ contrast), atol=1e-13)


def b_spline_by_definition(j: int, degree: int, knots: list[float], x: float) -> float:
    """The recurrence of Cox and de Boor as it stands in de Boor (2001), chapter IX (14)-(15)."""
    if degree == 0:
        last = knots[j] < knots[-1] == knots[j + 1]
        return float(knots[j] <= x < knots[j + 1] or (last and x == knots[-1]))
    left = right = 0.0
    if knots[j + degree] > knots[j]:
        share = (x - knots[j]) / (knots[j + degree] - knots[j])
        left = share * b_spline_by_definition(j, degree - 1, knots, x)
    if knots[j + degree + 1] > knots[j + 1]:
        share = (knots[j + degree + 1] - x) / (knots[j + degree + 1] - knots[j + 1])
        right = share * b_spline_by_definition(j + 1, degree - 1, knots, x)
    return left + right


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("inner", [[], [1.0], [0.5, 2.4, 4.0]])
def test_b_splines_follow_their_recurrence(degree: int, inner: list[float]) -> None:
    z = DesignMatrix(X, basis="b-spline", degree=degree, knots=inner, intercept=True)
    count = degree + 1 + len(inner)
    assert z.colnames == [f"B{k}(x)" for k in range(count)]
    knots = [X[0]] * (degree + 1) + inner + [X[-1]] * (degree + 1)
    table = values(z)
    for i, x in enumerate(X):
        for j in range(count):
            expected = b_spline_by_definition(j, degree, knots, x)
            assert table[i, j] == pytest.approx(expected, rel=1e-13, abs=1e-15)
    np.testing.assert_allclose(table.sum(axis=1), 1.0, rtol=1e-14)


@given(
    x=st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30),
    degree=st.integers(0, 4),
    parts=st.lists(st.floats(0.01, 1.0), min_size=1, max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_b_splines_are_those_of_scipy(x: list[float], degree: int, parts: list[float]) -> None:
    steps = np.cumsum(parts) / (sum(parts) + 0.5)
    inner = (-1001 + 2002 * steps).tolist()
    z = DesignMatrix(
        x, basis="b-spline", degree=degree, knots=inner, intercept=True, lower=-1001.0, upper=1001.0
    )
    knots = np.concatenate([[-1001.0] * (degree + 1), inner, [1001.0] * (degree + 1)])
    expected = interpolate.BSpline.design_matrix(np.array(x), knots, degree).toarray()
    np.testing.assert_allclose(values(z), expected, atol=1e-12)


def test_knots_at_quantiles() -> None:
    x = np.random.default_rng(3).gamma(2.0, size=41)
    by_number = DesignMatrix(x, basis="b-spline", degree=2, knots=3)
    given_ = DesignMatrix(x, basis="b-spline", degree=2, knots=np.quantile(x, [0.25, 0.5, 0.75]).tolist())
    np.testing.assert_allclose(values(by_number), values(given_), atol=1e-13)
    assert by_number.shape == (41, 5)


def test_an_intercept_stands_once_beside_several_columns() -> None:
    columns = {"a": X, "b": [1.0, 5.0, 2.0, 4.0, 0.0, 3.0]}
    for basis in ("legendre", "orthogonal", "polynomial", "columns"):
        z = DesignMatrix(columns, basis=basis, degree=2, intercept=True)
        constant = [k for k, column in enumerate(values(z).T) if np.ptp(column) == 0]
        assert constant == [0]
        assert np.linalg.matrix_rank(values(z)) == z.shape[1]


def test_names_come_from_tables_and_series() -> None:
    frame = pd.DataFrame({"x": [1, 2, 3], "z": [0.5, 0.25, 0.125]})
    assert DesignMatrix(frame).colnames == ["x", "z"]
    assert DesignMatrix(frame["z"], basis="polynomial", degree=2).colnames == ["z", "z^2"]
    assert DesignMatrix(frame, names=["p", "q"]).colnames == ["p", "q"]
    np.testing.assert_array_equal(values(DesignMatrix(frame)), frame.to_numpy())


def test_precision_and_place_in_a_model() -> None:
    assert DesignMatrix([1.0, 2.0])().dtype == torch.get_default_dtype()
    assert DesignMatrix(torch.tensor([1.0, 2.0], dtype=DOUBLE))().dtype == DOUBLE
    assert DesignMatrix(np.array([1.0, 2.0]))().dtype == DOUBLE
    z = DesignMatrix(torch.tensor(X, dtype=DOUBLE), intercept=True)
    v = CovariancePropagation(z=z, g=UnstructuredMatrix(2))
    theta = torch.tensor([0.2, -0.3, 0.1])
    assert v(theta).dtype == torch.float32
    design = torch.stack([torch.ones(6), torch.tensor(X)], dim=1)
    torch.testing.assert_close(v(theta), design @ UnstructuredMatrix(2)(theta) @ design.T)
    # What is handed out may be written to.
    z().fill_(7.0)
    assert values(z)[0, 0] == 1.0
    assert level_names(z) == ("Intercept", "x")
    assert Stack(z, ScalarMatrix(2)).shape == (8, 2)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"columns": []}, ValueError, "vector or a table"),
        ({"columns": {}}, ValueError, "at least one column"),
        ({"columns": [[1.0, 2.0], [3.0]]}, ValueError, "rows of different"),
        ({"columns": {"a": [1.0], "b": [1.0, 2.0]}}, ValueError, "one length, got 1, 2"),
        ({"columns": {"a": [1.0, math.nan]}}, ValueError, r"columns\['a'\] must be finite"),
        ({"columns": [1.0, math.nan]}, ValueError, "columns must be finite everywhere, got nan at 1"),
        ({"columns": ["a"]}, TypeError, "numbers only"),
        ({"columns": torch.zeros(2, 2, 2)}, ValueError, "vector or a table"),
        ({"columns": X, "basis": "spline"}, ValueError, "basis must be one of 'columns'"),
        ({"columns": X, "basis": "polynomial", "degree": -1}, ValueError, "degree must be at least 0"),
        ({"columns": X, "basis": "polynomial", "degree": 1.5}, TypeError, "degree must be an int"),
        ({"columns": X, "basis": "polynomial", "degree": 51}, ValueError, "degree must be at most 50"),
        ({"columns": X, "basis": "polynomial", "degree": 0}, ValueError, "at least one column"),
        ({"columns": X, "basis": "legendre", "degree": 0}, ValueError, "at least one column"),
        ({"columns": X, "basis": "orthogonal", "degree": 6}, ValueError, "different values of x, 6, got 6"),
        ({"columns": [1.0, 1.0], "basis": "orthogonal", "degree": 1}, ValueError, "different values"),
        ({"columns": X, "basis": "b-spline", "knots": [4.0, 1.0]}, ValueError, "increase strictly"),
        (
            {"columns": X, "basis": "b-spline", "knots": [0.0]},
            ValueError,
            "increase strictly between 0 and 5",
        ),
        ({"columns": X, "basis": "b-spline", "knots": [9.0]}, ValueError, "increase strictly"),
        ({"columns": [0.0, 0.0, 0.0, 1.0], "basis": "b-spline", "knots": 3}, ValueError, "ask for fewer"),
        ({"columns": X, "basis": "b-spline", "knots": -1}, ValueError, "knots must be at least 0"),
        ({"columns": X, "basis": "b-spline", "lower": math.inf}, ValueError, "lower must be finite"),
        ({"columns": X, "basis": "b-spline", "upper": "5"}, TypeError, "upper must be a number"),
        ({"columns": X, "names": "x"}, TypeError, "list of strings"),
        ({"columns": X, "names": ["a", "b"]}, ValueError, "names must hold 1 different"),
        ({"columns": X, "param_specs": {"a": {}}}, ValueError, "0 parameters"),
    ],
)
def test_bad_input_is_refused(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        DesignMatrix(**arguments)
