"""An entry of V taken apart: random trees, names of levels, lags and distances."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    BlockDiagonal,
    CovariancePropagation,
    DesignMatrix,
    DummyMatrix,
    ExponentialMatrix,
    HadamardProduct,
    HeterogeneousAR1Matrix,
    Inverse,
    KhatriRaoProduct,
    KroneckerProduct,
    LowerTriangularMatrix,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    Parameter,
    PowerMatrix,
    Product,
    ScalarMatrix,
    Scale,
    Submatrix,
    Sum,
    Transpose,
    UnstructuredMatrix,
    catalogue,
    linalg,
    why,
)
from tests.covariance.contract.case import Case
from tests.covariance.contract.entries import entries_are_the_sums_of_their_terms
from tests.covariance.test_trees import models


@settings(max_examples=40, deadline=None)
@given(models())
def test_entries_of_random_trees_are_the_sums_of_their_terms(model: tuple[Matrix, Tensor]) -> None:
    matrix, _ = model
    entries_are_the_sums_of_their_terms(Case("tree", lambda: matrix))


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_rows_of_series_and_of_places_have_something_between_them(entry):
    """Lags follow from equally spaced positions, distances and steps from coordinates."""
    matrix = entry.example()
    found = linalg.separation(matrix, 0, matrix.shape[0] - 1)
    placed = entry.category in ("Time series", "Distance", "Kernels")
    assert (found is not None) == placed or entry.category in ("Variance functions", "Operators")
    if placed:
        assert found.what == {"Time series": "lag", "Distance": "distance", "Kernels": "step"}[
            entry.category
        ] or (found.what == "step")


def field() -> Matrix:
    genotype = DummyMatrix(["G1", "G2", "G3", "G1", "G3", "G2"])
    return Sum(
        genotype=CovariancePropagation(z=genotype, g=ScalarMatrix(3)),
        field=KroneckerProduct(row=AR1Matrix(2), column=AR1CorrelationMatrix(3)),
        residual=ScalarMatrix(6),
    )


def test_terms_levels_and_lags_have_their_names():
    values = {
        "genotype/g/sigma^2": 2.0,
        "field/row/rho": 0.5,
        "field/column/rho": 0.25,
        "residual/sigma^2": 0.7,
    }
    found = why(field(), 2, 4, values=values)
    assert repr(found).splitlines() == [
        "V[2, 4] = 2.125 (sum)",
        "  genotype[2, 4] = 2 (congruence)",
        "    genotype/g, G3 = 2",
        "  field[2, 4] = 0.125 (kronecker product)",
        "    field/row[0, 1], lag 1 = 0.5",
        "    field/column[2, 1], lag 1 = 0.25",
        "  residual[2, 4] = 0",
        "derivatives by natural values:",
        "  genotype/g/sigma^2: 1",
        "  field/row/sigma^2: 0.125",
        "  field/row/rho: 0.25",
        "  field/column/rho: 0.5",
    ]
    other = why(field(), 0, 1, values=values)
    assert "genotype/g, G1 and G2 = 0" in repr(other)
    assert [row["path"] for row in other.rows()] == [
        "V",
        "genotype",
        "genotype/g",
        "field",
        "field/row",
        "field/column",
        "residual",
    ]


def test_factors_of_a_kronecker_product_have_the_levels_of_theirs():
    z = DummyMatrix(["a", "a", "b", "b"], [2001, 2003, 2001, 2003])
    v = CovariancePropagation(z=z, g=KroneckerProduct(gen=UnstructuredMatrix(2), year=AR1Matrix(2)))
    rows = {row["path"]: row for row in why(v, 0, 3).rows()}
    assert (rows["g"]["row"], rows["g"]["column"]) == ("a · 2001", "b · 2003")
    assert (rows["g/gen"]["row"], rows["g/gen"]["column"]) == ("a", "b")
    assert (rows["g/year"]["row"], rows["g/year"]["column"], rows["g/year"]["between"]) == (
        "2001",
        "2003",
        "lag 1",
    )


def test_covariates_are_weights():
    """Random intercepts and slopes: four entries of one subject's G, by the covariates of both rows."""
    z = KhatriRaoProduct(a=DummyMatrix(["s", "s", "t"]), b=DesignMatrix([1.0, 2.0, 5.0], intercept=True))
    v = CovariancePropagation(z=z, g=KroneckerProduct(subject=ScalarMatrix(2), coef=UnstructuredMatrix(2)))
    found = why(v, 0, 1)
    assert [term.weight for term in found.terms] == [1.0, 2.0, 1.0, 2.0]
    assert all(row["column"] for row in found.rows())
    assert why(v, 0, 2).value == 0.0
    assert "2 x g" in repr(found)


def test_places_have_distances_by_their_metric():
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0]])
    assert str(linalg.separation(ExponentialMatrix(points), 0, 1)) == "distance 5, from 0, 0 to 3, 4"
    city = linalg.separation(PowerMatrix(points, metric="cityblock"), 0, 1)
    assert city.size == (7.0,)
    own = linalg.separation(ExponentialMatrix(points, anisotropic=True), 0, 1)
    assert (own.what, own.size) == ("step", (3.0, 4.0))
    assert str(linalg.separation(OrnsteinUhlenbeckMatrix([0.5, 2.0, 9.0]), 0, 2)) == "lag 8.5, from 0.5 to 9"
    assert str(linalg.separation(HeterogeneousAR1Matrix(5), 4, 1)) == "lag 3"


def test_plots_may_have_names():
    found = why(ScalarMatrix(3), -1, 2, rows=["plot 7", "plot 8", "plot 9"])
    assert (found.i, found.row, found.column) == (2, "plot 9", "plot 9")
    nested = why(HadamardProduct(a=AR1Matrix(2), b=ScalarMatrix(2)), 0, 1, rows=["x", "y"])
    assert {(row["row"], row["column"]) for row in nested.rows()} == {("x", "y")}
    scaled = why(Scale(a=AR1CorrelationMatrix(2)), 0, 1, rows=["x", "y"])
    assert [row["row"] for row in scaled.rows()] == ["x", "0", "x"]


def test_what_cannot_be_taken_apart_is_a_whole_with_its_derivatives():
    found = why(Inverse(a=AR1Matrix(4)), 1, 2, values={"a/rho": 0.5})
    assert found.terms == ()
    # -rho / (1 - rho^2) / sigma^2, and its slopes.
    assert found.value == pytest.approx(-2.0 / 3.0)
    assert found.derivatives == {
        "a/sigma^2": pytest.approx(2.0 / 3.0),
        "a/rho": pytest.approx(-(1.0 + 0.25) / 0.75**2),
    }


def test_what_is_0_whatever_the_parameters_is_an_empty_sum():
    found = why(BlockDiagonal(a=ScalarMatrix(2), b=AR1Matrix(2)), 0, 3)
    assert (found.value, found.terms, dict(found.derivatives)) == (0.0, (), {})
    assert [row["how"] for row in found.rows()] == ["direct sum"]


def test_positions_kept_by_a_selection_are_followed():
    (term,) = why(Submatrix(a=AR1Matrix(5), index=[4, 0]), 0, 1).terms
    assert (term.factors[0].i, term.factors[0].j, str(term.factors[0].between)) == (4, 0, "lag 4")


def test_a_class_of_ones_own_needs_nothing():
    class Ones(Matrix):
        def __init__(self, n):
            super().__init__((n, n), {"height": Parameter("height", default=2.0)})

        def evaluate(self, natural):
            return natural.expand(self.shape)

        def differentiate(self, natural, index):
            return natural.new_ones((len(index), *self.shape))

    found = why(Sum(own=Ones(3), e=ScalarMatrix(3)), 0, 1)
    assert found.value == 2.0
    assert found.derivatives == {"own/height": 1.0}


def test_sums_of_sums_are_taken_apart_as_far_as_there_is_room():
    """Products of products of 8 columns would be 32 768 terms."""
    wide = LowerTriangularMatrix(8, 8)
    inner = Product(a=wide, b=wide)
    deep = Product(a=Product(a=inner, b=inner), b=Product(a=inner, b=inner))
    found = why(deep, 7, 0)
    assert 100 < len(found.rows()) < 2000
    wide = LowerTriangularMatrix(3, 20)
    assert "... 9 more terms" in repr(why(Product(a=wide, b=Transpose(wide)), 2, 2))


def test_a_large_model_is_not_written_out():
    labels = [f"g{i % 500}" for i in range(60_000)]
    v = Sum(g=CovariancePropagation(z=DummyMatrix(labels), g=ScalarMatrix(500)), e=ScalarMatrix(60_000))
    found = why(v, 7, 507)
    assert found.value == 1.0
    assert "g/g, g7 = 1" in repr(found)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: why(ScalarMatrix(3), 3, 0), IndexError, "3 rows, counted from 0; there is no row 3"),
        (lambda: why(ScalarMatrix(3), 0, -4), IndexError, "no column -4"),
        (lambda: why(ScalarMatrix(3), 0, 0, values={"sigma2": 1.0}), ValueError, "did you mean 'sigma\\^2'"),
        (lambda: why(ScalarMatrix(3), 0, 0, rows=["a"]), ValueError, "all 3 rows of V, and has 1 names"),
    ],
)
def test_what_is_not_there_is_said(call, error, said):
    with pytest.raises(error, match=said):
        call()
