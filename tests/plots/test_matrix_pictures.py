"""The numbers behind pictures of a matrix are those of closed forms, under the names that the tree knows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DummyMatrix,
    ExponentialMatrix,
    KroneckerProduct,
    OrnsteinUhlenbeckMatrix,
    ScalarMatrix,
    Sum,
    ToeplitzMatrix,
)
from covstudio.plots import subject

LEVELS = ["G2", "G1", "G3", "G1"]


@pytest.fixture
def tree():
    gen = DummyMatrix(LEVELS)
    return Sum(
        gen=CovariancePropagation(z=gen, g=AR1Matrix(3)),
        field=KroneckerProduct(row=AR1Matrix(2), column=AR1CorrelationMatrix(2)),
        residual=ScalarMatrix(4),
    )


VALUES = {
    "gen/g/sigma^2": 2.0,
    "gen/g/rho": 0.5,
    "field/row/sigma^2": 3.0,
    "field/row/rho": 0.25,
    "field/column/rho": -0.5,
    "residual/sigma^2": 1.5,
}


def test_v_has_the_names_of_its_rows(tree):
    frame = tree.plot.data("V", values=VALUES)
    assert list(frame.index) == list(frame.columns) == LEVELS
    natural = torch.tensor(list(VALUES.values()), dtype=torch.float64)
    np.testing.assert_allclose(frame.to_numpy(), tree.evaluate(natural).numpy(), rtol=1e-14)
    # Rows 1 and 3 share G1 and stand in the same column of the field: 2 + 3 * 0.25.
    assert frame.iloc[1, 3] == pytest.approx(2.0 + 0.75)


def test_theta_and_values_say_the_same(tree):
    theta = torch.tensor([0.1, -0.3, 0.2, 0.4, -0.2, 0.0])
    values = dict(zip(tree.param_names, tree.trans_params(theta).tolist(), strict=True))
    np.testing.assert_allclose(
        tree.plot.data(theta).to_numpy(), tree.plot.data(values=values).to_numpy(), rtol=1e-6
    )


def test_a_part_has_the_names_of_its_levels(tree):
    frame = tree.plot.data("V", part="gen/g", values=VALUES)
    assert list(frame.columns) == ["G1", "G2", "G3"]
    np.testing.assert_allclose(frame.to_numpy()[0], [2.0, 1.0, 0.5])
    z = tree.plot.data("V", part="gen/z")
    assert list(z.index) == LEVELS
    assert list(z.columns) == ["G1", "G2", "G3"]
    assert z.to_numpy().sum() == 4


def test_names_that_are_given_reach_the_parts(tree):
    plots = ["p1", "p2", "p3", "p4"]
    assert list(tree.plot.data("V", rows=plots, part="residual").columns) == plots
    with pytest.raises(ValueError, match="rows must name all 4 rows, and has 3"):
        tree.plot.data("V", rows=plots[:3])


def test_correlations_and_logarithms():
    v = CompoundSymmetricMatrix(3)
    values = {"sigma^2": 4.0, "rho": 0.25}
    assert v.plot.data("V", values=values, read="correlation").iloc[0, 1] == pytest.approx(0.25)
    logs = ScalarMatrix(2).plot.data("V", values={"sigma^2": 100.0}, read="log")
    assert logs.iloc[0, 0] == pytest.approx(2.0)
    assert np.isnan(logs.iloc[0, 1])
    with pytest.raises(ValueError, match="no correlations"):
        DummyMatrix(LEVELS).plot.data("V", read="correlation")


def test_slices_are_the_derivatives_by_natural_values(tree):
    frame = tree.plot.data("slices", values=VALUES)
    assert list(dict.fromkeys(frame.index.get_level_values(0))) == list(VALUES)
    own = frame.loc["gen/g/rho"].to_numpy()
    # G1 and G2 are neighbours, G2 and G3 too, G1 and G3 are two apart: 2 rho sigma^2.
    np.testing.assert_allclose(own[0], [0.0, 2.0, 2.0, 2.0])
    np.testing.assert_allclose(own[1], [2.0, 0.0, 2.0, 0.0])
    one = tree.plot.data("slices", parameters=["residual/sigma^2"])
    np.testing.assert_array_equal(one.to_numpy(), np.eye(4))
    with pytest.raises(ValueError, match="has no parameter 'nu'"):
        tree.plot.data("slices", parameters=["nu"])


def test_the_spectrum_of_compound_symmetry():
    frame = CompoundSymmetricMatrix(5).plot.data("spectrum", values={"sigma^2": 2.0, "rho": 0.3})
    np.testing.assert_allclose(frame["eigenvalue"], [2.0 * (1 + 4 * 0.3), *[2.0 * 0.7] * 4])
    assert frame["share"].iloc[-1] == pytest.approx(1.0)


def test_the_correlogram_of_processes_and_of_a_plane(tree):
    frame = tree.plot.data("correlogram", values=VALUES).set_index(["part", "distance"])
    # G is a process of levels, the field a product of two.
    assert list(dict.fromkeys(frame.index.get_level_values(0))) == ["gen/g", "field/row", "field/column"]
    assert frame.loc[("gen/g", 2.0), "correlation"] == pytest.approx(0.25)
    assert frame.loc[("gen/g", 1.0), "covariance"] == pytest.approx(1.0)
    assert frame.loc[("field/column", 1.0), "correlation"] == pytest.approx(-0.5)
    times = [0.0, 0.5, 3.0]
    ou = OrnsteinUhlenbeckMatrix(times)
    name = next(name for name in ou.param_names if name != "sigma^2")
    found = ou.plot.data("correlogram", values={name: 2.0})
    assert found["distance"].tolist() == [0.0, 0.5, 2.5, 3.0]
    assert np.all(np.diff(found["correlation"]) < 0)
    plane = ExponentialMatrix([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    found = plane.plot.data("correlogram", values={"range": 2.0})
    np.testing.assert_allclose(found["correlation"], np.exp(-found["distance"] / 2.0), rtol=1e-9)
    assert 5.0 in found["distance"].tolist()
    with pytest.raises(ValueError, match="no part of V has rows with places"):
        CompoundSymmetricMatrix(3).plot.data("correlogram")
    given = CompoundSymmetricMatrix(3).plot.data("correlogram", places={"x": [0, 0, 3], "y": [0, 4, 0]})
    assert given["distance"].tolist() == [0.0, 3.0, 4.0, 5.0]


def test_a_row_by_number_and_by_name(tree):
    frame = tree.plot.data("row", row=-1, values=VALUES)
    natural = torch.tensor(list(VALUES.values()), dtype=torch.float64)
    np.testing.assert_allclose(frame["covariance"], tree.evaluate(natural)[3].numpy())
    assert frame["name"].tolist() == LEVELS
    assert tree.plot.data("row", row="G2")["correlation"][0] == pytest.approx(1.0)
    toeplitz = ToeplitzMatrix(4).plot.data("row", row=1)
    assert toeplitz["distance"].tolist() == [1.0, 0.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="no row 'G9'"):
        tree.plot.data("row", row="G9")
    with pytest.raises(ValueError, match="there is no row 4"):
        tree.plot.data("row", row=4)


def test_draws_have_the_same_numbers_at_any_theta():
    v = ScalarMatrix(50)
    one, other = (v.plot.data("draws", values={"sigma^2": s}, count=3, seed=7) for s in (1.0, 9.0))
    names = ["draw 1", "draw 2", "draw 3"]
    np.testing.assert_allclose(other[names], 3.0 * one[names], rtol=1e-12)
    noise = torch.randn((50, 3), dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    np.testing.assert_allclose(one[names], noise.numpy(), rtol=1e-12)
    assert not np.allclose(one[names], v.plot.data("draws", count=3, seed=8)[names])


def test_draws_move_with_theta_even_where_v_is_singular():
    v = CompoundSymmetricMatrix(6)
    at = [v.plot.data("draws", values={"rho": rho}, seed=1)["draw 1"] for rho in (1.0 - 1e-8, 1.0)]
    np.testing.assert_allclose(at[1], at[1][0], rtol=1e-6)
    assert np.abs(at[1] - at[0]).max() < 1e-3


def test_draws_have_the_covariance_they_are_drawn_with():
    v = AR1Matrix(3)
    frame = v.plot.data("draws", values={"sigma^2": 2.0, "rho": 0.6}, count=20_000, seed=3)
    sample = np.cov(frame.filter(like="draw").to_numpy())
    np.testing.assert_allclose(sample, 2.0 * 0.6 ** np.abs(np.subtract.outer(range(3), range(3))), atol=0.05)


def test_draws_stand_where_the_rows_stand(tree):
    frame = tree.plot.data("draws")
    assert frame["row"].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert frame["column"].tolist() == [0.0, 1.0, 0.0, 1.0]
    times = OrnsteinUhlenbeckMatrix([4.0, 0.5]).plot.data("draws")
    assert times["position"].tolist() == [4.0, 0.5]


def test_what_cannot_be_is_told(tree):
    with pytest.raises(ValueError, match=r"There is no picture of a matrix 'X'. There are 'V', 'slices'"):
        tree.plot("X")
    with pytest.raises(ValueError, match="has no option 'count'; it has none of its own"):
        tree.plot.data("spectrum", count=3)
    with pytest.raises(ValueError, match="there is no part 'gen/h'"):
        tree.plot.data("V", part="gen/h")
    with pytest.raises(ValueError, match="what stands there has no parts"):
        tree.plot.data("V", part="residual/x")
    with pytest.raises(ValueError, match="pictures write out up to"):
        ScalarMatrix(10_000).plot.data("spectrum")
    with pytest.raises(ValueError, match="one number for each of the 4 rows"):
        tree.plot.data("draws", places={"x": [1.0]})
    with pytest.raises(ValueError, match="is no covariance"):
        CompoundSymmetricMatrix(3).plot.data("draws", values={"rho": -0.9})
    with pytest.raises(ValueError, match="not square"):
        DummyMatrix(LEVELS).plot.data("spectrum")


def test_a_row_of_a_matrix_too_large_to_be_written_out_is_a_product_with_it(monkeypatch):
    """The same numbers as where it is written out; what can only be written out is refused."""
    z = DummyMatrix([f"g{i % 7}" for i in range(60)])
    v = Sum(g=CovariancePropagation(z=z, g=ScalarMatrix(7)), units=ScalarMatrix(60))
    values = {"g/g/sigma^2": 2.0, "units/sigma^2": 0.5}
    expected = v.plot.data("row", values=values, row=9)
    monkeypatch.setattr(subject, "ENTRIES", 100)
    found = v.plot.data("row", values=values, row=9)
    pd.testing.assert_frame_equal(found, expected)
    assert found["correlation"][2] == pytest.approx(0.8)
    with pytest.raises(ValueError, match="write out up to"):
        v.plot.data("spectrum", values=values)
