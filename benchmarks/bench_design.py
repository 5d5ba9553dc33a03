"""The expected information of a design, against the factor and the products of matrices that it is made of.

400 plots and 10 parameters, as beside a slider: V written out (a field, an exponential covariance, effects of
genotypes and rows), and a sum of random effects, which takes matrices of effects only. From V at new values
to the standard errors of all parameters; the processor's time, on one thread. The floor is one Cholesky
factor, its inverse and K products of n x n matrices. The budget is 100 ms on a quiet machine.

    python -m benchmarks.bench_design [--smoke]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import torch

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    ExponentialMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
)
from covstudio.data import Table, design_matrix
from covstudio.design import Expected, randomised_blocks

BUDGET = 0.1


def effects(column: object, g: Callable[[int], Matrix] = ScalarMatrix) -> CovariancePropagation:
    """Z G Z' of a column."""
    z = DummyMatrix(column)
    return CovariancePropagation(z=z, g=g(z.shape[1]))


def written(table: Table, wide: int) -> Matrix:
    """Ten parameters, of which a field and a covariance of places need V written out."""
    places = torch.tensor(table.frame[["row", "column"]].to_numpy(), dtype=torch.float64)
    return Sum(
        genotype=effects(table.frame["treatment"]),
        row=effects(table.frame["row"]),
        field=KroneckerProduct(AR1Matrix(table.n // wide), AR1CorrelationMatrix(wide)),
        near=ExponentialMatrix(places),
        column=effects(table.frame["column"], AR1Matrix),
        residual=ScalarMatrix(table.n),
    )


def random(table: Table, wide: int) -> Matrix:
    """Random effects beside one residual variance."""
    return Sum(
        genotype=effects(table.frame["treatment"]),
        row=effects(table.frame["row"], AR1Matrix),
        column=effects(table.frame["column"], AR1Matrix),
        residual=ScalarMatrix(table.n),
    )


def timed(function: Callable[[], object], repeats: int) -> float:
    """Median of the processor's time, after a run to warm up."""
    function()
    times = []
    for _ in range(repeats):
        began = time.process_time()
        function()
        times.append(time.process_time() - began)
    return statistics.median(times)


def floor(v: Matrix, n: int) -> Callable[[], object]:
    """A factor, an inverse and as many products as there are parameters."""
    with torch.no_grad():
        value = v().double() + torch.eye(n, dtype=torch.float64)

    def run() -> None:
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(value))
        for _ in range(v.num_free_params):
            torch.mm(inverse, value)

    return run


def main() -> int:
    """Print the times; 1 where the budget is broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    smoke = parser.parse_args().smoke
    torch.set_num_threads(1)
    treatments, wide = (10, 5) if smoke else (100, 20)
    table = randomised_blocks(treatments, 4, columns=wide, seed=1)
    x = design_matrix(table, "1 + block")
    status = 0
    for name, make in (("written out", written), ("random effects", random)):
        v = make(table, wide)
        values = {path: 0.5 for path in v.param_names if path.endswith("rho")}
        turn = iter(range(10_000))

        def run(v: Matrix = v, values: dict[str, float] = values, turn: object = turn) -> None:
            moved = {path: value + 1e-4 * next(turn) for path, value in values.items()}  # type: ignore[call-overload]
            Expected(v, x, moved).parameters()

        repeats = 3 if smoke else 15
        taken, least = timed(run, repeats), timed(floor(v, table.n), repeats)
        road = Expected(v, x, values).information.road
        said = f"{1e3 * taken:.1f} ms, floor {1e3 * least:.1f} ms ({taken / least:.1f})"
        print(f"{name}: n = {table.n}, {v.num_free_params} parameters, by {road}: {said}")
        if not smoke and taken > BUDGET:
            print(f"over the budget of {1e3 * BUDGET:.0f} ms")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
