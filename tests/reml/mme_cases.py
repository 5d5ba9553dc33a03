"""Random models of effects and residuals that the mixed-model equations take."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
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
    KroneckerProduct,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    PowerVarianceMatrix,
    ReducedRankMatrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from tests.reml.engine_cases import Trial, design_of, known, values_of

Rng = np.random.Generator


def incidence(rng: Rng, n: int, k: int) -> DummyMatrix:
    """Random levels; some may occur once or never."""
    names = [f"l{i}" for i in range(k)]
    return DummyMatrix([names[i] for i in rng.integers(0, k, n)], levels=[names])


COVARIANCES: dict[str, Callable[[Rng, int], Matrix]] = {
    "scalar": lambda rng, k: ScalarMatrix(k),
    "diagonal": lambda rng, k: DiagonalMatrix(k),
    "unstructured": lambda rng, k: UnstructuredMatrix(k),
    "ar1": lambda rng, k: AR1Matrix(k),
    "known": known,
    "compound": lambda rng, k: CompoundSymmetricMatrix(k),
    "factor analytic": lambda rng, k: FactorAnalyticMatrix(max(k, 4), 1),
    "reduced rank": lambda rng, k: ReducedRankMatrix(k, 1),
}


def effect(rng: Rng, n: int, kind: str) -> Matrix:
    k = int(rng.integers(3, 7))
    g = COVARIANCES[kind](rng, k)
    return CovariancePropagation(z=incidence(rng, n, g.shape[0]), g=g)


def slopes(rng: Rng, n: int, kind: str) -> Matrix:
    k = int(rng.integers(3, 6))
    z = incidence(rng, n, k)
    x = torch.from_numpy(rng.normal(size=n))[:, None].expand(n, k)
    if kind == "by covariate":
        design: Matrix = Augment(intercept=z, slope=HadamardProduct(z=z, x=x))
        return CovariancePropagation(
            z=design, g=KroneckerProduct(us=UnstructuredMatrix(2), i=IdentityMatrix(k))
        )
    # The same model with the two effects of a level side by side.
    written = torch.stack([z().double(), z().double() * x], dim=2).reshape(n, 2 * k)
    return CovariancePropagation(z=written, g=KroneckerProduct(i=IdentityMatrix(k), us=UnstructuredMatrix(2)))


def regression(rng: Rng, n: int) -> Matrix:
    return CovariancePropagation(z=torch.from_numpy(rng.normal(size=(n, 10))), g=ScalarMatrix(10))


def same(rng: Rng, n: int, groups: int) -> tuple[Matrix, list[int]]:
    codes = rng.integers(0, groups, n).tolist()
    return CovariancePropagation(
        z=DummyMatrix(codes, levels=[list(range(groups))]), g=IdentityMatrix(groups)
    ), codes


def missing_cells(rng: Rng, n: int, series: Matrix) -> Matrix:
    """Repeated measures of which some are missing, the rows in any order."""
    times = series.shape[0]
    subjects = -(-n // times) + 2
    cells = rng.permutation(subjects * times)[:n]
    z = DummyMatrix(
        (cells // times).tolist(),
        (cells % times).tolist(),
        levels=[list(range(subjects)), list(range(times))],
    )
    return CovariancePropagation(z=z, g=KroneckerProduct(subject=IdentityMatrix(subjects), time=series))


def residual(rng: Rng, n: int, kind: str) -> Matrix:
    if kind == "scalar":
        return ScalarMatrix(n)
    if kind == "variance function":
        return PowerVarianceMatrix(torch.from_numpy(rng.uniform(0.5, 2.0, n)))
    if kind == "by site":
        cut = n // 3
        return BlockDiagonal(a=ScalarMatrix(cut), b=ScalarMatrix(n - cut))
    if kind == "one variance a level":
        z = incidence(rng, n, 3)
        return HadamardProduct(i=IdentityMatrix(n), site=CovariancePropagation(z=z, g=DiagonalMatrix(3)))
    if kind == "ar1 by subject":
        return HadamardProduct(subject=same(rng, n, 4)[0], series=AR1Matrix(n))
    if kind == "ar1":
        return AR1Matrix(n)
    if kind == "continuous time":
        return HadamardProduct(
            subject=same(rng, n, 4)[0], series=OrnsteinUhlenbeckMatrix(torch.from_numpy(rng.uniform(0, 9, n)))
        )
    if kind == "written mask":
        codes = torch.tensor(same(rng, n, 5)[1])
        return HadamardProduct(series=AR1Matrix(n), mask=(codes[:, None] == codes[None, :]).double())
    if kind == "missing ar1":
        return missing_cells(rng, n, AR1Matrix(5))
    if kind == "missing unstructured":
        return missing_cells(rng, n, UnstructuredMatrix(3))
    if kind == "two series":
        return BlockDiagonal(a=AR1Matrix(8), b=ScalarMatrix(n - 8))
    assert kind == "ar1 and nugget"
    return Sum(series=missing_cells(rng, n, AR1Matrix(4)), nugget=ScalarMatrix(n))


RESIDUALS = (
    "scalar",
    "variance function",
    "by site",
    "one variance a level",
    "ar1 by subject",
    "ar1",
    "continuous time",
    "written mask",
    "missing ar1",
    "missing unstructured",
    "two series",
    "ar1 and nugget",
)
EFFECTS = (*COVARIANCES, "by covariate", "side by side", "regression")


def trial(seed: int, n: int, p: int, effects: list[str], kind: str, zeros: bool) -> Trial:
    rng = np.random.default_rng(seed)
    terms: dict[str, Matrix] = {}
    for i, name in enumerate(effects):
        if name == "regression":
            terms[f"u{i}"] = regression(rng, n)
        elif name in COVARIANCES:
            terms[f"u{i}"] = effect(rng, n, name)
        else:
            terms[f"u{i}"] = slopes(rng, n, name)
    rest = residual(rng, n, kind)
    v: Matrix = Sum(**terms, rest=rest) if terms else rest
    natural = values_of(rng, v, zeros=zeros)
    x = design_of(rng, n, p)
    return Trial(v, torch.from_numpy(3.0 + 2.0 * rng.normal(size=n)), x, natural)


def crossed(n: int, groups: int, blocks: int, seed: int = 3) -> tuple[Matrix, Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    g, b, x = rng.integers(0, groups, n), rng.integers(0, blocks, n), rng.normal(size=n)
    y = x + rng.normal(size=groups)[g] + 0.5 * rng.normal(size=blocks)[b] + rng.normal(size=n)
    v = Sum(
        g=CovariancePropagation(z=DummyMatrix(g.tolist()), g=ScalarMatrix(groups)),
        b=CovariancePropagation(z=DummyMatrix(b.tolist()), g=ScalarMatrix(blocks)),
        e=ScalarMatrix(n),
    )
    return v, torch.from_numpy(y), torch.from_numpy(np.column_stack([np.ones(n), x]))
