"""DummyMatrix: the incidence of crossed and nested factors, its columns, their order, what it refuses."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix

BOWTIE = "\u22c8"


def names(*pairs: str) -> list[str]:
    return [pair.replace("*", BOWTIE) for pair in pairs]


def test_one_factor_in_sorted_order() -> None:
    z = DummyMatrix(["c", "a", "b", "a"])
    assert z.shape == (4, 3)
    assert z.colnames == ["a", "b", "c"]
    assert z.levels == (("a", "b", "c"),)
    assert torch.equal(z.codes, torch.tensor([2, 0, 1, 0]))
    assert z.codes.dtype == torch.int64
    assert torch.equal(z(), torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0]]))
    assert (z.num_params, z.param_names, z.grad()) == (0, [], (None, []))
    assert not z.psd


def test_numbers_are_sorted_as_numbers() -> None:
    assert DummyMatrix([10, 9, 2]).colnames == ["2", "9", "10"]
    assert DummyMatrix(["10", "9", "2"]).colnames == ["10", "2", "9"]


def test_crossed_factors_give_all_combinations_last_fastest() -> None:
    z = DummyMatrix(["b", "a", "b"], [2, 1, 3])
    assert z.colnames == names("a*1", "a*2", "a*3", "b*1", "b*2", "b*3")
    assert torch.equal(z.codes, torch.tensor([4, 0, 5]))


def test_order_of_first_appearance() -> None:
    z = DummyMatrix(["b", "a", "b", "c"], lex_order=False)
    assert z.colnames == ["b", "a", "c"]
    crossed = DummyMatrix(["b", "a", "b"], ["x", "y", "y"], lex_order=False)
    assert crossed.colnames == names("b*x", "a*y", "b*y", "a*x")
    assert torch.equal(crossed.codes, torch.tensor([0, 1, 2]))


def test_given_levels_are_sorted_unless_told_otherwise() -> None:
    dose = ["low", "high", "low"]
    given_order = [["low", "mid", "high"]]
    assert DummyMatrix(dose, levels=given_order).colnames == ["high", "low", "mid"]
    z = DummyMatrix(dose, levels=given_order, lex_order=False)
    assert z.colnames == ["low", "mid", "high"]
    assert torch.equal(z.codes, torch.tensor([0, 2, 0]))
    crossed = DummyMatrix(dose, [1, 2, 1], levels=[["mid", "low", "high"], [2, 1]], lex_order=False)
    assert crossed.colnames == names("mid*2", "mid*1", "low*2", "low*1", "high*2", "high*1")


def test_nested_factors_without_their_empty_columns() -> None:
    # Blocks are labelled anew in each replicate: block 3 exists in replicate 2 only.
    rep, block = [1, 1, 2, 2, 2], [1, 2, 1, 2, 3]
    full = DummyMatrix(rep, block)
    assert full.colnames == names("1*1", "1*2", "1*3", "2*1", "2*2", "2*3")
    kept = DummyMatrix(rep, block, drop_empty_cols=True)
    assert kept.colnames == names("1*1", "1*2", "2*1", "2*2", "2*3")
    assert torch.equal(kept(), full()[:, [0, 1, 3, 4, 5]])
    assert torch.equal(kept().sum(1), torch.ones(5))


def test_uniquely_labelled_nested_factors() -> None:
    rep, block = ["r1", "r1", "r2", "r2"], ["b1", "b2", "b3", "b4"]
    assert DummyMatrix(rep, block).shape == (4, 8)
    kept = DummyMatrix(rep, block, drop_empty_cols=True)
    assert kept.colnames == names("r1*b1", "r1*b2", "r2*b3", "r2*b4")
    assert torch.equal(kept(), torch.eye(4))


def test_empty_columns_in_order_of_appearance() -> None:
    kept = DummyMatrix(["b", "a"], ["x", "y"], lex_order=False, drop_empty_cols=True)
    assert kept.colnames == names("b*x", "a*y")
    given_order = DummyMatrix(["b", "a"], levels=[["c", "a", "b"]], lex_order=False, drop_empty_cols=True)
    assert given_order.colnames == ["a", "b"]


def test_dropping_the_first_column_leaves_its_rows_zero_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        z = DummyMatrix(["a", "b", "c", "a"], drop_first=True)
    assert z.colnames == ["b", "c"]
    assert torch.equal(z.codes, torch.tensor([-1, 0, 1, -1]))
    assert torch.equal(z()[0], torch.zeros(2))


def test_empty_columns_go_before_the_first_one() -> None:
    z = DummyMatrix(["b", "c"], levels=[["a", "b", "c"]], drop_first=True, drop_empty_cols=True)
    assert z.colnames == ["c"]


def test_labels_outside_the_levels_give_zero_rows_and_a_warning() -> None:
    with pytest.warns(RuntimeWarning, match=r"2 of 4 rows .* not among the levels: c, d; ") as caught:
        z = DummyMatrix(["a", "c", "b", "d"], levels=[["a", "b"]])
    assert caught[0].filename == __file__
    assert torch.equal(z.codes, torch.tensor([0, -1, 1, -1]))
    assert torch.equal(z(), torch.tensor([[1.0, 0], [0, 0], [0, 1], [0, 0]]))


def test_a_combination_outside_the_levels_of_one_factor() -> None:
    with pytest.warns(RuntimeWarning, match=f"1 of 2 rows .*: b{BOWTIE}2;"):
        z = DummyMatrix(["a", "b"], [1, 2], levels=[["a", "b"], [1]])
    assert torch.equal(z.codes, torch.tensor([0, -1]))


def test_levels_of_another_kind_than_the_labels() -> None:
    with pytest.warns(RuntimeWarning, match=r"factor 0 holds int, its levels str"):
        DummyMatrix([1, 2], levels=[["1", "2"]])


@pytest.mark.parametrize(
    "factor",
    [
        ("b", "a", "b"),
        np.array(["b", "a", "b"]),
        pd.Series(["b", "a", "b"]),
        pd.Series(["b", "a", "b"], index=[7, 7, 1]),
        pd.Series(["b", "a", "b"], dtype="category"),
        pd.Series(["b", "a", "b"], dtype="string"),
        iter(["b", "a", "b"]),
    ],
    ids=lambda factor: type(factor).__name__,
)
def test_what_may_hold_a_factor(factor: object) -> None:
    z = DummyMatrix(factor)  # type: ignore[arg-type]
    assert z.colnames == ["a", "b"]
    assert torch.equal(z.codes, torch.tensor([1, 0, 1]))


def test_columns_of_numbers_have_plain_names() -> None:
    for factor in (pd.Series([3, 1]), np.array([3, 1]), torch.tensor([3, 1]), [np.int64(3), np.int64(1)]):
        assert DummyMatrix(factor).colnames == ["1", "3"]
    assert DummyMatrix(pd.Series([True, False])).colnames == ["False", "True"]


def test_precision_and_device() -> None:
    assert DummyMatrix(["a"])().dtype == torch.get_default_dtype()
    z = DummyMatrix(["a", "b"], dtype=torch.float64, device="cpu")
    assert z.dtype == z().dtype == torch.float64
    assert z().device == torch.device("cpu")
    # Left open, the precision is that of the computation Z takes part in.
    op = CovariancePropagation(z=DummyMatrix(["a", "b", "a"]), g=ScalarMatrix(2))
    for dtype in (torch.float32, torch.float64):
        assert op(torch.zeros(1, dtype=dtype)).dtype == dtype


def test_many_levels_without_their_product() -> None:
    labels = [f"{k:05d}" for k in range(3000)]
    z = DummyMatrix(labels, labels, drop_empty_cols=True)
    assert z.shape == (3000, 3000)
    with pytest.raises(ValueError, match=r"at most 1000000 combinations.*9000000.*drop_empty_cols=True"):
        DummyMatrix(labels, labels)


@pytest.mark.parametrize(
    ("factors", "options", "error", "message"),
    [
        ([], {}, ValueError, "must have at least one factor, got none"),
        ([[]], {}, ValueError, "at least one row, got none"),
        ([["a", "b"], ["x"]], {}, ValueError, "must be of one length, got 2, 1"),
        ([["a", None, "b", float("nan")]], {}, ValueError, "got 2 missing (rows 1, 3"),
        ([["a", "b"], pd.Series(["x", pd.NA])], {}, ValueError, "factor 1 must have a label in every row"),
        ([pd.to_datetime(pd.Series(["2020-01-01", None]))], {}, ValueError, "got 1 missing (rows 1"),
        ([[None] * 9], {}, ValueError, "got 9 missing (rows 0, 1, 2, 3, 4, ..."),
        ([["a", 1]], {}, ValueError, "labels of one kind to be sorted, got int and str"),
        ([[["a"], ["b"]]], {}, ValueError, "factor 0 must be one column of labels, got ['a'] in row 0"),
        (
            ["abc"],
            {},
            TypeError,
            "factor 0 must be a list, tuple or Series of labels, one per row, got 'abc'",
        ),
        ([3], {}, TypeError, "factor 0 must be a list, tuple or Series"),
        ([{"a": 1}], {}, TypeError, "got {'a': 1} (dict)"),
        ([["a", "a"]], {"drop_first": True}, ValueError, "at least one column, got none of 1"),
        ([["a", "b"]], {"levels": ["a", "b"]}, TypeError, "write levels=[['a', 'b']]"),
        ([["a", "b"]], {"levels": "ab"}, TypeError, "one list of levels per factor, got 'ab'"),
        ([["a", "b"]], {"levels": [["a"], ["b"]]}, ValueError, "one list per factor, 1 in all, got 2"),
        ([["a", "b"]], {"levels": [["a", "a"]]}, ValueError, "different labels, got a more than once"),
        ([["a", "b"]], {"levels": [[]]}, ValueError, "must be different labels, got none"),
        ([["a", "b"]], {"levels": [["a", None]]}, ValueError, "levels of factor 0 must have a label"),
        ([["a", "b"]], {"dtype": torch.int64}, TypeError, "a floating point torch.dtype, got torch.int64"),
        ([["a", "b"]], {"dtype": "float64"}, TypeError, "dtype must be a floating point torch.dtype"),
    ],
)
def test_factors_that_are_none(factors: list, options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        DummyMatrix(*factors, **options)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-2, 2)), min_size=1, max_size=12),
    st.booleans(),
    st.booleans(),
)
def test_each_row_has_its_own_combination(rows: list[tuple[str, int]], lex_order: bool, drop: bool) -> None:
    first, second = [row[0] for row in rows], [row[1] for row in rows]
    z = DummyMatrix(first, second, lex_order=lex_order, drop_empty_cols=drop)
    value = z()
    assert torch.equal(value.sum(1), torch.ones(len(rows)))
    assert [z.colnames[int(k)] for k in value.argmax(1)] == [f"{a}{BOWTIE}{b}" for a, b in rows]
    assert len(set(z.colnames)) == len(z.colnames)
    assert len(z.colnames) == (len(set(rows)) if drop else len(set(first)) * len(set(second)))
    if lex_order:
        keys = [(name.split(BOWTIE)[0], int(name.split(BOWTIE)[1])) for name in z.colnames]
        assert keys == sorted(keys)


def test_agrees_with_pandas() -> None:
    rng = np.random.default_rng(3)
    labels = pd.Series(rng.choice(list("pqrst"), 40))
    dummies = pd.get_dummies(labels).astype(float)
    z = DummyMatrix(labels, dtype=torch.float64)
    assert z.colnames == list(dummies.columns)
    np.testing.assert_array_equal(z().numpy(), dummies.to_numpy())


def test_representation_names_the_columns() -> None:
    assert "columns: a, b\n" in repr(DummyMatrix(["b", "a"]))
    assert "columns: 0, 1, 2, 3, 4, 5, 6, 7, ...\n" in repr(DummyMatrix(list(range(20))))
