r"""The log-likelihood over two parameters: the others refitted at every place, or held at their estimates.

With :math:`\ell_p(\theta_1, \theta_2)` the maximum over all other parameters, the region where
:math:`2(\ell(\hat\theta) - \ell_p) \le \chi^2_{2, 1 - \alpha}` covers both parameters together with
probability :math:`1 - \alpha`, approximately.

Source: Venzon & Moolgavkar (1988), Applied Statistics 37:87; Pinheiro & Bates (2000), Mixed-Effects Models in
S and S-PLUS, section 2.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.intervals import Intervals
from covstudio.reml.inference.profile import watching
from covstudio.reml.inference.tables import Row, Tabular
from covstudio.reml.problem.errors import FitCancelled, InvalidModel
from covstudio.reml.problem.iteration import Cancel
from covstudio.reml.search.coordinates import Coordinate
from covstudio.reml.search.scales import scale_of

__all__ = ["Others", "Surface", "likelihood_surface"]

Vector = NDArray[np.float64]
#: What becomes of the other parameters.
Others = Literal["refitted", "held"]

#: The surface reaches this probability's interval of each parameter, unless it is told where to go.
REACH = 0.998
#: Most places on either axis.
PLACES = 60


@dataclass(frozen=True, repr=False, eq=False)
class Surface(Tabular):
    """The log-likelihood over two parameters.

    Attributes:
        names: the two parameters.
        estimate: their estimates.
        x: natural values of the first, (a,).
        y: natural values of the second, (b,).
        loglik: (b, a), in the convention of `Fit.loglik`; NaN where V is not positive definite.
        maximum: the log-likelihood of the fit.
        others: "refitted" at every place, or "held" at their estimates.
    """

    names: tuple[str, str]
    estimate: tuple[float, float]
    x: Vector
    y: Vector
    loglik: Vector
    maximum: float
    others: Others

    def table(self) -> list[Row]:
        first, second = self.names
        return [
            {first: float(a), second: float(b), "loglik": float(self.loglik[j, i])}
            for j, b in enumerate(self.y)
            for i, a in enumerate(self.x)
        ]

    def _title(self) -> str:
        first, second = self.names
        return f"Log-likelihood over {first} and {second}, the others {self.others}"


def likelihood_surface(
    binding: Binding,
    intervals: Intervals,
    names: tuple[str, str],
    x: Sequence[float] | None,
    y: Sequence[float] | None,
    count: int,
    others: Others,
    cancel: Cancel | None = None,
) -> Surface:
    """The log-likelihood over two parameters; see `Inference.surface`."""
    if others not in ("refitted", "held"):
        raise ValueError(f"others must be 'refitted' or 'held', and is {others!r}.")
    far = [name for name in names if name in binding.far]
    if far:
        raise InvalidModel(
            f"no surface over {far[0]} in a coding so far from zero, where all parameters of its matrix move "
            "together: centre the covariate that its columns are made of."
        )
    parts = () if binding.recoding is None else binding.recoding.parts
    by_name = {c.name: c for c in binding.coordinates}
    if parts and not any(by_name[name].position in part.span for name in names for part in parts):
        binding = binding.searched
        by_name = {c.name: c for c in binding.coordinates}
    first, second = (by_name[name] for name in names)
    across = _axis(binding, first, intervals, x, count)
    up = _axis(binding, second, intervals, y, count)
    found = _climbed(binding, first, second, across, up, others, cancel)
    kernel, natural = binding.point.kernel, binding.natural
    return Surface(
        names,
        (float(natural[first.position]), float(natural[second.position])),
        across,
        up,
        binding.fit.loglik + found - kernel,
        binding.fit.loglik,
        others,
    )


def _axis(
    binding: Binding, c: Coordinate, intervals: Intervals, given: Sequence[float] | None, count: int
) -> Vector:
    """Places along one parameter: those given, or steps that are equal where the estimate is near normal."""
    if given is not None:
        found = np.unique(np.asarray(given, dtype=np.float64))
        if len(found) < 2 or len(found) > PLACES or found[0] < c.low or found[-1] > c.high:
            raise ValueError(
                f"values of {c.name} must be 2 to {PLACES} different numbers between {c.low:g} and "
                f"{c.high:g}."
            )
        return found
    if not 2 <= count <= PLACES:
        raise ValueError(f"count must lie between 2 and {PLACES}, and is {count}.")
    entry = intervals[c.name]
    low, high = float(entry.lower), float(entry.upper)
    if not np.isfinite(low) or not np.isfinite(high) or not low < high:
        raise ValueError(
            f"{c.name} has no interval at the estimates, so the surface does not know how far to go: give x "
            "or y, the values of the first or the second parameter."
        )
    scale = scale_of(c)
    ends = scale.to(low), scale.to(high)
    if not np.isfinite(ends).all():
        return np.linspace(low, high, count)
    return np.array([scale.back(moved) for moved in np.linspace(*ends, count)])


def _climbed(
    binding: Binding,
    first: Coordinate,
    second: Coordinate,
    x: Vector,
    y: Vector,
    others: Others,
    cancel: Cancel | None,
) -> Vector:
    """The kernel at every place, (b, a), from the place nearest to the estimates outwards."""
    estimate = binding.natural[first.position], binding.natural[second.position]
    steps = np.median(np.diff(x)), np.median(np.diff(y))
    i, j = (axis.ravel() for axis in np.meshgrid(np.arange(len(x)), np.arange(len(y))))
    away = ((x[i] - estimate[0]) / steps[0]) ** 2 + ((y[j] - estimate[1]) / steps[1]) ** 2
    kernels = np.full((len(y), len(x)), np.nan)
    known: list[tuple[int, int, Vector]] = []
    held = (first.position, second.position)
    refits = others == "refitted" and any(c.position not in held for c in binding.coordinates)
    for k in np.argsort(away, kind="stable"):
        if cancel is not None and cancel.is_set():
            raise FitCancelled("cancelled between the refits of a surface")
        a, b = int(i[k]), int(j[k])
        start = binding.natural
        if known and refits:
            start = min(known, key=lambda one: (one[0] - a) ** 2 + (one[1] - b) ** 2)[2]
        start = start.copy()
        start[first.position], start[second.position] = x[a], y[b]
        if not refits:
            with binding.threads(), torch.no_grad():
                point = binding.engine.at(start)
        else:
            outcome = binding.climb(start, without=held, watch=watching(cancel))
            point = None if outcome is None else outcome.point
        if point is not None and np.isfinite(point.kernel):
            kernels[b, a] = point.kernel
            known.append((a, b, point.natural))
    return kernels
