"""What the mixed-model equations say of a point against V written out, on random trees and data."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from covstudio.reml.engines.dense.engine import DenseEngine
from covstudio.reml.engines.mme.engine import MmeEngine
from covstudio.reml.problem.problem import prepare
from covstudio.reml.terms.variance import Variance
from tests.reml.engine_cases import assert_score_is_the_slope
from tests.reml.mme_cases import EFFECTS, RESIDUALS, trial


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(20, 45),
    p=st.integers(0, 3),
    effects=st.lists(st.sampled_from(EFFECTS), max_size=3),
    kind=st.sampled_from(RESIDUALS),
    zeros=st.booleans(),
)
def test_everything_a_point_says_is_what_the_dense_one_says(
    seed: int, n: int, p: int, effects: list[str], kind: str, zeros: bool
) -> None:
    case = trial(seed, n, p, effects, kind, zeros)
    problem, variance = prepare(case.y, case.x), Variance(case.v)
    assert not variance.others
    with torch.no_grad():
        a = MmeEngine(problem, variance).at(case.natural)
        b = DenseEngine(problem, variance).at(case.natural)
        assume(b is not None)
        assert a is not None
        assert b is not None
        assert a.kernel == pytest.approx(b.kernel, rel=1e-8, abs=1e-8)
        assert a.quadratic == pytest.approx(b.quadratic, rel=1e-8)
        assert a.logdet_v == pytest.approx(b.logdet_v, rel=1e-8, abs=1e-8)
        assert a.logdet_xvx == pytest.approx(b.logdet_xvx, rel=1e-8, abs=1e-8)
        assert a.mean_diagonal == pytest.approx(b.mean_diagonal, rel=1e-10)
        positions = np.random.default_rng(seed).permutation(len(variance.names)).tolist()
        if positions:
            one, two = a.derivatives(positions), b.derivatives(positions)
            np.testing.assert_allclose(
                one.score, two.score, rtol=1e-8, atol=1e-8 * (1 + abs(two.score).max())
            )
            size = np.abs(two.information).max()
            np.testing.assert_allclose(one.information, two.information, rtol=1e-8, atol=1e-8 * size)
        torch.testing.assert_close(a.beta, b.beta, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(a.beta_covariance, b.beta_covariance, rtol=1e-8, atol=1e-10)
        torch.testing.assert_close(a.py, b.py, rtol=1e-8, atol=1e-8)
        rhs = torch.from_numpy(np.random.default_rng(seed).normal(size=(n, 2)))
        torch.testing.assert_close(a.project(rhs), b.project(rhs), rtol=1e-8, atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    effects=st.lists(st.sampled_from(EFFECTS), min_size=1, max_size=3),
    kind=st.sampled_from(RESIDUALS),
)
def test_the_score_is_the_slope_of_the_likelihood(seed: int, effects: list[str], kind: str) -> None:
    case = trial(seed, 30, 2, effects, kind, False)
    with torch.no_grad():
        engine = MmeEngine(prepare(case.y, case.x), Variance(case.v))
        assert_score_is_the_slope(engine, case.natural)


@pytest.mark.parametrize("factor", [1e-3, 7.0])
def test_a_rescaled_point_is_the_point_at_the_rescaled_parameters(factor: float) -> None:
    case = trial(4, 30, 2, ["scalar", "known"], "scalar", False)
    variance = Variance(case.v)
    with torch.no_grad():
        engine = MmeEngine(prepare(case.y, case.x), variance)
        first = engine.at(case.natural)
        assert first is not None
        assert first.mean_diagonal > 0.0
        rescaled, fresh = first.rescaled(factor, factor * case.natural), engine.at(factor * case.natural)
        assert fresh is not None
        assert rescaled.kernel == pytest.approx(fresh.kernel, rel=1e-12)
        assert rescaled.mean_diagonal == pytest.approx(fresh.mean_diagonal, rel=1e-12)
        one, two = rescaled.derivatives([0, 1, 2]), fresh.derivatives([0, 1, 2])
        np.testing.assert_allclose(one.score, two.score, rtol=1e-9)
        np.testing.assert_allclose(one.information, two.information, rtol=1e-9)
        for piece in variance.random:
            pair, other = rescaled.effects(piece), fresh.effects(piece)
            assert pair is not None
            assert other is not None
            torch.testing.assert_close(pair, other)


@pytest.mark.parametrize("kind", ["missing unstructured", "missing ar1", "ar1", "one variance a level"])
def test_the_derivatives_of_a_rescaled_residual(kind: str) -> None:
    """A Cholesky factor grows with the square root of the scale, and its derivative of V with it."""
    case = trial(7, 30, 1, ["unstructured"], kind, False)
    variance = Variance(case.v)
    larger = case.natural.copy()
    for k, name in enumerate(Variance(case.v).names):
        larger[k] *= 3.0 if "L_" in name else 9.0 if "sigma" in name else 1.0
    with torch.no_grad():
        engine = MmeEngine(prepare(case.y, case.x), variance)
        first, fresh = engine.at(case.natural), engine.at(larger)
        assert first is not None
        assert fresh is not None
        rescaled = first.rescaled(9.0, larger)
        assert rescaled.kernel == pytest.approx(fresh.kernel, rel=1e-12)
        one, two = rescaled.derivatives(range(len(larger))), fresh.derivatives(range(len(larger)))
        np.testing.assert_allclose(one.score, two.score, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(one.information, two.information, rtol=1e-9, atol=1e-9)


def test_where_v_does_not_exist() -> None:
    case = trial(5, 25, 1, ["scalar"], "scalar", False)
    variance = Variance(case.v)
    engine = MmeEngine(prepare(case.y, case.x), variance)
    for natural in ([1.0, 0.0], [1.0, -1.0], [-1.0, 1.0], [math.nan, 1.0], [1.0, math.inf], [1e18, 1.0]):
        assert engine.at(np.array(natural)) is None
