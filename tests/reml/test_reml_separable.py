"""What the engine of separable fields says of a point, on random grids and data."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    BlockDiagonal,
    CovariancePropagation,
    DiagonalMatrix,
    HadamardProduct,
    IdentityMatrix,
    Matrix,
    ScalarMatrix,
    Scale,
    Sum,
)
from covstudio.reml.engines.separable.engine import SeparableEngine
from covstudio.reml.problem.problem import prepare
from covstudio.reml.terms.variance import Variance
from tests.reml.separable_cases import (
    EXTRAS,
    FACTORS,
    FORMS,
    Rng,
    check_effects,
    compare,
    data_of,
    engine_of,
    exists,
    extra,
    field_on,
    levels,
    planned,
    point_of,
    trial,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**31),
    shape=st.tuples(st.integers(2, 7), st.integers(2, 7)),
    kinds=st.tuples(st.sampled_from(sorted(FACTORS)), st.sampled_from(sorted(FACTORS))),
    form=st.sampled_from(FORMS),
    extras=st.lists(st.sampled_from(EXTRAS), max_size=2),
    nugget=st.booleans(),
    p=st.integers(0, 3),
    method=st.sampled_from(["REML", "ML"]),
)
def test_everything_a_point_says_is_what_the_dense_one_says(
    seed: int,
    shape: tuple[int, int],
    kinds: tuple[str, str],
    form: str,
    extras: list[str],
    nugget: bool,
    p: int,
    method: str,
) -> None:
    case = trial(seed, shape, kinds, form, extras, nugget, p)
    assume(case.v.shape[0] > p + 2)
    # A diagonal term is no field, however it is written.
    assume(not {*kinds} <= {"diagonal", "identity"})
    assume(exists(case))
    compare(case, method, seed)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**31),
    kinds=st.tuples(
        st.sampled_from(["ar1", "exponential", "known"]), st.sampled_from(["ar1", "unstructured"])
    ),
    form=st.sampled_from(["shuffled", "missing", "scaled inside", "three factors", "repeated"]),
    extras=st.lists(st.sampled_from(EXTRAS), max_size=2),
    nugget=st.booleans(),
)
def test_effects_and_their_prediction_errors(
    seed: int, kinds: tuple[str, str], form: str, extras: list[str], nugget: bool
) -> None:
    """In missing cells too, where the field is predicted from its neighbours."""
    case = trial(seed, (4, 5), kinds, form, ["genotypes", *extras], nugget, 2)
    assume(exists(case))
    check_effects(case)


@pytest.mark.parametrize("nugget", [True, False])
@pytest.mark.parametrize("factor", [1e-3, 7.0])
def test_a_rescaled_point_is_the_point_at_the_rescaled_parameters(factor: float, nugget: bool) -> None:
    """The entries of the Cholesky factor grow by the root of the factor, correlations stay."""
    case = trial(4, (4, 5), ("unstructured", "ar1 correlation"), "missing", ["genotypes"], nugget, 2)
    names = Variance(case.v).names
    larger = case.natural.copy()
    for k, name in enumerate(names):
        larger[k] *= factor**0.5 if "/L_" in name else factor if "sigma^2" in name else 1.0
    with torch.no_grad():
        engine = engine_of(case)
        first, fresh = engine.at(case.natural), engine.at(larger)
        assert first is not None
        assert fresh is not None
        assert first.mean_diagonal > 0.0
        rescaled = first.rescaled(factor, larger)
        assert rescaled.kernel == pytest.approx(fresh.kernel, rel=1e-12)
        assert rescaled.quadratic == pytest.approx(fresh.quadratic, rel=1e-12)
        assert rescaled.mean_diagonal == pytest.approx(fresh.mean_diagonal, rel=1e-12)
        one, two = rescaled.derivatives(range(len(names))), fresh.derivatives(range(len(names)))
        np.testing.assert_allclose(one.score, two.score, rtol=1e-8)
        np.testing.assert_allclose(one.information, two.information, rtol=1e-8)
        torch.testing.assert_close(rescaled.py, fresh.py)
        for piece in engine.setup.variance.random:
            torch.testing.assert_close(rescaled.effects(piece), fresh.effects(piece))


def test_where_v_does_not_exist() -> None:
    case = trial(5, (4, 5), ("ar1", "ar1 correlation"), "missing", ["genotypes"], True, 1)
    good = np.array([1.0, 1.0, 0.5, 0.5, 1.0])
    assert Variance(case.v).names[1:4] == ("field/g/a/sigma^2", "field/g/a/rho", "field/g/b/rho")
    assert point_of(case, good) is not None
    for position, value in ((0, -1.0), (0, math.nan), (0, 1e18), (4, -1.0), (4, math.inf), (2, math.nan)):
        bad = good.copy()
        bad[position] = value
        assert point_of(case, bad) is None, (position, value)
    nothing = good.copy()
    nothing[1] = 0.0
    assert point_of(case, nothing) is not None
    nothing[4] = 0.0
    assert point_of(case, nothing) is None
    alone = trial(5, (4, 5), ("ar1", "ar1 correlation"), "missing", [], False, 1)
    for natural in ([0.0, 0.5, 0.5], [-1.0, 0.5, 0.5], [1.0, 1.0, 0.5], [1.0, 0.5, math.nan]):
        assert point_of(alone, np.array(natural)) is None


@pytest.mark.parametrize("nugget", [True, False])
def test_long_lines_are_whitened_by_their_neighbours(nugget: bool) -> None:
    rng = np.random.default_rng(6)
    for shape in ((120, 3), (3, 120)):
        field, n = field_on(rng, "missing", AR1Matrix(shape[0]), AR1CorrelationMatrix(shape[1]))
        terms: dict[str, Matrix] = {"u0": extra(rng, n, "genotypes"), "field": field}
        v = Sum(**terms, nugget=ScalarMatrix(n)) if nugget else Sum(**terms)
        (found,) = planned(Variance(v)).fields
        assert [factor.markov for factor in (found.outer, found.inner)] == [size == 120 for size in shape]
        compare(data_of(rng, v, 2), "REML", 3)


@pytest.mark.parametrize("nugget", [True, False])
def test_many_missing_cells_a_part_at_a_time(nugget: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("covstudio.reml.engines.separable.missing.CHUNK", 300)
    monkeypatch.setattr("covstudio.reml.engines.separable.solver.CHUNK", 300)
    monkeypatch.setattr("covstudio.reml.engines.separable.axis.WRITTEN", 0)
    case = trial(10, (9, 8), ("ar1", "exponential"), "missing", ["unstructured"], nugget, 2)
    assert planned(Variance(case.v)).fields[0].gaps > 3
    compare(case, "REML", 3)
    check_effects(case)


def two_sites(rng: Rng, nuggets: str) -> Matrix:
    """Two fields with parameters of their own, and genotypes that grow in both."""
    first, n = field_on(rng, "missing", AR1Matrix(4), AR1CorrelationMatrix(5))
    second, m = field_on(rng, "plain", AR1Matrix(3), AR1CorrelationMatrix(6))
    sites: dict[str, Matrix] = {"first": first, "second": second}
    terms: dict[str, Matrix] = {"u0": extra(rng, n + m, "genotypes")}
    if nuggets == "in each":
        sites = {"first": Sum(f=first, e=ScalarMatrix(n)), "second": Sum(f=second, e=ScalarMatrix(m))}
    if nuggets == "in one":
        sites["second"] = Sum(f=second, e=ScalarMatrix(m))
    if nuggets == "one for both":
        terms["nugget"] = ScalarMatrix(n + m)
    if nuggets == "by site":
        site = levels(np.repeat([0, 1], [n, m]), 2)
        terms["nugget"] = HadamardProduct(
            i=IdentityMatrix(n + m), site=CovariancePropagation(z=site, g=DiagonalMatrix(2))
        )
    return Sum(**terms, sites=BlockDiagonal(**sites))


@pytest.mark.parametrize("nuggets", ["none", "in each", "in one", "one for both", "by site"])
def test_fields_at_several_sites(nuggets: str) -> None:
    rng = np.random.default_rng(7)
    v = two_sites(rng, nuggets)
    assert [field.sizes for field in planned(Variance(v)).fields] == [(4, 5), (3, 6)]
    compare(data_of(rng, v, 2), "REML", 1)
    compare(data_of(rng, v, 2), "ML", 1)


def test_a_nugget_written_in_other_ways() -> None:
    rng = np.random.default_rng(8)
    field, n = field_on(rng, "missing", AR1Matrix(4), AR1CorrelationMatrix(5))
    units = CovariancePropagation(z=levels(rng.permutation(n), n), g=ScalarMatrix(n))
    for nugget in (Scale(IdentityMatrix(n)), units, Sum(a=IdentityMatrix(n), b=ScalarMatrix(n))):
        v = Sum(field=field, nugget=nugget)
        assert planned(Variance(v)).fields[0].nuggets
        compare(data_of(rng, v, 1), "REML", 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("nugget", [True, False])
def test_the_same_on_a_gpu(nugget: bool) -> None:
    case = trial(3, (6, 7), ("ar1", "exponential"), "missing", ["genotypes", "unstructured"], nugget, 2)
    engine = engine_of(case)
    with torch.no_grad():
        here = engine.at(case.natural)
        moved = SeparableEngine(prepare(case.y.cuda(), case.x.cuda()), engine.setup.variance)
        there = moved.at(case.natural)
        assert here is not None
        assert there is not None
        assert there.py.device.type == "cuda"
        assert there.kernel == pytest.approx(here.kernel, rel=1e-10)
        one, two = (point.derivatives(range(len(case.natural))) for point in (there, here))
        np.testing.assert_allclose(one.score, two.score, rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(one.information, two.information, rtol=1e-7, atol=1e-8)
        for piece in engine.setup.variance.random:
            found, expected = there.effects(piece), here.effects(piece)
            assert found is not None
            assert expected is not None
            torch.testing.assert_close(found[0].cpu(), expected[0])
            torch.testing.assert_close(found[1].cpu(), expected[1])
