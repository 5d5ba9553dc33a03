"""Independent blocks of rows against V written out: random trees, random unbalanced data, published cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from covstudio.reml.engines.blocks.engine import BlocksEngine
from covstudio.reml.engines.blocks.layout import Partition
from covstudio.reml.engines.blocks.point import by_pairs
from covstudio.reml.engines.blocks.setup import layout_of, partition_of
from covstudio.reml.problem.problem import prepare
from covstudio.reml.terms.variance import Variance
from tests.reml.engine_cases import assert_score_is_the_slope
from tests.reml.repeated_cases import (
    TERMS,
    TIMES,
    Rows,
    assert_same_point,
    balanced,
    blocks_of,
    trial,
    unbalanced,
)

CPU = torch.device("cpu")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**31),
    subjects=st.integers(6, 14),
    repeated=st.booleans(),
    p=st.integers(0, 3),
    terms=st.lists(st.sampled_from(sorted(TERMS)), min_size=1, max_size=3),
)
def test_everything_a_point_says_is_what_the_dense_one_says(
    seed: int, subjects: int, repeated: bool, p: int, terms: list[str]
) -> None:
    rows = unbalanced(seed, subjects, repeated)
    assume(rows.n > 8)
    assert_same_point(trial(rows, p, terms), seed)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    subjects=st.integers(40, 80),
    joins=st.sampled_from(["unstructured", "slopes", "autoregression", "intercepts"]),
    terms=st.lists(st.sampled_from(["unstructured", "slopes", "variances by time"]), max_size=2),
)
def test_balanced_subjects_share_one_block(seed: int, subjects: int, joins: str, terms: list[str]) -> None:
    """Enough of them for sums of products to stand for the data."""
    case = trial(balanced(subjects, seed), 2, [joins, *terms])
    assert_same_point(case, seed)
    engine = blocks_of(case)
    assert engine.setup.layout.kinds == 1
    (batch,) = engine.setup.layout.batches
    assert tuple(batch.types.shape) == (1, TIMES)
    assert tuple(batch.rows.shape) == (subjects, TIMES)


def test_subjects_with_the_same_times_share_a_block_whatever_the_order_of_rows() -> None:
    rng = np.random.default_rng(3)
    present = rng.integers(0, 2, size=(60, TIMES)).astype(bool)
    present[:, 0] = True
    subject, time = np.nonzero(present)
    order = rng.permutation(len(subject))
    rows = Rows(rng, subject[order], time[order])
    engine = blocks_of(trial(rows, 2, ["unstructured", "slopes", "variances by time"]))
    assert engine.setup.layout.kinds == len({tuple(row) for row in present.tolist()})
    # All patterns are parts of one sheet of the four times.
    assert engine.setup.layout.types == TIMES
    assert len(engine.setup.layout.batches) == 1


def test_nothing_shared_is_worked_with_by_size() -> None:
    """Times that no two subjects share: every block is of its own kind, and there is no common sheet."""
    case = trial(unbalanced(5, 20, False), 2, ["continuous time", "variance function"])
    engine = blocks_of(case)
    sizes = torch.unique(engine.setup.layout.block, return_counts=True)[1]
    assert len(engine.setup.layout.batches) == len(torch.unique(sizes))
    assert engine.setup.layout.kinds == len(sizes)
    assert_same_point(case)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("subjects", [8, 60])
def test_both_ways_to_the_average_information(
    monkeypatch: pytest.MonkeyPatch, paired: bool, subjects: int
) -> None:
    monkeypatch.setattr("covstudio.reml.engines.blocks.point.by_pairs", lambda *sizes: paired)
    assert_same_point(trial(unbalanced(1, subjects, False), 2, ["unstructured", "slopes"]))
    assert_same_point(trial(balanced(subjects), 2, ["unstructured", "slopes"]))


def test_derivatives_in_pieces_are_those_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("covstudio.reml.engines.blocks.point.by_pairs", lambda *sizes: False)
    monkeypatch.setattr("covstudio.reml.engines.blocks.point.CHUNK", 1)
    assert_same_point(trial(unbalanced(2, 12, True), 2, ["unstructured", "continuous time"]))
    assert_same_point(trial(unbalanced(3, 12, True), 2, ["continuous time, same days"]))
    assert_same_point(trial(balanced(30), 2, ["unstructured"]))


def test_pairs_of_entries_stand_for_many_blocks() -> None:
    assert by_pairs(10, 1, 500, 55)
    assert not by_pairs(60, 1, 100_000, 1)
    assert not by_pairs(10, 500, 500, 1)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    terms=st.lists(st.sampled_from(sorted(TERMS)), min_size=1, max_size=3),
    p=st.integers(0, 2),
)
def test_the_score_is_the_slope_of_the_likelihood(seed: int, terms: list[str], p: int) -> None:
    case = trial(unbalanced(seed, 9, True), p, terms)
    with torch.no_grad():
        engine = blocks_of(case)
        assume(engine.at(case.natural) is not None)
        assert_score_is_the_slope(engine, case.natural)


def test_a_rescaled_point_is_the_point_at_the_rescaled_parameters() -> None:
    """Variances grow with the scale, Cholesky factors with its square root."""
    case = trial(unbalanced(4, 12, False), 2, ["unstructured", "autoregression"])
    names = Variance(case.v).names
    growth = np.array([3.0 if "L_" in name else 9.0 if "sigma" in name else 1.0 for name in names])
    with torch.no_grad():
        engine = blocks_of(case)
        first, fresh = engine.at(case.natural), engine.at(growth * case.natural)
        assert first is not None
        assert fresh is not None
        rescaled = first.rescaled(9.0, growth * case.natural)
        assert rescaled.kernel == pytest.approx(fresh.kernel, rel=1e-12)
        assert rescaled.mean_diagonal == pytest.approx(fresh.mean_diagonal, rel=1e-12)
        one, two = (point.derivatives(range(len(names))) for point in (rescaled, fresh))
        np.testing.assert_allclose(one.score, two.score, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(one.information, two.information, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(rescaled.beta_covariance, fresh.beta_covariance)
        torch.testing.assert_close(rescaled.py, fresh.py)
        for piece in Variance(case.v).pieces:
            pair, other = rescaled.effects(piece), fresh.effects(piece)
            assert (pair is None) == (other is None)
            if pair is not None and other is not None:
                torch.testing.assert_close(pair, other)


def test_where_v_does_not_exist() -> None:
    case = trial(unbalanced(5, 8, False), 1, ["intercepts"])
    engine = blocks_of(case)
    for natural in ([1.0, -1.0], [-1.0, 0.5], [math.nan, 1.0], [1.0, math.inf], [1e18, 1.0]):
        assert engine.at(np.array(natural)) is None
    # A variance of zero, or below, is a point like any other while V is positive definite.
    for natural in ([0.0, 1.0], [-0.01, 1.0]):
        assert engine.at(np.array(natural)) is not None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_same_on_a_gpu() -> None:
    case = trial(unbalanced(3, 12, False), 2, ["unstructured", "slopes", "variances by time"])
    variance = Variance(case.v)
    partition = partition_of(variance)
    assert isinstance(partition, Partition)
    with torch.no_grad():
        here = blocks_of(case).at(case.natural)
        there = BlocksEngine(prepare(case.y.cuda(), case.x.cuda()), variance).at(case.natural)
        assert here is not None
        assert there is not None
        assert there.py.device.type == "cuda"
        assert there.kernel == pytest.approx(here.kernel, rel=1e-10)
        every = range(len(case.natural))
        np.testing.assert_allclose(there.derivatives(every).score, here.derivatives(every).score, rtol=1e-7)
        for piece in Variance(case.v).pieces[:1]:
            pair, other = there.effects(piece), here.effects(piece)
            assert pair is not None
            assert other is not None
            torch.testing.assert_close(pair[0].cpu(), other[0])
    assert layout_of(partition, CPU).device == CPU
