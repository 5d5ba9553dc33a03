"""Pictures of matrices that are too large to be written out: products with V, and what they show is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from covstudio.covariance import (
    AR1Matrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    KroneckerProduct,
    MaternMatrix,
    ScalarMatrix,
    Sum,
)
from covstudio.plots import block_means, subject
from covstudio.plots.block_means import Blocks


def large() -> tuple[Sum, dict[str, float]]:
    """60 rows of groups along a field of 10 x 6, and the values of its parameters."""
    z = DummyMatrix([f"g{i % 7}" for i in range(60)])
    field = KroneckerProduct(row=AR1Matrix(10), column=AR1Matrix(6))
    v = Sum(g=CovariancePropagation(z=z, g=ScalarMatrix(7)), field=field, units=DiagonalMatrix(60))
    values = {"g/g/sigma^2": 2.0, "field/row/rho": -0.8, "field/column/rho": 0.5}
    return v, values | {f"units/sigma^2_{k}": 0.5 + k for k in range(60)}


def means_of(entries: np.ndarray, size: int) -> np.ndarray:
    """The means of blocks, entry by entry."""
    ends = [(k, min(k + size, len(entries))) for k in range(0, len(entries), size)]
    return np.array([[entries[a:b, c:d].mean() for c, d in ends] for a, b in ends])


@pytest.fixture
def seven(monkeypatch):
    """Matrices of more than 100 entries are cut into 7 blocks, and products hold two columns at once."""
    monkeypatch.setattr(subject, "ENTRIES", 100)
    monkeypatch.setattr(block_means, "MOST", 7)
    monkeypatch.setattr(block_means, "LEAST", 7)
    monkeypatch.setattr(block_means, "AT_ONCE", 120)


@pytest.mark.parametrize("read", ["value", "correlation", "log"])
def test_v_too_large_to_be_written_out_is_shown_by_the_means_of_its_blocks(read, request):
    v, values = large()
    whole = v.plot.data("V", values=values, read="correlation" if read == "correlation" else "value")
    request.getfixturevalue("seven")
    found = v.plot.data("V", values=values, read=read)
    expected = means_of(whole.to_numpy(), 9)
    if read == "log":
        expected = np.log10(np.abs(expected))
    np.testing.assert_allclose(found.to_numpy(), expected, atol=1e-12)
    names = list(whole.index)
    assert found.index[0] == f"{names[0]} … {names[8]}"
    assert found.index[-1] == f"{names[54]} … {names[59]}"
    svg = v.plot.svg("V", values=values, read=read)
    assert "60 x 60; a cell is the mean of 9 x 9 entries" in svg.title
    # The axes count rows, not blocks.
    assert ">50<" in str(svg)
    assert ">row, 9 in a cell<" in str(svg)


def test_derivatives_too_large_to_be_written_out_are_shown_by_the_means_of_their_blocks(request):
    v, values = large()
    paths = ["g/g/sigma^2", "field/row/rho", "units/sigma^2_3"]
    whole = v.plot.data("slices", values=values, parameters=paths)
    request.getfixturevalue("seven")
    found = v.plot.data("slices", values=values, parameters=paths)
    for path in paths:
        np.testing.assert_allclose(
            found.loc[path].to_numpy(), means_of(whole.loc[path].to_numpy(), 9), atol=1e-12
        )
    assert "mean of 9 x 9" in v.plot.svg("slices", values=values, parameters=paths).title


def test_what_pictures_take_of_a_large_matrix_are_products(request, monkeypatch):
    """No V of 60 x 60 is made for its entries, correlations, derivatives, rows or correlogram."""
    v, values = large()
    places = {"x": [float(k // 6) for k in range(60)], "y": [float(k % 6) for k in range(60)]}
    correlogram = v.plot.data("correlogram", values=values, places=places)
    request.getfixturevalue("seven")

    def refused(*_):
        raise AssertionError("V was written out")

    monkeypatch.setattr(Sum, "evaluate", refused)
    monkeypatch.setattr(Sum, "natural_jacobian", refused)
    for kind, options in (("V", {}), ("V", {"read": "correlation"}), ("slices", {}), ("row", {"row": 3})):
        assert len(v.plot.data(kind, values=values, **options))
    found = v.plot.data("correlogram", values=values, places=places)
    pd.testing.assert_frame_equal(found, correlogram)


def test_a_large_matrix_without_cheap_products_is_refused(seven):
    places = [[float(k), float(k * k % 5)] for k in range(20)]
    with pytest.raises(ValueError, match="write out up to 100 entries"):
        Sum(places=MaternMatrix(places), units=ScalarMatrix(20)).plot.data("V")


def test_so_many_columns_as_a_picture_needs():
    """Of 10^6 rows 100 blocks, of 10,000 rows 300: their products have no more entries than 10^8."""
    assert [len(Blocks.of((n, n)).starts(0)) for n in (10_000, 200_000, 1_000_000)] == [295, 300, 100]
