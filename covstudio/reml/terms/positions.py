r"""Covariances between places that groups of rows share: times of repeated measures, positions in a row.

A group takes some of the places; its covariance is the corresponding part of one matrix, computed once for
all groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from covstudio.covariance.linalg import CovarianceFunction

__all__ = ["Universe", "universe_of"]

#: More places than this are not written out.
PLACES = 4000


@dataclass(frozen=True, eq=False)
class AtDistance:
    """A covariance function between places, pair by pair.

    Attributes:
        times: coordinate of every place.
        function: the covariance at a distance.
    """

    times: Tensor
    function: CovarianceFunction

    def _distances(self, i: Tensor, j: Tensor) -> Tensor:
        times = self.times.to(i.device)
        return (times[i] - times[j]).abs()

    def value(self, natural: Tensor, i: Tensor, j: Tensor) -> Tensor:
        """Covariances between places i and j, in the shape the two broadcast to."""
        return self.function.value(natural.to(i.device), self._distances(i, j))

    def derivative(self, natural: Tensor, index: Sequence[int], i: Tensor, j: Tensor) -> Tensor:
        """Their derivatives, (k, ...)."""
        return self.function.derivative(natural.to(i.device), index, self._distances(i, j))


@dataclass(frozen=True, eq=False)
class Universe:
    """A covariance between places.

    Attributes:
        size: number of places.
        value: natural values -> (size, size), or the first column (size,) of a stationary one.
        derivative: natural values and positions -> (k, size, size), or (k, size).
        markov: whether its inverse is tridiagonal, so that the covariance of any places in order is Markov.
        by_lag: whether only the difference of places counts, and `value` gives the first column.
        at_distance: a process in continuous time pair by pair, so that its places are never written out; None
            for any other.
        places: the place of every row, where the rows were given.
    """

    size: int
    value: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor, Sequence[int]], Tensor]
    markov: bool = False
    by_lag: bool = False
    at_distance: AtDistance | None = None
    places: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))

    def entries(self, natural: Tensor, i: Tensor, j: Tensor) -> Tensor:
        """Covariances between places i and j, in the shape the two broadcast to."""
        if self.at_distance is not None:
            return self.at_distance.value(natural, i, j)
        value = self.value(natural).to(i.device)
        return value[(i - j).abs()] if self.by_lag else value[i, j]

    def derivative_entries(self, natural: Tensor, index: Sequence[int], i: Tensor, j: Tensor) -> Tensor:
        """Their derivatives, (k, ...)."""
        if self.at_distance is not None:
            return self.at_distance.derivative(natural, index, i, j)
        slices = self.derivative(natural, index).to(i.device)
        return slices[:, (i - j).abs()] if self.by_lag else slices[:, i, j]


def universe_of(matrix: Matrix, group: Tensor | None = None) -> Universe | None:
    """What a covariance of n rows is between places, and the rows' places.

    Stationary series in equal steps are known by their lags within groups; series in continuous time by the
    times that differ; any other matrix by its rows, when they are few.

    Args:
        matrix: (n, n).
        group: the group of each row, (n,); None for all rows in one.

    Returns:
        The universe with the places of the rows, or None where it would be too large.
    """
    n = matrix.shape[0]
    function = linalg.covariance_function(matrix)
    if function is not None and function.times is None:
        place = torch.arange(n)
        if group is not None:
            first = torch.full((int(group.max()) + 1,), n).scatter_reduce_(0, group, place, "amin")
            place = place - first[group]
        return _in_equal_steps(function, int(place.max()) + 1, place)
    if function is not None and function.times is not None:
        times, place = torch.unique(function.times, return_inverse=True)
        return _in_time(function, times, place)
    if n <= PLACES:
        return _written(matrix, torch.arange(n), markov=linalg.bandwidth(matrix) == 1)
    return None


def _written(matrix: Matrix, place: Tensor, *, markov: bool) -> Universe:
    return Universe(
        matrix.shape[0],
        matrix.evaluate,
        lambda natural, index: matrix.natural_jacobian(natural, list(index)),
        markov=markov,
        places=place,
    )


def _in_equal_steps(function: CovarianceFunction, size: int, place: Tensor) -> Universe:
    """A stationary series by its first column: n steps written out would be n x n."""
    lags = torch.arange(size, dtype=torch.float64)
    return Universe(
        size,
        lambda natural: function.value(natural, lags.to(natural.device)),
        lambda natural, index: function.derivative(natural, index, lags.to(natural.device)),
        markov=function.markov,
        by_lag=True,
        places=place,
    )


def _in_time(function: CovarianceFunction, times: Tensor, place: Tensor) -> Universe:
    """A process in continuous time, between places at these times."""
    every = torch.arange(len(times))
    pairs = AtDistance(times, function)
    return Universe(
        len(times),
        lambda natural: pairs.value(natural, every[:, None], every),
        lambda natural, index: pairs.derivative(natural, index, every[:, None], every),
        markov=function.markov and len(times) > 1,
        at_distance=pairs,
        places=place,
    )
