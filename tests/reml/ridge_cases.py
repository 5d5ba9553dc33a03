"""Data with a trend, and fields that may take it up."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    ExponentialMatrix,
    KroneckerProduct,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    PowerMatrix,
    ScalarMatrix,
    SphericalMatrix,
    Sum,
)
from tests.reml.simulated_cases import normal

__all__ = ["PROCESSES", "TIMES", "factor", "grid", "mean", "trend"]

TIMES = torch.arange(60, dtype=torch.float64)

#: Structure, what of it is estimable, and how many times that is the variance of the steps of the walk.
PROCESSES: dict[str, tuple[Callable[[], Matrix], str, float]] = {
    "ar1": (lambda: AR1Matrix(60), "field/sigma^2 * (1 - field/rho^2)", 1.0),
    "power": (lambda: PowerMatrix(TIMES), "field/sigma^2 * (1 - field/rho)", 2.0),
    "ou": (lambda: OrnsteinUhlenbeckMatrix(TIMES), "field/sigma^2 / field/range", 2.0),
    "exponential": (lambda: ExponentialMatrix(TIMES[:, None]), "field/sigma^2 / field/range", 2.0),
    "spherical": (lambda: SphericalMatrix(TIMES[:, None]), "field/sigma^2 / field/range", 3.0),
}


def trend(seed: int) -> Tensor:
    return TIMES / 6.0 + normal(seed, 60)


def mean(n: int) -> Tensor:
    return torch.ones(n, 1, dtype=torch.float64)


def grid(rows: int, columns: int, seed: int, across: float = 1.0) -> tuple[Matrix, Tensor]:
    i = torch.arange(rows, dtype=torch.float64)[:, None] * 10.0 / rows
    j = torch.arange(columns, dtype=torch.float64)[None] * 10.0 / columns
    y = (i + across * j + normal(seed, rows, columns)).reshape(-1)
    field = KroneckerProduct(row=AR1Matrix(rows), col=AR1CorrelationMatrix(columns))
    return Sum(field=field, nugget=ScalarMatrix(rows * columns)), y


def factor(levels: list[int], g: Matrix) -> Matrix:
    return CovariancePropagation(z=DummyMatrix([f"{level:03d}" for level in levels]), g=g)
