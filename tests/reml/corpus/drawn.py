"""Models drawn at random, with data drawn from them or from noise, for each of the engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    ARMAMatrix,
    ARMatrix,
    ExponentialMatrix,
    GaussianMatrix,
    HeterogeneousAR1Matrix,
    IdentityMatrix,
    KroneckerProduct,
    MaternMatrix,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    PowerMatrix,
    RationalQuadraticMatrix,
    ScalarMatrix,
    SphericalMatrix,
    Sum,
)
from tests.reml import mme_cases, repeated_cases, separable_cases
from tests.reml.corpus.task import Task
from tests.reml.engine_cases import Trial
from tests.reml.simulated_cases import SIMULATED, symmetric_root
from tests.reml.sparse_cases import animals

__all__ = ["random_models"]

Build = Callable[[], Task]


def random_models(seeds: range) -> Iterator[tuple[str, Build]]:
    """One model for each seed and way of drawing one."""
    for seed in seeds:
        for kind, draw in KINDS.items():
            yield f"random/{kind}/{seed}", _drawn(draw, seed)


def _drawn(draw: Callable[[np.random.Generator, int], Task], seed: int) -> Build:
    return lambda: draw(np.random.default_rng([seed, 77]), seed)


def _data(rng: np.random.Generator, trial: Trial) -> Tensor:
    """Drawn from the model at its parameters; for a third of all models noise that knows nothing of it."""
    if rng.uniform() < 1.0 / 3.0:
        return trial.y
    with torch.no_grad():
        value = trial.v.evaluate(torch.from_numpy(trial.natural)).to(torch.float64)
    return 3.0 + symmetric_root(value) @ torch.from_numpy(rng.normal(size=len(value)))


def _method(rng: np.random.Generator) -> str:
    return "ML" if rng.uniform() < 0.3 else "REML"


def _effects(rng: np.random.Generator, seed: int) -> Task:
    count = int(rng.integers(1, 4))
    effects = [str(rng.choice(mme_cases.EFFECTS)) for _ in range(count)]
    trial = mme_cases.trial(
        seed, int(rng.integers(30, 80)), 2, effects, str(rng.choice(mme_cases.RESIDUALS)), True
    )
    return Task(trial.v, _data(rng, trial), trial.x, _method(rng))


def _repeated(rng: np.random.Generator, seed: int) -> Task:
    rows = repeated_cases.unbalanced(seed, int(rng.integers(8, 25)), bool(rng.uniform() < 0.3))
    names = list(repeated_cases.TERMS)
    terms = [str(rng.choice(names)) for _ in range(int(rng.integers(1, 3)))]
    trial = repeated_cases.trial(rows, 2, terms)
    return Task(trial.v, _data(rng, trial), trial.x, _method(rng))


def _fields(rng: np.random.Generator, seed: int) -> Task:
    kinds = [str(kind) for kind in rng.choice(list(separable_cases.FACTORS), 2)]
    shape = (int(rng.integers(4, 8)), int(rng.integers(4, 9)))
    extras = [str(rng.choice(separable_cases.EXTRAS))] if rng.uniform() < 0.6 else []
    form = str(rng.choice(separable_cases.FORMS))
    trial = separable_cases.trial(
        seed, shape, (kinds[0], kinds[1]), form, extras, bool(rng.uniform() < 0.7), 2
    )
    return Task(trial.v, _data(rng, trial), trial.x, _method(rng))


def _series(rng: np.random.Generator, seed: int) -> Task:
    """A field of two autoregressions with a trend, which some take up."""
    v, y, x = separable_cases.grid_trial(
        int(rng.integers(6, 16)),
        int(rng.integers(6, 16)),
        int(rng.integers(4, 20)),
        int(rng.integers(0, 10)),
        seed,
    )
    slope = rng.choice([0.0, 0.05, 0.3])
    return Task(v, y + slope * torch.arange(len(y), dtype=torch.float64), x, _method(rng))


def _animals(rng: np.random.Generator, seed: int) -> Task:
    kinds = ("permanent", "herd", "slope", "by line", "sire and dam")
    terms = ["animal", *(str(kind) for kind in rng.choice(kinds, int(rng.integers(0, 3)), replace=False))]
    case = animals(seed, int(rng.integers(40, 120)), int(rng.integers(60, 160)), 2, terms)
    return Task(case.v, case.y, case.x, _method(rng), "sparse")


def _trends(rng: np.random.Generator, seed: int) -> Task:
    """A process over time, or beside others in subjects, and data with a trend that it may take up."""
    subjects, times = (1, int(rng.integers(25, 80))) if rng.uniform() < 0.6 else (int(rng.integers(6, 15)), 8)
    t = torch.arange(times, dtype=torch.float64)
    steep = float(rng.choice([0.5, 2.0, 5.0, 20.0]))
    noise = float(rng.choice([0.1, 1.0]))
    slopes = steep * torch.from_numpy(1.0 + 0.5 * rng.normal(size=(subjects, 1)))
    walk = torch.from_numpy(rng.normal(size=(subjects, times))).cumsum(1) * float(rng.choice([0.0, 0.2]))
    y = slopes * t / times + walk + noise * torch.from_numpy(rng.normal(size=(subjects, times)))
    structure = PROCESSES[str(rng.choice(list(PROCESSES)))](t)
    v: Matrix = KroneckerProduct(subject=IdentityMatrix(subjects), time=structure)
    if rng.uniform() < 0.8:
        v = Sum(field=v, nugget=ScalarMatrix(subjects * times))
    x = torch.kron(torch.eye(subjects, dtype=torch.float64), torch.ones(times, 1, dtype=torch.float64))
    return Task(v, y.reshape(-1), x, "ML" if rng.uniform() < 0.15 else "REML")


def _structures(rng: np.random.Generator, seed: int) -> Task:
    """A structure with values near those of `SIMULATED`, from few subjects."""
    made, truth, subjects = SIMULATED[str(rng.choice(list(SIMULATED)))]
    structure = made()
    values = np.array(truth)
    for k, parameter in enumerate(structure.parameters):
        low, high = parameter.transform.bounds
        if np.isfinite(low) and np.isfinite(high):
            values[k] = low + (high - low) * np.clip(
                (values[k] - low) / (high - low) + rng.normal(0, 0.1), 0.05, 0.95
            )
        else:
            values[k] *= np.exp(rng.normal(0.0, 0.4))
    subjects = max(2, int(subjects * rng.uniform(0.15, 0.8)))
    n = subjects * structure.shape[0]
    value = structure.evaluate(torch.from_numpy(values))
    y = (torch.from_numpy(rng.normal(size=(subjects, len(value)))) @ symmetric_root(value)).reshape(-1)
    v: Matrix = KroneckerProduct(subject=IdentityMatrix(subjects), time=structure)
    if rng.uniform() < 0.5:
        v = Sum(field=v, units=ScalarMatrix(n))
        y = y + float(rng.choice([0.1, 0.5, 1.5])) * torch.from_numpy(rng.normal(size=n))
    return Task(v, y, torch.ones(n, 1, dtype=torch.float64), _method(rng))


#: Processes over time, by their times.
PROCESSES: dict[str, Callable[[Tensor], Matrix]] = {
    "ar1": lambda t: AR1Matrix(len(t)),
    "ar2": lambda t: ARMatrix(len(t), 2),
    "arma": lambda t: ARMAMatrix(len(t), 1, 1),
    "heterogeneous": lambda t: HeterogeneousAR1Matrix(len(t)) if len(t) < 10 else AR1Matrix(len(t)),
    "power": lambda t: PowerMatrix(t),
    "ou": lambda t: OrnsteinUhlenbeckMatrix(t),
    "exponential": lambda t: ExponentialMatrix(t[:, None]),
    "spherical": lambda t: SphericalMatrix(t[:, None]),
    "gaussian": lambda t: GaussianMatrix(t[:, None]),
    "matern": lambda t: MaternMatrix(t[:, None], nu=1.5),
    "rational quadratic": lambda t: RationalQuadraticMatrix(t[:, None]),
}
KINDS = {
    "trends": _trends,
    "structures": _structures,
    "effects": _effects,
    "repeated": _repeated,
    "fields": _fields,
    "series": _series,
    "animals": _animals,
}
