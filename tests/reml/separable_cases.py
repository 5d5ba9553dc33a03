"""Random models of separable fields, and everything their engine says of a point against V written out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    ExponentialMatrix,
    HadamardProduct,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Scale,
    Submatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml.engines.dense.engine import DenseEngine
from covstudio.reml.engines.separable.engine import SeparableEngine
from covstudio.reml.engines.separable.plan import Plan, plan_of
from covstudio.reml.engines.separable.point import SeparablePoint
from covstudio.reml.problem.problem import prepare
from covstudio.reml.terms.variance import Variance
from tests.reml.engine_cases import Trial, assert_points_agree, design_of, known, values_of

Rng = np.random.Generator


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


def data_of(rng: Rng, v: Matrix, p: int, zeros: bool = False) -> Trial:
    n = v.shape[0]
    x = design_of(rng, n, p)
    y = torch.from_numpy(3.0 + 2.0 * rng.normal(size=n))
    return Trial(v, y, x, values_of(rng, v, inside=(0.2, 0.8), spread=0.7, zeros=zeros))


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
        eigenvalues = torch.linalg.eigvalsh(Variance(case.v).written().value(case.natural))
    return bool(eigenvalues[0] > 1e-6 * eigenvalues[-1])


def planned(v: Variance) -> Plan:
    plan = plan_of(v)
    assert isinstance(plan, Plan), plan
    return plan


def compare(case: Trial, method: str, seed: int) -> None:
    """Everything that a point says, against the dense engine."""
    problem, variance = prepare(case.y, case.x, method=method), Variance(case.v)
    with torch.no_grad():
        b = DenseEngine(problem, Variance(case.v)).at(case.natural)
        a = SeparableEngine(problem, variance).at(case.natural)
        positions = np.random.default_rng(seed).permutation(len(case.natural)).tolist()
        rhs = torch.from_numpy(np.random.default_rng(seed).normal(size=(problem.n, 2)))
        assert_points_agree(a, b, positions, rhs)
        assert a is not None
        some = positions[: len(positions) // 2 + 1]
        if some:
            part, whole = a.derivatives(some).score, a.derivatives(positions).score
            np.testing.assert_allclose(part, whole[: len(some)], rtol=1e-9, atol=1e-9)


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


def check_effects(case: Trial) -> None:
    engine, dense = engine_of(case), DenseEngine(prepare(case.y, case.x), Variance(case.v))
    with torch.no_grad():
        point = engine.at(case.natural)
        assert point is not None
        assert engine.setup.variance.random
        for piece in engine.setup.variance.random:
            found = point.effects(piece)
            assert found is not None
            expected = written_effects(case, piece.path, dense)
            torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-8)


def engine_of(case: Trial) -> SeparableEngine:
    return SeparableEngine(prepare(case.y, case.x), Variance(case.v))


def point_of(case: Trial, natural: np.ndarray) -> SeparablePoint | None:
    return engine_of(case).at(natural)


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
