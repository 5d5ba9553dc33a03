"""Published data: the reference cases by every engine and from far starts, and field trials."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    ExponentialMatrix,
    FactorAnalyticMatrix,
    GaussianMatrix,
    HadamardProduct,
    HeterogeneousAR1Matrix,
    IdentityMatrix,
    KroneckerProduct,
    MaternMatrix,
    Matrix,
    ScalarMatrix,
    SphericalMatrix,
    Sum,
    UnstructuredMatrix,
)
from tests.reml.corpus.task import Build, Task
from tests.reml.reml_cases import CASES, case
from tests.reml.simulated_cases import start_of

__all__ = ["published", "tables"]

TABLES = Path(__file__).parent.parent / "reference"

#: Engines that take each of the published models.
ENGINES = {
    "alpha": ("dense", "mme"),
    "oats": ("dense", "mme", "blocks"),
    "orthodont_slope": ("dense", "mme", "blocks"),
    "ovary_ar1": ("dense", "mme", "blocks"),
    "bodyweight_car1": ("dense", "mme", "blocks"),
    "sleepstudy": ("dense", "mme", "blocks"),
    "machines": ("dense", "mme", "blocks"),
    "spatial_ar1xar1": ("dense", "mme", "separable"),
}
SCALE = re.compile(r"sigma\^2$|L_(\d+)_\1$")


def published() -> Iterator[tuple[str, Build]]:
    for name in ("alpha", *CASES):
        for method in ("REML", "ML"):
            yield f"published/{name}/{method}", _published(name, method)
            for factor in (1e-3, 100.0):
                yield f"published/{name}/{method}/all x {factor:g}", _published(name, method, factor=factor)
        for engine in ENGINES[name]:
            yield f"published/{name}/{engine}", _published(name, "REML", engine)
        for seed in range(3):
            yield f"published/{name}/start {seed}", _published(name, "REML", seed=seed)
        yield f"published/{name}/zeros", _published(name, "REML", zeros=True)


def _published(
    name: str,
    method: str,
    engine: str = "auto",
    factor: float | None = None,
    seed: int | None = None,
    zeros: bool = False,
) -> Build:
    def build() -> Task:
        v, y, x, _ = case(name)
        start = None
        if factor is not None:
            start = start_of(v, lambda path, low, high: factor if SCALE.search(path) else None)
        elif seed is not None:
            rng = np.random.default_rng(seed)

            def anywhere(path: str, low: float, high: float) -> float:
                if math.isfinite(low) and math.isfinite(high):
                    return low + (high - low) * rng.uniform(0.05, 0.95)
                return 10.0 ** rng.uniform(-3.0, 3.0) if low == 0.0 else rng.normal()

            start = start_of(v, anywhere)
        elif zeros:
            # All but what V needs to exist.
            kept = ("residual", "units")
            start = start_of(
                v,
                lambda path, low, high: (
                    0.0 if path.endswith("sigma^2") and not path.startswith(kept) else None
                ),
            )
        return Task(v, y, x, method, engine, start)

    return build


# -- field trials --------------------------------------------------------------------------------------------


@cache
def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(TABLES / f"{name}.csv")


def _levels(frame: pd.DataFrame, *names: str) -> DummyMatrix:
    return DummyMatrix(*(frame[name].astype(str).tolist() for name in names), drop_empty_cols=True)


def _effect(frame: pd.DataFrame, *names: str) -> Matrix:
    z = _levels(frame, *names)
    return CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1]))


def _fixed(frame: pd.DataFrame, *names: str) -> Tensor:
    """A mean, and treatment coding of factors; numbers as they are."""
    columns = [np.ones(len(frame))]
    for name in names:
        column = frame[name]
        if column.dtype.kind in "if":
            columns.append(column.to_numpy(float))
        else:
            columns += [(column == level).to_numpy(float) for level in sorted(column.unique())[1:]]
    return torch.tensor(np.column_stack(columns))


def _y(frame: pd.DataFrame, name: str = "yield") -> Tensor:
    return torch.tensor(frame[name].to_numpy(float))


def _on_grid(
    frame: pd.DataFrame, row: str, col: str, a: Callable[[int], Matrix], b: Callable[[int], Matrix]
) -> Matrix:
    rows, cols = (list(range(int(frame[k].min()), int(frame[k].max()) + 1)) for k in (row, col))
    z = DummyMatrix(frame[row].astype(int).tolist(), frame[col].astype(int).tolist(), levels=[rows, cols])
    return CovariancePropagation(z=z, g=KroneckerProduct(row=a(len(rows)), col=b(len(cols))))


def _places(frame: pd.DataFrame, row: str, col: str) -> Tensor:
    return torch.tensor(frame[[row, col]].to_numpy(float))


def _field(
    table: str,
    genotypes: bool = True,
    nugget: bool = True,
    row: str = "row",
    col: str = "col",
    fixed: tuple[str, ...] = (),
    method: str = "REML",
    kind: str = "ar1 x ar1",
) -> Build:
    def build() -> Task:
        frame = _read(table).dropna(subset=["yield"]).reset_index(drop=True)
        terms: dict[str, Matrix] = {"gen": _effect(frame, "gen")} if genotypes else {}
        if kind == "ar1 x ar1":
            terms["field"] = _on_grid(frame, row, col, AR1CorrelationMatrix, AR1Matrix)
        elif kind == "ar1 x id":
            terms["field"] = _on_grid(frame, row, col, AR1Matrix, IdentityMatrix)
        else:
            made = {
                "exponential": ExponentialMatrix,
                "gaussian": GaussianMatrix,
                "spherical": SphericalMatrix,
                "matern": lambda places: MaternMatrix(places, nu=1.5),
            }[kind]
            terms["field"] = made(_places(frame, row, col))
        if nugget:
            terms["units"] = ScalarMatrix(len(frame))
        v = Sum(terms) if len(terms) > 1 else terms["field"]
        return Task(v, _y(frame), _fixed(frame, *fixed), method)

    return build


def tables() -> Iterator[tuple[str, Build]]:
    fields = {
        "stroup_nin": ("row", "col"),
        "gilmour_slatehall": ("row", "col"),
        "gilmour_serpentine": ("row", "col"),
        "kempton_slatehall": ("row", "col"),
        "durban_rowcol": ("row", "bed"),
        "burgueno_rowcol": ("row", "col"),
    }
    for table, (row, col) in fields.items():
        for method in ("REML", "ML"):
            yield f"tables/{table}/{method}", _field(table, row=row, col=col, method=method)
        yield f"tables/{table}/no nugget", _field(table, nugget=False, row=row, col=col)
        yield f"tables/{table}/trend", _field(table, row=row, col=col, fixed=(row, col))
        yield f"tables/{table}/field alone", _field(table, False, row=row, col=col)
        yield f"tables/{table}/columns apart", _field(table, row=row, col=col, kind="ar1 x id")
    for kind in ("exponential", "gaussian", "spherical", "matern"):
        for table in ("gilmour_slatehall", "burgueno_rowcol"):
            yield f"tables/{table}/{kind}", _field(table, False, kind=kind)
    for name, build in _others().items():
        yield f"tables/{name}", build


def _others() -> dict[str, Build]:
    def alpha() -> Task:
        frame = _read("burgueno_alpha")
        v = Sum(gen=_effect(frame, "gen"), block=_effect(frame, "rep", "block"), e=ScalarMatrix(len(frame)))
        return Task(v, _y(frame), _fixed(frame, "rep"))

    def lattice() -> Task:
        frame = _read("kempton_slatehall")
        v = Sum(
            gen=_effect(frame, "gen"),
            row=_effect(frame, "rep", "row"),
            col=_effect(frame, "rep", "col"),
            e=ScalarMatrix(len(frame)),
        )
        return Task(v, _y(frame), _fixed(frame, "rep"))

    def counties(g: Callable[[int], Matrix]) -> Build:
        def build() -> Task:
            frame = _read("theobald_barley")
            n = len(frame)
            k = frame["loc"].nunique()
            z = DummyMatrix(frame["gen"].tolist(), frame["loc"].tolist())
            terms: dict[str, Matrix] = {
                "gen": CovariancePropagation(
                    z=z, g=KroneckerProduct(gen=IdentityMatrix(frame["gen"].nunique()), loc=g(k))
                ),
                "year": _effect(frame, "loc", "year"),
                "e": ScalarMatrix(n),
            }
            return Task(Sum(terms), _y(frame), _fixed(frame, "loc", "nitro"))

        return build

    def met(g: Callable[[int], Matrix], apart: bool) -> Build:
        """Six counties: genotypes by county, and a residual variance for each."""

        def build() -> Task:
            frame = _read("besag_met").dropna(subset=["yield"]).reset_index(drop=True)
            n, k = len(frame), frame["county"].nunique()
            z = DummyMatrix(frame["gen"].tolist(), frame["county"].tolist())
            residual: Matrix = ScalarMatrix(n)
            if apart:
                own = CovariancePropagation(z=DummyMatrix(frame["county"].tolist()), g=DiagonalMatrix(k))
                residual = HadamardProduct(i=IdentityMatrix(n), county=own)
            v = Sum(
                gen=CovariancePropagation(
                    z=z, g=KroneckerProduct(gen=IdentityMatrix(frame["gen"].nunique()), county=g(k))
                ),
                block=_effect(frame, "county", "rep", "block"),
                e=residual,
            )
            return Task(v, _y(frame), _fixed(frame, "county"))

        return build

    def split(method: str) -> Build:
        def build() -> Task:
            frame = _read("gomez_multilocsplitplot")
            frame = frame.assign(nitro=frame["nitro"].astype(str))
            v = Sum(
                rep=_effect(frame, "loc", "rep"),
                whole=_effect(frame, "loc", "rep", "nitro"),
                e=ScalarMatrix(len(frame)),
            )
            return Task(v, _y(frame), _fixed(frame, "loc", "nitro", "gen"), method)

        return build

    def profiles() -> Task:
        frame = _read("durban_splitplot")
        v = Sum(
            gen=_effect(frame, "gen"),
            plot=_effect(frame, "block", "fung"),
            field=_on_grid(frame, "row", "bed", AR1CorrelationMatrix, AR1Matrix),
            e=ScalarMatrix(len(frame)),
        )
        return Task(v, _y(frame), _fixed(frame, "fung"))

    return {
        "burgueno_alpha": alpha,
        "kempton_slatehall/lattice": lattice,
        "theobald_barley/compound": counties(CompoundSymmetricMatrix),
        "theobald_barley/unstructured": counties(UnstructuredMatrix),
        "theobald_barley/factor analytic": counties(lambda k: FactorAnalyticMatrix(k, 1)),
        "theobald_barley/heterogeneous ar1": counties(HeterogeneousAR1Matrix),
        "besag_met/diagonal": met(DiagonalMatrix, True),
        "besag_met/unstructured": met(UnstructuredMatrix, True),
        "besag_met/factor analytic 1": met(lambda k: FactorAnalyticMatrix(k, 1), True),
        "besag_met/factor analytic 2": met(lambda k: FactorAnalyticMatrix(k, 2), False),
        "gomez_multilocsplitplot/REML": split("REML"),
        "gomez_multilocsplitplot/ML": split("ML"),
        "durban_splitplot": profiles,
    }
