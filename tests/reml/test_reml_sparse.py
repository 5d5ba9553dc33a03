"""Sparse mixed-model equations against dense ones, and against V written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from covstudio.covariance import (
    CovariancePropagation,
    DummyMatrix,
    KnownMatrix,
    PedigreeMatrix,
    ScalarMatrix,
    Sum,
    pedigree_relationship,
)
from covstudio.reml.engines.dense.engine import DenseEngine
from covstudio.reml.engines.mme.engine import MmeEngine
from covstudio.reml.terms.kinds import RandomPiece
from covstudio.reml.terms.variance import Variance
from tests.reml.sparse_cases import Animals, animals, close, engine_of, pedigree, records

TERMS = ("animal", "permanent", "herd", "sire and dam", "slope", "by line", "beside")
QUIET = settings(
    max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


def mme_of(case: Animals, method: str = "REML") -> MmeEngine:
    return MmeEngine(case.problem(method), Variance(case.v))


def values(case: Animals, seed: int, zeros: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    natural = np.exp(rng.normal(0.0, 1.5, case.v.num_params))
    natural[:-1][rng.uniform(size=len(natural) - 1) < zeros] = 0.0
    return natural


@QUIET
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(5, 40),
    terms=st.lists(st.sampled_from(TERMS), min_size=1, max_size=4, unique=True),
    method=st.sampled_from(("REML", "ML")),
    zeros=st.sampled_from((0.0, 0.5)),
    p=st.integers(1, 3),
)
def test_it_is_the_likelihood_of_v_written_out(
    seed: int, count: int, terms: list[str], method: str, zeros: float, p: int
) -> None:
    n = 12 + seed % 40
    case = animals(seed, count, n, p, terms)
    natural = values(case, seed, zeros)
    dense = DenseEngine(case.problem(method), Variance(case.v)).at(natural)
    found = engine_of(case, method).at(natural)
    assume(dense is not None)
    assert found is not None
    assert dense is not None
    close(found, dense, natural)


@QUIET
@given(
    seed=st.integers(0, 10_000),
    terms=st.lists(st.sampled_from(TERMS), min_size=1, max_size=4, unique=True),
    method=st.sampled_from(("REML", "ML")),
    zeros=st.sampled_from((0.0, 0.5)),
)
def test_effects_and_their_errors_are_those_of_dense_equations(
    seed: int, terms: list[str], method: str, zeros: float
) -> None:
    case = animals(seed, 60, 150, 2, terms)
    natural = values(case, seed, zeros)
    found, other = engine_of(case, method).at(natural), mme_of(case, method).at(natural)
    assert found is not None
    assert other is not None
    close(found, other, natural)
    for piece in Variance(case.v).random:
        predicted, expected = found.effects(piece), other.effects(piece)
        assert predicted is not None
        assert expected is not None
        for one, two in zip(predicted, expected, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-8, atol=1e-9 * float(two.abs().max()) + 1e-14)
    residual = Variance(case.v).diagonals[0]
    assert found.effects(residual) is None


@pytest.mark.parametrize("ratio", [1e-12, 1e-6, 1.0, 1e4])
def test_no_digits_are_lost_where_a_variance_is_small_or_large(ratio: float) -> None:
    case = animals(7, 50, 120, 2, ["animal", "herd"])
    natural = np.array([ratio, 0.5, 1.0])
    found, other = engine_of(case).at(natural), mme_of(case).at(natural)
    assert found is not None
    assert other is not None
    close(found, other, natural)


def test_a_variance_of_zero_is_the_limit_of_small_ones() -> None:
    """The score at 0 says whether the variance should leave it."""
    case = animals(11, 50, 120, 2, ["animal", "permanent"])
    engine = engine_of(case)
    at = [engine.at(np.array([gamma, 0.3, 1.0])) for gamma in (0.0, 1e-30, 1e-10)]
    scores = [point.derivatives([0, 1, 2]).score for point in at if point is not None]
    assert len(scores) == 3
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-12)
    np.testing.assert_allclose(scores[0], scores[2], rtol=1e-7)
    step = 1e-5
    up = engine.at(np.array([step, 0.3, 1.0]))
    assert up is not None
    assert at[0] is not None
    assert (up.kernel - at[0].kernel) / step == pytest.approx(scores[0][0], rel=1e-2)
    zero = at[0].effects(next(p for p in Variance(case.v).pieces if isinstance(p, RandomPiece)))
    assert zero is not None
    assert float(zero[0].abs().max()) == 0.0
    assert float(zero[1].abs().max()) == 0.0


def test_a_point_may_be_rescaled() -> None:
    case = animals(3, 30, 80, 2, ["animal", "herd"])
    engine, natural = engine_of(case), np.array([0.4, 0.2, 0.9])
    point, expected = engine.at(natural), engine.at(2.5 * natural)
    assert point is not None
    assert expected is not None
    close(point.rescaled(2.5, 2.5 * natural), expected, natural)


@pytest.mark.parametrize(
    "natural", [[-0.1, 1.0, 1.0], [1.0, -1e-9, 1.0], [1.0, 1.0, 0.0], [np.nan, 1.0, 1.0]]
)
def test_values_that_give_no_covariance_have_no_likelihood(natural: list[float]) -> None:
    case = animals(3, 30, 80, 2, ["animal", "herd"])
    assert engine_of(case).at(np.array(natural)) is None


def test_a_residual_of_rounding_error_is_none() -> None:
    case = animals(3, 30, 80, 2, ["animal"])
    assert engine_of(case).at(np.array([1.0, 1e-17])) is None


def test_rows_of_known_unequal_precision() -> None:
    """R is one variance times a known diagonal."""
    rng = np.random.default_rng(5)
    ped = pedigree(rng, 30)
    z = records(rng, ped, 70)
    weights = torch.diag(torch.from_numpy(rng.uniform(0.3, 3.0, 70)))
    v = Sum(animal=CovariancePropagation(z=z, g=PedigreeMatrix(ped)), units=KnownMatrix(weights))
    y, x = torch.from_numpy(rng.normal(size=70)), torch.ones(70, 1, dtype=torch.float64)
    case, natural = Animals(v, y, x), np.array([0.7, 1.3])
    found, dense = engine_of(case).at(natural), DenseEngine(case.problem(), Variance(v)).at(natural)
    assert found is not None
    assert dense is not None
    close(found, dense, natural)


def test_a_pedigree_is_the_relationship_matrix_that_it_implies() -> None:
    rng = np.random.default_rng(2)
    ped = pedigree(rng, 40)
    z = records(rng, ped, 90)
    known = KnownMatrix(pedigree_relationship(ped))
    y, x = torch.from_numpy(rng.normal(size=90)), torch.ones(90, 1, dtype=torch.float64)
    cases = [
        Animals(Sum(a=CovariancePropagation(z=z, g=g), e=ScalarMatrix(90)), y, x)
        for g in (PedigreeMatrix(ped), known)
    ]
    natural = np.array([0.6, 1.1])
    found, dense = engine_of(cases[0]).at(natural), mme_of(cases[1]).at(natural)
    assert found is not None
    assert dense is not None
    close(found, dense, natural)


def test_crossed_factors_without_a_pedigree() -> None:
    rng = np.random.default_rng(4)
    n = 400
    factors = [DummyMatrix([f"{i}" for i in rng.integers(0, k, n)]) for k in (70, 60, 50)]
    terms = {f"f{k}": CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1])) for k, z in enumerate(factors)}
    y, x = torch.from_numpy(rng.normal(size=n)), torch.ones(n, 1, dtype=torch.float64)
    case, natural = Animals(Sum(**terms, e=ScalarMatrix(n)), y, x), np.array([0.5, 0.0, 2.0, 1.0])
    found, other = engine_of(case).at(natural), mme_of(case).at(natural)
    assert found is not None
    assert other is not None
    close(found, other, natural)
