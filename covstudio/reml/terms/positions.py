r"""Covariances between places that groups of rows share: times of repeated measures, positions in a row.

A group takes some of the places; its covariance is the corresponding part of one matrix, computed once for
all groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    structure,
)

__all__ = ["Universe", "universe_of"]

#: More places than this are not written out.
PLACES = 4000


@dataclass(frozen=True, eq=False)
class AtDistance:
    """sigma^2 exp(-distance / range) between places, pair by pair.

    Attributes:
        times: coordinate of every place.
    """

    times: Tensor

    def _decay(self, natural: Tensor, i: Tensor, j: Tensor) -> tuple[Tensor, Tensor, float]:
        times = self.times.to(i.device)
        scale = max(float(natural[1]), torch.finfo(torch.float64).tiny)
        steps = (times[i] - times[j]).abs() / scale
        return steps, torch.exp(-steps), scale

    def value(self, natural: Tensor, i: Tensor, j: Tensor) -> Tensor:
        """Covariances between places i and j, in the shape the two broadcast to."""
        return float(natural[0]) * self._decay(natural, i, j)[1]

    def derivative(self, natural: Tensor, index: Sequence[int], i: Tensor, j: Tensor) -> Tensor:
        """Their derivatives, (k, ...)."""
        steps, decay, scale = self._decay(natural, i, j)
        slopes = [decay if k == 0 else float(natural[0]) / scale * (steps * decay) for k in index]
        return torch.stack(slopes) if slopes else decay.new_zeros((0, *decay.shape))


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
    markov = structure.bandwidth(matrix) == 1
    if type(matrix) in (AR1Matrix, AR1CorrelationMatrix):
        place = torch.arange(n)
        if group is not None:
            first = torch.full((int(group.max()) + 1,), n).scatter_reduce_(0, group, place, "amin")
            place = place - first[group]
        return _stationary(matrix, int(place.max()) + 1, place)
    if type(matrix) is OrnsteinUhlenbeckMatrix:
        times, place = torch.unique(matrix.times, return_inverse=True)
        return _in_time(matrix, times.to(device="cpu", dtype=torch.float64), place)
    if n <= PLACES:
        return _written(matrix, torch.arange(n), markov=markov)
    return None


def _written(matrix: Matrix, place: Tensor, *, markov: bool) -> Universe:
    return Universe(
        matrix.shape[0],
        matrix.evaluate,
        lambda natural, index: matrix.natural_jacobian(natural, list(index)),
        markov=markov,
        places=place,
    )


def _stationary(matrix: Matrix, size: int, place: Tensor) -> Universe:
    """sigma^2 rho^lag by its first column: a series of n steps written out would be n x n."""
    scaled = matrix.num_params == 2
    lag = torch.arange(size, dtype=torch.float64)

    def value(natural: Tensor) -> Tensor:
        power = natural[-1] ** lag.to(natural.device)
        return natural[0] * power if scaled else power

    def derivative(natural: Tensor, index: Sequence[int]) -> Tensor:
        rho = natural[-1]
        # 0^-1 would spoil the first entry, which is 0 lag^... = 0.
        steps = lag.to(natural.device)
        slope = steps * rho ** (steps - 1.0).clamp(min=0.0)
        slope = natural[0] * slope if scaled else slope
        slices = [rho**steps if scaled and k == 0 else slope for k in index]
        return torch.stack(slices) if slices else natural.new_zeros((0, size))

    return Universe(size, value, derivative, markov=True, by_lag=True, places=place)


def _in_time(matrix: OrnsteinUhlenbeckMatrix, times: Tensor, place: Tensor) -> Universe:
    """A process in continuous time, between places at these times."""
    every = torch.arange(len(times))
    pairs = AtDistance(times)
    return Universe(
        len(times),
        lambda natural: pairs.value(natural, every[:, None], every),
        lambda natural, index: pairs.derivative(natural, index, every[:, None], every),
        markov=len(times) > 1,
        at_distance=pairs,
        places=place,
    )
