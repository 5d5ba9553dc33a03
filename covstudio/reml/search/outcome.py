"""The outcome of a search: where it stands, how it goes on, and where it ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.problem.likelihood import Derivatives, Point
from covstudio.reml.search.constants import ROUNDING
from covstudio.reml.search.ridge import Ridge

__all__ = ["Local", "Outcome", "State", "Trial", "rounding_error"]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class State:
    """Where the search stands after `number` steps; number 0 is the start.

    Attributes:
        number: steps taken.
        point: the likelihood there.
        length: sqrt(s'A^-1 s), how far the uncut step would go, in standard errors.
        share: share of the proposed step that was taken to get here (0 at the start).
        halvings: how often that step was shortened.
        seconds: time the iteration took.
    """

    number: int
    point: Point
    length: float
    share: float
    halvings: int
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """Where the search ended.

    Attributes:
        point: the best point, which is the last.
        derivatives: score and information there with respect to the natural values of all estimated
            parameters; both are 0 for a parameter that has no derivative.
        at_end: for every estimated parameter, whether it stands at an end of its range.
        inert: for every estimated parameter, whether V does not depend on it here.
        converged: whether the stopping rule was met.
        reason: "converged", "rounding" (no further digit can be had), "stalled", "singular" (V becomes
            singular before there is a maximum) or "iterations".
        length: sqrt(s'A^-1 s) at the end.
        iterations: steps taken.
        ridge: what the search followed to a limit that no finite parameters reach; None where it did not.
        vanishing: for "singular" what goes to 0 there, by its place among the coordinates: the others are
            estimated beside it.
    """

    point: Point
    derivatives: Derivatives
    at_end: tuple[bool, ...]
    inert: tuple[bool, ...]
    converged: bool
    reason: str
    length: float
    iterations: int
    ridge: Ridge | None = None
    vanishing: tuple[int, ...] = ()


@dataclass(frozen=True)
class Local:
    """The quadratic model at a point, in working parameters."""

    natural: Derivatives
    score: Vector
    information: Vector
    moves: NDArray[np.bool_]
    inert: NDArray[np.bool_]
    squared_length: float
    #: A^-1 s, where every parameter moves and A is far from singular.
    step: Vector | None


@dataclass(frozen=True)
class Trial:
    """A step that was taken, to where, and how much of it."""

    point: Point
    step: Vector
    share: float
    halvings: int


def rounding_error(point: Point) -> float:
    """What the log-likelihood at a point may be wrong by."""
    return ROUNDING * (1.0 + abs(point.kernel))
