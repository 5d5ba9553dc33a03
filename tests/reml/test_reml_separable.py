"""The engine of separable fields against V written out: random grids and data, published cases, sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from reml_cases import assert_monotone, load
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    BlockDiagonal,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    ExponentialMatrix,
    HadamardProduct,
    IdentityMatrix,
    KnownMatrix,
    KroneckerProduct,
    Matrix,
    PowerVarianceMatrix,
    ScalarMatrix,
    Scale,
    Submatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.data.tables import Table
from covstudio.document.build import build
from covstudio.document.templates import templates
from covstudio.reml import InvalidModel, explain, fit
from covstudio.reml.dense import DenseEngine
from covstudio.reml.lowering import Lowered, lower
from covstudio.reml.problem import prepare
from covstudio.reml.separable import SeparableCandidate, SeparableEngine
from covstudio.reml.separable_plan import Plan, plan_of
from covstudio.reml.separable_point import SeparablePoint
from covstudio.reml.variance import Variance

Rng = np.random.Generator


def known(rng: Rng, k: int) -> Matrix:
    root = rng.normal(size=(k, k + 2))
    return KnownMatrix(torch.from_numpy(root @ root.T / k))


FACTORS: dict[str, Callable[[Rng, int], Matrix]] = {
    "ar1": lambda rng, k: AR1Matrix(k),
    "ar1 correlation": lambda rng, k: AR1CorrelationMatrix(k),
    "exponential": lambda rng, k: ExponentialMatrix(torch.from_numpy(rng.uniform(0, 4, (k, 2)))),
    "unstructured": lambda rng, k: UnstructuredMatrix(k),
    "diagonal": lambda rng, k: DiagonalMatrix(k),
    "identity": lambda rng, k: IdentityMatrix(k),
    "known": known,
    "two": lambda rng, k: Sum(a=AR1Matrix(k), b=ScalarMatrix(k)),
}
FORMS = (
    "plain",
    "complete",
    "shuffled",
    "missing",
    "scaled",
    "scaled inside",
    "hadamard",
    "submatrix",
    "three factors",
    "repeated",
)
EXTRAS = ("genotypes", "related", "unstructured", "compound", "regression")


def cells_of(rng: Rng, form: str, cells: int) -> np.ndarray:
    """The cell of every row."""
    if form in ("plain", "complete"):
        return np.arange(cells)
    if form == "repeated":
        return rng.permutation(np.concatenate([np.arange(cells), rng.integers(0, cells, cells // 3)]))
    order = rng.permutation(cells)
    return order if form == "shuffled" else order[: cells - int(rng.integers(1, max(2, cells // 3)))]


def levels(codes: np.ndarray, size: int) -> DummyMatrix:
    return DummyMatrix([f"{c:03d}" for c in codes], levels=[[f"{c:03d}" for c in range(size)]])


def field_on(rng: Rng, form: str, a: Matrix, b: Matrix) -> tuple[Matrix, int]:
    """A separable term written in one of its forms, and its rows."""
    r, c = a.shape[0], b.shape[0]
    if form == "three factors":
        a = KroneckerProduct(site=UnstructuredMatrix(2), row=a)
        r *= 2
    cells = cells_of(rng, "missing" if form == "three factors" else form, r * c)
    grid = KroneckerProduct(a=a, b=b)
    if form == "plain":
        return grid, r * c
    if form == "hadamard":
        one = CovariancePropagation(z=levels(cells // c, r), g=a)
        two = CovariancePropagation(z=levels(cells % c, c), g=b)
        return HadamardProduct(row=one, col=two), len(cells)
    if form == "submatrix":
        return Submatrix(grid, index=cells.tolist()), len(cells)
    z = DummyMatrix(
        [f"{i:03d}" for i in cells // c],
        [f"{i:03d}" for i in cells % c],
        levels=None
        if form == "complete"
        else [[f"{i:03d}" for i in range(r)], [f"{i:03d}" for i in range(c)]],
        drop_empty_cols=form == "complete",
    )
    if form == "scaled inside":
        return CovariancePropagation(z=z, g=Scale(grid)), len(cells)
    term = CovariancePropagation(z=z, g=grid)
    return (Scale(term) if form == "scaled" else term), len(cells)


def extra(rng: Rng, n: int, kind: str) -> Matrix:
    k = int(rng.integers(3, 6))
    if kind == "regression":
        return CovariancePropagation(z=torch.from_numpy(rng.normal(size=(n, 10))), g=ScalarMatrix(10))
    g: dict[str, Callable[[], Matrix]] = {
        "genotypes": lambda: ScalarMatrix(k),
        "related": lambda: Scale(known(rng, k)),
        "unstructured": lambda: UnstructuredMatrix(k),
        "compound": lambda: CompoundSymmetricMatrix(k),
    }
    return CovariancePropagation(z=levels(rng.integers(0, k, n), k), g=g[kind]())


@dataclass
class Trial:
    v: Matrix
    y: Tensor
    x: Tensor
    natural: np.ndarray


def values_of(rng: Rng, v: Matrix, zeros: bool = False) -> np.ndarray:
    variance = Variance(v)
    natural = variance.defaults.copy()
    for k, name in enumerate(variance.names):
        low, high = variance.bounds(k)
        if np.isfinite(low) and np.isfinite(high):
            natural[k] = low + (high - low) * rng.uniform(0.2, 0.8)
        elif np.isfinite(low):
            natural[k] = low + math.exp(rng.normal(0.0, 0.7))
            if zeros and name.startswith("u") and low == 0.0 and rng.uniform() < 0.4:
                natural[k] = 0.0
        else:
            natural[k] = rng.normal()
    return natural


def data_of(rng: Rng, v: Matrix, p: int, zeros: bool = False) -> Trial:
    n = v.shape[0]
    x = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))]) if p else np.zeros((n, 0))
    y = torch.from_numpy(3.0 + 2.0 * rng.normal(size=n))
    return Trial(v, y, torch.from_numpy(x), values_of(rng, v, zeros))


def trial(
    seed: int,
    shape: tuple[int, int],
    kinds: tuple[str, str],
    form: str,
    extras: list[str],
    nugget: bool,
    p: int,
) -> Trial:
    rng = np.random.default_rng(seed)
    field, n = field_on(rng, form, FACTORS[kinds[0]](rng, shape[0]), FACTORS[kinds[1]](rng, shape[1]))
    terms: dict[str, Matrix] = {f"u{i}": extra(rng, n, kind) for i, kind in enumerate(extras)}
    terms["field"] = field
    if nugget or form == "repeated":
        terms["nugget"] = ScalarMatrix(n)
    return data_of(rng, Sum(**terms) if len(terms) > 1 else field, p, zeros=True)


def exists(case: Trial) -> bool:
    """Whether eight digits of V^-1 can be had from a V of sixteen."""
    with torch.no_grad():
        eigenvalues = torch.linalg.eigvalsh(Variance(case.v).value(case.natural))
    return bool(eigenvalues[0] > 1e-6 * eigenvalues[-1])


def planned(v: Lowered) -> Plan:
    plan = plan_of(v)
    assert isinstance(plan, Plan), plan
    return plan


def compare(case: Trial, method: str, seed: int) -> None:
    """Everything that a point says, against the dense engine."""
    problem, lowered = prepare(case.y, case.x, method=method), lower(case.v)
    with torch.no_grad():
        b = DenseEngine(problem, Variance(case.v)).at(case.natural)
        a = SeparableEngine(problem, lowered, planned(lowered)).at(case.natural)
        assert a is not None
        assert b is not None
        assert a.kernel == pytest.approx(b.kernel, rel=1e-8, abs=1e-8)
        assert a.quadratic == pytest.approx(b.quadratic, rel=1e-8)
        assert a.logdet_v == pytest.approx(b.logdet_v, rel=1e-8, abs=1e-8)
        assert a.logdet_xvx == pytest.approx(b.logdet_xvx, rel=1e-8, abs=1e-8)
        assert a.mean_diagonal == pytest.approx(b.mean_diagonal, rel=1e-10)
        positions = np.random.default_rng(seed).permutation(len(case.natural)).tolist()
        if positions:
            one, two = a.derivatives(positions), b.derivatives(positions)
            size = np.abs(two.score).max()
            np.testing.assert_allclose(one.score, two.score, rtol=1e-8, atol=1e-8 * (1 + size))
            size = np.abs(two.information).max()
            np.testing.assert_allclose(one.information, two.information, rtol=1e-8, atol=1e-8 * size)
            some = positions[: len(positions) // 2 + 1]
            np.testing.assert_allclose(
                a.derivatives(some).score, one.score[: len(some)], rtol=1e-9, atol=1e-9
            )
        torch.testing.assert_close(a.beta, b.beta, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(a.beta_covariance, b.beta_covariance, rtol=1e-8, atol=1e-10)
        torch.testing.assert_close(a.py, b.py, rtol=1e-8, atol=1e-8)
        rhs = torch.from_numpy(np.random.default_rng(seed).normal(size=(problem.n, 2)))
        torch.testing.assert_close(a.project(rhs), b.project(rhs), rtol=1e-8, atol=1e-8)


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


def written_effects(case: Trial, term: str, engine: DenseEngine) -> tuple[Tensor, Tensor]:
    """G Z'Py and the diagonal of G - GZ'PZG from Z and G written out."""
    assert isinstance(case.v, Sum)
    operand = case.v.operands[term]
    assert isinstance(operand, CovariancePropagation)
    z, g = operand.operands.values()
    place = [k for k, name in enumerate(Variance(case.v).names) if name.startswith(f"{term}/")]
    point = engine.at(case.natural)
    assert point is not None
    z = z.double() if isinstance(z, Tensor) else z().double()
    assert isinstance(g, Matrix)
    carried = z @ g.evaluate(torch.from_numpy(case.natural[place]))
    g = g.evaluate(torch.from_numpy(case.natural[place]))
    return carried.mT @ point.py, g.diagonal() - (carried * point.project(carried)).sum(dim=0)


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


def check_effects(case: Trial) -> None:
    engine, dense = engine_of(case), DenseEngine(prepare(case.y, case.x), Variance(case.v))
    with torch.no_grad():
        point = engine.at(case.natural)
        assert point is not None
        assert engine.lowered.random
        for piece in engine.lowered.random:
            found = point.effects(piece)
            assert found is not None
            expected = written_effects(case, piece.path, dense)
            torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-8)


def engine_of(case: Trial) -> SeparableEngine:
    lowered = lower(case.v)
    return SeparableEngine(prepare(case.y, case.x), lowered, planned(lowered))


def point_of(case: Trial, natural: np.ndarray) -> SeparablePoint | None:
    return engine_of(case).at(natural)


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
        for piece in engine.lowered.random:
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
        (found,) = planned(lower(v)).fields
        assert [factor.markov for factor in (found.outer, found.inner)] == [size == 120 for size in shape]
        compare(data_of(rng, v, 2), "REML", 3)


@pytest.mark.parametrize("nugget", [True, False])
def test_many_missing_cells_a_part_at_a_time(nugget: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("covstudio.reml.separable_missing.CHUNK", 300)
    monkeypatch.setattr("covstudio.reml.separable_solver.CHUNK", 300)
    monkeypatch.setattr("covstudio.reml.separable_axis.WRITTEN", 0)
    case = trial(10, (9, 8), ("ar1", "exponential"), "missing", ["unstructured"], nugget, 2)
    assert planned(lower(case.v)).fields[0].gaps > 3
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
    assert [field.sizes for field in planned(lower(v)).fields] == [(4, 5), (3, 6)]
    compare(data_of(rng, v, 2), "REML", 1)
    compare(data_of(rng, v, 2), "ML", 1)


def test_a_nugget_written_in_other_ways() -> None:
    rng = np.random.default_rng(8)
    field, n = field_on(rng, "missing", AR1Matrix(4), AR1CorrelationMatrix(5))
    units = CovariancePropagation(z=levels(rng.permutation(n), n), g=ScalarMatrix(n))
    for nugget in (Scale(IdentityMatrix(n)), units, Sum(a=IdentityMatrix(n), b=ScalarMatrix(n))):
        v = Sum(field=field, nugget=nugget)
        assert planned(lower(v)).fields[0].nuggets
        compare(data_of(rng, v, 1), "REML", 1)


def reason_for(v: Matrix) -> str:
    found = SeparableCandidate().applies(lower(v), 1)
    assert isinstance(found, str)
    return found


def test_what_is_in_its_way() -> None:
    rng = np.random.default_rng(1)
    field, n = field_on(rng, "shuffled", AR1Matrix(4), AR1CorrelationMatrix(5))
    unequal = PowerVarianceMatrix(torch.from_numpy(rng.uniform(0.5, 2.0, n)))
    assert reason_for(Sum(field=field, e=unequal)) == (
        "the variances of e may differ between rows, so that no basis makes V diagonal"
    )
    assert reason_for(AR1Matrix(20)) == "V is no product of two covariances on a grid"
    assert reason_for(ScalarMatrix(20)) == "V has no term that is a product of two covariances on a grid"
    assert reason_for(Sum(field=field, series=AR1Matrix(n))) == (
        "series is no product of two covariances on a grid, and has no effects Z G Z' with a constant Z "
        "either"
    )
    other = KroneckerProduct(a=AR1Matrix(5), b=AR1CorrelationMatrix(4))
    assert reason_for(Sum(one=other, two=other, e=ScalarMatrix(20))) == (
        "two is a second field on the same rows, and has no effects Z G Z' with a constant Z either"
    )
    twice, _ = field_on(rng, "repeated", AR1Matrix(4), AR1CorrelationMatrix(5))
    assert reason_for(twice) == "V has several rows in one cell, which only a nugget could tell apart"
    part = BlockDiagonal(field=other, rest=UnstructuredMatrix(2))
    assert reason_for(part) == "2 of 22 rows stand in no separable field"
    groups = CovariancePropagation(z=levels(np.arange(8) % 3, 3), g=ScalarMatrix(3))
    half = Sum(field=other, e=BlockDiagonal(a=ScalarMatrix(12), b=groups))
    assert reason_for(half) == "e/a covers some rows of a field, and not all"
    z = DummyMatrix([i % 20 for i in range(30)], [i // 20 for i in range(30)], levels=[range(5000), range(2)])
    large = CovariancePropagation(z=z, g=KroneckerProduct(a=AR1Matrix(5000), b=AR1CorrelationMatrix(2)))
    assert reason_for(large) == "V has a grid of 5000 x 2 for 30 rows"
    with pytest.raises(InvalidModel, match="the separable engine does not take this V: V is no product"):
        fit(AR1Matrix(20), torch.randn(20), torch.ones(20, 1), engine="separable")


def grid_trial(
    rows: int, columns: int, genotypes: int, missing: int, seed: int = 1
) -> tuple[Matrix, Tensor, Tensor]:
    """A field trial with an autoregressive trend in both directions, in any order of the plots."""
    rng = np.random.default_rng(seed)
    cells = rng.permutation(rows * columns)[: rows * columns - missing]
    n = len(cells)

    def smooth(size: int, rho: float) -> np.ndarray:
        lag = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
        return np.linalg.cholesky(rho**lag)

    trend = smooth(rows, 0.8) @ rng.normal(size=(rows, columns)) @ smooth(columns, 0.6).T
    lines = rng.permutation(np.arange(n) % genotypes)
    y = 5.0 + 1.5 * trend.reshape(-1)[cells] + rng.normal(size=genotypes)[lines] + rng.normal(size=n)
    z = DummyMatrix(
        (cells // columns).tolist(), (cells % columns).tolist(), levels=[range(rows), range(columns)]
    )
    v = Sum(
        gen=CovariancePropagation(z=DummyMatrix(lines.tolist()), g=ScalarMatrix(genotypes)),
        field=CovariancePropagation(
            z=z, g=KroneckerProduct(row=AR1Matrix(rows), col=AR1CorrelationMatrix(columns))
        ),
        units=ScalarMatrix(n),
    )
    return v, torch.from_numpy(y), torch.ones(n, 1, dtype=torch.float64)


class _Largest(TorchDispatchMode):
    """The most numbers in any tensor that is made."""

    numbers = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, Tensor):
                # A view that repeats one number takes no room.
                self.numbers = max(self.numbers, tensor.untyped_storage().nbytes() // 8)
        return made


def test_a_grid_of_60_by_60_without_any_matrix_of_that_size() -> None:
    """V alone would have 12 million entries."""
    v, y, x = grid_trial(60, 60, 40, 60)
    with _Largest() as seen:
        result = fit(v, y, x)
    assert result.engine == "separable"
    assert result.converged
    assert_monotone(result)
    assert result.engine_reason == (
        "V is field (separable, 60 x 60) with 60 missing cells completed beside a nugget and gen (random "
        "effects)."
    )
    # 40 effects on 3600 cells are 150 000.
    assert seen.numbers < 600_000
    assert result.params["field/g/row/rho"] == pytest.approx(0.8, abs=0.1)
    assert result.params["field/g/col/rho"] == pytest.approx(0.6, abs=0.12)
    assert result.params["units/sigma^2"] == pytest.approx(1.0, abs=0.25)
    torch.testing.assert_close(result.fitted + result.residuals, y)
    assert len(result.blups["field"]) == 3600
    assert bool(torch.isfinite(result.blups["field"].standard_error).all())


def test_a_fit_is_the_one_of_the_dense_engine() -> None:
    v, y, x = grid_trial(9, 11, 12, 6, seed=3)
    for method in ("REML", "ML"):
        one, two = (
            fit(v, y, x, engine="separable", method=method),
            fit(v, y, x, engine="dense", method=method),
        )
        assert one.converged
        assert one.loglik == pytest.approx(two.loglik, abs=1e-8)
        for path, value in two.params.items():
            assert one.params[path] == pytest.approx(value, rel=1e-5, abs=1e-7), path
        for term, expected in two.blups.items():
            torch.testing.assert_close(one.blups[term].blup, expected.blup, rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(
                one.blups[term].standard_error, expected.standard_error, rtol=1e-5, atol=1e-6
            )


def test_the_published_case_to_its_digits() -> None:
    case = load("spatial_ar1xar1")
    result = fit(case.v, case.y, case.x, engine="separable")
    assert result.engine == "separable"
    assert result.converged
    assert_monotone(result)
    assert result.kernel_loglik == pytest.approx(case.estimates["kernel_loglik"], abs=1e-6)
    recorded = case.recorded(result.params)
    for key, value in case.estimates["variance_parameters"].items():
        assert recorded[key] == pytest.approx(value, rel=1e-6), key
    for j, column in enumerate(case.columns):
        error = case.estimates["fixed_se"][column]
        assert abs(float(result.beta[j]) - case.estimates["fixed_effects"][column]) <= 1e-4 * error
        assert float(result.beta_standard_errors[j]) == pytest.approx(error, rel=1e-6)
    for term, expected in case.estimates["blups_first5"].items():
        places = {label: i for i, label in enumerate(case.labels[term])}
        for label, (blup, error) in expected.items():
            found = result.blups[term]
            assert abs(float(found.blup[places[label]]) - blup) <= 1e-5 * error, label
            assert float(found.standard_error[places[label]]) == pytest.approx(error, rel=1e-5), label


def test_the_spatial_template_on_a_table_with_missing_plots() -> None:
    rng = np.random.default_rng(2)
    plots = sorted(rng.permutation(40 * 30)[:1150].tolist())
    table = Table.from_columns(
        {
            "variety": [f"v{i % 50}" for i in rng.permutation(len(plots))],
            "row": [1 + cell // 30 for cell in plots],
            "range": [1 + cell % 30 for cell in plots],
            "yield": rng.normal(5.0, 1.0, len(plots)).tolist(),
        },
        "field",
    )
    spatial = next(template for template in templates() if template.name == "spatial")
    roles = {"variety": "factor", "row": "factor", "range": "factor", "yield": "response"}
    built = build(spatial.document(table, roles), table)
    assert built.v is not None
    found = explain(built.v)
    assert found.engine == "separable"
    assert found.reason == (
        "V is field (separable, 40 x 30) with 50 missing cells completed beside a nugget and genotype "
        "(random effects)."
    )
    assert found.seconds < 0.1
    assert found.memory < 2**27
    assert found.others["dense"].startswith("about ")


def test_more_gaps_cost_more_and_at_last_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = (explain(grid_trial(60, 60, 10, missing)[0], engine="separable") for missing in (10, 1500))
    assert many.seconds > 2.0 * few.seconds
    assert many.memory > few.memory
    monkeypatch.setattr("covstudio.reml.separable.GAPS", 1000)
    with pytest.raises(InvalidModel, match="its grid has 1500 cells without a row, and up to 1000 can be"):
        explain(grid_trial(60, 60, 10, 1500)[0], engine="separable")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("nugget", [True, False])
def test_the_same_on_a_gpu(nugget: bool) -> None:
    case = trial(3, (6, 7), ("ar1", "exponential"), "missing", ["genotypes", "unstructured"], nugget, 2)
    engine = engine_of(case)
    with torch.no_grad():
        here = engine.at(case.natural)
        moved = SeparableEngine(prepare(case.y.cuda(), case.x.cuda()), engine.lowered, engine.plan)
        there = moved.at(case.natural)
        assert here is not None
        assert there is not None
        assert there.py.device.type == "cuda"
        assert there.kernel == pytest.approx(here.kernel, rel=1e-10)
        one, two = (point.derivatives(range(len(case.natural))) for point in (there, here))
        np.testing.assert_allclose(one.score, two.score, rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(one.information, two.information, rtol=1e-7, atol=1e-8)
        for piece in engine.lowered.random:
            found, expected = there.effects(piece), here.effects(piece)
            assert found is not None
            assert expected is not None
            torch.testing.assert_close(found[0].cpu(), expected[0])
            torch.testing.assert_close(found[1].cpu(), expected[1])
