"""Random pedigrees and models with many effects, and a comparison of two engines at a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from covstudio.covariance import (
    Augment,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    HadamardProduct,
    Matrix,
    Pedigree,
    PedigreeMatrix,
    ScalarMatrix,
    Sum,
)
from covstudio.reml.engines.sparse.engine import SparseEngine
from covstudio.reml.problem.likelihood import Point
from covstudio.reml.problem.problem import Problem, prepare
from covstudio.reml.terms.variance import Variance

__all__ = ["Animals", "animals", "close", "engine_of", "pedigree", "records"]

Rng = np.random.Generator


def pedigree(rng: Rng, count: int, generations: int = 4, unknown: float = 0.1) -> Pedigree:
    """Random mating within overlapping generations, some parents unknown, in random order."""
    per = max(count // generations, 2)
    rows: list[tuple[str, str | None, str | None]] = []
    for k in range(count):
        first = max((k // per - 1) * per, 0)
        known = k >= per
        parents = [
            f"a{rng.integers(first, k // per * per)}" if known and rng.uniform() > unknown else None
            for _ in range(2)
        ]
        rows.append((f"a{k}", *parents))
    rng.shuffle(rows)
    return Pedigree(rows)


def records(rng: Rng, ped: Pedigree, n: int) -> DummyMatrix:
    """Which animal each row is of; some animals have none."""
    labels = [ped.individuals[i] for i in rng.integers(0, len(ped), n)]
    return DummyMatrix(labels, levels=[ped.individuals], lex_order=False)


@dataclass
class Animals:
    """A model and its data."""

    v: Matrix
    y: Tensor
    x: Tensor

    def problem(self, method: str = "REML") -> Problem:
        return prepare(self.y, self.x, method=method)


def animals(seed: int, count: int, n: int, p: int, terms: list[str]) -> Animals:
    """An animal model with further effects.

    Args:
        seed: of everything.
        count: animals.
        n: records.
        p: fixed effects.
        terms: of "animal", "permanent", "herd", "sire and dam", "slope", "by line".
    """
    rng = np.random.default_rng(seed)
    ped = pedigree(rng, count)
    z = records(rng, ped, n)
    # Some levels have no rows at all.
    herds = DummyMatrix([f"h{i}" for i in rng.integers(0, 6, n)], levels=[[f"h{i}" for i in range(8)]])
    covariate = torch.from_numpy(rng.normal(size=(n, 1)))
    made: dict[str, Matrix] = {}
    for term in terms:
        if term == "animal":
            made[term] = CovariancePropagation(z=z, g=PedigreeMatrix(ped))
        elif term == "permanent":
            made[term] = CovariancePropagation(z=z, g=ScalarMatrix(count))
        elif term == "herd":
            made[term] = CovariancePropagation(z=herds, g=ScalarMatrix(8))
        elif term == "by line":
            made[term] = CovariancePropagation(z=herds, g=DiagonalMatrix(8))
        elif term == "slope":
            design = HadamardProduct(z=z, x=covariate.expand(n, count))
            made[term] = CovariancePropagation(z=design, g=PedigreeMatrix(ped))
        else:
            # A gamete of each parent: two entries a row, which may be those of one animal.
            written = torch.zeros(n, count, dtype=torch.float64)
            for side in range(2):
                written[torch.arange(n), torch.from_numpy(rng.integers(0, count, n))] += 0.5 + 0.1 * side
            made[term] = CovariancePropagation(z=written, g=PedigreeMatrix(ped))
    if "beside" in terms:
        made["beside"] = CovariancePropagation(z=Augment(a=herds, b=z), g=ScalarMatrix(8 + count))
    x = torch.cat([torch.ones(n, 1), torch.from_numpy(rng.normal(size=(n, p - 1)))], dim=1)
    y = torch.from_numpy(3.0 + rng.normal(size=n) + rng.normal(size=6)[rng.integers(0, 6, n)])
    return Animals(Sum(**made, units=ScalarMatrix(n)), y, x)


def engine_of(case: Animals, method: str = "REML") -> SparseEngine:
    return SparseEngine(case.problem(method), Variance(case.v))


def close(found: Point, expected: Point, natural: np.ndarray) -> None:
    """The same likelihood, derivatives and products, each to 1e-8 of its size."""
    b = torch.from_numpy(np.random.default_rng(1).normal(size=(len(expected.py), 2)))
    positions = list(range(len(natural)))
    assert abs(found.kernel - expected.kernel) <= 1e-8 * (1.0 + abs(expected.kernel))
    one, other = found.derivatives(positions), expected.derivatives(positions)
    # In units of the standard errors that the average information gives.
    size = np.sqrt(np.diag(other.information)) + 1e-100
    np.testing.assert_allclose(one.score / size, other.score / size, rtol=1e-8, atol=1e-8)
    scaled = np.outer(size, size)
    np.testing.assert_allclose(one.information / scaled, other.information / scaled, rtol=0.0, atol=1e-8)
    for left, right in (
        (found.beta, expected.beta),
        (found.beta_covariance, expected.beta_covariance),
        (found.py, expected.py),
        (found.project(b), expected.project(b)),
    ):
        torch.testing.assert_close(left, right, rtol=0.0, atol=1e-8 * float(right.abs().max()))
    assert abs(found.mean_diagonal - expected.mean_diagonal) <= 1e-10 * expected.mean_diagonal
