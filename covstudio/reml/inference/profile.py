r"""Profile likelihood: a parameter is fixed, all others are fitted again, along its range.

With the profile log-likelihood l_p, the signed root

.. math:: \zeta(\theta) = \operatorname{sign}(\theta - \hat\theta)
          \,\{2(\ell(\hat\theta) - \ell_p(\theta))\}^{1/2}

is nearly a straight line where the likelihood is nearly normal, and is followed outwards in steps of about
equal size; the interval is where it meets the quantiles of the standard normal distribution. Every refit
starts at the one before it. Where an end of the range is reached first, the interval is open there and ends
at the end of the range.

Sources: Bates et al. (2015), J. Stat. Software 67(1), section 5.1; Pinheiro & Bates (2000), Mixed-Effects
Models in S and S-PLUS, section 2.4; Venzon & Moolgavkar (1988), Applied Statistics 37:87.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.distributions import normal_quantile
from covstudio.reml.inference.tables import Row, Tabular
from covstudio.reml.problem.errors import FitCancelled
from covstudio.reml.problem.iteration import Cancel
from covstudio.reml.search.coordinates import Coordinate
from covstudio.reml.search.scales import Scale, scale_of
from covstudio.reml.search.search import State

__all__ = ["Profile", "ProfilePoint", "profile_parameter", "watching"]

Vector = NDArray[np.float64]

#: The signed root is followed in steps of this share of the quantile.
STEPS = 0.25
#: Most refits on either side.
REFITS = 60
#: The ends of the interval are found until the signed root is this close to the quantile.
CLOSE = 1e-7
#: A refit that is better than the fit by more than this says that the fit was not the maximum.
BETTER = 1e-5
#: A parameter so many times its estimate from zero is at infinity: the likelihood levels off before.
FAR = 1e6
#: Nearer to an end of its range than this share of it, a parameter counts as at the end.
END = 1e-9


@dataclass(frozen=True)
class ProfilePoint:
    """One refit along a profile.

    Attributes:
        value: natural value of the profiled parameter.
        loglik: the log-likelihood maximised over all others.
        root: signed root of twice the fall from the maximum.
        params: natural values of all parameters.
        converged: whether the refit reached its maximum.
    """

    value: float
    loglik: float
    root: float
    params: Mapping[str, float]
    converged: bool


@dataclass(frozen=True, repr=False)
class Profile(Tabular):
    """The profile likelihood of one parameter.

    Attributes:
        name: the parameter.
        estimate: its estimate.
        level: confidence level.
        lower: lower end of the interval.
        upper: upper end.
        open_below: the range ended before the likelihood had fallen far enough; `lower` is its end.
        open_above: the same above.
        points: the refits in the order of their values, the estimate among them.
        notes: what to know about them.
    """

    name: str
    estimate: float
    level: float
    lower: float
    upper: float
    open_below: bool
    open_above: bool
    points: tuple[ProfilePoint, ...] = field(repr=False)
    notes: tuple[str, ...] = ()

    def table(self) -> list[Row]:
        return [
            {"value": p.value, "loglik": p.loglik, "root": p.root, "converged": p.converged}
            for p in self.points
        ]

    def _title(self) -> str:
        left, right = "(" if self.open_below else "[", ")" if self.open_above else "]"
        return (
            f"Profile likelihood of {self.name}: {self.estimate:.6g}, {100 * self.level:g} % interval "
            f"{left}{self.lower:.6g}, {self.upper:.6g}{right}"
        )

    def _notes(self) -> tuple[str, ...]:
        return self.notes


def watching(cancel: Cancel | None) -> Callable[[State], None] | None:
    """A watch of iterations that stops when the caller says so."""
    if cancel is None:
        return None

    def watch(state: State) -> None:
        if cancel.is_set():
            raise FitCancelled("cancelled between iterations")

    return watch


class _Profiler:
    def __init__(
        self,
        binding: Binding,
        coordinate: Coordinate,
        error: float,
        callback: Callable[[ProfilePoint], object] | None,
        cancel: Cancel | None,
    ) -> None:
        self.binding = binding
        self.coordinate = coordinate
        self.callback = callback
        self.cancel = cancel
        self.estimate = float(binding.natural[coordinate.position])
        self.kernel = binding.point.kernel
        self.scale = self._walking_scale(scale_of(coordinate))
        self.error = self._error(error)
        self._size = max(abs(self.estimate), self.error if self.scale.name == "natural" else 0.0)
        self.points: dict[float, ProfilePoint] = {}
        self.natural: dict[float, Vector] = {self.estimate: binding.natural}
        self.best = 0.0
        self.points[self.estimate] = self._point(self.estimate, binding.natural, self.kernel, True)

    def _walking_scale(self, scale: Scale) -> Scale:
        """The better scale, unless the estimate stands at an end, where that is infinite."""
        return scale if math.isfinite(scale.to(self.estimate)) else Scale("natural")

    def _error(self, error: float) -> float:
        """A first guess at the standard error on the walking scale."""
        c = self.coordinate
        if math.isfinite(error) and error > 0.0:
            moved = error * self.scale.slope(self.estimate)
            return min(moved, 2.0) if self.scale.name != "natural" else moved
        if math.isfinite(c.low) and math.isfinite(c.high):
            return 0.05 * (c.high - c.low)
        size = self.binding.point.mean_diagonal
        return 0.1 * (size / c.unit) ** (1.0 / c.degree) if c.unit > 0.0 and c.degree else 0.1

    def _point(self, value: float, natural: Vector, kernel: float, converged: bool) -> ProfilePoint:
        fall = 2.0 * (self.kernel - kernel)
        self.best = min(self.best, fall)
        root = math.copysign(math.sqrt(max(fall, 0.0)), value - self.estimate)
        told = self.binding.told(natural).tolist()
        params = dict(zip(self.binding.variance.names, told, strict=True))
        loglik = self.binding.fit.loglik + kernel - self.kernel
        return ProfilePoint(value, loglik, root, params, converged)

    def at(self, value: float) -> ProfilePoint | None:
        """The refit at this value, from the nearest one; None where V is not positive definite."""
        if value in self.points:
            return self.points[value]
        nearest = min(self.natural, key=lambda other: abs(other - value))
        start = self.natural[nearest].copy()
        k = self.coordinate.position
        start[k] = value
        outcome = self.binding.climb(start, without=k, watch=watching(self.cancel))
        if outcome is None or not np.isfinite(outcome.point.kernel):
            return None
        natural = outcome.point.natural
        point = self._point(value, natural, outcome.point.kernel, outcome.converged)
        self.points[value], self.natural[value] = point, natural
        if self.callback is not None:
            self.callback(point)
        if self.cancel is not None and self.cancel.is_set():
            raise FitCancelled("cancelled between the refits of a profile")
        return point

    def side(self, sign: int, quantile: float) -> tuple[float, bool]:
        """The end of the interval on one side, and whether it is open.

        Walks outwards on the walking scale until the root passes the quantile, then closes in on it.
        """
        end = self.coordinate.low if sign < 0 else self.coordinate.high
        if self.estimate == end:
            return end, True
        if math.isfinite(end):
            there = self.at(end)
            if there is not None and abs(there.root) < quantile:
                self._between(end)
                return end, True
        here, root, step = self.scale.to(self.estimate), 0.0, STEPS * quantile * self.error
        for _ in range(REFITS):
            moved = here + sign * step
            value = self.scale.back(moved)
            if self._beyond(value, end):
                step = 0.5 * abs(end - here)
                value, moved = here + sign * step, here + sign * step
            if self._at_end(value, end) or abs(value) > FAR * self._size:
                return end, True
            point = self.at(value)
            if point is None:
                # V is not positive definite there: the likelihood has an end of its own before it.
                step *= 0.5
                if abs(step) < 1e-10 * (1.0 + abs(here)):
                    return self.scale.back(here), True
                continue
            if abs(point.root) >= quantile:
                return self._closed(here, root, moved, abs(point.root), quantile), False
            gained = abs(point.root) - root
            growth = STEPS * quantile / gained if gained > 0.0 else 4.0
            here, root, step = moved, abs(point.root), step * min(max(growth, 0.3), 4.0)
        return end, True  # it levels off: nothing in the range is far enough from the maximum

    def _beyond(self, value: float, end: float) -> bool:
        """Whether a step on the natural scale leaves the range."""
        return self.scale.name == "natural" and (value - end) * (self.estimate - end) <= 0.0

    def _at_end(self, value: float, end: float) -> bool:
        if not math.isfinite(end):
            return math.isinf(value)
        width = self.coordinate.high - self.coordinate.low
        size = width if math.isfinite(width) else abs(self.estimate - end)
        return abs(value - end) <= END * size

    def _between(self, end: float) -> None:
        """Some points on the way to an end of the range, so that the profile can be drawn."""
        for share in (0.25, 0.5, 0.75):
            self.at(self.estimate + share * (end - self.estimate))

    def _closed(self, near: float, below: float, far: float, above: float, quantile: float) -> float:
        """Where the root meets the quantile, by false position (Illinois), on the walking scale."""
        f_near, f_far, side = below - quantile, above - quantile, 0
        for _ in range(REFITS):
            if abs(f_far) < CLOSE:
                return self.scale.back(far)
            moved = (near * f_far - far * f_near) / (f_far - f_near)
            point = self.at(self.scale.back(moved))
            if point is None or moved in (near, far):
                return self.scale.back(moved)
            f = abs(point.root) - quantile
            if abs(f) < CLOSE:
                return self.scale.back(moved)
            if f > 0.0:
                far, f_far = moved, f
                f_near, side = (0.5 * f_near if side > 0 else f_near), 1
            else:
                near, f_near = moved, f
                f_far, side = (0.5 * f_far if side < 0 else f_far), -1
        return self.scale.back(0.5 * (near + far))

    def notes(self, open_below: bool, open_above: bool) -> tuple[str, ...]:
        said = []
        if open_below or open_above:
            sides = " and ".join(
                s for s, is_open in (("below", open_below), ("above", open_above)) if is_open
            )
            said.append(f"the interval is open {sides}: the likelihood does not fall far enough in the range")
        if self.best < -BETTER:
            said.append(
                f"a refit raised the log-likelihood by {-0.5 * self.best:.3g}: the fit is not at its "
                "maximum; start it at the best point of this profile"
            )
        failed = sum(not point.converged for point in self.points.values())
        if failed:
            said.append(f"{failed} of {len(self.points)} refits did not converge")
        return tuple(said)


def profile_parameter(
    binding: Binding,
    coordinate: Coordinate,
    error: float,
    level: float,
    callback: Callable[[ProfilePoint], object] | None = None,
    cancel: Cancel | None = None,
) -> Profile:
    """The profile likelihood of one parameter.

    Args:
        binding: the fit and its model.
        coordinate: the parameter.
        error: its standard error, for the first step; NaN where there is none.
        level: confidence level.
        callback: called with every `ProfilePoint`.
        cancel: set, it stops with `FitCancelled`.
    """
    work = _Profiler(binding, coordinate, error, callback, cancel)
    quantile = normal_quantile(0.5 + 0.5 * level)
    lower, open_below = work.side(-1, quantile)
    upper, open_above = work.side(+1, quantile)
    points = tuple(work.points[value] for value in sorted(work.points))
    return Profile(
        coordinate.name,
        work.estimate,
        level,
        lower,
        upper,
        open_below,
        open_above,
        points,
        work.notes(open_below, open_above),
    )
