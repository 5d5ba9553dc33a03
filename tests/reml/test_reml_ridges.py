"""Fields that take up a trend: the likelihood rises along a ridge to a limit, which is a model of its own.

What such a fit must find is known from that model: AR(1), Ornstein-Uhlenbeck, exponential and spherical
processes tend to a random walk (their generalised covariance to -|t - s|), Gaussian ones to a random plane,
and AR(1) (x) AR(1) to the sum of two random walks (Matheron 1973, Advances in Applied Probability 5:439).
With a mean among the fixed effects the restricted likelihoods are the same, but for what is left to gain.
"""

from __future__ import annotations

import math
import re

import pytest
import torch

from covstudio.covariance import (
    AR1Matrix,
    CovariancePropagation,
    ExponentialMatrix,
    GaussianMatrix,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    RandomWalkMatrix,
    ScalarMatrix,
    Sum,
)
from covstudio.reml import Fit, Inference, fit
from tests.reml.reml_cases import assert_monotone
from tests.reml.ridge_cases import PROCESSES, TIMES, factor, grid, mean, trend
from tests.reml.simulated_cases import normal


def assert_limit(result: Fit, loglik: float, close: float = 2e-5) -> None:
    """The supremum is reached, but for what the message admits, and in few steps."""
    assert result.verdict == "at the boundary", result.message
    assert result.converged
    assert result.iterations <= 40
    assert_monotone(result)
    assert result.loglik == pytest.approx(loglik, abs=close)


def told(result: Fit) -> dict[str, tuple[float, float]]:
    return {e.words: (e.value, e.standard_error) for g in result.confounded for e in g.estimable}


# -- over time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_that_takes_up_a_trend_ends_as_a_random_walk(process: str, seed: int) -> None:
    structure, words, times = PROCESSES[process]
    y = trend(seed)
    v = Sum(field=RandomWalkMatrix(TIMES), nugget=ScalarMatrix(60))
    walk = fit(v, y, mean(60))
    assert walk.verdict == "converged"
    result = fit(Sum(field=structure(), nugget=ScalarMatrix(60)), y, mean(60))
    assert_limit(result, walk.loglik)
    assert len(result.boundary) == 2
    assert "nugget/sigma^2" not in result.boundary
    value, error = told(result)[words]
    (step,) = [name for name in walk.params if name.startswith("field/")]
    assert times * value == pytest.approx(walk.params[step], rel=1e-3)
    average = Inference(walk, v, y, mean(60), information="average").intervals()
    assert times * error == pytest.approx(average[step].standard_error, rel=1e-2)
    assert result.params["nugget/sigma^2"] == pytest.approx(walk.params["nugget/sigma^2"], rel=1e-3)
    assert result.standard_errors["nugget/sigma^2"] == pytest.approx(
        walk.standard_errors["nugget/sigma^2"], rel=1e-2
    )
    assert all(math.isnan(result.standard_errors[name]) for name in result.boundary)


def test_the_message_says_what_happened_and_what_to_do() -> None:
    result = fit(Sum(field=AR1Matrix(60), nugget=ScalarMatrix(60)), trend(1), mean(60))
    assert "At the boundary: field/sigma^2 grows without end while field/rho nears 1." in result.message
    said = re.search(r"only field/sigma\^2 \* \(1 - field/rho\^2\) \((.*?)\) is estimable", result.message)
    # A point of the ridge is as good as another: the last digit is where the search came to a stand.
    assert said
    assert float(said[1]) == pytest.approx(0.633, abs=1e-3)
    assert "put it among the fixed effects" in result.message
    assert "random walk" in result.message
    assert "runs to the end of its range" in result.summary()
    (group,) = result.confounded
    assert group.names == ("field/sigma^2", "field/rho")
    assert group.leads == ("field/sigma^2",)
    assert not group.final


@pytest.mark.parametrize("engine", ["dense", "mme"])
def test_every_engine_follows_the_ridge(engine: str) -> None:
    y = trend(2)
    walk = fit(Sum(field=RandomWalkMatrix(TIMES), nugget=ScalarMatrix(60)), y, mean(60))
    v = Sum(field=AR1Matrix(60), nugget=ScalarMatrix(60))
    assert_limit(fit(v, y, mean(60), engine=engine), walk.loglik)


@pytest.mark.parametrize("nugget", [True, False])
def test_profiles_of_subjects_whose_means_are_fixed_effects(nugget: bool) -> None:
    """Repeated measures in blocks: here too only the mean of a subject takes the variance up."""
    subjects, times = 12, 8
    t = torch.arange(times, dtype=torch.float64)
    y = ((1.0 + 0.3 * normal(5, subjects, 1)) * t + 0.5 * normal(6, subjects, times)).reshape(-1)
    x = torch.kron(torch.eye(subjects, dtype=torch.float64), mean(times))

    def model(time: Matrix) -> Matrix:
        profile = KroneckerProduct(subject=IdentityMatrix(subjects), time=time)
        return Sum(profile=profile, nugget=ScalarMatrix(subjects * times)) if nugget else profile

    walk = fit(model(RandomWalkMatrix(t + 1.0)), y, x)
    result = fit(model(AR1Matrix(times)), y, x, engine="blocks")
    assert_limit(result, walk.loglik)
    ((value, _),) = told(result).values()
    (step,) = [name for name in walk.params if "time" in name]
    assert value == pytest.approx(walk.params[step], rel=1e-3)


def test_random_effects_in_order_of_time() -> None:
    years = [k % 12 for k in range(120)]
    y = 1.5 * torch.tensor(years, dtype=torch.float64) + normal(1, 120)
    walk = Sum(year=factor(years, RandomWalkMatrix(torch.arange(12.0))), e=ScalarMatrix(120))
    v = Sum(year=factor(years, AR1Matrix(12)), e=ScalarMatrix(120))
    for engine in ("auto", "dense"):
        assert_limit(fit(v, y, mean(120), engine=engine), fit(walk, y, mean(120)).loglik)


# -- on grids and places -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "columns", "seed"), [(30, 20, 2), (30, 20, 3), (60, 40, 1)])
def test_a_field_that_takes_up_a_trend_ends_as_two_random_walks(rows: int, columns: int, seed: int) -> None:
    v, y = grid(rows, columns, seed)
    n = rows * columns
    walks = Sum(
        row=factor([k // columns for k in range(n)], RandomWalkMatrix(torch.arange(float(rows)))),
        col=factor([k % columns for k in range(n)], RandomWalkMatrix(torch.arange(float(columns)))),
        nugget=ScalarMatrix(n),
    )
    limit = fit(walks, y, mean(n))
    result = fit(v, y, mean(n))
    assert result.engine == "separable"
    if result.verdict == "converged":
        # A maximum inside: the field says more than its limit.
        assert result.loglik > limit.loglik
        return
    assert_limit(result, limit.loglik, 1e-4)
    assert result.boundary == ("field/row/sigma^2", "field/row/rho", "field/col/rho")
    combinations = told(result)
    for side in ("row", "col"):
        value, _ = combinations[f"field/row/sigma^2 * (1 - field/{side}/rho^2)"]
        (step,) = [name for name in limit.params if name.startswith(f"{side}/")]
        assert value == pytest.approx(limit.params[step], rel=1e-3)


def test_a_trend_in_one_direction_only() -> None:
    """The correlation of the other direction is exactly at its end, where V is positive definite."""
    v, y = grid(30, 20, 6, across=0.0)
    walk = Sum(
        row=factor([k // 20 for k in range(600)], RandomWalkMatrix(torch.arange(30.0))),
        nugget=ScalarMatrix(600),
    )
    result = fit(v, y, mean(600))
    assert_limit(result, fit(walk, y, mean(600)).loglik)
    assert result.params["field/col/rho"] == 1.0
    assert "field/col/rho is at the end of its range, 1." in result.message
    assert [g.names for g in result.confounded] == [("field/row/sigma^2", "field/row/rho")]


def test_a_trend_among_the_fixed_effects_leaves_no_ridge() -> None:
    v, y = grid(30, 20, 2)
    i, j = (
        part.reshape(-1).double()
        for part in torch.meshgrid(torch.arange(30), torch.arange(20), indexing="ij")
    )
    x = torch.stack([torch.ones(600, dtype=torch.float64), i, j], 1)
    result = fit(v, y, x)
    assert result.converged
    assert not any(group.leads for group in result.confounded)


@pytest.mark.parametrize("structure", [ExponentialMatrix, GaussianMatrix])
def test_fields_of_places(structure: type[Matrix]) -> None:
    """An exponential field tends to a process with generalised covariance -distance, a Gaussian one to a
    random plane; rounding leaves the latter a little below."""
    places = torch.rand(120, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 10.0
    y = places.sum(1) + 0.7 * normal(2, 120)
    result = fit(Sum(field=structure(places), nugget=ScalarMatrix(120)), y, mean(120))  # type: ignore[call-arg]
    (words,) = told(result)
    if structure is GaussianMatrix:
        plane = fit(
            Sum(plane=CovariancePropagation(z=places, g=ScalarMatrix(2)), nugget=ScalarMatrix(120)),
            y,
            mean(120),
        )
        assert_limit(result, plane.loglik, 1e-3)
        assert words == "field/sigma^2 / (field/range)^2"
        assert told(result)[words][0] == pytest.approx(plane.params["plane/g/sigma^2"], rel=0.01)
    else:
        assert_limit(result, result.loglik)
        assert words == "field/sigma^2 / field/range"
        # Twice as far along the ridge nothing changes.
        s2, r = result.params["field/sigma^2"], result.params["field/range"]
        further = Sum(field=structure(places), nugget=ScalarMatrix(120))  # type: ignore[call-arg]
        further.set_param_specs("field/sigma^2", fixed=True, value=2.0 * s2)
        further.set_param_specs("field/range", fixed=True, value=2.0 * r)
        further.set_param_specs("nugget/sigma^2", fixed=True, value=result.params["nugget/sigma^2"])
        assert fit(further, y, mean(120)).loglik == pytest.approx(result.loglik, abs=1e-4)


# -- what is no ridge ----------------------------------------------------------------------------------------


def test_a_maximum_far_out_is_a_maximum() -> None:
    """sigma^2 = 29795 with correlations of 0.99999, found in fewer steps than before."""
    i = torch.arange(12, dtype=torch.float64)[:, None] * 10.0 / 12.0
    j = torch.arange(10, dtype=torch.float64)[None]
    y = (i + j + 0.1 * normal(5, 12, 10)).reshape(-1)
    v, _ = grid(12, 10, 5)
    result = fit(v, y, mean(120))
    assert result.verdict == "converged"
    assert result.params["field/row/sigma^2"] > 1e4
    assert result.iterations <= 20
    assert_monotone(result)


def test_maximum_likelihood_has_its_maximum_inside() -> None:
    """The determinant of V grows with sigma^2, and nothing takes that back."""
    v, y = grid(30, 20, 1)
    assert fit(v, y, mean(600), method="ML").verdict == "converged"


@pytest.mark.parametrize("factor_", [1e-3, 100.0])
def test_far_starts_end_on_the_same_ridge(factor_: float) -> None:
    y = trend(1)
    v = Sum(field=AR1Matrix(60), nugget=ScalarMatrix(60))
    best = fit(v, y, mean(60))
    half = 0.5 * math.log(factor_)
    start = torch.tensor([half, 0.6, half], dtype=torch.float64)
    assert_limit(fit(v, y, mean(60), start=start), best.loglik)


# -- inference -----------------------------------------------------------------------------------------------


def test_inference_beside_a_ridge() -> None:
    """What stays the same along the ridge has a standard error; its parts have none."""
    y = trend(1)
    v = Sum(field=AR1Matrix(60), nugget=ScalarMatrix(60))
    result = fit(v, y, mean(60))
    inference = Inference(result, v, y, mean(60))
    walk_model = Sum(field=RandomWalkMatrix(TIMES), nugget=ScalarMatrix(60))
    walk = Inference(fit(walk_model, y, mean(60)), walk_model, y, mean(60))
    intervals, beside = inference.intervals(), walk.intervals()
    assert math.isnan(intervals["field/rho"].standard_error)
    assert "with others" in intervals["field/sigma^2"].note
    assert intervals["nugget/sigma^2"].standard_error == pytest.approx(
        beside["nugget/sigma^2"].standard_error, rel=0.05
    )
    product = inference.function("field/sigma^2 * (1 - field/rho**2)")
    (value, error) = told(result)["field/sigma^2 * (1 - field/rho^2)"]
    assert product.estimate == pytest.approx(value, rel=1e-6)
    assert 0.5 * error < product.standard_error < 2.0 * error
