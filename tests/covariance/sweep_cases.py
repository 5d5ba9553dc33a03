"""Ways to build every leaf of the catalogue, by size and option, for the sweep over |theta| <= 10."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

import covstudio.covariance as cov
from covstudio.covariance import Matrix

DOUBLE = torch.float64
SIZES = (2, 3, 12, 30)
#: Places of rows: some of them in one place, on a grid, far from 0, near one another, of all sizes.
KINDS = ("random", "coincident", "grid", "large", "small", "mixed")

Way = tuple[str, Callable[[], Matrix]]

SIZED = (
    "IdentityMatrix",
    "ScalarMatrix",
    "DiagonalMatrix",
    "EqualEntryMatrix",
    "EquicorrelationMatrix",
    "CompoundSymmetricMatrix",
    "HeterogeneousCompoundSymmetricMatrix",
    "HuynhFeldtMatrix",
    "UnconstrainedMatrix",
    "UnstructuredMatrix",
    "CorrelationMatrix",
    "HeterogeneousCorrelationMatrix",
    "AR1Matrix",
    "AR1CorrelationMatrix",
    "HeterogeneousAR1Matrix",
)
WITH_ORDER = (
    ("FactorAnalyticMatrix", "k"),
    ("ReducedRankMatrix", "k"),
    ("AntedependenceMatrix", "k"),
    ("ToeplitzMatrix", "bands"),
    ("HeterogeneousToeplitzMatrix", "bands"),
)
SPATIAL: tuple[tuple[str, int, tuple[dict[str, str], ...]], ...] = (
    ("ExponentialMatrix", 6, ({}, {"metric": "cityblock"})),
    ("GaussianMatrix", 6, ({},)),
    ("MaternMatrix", 6, tuple({"nu": nu} for nu in ("1/2", "3/2", "5/2", "estimated"))),
    ("SphericalMatrix", 3, ({},)),
    ("CircularMatrix", 2, ({},)),
    ("RationalQuadraticMatrix", 6, ({},)),
    ("PowerMatrix", 6, ({}, {"metric": "cityblock"})),
    ("DampedCosineMatrix", 6, ({},)),
    ("PeriodicMatrix", 6, ({},)),
)
ON_EARTH: tuple[tuple[str, dict[str, str]], ...] = (
    *((name, {"metric": "chordal"}) for name in ("ExponentialMatrix", "GaussianMatrix", "SphericalMatrix")),
    *((name, {"metric": "chordal"}) for name in ("RationalQuadraticMatrix", "DampedCosineMatrix")),
    *((name, {"metric": "great-circle"}) for name in ("ExponentialMatrix", "PowerMatrix")),
    *(("MaternMatrix", {"metric": "great-circle", "nu": nu}) for nu in ("1/2", "estimated")),
)


def places(n: int, dimensions: int, kind: str) -> Tensor:
    """Coordinates of n rows, reproducible, shape (n, dimensions)."""
    generator = torch.Generator().manual_seed(1000 * n + 10 * dimensions)
    unit = torch.rand((n, dimensions), generator=generator, dtype=DOUBLE)
    if kind == "coincident":
        unit[-1] = unit[0]
    if kind == "grid":
        return torch.arange(n, dtype=DOUBLE)[:, None] + torch.arange(dimensions, dtype=DOUBLE) ** 2
    if kind == "large":
        return 1e6 + 1e3 * unit
    if kind == "small":
        return 1e-6 * unit
    if kind == "mixed":
        return unit * 10.0 ** (6.0 * unit.flip(0) - 3.0)
    return 10.0 * unit


def on_earth(n: int) -> Tensor:
    """Latitudes and longitudes, two of them antipodes."""
    unit = places(n, 2, "random") / 10.0
    table = torch.stack([180.0 * unit[:, 0] - 90.0, 360.0 * unit[:, 1] - 180.0], 1)
    opposite = table[0] * torch.tensor([-1.0, 1.0], dtype=DOUBLE)
    opposite[1] += 180.0 if float(opposite[1]) < 0 else -180.0
    table[-1] = opposite
    return table


def _way(name: str, *arguments: object, **options: object) -> Way:
    shown = [
        f"{tuple(argument.shape)}" if isinstance(argument, Tensor) else str(argument)
        for argument in arguments
    ]
    text = ", ".join([*shown, *(f"{key}={value}" for key, value in options.items())])
    return f"{name}({text})", partial(getattr(cov, name), *arguments, **options)


def _by_size() -> Iterator[Way]:
    for n in SIZES:
        for name in SIZED:
            yield _way(name, n)
        yield _way("EqualEntryMatrix", n, 3)
        for m in {1, n}:
            yield _way("LowerTriangularMatrix", n, m)
        orders = sorted({1, n // 2, n - 1}) if n <= 12 else [2]
        for (name, word), k in itertools.product(WITH_ORDER, orders):
            yield _way(name, n, **{word: k})
            if name == "FactorAnalyticMatrix":
                yield _way(name, n, k=k, equal_psi=True)
        yield _way("ToeplitzMatrix", n)
        for p in {min(p, n - 1) for p in (1, 2, 5)}:
            yield _way("ARMatrix", n, p)
            yield _way("MAMatrix", n, p)
        for p, q in ((1, 1), (1, 4), (3, 2)):
            if p + q < n:
                yield _way("ARMAMatrix", n, p, q)
        for order in (1, 2):
            if order < n:
                yield _way("SymmetricARMatrix", n, order)
        table = places(n, n, "random")
        yield _way("KnownMatrix", table @ table.T)
        yield _way("KnownMatrix", table[:, :1] @ table[:, :1].T)


def _by_coordinates() -> Iterator[Way]:
    kinds = itertools.cycle(KINDS)
    for name, most, choices in SPATIAL:
        for choice, d in itertools.product(choices, [d for d in (1, 2, 3, 6) if d <= most]):
            yield _way(name, places(12, d, next(kinds)), **choice)
            if d > 1 and (name != "PowerMatrix" or choice):
                yield _way(name, places(12, d, next(kinds)), anisotropic=True, **choice)
        for n in (2, 3, 30):
            yield _way(name, places(n, 1, next(kinds)), **choices[-1])
    for kind in KINDS:
        yield _way("PeriodicMatrix", places(30, 1, kind))
        yield _way("LinearDistanceMatrix", places(12, 1, kind))
        if kind != "coincident":
            times = places(12, 1, kind)[:, 0] + 1.0
            for name in ("OrnsteinUhlenbeckMatrix", "RandomWalkMatrix", "IntegratedRandomWalkMatrix"):
                yield _way(name, times)
        for degree in () if kind == "large" else (1, 3):
            yield _way("PolynomialMatrix", places(12, degree, kind), degree=degree)
        if kind != "large":
            yield _way("DotProductMatrix", places(12, 2, kind))
    for name, choice in ON_EARTH:
        yield _way(name, on_earth(12), **choice)


def _by_columns() -> Iterator[Way]:
    column = places(12, 1, "random")[:, 0]
    for scale in (1e-2, 1e-1, 1.0):
        for name in ("PowerVarianceMatrix", "ExponentialVarianceMatrix", "ConstantPowerVarianceMatrix"):
            yield _way(name, column * scale)
    with_zero = column.clone()
    with_zero[0] = 0.0
    yield _way("ConstantPowerVarianceMatrix", with_zero)
    labels = [k % 5 for k in range(12)]
    for first, empty in itertools.product((False, True), repeat=2):
        yield _way("DummyMatrix", labels, drop_first=first, drop_empty_cols=empty)
    for basis, intercept in itertools.product(
        ("columns", "polynomial", "orthogonal", "legendre", "normalised legendre", "b-spline"), (False, True)
    ):
        knots = 3 if basis == "b-spline" else 0
        yield _way("DesignMatrix", column, basis=basis, degree=2, knots=knots, intercept=intercept)


WAYS: list[Way] = [*_by_size(), *_by_coordinates(), *_by_columns()]
