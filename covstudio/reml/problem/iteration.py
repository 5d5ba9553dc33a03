"""The state of a fit while it runs, and the way to ask it to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

__all__ = ["Callback", "Cancel", "Iteration"]


@dataclass(frozen=True)
class Iteration:
    """Where a fit stands after `number` steps.

    Attributes:
        number: steps taken; 0 is the start.
        theta: raw parameters, (number of free parameters,).
        params: natural values of all parameters by path.
        loglik: log-likelihood at theta, in the convention of `Fit.loglik`.
        score_norm: sqrt(s'A^-1 s), the score measured in the metric of the average information: how many
            standard errors the next step would go. It does not depend on the units of any parameter.
        step: share of the proposed step that was taken to get here; 0 at the start.
        halvings: how often that step was shortened.
        seconds: time the iteration took.
    """

    number: int
    theta: Tensor
    params: Mapping[str, float]
    loglik: float
    score_norm: float
    step: float
    halvings: int
    seconds: float


Callback = Callable[[Iteration], object]


@runtime_checkable
class Cancel(Protocol):
    """Says whether to stop, such as a `threading.Event`."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...
