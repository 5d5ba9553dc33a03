"""Estimates at the ends of their ranges, and data that leave a likelihood degenerate."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    ARMatrix,
    CompoundSymmetricMatrix,
    ConstantPowerVarianceMatrix,
    CovariancePropagation,
    DiagonalMatrix,
    ExponentialMatrix,
    FactorAnalyticMatrix,
    GaussianMatrix,
    HadamardProduct,
    IdentityMatrix,
    Inverse,
    KroneckerProduct,
    Matrix,
    PowerVarianceMatrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from tests.reml.corpus.task import Build, Task
from tests.reml.reml_cases import one_way
from tests.reml.ridge_cases import mean
from tests.reml.simulated_cases import PLACES, VARIATES, drawn, effects, normal, repeated, start_of

__all__ = ["boundaries", "degenerate"]


# -- boundaries ----------------------------------------------------------------------------------------------


def boundaries() -> Iterator[tuple[str, Build]]:
    for seed in range(4):
        for method in ("REML", "ML"):
            yield f"boundary/crossed {seed}/{method}", _crossed(seed, method)
        yield f"boundary/crossed {seed}/zeros", _crossed(seed, "REML", zeros=True)
    yield "boundary/one way", _small([1.0, 9.0, 2.0, 8.0, 3.0, 7.5], ["a", "a", "b", "b", "c", "c"])
    yield "boundary/one way, ar1", _small([1.0, 9.0, 2.0, 8.0, 3.0, 7.5], [*"aabbcc"], AR1Matrix(3))
    for seed in range(6):
        for sign in (1.0, -1.0):
            yield f"boundary/slopes {seed}, correlation {sign:+g}", _slopes(seed, sign)
        yield f"boundary/slopes {seed}, from the wrong side", _slopes(seed, -0.9, wrong=True)
        yield f"boundary/no slopes {seed}", _slopes(seed, 0.0)
    for sign in (1.0, -1.0):
        for method in ("REML", "ML"):
            yield f"boundary/rho = {sign:g}/{method}", _edge(sign, method)
    for rho in (-0.999, 0.999999):
        yield f"boundary/rho from {rho:g}", _from_edge(rho)
    yield "boundary/constant of a variance function", _constant
    yield "boundary/residual beside an inverse", _beside_inverse
    yield "boundary/short range", _short_range
    yield "boundary/field at zero, wrong correlation", _asleep
    yield "boundary/field that falls asleep", _falls_asleep
    for seed in range(3):
        yield f"boundary/kronecker with no variance {seed}", _dead_field(seed)
        yield f"boundary/factor analytic, psi = 0 {seed}", _heywood(seed)


def _crossed(seed: int, method: str, zeros: bool = False) -> Build:
    def build() -> Task:
        genotypes = [f"g{i:02d}" for i in range(20) for _ in range(6)]
        blocks = [f"b{j}" for _ in range(20) for j in range(6)]
        y = 0.5 * normal(10 * seed, 20).repeat_interleave(6) + normal(10 * seed + 2, 120)
        v = Sum(gen=effects(genotypes), block=effects(blocks), residual=ScalarMatrix(120))
        start = start_of(v, lambda path, low, high: 0.0 if "g/" in path else 1.0) if zeros else None
        return Task(v, y, mean(120), method, start=start)

    return build


def _small(values: list[float], labels: list[str], g: Matrix | None = None) -> Build:
    def build() -> Task:
        n = len(values)
        y = torch.tensor(values, dtype=torch.float64)
        return Task(Sum(g=effects(labels, g), e=ScalarMatrix(n)), y, mean(n))

    return build


def _slopes(seed: int, correlation: float, wrong: bool = False) -> Build:
    """Random intercepts and slopes in (almost) exact proportion; without any for a correlation of 0."""

    def build() -> Task:
        subjects, times = 20, 5
        t = torch.arange(times, dtype=torch.float64).repeat(subjects)
        z0 = torch.eye(subjects, dtype=torch.float64).repeat_interleave(times, dim=0)
        u = normal(3 + seed, subjects)
        other = normal(40 + seed, subjects)
        w = correlation * u + math.sqrt(1.0 - correlation**2) * other if correlation else 0.0 * u
        y = z0 @ (2.0 * u) + t * (z0 @ (0.5 * w)) + 3.0 * normal(80 + seed, len(t))
        z = torch.cat([z0, z0 * t.unsqueeze(1)], dim=1)
        g = KroneckerProduct(a=UnstructuredMatrix(2), b=IdentityMatrix(subjects))
        v = Sum(subject=CovariancePropagation(z=z, g=g), residual=ScalarMatrix(len(t)))
        start = None
        if wrong:
            values = {"L_0_0": 0.3, "L_1_0": 2.0, "L_1_1": 0.3}
            start = start_of(v, lambda path, low, high: values.get(path.rsplit("/", 1)[-1]))
        return Task(v, y, torch.stack([torch.ones_like(t), t], dim=1), start=start)

    return build


def _edge(sign: float, method: str) -> Build:
    def build() -> Task:
        rows, n = 8, 10
        steps = sign ** torch.arange(n, dtype=torch.float64)
        y = (3.0 * normal(5, rows, 1) * steps).reshape(-1) + normal(6, rows * n)
        v = Sum(field=repeated(AR1Matrix(n), rows), nugget=ScalarMatrix(rows * n))
        return Task(v, y, mean(rows * n), method)

    return build


def _from_edge(rho: float) -> Build:
    def build() -> Task:
        rows, n = 10, 6
        y = drawn(AR1Matrix(n).evaluate(torch.tensor([2.0, 0.5], dtype=torch.float64)), rows, 9)
        v = Sum(field=repeated(AR1Matrix(n), rows), nugget=ScalarMatrix(rows * n))
        start = start_of(v, lambda path, low, high: rho if path.endswith("rho") else 1.0)
        return Task(v, y + 0.5 * normal(10, rows * n), mean(rows * n), start=start)

    return build


def _constant() -> Task:
    y = normal(1, 600) * (VARIATES**0.5).repeat(15)
    return Task(repeated(ConstantPowerVarianceMatrix(VARIATES), 15), y, mean(600))


def _beside_inverse() -> Task:
    u = normal(0, 6).reshape(2, 3, 1)
    generator = torch.Generator().manual_seed(0)
    torch.randn(6, dtype=torch.float64, generator=generator)
    y = 3.0 * (u[0] + u[1] * torch.arange(4)).reshape(-1)
    y = y + torch.randn(12, dtype=torch.float64, generator=generator)
    return Task(Sum(a=Inverse(AR1Matrix(12)), e=ScalarMatrix(12)), y, mean(12))


def _short_range() -> Task:
    """A start where the field is too short to tell from a nugget."""
    n = 120
    structure = ExponentialMatrix(PLACES)
    y = drawn(structure.evaluate(torch.tensor([2.0, 2.0], dtype=torch.float64)), 3, 3)
    v = Sum(field=repeated(structure, 3), units=ScalarMatrix(n))
    start = start_of(v, lambda path, low, high: 1e-4 if path.endswith("range") else 1.0)
    return Task(v, y + 0.5 * normal(4, n), mean(n), start=start)


def _asleep() -> Task:
    """A field of variance 0 under a wrong correlation."""
    rows, n = 10, 8
    y = drawn(AR1Matrix(n).evaluate(torch.tensor([2.0, 0.8], dtype=torch.float64)), rows, 19)
    v = Sum(field=repeated(AR1Matrix(n), rows), nugget=ScalarMatrix(rows * n))
    values = {"rho": -0.9, "field/time/sigma^2": 0.0}
    start = start_of(v, lambda path, low, high: values.get(path, values.get(path.rsplit("/", 1)[-1])))
    return Task(v, y + normal(20, rows * n), mean(rows * n), start=start)


def _falls_asleep() -> Task:
    """Noise, in which the variance of a field reaches 0 before its correlations are where it would not."""
    rows, n = 6, 8
    v = Sum(field=repeated(ARMatrix(n, 2), rows), nugget=ScalarMatrix(rows * n))
    return Task(v, normal(747, rows * n), mean(rows * n))


def _dead_field(seed: int) -> Build:
    def build() -> Task:
        rows, columns = 8, 9
        field = KroneckerProduct(row=AR1CorrelationMatrix(rows), col=AR1Matrix(columns))
        labels = [f"g{i % 12}" for i in range(rows * columns)]
        v = Sum(gen=effects(labels), field=field, units=ScalarMatrix(rows * columns))
        return Task(v, normal(60 + seed, rows * columns), mean(rows * columns))

    return build


def _heywood(seed: int) -> Build:
    """One visit that is a copy of the factor: its uniqueness is estimated as 0."""

    def build() -> Task:
        subjects, size = 40, 5
        factor_ = normal(90 + seed, subjects, 1)
        y = factor_ * torch.tensor([1.0, 2.0, 1.0, 0.5, 1.5]) + 0.7 * normal(95 + seed, subjects, size)
        y[:, 1] = 2.0 * factor_[:, 0] + 0.01 * normal(99 + seed, subjects)
        x = torch.eye(size, dtype=torch.float64).repeat(subjects, 1)
        return Task(repeated(FactorAnalyticMatrix(size, 1), subjects), y.reshape(-1), x)

    return build


# -- what degenerates ----------------------------------------------------------------------------------------


def degenerate() -> Iterator[tuple[str, Build]]:
    for noise in (1e-2, 1e-4, 1e-6):
        yield f"degenerate/residual {noise:g}", _little_noise(noise)
    for scale in (1e-8, 1e-4, 1e4, 1e8):
        yield f"degenerate/units {scale:g}", _units(scale)
    for size in (2, 3, 4):
        for seed in (0, 1, 2):
            yield f"degenerate/{size} groups of 2, {seed}", _few(size, seed)
    yield "degenerate/twice the same", _twice
    yield "degenerate/no replication", _no_replication
    yield "degenerate/two scales", _two_scales
    yield "degenerate/scale beside a factor", _scale_and_factor
    yield "degenerate/unstructured and residual", _unstructured_and_residual
    yield "degenerate/a variance per place and a residual", _variance_per_place
    yield "degenerate/compound symmetry among fixed means", _compound_fixed
    for method in ("REML", "ML"):
        yield f"degenerate/one level/{method}", _one_level(method)
    yield "degenerate/almost the same", _almost
    yield "degenerate/smooth field, no nugget", _smooth
    yield "degenerate/four rows", _four_rows
    yield "degenerate/variance function, few", _few_variances


def _little_noise(noise: float) -> Build:
    def build() -> Task:
        labels = [f"g{i}" for i in range(8) for _ in range(4)]
        y = 2.0 * normal(1, 8).repeat_interleave(4) + noise * normal(2, 32)
        return Task(Sum(g=effects(labels), e=ScalarMatrix(32)), y, mean(32))

    return build


def _units(scale: float) -> Build:
    def build() -> Task:
        rows, n = 6, 8
        y = drawn(AR1Matrix(n).evaluate(torch.tensor([2.0, 0.6], dtype=torch.float64)), rows, 29)
        v = Sum(field=repeated(AR1Matrix(n), rows), nugget=ScalarMatrix(rows * n))
        return Task(v, scale * (y + 0.8 * normal(31, rows * n)), mean(rows * n))

    return build


def _few(size: int, seed: int) -> Build:
    def build() -> Task:
        y = normal(300 + seed, size).repeat_interleave(2) + normal(310 + seed, 2 * size)
        return Task(one_way(size, 2), y, mean(2 * size))

    return build


Y = normal(1, 12) + torch.arange(12, dtype=torch.float64) % 3
THREE = ["a", "b", "c"] * 4
SINGLES = [f"g{i:02d}" for i in range(12)]


def _twice() -> Task:
    return Task(Sum(one=effects(THREE), two=effects(THREE), residual=ScalarMatrix(12)), Y, mean(12))


def _no_replication() -> Task:
    return Task(Sum(gen=effects(SINGLES), b=ScalarMatrix(12), residual=ScalarMatrix(12)), Y, mean(12))


def _two_scales() -> Task:
    y = normal(5, 6, 8).cumsum(1).reshape(-1)
    return Task(KroneckerProduct(row=AR1Matrix(6), col=AR1Matrix(8)), y, mean(48))


def _scale_and_factor() -> Task:
    v = KroneckerProduct(subject=ScalarMatrix(12), time=UnstructuredMatrix(3))
    return Task(v, normal(6, 36), torch.eye(3, dtype=torch.float64).repeat(12, 1))


def _unstructured_and_residual() -> Task:
    y = normal(7, 20, 3) @ torch.linalg.cholesky(torch.eye(3, dtype=torch.float64) + 1.0).T
    v = Sum(t=repeated(UnstructuredMatrix(3), 20), residual=ScalarMatrix(60))
    return Task(v, y.reshape(-1), torch.eye(3, dtype=torch.float64).repeat(20, 1))


def _variance_per_place() -> Task:
    place = HadamardProduct(i=IdentityMatrix(12), t=effects(["a", "b"] * 6, DiagonalMatrix(2)))
    return Task(Sum(place=place, residual=ScalarMatrix(12)), Y, mean(12))


def _compound_fixed() -> Task:
    v = Sum(cs=effects(THREE, CompoundSymmetricMatrix(3)), residual=ScalarMatrix(12))
    return Task(v, Y, torch.ones(12, 1, dtype=torch.float64))


def _one_level(method: str) -> Build:
    return lambda: Task(Sum(gen=effects(["a"] * 12), residual=ScalarMatrix(12)), Y, mean(12), method)


def _almost() -> Task:
    labels = [f"g{i % 10}" for i in range(60)]
    other = ["g5", *labels[1:]]
    y = normal(9, 10).repeat(6) + normal(10, 60)
    return Task(Sum(one=effects(labels), two=effects(other), e=ScalarMatrix(60)), y, mean(60))


def _smooth() -> Task:
    places = torch.arange(25, dtype=torch.float64)[:, None]
    y = torch.sin(places[:, 0] / 4.0) + 0.05 * normal(3, 25)
    return Task(Sum(field=GaussianMatrix(places), e=ScalarMatrix(25)), y, mean(25))


def _four_rows() -> Task:
    y = torch.tensor([1.0, 2.0, 4.0, 8.5], dtype=torch.float64)
    return Task(Sum(g=effects(["a", "a", "b", "b"]), field=AR1Matrix(4), e=ScalarMatrix(4)), y, mean(4))


def _few_variances() -> Task:
    return Task(PowerVarianceMatrix(VARIATES[:12]), Y, mean(12))
