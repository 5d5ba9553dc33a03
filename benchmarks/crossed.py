"""y ~ x + (1|g) + (1|b), from columns to `Fit`, beside lme4 in the same run.

Both sides start from columns in memory: covstudio builds V, X and fits; lme4 is timed for `lmer` alone, which
does the same from a data frame.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import torch

from benchmarks.peers import r_package, r_seconds
from covstudio.covariance import CovariancePropagation, DummyMatrix, Matrix, ScalarMatrix, Sum
from covstudio.reml import fit

#: Rows, levels of g, levels of b.
SIZES = ((1000, 100, 20), (5000, 500, 50), (100_000, 2000, 200))
SMOKE = ((200, 20, 5),)
#: How many times as fast as lme4 a fit is to be, and what memory the largest may take.
FASTER = 5.0
MEGABYTES = 600

_MEMORY = """
import resource
from benchmarks.crossed import columns, model
from covstudio.reml import fit
frame = columns({size})
v, y, x = model(frame)
assert fit(v, y, x).converged
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def columns(size: tuple[int, int, int], seed: int = 1) -> pd.DataFrame:
    """Simulated data with unequal numbers of rows a level."""
    n, groups, blocks = size
    rng = np.random.default_rng(seed)
    g, b, x = rng.integers(0, groups, n), rng.integers(0, blocks, n), rng.normal(size=n)
    y = 2.0 + x + rng.normal(size=groups)[g] + rng.normal(size=blocks)[b] + rng.normal(size=n)
    return pd.DataFrame({"y": y, "x": x, "g": [f"g{i:05d}" for i in g], "b": [f"b{i:05d}" for i in b]})


def model(frame: pd.DataFrame) -> tuple[Matrix, torch.Tensor, torch.Tensor]:
    """V, y and X of the model."""
    designs = {name: DummyMatrix(frame[name]) for name in ("g", "b")}
    terms: dict[str, Matrix] = {
        name: CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1])) for name, z in designs.items()
    }
    v = Sum({**terms, "residual": ScalarMatrix(len(frame))})
    x = np.column_stack([np.ones(len(frame)), frame["x"].to_numpy()])
    return v, torch.from_numpy(frame["y"].to_numpy(copy=True)), torch.from_numpy(x)


def run(*, smoke: bool) -> bool:
    """Print a line a size; whether every budget that could be measured was met."""
    peer = r_package("lme4")
    if not peer:
        print("lme4 is not installed (Debian: r-cran-lme4): no ratios", flush=True)
    met = True
    for size in SMOKE if smoke else SIZES:
        frame = columns(size)
        repeats = 2 if smoke else (15 if size[0] < 50_000 else 5)
        whole, only = [], []
        for turn in range(repeats + 1):
            began = time.perf_counter()
            v, y, x = model(frame)
            built = time.perf_counter()
            result = fit(v, y, x)
            ended = time.perf_counter()
            if turn:
                whole.append(ended - began)
                only.append(ended - built)
        line = (
            f"n = {size[0]:6d} ({size[1]}+{size[2]})  V and fit {_ms(whole)} ms, fit alone {_ms(only)} ms, "
            f"{result.iterations} iterations, {result.engine}"
        )
        if peer:
            theirs, loglik = r_seconds("lme4", "lmer(y ~ x + (1 | g) + (1 | b), data)", frame, repeats)
            ratio = statistics.median(theirs) / statistics.median(whole)
            met = met and ratio >= FASTER
            line += f"   lmer {_ms(theirs)} ms, {ratio:.1f} times as fast"
            line += f", log-likelihoods differ by {result.loglik - loglik:+.1e}"
        print(line, flush=True)
    size = (SMOKE if smoke else SIZES)[-1]
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY.format(size=size)], capture_output=True, text=True, check=True
    )
    peak = float(done.stdout)
    print(
        f"peak memory at n = {size[0]}: {peak:.0f} MB, torch and pandas included (budget {MEGABYTES})",
        flush=True,
    )
    return met and peak < MEGABYTES


def _ms(seconds: list[float]) -> str:
    return f"{1e3 * statistics.median(seconds):.1f}"
