"""Simulated data: every structure from good starts and bad ones, and those of many parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from covstudio.covariance import (
    CovariancePropagation,
    DummyMatrix,
    FactorAnalyticMatrix,
    HeterogeneousCorrelationMatrix,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    ReducedRankMatrix,
    ScalarMatrix,
    Sum,
    UnconstrainedMatrix,
    UnstructuredMatrix,
)
from tests.reml.corpus.task import Build, Task
from tests.reml.ridge_cases import mean
from tests.reml.simulated_cases import SIMULATED, drawn, normal, repeated, start_of, uniform

__all__ = ["simulated", "structures"]


# -- every structure -----------------------------------------------------------------------------------------


def simulated() -> Iterator[tuple[str, Build]]:
    for name in SIMULATED:
        for nugget in (0.0, 0.3):
            for start in ("data", "small", "large", "anywhere"):
                yield f"simulated/{name}/nugget {nugget:g}/{start}", _simulated(name, nugget, start)
        yield f"simulated/{name}/ML", _simulated(name, 0.3, "data", "ML")
        # Half the subjects, and noise that hides most of the structure.
        yield f"simulated/{name}/noise", _simulated(name, 3.0, "data", "REML", 2)


def _simulated(name: str, nugget: float, start: str, method: str = "REML", fewer: int = 1) -> Build:
    def build() -> Task:
        made, truth, subjects = SIMULATED[name]
        structure, subjects = made(), max(2, subjects // fewer)
        n = subjects * structure.shape[0]
        value = structure.evaluate(torch.tensor(truth, dtype=torch.float64))
        y = drawn(value, subjects, 7) + math.sqrt(nugget) * normal(8, n)
        v: Matrix = repeated(structure, subjects)
        if nugget:
            v = Sum(field=v, units=ScalarMatrix(n))
        return Task(v, y, mean(n), method, start=_start(v, start))

    return build


def _start(v: Matrix, which: str) -> Tensor | None:
    if which == "data":
        return None
    if which in ("small", "large"):
        size = 1e-3 if which == "small" else 100.0
        return start_of(v, lambda path, low, high: size if "sigma" in path else None)
    rng = np.random.default_rng(11)

    def anywhere(path: str, low: float, high: float) -> float:
        if math.isfinite(low) and math.isfinite(high):
            return low + (high - low) * rng.uniform(0.2, 0.8)
        return 10.0 ** rng.uniform(-0.5, 0.5) if low == 0.0 else rng.normal()

    return start_of(v, anywhere)


# -- structures of many parameters ---------------------------------------------------------------------------


def structures() -> Iterator[tuple[str, Build]]:
    for size in (2, 5, 10):
        for scale in (1e-3, 1.0, 100.0):
            yield f"structure/unstructured {size} x {scale:g}", _unstructured(size, 60, scale)
    for size in (4, 6):
        for spread in (0.0, 2.0):
            yield f"structure/unconstrained {size}, spread {spread:g}", _unconstrained(size, spread)
    yield "structure/unstructured 10 of 12", _unstructured(10, 12, 1.0)
    for share in (0.3, 0.5):
        yield f"structure/unstructured 6, {share:g} missing", _missing(6, 40, share)
    for size, k in ((5, 1), (8, 2), (8, 3)):
        for start in ("data", "psi x 0.001", "psi x 100", "defaults"):
            yield f"structure/factor analytic {size}, {k}/{start}", _factors(size, k, start)
    yield "structure/reduced rank", _reduced_rank
    yield "structure/correlations 5", _correlations
    for seed in (1, 2):
        yield f"structure/two processes {seed}", _two_processes(seed)


def _unstructured(size: int, subjects: int, scale: float) -> Build:
    def build() -> Task:
        a = normal(1, size, size)
        y = drawn(a @ a.T / size + 0.3 * torch.eye(size, dtype=torch.float64), subjects, 2)
        v = repeated(UnstructuredMatrix(size), subjects)
        start = start_of(v, lambda path, low, high: math.sqrt(scale) if low == 0.0 else None)
        x = torch.eye(size, dtype=torch.float64).repeat(subjects, 1)
        return Task(v, y, x, start=start if scale != 1.0 else None)

    return build


def _unconstrained(size: int, spread: float) -> Build:
    def build() -> Task:
        subjects = size + 14
        a = normal(size, size, size)
        deviation = 10.0 ** (spread * torch.linspace(-1, 1, size, dtype=torch.float64))
        value = deviation[:, None] * (a @ a.T / size + 0.2 * torch.eye(size, dtype=torch.float64)) * deviation
        y = normal(size + 50, subjects, size) @ torch.linalg.cholesky(value).T
        x = torch.eye(size, dtype=torch.float64).repeat(subjects, 1)
        return Task(repeated(UnconstrainedMatrix(size), subjects), y.reshape(-1), x)

    return build


def _missing(size: int, subjects: int, share: float) -> Build:
    def build() -> Task:
        a = normal(4, size, size)
        y = drawn(a @ a.T / size + 0.3 * torch.eye(size, dtype=torch.float64), subjects, 5)
        kept = np.flatnonzero(uniform(6, subjects * size).numpy() > share)
        z = DummyMatrix(
            (kept // size).tolist(), (kept % size).tolist(), levels=[list(range(subjects)), list(range(size))]
        )
        v = CovariancePropagation(z=z, g=repeated(UnstructuredMatrix(size), subjects))
        x = torch.eye(size, dtype=torch.float64).repeat(subjects, 1)[kept]
        return Task(v, y[kept], x)

    return build


def _factors(size: int, k: int, which: str) -> Build:
    def build() -> Task:
        subjects = 100
        loadings = torch.tril(normal(size + k, size, k))
        y = drawn(loadings @ loadings.T + torch.diag(0.3 + uniform(5, size)), subjects, 2)
        v = repeated(FactorAnalyticMatrix(size, k), subjects)
        scale = {"psi x 0.001": 1e-3, "psi x 100": 100.0}.get(which)
        start = None
        if scale is not None:
            start = start_of(v, lambda path, low, high: scale if "psi" in path else None)
        elif which == "defaults":
            start = v.from_param_dict(None)
        return Task(v, y, torch.eye(size, dtype=torch.float64).repeat(subjects, 1), start=start)

    return build


def _reduced_rank() -> Task:
    subjects, size = 60, 5
    loadings = torch.tril(normal(4, size, 2))
    y = drawn(loadings @ loadings.T + 0.5 * torch.eye(size, dtype=torch.float64), subjects, 6)
    v = Sum(rr=repeated(ReducedRankMatrix(size, 2), subjects), e=ScalarMatrix(subjects * size))
    return Task(v, y, torch.eye(size, dtype=torch.float64).repeat(subjects, 1))


def _correlations() -> Task:
    a = normal(14, 5, 5)
    y = drawn(a @ a.T / 5.0 + 0.2 * torch.eye(5, dtype=torch.float64), 30, 15)
    x = torch.eye(5, dtype=torch.float64).repeat(30, 1)
    return Task(repeated(HeterogeneousCorrelationMatrix(5), 30), y, x)


def _two_processes(seed: int) -> Build:
    """A slow and a fast process beside measurement error, from one long series."""

    def build() -> Task:
        times = torch.arange(150, dtype=torch.float64)
        slow = OrnsteinUhlenbeckMatrix(times)
        y = drawn(slow.evaluate(torch.tensor([4.0, 20.0], dtype=torch.float64)), 1, 30 + seed)
        y = y + drawn(slow.evaluate(torch.tensor([2.0, 2.0], dtype=torch.float64)), 1, 40 + seed)
        v = Sum(slow=slow, fast=OrnsteinUhlenbeckMatrix(times), e=ScalarMatrix(150))
        values = {"slow/range": 10.0, "fast/range": 1.0}
        start = start_of(v, lambda path, low, high: values.get(path, 1.0))
        return Task(v, y + 0.7 * normal(50 + seed, 150), mean(150), start=start)

    return build
