"""Intervals of the real line: the domains and codomains of transforms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["POSITIVE", "REALS", "Interval"]


@dataclass(frozen=True)
class Interval:
    """An interval of the real line, with what belongs to it at either end."""

    low: float = -math.inf
    high: float = math.inf
    closed_low: bool = False
    closed_high: bool = False

    def __str__(self) -> str:
        left, right = "[" if self.closed_low else "(", "]" if self.closed_high else ")"
        return f"{left}{self.low:g}, {self.high:g}{right}"

    def intersect(self, other: Interval) -> Interval:
        low, high = max(self.low, other.low), min(self.high, other.high)
        if low > high:
            raise ValueError(
                f"expected transforms that can follow each other; the values of one lie in {self} while "
                f"the next takes {other}. Reorder them or change their constants."
            )
        closed_low = all(part.closed_low for part in (self, other) if part.low == low)
        closed_high = all(part.closed_high for part in (self, other) if part.high == high)
        return Interval(low, high, closed_low, closed_high)

    def image(self, function: Callable[[Tensor], Tensor]) -> Interval:
        """The interval a monotone function maps this one onto."""
        ends = function(torch.tensor([self.low, self.high], dtype=torch.float64))
        low, high = float(ends[0]), float(ends[1])
        if low <= high:
            return Interval(low, high, self.closed_low, self.closed_high)
        return Interval(high, low, self.closed_high, self.closed_low)


REALS = Interval()
POSITIVE = Interval(low=0.0)
