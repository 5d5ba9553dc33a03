"""The engine of separable fields against V written out: random grids and data, published cases, sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from torch import Tensor

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
from covstudio.reml import InvalidModel, explain, fit
from covstudio.reml.dense import DenseEngine
from covstudio.reml.lowering import lower
from covstudio.reml.problem import prepare
from covstudio.reml.separable import SeparableCandidate, SeparableEngine
from covstudio.reml.separable_plan import Plan, plan_of
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


def planned(v: Matrix) -> Plan:
    plan = plan_of(lower(v))
    assert isinstance(plan, Plan), plan
    return plan


def compare(case: Trial, method: str, seed: int) -> None:
    """Everything that a point says, against the dense engine."""
    problem, lowered = prepare(case.y, case.x, method=method), lower(case.v)
    with torch.no_grad():
        b = DenseEngine(problem, Variance(case.v)).at(case.natural)
        assume(b is not None)
        a = SeparableEngine(problem, lowered, planned(case.v)).at(case.natural)
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
    compare(case, method, seed)
