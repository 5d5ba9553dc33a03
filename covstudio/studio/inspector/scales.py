"""The range of a slider: which natural values it reaches, and how they are spread over it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from covstudio.covariance import Transform, TransformExpPow2

DECADES_DOWN = 4
DECADES_UP = 2
#: A correlation stops this share of its interval short of either end, where V would be singular.
MARGIN = 5e-4


@dataclass(frozen=True)
class Scale:
    """How a slider's position p in [0, 1] becomes a natural value.

    "log": offset + low (high/low)^p, and offset itself at p = 0 when `zero` is true. "linear": low + p (high
    - low).

    Args:
        kind: "log" or "linear".
        low: the value at the left end (for "log": above the offset, and above zero).
        high: the value at the right end, likewise.
        offset: lower end of the parameter's domain; 0 for a variance.
        zero: the left end stands for the offset itself.
    """

    kind: Literal["log", "linear"]
    low: float
    high: float
    offset: float = 0.0
    zero: bool = False

    def position(self, value: float) -> float:
        """Where a value stands, clipped to [0, 1].

        Example:
            >>> Scale("log", 0.01, 100.0).position(1.0)
            0.5
        """
        if self.kind == "linear":
            share = (value - self.low) / (self.high - self.low)
        elif value - self.offset < self.low:
            return 0.0
        else:
            share = math.log((value - self.offset) / self.low) / math.log(self.high / self.low)
        return min(max(share, 0.0), 1.0)


def allows_zero(transform: Transform) -> bool:
    """True for a variance (exp(2 theta)): zero is a value of it that estimation reaches.

    A range or a scale is never zero.
    """
    return isinstance(transform, TransformExpPow2)


def scale_of(transform: Transform, value: float, default: float) -> Scale:
    """The range of a slider for one parameter.

    Args:
        transform: from theta to the natural value.
        value: its present natural value, which the range always holds.
        default: its default natural value, which sets the decades of a positive parameter.

    Returns:
        Decades from 10^-4 to 10^2 times the default for a positive parameter, further where the value lies
        outside; almost the whole of a bounded interval; a round symmetric interval on the whole line.

    Example:
        >>> from covstudio.covariance import TransformExpPow2, TransformIdentity
        >>> scale_of(TransformExpPow2(), 0.5, 1.0)
        Scale(kind='log', low=0.0001, high=100.0, offset=0.0, zero=True)
        >>> scale_of(TransformIdentity(), 1.0, 0.0)
        Scale(kind='linear', low=-3.0, high=3.0, offset=0.0, zero=False)
    """
    low, high = transform.bounds
    if math.isfinite(low) and math.isfinite(high):
        edge = MARGIN * (high - low)
        return Scale("linear", low + edge, high - edge)
    if math.isfinite(low):
        centre = math.floor(math.log10(default - low)) if default > low else 0
        bottom, top = centre - DECADES_DOWN, centre + DECADES_UP
        if value > low:
            bottom = min(bottom, math.floor(math.log10(value - low)))
            top = max(top, math.ceil(math.log10(value - low) + 1e-9))
        return Scale("log", 10.0**bottom, 10.0**top, low, allows_zero(transform))
    reach = _round_up(max(3.0, 2 * abs(value)))
    return Scale("linear", -reach, min(reach, high) if math.isfinite(high) else reach)


def _round_up(value: float) -> float:
    """The next of 1, 2, 3, 5 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.0, 2.0, 3.0, 5.0, 10.0) if step * power >= value * (1 - 1e-12))
