"""Independent blocks of rows against V written out: random trees, random unbalanced data, published cases."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from reml_cases import assert_monotone, load, one_way
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    Augment,
    BlockDiagonal,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    FactorAnalyticMatrix,
    HadamardProduct,
    IdentityMatrix,
    KnownMatrix,
    KroneckerProduct,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    PowerVarianceMatrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import explain, fit
from covstudio.reml.blocks import BlocksCandidate, BlocksEngine, layout_of, partition_of
from covstudio.reml.blocks_layout import Partition
from covstudio.reml.blocks_point import by_pairs
from covstudio.reml.blup import random_effects
from covstudio.reml.dense import DenseEngine
from covstudio.reml.errors import InvalidModel
from covstudio.reml.lowering import lower
from covstudio.reml.problem import prepare
from covstudio.reml.variance import Variance

CPU = torch.device("cpu")
TIMES = 4


@dataclass
class Rows:
    """Subjects measured at some of a few times, in any order."""

    rng: np.random.Generator
    subject: np.ndarray
    time: np.ndarray

    @property
    def n(self) -> int:
        return len(self.subject)

    @property
    def subjects(self) -> int:
        return int(self.subject.max()) + 1

    def z(self) -> DummyMatrix:
        return DummyMatrix(self.subject.tolist(), levels=[list(range(self.subjects))])

    def same(self) -> Matrix:
        return CovariancePropagation(z=self.z(), g=IdentityMatrix(self.subjects))

    def cells(self, covariance: Matrix) -> Matrix:
        z = DummyMatrix(
            self.subject.tolist(),
            self.time.tolist(),
            levels=[list(range(self.subjects)), list(range(TIMES))],
        )
        return CovariancePropagation(
            z=z, g=KroneckerProduct(subject=IdentityMatrix(self.subjects), t=covariance)
        )

    def cells_inside(self, covariance: Matrix) -> Matrix:
        """The same with times changing slowly."""
        z = DummyMatrix(
            self.time.tolist(),
            self.subject.tolist(),
            levels=[list(range(TIMES)), list(range(self.subjects))],
        )
        return CovariancePropagation(
            z=z, g=KroneckerProduct(t=covariance, subject=IdentityMatrix(self.subjects))
        )

    def slopes(self) -> Matrix:
        x = torch.from_numpy(self.time.astype(float))[:, None].expand(self.n, self.subjects)
        z = Augment(intercept=self.z(), slope=HadamardProduct(z=self.z(), x=x))
        return CovariancePropagation(
            z=z, g=KroneckerProduct(us=UnstructuredMatrix(2), i=IdentityMatrix(self.subjects))
        )

    def nested(self) -> Matrix:
        """Sessions within subjects."""
        session = self.rng.integers(0, 2, self.n)
        names = [f"{s}:{v}" for s, v in zip(self.subject.tolist(), session.tolist(), strict=True)]
        z = DummyMatrix(names)
        return CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1]))

    def written_mask(self) -> Matrix:
        mask = torch.from_numpy((self.subject[:, None] == self.subject[None, :]).astype(float))
        return HadamardProduct(series=CompoundSymmetricMatrix(self.n), mask=mask)

    def by_group(self) -> Matrix:
        """Subjects of two groups, each with its own variance of their intercepts."""
        group = self.subject % 2
        z = DummyMatrix(self.subject.tolist(), levels=[list(range(self.subjects))])
        names = DummyMatrix([f"g{g}" for g in group], levels=[["g0", "g1"]])
        other = CovariancePropagation(z=names, g=DiagonalMatrix(2))
        return HadamardProduct(subject=CovariancePropagation(z=z, g=IdentityMatrix(self.subjects)), v=other)

    def own_variances(self) -> Matrix:
        return CovariancePropagation(z=self.z(), g=DiagonalMatrix(self.subjects))

    def continuous(self) -> Matrix:
        times = torch.from_numpy(self.time + self.rng.uniform(0.0, 0.5, self.n))
        return HadamardProduct(subject=self.same(), series=OrnsteinUhlenbeckMatrix(times))

    def variances_by_time(self) -> Matrix:
        z = DummyMatrix(self.time.tolist(), levels=[list(range(TIMES))])
        return HadamardProduct(
            i=IdentityMatrix(self.n), t=CovariancePropagation(z=z, g=DiagonalMatrix(TIMES))
        )

    def sites(self) -> Matrix:
        """Two halves, one with a covariance of no known structure; they join what is in them."""
        half = self.n // 3
        root = self.rng.normal(size=(half, half + 1))
        return BlockDiagonal(
            a=HadamardProduct(k=KnownMatrix(torch.from_numpy(root @ root.T / half)), c=ScalarMatrix(half)),
            b=ScalarMatrix(self.n - half),
        )


TERMS: dict[str, Callable[[Rows], Matrix]] = {
    "intercepts": lambda rows: CovariancePropagation(z=rows.z(), g=ScalarMatrix(rows.subjects)),
    "slopes": Rows.slopes,
    "unstructured": lambda rows: rows.cells(UnstructuredMatrix(TIMES)),
    "unstructured, times outside": lambda rows: rows.cells_inside(UnstructuredMatrix(TIMES)),
    "autoregression": lambda rows: rows.cells(AR1Matrix(TIMES)),
    "factor analytic": lambda rows: rows.cells(FactorAnalyticMatrix(TIMES, 1)),
    "masked series": lambda rows: HadamardProduct(subject=rows.same(), series=AR1Matrix(rows.n)),
    "written mask": Rows.written_mask,
    "continuous time": Rows.continuous,
    "nested": Rows.nested,
    "by group": Rows.by_group,
    "own variances": Rows.own_variances,
    "sites": Rows.sites,
    "variances by time": Rows.variances_by_time,
    "variance function": lambda rows: PowerVarianceMatrix(
        torch.from_numpy(rows.rng.uniform(0.5, 2.0, rows.n))
    ),
}


def unbalanced(seed: int, subjects: int, repeated: bool) -> Rows:
    """About two thirds of all cells, some twice where wanted, shuffled."""
    rng = np.random.default_rng(seed)
    cells = np.flatnonzero(rng.uniform(size=subjects * TIMES) < 0.67)
    cells = np.concatenate([cells, rng.integers(0, subjects * TIMES, 5)]) if repeated else cells
    cells = rng.permutation(cells)
    return Rows(rng, cells // TIMES, cells % TIMES)


def balanced(subjects: int, seed: int = 0) -> Rows:
    cells = np.arange(subjects * TIMES)
    return Rows(np.random.default_rng(seed), cells // TIMES, cells % TIMES)


@dataclass
class Trial:
    v: Matrix
    y: Tensor
    x: Tensor
    natural: np.ndarray


def trial(rows: Rows, p: int, terms: list[str]) -> Trial:
    rng = rows.rng
    parts = {f"t{i}": TERMS[name](rows) for i, name in enumerate(terms)}
    v = Sum(**parts, rest=ScalarMatrix(rows.n))
    variance = Variance(v)
    natural = variance.defaults.copy()
    for k in range(len(variance.names)):
        low, high = variance.bounds(k)
        if np.isfinite(low) and np.isfinite(high):
            natural[k] = low + (high - low) * rng.uniform(0.15, 0.85)
        elif np.isfinite(low):
            natural[k] = low + math.exp(rng.normal(0.0, 1.0))
        else:
            natural[k] = rng.normal()
    x = np.column_stack([np.ones(rows.n), rng.normal(size=(rows.n, p - 1))]) if p else np.zeros((rows.n, 0))
    y = 3.0 + 2.0 * rng.normal(size=rows.n)
    return Trial(v, torch.from_numpy(y), torch.from_numpy(x), natural)


def blocks_of(case: Trial) -> BlocksEngine:
    partition = partition_of(lower(case.v))
    assert isinstance(partition, Partition), partition
    return BlocksEngine(prepare(case.y, case.x), partition)


def assert_same_point(case: Trial, seed: int = 0) -> None:
    """Everything that the two engines say of one point."""
    variance = Variance(case.v)
    with torch.no_grad():
        b = DenseEngine(prepare(case.y, case.x), variance).at(case.natural)
        a = blocks_of(case).at(case.natural)
        assert a is not None
        assert b is not None
        assert a.kernel == pytest.approx(b.kernel, rel=1e-8, abs=1e-8)
        assert a.quadratic == pytest.approx(b.quadratic, rel=1e-8)
        assert a.logdet_v == pytest.approx(b.logdet_v, rel=1e-8, abs=1e-8)
        assert a.logdet_xvx == pytest.approx(b.logdet_xvx, rel=1e-8, abs=1e-8)
        assert a.mean_diagonal == pytest.approx(b.mean_diagonal, rel=1e-10)
        positions = np.random.default_rng(seed).permutation(len(variance.names)).tolist()
        one, two = a.derivatives(positions), b.derivatives(positions)
        np.testing.assert_allclose(one.score, two.score, rtol=1e-8, atol=1e-8 * (1 + abs(two.score).max()))
        size = np.abs(two.information).max()
        np.testing.assert_allclose(one.information, two.information, rtol=1e-8, atol=1e-8 * size)
        torch.testing.assert_close(a.beta, b.beta, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(a.beta_covariance, b.beta_covariance, rtol=1e-8, atol=1e-10)
        torch.testing.assert_close(a.py, b.py, rtol=1e-8, atol=1e-8)
        rhs = torch.from_numpy(np.random.default_rng(seed).normal(size=(len(case.y), 2)))
        torch.testing.assert_close(a.project(rhs), b.project(rhs), rtol=1e-8, atol=1e-8)


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
    assert engine.layout.kinds == 1
    (batch,) = engine.layout.batches
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
    assert engine.layout.kinds == len({tuple(row) for row in present.tolist()})
    # All patterns are parts of one sheet of the four times.
    assert engine.layout.types == TIMES
    assert len(engine.layout.batches) == 1


def test_nothing_shared_is_worked_with_by_size() -> None:
    """Times that no two subjects share: every block is of its own kind, and there is no common sheet."""
    case = trial(unbalanced(5, 20, False), 2, ["continuous time", "variance function"])
    engine = blocks_of(case)
    sizes = torch.unique(engine.layout.block, return_counts=True)[1]
    assert len(engine.layout.batches) == len(torch.unique(sizes))
    assert engine.layout.kinds == len(sizes)
    assert_same_point(case)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("subjects", [8, 60])
def test_both_ways_to_the_average_information(
    monkeypatch: pytest.MonkeyPatch, paired: bool, subjects: int
) -> None:
    monkeypatch.setattr("covstudio.reml.blocks_point.by_pairs", lambda *sizes: paired)
    assert_same_point(trial(unbalanced(1, subjects, False), 2, ["unstructured", "slopes"]))
    assert_same_point(trial(balanced(subjects), 2, ["unstructured", "slopes"]))


def test_derivatives_in_pieces_are_those_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("covstudio.reml.blocks_point.by_pairs", lambda *sizes: False)
    monkeypatch.setattr("covstudio.reml.blocks_point.CHUNK", 1)
    assert_same_point(trial(unbalanced(2, 12, True), 2, ["unstructured", "continuous time"]))
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
    """Against central differences of the same engine's likelihood, which shares no code with the score."""
    case = trial(unbalanced(seed, 9, True), p, terms)
    with torch.no_grad():
        engine = blocks_of(case)
        point = engine.at(case.natural)
        assume(point is not None)
        assert point is not None
        score = point.derivatives(range(len(case.natural))).score
        for k in range(len(case.natural)):
            step = 1e-5 * max(abs(case.natural[k]), 0.1)
            up, down = case.natural.copy(), case.natural.copy()
            up[k] += step
            down[k] -= step
            above, below = engine.at(up), engine.at(down)
            if above is not None and below is not None:
                slope = (above.kernel - below.kernel) / (2.0 * step)
                assert score[k] == pytest.approx(slope, rel=1e-4, abs=1e-3)


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
        for piece in lower(case.v).pieces:
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
    assert result.kernel_loglik == pytest.approx(dense.kernel_loglik, abs=1e-8)
    if method == "REML":
        assert result.kernel_loglik == pytest.approx(case.estimates["kernel_loglik"], abs=1e-6)
    for path, value in dense.params.items():
        assert result.params[path] == pytest.approx(value, rel=1e-6), path
        assert result.standard_errors[path] == pytest.approx(dense.standard_errors[path], rel=1e-5), path
    torch.testing.assert_close(result.beta, dense.beta, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(result.beta_standard_errors, dense.beta_standard_errors, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(result.fitted, dense.fitted, rtol=1e-6, atol=1e-6)
    assert result.blups.keys() == dense.blups.keys()
    for term, expected in dense.blups.items():
        torch.testing.assert_close(result.blups[term].blup, expected.blup, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(
            result.blups[term].standard_error, expected.standard_error, rtol=1e-6, atol=1e-6
        )


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
        ours, theirs = random_effects(variance, a, lower(case.v))[0], random_effects(variance, b)[0]
    assert ours.keys() == theirs.keys() == {"t0", "t1"}
    for piece in lower(case.v).pieces[:2]:
        assert a.effects(piece) is not None
    for term, expected in theirs.items():
        torch.testing.assert_close(ours[term].blup, expected.blup, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(ours[term].standard_error, expected.standard_error, rtol=1e-6, atol=1e-7)


def repeated_measures(subjects: int, times: int, seed: int) -> tuple[Matrix, Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(times, times + 3))
    errors = rng.normal(size=(subjects, times)) @ np.linalg.cholesky(root @ root.T).T
    y = errors + 0.3 * np.arange(times)
    x = np.column_stack([np.ones(y.size), np.tile(np.arange(times), subjects)])
    v = KroneckerProduct(subject=IdentityMatrix(subjects), time=UnstructuredMatrix(times))
    return v, torch.from_numpy(y.reshape(-1)), torch.from_numpy(x)


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
    assert "do not fall apart" in str(partition_of(lower(Sum(field=field, e=ScalarMatrix(6)))))
    whole = Sum(k=KnownMatrix(torch.eye(6) + 1.0), e=ScalarMatrix(6))
    assert partition_of(lower(whole)) == "k covers all rows without any known structure"
    wide = CovariancePropagation(z=torch.ones(6, 80), g=ScalarMatrix(80))
    assert "80 effects" in str(partition_of(lower(Sum(w=wide, e=ScalarMatrix(6)))))


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
    answer = BlocksCandidate().applies(lower(v), 1)
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


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_same_on_a_gpu() -> None:
    case = trial(unbalanced(3, 12, False), 2, ["unstructured", "slopes", "variances by time"])
    partition = partition_of(lower(case.v))
    assert isinstance(partition, Partition)
    with torch.no_grad():
        here = blocks_of(case).at(case.natural)
        there = BlocksEngine(prepare(case.y.cuda(), case.x.cuda()), partition).at(case.natural)
        assert here is not None
        assert there is not None
        assert there.py.device.type == "cuda"
        assert there.kernel == pytest.approx(here.kernel, rel=1e-10)
        every = range(len(case.natural))
        np.testing.assert_allclose(there.derivatives(every).score, here.derivatives(every).score, rtol=1e-7)
        for piece in lower(case.v).pieces[:1]:
            pair, other = there.effects(piece), here.effects(piece)
            assert pair is not None
            assert other is not None
            torch.testing.assert_close(pair[0].cpu(), other[0])
    assert layout_of(partition, CPU).device == CPU
