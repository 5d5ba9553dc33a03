"""Levels with gaps: the positions that they stand at, their columns, and a word where they meet a series."""

from __future__ import annotations

import datetime
import warnings

import pandas as pd
import pytest
import torch

from covstudio.covariance import (
    AntedependenceMatrix,
    AR1CorrelationMatrix,
    AR1Matrix,
    Augment,
    BlockDiagonal,
    CovariancePropagation,
    DummyMatrix,
    HadamardProduct,
    HeterogeneousToeplitzMatrix,
    IdentityMatrix,
    KroneckerProduct,
    MAMatrix,
    ScalarMatrix,
    Scale,
    Sum,
    SymmetricARMatrix,
    ToeplitzMatrix,
    UnstructuredMatrix,
    evenly_spaced_levels,
)
from covstudio.covariance.operators.spacing import OrderTaken
from covstudio.covariance.structures.design.positions import UnevenLevels, grid_of

DAYS = [1, 2, 3, 4, 5, 6, 10]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["10", "2", "4"], ["2", "4", "6", "8", "10"]),
        (["01", "02", "04"], ["01", "02", "03", "04"]),
        (["0.50", "1.00", "2.00"], ["0.50", "1.00", "1.50", "2.00"]),
        ([0.1, 0.2, 0.4], [0.1, 0.2, 0.3, 0.4]),
        (["-1", "0", "2"], ["-1", "0", "1", "2"]),
        ([5], [5]),
        ([3, 7], [3, 7]),
        (
            ["2023-05-01", "2023-05-08", "2023-05-22"],
            ["2023-05-01", "2023-05-08", "2023-05-15", "2023-05-22"],
        ),
        (
            ["2023-01-01", "2023-02-01", "2023-04-01"],
            ["2023-01-01", "2023-02-01", "2023-03-01", "2023-04-01"],
        ),
        (
            ["2023-01-31", "2023-02-28", "2023-04-30"],
            ["2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30"],
        ),
        (
            ["2023-05-01T06:00", "2023-05-01T12:00", "2023-05-02T00:00"],
            ["2023-05-01T06:00", "2023-05-01T12:00", "2023-05-01T18:00", "2023-05-02T00:00"],
        ),
        (
            [datetime.date(2023, 5, 1), datetime.date(2023, 5, 2), datetime.date(2023, 5, 4)],
            [datetime.date(2023, 5, day) for day in (1, 2, 3, 4)],
        ),
        (["2022-11", "2023-02", "2022-12"], ["2022-11", "2022-12", "2023-01", "2023-02"]),
        (["1001-01", "1001-02", "1001-04"], ["1001-01", "1001-02", "1001-04"]),
        (["2023-11", "2023-13"], ["2023-11", "2023-13"]),
        (["low", "high"], ["low", "high"]),
        (["Week 10", "Week 8", "Week 9"], ["Week 8", "Week 9", "Week 10"]),
        (["Week 1", "Week 2", "Week 4"], ["Week 1", "Week 2", "Week 3", "Week 4"]),
        (["V0.5", "V2.0", "V1.0"], ["V0.5", "V1.0", "V1.5", "V2.0"]),
        (["t-08", "t-11"], ["t-08", "t-11"]),
        (["t-08", "t-09", "t-11"], ["t-08", "t-09", "t-10", "t-11"]),
        (["Week 1", "Day 3"], ["Week 1", "Day 3"]),
        (["Week 1", "Week"], ["Week 1", "Week"]),
        (["1-2", "1-4"], ["1-2", "1-4"]),
        (["1", "1.0", "3"], ["1", "1.0", "3"]),
        (["1", "two"], ["1", "two"]),
        ([True, False], [True, False]),
    ],
)
def test_levels_are_filled_by_the_greatest_common_step(labels: list, expected: list) -> None:
    assert evenly_spaced_levels(labels) == expected


def test_timestamps_of_pandas() -> None:
    days = pd.Series(pd.to_datetime(["2023-05-03", "2023-05-01", "2023-05-02", "2023-05-05"]))
    assert evenly_spaced_levels(days) == [pd.Timestamp(2023, 5, day) for day in (1, 2, 3, 4, 5)]


def test_levels_without_a_reasonable_step_are_refused() -> None:
    with pytest.raises(UnevenLevels, match=r"1, 2, 2.5, 1000 .*1999 at steps of 0.5"):
        grid_of([1, 2, 2.5, 1000])
    with pytest.raises(ValueError, match=r"factor 0 must have levels at equal steps"):
        DummyMatrix([1, 2, 2.5, 1000], evenly_spaced=[0])
    with pytest.raises(ValueError, match="must have numbers or dates as levels"):
        DummyMatrix(["a", "b"], evenly_spaced=[0])
    with pytest.raises(ValueError, match="factors from 0 to 0, got 1"):
        DummyMatrix([1, 2], evenly_spaced=[1])


def test_columns_of_evenly_spaced_factors() -> None:
    z = DummyMatrix(["b", "a", "b"], ["10", "2", "4"], evenly_spaced=[1])
    assert z.levels == (("a", "b"), ("2", "4", "6", "8", "10"))
    assert z.codes.tolist() == [9, 0, 6]
    factors = ["R1", "R2", "R1"], ["B1", "B2", "B1"], [1, 4, 2]
    nested = DummyMatrix(*factors, evenly_spaced=[2], drop_empty_cols=True)
    assert nested.colnames == [f"{r}⋈{t}" for r in ("R1⋈B1", "R2⋈B2") for t in (1, 2, 3, 4)]
    assert nested.codes.tolist() == [0, 7, 1]


def z_of(times: list, **more: object) -> DummyMatrix:
    return DummyMatrix(["a"] * len(times) + ["b"] * len(times), times + times, **more)


def series(n: int) -> list:
    along = [
        AR1Matrix(n),
        ToeplitzMatrix(n),
        MAMatrix(n, q=1),
        SymmetricARMatrix(n),
        HeterogeneousToeplitzMatrix(n),
    ]
    return [
        *(KroneckerProduct(i=IdentityMatrix(2), t=one) for one in along),
        Sum(a=ScalarMatrix(2 * n), b=KroneckerProduct(i=IdentityMatrix(2), t=AR1Matrix(n))),
        Scale(a=KroneckerProduct(i=IdentityMatrix(2), t=AR1CorrelationMatrix(n))),
    ]


@pytest.mark.parametrize("kind", range(7))
def test_gaps_are_told_wherever_a_series_runs_over_them(kind: int) -> None:
    with pytest.warns(
        RuntimeWarning, match=r"7 levels .* 7, 8, 9 are missing between them.*evenly_spaced=\[1\]"
    ):
        CovariancePropagation(z=z_of(DAYS), g=series(7)[kind])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CovariancePropagation(z=z_of(DAYS, evenly_spaced=[1]), g=series(10)[kind])
        CovariancePropagation(z=z_of(DAYS, close_gaps=True), g=series(7)[kind])


def test_what_no_series_runs_over_may_have_gaps() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CovariancePropagation(z=DummyMatrix(DAYS), g=UnstructuredMatrix(7))
        CovariancePropagation(z=DummyMatrix(["d1", "d10"]), g=AR1Matrix(2))
        CovariancePropagation(z=DummyMatrix([2, 4, 8, 6]), g=AR1Matrix(4))
        gaps_of_subjects = KroneckerProduct(i=IdentityMatrix(2), t=AR1Matrix(3))
        CovariancePropagation(z=DummyMatrix([1, 1, 1, 9, 9, 9], [1, 2, 3, 1, 2, 3]), g=gaps_of_subjects)


def test_numbers_in_the_order_of_texts_are_told() -> None:
    with pytest.warns(RuntimeWarning, match="in another order"):
        CovariancePropagation(
            z=DummyMatrix(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]), g=AR1Matrix(10)
        )
    z = DummyMatrix(["10", "8", "9"], evenly_spaced=[0])
    assert z.colnames == ["8", "9", "10"]


def test_a_design_with_weights_and_one_beside_another() -> None:
    days, weights = DummyMatrix(DAYS), torch.arange(7.0)[:, None].expand(7, 7)
    with pytest.warns(RuntimeWarning, match="missing between"):
        CovariancePropagation(z=HadamardProduct(z=days, x=weights), g=AR1Matrix(7))
    with pytest.warns(RuntimeWarning, match="missing between"):
        CovariancePropagation(
            z=Augment(a=DummyMatrix(list("ababaab")), b=DummyMatrix(DAYS)),
            g=BlockDiagonal(a=ScalarMatrix(2), b=AR1Matrix(7)),
        )


def test_v_has_the_lags_that_there_are() -> None:
    z = DummyMatrix(DAYS, evenly_spaced=[0])
    v = CovariancePropagation(z=z, g=AR1Matrix(10))
    v.set_param_specs("g/sigma^2", value=2.0)
    v.set_param_specs("g/rho", value=0.5)
    times = torch.tensor(DAYS, dtype=torch.float64)
    assert torch.allclose(v().double(), 2.0 * 0.5 ** (times[:, None] - times).abs())


WEEKS = ["Week 1", "Week 2", "Week 4", "Week 10"]


def test_levels_of_which_only_the_order_counts_may_have_gaps_and_are_put_in_order() -> None:
    with pytest.warns(RuntimeWarning, match=r"Week 1, Week 10, Week 2, Week 4 in this order.*ordered=\[1\]"):
        CovariancePropagation(
            z=z_of(WEEKS), g=KroneckerProduct(i=IdentityMatrix(2), t=AntedependenceMatrix(4))
        )
    z = DummyMatrix(WEEKS[::-1], ordered=[0])
    assert z.colnames == WEEKS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CovariancePropagation(z=z, g=AntedependenceMatrix(4))
        CovariancePropagation(z=DummyMatrix(DAYS), g=AntedependenceMatrix(7))
        CovariancePropagation(z=DummyMatrix(WEEKS), g=UnstructuredMatrix(4))
        CovariancePropagation(z=DummyMatrix(WEEKS, close_gaps=True), g=AntedependenceMatrix(4))
    with pytest.raises(ValueError, match=r"factor 0 must have numbers or dates .*to be put in order"):
        DummyMatrix(["low", "high"], ordered=[0])


@pytest.mark.parametrize("structure", [AntedependenceMatrix, AR1Matrix])
def test_the_order_of_words_is_told(structure: type) -> None:
    words = ["low", "medium", "high"]
    with pytest.warns(OrderTaken, match="levels high, low, medium in this order, which is that of texts"):
        CovariancePropagation(z=DummyMatrix(words), g=structure(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CovariancePropagation(z=DummyMatrix(words, levels=[words], lex_order=False), g=structure(3))
        CovariancePropagation(z=DummyMatrix(words[:2]), g=structure(2))
        CovariancePropagation(z=DummyMatrix(["c", "a", "b"]), g=structure(3))
