"""Repeated measures, from columns to `Fit`, beside R's nlme in the same run.

- 500 subjects x 10 times with an unstructured covariance of times, 55 parameters: `gls` with `corSymm` and
  `varIdent`;
- the same with a fifth of the times missing and the rows shuffled;
- 500 subjects with random intercepts and slopes over 10 days, as in the sleep study: `lme`;
- the same with an autoregression of the residuals within subjects: `lme` with `corAR1`.

Both sides start from columns in memory; covstudio builds V and X as well. Medians; one fit to warm up, except
of `gls`, which takes many seconds.

    python -m benchmarks.bench_repeated [--smoke]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from benchmarks.peers import r_package, r_seconds
from covstudio.covariance import (
    AR1Matrix,
    Augment,
    CovariancePropagation,
    DummyMatrix,
    HadamardProduct,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import fit

GLS = (
    "gls(y ~ time, data, correlation = corSymm(form = ~ occasion | subject), "
    "weights = varIdent(form = ~ 1 | occasion), method = 'REML')"
)
LME = "lme(y ~ time, data, random = ~ time | subject, method = 'REML')"
LME_AR1 = (
    "lme(y ~ time, data, random = ~ time | subject, correlation = corAR1(form = ~ occasion | subject), "
    "method = 'REML', control = lmeControl(opt = 'optim'))"
)


@dataclass(frozen=True)
class Case:
    """A model, its data, and how nlme is asked for it."""

    name: str
    frame: pd.DataFrame
    model: Callable[[pd.DataFrame], Matrix]
    call: str
    warm: bool


def measures(subjects: int, times: int, missing: float, seed: int) -> pd.DataFrame:
    """Correlated measures with unequal variances; some left out and the rows shuffled where asked."""
    rng = np.random.default_rng(seed)
    deviation = np.linspace(1.0, 2.0, times)
    lag = np.abs(np.arange(times)[:, None] - np.arange(times))
    covariance = (0.4 + 0.6 * 0.7**lag) * np.outer(deviation, deviation)
    errors = rng.normal(size=(subjects, times)) @ np.linalg.cholesky(covariance).T
    return _columns(2.0 + 0.3 * np.arange(times) + errors, missing, rng)


def slopes(subjects: int, days: int, rho: float, seed: int) -> pd.DataFrame:
    """Intercepts and slopes of subjects, with residuals that an autoregression may tie together."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(size=(subjects, 2)) @ np.linalg.cholesky(np.array([[6.0, 0.2], [0.2, 0.35]])).T
    errors = rng.normal(size=(subjects, days))
    for day in range(1, days):
        errors[:, day] = rho * errors[:, day - 1] + np.sqrt(1.0 - rho**2) * errors[:, day]
    day = np.arange(days)
    return _columns(25.0 + day + effects[:, :1] + effects[:, 1:] * day + 2.5 * errors, 0.0, rng)


def _columns(y: np.ndarray, missing: float, rng: np.random.Generator) -> pd.DataFrame:
    subject, occasion = np.divmod(np.arange(y.size), y.shape[1])
    frame = pd.DataFrame(
        {
            "y": y.reshape(-1),
            "time": occasion.astype(float),
            "occasion": occasion + 1,
            "subject": [f"s{i:04d}" for i in subject],
        }
    )
    if not missing:
        return frame
    kept = rng.permutation(np.flatnonzero(rng.uniform(size=len(frame)) >= missing))
    return frame.iloc[kept].reset_index(drop=True)


def unstructured(frame: pd.DataFrame) -> Matrix:
    """Z (I (x) R) Z', R unstructured."""
    return _by_cell(frame, UnstructuredMatrix(int(frame["occasion"].max())))


def _by_cell(frame: pd.DataFrame, covariance: Matrix) -> Matrix:
    z = DummyMatrix(frame["subject"], frame["occasion"])
    subjects = IdentityMatrix(z.shape[1] // covariance.shape[0])
    return CovariancePropagation(z=z, g=KroneckerProduct(subject=subjects, time=covariance))


def _by_subject(frame: pd.DataFrame) -> Matrix:
    z = DummyMatrix(frame["subject"])
    time = torch.from_numpy(frame["time"].to_numpy(copy=True))[:, None].expand(z.shape)
    both = Augment(intercept=z, slope=HadamardProduct(z=z, x=time))
    return CovariancePropagation(
        z=both, g=KroneckerProduct(us=UnstructuredMatrix(2), subject=IdentityMatrix(z.shape[1]))
    )


def random_slopes(frame: pd.DataFrame) -> Matrix:
    """Random intercepts and slopes, independent residuals."""
    return Sum(subject=_by_subject(frame), residual=ScalarMatrix(len(frame)))


def random_slopes_ar1(frame: pd.DataFrame) -> Matrix:
    """Random intercepts and slopes, an autoregression within subjects."""
    return Sum(subject=_by_subject(frame), residual=_by_cell(frame, AR1Matrix(int(frame["occasion"].max()))))


def cases(*, smoke: bool) -> list[Case]:
    """What is measured."""
    subjects, times = (40, 4) if smoke else (500, 10)
    name = f"{subjects} x {times}"
    return [
        Case(f"{name} unstructured", measures(subjects, times, 0.0, 1), unstructured, GLS, smoke),
        Case(
            f"{name} unstructured, a fifth missing",
            measures(subjects, times, 0.2, 2),
            unstructured,
            GLS,
            smoke,
        ),
        Case(f"{name} random slopes", slopes(subjects, times, 0.0, 3), random_slopes, LME, True),
        Case(
            f"{name} random slopes, AR(1)", slopes(subjects, times, 0.4, 4), random_slopes_ar1, LME_AR1, True
        ),
    ]


def run(case: Case, repeats: int, *, peer: bool) -> float | None:
    """Print a line; how many times as fast as nlme, None without it."""
    whole, only = [], []
    frame = case.frame
    for turn in range(repeats + 1):
        began = time.perf_counter()
        v = case.model(frame)
        y = torch.from_numpy(frame["y"].to_numpy(copy=True))
        x = torch.from_numpy(np.column_stack([np.ones(len(frame)), frame["time"].to_numpy()]))
        built = time.perf_counter()
        result = fit(v, y, x)
        ended = time.perf_counter()
        if turn:
            whole.append(ended - began)
            only.append(ended - built)
    if not result.converged:
        raise RuntimeError(f"{case.name}: {result.message}")
    line = (
        f"{case.name:40s} n = {len(frame)}, {v.num_free_params} parameters: V and fit {_ms(whole)} ms, "
        f"fit alone {_ms(only)} ms, {result.iterations} iterations, {result.engine}"
    )
    if not peer:
        print(line, flush=True)
        return None
    theirs, loglik = r_seconds("nlme", case.call, frame, 1 if not case.warm else 3, warm=case.warm)
    ratio = statistics.median(theirs) / statistics.median(whole)
    print(
        f"{line}   {case.call.split('(')[0]} {_ms(theirs)} ms, {ratio:.1f} times as fast, "
        f"log-likelihoods differ by {result.loglik - loglik:+.1e}",
        flush=True,
    )
    return ratio


def _ms(seconds: list[float]) -> str:
    return f"{1e3 * statistics.median(seconds):.1f}"


def main() -> int:
    """Run the benchmark. A missed budget is said, but fails nothing: a busy machine misses it too."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small sizes: does it run, not how fast")
    smoke = parser.parse_args().smoke
    peer = r_package("nlme")
    if not peer:
        print("nlme is not installed (Debian: r-cran-nlme): no ratios", flush=True)
    ratios = [run(case, 2 if smoke else 9, peer=peer) for case in cases(smoke=smoke)]
    if not smoke and ratios[0] is not None:
        print(f"unstructured faster than gls: {'met' if ratios[0] > 1.0 else 'MISSED'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
