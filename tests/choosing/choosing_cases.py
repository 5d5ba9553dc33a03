"""Data drawn from models that are known, with the model to begin with and the change that is the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Case:
    """A model that data are drawn from.

    Attributes:
        draw: a table, from a generator.
        start: the formula to begin with.
        truth: what every change on the way to the truth begins with; none where it is the start.
        words: for the formula.
    """

    draw: Callable[[np.random.Generator], pd.DataFrame]
    start: str
    truth: tuple[str, ...]
    words: dict[str, Any] = field(default_factory=dict)


def subjects(generator: np.random.Generator, count: int = 20, times: int = 8) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "subject": np.repeat([f"s{k:02d}" for k in range(count)], times),
            "time": np.tile(np.arange(1.0, times + 1.0), count),
            "group": np.repeat([f"g{k % 2}" for k in range(count)], times),
        }
    )
    frame["y"] = 10.0 + 0.2 * frame["time"] + generator.normal(0.0, 1.0, count).repeat(times)
    return frame


def series(generator: np.random.Generator) -> pd.DataFrame:
    frame = subjects(generator)
    noise = generator.normal(0.0, 1.0, (20, 8))
    for t in range(1, 8):
        noise[:, t] = 0.7 * noise[:, t - 1] + np.sqrt(1 - 0.7**2) * noise[:, t]
    frame["y"] += noise.ravel()
    return frame


def slopes(generator: np.random.Generator) -> pd.DataFrame:
    frame = subjects(generator)
    frame["y"] += generator.normal(0.0, 0.4, 20).repeat(8) * frame["time"] + generator.normal(0.0, 1.0, 160)
    return frame


def unequal(generator: np.random.Generator) -> pd.DataFrame:
    frame = subjects(generator)
    frame["y"] += generator.normal(0.0, 1.0, 160) * np.where(frame["group"] == "g0", 0.6, 1.5)
    return frame


def nothing(generator: np.random.Generator) -> pd.DataFrame:
    frame = subjects(generator)
    frame["y"] += generator.normal(0.0, 1.0, 160)
    return frame


def trial(
    generator: np.random.Generator, rows: int = 12, columns: int = 16, genotypes: int = 48
) -> pd.DataFrame:
    plots = rows * columns
    reps = plots // genotypes
    frame = pd.DataFrame(
        {
            "row": np.repeat(np.arange(1, rows + 1), columns),
            "col": np.tile(np.arange(1, columns + 1), rows),
            "rep": np.repeat([f"R{k + 1}" for k in range(reps)], genotypes),
        }
    )
    names = np.array([f"G{k:02d}" for k in range(genotypes)])
    frame["gen"] = np.concatenate([generator.permutation(names) for _ in range(reps)])
    values = dict(zip(names, generator.normal(0.0, 1.0, genotypes), strict=True))
    frame["yield"] = 50.0 + frame["gen"].map(values)
    return frame


def spatial(generator: np.random.Generator) -> pd.DataFrame:
    frame = trial(generator)
    one, other = (0.9 ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))) for n in (12, 16))
    drift = np.linalg.cholesky(one) @ generator.normal(0.0, 1.5, (12, 16)) @ np.linalg.cholesky(other).T
    frame["yield"] += drift.ravel() + generator.normal(0.0, 0.8, 192)
    return frame


def blocked(generator: np.random.Generator) -> pd.DataFrame:
    frame = trial(generator, 10, 12, 60)
    frame["block"] = [f"B{k:02d}" for k in (np.arange(120) // 6)]
    frame["yield"] += generator.normal(0.0, 1.0, 20).repeat(6) + generator.normal(0.0, 0.7, 120)
    # Where the plots lay is not known.
    return frame.drop(columns=["row", "col"])


CASES = {
    "AR(1) within subjects": Case(series, "y ~ time + (1 | subject)", ("AR(1) over time within subject",)),
    "random slopes": Case(
        slopes, "y ~ time + (1 | subject)", ("random intercepts and slopes of time for subject",)
    ),
    "variances by group": Case(unequal, "y ~ time + (1 | subject)", ("a residual variance for each group",)),
    "a field and a nugget": Case(
        spatial, "yield ~ rep + (1 | gen)", ("AR(1) x AR(1) over row and col beside",)
    ),
    "blocks": Case(blocked, "yield ~ rep + (1 | gen)", ("random effects of block",)),
    "nothing more": Case(nothing, "y ~ time + (1 | subject)", ()),
}
