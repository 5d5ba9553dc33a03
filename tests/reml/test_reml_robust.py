"""Fits of simulated data by every kind of structure, from good starts and from bad ones."""

from __future__ import annotations

import math
import re
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AntedependenceMatrix,
    AR1CorrelationMatrix,
    AR1Matrix,
    ConstantPowerVarianceMatrix,
    CovariancePropagation,
    DummyMatrix,
    FactorAnalyticMatrix,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    PowerVarianceMatrix,
    ReducedRankMatrix,
    ScalarMatrix,
    SphericalMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import Fit, fit
from tests.reml.reml_cases import CASES, REFERENCE, assert_monotone, case
from tests.reml.simulated_cases import PLACES, SIMULATED, VARIATES, drawn, normal, repeated, start_of, uniform


def assert_good(result: Fit) -> None:
    assert result.converged, result.message
    assert_monotone(result)


@cache
def best_of(name: str, method: str) -> Fit:
    """The fit from the data's own start, which several tests go by."""
    v, y, x, _ = case(name)
    return fit(v, y, x, method=method)


# -- reference data, far starts ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("factor", [1e-3, 100.0])
@pytest.mark.parametrize("name", ["alpha", *CASES])
def test_starts_that_fail_elsewhere(name: str, factor: float, method: str) -> None:
    """Each variance in turn, and all at once, 1000 times too small or 100 times too large."""
    v, y, x, _ = case(name)
    best = best_of(name, method)
    assert_good(best)
    values = dict(best.params)
    scales = [name for name in v.free_param_names if re.search(r"sigma\^2$|L_(\d+)_\1$", name)]
    for which in [*[[one] for one in scales], scales]:
        start = start_of(v, lambda path, low, high: values[path] * (factor if path in which else 1.0))  # noqa: B023
        result = fit(v, y, x, start=start, method=method)
        assert_good(result)
        assert result.kernel_loglik == pytest.approx(best.kernel_loglik, abs=1e-6), which


# -- unstructured --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("size", [2, 5, 10])
def test_unstructured_up_to_ten_by_ten(size: int, factor: float) -> None:
    subjects = 60
    a = normal(1, size, size)
    y = drawn(a @ a.T / size + 0.3 * torch.eye(size, dtype=torch.float64), subjects, 2)
    v = repeated(UnstructuredMatrix(size), subjects)

    def shifted(name: str, low: float, high: float) -> float | None:
        return math.sqrt(factor) if low == 0.0 else None

    result = fit(v, y, torch.eye(size).repeat(subjects, 1), start=start_of(v, shifted))
    assert_good(result)
    value = v(result.theta)[:size, :size]
    torch.testing.assert_close(value, torch.cov(y.reshape(subjects, size).T), rtol=1e-6, atol=1e-6)
    assert result.iterations <= 15


def test_unstructured_from_hardly_more_subjects_than_times() -> None:
    size, subjects = 10, 12
    y = drawn(torch.eye(size, dtype=torch.float64), subjects, 3)
    v = repeated(UnstructuredMatrix(size), subjects)
    result = fit(v, y, torch.eye(size).repeat(subjects, 1))
    assert_good(result)
    value = v(result.theta)[:size, :size]
    torch.testing.assert_close(value, torch.cov(y.reshape(subjects, size).T), rtol=1e-5, atol=1e-5)


# -- factor analytic -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "k"), [(5, 1), (8, 2), (8, 3)])
def test_factor_analytic_gets_away_from_its_defaults(size: int, k: int) -> None:
    """At the defaults all loadings of a factor are alike, and the derivatives are linearly dependent."""
    subjects = 100
    loadings = torch.tril(normal(size + k, size, k))
    truth = loadings @ loadings.T + torch.diag(0.3 + uniform(5, size))
    y = drawn(truth, subjects, 2)
    x = torch.eye(size).repeat(subjects, 1)
    v = repeated(FactorAnalyticMatrix(size, k), subjects)
    best = fit(v, y, x)
    assert_good(best)
    unstructured = fit(repeated(UnstructuredMatrix(size), subjects), y, x)
    truly = torch.linalg.slogdet(truth)[1] * subjects
    # Between the truth and the most that any covariance reaches.
    cross = torch.cov(y.reshape(subjects, size).T) * (subjects - 1)
    at_truth = -0.5 * (
        float(truly)
        - float(torch.linalg.slogdet(truth)[1])
        + size * math.log(subjects)
        + float((torch.linalg.inv(truth) * cross).sum())
    )
    assert at_truth < best.kernel_loglik <= unstructured.kernel_loglik + 1e-9
    assert fit(v, y, x, start=v.from_param_dict(None)).kernel_loglik == pytest.approx(
        best.kernel_loglik, abs=1e-6
    )
    for factor in (1e-3, 100.0):

        def shifted(name: str, low: float, high: float, factor: float = factor) -> float | None:
            return factor if "psi" in name else None

        again = fit(v, y, x, start=start_of(v, shifted))
        assert_good(again)
        assert again.kernel_loglik == pytest.approx(best.kernel_loglik, abs=1e-6)


def test_reduced_rank_beside_a_residual() -> None:
    subjects, size = 60, 5
    loadings = torch.tril(normal(4, size, 2))
    y = drawn(loadings @ loadings.T + 0.5 * torch.eye(size, dtype=torch.float64), subjects, 6)
    v = Sum(rr=repeated(ReducedRankMatrix(size, 2), subjects), e=ScalarMatrix(subjects * size))
    analytic = repeated(FactorAnalyticMatrix(size, 2, equal_psi=True), subjects)
    x = torch.eye(size).repeat(subjects, 1)
    one, other = fit(v, y, x), fit(analytic, y, x)
    assert_good(one)
    assert_good(other)
    assert one.kernel_loglik == pytest.approx(other.kernel_loglik, abs=1e-6)


# -- every other structure -----------------------------------------------------------------------------------


@pytest.mark.parametrize("nugget", [0.0, 0.3])
@pytest.mark.parametrize("name", SIMULATED)
def test_simulated_data_are_fitted_from_any_start(name: str, nugget: float) -> None:
    build, truth, subjects = SIMULATED[name]
    structure = build()
    natural = torch.tensor(truth, dtype=torch.float64)
    assert len(natural) == structure.num_params, structure.param_names
    n = subjects * structure.shape[0]
    y = drawn(structure.evaluate(natural), subjects, 7) + math.sqrt(nugget) * normal(8, n)
    v: Matrix = repeated(structure, subjects)
    if nugget:
        v = Sum(field=v, units=ScalarMatrix(n))
    x = torch.ones(n, 1)
    best = fit(v, y, x)
    assert_good(best)
    # As high as the likelihood where the data came from; and reached from elsewhere.
    own = dict(zip([name.rsplit("/", 1)[-1] for name in structure.param_names], truth, strict=True))

    def at_truth(path: str, low: float, high: float) -> float | None:
        value = own.get(path.rsplit("/", 1)[-1])
        return nugget if path == "units/sigma^2" else value

    assert fit(v, y, x, start=start_of(v, at_truth), max_iter=0).loglik <= best.loglik + 1e-9
    rng = np.random.default_rng(11)
    small = start_of(v, lambda path, low, high: 1e-3 if "sigma" in path else None)
    large = start_of(v, lambda path, low, high: 100.0 if "sigma" in path else None)

    def anywhere(path: str, low: float, high: float) -> float | None:
        if math.isfinite(low) and math.isfinite(high):
            return low + (high - low) * rng.uniform(0.2, 0.8)
        return 10.0 ** rng.uniform(-0.5, 0.5) if low == 0.0 else rng.normal()

    for start in (small, large, start_of(v, anywhere)):
        again = fit(v, y, x, start=start)
        assert_good(again)
        assert again.loglik == pytest.approx(best.loglik, abs=1e-5)


def test_a_spherical_field_is_not_taken_for_a_nugget() -> None:
    """The likelihood of a spherical range has many maxima; the start looks at more than one range."""
    subjects = 3
    n = subjects * len(PLACES)
    structure = SphericalMatrix(PLACES)
    y = drawn(structure.evaluate(torch.tensor([2.0, 4.0], dtype=torch.float64)), subjects, 3)
    y = y + math.sqrt(0.3) * normal(4, n)
    v = Sum(field=repeated(structure, subjects), units=ScalarMatrix(n))
    best = fit(v, y, torch.ones(n, 1))
    assert_good(best)
    for value in (1.0, 2.0, 4.0, 8.0):
        start = start_of(v, lambda path, low, high: value if path.endswith("range") else 1.0)  # noqa: B023
        assert fit(v, y, torch.ones(n, 1), start=start).loglik <= best.loglik + 1e-6


def test_a_parameter_that_goes_to_the_end_of_a_log_scale_gets_there() -> None:
    """The constant of (c + |v|^delta)^2, for data that want none."""
    y = normal(1, 600) * (VARIATES**0.5).repeat(15)
    v = repeated(ConstantPowerVarianceMatrix(VARIATES), 15)
    best = fit(v, y, torch.ones(600, 1))
    assert_good(best)
    plain = fit(repeated(PowerVarianceMatrix(VARIATES), 15), y, torch.ones(600, 1))
    assert best.loglik >= plain.loglik - 1e-6
    if best.params["time/c"] == 0.0:
        assert best.boundary == ("time/c",)
        assert best.verdict == "at the boundary"
        assert "time/c is at the end of its range, 0." in best.message
        assert best.loglik == pytest.approx(plain.loglik, abs=1e-6)


# -- edges of correlations -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_correlations_at_their_edges(sign: float, method: str) -> None:
    """A field that is constant, or alternates, along its rows, beside a nugget."""
    rows, n = 8, 10
    steps = sign ** torch.arange(n, dtype=torch.float64)
    y = (3.0 * normal(5, rows, 1) * steps).reshape(-1) + normal(6, rows * n)
    v = Sum(
        field=KroneckerProduct(row=IdentityMatrix(rows), time=AR1Matrix(n)), nugget=ScalarMatrix(rows * n)
    )
    result = fit(v, y, torch.ones(rows * n, 1), method=method)
    assert_good(result)
    assert sign * result.params["field/time/rho"] > 0.97
    if result.boundary:
        assert result.boundary == ("field/time/rho",)
        assert f"field/time/rho is at the end of its range, {sign:g}." in result.message
        assert result.verdict == "at the boundary"
    # What a field of perfect correlation is: a random effect per row, of either sign.
    z = torch.block_diag(*[steps.unsqueeze(1)] * rows)
    effect = Sum(row=CovariancePropagation(z=z, g=ScalarMatrix(rows)), nugget=ScalarMatrix(rows * n))
    assert result.loglik >= fit(effect, y, torch.ones(rows * n, 1), method=method).loglik - 1e-6


def test_correlations_start_at_their_edges_and_come_back() -> None:
    rows, n = 10, 6
    y = drawn(AR1Matrix(n).evaluate(torch.tensor([2.0, 0.5], dtype=torch.float64)), rows, 9)
    y = y + 0.5 * normal(10, rows * n)
    v = Sum(
        field=KroneckerProduct(row=IdentityMatrix(rows), time=AR1Matrix(n)), nugget=ScalarMatrix(rows * n)
    )
    best = fit(v, y, torch.ones(rows * n, 1))
    assert_good(best)
    for rho in (-0.999, 0.999999):
        start = start_of(v, lambda path, low, high: rho if path.endswith("rho") else 1.0)  # noqa: B023
        again = fit(v, y, torch.ones(rows * n, 1), start=start)
        assert_good(again)
        assert again.loglik == pytest.approx(best.loglik, abs=1e-6)


# -- boundaries ----------------------------------------------------------------------------------------------


def crossed(gen: float, block: float, seed: int) -> tuple[Matrix, Tensor]:
    """20 genotypes in 6 blocks, all combinations."""
    genotypes = [f"g{i:02d}" for i in range(20) for _ in range(6)]
    blocks = [f"b{j}" for _ in range(20) for j in range(6)]
    y = gen * normal(seed, 20).repeat_interleave(6) + block * normal(seed + 1, 6).repeat(20)
    v = Sum(
        gen=CovariancePropagation(z=DummyMatrix(genotypes), g=ScalarMatrix(20)),
        block=CovariancePropagation(z=DummyMatrix(blocks), g=ScalarMatrix(6)),
        residual=ScalarMatrix(120),
    )
    return v, y + normal(seed + 2, 120)


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("seed", range(4))
def test_zero_variances_are_reported_if_and_only_if_the_score_keeps_them_there(
    seed: int, method: str
) -> None:
    v, y = crossed(0.5, 0.0, 10 * seed)
    x = torch.ones(120, 1)
    best = fit(v, y, x, method=method)
    assert_good(best)
    for name in ("gen/g/sigma^2", "block/g/sigma^2"):
        values = dict(best.params)
        values[name] = 1e-6
        near = fit(
            v,
            y,
            x,
            method=method,
            max_iter=0,
            start=start_of(v, lambda path, low, high: values[path]),  # noqa: B023
        )
        if name in best.boundary:
            assert best.params[name] == 0.0
            assert near.loglik < best.loglik
        else:
            assert best.params[name] > 0.0
    # From zero it is released when the score says so, and found again when not.
    zeros = start_of(v, lambda path, low, high: 0.0 if path != "residual/sigma^2" else 1.0)
    again = fit(v, y, x, start=zeros, method=method)
    assert_good(again)
    assert again.boundary == best.boundary
    assert again.loglik == pytest.approx(best.loglik, abs=1e-7)


def test_a_separable_field_without_scale_in_one_factor_is_identified() -> None:
    y = normal(5, 6, 8).cumsum(1).cumsum(0).reshape(-1)
    v = Sum(field=KroneckerProduct(row=AR1CorrelationMatrix(6), col=AR1Matrix(8)), units=ScalarMatrix(48))
    result = fit(v, y, torch.ones(48, 1))
    assert_good(result)
    assert result.indistinct == ()


@pytest.mark.parametrize("engine", ["dense", "blocks"])
def test_coefficients_of_which_the_information_has_nothing(engine: str) -> None:
    """A regression at 0, behind others that are nearly so: no damped step of the information rises."""
    data = pd.read_csv(REFERENCE / "visits_5.csv")
    subjects, visits = sorted(set(data["id"])), sorted(set(data["visit"]))
    z = DummyMatrix(list(data["id"]), list(data["visit"]), levels=[subjects, visits])
    g = KroneckerProduct(i=IdentityMatrix(len(subjects)), c=AntedependenceMatrix(5))
    x = torch.tensor(np.stack([data["visit"] == visit for visit in visits], axis=1), dtype=torch.float64)
    y = torch.tensor(data["y"].to_numpy())
    result = fit(CovariancePropagation(z=z, g=g), y, x, engine=engine)
    # BFGS of scipy, with the gradient of autograd.
    assert result.loglik == pytest.approx(-413.3175718822, abs=1e-6)
    assert result.boundary == ("g/c/sigma^2_4",)
