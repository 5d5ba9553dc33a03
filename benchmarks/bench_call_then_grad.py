"""V and then its Jacobian at the same theta, beside the formulas written down directly.

What a script does that calls `v(theta)` and then `v.grad(theta)`, at a theta that is new every time. The
peers are the formulas in plain torch for one structure each, without checks, names or fixed parameters;
constants are made once, and what the value has computed serves the Jacobian. Processor time on one thread,
in turns; medians and their ratio.

    python -m benchmarks.bench_call_then_grad [--smoke]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    CompoundSymmetricMatrix,
    DummyMatrix,
    KroneckerProduct,
    Matrix,
)

#: The value, and what it computed on its way; then the slices of the Jacobian, from both.
Call = Callable[[Tensor], tuple[Tensor, tuple[Tensor, ...]]]
Slopes = Callable[[Tensor, tuple[Tensor, ...]], Tensor]


class Peer:
    """A structure by its formulas alone, which keeps what the last value computed."""

    def __init__(self, call: Call, slopes: Slopes) -> None:
        self.call, self.slopes = call, slopes
        self.kept: tuple[Tensor, tuple[Tensor, ...]] | None = None

    def __call__(self, theta: Tensor) -> Tensor:
        value, made = self.call(theta)
        self.kept = theta.clone(), made
        return value

    def grad(self, theta: Tensor) -> Tensor:
        if self.kept is None or not torch.equal(self.kept[0], theta):
            self(theta)
        assert self.kept is not None
        return self.slopes(theta, self.kept[1])


def bounded(x: Tensor, lower: float) -> tuple[Tensor, Tensor]:
    """A correlation above `lower`, and its slope."""
    s = torch.sigmoid(x)
    return lower + (1 - lower) * s, (1 - lower) * s * (1 - s)


def compound_symmetric(n: int) -> Peer:
    """sigma^2 [(1 - rho) I + rho J]."""
    eye = torch.eye(n, dtype=torch.float64)
    others = 1 - eye
    lower = -1 / (n - 1)

    def call(theta: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        sigma2, (rho, slope) = torch.exp(2 * theta[0]), bounded(theta[1], lower)
        correlation = eye + rho * others
        return sigma2 * correlation, (sigma2, slope, correlation)

    def slopes(theta: Tensor, made: tuple[Tensor, ...]) -> Tensor:
        sigma2, slope, correlation = made
        return torch.stack([2 * sigma2 * correlation, sigma2 * slope * others])

    return Peer(call, slopes)


def first_order(n: int) -> Peer:
    """sigma^2 rho^|i - j|, the powers taken once for each lag."""
    steps = torch.arange(n)
    lags = (steps[:, None] - steps).abs()

    def call(theta: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        sigma2, (rho, slope) = torch.exp(2 * theta[0]), bounded(theta[1], -1.0)
        powers = rho**steps
        correlation = powers[lags]
        return sigma2 * correlation, (sigma2, slope, powers, correlation)

    def slopes(theta: Tensor, made: tuple[Tensor, ...]) -> Tensor:
        sigma2, slope, powers, correlation = made
        by_lag = sigma2 * slope * steps * torch.cat([powers[:1], powers[:-1]])
        return torch.stack([2 * sigma2 * correlation, by_lag[lags]])

    return Peer(call, slopes)


def kronecker(a: Peer, b: Peer) -> Peer:
    """A (x) B, of two parameters each."""

    def call(theta: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        first, second = a(theta[:2]), b(theta[2:])
        return torch.kron(first, second), (first, second)

    def slopes(theta: Tensor, made: tuple[Tensor, ...]) -> Tensor:
        first, second = made
        moved = [torch.kron(step, second) for step in a.grad(theta[:2])]
        return torch.stack([*moved, *(torch.kron(first, step) for step in b.grad(theta[2:]))])

    return Peer(call, slopes)


def incidence(codes: list[int]) -> Peer:
    """Z written out once, and a copy for whoever asks, who may write to it."""
    z = torch.nn.functional.one_hot(torch.tensor(codes)).to(torch.float64)
    return Peer(lambda theta: (z.clone(), ()), lambda theta, made: theta.new_empty((0, *z.shape)))


def thetas(count: int) -> Iterator[Tensor]:
    """New parameters without end."""
    numbers = torch.Generator().manual_seed(1)
    while True:
        yield 0.4 * torch.randn(count, generator=numbers, dtype=torch.float64)


def processor(functions: list[Callable[[], object]], repeats: int) -> list[float]:
    """Median processor time of several runs of each, in seconds; they take turns, the second run counts."""
    times: list[list[float]] = [[] for _ in functions]
    for turn in range(-1, repeats):
        for function, runs in zip(functions, times, strict=True):
            function()
            began = time.thread_time()
            function()
            if turn >= 0:
                runs.append(time.thread_time() - began)
    return [statistics.median(runs) for runs in times]


def measure(title: str, v: Matrix, peer: Peer, repeats: int) -> None:
    """Check the peer, time both and print a line."""
    points = thetas(v.num_free_params)
    theta = next(points)
    torch.testing.assert_close(v(theta), peer(theta), rtol=1e-12, atol=1e-14)
    grad, _ = v.grad(theta)
    if grad is not None:
        torch.testing.assert_close(grad, peer.grad(theta), rtol=1e-12, atol=1e-14)

    def ours() -> None:
        point = next(points)
        v(point)
        v.grad(point)

    def theirs() -> None:
        point = next(points)
        peer(point)
        peer.grad(point)

    own, other = processor([ours, theirs], repeats)
    print(
        f"{title:32s} {v.shape[0]:5d} x {v.shape[1]:<4d}  ours {1e6 * own:7.0f} us   peer "
        f"{1e6 * other:7.0f} us   {other / own:5.2f} times as fast",
        flush=True,
    )


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small sizes: does it run, not how fast")
    smoke = parser.parse_args().smoke
    torch.set_num_threads(1)
    # Once as much has been freed, the allocator asks the system for no page of the results again.
    torch.empty(30 << 20, dtype=torch.uint8)
    repeats, n, m, p, rows = (3, 12, 4, 3, 20) if smoke else (300, 200, 20, 10, 1000)
    with torch.no_grad():
        measure("compound symmetric", CompoundSymmetricMatrix(n), compound_symmetric(n), repeats)
        measure("AR(1)", AR1Matrix(n), first_order(n), repeats)
        product = KroneckerProduct(a=AR1Matrix(m), b=CompoundSymmetricMatrix(p))
        measure(
            f"AR(1) {m} (x) compound symmetric {p}",
            product,
            kronecker(first_order(m), compound_symmetric(p)),
            repeats,
        )
        for levels in (rows // 20, rows):
            codes = [k % levels for k in range(rows)]
            measure(f"incidence of {levels} levels", DummyMatrix(codes), incidence(codes), repeats)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
