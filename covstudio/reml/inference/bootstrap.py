r"""The parametric bootstrap: responses are drawn from the fit, and the model is fitted to each.

Every refit starts at the estimates. With estimates theta* of the replicates and their quantiles q, the
percentile interval is [q_{a/2}, q_{1-a/2}], the basic one [2 theta - q_{1-a/2}, 2 theta - q_{a/2}].

Source: Davison & Hinkley (1997), Bootstrap Methods and their Application, ch. 4 and 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.functions import Expressions
from covstudio.reml.inference.profile import watching
from covstudio.reml.inference.simulation import Simulator
from covstudio.reml.inference.tables import Row, Tabular, plural
from covstudio.reml.problem.errors import FitCancelled
from covstudio.reml.problem.iteration import Cancel
from covstudio.reml.problem.problem import Problem
from covstudio.reml.search.search import Outcome

__all__ = ["Bootstrap", "BootstrapTest", "bootstrap_fit", "bootstrap_test", "refit"]

Vector = NDArray[np.float64]
Progress = Callable[[int, int], object]

#: Fewer draws at once than this, so that they need little memory beside a fit.
BATCH = 32
#: Likelihoods closer than this count as equal in a test.
TIE = 1e-6


@dataclass(frozen=True, repr=False, eq=False)
class Bootstrap(Tabular):
    """Estimates from simulated responses.

    Attributes:
        names: variance parameters, fixed effects and functions, in that order.
        estimates: of the fit, (k,).
        replicates: of the refits that reached their maximum, (count - failed, k).
        count: responses drawn.
        failed: refits that did not converge; they are left out.
        at_end: how many replicates have each parameter at an end of its range.
        level: of the intervals.
        seed: of the generator.
    """

    names: tuple[str, ...]
    estimates: tuple[float, ...]
    replicates: Tensor = field(repr=False)
    count: int
    failed: int
    at_end: dict[str, int] = field(repr=False)
    level: float
    seed: int

    def interval(self, name: str, kind: str = "percentile") -> tuple[float, float]:
        """An interval of one entry.

        Args:
            name: one of `names`.
            kind: "percentile" or "basic".

        Raises:
            KeyError: there is no such entry.
            ValueError: there is no such kind of interval.
        """
        if name not in self.names:
            raise KeyError(f"there is no {name!r} in the bootstrap, but {', '.join(self.names)}")
        if kind not in ("percentile", "basic"):
            raise ValueError(f"kind must be 'percentile' or 'basic', and is {kind!r}.")
        j = self.names.index(name)
        values = self.replicates[:, j].numpy()
        values = values[np.isfinite(values)]
        if len(values) < 2:
            return math.nan, math.nan
        tail = 0.5 * (1.0 - self.level)
        low, high = np.quantile(values, [tail, 1.0 - tail]).tolist()
        if kind == "basic":
            low, high = 2.0 * self.estimates[j] - high, 2.0 * self.estimates[j] - low
        return float(low), float(high)

    def table(self) -> list[Row]:
        rows = []
        for j, name in enumerate(self.names):
            values = self.replicates[:, j].numpy()
            values = values[np.isfinite(values)]
            low, high = self.interval(name)
            basic = self.interval(name, "basic")
            rows.append(
                {
                    "name": name,
                    "estimate": self.estimates[j],
                    "mean": float(values.mean()) if len(values) else math.nan,
                    "std. error": float(values.std(ddof=1)) if len(values) > 1 else math.nan,
                    "lower": low,
                    "upper": high,
                    "basic lower": basic[0],
                    "basic upper": basic[1],
                    "at end": self.at_end.get(name, 0),
                }
            )
        return rows

    def _title(self) -> str:
        return f"Parametric bootstrap, {plural(self.count, 'response')}, {100 * self.level:g} % intervals"

    def _notes(self) -> tuple[str, ...]:
        if not self.failed:
            return ()
        return (f"{self.failed} of {self.count} refits did not converge and are left out",)


@dataclass(frozen=True, repr=False, eq=False)
class BootstrapTest(Tabular):
    """A likelihood-ratio test by simulation from the smaller model.

    Attributes:
        statistic: twice the difference of the log-likelihoods.
        p_value: (1 + replicates with a statistic at least as large) / (1 + replicates).
        replicates: statistics of the simulated responses, (count - failed,).
        count: responses drawn.
        failed: responses for which one of the models did not converge; they are left out.
        seed: of the generator.
    """

    statistic: float
    p_value: float
    replicates: Tensor = field(repr=False)
    count: int
    failed: int
    seed: int

    def table(self) -> list[Row]:
        zero = int((self.replicates <= TIE).sum())
        return [
            {
                "statistic": self.statistic,
                "p": self.p_value,
                "replicates": len(self.replicates),
                "at zero": zero,
                "failed": self.failed,
            }
        ]

    def _title(self) -> str:
        return "Likelihood-ratio test by parametric bootstrap"


def refit(binding: Binding, y: Tensor, cancel: Cancel | None = None) -> Outcome | None:
    """The model fitted to another response, from the estimates; None where that leads nowhere.

    It is in the coding of `binding.searched`.
    """
    binding = binding.searched
    problem = _with_response(binding.problem, y)
    with binding.threads(), torch.no_grad():
        engine = binding.engine_for(problem)
    outcome = binding.climb(binding.natural, engine=engine, watch=watching(cancel))
    return outcome if outcome is not None and outcome.converged else None


def _with_response(problem: Problem, y: Tensor) -> Problem:
    rest = y - problem.basis @ (problem.basis.mT @ y)
    return replace(problem, y=y, residual_variance=float(rest @ rest) / (problem.n - problem.p))


def bootstrap_fit(
    binding: Binding,
    fixed_names: Sequence[str],
    functions: Sequence[str],
    count: int,
    seed: int,
    level: float,
    callback: Progress | None = None,
    cancel: Cancel | None = None,
) -> Bootstrap:
    """Draw responses and fit the model to each; see `Inference.bootstrap`."""
    simulator, expressions = Simulator(binding, seed), Expressions(binding)
    trees = [expressions.parse(text) for text in functions]
    names = (*(c.name for c in binding.coordinates), *fixed_names, *functions)
    positions = [c.position for c in binding.coordinates]

    def row(natural: Vector, beta: Tensor) -> list[float]:
        values = []
        for tree in trees:
            try:
                values.append(expressions.at(tree, natural).value)
            except ValueError:
                # A variance of 0 in a denominator: this replicate has no value.
                values.append(math.nan)
        return [*natural[positions].tolist(), *beta.tolist(), *values]

    estimates = row(binding.natural, binding.point.beta)
    rows, at_end = [], dict.fromkeys((c.name for c in binding.coordinates), 0)
    for done, y in _draws(simulator, count, cancel):
        outcome = refit(binding, y, cancel)
        if outcome is not None:
            rows.append(row(binding.searched.told(outcome.point.natural), outcome.point.beta))
            for c, end in zip(binding.coordinates, outcome.at_end, strict=True):
                at_end[c.name] += end
        if callback is not None:
            callback(done, count)
    replicates = torch.tensor(rows, dtype=torch.float64).reshape(len(rows), len(names))
    return Bootstrap(names, tuple(estimates), replicates, count, count - len(rows), at_end, level, seed)


def bootstrap_test(
    null: Binding,
    alternative: Binding,
    count: int,
    seed: int,
    callback: Progress | None = None,
    cancel: Cancel | None = None,
) -> BootstrapTest:
    """Compare two fits by simulation from the first; see `Inference.bootstrap_test`."""
    statistic = 2.0 * (alternative.fit.loglik - null.fit.loglik)
    found = []
    for done, y in _draws(Simulator(null, seed), count, cancel):
        small = refit(null, y, cancel)
        large = refit(alternative, y, cancel) if small is not None else None
        if small is not None and large is not None:
            found.append(2.0 * (large.point.kernel - small.point.kernel))
        if callback is not None:
            callback(done, count)
    replicates = torch.tensor(found, dtype=torch.float64)
    reached = int((replicates >= statistic - TIE).sum())
    p_value = (1.0 + reached) / (1.0 + len(found))
    return BootstrapTest(statistic, p_value, replicates, count, count - len(found), seed)


def _draws(simulator: Simulator, count: int, cancel: Cancel | None) -> Iterator[tuple[int, Tensor]]:
    """Responses one by one with their numbers from 1."""
    done = 0
    while done < count:
        drawn = simulator.draw(min(BATCH, count - done))
        for y in drawn.mT:
            if cancel is not None and cancel.is_set():
                raise FitCancelled(f"cancelled after {plural(done, 'refit')} of a bootstrap")
            done += 1
            yield done, y.contiguous()
