"""Random models of repeated measures, and the engine of blocks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
    KnownMatrix,
    KroneckerProduct,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    PowerVarianceMatrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml.engines.blocks.engine import BlocksEngine
from covstudio.reml.engines.dense.engine import DenseEngine
from covstudio.reml.problem.problem import prepare
from covstudio.reml.terms.variance import Variance
from tests.reml.engine_cases import Trial, assert_points_agree, design_of, values_of

TIMES = 4


@dataclass
class Rows:
    """Subjects measured at some of a few times, in any order."""

    rng: np.random.Generator
    subject: np.ndarray
    time: np.ndarray

    @property
    def n(self) -> int:
        return len(self.subject)

    @property
    def subjects(self) -> int:
        return int(self.subject.max()) + 1

    def z(self) -> DummyMatrix:
        return DummyMatrix(self.subject.tolist(), levels=[list(range(self.subjects))])

    def same(self) -> Matrix:
        return CovariancePropagation(z=self.z(), g=IdentityMatrix(self.subjects))

    def cells(self, covariance: Matrix) -> Matrix:
        z = DummyMatrix(
            self.subject.tolist(),
            self.time.tolist(),
            levels=[list(range(self.subjects)), list(range(TIMES))],
        )
        return CovariancePropagation(
            z=z, g=KroneckerProduct(subject=IdentityMatrix(self.subjects), t=covariance)
        )

    def cells_inside(self, covariance: Matrix) -> Matrix:
        """The same with times changing slowly."""
        z = DummyMatrix(
            self.time.tolist(),
            self.subject.tolist(),
            levels=[list(range(TIMES)), list(range(self.subjects))],
        )
        return CovariancePropagation(
            z=z, g=KroneckerProduct(t=covariance, subject=IdentityMatrix(self.subjects))
        )

    def slopes(self) -> Matrix:
        x = torch.from_numpy(self.time.astype(float))[:, None].expand(self.n, self.subjects)
        z = Augment(intercept=self.z(), slope=HadamardProduct(z=self.z(), x=x))
        return CovariancePropagation(
            z=z, g=KroneckerProduct(us=UnstructuredMatrix(2), i=IdentityMatrix(self.subjects))
        )

    def nested(self) -> Matrix:
        """Sessions within subjects."""
        session = self.rng.integers(0, 2, self.n)
        names = [f"{s}:{v}" for s, v in zip(self.subject.tolist(), session.tolist(), strict=True)]
        z = DummyMatrix(names)
        return CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1]))

    def written_mask(self) -> Matrix:
        mask = torch.from_numpy((self.subject[:, None] == self.subject[None, :]).astype(float))
        return HadamardProduct(series=CompoundSymmetricMatrix(self.n), mask=mask)

    def by_group(self) -> Matrix:
        """Subjects of two groups, each with its own variance of their intercepts."""
        group = self.subject % 2
        z = DummyMatrix(self.subject.tolist(), levels=[list(range(self.subjects))])
        names = DummyMatrix([f"g{g}" for g in group], levels=[["g0", "g1"]])
        other = CovariancePropagation(z=names, g=DiagonalMatrix(2))
        return HadamardProduct(subject=CovariancePropagation(z=z, g=IdentityMatrix(self.subjects)), v=other)

    def own_variances(self) -> Matrix:
        return CovariancePropagation(z=self.z(), g=DiagonalMatrix(self.subjects))

    def continuous(self) -> Matrix:
        times = torch.from_numpy(self.time + self.rng.uniform(0.0, 0.5, self.n))
        return HadamardProduct(subject=self.same(), series=OrnsteinUhlenbeckMatrix(times))

    def continuous_on_the_same_days(self) -> Matrix:
        days = torch.from_numpy(np.array([0.0, 1.0, 2.5, 7.0])[self.time])
        process = OrnsteinUhlenbeckMatrix(days, shared_times=True)
        return HadamardProduct(subject=self.same(), series=process)

    def variances_by_time(self) -> Matrix:
        z = DummyMatrix(self.time.tolist(), levels=[list(range(TIMES))])
        return HadamardProduct(
            i=IdentityMatrix(self.n), t=CovariancePropagation(z=z, g=DiagonalMatrix(TIMES))
        )

    def sites(self) -> Matrix:
        """Two halves, one with a covariance of no known structure; they join what is in them."""
        half = self.n // 3
        root = self.rng.normal(size=(half, half + 1))
        return BlockDiagonal(
            a=HadamardProduct(k=KnownMatrix(torch.from_numpy(root @ root.T / half)), c=ScalarMatrix(half)),
            b=ScalarMatrix(self.n - half),
        )


TERMS: dict[str, Callable[[Rows], Matrix]] = {
    "intercepts": lambda rows: CovariancePropagation(z=rows.z(), g=ScalarMatrix(rows.subjects)),
    "slopes": Rows.slopes,
    "unstructured": lambda rows: rows.cells(UnstructuredMatrix(TIMES)),
    "unstructured, times outside": lambda rows: rows.cells_inside(UnstructuredMatrix(TIMES)),
    "autoregression": lambda rows: rows.cells(AR1Matrix(TIMES)),
    "factor analytic": lambda rows: rows.cells(FactorAnalyticMatrix(TIMES, 1)),
    "masked series": lambda rows: HadamardProduct(subject=rows.same(), series=AR1Matrix(rows.n)),
    "written mask": Rows.written_mask,
    "continuous time": Rows.continuous,
    "continuous time, same days": Rows.continuous_on_the_same_days,
    "nested": Rows.nested,
    "by group": Rows.by_group,
    "own variances": Rows.own_variances,
    "sites": Rows.sites,
    "variances by time": Rows.variances_by_time,
    "variance function": lambda rows: PowerVarianceMatrix(
        torch.from_numpy(rows.rng.uniform(0.5, 2.0, rows.n))
    ),
}


def unbalanced(seed: int, subjects: int, repeated: bool) -> Rows:
    """About two thirds of all cells, some twice where wanted, shuffled."""
    rng = np.random.default_rng(seed)
    cells = np.flatnonzero(rng.uniform(size=subjects * TIMES) < 0.67)
    cells = np.concatenate([cells, rng.integers(0, subjects * TIMES, 5)]) if repeated else cells
    cells = rng.permutation(cells)
    return Rows(rng, cells // TIMES, cells % TIMES)


def balanced(subjects: int, seed: int = 0) -> Rows:
    cells = np.arange(subjects * TIMES)
    return Rows(np.random.default_rng(seed), cells // TIMES, cells % TIMES)


def trial(rows: Rows, p: int, terms: list[str]) -> Trial:
    rng = rows.rng
    parts = {f"t{i}": TERMS[name](rows) for i, name in enumerate(terms)}
    v = Sum(**parts, rest=ScalarMatrix(rows.n))
    natural = values_of(rng, v)
    x = design_of(rng, rows.n, p)
    return Trial(v, torch.from_numpy(3.0 + 2.0 * rng.normal(size=rows.n)), x, natural)


def blocks_of(case: Trial) -> BlocksEngine:
    return BlocksEngine(prepare(case.y, case.x), Variance(case.v))


def assert_same_point(case: Trial, seed: int = 0) -> None:
    """Everything that the two engines say of one point."""
    variance = Variance(case.v)
    with torch.no_grad():
        b = DenseEngine(prepare(case.y, case.x), variance).at(case.natural)
        a = blocks_of(case).at(case.natural)
        positions = np.random.default_rng(seed).permutation(len(variance.names)).tolist()
        rhs = torch.from_numpy(np.random.default_rng(seed).normal(size=(len(case.y), 2)))
        assert_points_agree(a, b, positions, rhs)


def repeated_measures(subjects: int, times: int, seed: int) -> tuple[Matrix, Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(times, times + 3))
    errors = rng.normal(size=(subjects, times)) @ np.linalg.cholesky(root @ root.T).T
    y = errors + 0.3 * np.arange(times)
    x = np.column_stack([np.ones(y.size), np.tile(np.arange(times), subjects)])
    v = KroneckerProduct(subject=IdentityMatrix(subjects), time=UnstructuredMatrix(times))
    return v, torch.from_numpy(y.reshape(-1)), torch.from_numpy(x)
