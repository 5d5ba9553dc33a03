r"""Standard errors and intervals of variance parameters.

The standard error is the delta method's: the square root of the diagonal of the inverse information, which
holds on the natural scale. Intervals are given on the natural scale and on the scale where the estimate is
closer to normal (`scales`).

A parameter estimated at an end of its range has no standard error. For a variance of zero the log-likelihood
still has a slope s < 0 there, and with the information I about it, the other parameters profiled out,

.. math:: 2(\ell(0) - \ell(\theta)) \approx -2 s\theta + I\theta^2

is below the chi-square quantile c up to theta = (s + (s^2 + I c)^(1/2)) / I: a one-sided interval [0, theta].
`profile` finds it without the approximation.

Source: Pawitan (2001), In All Likelihood, ch. 2; Self & Liang (1987), JASA 82:605, for what a boundary does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from covstudio.reml.fitting.parameter_covariance import ParameterCovariance
from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.distributions import chi2_quantile, normal_quantile
from covstudio.reml.inference.tables import NamedRows, Row
from covstudio.reml.search.coordinates import Coordinate, Kind, derivatives_at
from covstudio.reml.search.scales import NATURAL, scale_of

__all__ = ["Intervals", "ParameterInterval", "parameter_intervals"]


@dataclass(frozen=True)
class ParameterInterval:
    """An estimate with its uncertainty.

    Attributes:
        name: path of the parameter, or the expression.
        estimate: on the natural scale.
        standard_error: on the natural scale, by the delta method; NaN where there is none.
        lower: lower end of the interval, found on `scale` and brought back.
        upper: upper end.
        scale: the scale the interval was found on: "natural", "log", "Fisher z", "logit", or "one-sided".
        natural_lower: lower end of the interval estimate -+ quantile standard errors on the natural scale.
        natural_upper: upper end.
        note: why something is missing; empty where nothing is.
    """

    name: str
    estimate: float
    standard_error: float
    lower: float
    upper: float
    scale: str
    natural_lower: float
    natural_upper: float
    note: str = ""

    def row(self) -> Row:
        """The entries as a dictionary."""
        return {
            "name": self.name,
            "estimate": self.estimate,
            "std. error": self.standard_error,
            "lower": self.lower,
            "upper": self.upper,
            "scale": self.scale,
            "natural lower": self.natural_lower,
            "natural upper": self.natural_upper,
            "note": self.note,
        }


@dataclass(frozen=True, repr=False)
class Intervals(NamedRows[ParameterInterval]):
    """Intervals of several parameters.

    Attributes:
        entries: one per parameter, in the order of V.
        level: confidence level.
        information: "observed" or "average".
    """

    level: float
    information: str

    what = "interval"

    def _title(self) -> str:
        return (
            f"{100 * self.level:g} % intervals of variance parameters (standard errors from the "
            f"{self.information} information, delta method)"
        )


#: Reasons for a parameter inside its range to have no interval.
UNTOLD = "the data cannot tell it apart from other parameters"
TAKEN_UP = "fixed effects take up all of its part of V, and the data say nothing about it"


def parameter_intervals(binding: Binding, covariance: ParameterCovariance, level: float) -> Intervals:
    """Intervals of all parameters of V, fixed ones included.

    Args:
        binding: the fit and its model.
        covariance: of the parameters inside their range.
        level: confidence level.
    """
    place = {c.name: i for i, c in enumerate(covariance.coordinates)}
    coordinates = {c.name: c for c in binding.coordinates}
    free = set(binding.v.free_param_names)
    running = {name for group in binding.fit.confounded if group.leads for name in group.names}
    entries = []
    for name, estimate in binding.fit.params.items():
        if name in running:
            note = "it runs to the end of its range with others: `Fit.confounded` has what is estimable"
            entries.append(_without(name, estimate, note))
        elif name in place and name in binding.fit.indistinct:
            entries.append(_without(name, estimate, TAKEN_UP if coordinates[name].silent else UNTOLD))
        elif name in place:
            entries.append(_inside(covariance, place[name], estimate, level))
        elif name in coordinates:
            entries.append(_at_the_end(binding, covariance, coordinates[name], level))
        else:
            note = "held at its start" if name in free else "fixed"
            entries.append(_without(name, estimate, note))
    return Intervals(tuple(entries), level, covariance.kind)


def _without(name: str, estimate: float, note: str) -> ParameterInterval:
    none = math.nan
    return ParameterInterval(name, estimate, none, none, none, "none", none, none, note)


def _inside(covariance: ParameterCovariance, i: int, estimate: float, level: float) -> ParameterInterval:
    c = covariance.coordinates[i]
    gradient = np.zeros(len(covariance.coordinates))
    gradient[i] = 1.0
    variance = covariance.variance(gradient)
    if not variance > 0.0:
        return _without(c.name, estimate, UNTOLD)
    error, quantile = math.sqrt(variance), normal_quantile(0.5 + 0.5 * level)
    scale = scale_of(c)
    lower, upper = scale.interval(estimate, error, quantile)
    natural = NATURAL.interval(estimate, error, quantile)
    name = "log" if scale.name == "log below" else scale.name
    note = "" if natural[0] >= c.low and natural[1] <= c.high else "the natural interval leaves the range"
    return ParameterInterval(c.name, estimate, error, lower, upper, name, *natural, note)


def _at_the_end(
    binding: Binding, covariance: ParameterCovariance, c: Coordinate, level: float
) -> ParameterInterval:
    estimate = binding.fit.params[c.name]
    if c.kind is not Kind.VARIANCE:
        return _without(
            c.name,
            estimate,
            "at the end of its range, without a derivative there: profile it for an interval",
        )
    inside: Sequence[Coordinate] = covariance.coordinates
    derivatives = derivatives_at(binding.point, [c, *inside])
    information = derivatives.information
    gain = information[0, 1:] @ covariance.matrix @ information[1:, 0] if len(inside) else 0.0
    remaining = float(information[0, 0] - gain)
    slope = min(float(derivatives.score[0]), 0.0)
    fall = chi2_quantile(level, 1.0)
    if remaining > 0.0 and math.isfinite(slope):
        reach = (slope + math.sqrt(slope * slope + remaining * fall)) / remaining
    elif remaining == 0.0 and -math.inf < slope < 0.0:
        reach = 0.5 * fall / -slope
    else:
        return _without(c.name, estimate, "at the end of its range, and the likelihood is flat there")
    note = "at the end of its range: one-sided, from slope and curvature of the likelihood there"
    upper = estimate + reach
    return ParameterInterval(
        c.name, estimate, math.nan, estimate, upper, "one-sided", math.nan, math.nan, note
    )
