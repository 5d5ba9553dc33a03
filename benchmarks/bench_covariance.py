"""How far V and its full Jacobian are from their floor, and what one changed parameter costs.

Each tree is timed three ways in the same run, taking turns: value and Jacobian by the closed forms, the same
by `torch.func.jacfwd` through the same tree, and the floor, which is writing (K + 1) n^2 numbers of float64
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
    HadamardProduct,
    KroneckerProduct,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    ScalarMatrix,
    Sum,
)
from covstudio.data import load_example


def medians(functions: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Median of several runs of each, in seconds; they take turns, so that a busy machine slows all."""
    times: list[list[float]] = [[] for _ in functions]
    for turn in range(-1, repeats):
        for which, function in enumerate(functions):
            began = time.perf_counter()
            function()
            if turn >= 0:
                times[which].append(time.perf_counter() - began)
    return [statistics.median(runs) for runs in times]


def alpha_design() -> tuple[Matrix, str]:
    """The 72-plot alpha design, its genotypes correlated; and the parameter that moves."""
    frame = load_example("john_alpha").frame
    rep, block, gen = (frame[column].astype(str).tolist() for column in ("rep", "block", "gen"))
    v = Sum(
        genotype=CovariancePropagation(z=DummyMatrix(gen), g=CompoundSymmetricMatrix(24)),
        block=CovariancePropagation(z=DummyMatrix(rep, block), g=ScalarMatrix(18)),
        residual=ScalarMatrix(72),
    )
    return v, "genotype/g/rho"


def field_trial(rows: int, columns: int) -> tuple[Matrix, str]:
    """A field of n = rows x columns plots: sums of Kronecker and Hadamard products, 10 parameters."""
    n = rows * columns
    v = Sum(
        field=KroneckerProduct(row=AR1Matrix(rows), column=AR1CorrelationMatrix(columns)),
        strip=KroneckerProduct(row=CompoundSymmetricMatrix(rows), column=AR1CorrelationMatrix(columns)),
        drift=HadamardProduct(
            order=AR1CorrelationMatrix(n),
            day=OrnsteinUhlenbeckMatrix([k // 7 + 0.1 * (k % 7) for k in range(n)]),
        ),
        units=ScalarMatrix(n),
    )
    return v, "field/row/rho"


def measure(title: str, v: Matrix, moving: str, repeats: int) -> None:
    """Time one tree and print its lines."""
    size, count = v.shape[0], v.num_free_params
    theta = torch.linspace(-0.4, 0.6, count, dtype=torch.float64)
    slab = torch.empty((count + 1, *v.shape), dtype=torch.float64)

    def traced(point: Tensor) -> tuple[Tensor, Tensor]:
        value = v(point)
        return value, value

    def ours() -> tuple[Tensor, Tensor | None]:
        return v(theta), v.grad(theta)[0]

    forward = torch.func.jacfwd(traced, has_aux=True)
    jacobian, value = forward(theta)
    closed = ours()
    assert closed[1] is not None
    torch.testing.assert_close(closed[0], value)
    torch.testing.assert_close(closed[1], jacobian.movedim(-1, 0), rtol=1e-9, atol=1e-12)

    evaluation = Evaluation()
    natural = v.build_params(theta)
    place, names = v.param_names.index(moving), v.param_names
    steps = itertools.count(1)

    def changed() -> list[Tensor]:
        point = natural.clone()
        point[place] = 0.3 + 1e-4 * (next(steps) % 1000)
        return [evaluation.value(v, point), *(evaluation.slice(v, point, name) for name in names)]

    with torch.no_grad():
        floor, own, automatic, one = medians(
            [lambda: slab.fill_(1.0), ours, lambda: forward(theta), changed], repeats
        )
    print(
        f"{title:14s} n = {size:5d}  K = {count:2d}  floor {1e3 * floor:8.3f} ms   closed form "
        f"{1e3 * own:8.3f} ms = {own / floor:6.1f} floors   jacfwd {1e3 * automatic:8.3f} ms = "
        f"{automatic / own:5.1f} closed forms   one change {1e3 * one:8.3f} ms = {one / own:4.2f}",
        flush=True,
    )


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small sizes: does it run, not how fast")
    smoke = parser.parse_args().smoke
    measure("alpha design", *alpha_design(), 3 if smoke else 200)
    for rows, columns, repeats in ((4, 5, 3),) if smoke else ((10, 20, 60), (25, 40, 15)):
        measure("field trial", *field_trial(rows, columns), repeats)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
