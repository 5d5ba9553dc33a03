"""Calls of covstudio that wake another thread of the process: run by test_threads, in a process of its own.

A thread of a BLAS, or of torch, that is given work is put on a processor and off it again, which Linux
counts. Fits, tests and predictions of few rows leave all of them asleep, however many columns X has. Prints
the names of the calls that do not; products of two large matrices, which must wake one, come first.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import covstudio
from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
from covstudio.design import Expected
from covstudio.fitting import Fitted
from covstudio.reml import REML, Inference, compare, post
from covstudio.reml import fit as fit_matrix

#: Enough for every routine of LAPACK to be shared out among threads, were it asked to.
TREATMENTS, ROWS = 120, 480


def switches() -> dict[str, int]:
    """How often each other thread of this process has been put on a processor."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) != threading.main_thread().native_id:
            lines = (task / "status").read_text().splitlines()
            found[task.name] = sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return found


def asleep() -> dict[str, int]:
    """The counts once no other thread runs: those that were woken look around before they sleep."""
    before = switches()
    while True:
        time.sleep(0.05)
        now = switches()
        if now == before:
            return now
        before = now


def wakes(call: Callable[[], object]) -> bool:
    before = asleep()
    call()
    return asleep() != before


def calls() -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "treatment": [f"t{k % TREATMENTS}" for k in range(ROWS)],
            "block": [f"b{k // 16}" for k in range(ROWS)],
            "covariate": rng.normal(size=ROWS),
        }
    )
    frame["y"] = rng.normal(size=ROWS) + rng.normal(size=30)[np.arange(ROWS) // 16]
    block = DummyMatrix(frame["block"].tolist())
    v = Sum(block=CovariancePropagation(z=block, g=ScalarMatrix(30)), residual=ScalarMatrix(ROWS))
    y = torch.tensor(frame["y"].to_numpy())
    x = DummyMatrix(frame["treatment"].tolist())().double()
    formula = "y ~ treatment + covariate + (1 | block)"
    found = covstudio.fit(formula, frame)
    assert isinstance(found, Fitted)
    small = fit_matrix(v, y, x[:, :1], method="ML")
    larger = fit_matrix(v, y, x, method="ML")
    result = fit_matrix(v, y, x)
    told = Inference(result, v, y, x)
    start = torch.zeros(2, dtype=torch.float64)
    planned = Expected(v, x, {"block": 1.0, "residual": 1.0})
    written = v(start)
    rows = torch.eye(TREATMENTS, dtype=torch.float64)
    return {
        "a formula": lambda: covstudio.fit(formula, frame),
        "tables": lambda: covstudio.fit(formula, frame).tables,
        "anova": lambda: [found.anova(kind) for kind in (1, 2, 3)],
        "means": lambda: found.means("treatment"),
        "tidy": lambda: [found.tidy(), found.tidy("random"), found.glance(), found.augment()],
        "influence": lambda: found.influence(),
        "predict": lambda: found.predict(frame[["treatment", "covariate"]]),
        "fit, every engine": lambda: [fit_matrix(v, y, x, engine=e) for e in ("dense", "mme", "blocks")],
        "fit, sparse": lambda: fit_matrix(v, y, x, engine="sparse"),
        "Inference": lambda: Inference(result, v, y, x),
        "tests of fixed effects": lambda: [
            told.wald(rows[1:], method=method) for method in ("kenward-roger", "satterthwaite")
        ],
        "fixed effects": lambda: told.fixed_effects("kenward-roger"),
        "effects": lambda: [told.random_effects(), told.accuracy(), told.residuals, told.influence()],
        "parameters": lambda: [told.intervals(), told.components(), told.profile("block/sigma^2")],
        "predictions": lambda: told.predict(rows, variance=1.0),
        "simulation": lambda: [told.simulate(2), told.bootstrap(2), told.conditional_aic],
        "comparison": lambda: compare(small, larger),
        "REML": lambda: [REML(v).optimize(y, x, start), REML(v).blue(y, x, start)],
        "post": lambda: post.loglik(y, x, written),
        "a design": lambda: [planned.parameters(), planned.fixed_effects(), planned.power(rows[1:], 1.0)],
    }


def main() -> int:
    """Print which of all calls, or of those named, wake another thread."""
    big = np.random.default_rng(0).normal(size=(600, 600))
    other = torch.from_numpy(big)
    # A library may find its other thread still awake, or none of its time: a product of several shows it.
    report = {
        "numpy": any(wakes(lambda: big @ big) for _ in range(20)),
        "torch": any(wakes(lambda: other @ other) for _ in range(20)),
    }
    known = calls()
    asked = {name: known[name] for name in sys.argv[1:] or known}
    if wakes(lambda: [call() for call in asked.values()]):
        # To look whether all sleep takes longer than a call: one by one only where there is one to be found.
        report |= {name: wakes(call) for name, call in asked.items()} | {"any of them": True}
    print(json.dumps([name for name, woken in report.items() if woken]))
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "2")
    raise SystemExit(main())
