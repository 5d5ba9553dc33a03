"""The seven reference cases and the alpha design, each V built from covstudio's own classes.

`load(name)` gives a `Case`: data, the tree of V, and how the recorded variance parameters follow from the
natural values of a fit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    HadamardProduct,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import Fit

REFERENCE = Path(__file__).parent / "reference"
CASES: tuple[str, ...] = (
    "oats",
    "orthodont_slope",
    "ovary_ar1",
    "bodyweight_car1",
    "sleepstudy",
    "machines",
    "spatial_ar1xar1",
)

Natural = Mapping[str, float]


@dataclass(frozen=True)
class Case:
    """One reference case.

    Attributes:
        recorded: from natural values by path to the variance parameters under their recorded names.
        estimates: the `estimates` entry of cases.json.
        labels: random term -> labels of its effects as cases.json writes them.
    """

    name: str
    v: Matrix
    y: Tensor
    x: Tensor
    columns: tuple[str, ...]
    estimates: Mapping[str, Any]
    recorded: Callable[[Natural], dict[str, float]]
    labels: Mapping[str, list[str]] = field(default_factory=dict)


@cache
def _entries() -> dict[str, Any]:
    return {case["name"]: case for case in json.loads((REFERENCE / "cases.json").read_text())}


def load(name: str) -> Case:
    """Read a case and build its V."""
    entry = _entries()[name]
    frame = pd.read_csv(REFERENCE / entry["csv"], keep_default_na=False)
    builder = _Builder(frame)
    terms: dict[str, Matrix] = {}
    for term in entry["structure"]["terms"]:
        terms[_operand_name(term["name"])] = getattr(builder, term["type"])(term)
    columns = entry["fixed"]["columns"]
    return Case(
        name=name,
        v=Sum(terms),
        y=torch.tensor(frame[entry["response"]].to_numpy(dtype=float)),
        x=torch.tensor(np.column_stack([_column(column, frame) for column in columns])),
        columns=tuple(column["name"] for column in columns),
        estimates=entry["estimates"],
        recorded=lambda natural: {k: v for part in builder.recorded for k, v in part(natural).items()},
        labels=builder.labels,
    )


def alpha_design() -> tuple[Matrix, Tensor, Tensor]:
    """V, y, X of the alpha design of John & Williams (1995): gen and block within rep random, rep fixed."""
    frame = pd.read_csv(REFERENCE / "john_alpha.csv")
    rep, block, gen = (frame[c].astype(str).tolist() for c in ("rep", "block", "gen"))
    v = Sum(
        gen=CovariancePropagation(z=DummyMatrix(gen), g=ScalarMatrix(24)),
        block=CovariancePropagation(z=DummyMatrix(rep, block), g=ScalarMatrix(18)),
        residual=ScalarMatrix(72),
    )
    x = torch.stack(
        [torch.ones(72), *(torch.tensor([float(r == level) for r in rep]) for level in sorted(set(rep))[1:])],
        1,
    )
    return v, torch.tensor(frame["yield"].to_numpy(dtype=float)), x.to(torch.float64)


def _operand_name(name: str) -> str:
    return name.replace(":", "_")


def _column(column: Mapping[str, Any], frame: pd.DataFrame) -> np.ndarray:
    values = np.ones(len(frame))
    for part in column["product"]:
        if "factor" in part:
            values = values * (frame[part["factor"]].astype(str) == part["level"]).to_numpy(dtype=float)
        else:
            values = values * frame[part["covariate"]].to_numpy(dtype=float) ** part.get("power", 1)
    return values


class _Builder:
    """Turns the entries of `structure.terms` into matrices; one method per term type."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.n = len(frame)
        self.labels: dict[str, list[str]] = {}
        self.recorded: list[Callable[[Natural], dict[str, float]]] = []

    def _take(self, **sources: str) -> None:
        """Record parameters that are natural values as they are: recorded name -> path."""
        self.recorded.append(lambda natural: {name: natural[path] for name, path in sources.items()})

    def _same(self, factor: str) -> Tensor:
        codes = pd.factorize(self.frame[factor])[0]
        return torch.tensor((codes[:, None] == codes[None, :]).astype(float))

    def _incidence(self, *factors: str) -> DummyMatrix:
        return DummyMatrix(*(self.frame[f].astype(str).tolist() for f in factors), drop_empty_cols=True)

    def random_intercept(self, term: Mapping[str, Any]) -> Matrix:
        return self.nested({**term, "factors": [term["factor"]]})

    def nested(self, term: Mapping[str, Any]) -> Matrix:
        z = self._incidence(*term["factors"])
        self.labels[term["name"]] = [name.replace("\u22c8", ":") for name in z.colnames]
        self._take(**{term["variance"]: f"{_operand_name(term['name'])}/g/sigma^2"})
        return CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1]))

    def random_slope_us(self, term: Mapping[str, Any]) -> Matrix:
        incidence = self._incidence(term["factor"])
        z = incidence().to(torch.float64)
        levels = incidence.colnames
        covariates = [
            torch.ones(self.n) if c == "1" else torch.tensor(self.frame[c].to_numpy(dtype=float))
            for c in term["covariates"]
        ]
        self.labels[term["name"]] = [f"{level}|{c}" for c in term["covariates"] for level in levels]
        path = _operand_name(term["name"])
        size = len(covariates)

        def entries(natural: Natural) -> dict[str, float]:
            factor = np.zeros((size, size))
            for i in range(size):
                for j in range(i + 1):
                    factor[i, j] = natural[f"{path}/g/a/L_{i}_{j}"]
            g = factor @ factor.T
            return {term["params"][i][j]: g[i, j] for i in range(size) for j in range(i + 1)}

        self.recorded.append(entries)
        return CovariancePropagation(
            z=torch.cat([z * c.to(torch.float64).unsqueeze(1) for c in covariates], dim=1),
            g=KroneckerProduct(a=UnstructuredMatrix(size), b=IdentityMatrix(len(levels))),
        )

    def ar1xar1(self, term: Mapping[str, Any]) -> Matrix:
        row, col = self.frame[term["row"]].tolist(), self.frame[term["col"]].tolist()
        rows, cols = sorted(set(row)), sorted(set(col))
        assert rows == list(range(min(rows), max(rows) + 1))
        assert cols == list(range(min(cols), max(cols) + 1))
        self.labels[term["name"]] = [f"row{i}:col{j}" for i in rows for j in cols]
        path = _operand_name(term["name"])
        self._take(
            **{
                term["variance"]: f"{path}/g/col/sigma^2",
                term["rho_row"]: f"{path}/g/row/rho",
                term["rho_col"]: f"{path}/g/col/rho",
            }
        )
        return CovariancePropagation(
            z=DummyMatrix(row, col, levels=[rows, cols]),
            g=KroneckerProduct(row=AR1CorrelationMatrix(len(rows)), col=AR1Matrix(len(cols))),
        )

    def residual_iid(self, term: Mapping[str, Any]) -> Matrix:
        self._take(**{term["variance"]: "residual/sigma^2"})
        return ScalarMatrix(self.n)

    def residual_ar1(self, term: Mapping[str, Any]) -> Matrix:
        time, within = self.frame[term["time"]].to_numpy(), self.frame[term["within"]]
        for _, rows in self.frame.groupby(within).indices.items():
            # Within a subject the rows follow each other in time, so that |i - j| is the lag.
            assert (np.diff(rows) == 1).all()
            assert (np.diff(time[rows]) == 1).all()
        self._take(**{term["variance"]: "residual/series/sigma^2", term["rho"]: "residual/series/rho"})
        return HadamardProduct(subject=self._same(term["within"]), series=AR1Matrix(self.n))

    def residual_car1(self, term: Mapping[str, Any]) -> Matrix:
        times = torch.tensor(self.frame[term["time"]].to_numpy(dtype=float))
        self._take(**{term["variance"]: "residual/series/sigma^2"})
        self.recorded.append(
            lambda natural: {term["rho"]: float(np.exp(-1.0 / natural["residual/series/range"]))}
        )
        series = OrnsteinUhlenbeckMatrix(times, shared_times=True)
        return HadamardProduct(subject=self._same(term["within"]), series=series)


def one_way(groups: int, size: int) -> Matrix:
    labels = [f"g{i:03d}" for i in range(groups) for _ in range(size)]
    n = groups * size
    return Sum(g=CovariancePropagation(z=DummyMatrix(labels), g=ScalarMatrix(groups)), e=ScalarMatrix(n))


def assert_monotone(result: Fit) -> None:
    logliks = [iteration.loglik for iteration in result.history]
    assert all(after >= before - 1e-8 for before, after in pairwise(logliks))


def case(name: str) -> tuple[Matrix, Tensor, Tensor, float]:
    if name == "alpha":
        return (*alpha_design(), 16.80984867)
    loaded = load(name)
    return loaded.v, loaded.y, loaded.x, loaded.estimates["kernel_loglik"]
