"""V and its full Jacobian against their floor, and the cost of one changed parameter.

Two trees of 20 nodes (leaves and operators) with 10 free parameters, each timed in turns: value and Jacobian
into memory that is already there (`value_and_grad(theta, out=...)`), the same into new memory, the same by
`torch.func.jacfwd` through the same tree, and the floor, which is writing (K + 1) n^2 numbers of float64
into memory that is already there. Then one parameter is changed, as a slider does, and V with all K slices is
asked of `Evaluation`. Medians and their ratios, as absolute times depend on the machine.

    python -m benchmarks.bench_covariance [--smoke]
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DummyMatrix,
    Evaluation,
    ExponentialMatrix,
    HadamardProduct,
    KroneckerProduct,
    Matrix,
    Operator,
    ScalarMatrix,
    Sum,
)


def medians(functions: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Median of several runs of each, in seconds; they take turns, so that a busy machine slows all.

    At its turn each runs twice, and the second run counts: it finds caches and freed memory as it left them
    itself, as in a loop, and not as its predecessor did.
    """
    times: list[list[float]] = [[] for _ in functions]
    for turn in range(-1, repeats):
        for which, function in enumerate(functions):
            function()
            began = time.perf_counter()
            function()
            if turn >= 0:
                times[which].append(time.perf_counter() - began)
    return [statistics.median(runs) for runs in times]


def known(matrix: Matrix, values: dict[str, float]) -> Matrix:
    """The matrix with some of its parameters known."""
    for name, value in values.items():
        matrix.set_param_specs(name, fixed=True, value=value)
    return matrix


def exponential(coordinates: object, **ranges: float) -> Matrix:
    """A correlation that decays with distance: its variance is 1, as something else has one."""
    return known(ExponentialMatrix(coordinates), {"sigma^2": 1.0, **ranges})


def every(step: float, count: int) -> list[float]:
    """Places along one direction."""
    return [step * k for k in range(count)]


def days(n: int) -> list[float]:
    """The day of each plot; few of their distances are equal."""
    return [k // 7 + 0.1 * (k % 7) + 0.003 * (k * k % 11) for k in range(n)]


def field(rows: int, columns: int) -> Matrix:
    """A separable process over rows and columns: 5 nodes, 3 parameters."""
    row = HadamardProduct(lag=AR1Matrix(rows), place=exponential(every(1.1, rows), range=30.0))
    return KroneckerProduct(row=row, column=AR1CorrelationMatrix(columns))


def products(rows: int, columns: int) -> tuple[Matrix, str]:
    """Sums, Hadamard and Kronecker products over a field of n = rows x columns plots."""
    n = rows * columns
    plots = [[float(row), float(column)] for row in range(rows) for column in range(columns)]
    v = Sum(
        field=field(rows, columns),
        strip=KroneckerProduct(
            row=Sum(common=CompoundSymmetricMatrix(rows), own=known(ScalarMatrix(rows), {"sigma^2": 0.25})),
            column=exponential(every(1.4, columns)),
        ),
        drift=HadamardProduct(order=AR1CorrelationMatrix(n), day=exponential(days(n))),
        section=HadamardProduct(
            near=exponential(plots, range=3.0),
            same=KroneckerProduct(
                row=known(CompoundSymmetricMatrix(rows), {"rho": 0.5}),
                column=known(AR1CorrelationMatrix(columns), {"rho": 0.9}),
            ),
        ),
        units=ScalarMatrix(n),
    )
    return v, "field/row/lag/rho"


def effects(rows: int, columns: int) -> tuple[Matrix, str]:
    """Two Z G Z' of incidence Z beside products over the field."""
    n = rows * columns
    genotypes, weeks, sites = n // 4, max(n // 40, 2), 4
    v = Sum(
        genotype=CovariancePropagation(
            z=DummyMatrix([k * 7 % genotypes for k in range(n)]),
            g=Sum(
                common=CompoundSymmetricMatrix(genotypes),
                own=known(ScalarMatrix(genotypes), {"sigma^2": 0.25}),
            ),
        ),
        season=CovariancePropagation(
            z=DummyMatrix([k // 3 % weeks for k in range(n)], [k % sites for k in range(n)]),
            g=KroneckerProduct(week=AR1Matrix(weeks), site=exponential(every(1.3, sites))),
        ),
        field=field(rows, columns),
        drift=HadamardProduct(order=AR1CorrelationMatrix(n), day=exponential(days(n), range=20.0)),
        units=ScalarMatrix(n),
    )
    return v, "genotype/g/common/rho"


def nodes(matrix: Matrix) -> int:
    """How many structures and operators a tree has, itself included."""
    below = matrix.operands.values() if isinstance(matrix, Operator) else ()
    return 1 + sum(nodes(operand) for operand in below if isinstance(operand, Matrix))


def measure(title: str, v: Matrix, moving: str, repeats: int) -> None:
    """Time one tree and print its lines."""
    size, count = v.shape[0], v.num_free_params
    theta = torch.linspace(-0.4, 0.6, count, dtype=torch.float64)
    slab = torch.empty((count + 1, *v.shape), dtype=torch.float64)
    out = slab[0], slab[1:]

    def traced(point: Tensor) -> tuple[Tensor, Tensor]:
        value = v(point)
        return value, value

    forward = torch.func.jacfwd(traced, has_aux=True)
    jacobian, value = forward(theta)
    v.value_and_grad(theta, out=out)
    torch.testing.assert_close(slab[0], value)
    torch.testing.assert_close(slab[1:], jacobian.movedim(-1, 0), rtol=1e-9, atol=1e-12)

    evaluation = Evaluation()
    natural = v.build_params(theta)
    place, names = v.param_names.index(moving), v.free_param_names
    steps = itertools.count(1)

    def changed() -> list[Tensor]:
        point = natural.clone()
        point[place] = 0.3 + 1e-4 * (next(steps) % 1000)
        return [evaluation.value(v, point), *(evaluation.slice(v, point, name) for name in names)]

    with torch.no_grad():
        floor, own, fresh, automatic, one = medians(
            [
                lambda: slab.fill_(1.0),
                lambda: v.value_and_grad(theta, out=out),
                lambda: v.value_and_grad(theta),
                lambda: forward(theta),
                changed,
            ],
            repeats,
        )
    print(
        f"{title:12s} {nodes(v):2d} nodes  n = {size:4d}  K = {count:2d}  floor {1e3 * floor:7.3f} ms   ours "
        f"{1e3 * own:7.3f} ms = {own / floor:4.1f} floors, in new memory {1e3 * fresh:7.3f} ms   jacfwd "
        f"{1e3 * automatic:8.3f} ms = {automatic / own:5.1f} ours   one change {1e3 * one:7.3f} ms = "
        f"{one / own:4.2f} ours",
        flush=True,
    )


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small sizes: does it run, not how fast")
    smoke = parser.parse_args().smoke
    for rows, columns, repeats in ((4, 5, 3),) if smoke else ((10, 20, 60), (25, 40, 15)):
        for tree in (products, effects):
            measure(tree.__name__, *tree(rows, columns), repeats)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
