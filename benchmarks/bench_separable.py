"""Fields on grids: what an iteration of the separable engine takes, against its budget and the dense engine.

AR1 (x) AR1 on a grid, with or without a nugget, missing cells and genotypes. An iteration is one point with
its score and average information, every time at new correlations, so that nothing is known from before. Where
V can be written out, an iteration of the dense engine runs in turns with it. Medians, and the whole fit.

    python -m benchmarks.bench_separable [--smoke]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
)
from covstudio.reml import fit
from covstudio.reml.engines.dense.engine import DenseEngine
from covstudio.reml.engines.separable.engine import SeparableEngine
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import prepare
from covstudio.reml.terms.variance import Variance
from covstudio.threads import blas_threads

Trial = tuple[Matrix, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Case:
    """A trial to fit.

    Attributes:
        rows: rows of the grid.
        columns: columns of the grid.
        missing: cells without a plot.
        genotypes: number of genotypes; 0 for a field alone.
        nugget: whether plots have a variance of their own.
        budget: seconds an iteration may take; None where none is set.
        dense: whether the dense engine runs beside it.
    """

    rows: int
    columns: int
    missing: int = 0
    genotypes: int = 0
    nugget: bool = True
    budget: float | None = None
    dense: bool = False

    @property
    def words(self) -> str:
        """The case in a few words."""
        parts = [f"{self.rows} x {self.columns}"]
        if self.missing:
            parts.append(f"{self.missing} missing")
        if self.genotypes:
            parts.append(f"{self.genotypes} genotypes")
        parts.append("nugget" if self.nugget else "no nugget")
        return ", ".join(parts)


CASES = (
    Case(100, 100, budget=0.05),
    Case(100, 100, missing=100),
    Case(100, 100, missing=1000),
    Case(100, 100, nugget=False),
    Case(50, 50, genotypes=200, budget=0.5, dense=True),
    Case(50, 50, missing=100, genotypes=200, budget=0.5, dense=True),
    Case(1000, 1000, nugget=False),
)
SMOKE = (Case(8, 9, missing=5, genotypes=6, dense=True), Case(12, 10, nugget=False))


def trial(case: Case, seed: int = 1) -> Trial:
    """V of the case, y and X: a smooth field, genotypes in random order, noise."""
    rng = np.random.default_rng(seed)
    rows, columns = case.rows, case.columns
    cells = np.sort(rng.permutation(rows * columns)[: rows * columns - case.missing])
    n = len(cells)
    z = DummyMatrix(
        (cells // columns).tolist(), (cells % columns).tolist(), levels=[range(rows), range(columns)]
    )
    grid = KroneckerProduct(row=AR1Matrix(rows), col=AR1CorrelationMatrix(columns))
    terms: dict[str, Matrix] = {"field": CovariancePropagation(z=z, g=grid)}
    y = 1.5 * _smooth(rng, rows, columns).reshape(-1)[cells]
    if case.genotypes:
        codes = rng.permutation(np.arange(n) % case.genotypes)
        y = y + rng.normal(size=case.genotypes)[codes]
        terms["gen"] = CovariancePropagation(z=DummyMatrix(codes.tolist()), g=ScalarMatrix(case.genotypes))
    if case.nugget:
        y = y + rng.normal(size=n)
        terms["units"] = ScalarMatrix(n)
    v = Sum(**terms) if len(terms) > 1 else terms["field"]
    return v, torch.from_numpy(y), torch.ones(n, 1, dtype=torch.float64)


def _smooth(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """An autoregression in both directions, 0.8 along columns of the grid and 0.6 along rows."""
    field = rng.normal(size=(rows, columns))
    for i in range(1, rows):
        field[i] = 0.8 * field[i - 1] + 0.6 * field[i]
    for j in range(1, columns):
        field[:, j] = 0.6 * field[:, j - 1] + 0.8 * field[:, j]
    return field


def iteration(engine: Engine, start: np.ndarray, correlations: list[int]) -> Callable[[], None]:
    """One iteration of an engine, at other correlations every time."""
    natural = start.copy()

    def step() -> None:
        natural[correlations] += 1e-4
        point = engine.at(natural.copy())
        assert point is not None
        point.derivatives(range(len(natural)))

    return step


def medians(functions: list[Callable[[], None]], repeats: int) -> list[float]:
    """Median time of each, in seconds; they take turns."""
    times: list[list[float]] = [[] for _ in functions]
    for turn in range(repeats + 1):
        for function, own in zip(functions, times, strict=True):
            began = time.perf_counter()
            function()
            if turn:
                own.append(time.perf_counter() - began)
    return [statistics.median(own) for own in times]


def measure(case: Case, repeats: int) -> bool:
    """Print a line on the case; whether it met its budget."""
    v, y, x = trial(case)
    variance, problem = Variance(v), prepare(y, x)
    engine = SeparableEngine(problem, variance)
    start = np.array([0.5 if name.endswith("rho") else 1.0 for name in variance.names])
    correlations = [k for k, name in enumerate(variance.names) if name.endswith("rho")]
    engines: list[Engine] = [engine, DenseEngine(problem, variance)] if case.dense else [engine]
    with torch.no_grad(), blas_threads(engine.order):
        found = medians([iteration(one, start, correlations) for one in engines], repeats)
    began = time.perf_counter()
    result = fit(v, y, x, engine="separable")
    whole = time.perf_counter() - began
    line = f"{case.words:46s} iteration {1e3 * found[0]:8.2f} ms"
    if case.budget is not None:
        line += f"  of its budget {found[0] / case.budget:5.2f}"
    if case.dense:
        line += f"  of the dense engine's {found[0] / found[1]:6.3f} ({1e3 * found[1]:.0f} ms)"
    print(f"{line}   whole fit {whole:6.2f} s, {result.iterations} iterations", flush=True)
    return case.budget is None or found[0] <= case.budget


def main() -> int:
    """Run the benchmark. A missed budget is said, but fails nothing: a busy machine misses it too."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small sizes: does it run, not how fast")
    smoke = parser.parse_args().smoke
    met = [measure(case, 2 if smoke else 7) for case in (SMOKE if smoke else CASES)]
    if not smoke:
        print(f"budgets: {'met' if all(met) else 'MISSED'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
