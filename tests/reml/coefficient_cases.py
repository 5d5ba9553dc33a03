"""Random models with covariances by level for sparse equations: slopes, traits, times, related levels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    Augment,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    FactorAnalyticMatrix,
    HadamardProduct,
    IdentityMatrix,
    KhatriRaoProduct,
    KroneckerProduct,
    Matrix,
    PedigreeMatrix,
    RandomCoefficientsMatrix,
    ReducedRankMatrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml.terms.variance import Variance
from tests.reml.engine_cases import values_of
from tests.reml.sparse_cases import Animals, pedigree, records

__all__ = ["TERMS", "WITHIN", "by_level", "crossed_slopes", "values"]

Rng = np.random.Generator

#: Covariances of the members of a level.
WITHIN: dict[str, Callable[[int], Matrix]] = {
    "unstructured": UnstructuredMatrix,
    "compound": CompoundSymmetricMatrix,
    "diagonal": DiagonalMatrix,
    "ar1": AR1Matrix,
    "factor analytic": lambda k: FactorAnalyticMatrix(k, 1),
    "reduced rank": lambda k: ReducedRankMatrix(k, 1),
}
TERMS = ("slopes", "slopes in one piece", "times", "related", "maternal", "crossed")


def levels(rng: Rng, n: int, k: int) -> DummyMatrix:
    """Random levels, of unequal numbers of rows; some may have none."""
    weights = rng.uniform(0.1, 1.0, k)
    return DummyMatrix(
        [f"l{i}" for i in rng.choice(k, n, p=weights / weights.sum())], levels=[[f"l{i}" for i in range(k)]]
    )


def _coefficients(rng: Rng, z: DummyMatrix, k: int) -> Tensor:
    """An intercept and covariates."""
    n = z.shape[0]
    return torch.from_numpy(np.column_stack([np.ones(n), rng.normal(size=(n, k - 1))]))


def _product(first: bool, levels: Matrix, within: Matrix) -> Matrix:
    return KroneckerProduct(a=levels, b=within) if first else KroneckerProduct(a=within, b=levels)


def _slopes(z: DummyMatrix, columns: Tensor, first: bool) -> Matrix:
    """Levels changing slowly among the columns, or the coefficients."""
    if first:
        return KhatriRaoProduct(a=z, b=columns)
    parts = {
        f"x{j}": HadamardProduct(z=z, x=columns[:, j : j + 1].expand(*z.shape))
        for j in range(columns.shape[1])
    }
    return Augment(**parts)


def by_level(rng: Rng, n: int, kind: str, within: str) -> Matrix:
    """A term of V whose covariance is a small one for every level.

    Args:
        rng: the generator.
        n: rows.
        kind: one of `TERMS`.
        within: the covariance of a level, one of `WITHIN`.
    """
    first = bool(rng.uniform() < 0.5)
    if kind == "slopes in one piece":
        z = [f"g{i}" for i in rng.integers(0, 7, n)]
        return RandomCoefficientsMatrix(z, columns={"x": rng.normal(size=n)})
    k = int(rng.integers(2, 4)) if within != "factor analytic" else int(rng.integers(3, 5))
    g = WITHIN[within](k)
    if kind in ("related", "maternal"):
        ped = pedigree(rng, 14)
        z = records(rng, ped, n)
        covariance = _product(first, PedigreeMatrix(ped), g)
        if kind == "related":
            return CovariancePropagation(z=_slopes(z, _coefficients(rng, z, k), first), g=covariance)
        # The members of a level stand in different rows' animals: own value, and those of mothers.
        designs = [records(rng, ped, n) for _ in range(k)]
        written = torch.stack([design().double() for design in designs], dim=2)
        written = written.reshape(n, -1) if first else written.transpose(1, 2).reshape(n, -1)
        return CovariancePropagation(z=written, g=covariance)
    z = levels(rng, n, int(rng.integers(4, 9)))
    covariance = _product(first, IdentityMatrix(z.shape[1]), g)
    if kind == "times":
        # One member a row; many combinations of levels and times have no row.
        design = (
            KhatriRaoProduct(a=z, b=levels(rng, n, k))
            if first
            else KhatriRaoProduct(a=levels(rng, n, k), b=z)
        )
        return CovariancePropagation(z=design, g=covariance)
    if kind == "crossed":
        # Two levels in every row: V does not fall apart by them, and rows have 2 k entries.
        other = levels(rng, n, z.shape[1])
        columns = _coefficients(rng, z, k)
        both = [_slopes(design, columns, first)().double() for design in (z, other)]
        return CovariancePropagation(z=both[0] + 0.5 * both[1], g=covariance)
    return CovariancePropagation(z=_slopes(z, _coefficients(rng, z, k), first), g=covariance)


def crossed_slopes(
    seed: int, n: int, terms: list[tuple[str, str]], beside: bool = True, p: int = 2
) -> Animals:
    """A model of some such terms, each with levels of its own, and a plain one beside them."""
    rng = np.random.default_rng(seed)
    made = {f"t{i}": by_level(rng, n, kind, within) for i, (kind, within) in enumerate(terms)}
    if beside:
        z = levels(rng, n, 6)
        made["plain"] = CovariancePropagation(z=z, g=ScalarMatrix(6))
    x = torch.cat([torch.ones(n, 1), torch.from_numpy(rng.normal(size=(n, p - 1)))], dim=1)
    y = torch.from_numpy(3.0 + rng.normal(size=n) + rng.normal(size=6)[rng.integers(0, 6, n)])
    return Animals(Sum(**made, units=ScalarMatrix(n)), y, x)


def values(case: Animals, seed: int, edge: str) -> np.ndarray:
    """Natural values of V.

    Args:
        case: a model.
        seed: of them.
        edge: "inside"; "singular", some variances and entries of factors at 0; "perfect", correlations at 1.
    """
    rng = np.random.default_rng(seed)
    natural = values_of(rng, case.v)
    names = Variance(case.v).names
    for k, name in enumerate(names[:-1]):
        last = name.rsplit("/", 1)[-1]
        diagonal = last.startswith("L_") and len(set(last.split("_")[1:])) == 1
        if edge == "perfect" and diagonal and not last.endswith("_0"):
            natural[k] = 0.0
        if edge == "singular" and (diagonal or "^2" in last or "psi" in last) and rng.uniform() < 0.5:
            natural[k] = 0.0
    return natural
