r"""The scales on which parameters move, and on which an estimate is closest to normal.

A variance or a range is positive: its logarithm. A correlation lies between two ends: Fisher's z = atanh rho
on (-1, 1), and log((rho - low)/(high - rho)) on any other range, of which Fisher's z is half. Anything else
stays as it is.

Source: Fisher (1921), Metron 1:3, for z; Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS,
section 2.4, for variances and correlations alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from covstudio.reml.search.coordinates import Coordinate, Kind

__all__ = ["FISHER", "LOG", "LOGIT", "NATURAL", "Scale", "scale_of"]


@dataclass(frozen=True)
class Scale:
    """A monotone scale.

    Attributes:
        name: as it is written in tables.
        low: lower end of the natural range.
        high: upper end.
    """

    name: str
    low: float = -math.inf
    high: float = math.inf

    def to(self, value: float) -> float:
        """The value on this scale; infinite at the ends of the range.

        Example:
            >>> round(FISHER.to(0.5), 6), LOG.to(0.0)
            (0.549306, -inf)
        """
        if self.name == "log":
            return math.log(value - self.low) if value > self.low else -math.inf
        if self.name == "log below":
            return -math.log(self.high - value) if value < self.high else math.inf
        if self.name in ("logit", "Fisher z"):
            if not self.low < value < self.high:
                return -math.inf if value <= self.low else math.inf
            size = math.log(value - self.low) - math.log(self.high - value)
            return 0.5 * size if self.name == "Fisher z" else size
        return value

    def back(self, moved: float) -> float:
        """The natural value.

        Example:
            >>> round(FISHER.back(FISHER.to(0.3)), 12), LOG.back(-math.inf)
            (0.3, 0.0)
        """
        if self.name == "log":
            return self.low + math.exp(min(moved, 700.0))
        if self.name == "log below":
            return self.high - math.exp(min(-moved, 700.0))
        if self.name in ("logit", "Fisher z"):
            z = 2.0 * moved if self.name == "Fisher z" else moved
            share = 1.0 / (1.0 + math.exp(-z)) if z >= 0.0 else math.exp(z) / (1.0 + math.exp(z))
            return self.low + (self.high - self.low) * share
        return moved

    def move(self, value: float, step: float) -> float:
        """The natural value after a step on this scale, from the nearer end, so that no figures are lost.

        Example:
            >>> LOG.move(5.0, math.log(2.0)), 1.0 - LOGIT.move(1.0 - 2.0**-40, math.log(2.0)) == 2.0**-41
            (10.0, True)
        """
        if self.name == "log":
            return self.low + (value - self.low) * math.exp(step)
        if self.name == "log below":
            return self.high - (self.high - value) * math.exp(-step)
        if self.name in ("logit", "Fisher z"):
            size = 2.0 * step if self.name == "Fisher z" else step
            below, above, width = value - self.low, self.high - value, self.high - self.low
            left = math.exp(-abs(size))
            if size > 0.0:
                return self.high - width * above * left / (below + above * left)
            return self.low + width * below * left / (above + below * left)
        return value + step

    def rate(self, value: float) -> float:
        """d natural / d moved; 0 at the ends of the range.

        Example:
            >>> LOG.rate(3.0), LOGIT.rate(0.5), NATURAL.rate(3.0)
            (3.0, 0.25, 1.0)
        """
        if self.name == "log":
            return value - self.low
        if self.name == "log below":
            return self.high - value
        if self.name in ("logit", "Fisher z"):
            rate = (value - self.low) * ((self.high - value) / (self.high - self.low))
            return 2.0 * rate if self.name == "Fisher z" else rate
        return 1.0

    def slope(self, value: float) -> float:
        """d moved / d natural; infinite at the ends of the range."""
        if self.name == "log":
            return 1.0 / (value - self.low) if value > self.low else math.inf
        if self.name == "log below":
            return 1.0 / (self.high - value) if value < self.high else math.inf
        if self.name in ("logit", "Fisher z"):
            if not self.low < value < self.high:
                return math.inf
            slope = 1.0 / (value - self.low) + 1.0 / (self.high - value)
            return 0.5 * slope if self.name == "Fisher z" else slope
        return 1.0

    def interval(self, value: float, error: float, quantile: float) -> tuple[float, float]:
        """value +- quantile standard errors, taken on this scale and brought back.

        Example:
            >>> low, high = LOG.interval(2.0, 1.0, 1.96)
            >>> round(low, 4), round(high, 4)
            (0.7506, 5.3289)
        """
        if math.isnan(error) or not math.isfinite(self.slope(value)):
            return math.nan, math.nan
        reach = quantile * error * self.slope(value)
        return self.back(self.to(value) - reach), self.back(self.to(value) + reach)


NATURAL = Scale("natural")
LOG = Scale("log", 0.0)
LOGIT = Scale("logit", 0.0, 1.0)
FISHER = Scale("Fisher z", -1.0, 1.0)


def scale_of(coordinate: Coordinate) -> Scale:
    """The scale for a parameter, by its kind and range."""
    low, high = coordinate.low, coordinate.high
    if coordinate.kind is Kind.INTERVAL:
        return Scale("Fisher z" if (low, high) == (-1.0, 1.0) else "logit", low, high)
    if coordinate.kind in (Kind.VARIANCE, Kind.SCALE):
        return Scale("log", low) if math.isfinite(low) else Scale("log below", -math.inf, high)
    return NATURAL
