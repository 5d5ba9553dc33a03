"""Random slopes of many levels crossed with another factor, by a formula, beside lme4 in the same run.

`fit("y ~ x + (x | g) + (1 | b)", frame)`, from the frame to the fit with its tests, against `lmer` alone:
medians by the clock, and by the processor, which does not count what else the machine does. Both on one
thread. Then the same with slopes on both sides, and an iteration of the sparse engine (likelihood, score,
average information) beside one of dense mixed-model equations, each at the least time of the processor.

    python -m benchmarks.bench_slopes [--smoke]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import numpy as np
import pandas as pd
import torch

from benchmarks.peers import r_fits, r_package
from covstudio import fit
from covstudio.covariance import (
    CovariancePropagation,
    DummyMatrix,
    Matrix,
    RandomCoefficientsMatrix,
    ScalarMatrix,
    Sum,
)
from covstudio.reml.engines.registry import candidate_named
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import prepare
from covstudio.reml.terms.variance import Variance

#: Rows, levels of g, levels of b.
SIZE = (100_000, 5000, 500)
SMOKE = (3000, 300, 130)
#: Formulas, fits of lme4, and how many times as fast as lme4 a fit is to be, by the processor.
CASES = (("y ~ x + (x | g) + (1 | b)", 3, 4.0), ("y ~ x + (x | g) + (x | b)", 1, 4.0))
FITS = 5


def columns(size: tuple[int, int, int], seed: int = 1) -> pd.DataFrame:
    """Simulated data with unequal numbers of rows a level; intercepts and slopes of g are correlated.

    Slopes of b are half of its intercepts, so that the model with both ends at a correlation of 1.
    """
    n, groups, blocks = size
    rng = np.random.default_rng(seed)
    g, b, x = rng.integers(0, groups, n), rng.integers(0, blocks, n), rng.normal(size=n)
    u = rng.normal(size=(groups, 2)) @ np.array([[1.0, 0.3], [0.0, 0.6]])
    y = 2.0 + x + u[g, 0] + u[g, 1] * x + rng.normal(size=blocks)[b] * (1.0 + 0.5 * x) + rng.normal(size=n)
    return pd.DataFrame({"y": y, "x": x, "g": [f"g{i:05d}" for i in g], "b": [f"b{i:05d}" for i in b]})


def compared(formula: str, frame: pd.DataFrame, repeats: int, peer: bool) -> float | None:
    """Print a line of a formula; how many times as fast as lme4 it is by the processor."""
    clock, processor = [], []
    for _ in range(FITS + 1):
        began, used = time.perf_counter(), time.process_time()
        found = fit(formula, frame)
        clock.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
    assert found.fit.converged
    wall, used = (statistics.median(times[1:]) for times in (clock, processor))
    line = f"{formula}: {wall:.2f} s, processor {used:.2f}; {found.fit.iterations} steps, {found.fit.engine}"
    if not peer:
        print(line, flush=True)
        return None
    lmer = r_fits("lme4", f"lmer({formula}, data)", frame, repeats, warm=False)
    their_wall, their_used = statistics.median(lmer.seconds), statistics.median(lmer.processor)
    times, difference = their_used / used, found.fit.loglik - lmer.loglik
    print(
        f"{line}; lmer {their_wall:.2f} s, processor {their_used:.2f}: {their_wall / wall:.1f} times as "
        f"fast, {times:.1f} by the processor; log-likelihoods differ by {difference:+.1e}",
        flush=True,
    )
    return times


def model(frame: pd.DataFrame, both: bool) -> Matrix:
    """V of a formula."""
    terms: dict[str, Matrix] = {
        name: RandomCoefficientsMatrix(frame[name], columns={"x": frame["x"].to_numpy()})
        for name in ("g", "b")
    }
    if not both:
        z = DummyMatrix(frame["b"])
        terms["b"] = CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1]))
    return Sum(**terms, residual=ScalarMatrix(len(frame)))


def iterations(frame: pd.DataFrame, both: bool) -> None:
    """Print what an iteration takes by each engine."""
    variance = Variance(model(frame, both))
    x = np.column_stack([np.ones(len(frame)), frame["x"].to_numpy()])
    problem = prepare(frame["y"].to_numpy(copy=True), x)
    slopes = [1.0, 0.3, 0.6]
    natural = np.array([*slopes, *(slopes if both else [1.0]), 1.0])
    seconds = {}
    for name in ("sparse", "mme"):
        engine = candidate_named(name).build(problem, variance)
        seconds[name] = min(_seconds(engine, natural * (1.0 + 0.01 * k)) for k in range(4))
    print(
        f"an iteration with slopes of {'both' if both else 'g'}: "
        + ", ".join(f"{name} {1e3 * value:.0f} ms" for name, value in seconds.items()),
        flush=True,
    )


def _seconds(engine: Engine, natural: np.ndarray) -> float:
    used = time.process_time()
    point = engine.at(natural)
    assert point is not None
    point.derivatives(range(len(natural)))
    return time.process_time() - used


def main() -> int:
    """Print what was measured; the exit status is 1 where a budget that could be measured is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small sizes: does it run, not how fast")
    smoke = parser.parse_args().smoke
    frame = columns(SMOKE if smoke else SIZE)
    peer = r_package("lme4")
    if not peer:
        print("lme4 is not installed (Debian: r-cran-lme4): no ratios", flush=True)
    torch.set_num_threads(1)
    met = True
    for formula, repeats, faster in CASES:
        times = compared(formula, frame, repeats, peer)
        met = met and (times is None or times >= faster)
    for both in (False, True):
        iterations(frame, both)
    return 0 if smoke or met else 1


if __name__ == "__main__":
    sys.exit(main())
