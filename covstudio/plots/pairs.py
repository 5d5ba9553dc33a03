"""Pairs of rows by what lies between them: classes of lags or distances, along one direction or straight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pairs", "pairs_by_distance"]

Array = NDArray[np.float64]
Places = NDArray[np.int64]

#: Up to so many different distances each is a class of its own.
OWN_CLASSES = 40
#: Otherwise there are so many classes, of equal width.
CLASSES = 15


@dataclass(frozen=True, eq=False)
class Pairs:
    """The pairs of rows in one direction.

    Attributes:
        direction: what is between them: the name of a coordinate, or "distance".
        i: one row of each pair.
        j: the other.
        group: the class of each pair, from 0.
        distance: the mean distance of each class.
    """

    direction: str
    i: Places
    j: Places
    group: Places
    distance: Array

    def mean(self, values: Array) -> Array:
        """The mean over the pairs of each class, of one value for each pair."""
        count = np.bincount(self.group, minlength=len(self.distance))
        found: Array = np.bincount(self.group, values, minlength=len(self.distance)) / count
        return found

    @property
    def count(self) -> Places:
        """The number of pairs of each class."""
        return np.bincount(self.group, minlength=len(self.distance))


def pairs_by_distance(
    places: Mapping[str, Array],
    groups: Places | None = None,
    straight: bool = False,
    reach: float | None = None,
) -> Iterator[Pairs]:
    """The pairs of rows of one group by what lies between them.

    Args:
        places: direction -> where the rows stand, (n,); those of several directions that are not `straight`
            are taken one by one, pairs differing in that direction alone.
        groups: rows of different groups make no pair; None for one group.
        straight: by the straight distance over all directions.
        reach: the largest distance; None for half of what there is, and all of it along one direction.

    Example:
        >>> (pairs,) = pairs_by_distance({"x": np.array([0.0, 1.0, 3.0])})
        >>> pairs.distance.tolist(), pairs.count.tolist()
        ([1.0, 2.0, 3.0], [1, 1, 1])
    """
    names = list(places)
    at = np.stack([places[name] for name in names], axis=1)
    i, j = np.triu_indices(len(at), 1)
    apart = np.abs(at[i] - at[j])
    allowed = np.ones(len(i), dtype=bool) if groups is None else groups[i] == groups[j]
    if straight or len(names) == 1:
        distance = np.sqrt((apart**2).sum(axis=1))
        here = allowed & (distance > 0.0)
        yield from _classes(
            names[0] if len(names) == 1 else "distance", i[here], j[here], distance[here], reach
        )
        return
    for k, name in enumerate(names):
        others = np.delete(apart, k, axis=1)
        here = allowed & (apart[:, k] > 0.0) & (others == 0.0).all(axis=1)
        yield from _classes(name, i[here], j[here], apart[here, k], reach)


def _classes(direction: str, i: Places, j: Places, distance: Array, reach: float | None) -> Iterator[Pairs]:
    if not len(distance):
        return
    straight = direction == "distance"
    end = reach if reach is not None else float(distance.max()) / (2.0 if straight else 1.0)
    near = distance <= end
    i, j, distance = i[near], j[near], distance[near]
    if not len(distance):
        return
    values, group = np.unique(np.round(distance, 9), return_inverse=True)
    if len(values) > OWN_CLASSES:
        width = end / CLASSES
        group = np.minimum((distance / width).astype(np.int64), CLASSES - 1)
        present, group = np.unique(group, return_inverse=True)
        values = np.bincount(group, distance, minlength=len(present)) / np.bincount(group)
    yield Pairs(direction, i, j, group.astype(np.int64), values)
