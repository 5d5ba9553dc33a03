"""Trends that a field takes up, so that the likelihood rises along a ridge."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    ARMatrix,
    ExponentialMatrix,
    GaussianMatrix,
    HeterogeneousAR1Matrix,
    Inverse,
    MaternMatrix,
    Matrix,
    ScalarMatrix,
    SphericalMatrix,
    Sum,
)
from tests.reml.corpus.task import Build, Task
from tests.reml.ridge_cases import PROCESSES, TIMES, factor, grid, mean, trend
from tests.reml.simulated_cases import normal, repeated, uniform

__all__ = ["ridges"]


# -- ridges --------------------------------------------------------------------------------------------------


def ridges() -> Iterator[tuple[str, Build]]:
    for process, (structure, _, _) in PROCESSES.items():
        for seed in (1, 2, 3):
            yield f"ridge/{process}/{seed}", _series(structure, seed)
        yield f"ridge/{process}/ML", _series(structure, 1, "ML")
        yield f"ridge/{process}/steep", _series(structure, 4, steep=4.0)
    yield "ridge/ar1/mme", _series(lambda: AR1Matrix(60), 2, engine="mme")
    yield "ridge/ar2", _series(lambda: ARMatrix(60, 2), 1)
    yield "ridge/matern", _series(lambda: MaternMatrix(TIMES[:, None], nu=1.5), 1)
    yield "ridge/gaussian", _series(lambda: GaussianMatrix(TIMES[:, None]), 1)
    for size in (1e-3, 100.0):
        half = 0.5 * math.log(size)
        start = torch.tensor([half, 0.6, half], dtype=torch.float64)
        yield f"ridge/ar1/start x {size:g}", _series(lambda: AR1Matrix(60), 1, start=start)
    for rows, columns, seed in ((30, 20, 2), (30, 20, 3), (30, 20, 4), (24, 10, 5), (12, 10, 5), (60, 40, 1)):
        yield f"ridge/grid {rows} x {columns}/{seed}", _grid(rows, columns, seed)
    yield "ridge/grid 30 x 20/one direction", _grid(30, 20, 6, 0.0)
    yield "ridge/grid 30 x 20/ML", _grid(30, 20, 1, method="ML")
    yield "ridge/grid 12 x 10/far maximum", _far_maximum
    for structure in (ExponentialMatrix, GaussianMatrix, SphericalMatrix):
        yield f"ridge/places/{structure.__name__}", _places(structure)
    for nugget in (True, False):
        yield f"ridge/profiles/{'nugget' if nugget else 'alone'}", _profiles(nugget)
    yield "ridge/years", _years("auto")
    yield "ridge/years/dense", _years("dense")
    yield "ridge/inverse of ar1", _inverse
    for seed in (3, 4):
        yield f"ridge/heterogeneous ar1/{seed}", _growth(seed)


def _series(
    structure: Callable[[], Matrix],
    seed: int,
    method: str = "REML",
    engine: str = "auto",
    steep: float = 1.0,
    start: Tensor | None = None,
) -> Build:
    def build() -> Task:
        y = trend(seed) + (steep - 1.0) * TIMES / 6.0
        return Task(Sum(field=structure(), nugget=ScalarMatrix(60)), y, mean(60), method, engine, start)

    return build


def _grid(rows: int, columns: int, seed: int, across: float = 1.0, method: str = "REML") -> Build:
    def build() -> Task:
        v, y = grid(rows, columns, seed, across)
        return Task(v, y, mean(rows * columns), method)

    return build


def _far_maximum() -> Task:
    i = torch.arange(12, dtype=torch.float64)[:, None] * 10.0 / 12.0
    j = torch.arange(10, dtype=torch.float64)[None]
    v, _ = grid(12, 10, 5)
    return Task(v, (i + j + 0.1 * normal(5, 12, 10)).reshape(-1), mean(120))


def _places(structure: Callable[[Tensor], Matrix]) -> Build:
    def build() -> Task:
        places = uniform(1, 120, 2) * 10.0
        y = places.sum(1) + 0.7 * normal(2, 120)
        return Task(Sum(field=structure(places), nugget=ScalarMatrix(120)), y, mean(120))

    return build


def _profiles(nugget: bool) -> Build:
    def build() -> Task:
        subjects, times = 12, 8
        t = torch.arange(times, dtype=torch.float64)
        y = ((1.0 + 0.3 * normal(5, subjects, 1)) * t + 0.5 * normal(6, subjects, times)).reshape(-1)
        x = torch.kron(torch.eye(subjects, dtype=torch.float64), mean(times))
        v: Matrix = repeated(AR1Matrix(times), subjects)
        if nugget:
            v = Sum(profile=v, nugget=ScalarMatrix(subjects * times))
        return Task(v, y, x, engine="blocks")

    return build


def _years(engine: str) -> Build:
    def build() -> Task:
        years = [k % 12 for k in range(120)]
        y = 1.5 * torch.tensor(years, dtype=torch.float64) + normal(1, 120)
        return Task(Sum(year=factor(years, AR1Matrix(12)), e=ScalarMatrix(120)), y, mean(120), engine=engine)

    return build


def _inverse() -> Task:
    y = normal(0, 6).repeat_interleave(2) * 9.0 + torch.arange(12, dtype=torch.float64)
    return Task(Sum(a=Inverse(AR1Matrix(12)), e=ScalarMatrix(12)), y, mean(12))


def _growth(seed: int) -> Build:
    """Growth of subjects whose means are fixed effects, with a variance for every time."""

    def build() -> Task:
        subjects, times = 20, 5
        generator = torch.Generator().manual_seed(seed)
        t = torch.arange(times, dtype=torch.float64)
        slopes = 1.0 + 0.5 * torch.randn(subjects, 1, dtype=torch.float64, generator=generator)
        y = slopes * t + torch.randn(subjects, times, dtype=torch.float64, generator=generator)
        x = torch.kron(torch.eye(subjects, dtype=torch.float64), mean(times))
        return Task(repeated(HeterogeneousAR1Matrix(times), subjects), y.reshape(-1), x)

    return build
