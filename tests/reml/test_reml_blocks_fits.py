"""Fits through blocks of rows: published cases, closed forms, what is chosen and said."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from covstudio.covariance import (
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    KnownMatrix,
    Matrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import explain, fit
from covstudio.reml.engines.blocks.candidate import BlocksCandidate
from covstudio.reml.engines.blocks.setup import partition_of
from covstudio.reml.engines.dense.engine import DenseEngine
from covstudio.reml.problem.errors import InvalidModel
from covstudio.reml.problem.problem import prepare
from covstudio.reml.terms.random_effects import random_effects
from covstudio.reml.terms.variance import Variance
from tests.reml.engine_cases import assert_fits_agree
from tests.reml.reml_cases import assert_monotone, load, one_way
from tests.reml.repeated_cases import (
    TIMES,
    Rows,
    blocks_of,
    repeated_measures,
    trial,
    unbalanced,
)


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize(
    "name", ["oats", "orthodont_slope", "ovary_ar1", "bodyweight_car1", "sleepstudy", "machines"]
)
def test_published_cases(name: str, method: str) -> None:
    """To the recorded digits, and to those of the dense engine."""
    case = load(name)
    dense = fit(case.v, case.y, case.x, engine="dense", method=method)
    result = fit(case.v, case.y, case.x, engine="blocks", method=method)
    assert result.engine == "blocks"
    assert result.converged
    assert_monotone(result)
    assert_fits_agree(result, dense)
    if method == "REML":
        assert result.kernel_loglik == pytest.approx(case.estimates["kernel_loglik"], abs=1e-6)


@pytest.mark.parametrize("name", ["unstructured", "unstructured, times outside", "slopes", "own variances"])
def test_effects_of_missing_cells_and_of_groups(name: str) -> None:
    """Cells that were not observed have predictions too; against V written out."""
    case = trial(unbalanced(8, 9, False), 2, [name, "nested"])
    variance = Variance(case.v)
    with torch.no_grad():
        a = blocks_of(case).at(case.natural)
        b = DenseEngine(prepare(case.y, case.x), variance).at(case.natural)
        assert a is not None
        assert b is not None
        ours, theirs = random_effects(variance, a)[0], random_effects(variance, b)[0]
    assert ours.keys() == theirs.keys() == {"t0", "t1"}
    for piece in Variance(case.v).pieces[:2]:
        assert a.effects(piece) is not None
    for term, expected in theirs.items():
        torch.testing.assert_close(ours[term].blup, expected.blup, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(ours[term].standard_error, expected.standard_error, rtol=1e-6, atol=1e-7)


def test_a_saturated_mean_gives_the_sample_covariance() -> None:
    """With a mean for every time the REML estimate of R is known: the sums of squares over subjects - 1."""
    v, y, _ = repeated_measures(50, 10, 2)
    x = torch.eye(10, dtype=torch.float64).repeat(50, 1)
    result = fit(v, y, x)
    assert result.engine == "blocks"
    assert result.converged
    assert_monotone(result)
    root = torch.zeros((10, 10), dtype=torch.float64)
    for i in range(10):
        for j in range(i + 1):
            root[i, j] = result.params[f"time/L_{i}_{j}"]
    torch.testing.assert_close(root @ root.mT, torch.cov(y.reshape(50, 10).mT), rtol=1e-7, atol=1e-8)


def test_shuffled_rows_with_missing_times_give_the_same_fit_as_sorted_ones() -> None:
    _, y, x = repeated_measures(40, TIMES, 6)
    rng = np.random.default_rng(1)
    kept = np.flatnonzero(rng.uniform(size=len(y)) < 0.8)
    fits = []
    for cells in (kept, rng.permutation(kept)):
        rows = Rows(rng, cells // TIMES, cells % TIMES)
        v = rows.cells(UnstructuredMatrix(TIMES))
        fits.append(fit(v, y[cells], x[cells]))
    first, second = fits
    assert first.engine == second.engine == "blocks"
    assert second.loglik == pytest.approx(first.loglik, abs=1e-8)
    for name, value in first.params.items():
        assert second.params[name] == pytest.approx(value, rel=1e-6), name


def test_which_v_falls_apart() -> None:
    field = CovariancePropagation(z=DummyMatrix(list("abcabc")), g=AR1Matrix(3))
    assert "do not fall apart" in str(partition_of(Variance(Sum(field=field, e=ScalarMatrix(6)))))
    whole = Sum(k=KnownMatrix(torch.eye(6) + 1.0), e=ScalarMatrix(6))
    assert partition_of(Variance(whole)) == "k covers all rows without any known structure"
    wide = CovariancePropagation(z=torch.ones(6, 80), g=ScalarMatrix(80))
    assert "80 effects" in str(partition_of(Variance(Sum(w=wide, e=ScalarMatrix(6)))))


@pytest.mark.parametrize(
    ("v", "why"),
    [
        (ScalarMatrix(10), "diagonal"),
        (one_way(300, 10), "absorbed"),
        (
            Sum(
                a=CovariancePropagation(z=DummyMatrix([i % 7 for i in range(60)]), g=ScalarMatrix(7)),
                b=CovariancePropagation(z=DummyMatrix([i % 5 for i in range(60)]), g=ScalarMatrix(5)),
                e=ScalarMatrix(60),
            ),
            "join 60 of 60 rows",
        ),
    ],
)
def test_blocks_are_not_looked_for_where_others_are_cheaper(v: Matrix, why: str) -> None:
    answer = BlocksCandidate().applies(Variance(v), 1)
    assert isinstance(answer, str)
    assert why in answer
    with pytest.raises(InvalidModel, match="blocks engine does not take this V"):
        fit(v, torch.randn(v.shape[0], dtype=torch.float64), torch.ones(v.shape[0], 1), engine="blocks")


def test_what_is_said_before_a_fit() -> None:
    found = explain(repeated_measures(500, 10, 1)[0], p=2)
    assert found.engine == "blocks"
    assert found.reason == "V is 500 independent blocks of 10 rows: V (independent groups of rows)."
    assert found.memory < 2**24
    assert "mme" in found.others


def test_nothing_of_n_by_n_is_formed() -> None:
    """A V of 40000 rows would take 12 GB."""
    v, y, x = repeated_measures(10_000, 4, 3)
    result = fit(v, y, x)
    assert result.engine == "blocks"
    assert result.converged
