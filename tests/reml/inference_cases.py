"""Mixed models of the reference data, whole and with rows left out, for tests of inference."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from covstudio.covariance import (
    CovariancePropagation,
    DummyMatrix,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
    UnconstrainedMatrix,
    UnstructuredMatrix,
)
from covstudio.reml import Inference, fit
from covstudio.reml.inference.bootstrap import refit
from tests.reml.reml_cases import REFERENCE, load


def intercepts(labels: Sequence[str]) -> Matrix:
    z = DummyMatrix(list(labels))
    return CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1]))


def without(frame: pd.DataFrame, rows: Sequence[int]) -> pd.DataFrame:
    """The frame without these rows, counted from 1 as R does."""
    return frame.drop(index=[row - 1 for row in rows]).reset_index(drop=True)


def indicators(frame: pd.DataFrame, *factors: str) -> tuple[Tensor, list[str]]:
    """Intercept and treatment contrasts, the first level in ASCII order the reference."""
    columns, names = [np.ones(len(frame))], ["(Intercept)"]
    for factor in factors:
        for level in sorted(set(frame[factor]))[1:]:
            columns.append((frame[factor] == level).to_numpy(dtype=float))
            names.append(f"{factor}{level}")
    return torch.tensor(np.column_stack(columns)), names


def told(v: Matrix, y: Tensor, x: Tensor, names: Sequence[str], engine: str = "auto") -> Inference:
    return Inference(fit(v, y, x, engine=engine), v, y, x, names=names)


@cache
def reference(name: str, engine: str = "auto") -> Inference:
    case = load(name)
    return told(case.v, case.y, case.x, case.columns, engine)


def sleepstudy(rows: Sequence[int] = (), *, linear: bool = False, slopes: bool = True) -> Inference:
    """Reaction ~ Days with Days | Subject; G by its Cholesky factor, or by its entries."""
    frame = without(pd.read_csv(REFERENCE / "sleepstudy.csv"), rows)
    days = torch.tensor(frame["Days"].to_numpy(dtype=float))
    z = DummyMatrix(frame["Subject"].tolist())
    n, subjects = z.shape
    if slopes:
        both = torch.cat([z().double(), z().double() * days[:, None]], dim=1)
        g = UnconstrainedMatrix(2) if linear else UnstructuredMatrix(2)
        subject = CovariancePropagation(z=both, g=KroneckerProduct(a=g, b=IdentityMatrix(subjects)))
    else:
        subject = CovariancePropagation(z=z, g=ScalarMatrix(subjects))
    x = torch.stack([torch.ones(n, dtype=torch.float64), days], 1)
    y = torch.tensor(frame["Reaction"].to_numpy(dtype=float))
    return told(Sum(subject=subject, residual=ScalarMatrix(n)), y, x, ["(Intercept)", "Days"])


def oats(rows: Sequence[int] = (), engine: str = "auto") -> Inference:
    """yield ~ Variety + N with Block / Variety."""
    frame = without(pd.read_csv(REFERENCE / "oats.csv", keep_default_na=False), rows)
    x, names = indicators(frame, "Variety", "N")
    v = Sum(
        block=intercepts(frame["Block"]),
        plot=intercepts(frame["Block"] + ":" + frame["Variety"]),
        residual=ScalarMatrix(len(frame)),
    )
    return told(v, torch.tensor(frame["yield"].to_numpy(dtype=float)), x, names, engine)


def machines(rows: Sequence[int] = (), *, interaction: bool = True) -> Inference:
    """score ~ Machine with Worker / Machine."""
    frame = without(pd.read_csv(REFERENCE / "machines.csv"), rows)
    x, names = indicators(frame, "Machine")
    terms = {"worker": intercepts(frame["Worker"])}
    if interaction:
        terms["both"] = intercepts(frame["Worker"] + ":" + frame["Machine"])
    v = Sum({**terms, "residual": ScalarMatrix(len(frame))})
    return told(v, torch.tensor(frame["score"].to_numpy(dtype=float)), x, names)


def one_way_data(groups: int, size: int, between: float, seed: int = 1) -> tuple[Matrix, Tensor, Tensor]:
    """A balanced one-way layout with groups of this size: V, y and X."""
    generator = torch.Generator().manual_seed(seed)
    effects = between**0.5 * torch.randn(groups, dtype=torch.float64, generator=generator)
    n = groups * size
    y = effects.repeat_interleave(size) + torch.randn(n, dtype=torch.float64, generator=generator)
    v = Sum(g=intercepts([f"g{i:03d}" for i in range(groups) for _ in range(size)]), e=ScalarMatrix(n))
    return v, y, torch.ones(n, 1, dtype=torch.float64)


def derivatives_of_the_fitted(inference: Inference) -> float:
    """The sum of d fitted_i / d y_i by central differences, the variances fitted again for each.

    For models whose last parameter is the variance of independent residuals.
    """
    binding, y = inference._binding, inference._binding.problem.y
    total, step = 0.0, 1e-3 * float(y.std())
    for i in range(len(y)):
        ends = []
        for sign in (1.0, -1.0):
            moved = y.clone()
            moved[i] += sign * step
            outcome = refit(binding, moved)
            assert outcome is not None
            ends.append(float(moved[i] - outcome.point.natural[-1] * outcome.point.py[i]))
        total += (ends[0] - ends[1]) / (2 * step)
    return total
