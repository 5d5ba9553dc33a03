"""Animal models: what an iteration of the sparse engine takes, beside dense equations where they run.

One record an animal, y = mean + sex + herd + breeding value + error; ten generations of random mating, some
twenty offspring to a sire. An iteration is one point with its score and average information. Seconds are
those of the processor on one thread, the least of several; those of the wall stand beside them. Memory is the
peak of the process after the fit, Python and torch included.

    python -m benchmarks.bench_sparse [--smoke]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from covstudio.covariance import CovariancePropagation, DummyMatrix, Matrix, PedigreeMatrix, ScalarMatrix, Sum
from covstudio.reml import Fit, fit
from covstudio.reml.engines.registry import candidate_named
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem, prepare
from covstudio.reml.terms.variance import Variance
from covstudio.threads import blas_threads

GENERATIONS = 10
#: Animals up to which dense equations run as well.
DENSE = 2500


@dataclass(frozen=True)
class Trial:
    """An animal model and its data."""

    v: Matrix
    y: torch.Tensor
    x: torch.Tensor


def simulated(count: int, seed: int = 1) -> Trial:
    """Ten generations, half of a generation's animals male; a twentieth of them sires, a twelfth dams."""
    rng = np.random.default_rng(seed)
    per = count // GENERATIONS
    sires, dams = max(per // 20, 2), max(per // 3, 2)
    rows: list[tuple[int, int, int]] = []
    for k in range(count):
        before = (k // per - 1) * per + 1
        parents = (0, 0)
        if k >= per:
            parents = before + int(rng.integers(sires)), before + per // 2 + int(rng.integers(dams))
        rows.append((k + 1, *parents))
    g = PedigreeMatrix(rows)
    _, sampling = g.pedigree.mendelian()
    values = np.zeros(count + 1)
    own = np.sqrt(0.5 * sampling.numpy()) * rng.normal(size=count)
    for k in g.pedigree.order:
        values[k] = own[k] + 0.5 * (values[g.pedigree.sires[k]] + values[g.pedigree.dams[k]])
        # An unknown parent counts as -1, where nothing is added.
        values[-1] = 0.0
    herds = rng.integers(0, max(count // 50, 2), count)
    y = 20.0 + values[:-1] + 0.4 * rng.normal(size=herds.max() + 1)[herds] + rng.normal(size=count)
    z = DummyMatrix(g.pedigree.individuals, levels=[g.pedigree.individuals], lex_order=False)
    herd = DummyMatrix(herds.tolist())
    v = Sum(
        animal=CovariancePropagation(z=z, g=g),
        herd=CovariancePropagation(z=herd, g=ScalarMatrix(herd.shape[1])),
        units=ScalarMatrix(count),
    )
    x = np.column_stack([np.ones(count), rng.integers(0, 2, count)])
    return Trial(v, torch.from_numpy(y), torch.from_numpy(x))


def timed(function: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the processor and of the wall."""
    began, wall = time.process_time(), time.perf_counter()
    function()
    return time.process_time() - began, time.perf_counter() - wall


def iteration(engine: Engine, repeats: int) -> tuple[float, float]:
    """The least time of one iteration, at other variances every time."""
    natural = np.array([0.5, 0.16, 1.0])

    def step() -> None:
        natural[0] += 1e-3
        point = engine.at(natural.copy())
        assert point is not None
        point.derivatives(range(3))

    with torch.no_grad(), blas_threads(1):
        step()
        times = [timed(step) for _ in range(repeats)]
    return min(own for own, _ in times), min(wall for _, wall in times)


def measure(count: int, repeats: int) -> None:
    """Print what a pedigree of so many animals takes."""
    made: list[Trial] = []
    built = timed(lambda: made.append(simulated(count)))
    (trial,) = made
    fits: list[Fit] = []
    whole = timed(lambda: fits.append(fit(trial.v, trial.y, trial.x, engine="sparse")))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{count:6d} animals  fit {whole[0]:.2f} s (wall {whole[1]:.2f}), {fits[0].iterations} iterations",
        end="",
    )
    print(f"  peak {memory:.0f} MB  data and pedigree {built[0]:.1f} s", flush=True)
    problem, variance = prepare(trial.y, trial.x), Variance(trial.v)
    for name in ("sparse", "mme") if count <= DENSE else ("sparse",):
        engines: list[Engine] = []
        ready = timed(lambda name=name, engines=engines: engines.append(_engine(problem, variance, name)))
        own, wall = iteration(engines[0], repeats)
        print(f"    {name:6s} made in {ready[0]:.2f} s  iteration {own:.3f} s (wall {wall:.3f})", flush=True)


def _engine(problem: Problem, variance: Variance, name: str) -> Engine:
    return candidate_named(name).build(problem, variance)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small sizes: does it run, not how fast")
    parser.add_argument("--count", type=int, help="this many animals alone")
    arguments = parser.parse_args()
    if arguments.count:
        measure(arguments.count, 1 if arguments.smoke else 3 if arguments.count > 10_000 else 9)
        return 0
    status = 0
    for count in (200, 400) if arguments.smoke else (2000, 10_000, 50_000):
        # A process each, as memory is told by its peak.
        command = [sys.executable, "-m", "benchmarks.bench_sparse", "--count", str(count)]
        command += ["--smoke"] if arguments.smoke else []
        status = status or subprocess.run(command, check=False).returncode
    return status


if __name__ == "__main__":
    raise SystemExit(main())
