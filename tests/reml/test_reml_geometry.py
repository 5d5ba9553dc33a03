"""Working parameters where the search follows a ridge, and the curvature it looks at when steps overshoot."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from covstudio.covariance import (
    AR1Matrix,
    ARMatrix,
    HeterogeneousAR1Matrix,
    IdentityMatrix,
    KroneckerProduct,
    ScalarMatrix,
    Sum,
)
from covstudio.reml import fit
from covstudio.reml.engines.dense.engine import DenseEngine
from covstudio.reml.problem.problem import prepare
from covstudio.reml.search.coordinates import Coordinate, Kind
from covstudio.reml.search.logarithms import Logarithms, on_logarithms
from covstudio.reml.search.observed_information import observed_curvature
from covstudio.reml.search.ridge import ridge_at
from covstudio.reml.search.working import Working
from covstudio.reml.terms.variance import Variance
from tests.reml.reml_cases import assert_monotone

VARIANCE = Coordinate(0, "sigma^2", Kind.VARIANCE, 0.0, math.inf, 1, 1.0, False)
RHO = Coordinate(1, "rho", Kind.INTERVAL, -1.0, 1.0, 0, 0.0, False)
RANGE = Coordinate(2, "range", Kind.SCALE, 0.0, math.inf, 0, 0.0, False)
NUGGET = Coordinate(3, "nugget", Kind.VARIANCE, 0.0, math.inf, 1, 1.0, True)
FIELD = [VARIANCE, RHO, RANGE, NUGGET]
MOVES = np.ones(4, dtype=bool)


def bent(reach: float = 2.0) -> Working:
    return Working(FIELD, [True, True, False, False], [True, True, True, False], reach)


@given(
    st.floats(1e-3, 1e8),
    st.floats(-1.0, 1.0).filter(lambda rho: abs(rho) < 0.999999),
    st.lists(st.floats(-3.0, 3.0), min_size=4, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_steps_add_up_in_working_parameters(variance: float, rho: float, step: list[float]) -> None:
    values = np.array([variance, rho, 2.0, 50.0])
    moved = bent().move(values, np.array(step))
    assert bent().working(moved) - bent().working(values) == pytest.approx(step, rel=1e-6, abs=1e-6)


def test_slopes_are_derivatives() -> None:
    values = np.array([30.0, -0.4, 2.0, 5.0])
    numeric = [
        (bent().move(values, 1e-6 * unit) - bent().move(values, -1e-6 * unit))[i] / 2e-6
        for i, unit in enumerate(np.eye(4))
    ]
    assert bent().slope(values) == pytest.approx(numeric, rel=1e-8)


def test_only_what_runs_off_goes_far() -> None:
    low, high = bent(5.0).box(np.array([30.0, 0.9, 2.0, 5.0]), MOVES, 35.0)
    assert list(high[:3]) == [5.0] * 3
    assert list(low[:3]) == [-5.0] * 3
    assert high[3] == pytest.approx(10.0 * 35.0)


def test_what_arrives_at_an_end_moves_in_natural_values_again() -> None:
    plain = Working(FIELD)
    found = on_logarithms(plain, np.array([10.0, 0.9, 2.0, 5.0]), np.array([30.0, 0.97, 2.0, 5.0]), MOVES)
    assert found is not None
    assert found.bent == (True, True, False, False)
    ended = found.checked(np.array([30.0, 1.0, 2.0, 5.0]))
    assert ended.follows
    assert ended.bent == (True, False, False, False)
    assert not ended.checked(np.array([0.0, 1.0, 2.0, 5.0])).follows


@pytest.mark.parametrize(
    "values",
    [
        [30.0, 0.91, 2.0, 5.0],  # the correlation stands
        [10.5, 0.97, 2.0, 5.0],  # the variance does
        [5.0, 0.97, 2.0, 5.0],  # it shrinks
        [30.0, 0.5, 2.0, 5.0],  # the correlation is far from its end
        [30.0, 0.9, 2.0, 50.0],  # two variances, and nothing of the shape
    ],
)
def test_parameters_that_do_not_run_off_together_stay_as_they_are(values: list[float]) -> None:
    assert on_logarithms(Working(FIELD), np.array([10.0, 0.9, 2.0, 5.0]), np.array(values), MOVES) is None


def test_a_ridge_is_looked_for_only_after_steps_were_cut_short_in_a_row() -> None:
    plain = Working(FIELD)
    logarithms = Logarithms(plain)
    before, values = np.array([10.0, 0.9, 2.0, 5.0]), np.array([30.0, 0.97, 2.0, 5.0])
    for share in (0.5, 0.5, 1.0, 0.5, 0.5):
        assert logarithms.after(plain, before, values, share, False, np.zeros(4), MOVES) is plain
    assert logarithms.after(plain, before, values, 0.25, False, np.zeros(4), MOVES).follows


def test_the_direction_of_a_ridge() -> None:
    """Information about log(sigma^2) + log(1 - rho), and about the nugget, only."""
    told = np.array([1.0, -1.0, 0.0, 0.0])
    information = 50.0 * np.outer(told, told) + np.diag([1e-9, 1e-9, 30.0, 2.0])
    score = np.array([3e-7, 0.0, 0.0, 0.0])
    found = ridge_at(bent(), np.array([1e6, 1.0 - 1e-6, 2.0, 1.0]), score, information, MOVES, 1e6)
    assert found is not None
    assert found.members == (0, 1)
    assert found.leads == (0,)
    assert found.directions == pytest.approx(np.ones((2, 1)), abs=1e-6)
    assert found.left == pytest.approx(3e-7)
    assert ridge_at(bent(), np.ones(4), score, information + np.eye(4), MOVES, 1.0) is None


def test_the_observed_curvature_is_that_of_the_likelihood() -> None:
    y = torch.randn(40, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).cumsum(0)
    v = Sum(field=AR1Matrix(40), nugget=ScalarMatrix(40))
    problem = prepare(y, torch.ones(40, 1))
    engine = DenseEngine(problem, Variance(v))
    coordinates = [VARIANCE, RHO, Coordinate(2, "nugget", Kind.VARIANCE, 0.0, math.inf, 1, 1.0, True)]
    values = np.array(list(fit(v, y, torch.ones(40, 1)).params.values()))
    point = engine.at(values)
    assert point is not None
    derivatives = point.derivatives([0, 1, 2])
    curvature = observed_curvature(
        engine,
        Working(coordinates),
        [0, 1, 2],
        point,
        derivatives.score,
        derivatives.information,
        np.ones(3, dtype=bool),
    )
    assert curvature is not None

    def kernel(step: np.ndarray) -> float:
        there = engine.at(values + step)
        assert there is not None
        return there.kernel

    size = np.array([1e-2, 1e-4, 1e-3])
    for i in range(3):
        a = size * np.eye(3)[i]
        second = (kernel(a) - 2.0 * kernel(0.0 * a) + kernel(-a)) / size[i] ** 2
        assert curvature[i, i] == pytest.approx(-second, rel=1e-2)
    assert np.linalg.eigvalsh(curvature).min() > 0.0


def test_steps_that_overshoot_again_and_again_are_helped_by_the_curvature() -> None:
    """A variance for every time beside a correlation; growth of subjects whose means are fixed effects."""
    subjects, times = 20, 5
    generator = torch.Generator().manual_seed(3)
    t = torch.arange(times, dtype=torch.float64)
    slopes = 1.0 + 0.5 * torch.randn(subjects, 1, dtype=torch.float64, generator=generator)
    y = (slopes * t + torch.randn(subjects, times, dtype=torch.float64, generator=generator)).reshape(-1)
    x = torch.kron(torch.eye(subjects, dtype=torch.float64), torch.ones(times, 1, dtype=torch.float64))
    result = fit(KroneckerProduct(subject=IdentityMatrix(subjects), time=HeterogeneousAR1Matrix(times)), y, x)
    assert result.converged, result.message
    assert result.iterations <= 60
    assert_monotone(result)


def test_a_second_order_autoregression_beside_a_nugget() -> None:
    """The average information misses all but a hundredth of the curvature: 100 steps used not to suffice. The
    maximum is the first-order process, at the end of its ridge."""
    times = torch.arange(60, dtype=torch.float64)
    y = times / 6.0 + torch.randn(60, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    second = fit(Sum(field=ARMatrix(60, 2), nugget=ScalarMatrix(60)), y, torch.ones(60, 1))
    first = fit(Sum(field=AR1Matrix(60), nugget=ScalarMatrix(60)), y, torch.ones(60, 1))
    assert second.verdict == first.verdict == "at the boundary"
    assert second.loglik >= first.loglik - 1e-4
    assert_monotone(second)
