r"""Restarts where the score vanishes but the maximum may lie elsewhere.

A vanishing score is not enough in three places: a scale that stands at 0 has no derivative there (V depends
on its square); a range so short or long that V no longer depends on it; and a variance of 0, under which
its own correlations mean nothing and may have been left where they spoil its score. For each, these
functions propose points just off that place. Evaluating the likelihood at them, once, at the end of a fit,
decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.search.coordinates import Coordinate, Kind

__all__ = ["Escapes"]

Vector = NDArray[np.float64]


class Escapes:
    """Proposes points off the places where derivatives do not help.

    Args:
        coordinates: the estimated parameters.
        mirrors: sign conventions, by name (see `linalg.sign_symmetry`).
        terms: positions of the parameters of every term of the outer sum.
        names: all parameters of V.
    """

    def __init__(
        self,
        coordinates: Sequence[Coordinate],
        mirrors: Mapping[str, Sequence[str]],
        terms: Sequence[Sequence[int]],
        names: Sequence[str],
    ) -> None:
        self.coordinates = list(coordinates)
        place = {name: k for k, name in enumerate(names)}
        movable = {c.position for c in coordinates}
        self._mirrored: dict[int, list[int]] = {}
        for name, others in mirrors.items():
            positions = [place[other] for other in others]
            if place[name] in movable and positions and movable.issuperset(positions):
                self._mirrored[place[name]] = positions
        self._mates: dict[int, list[Coordinate]] = {}
        for members in terms:
            for k in members:
                self._mates[k] = [c for c in coordinates if c.position in members and c.position != k]

    def across(self, natural: Vector, position: int) -> Vector | None:
        """The point on the far side of a scale that is kept positive by convention.

        None where there is no such side.
        """
        others = self._mirrored.get(position)
        if not others or not natural[others].any():
            return None
        proposal = natural.copy()
        proposal[others] *= -1.0
        return proposal

    def away(self, natural: Vector, inert: Sequence[bool], total: float) -> Iterator[Vector]:
        """Points worth a look before the search ends.

        Args:
            natural: values of all parameters, where the score vanishes.
            inert: for every coordinate, whether V does not depend on it here.
            total: mean diagonal of V.

        Yields:
            Values of all parameters.
        """
        still = {c.position for c, flag in zip(self.coordinates, inert, strict=True) if flag}
        for c in self.coordinates:
            value = natural[c.position]
            small = c.contribution(value) <= 1e-6 * total
            if c.kind is Kind.SCALE and c.degree and c.unit > 0.0 and c.low == 0.0 and small:
                for share in (1e-2, 1e-4):
                    proposal = natural.copy()
                    proposal[c.position] = (share * total / c.unit) ** (1.0 / c.degree)
                    yield proposal
                    mirrored = self.across(proposal, c.position)
                    if mirrored is not None:
                        yield mirrored
            elif (
                c.kind is Kind.SCALE and not c.degree and c.low == 0.0 and (c.position in still or not value)
            ):
                base = value if 0.0 < value < np.inf else 1.0
                for power in (*range(1, 13), *range(-1, -13, -1)):
                    proposal = natural.copy()
                    proposal[c.position] = base * 4.0**power
                    yield proposal
            elif c.kind is Kind.VARIANCE and value == 0.0 and c.unit > 0.0:
                mates = [
                    m
                    for m in self._mates.get(c.position, [])
                    if m.position in still and m.kind is Kind.INTERVAL
                ]
                for reach in (0.3, 0.8) if mates else ():
                    proposal = natural.copy()
                    proposal[c.position] = 1e-2 * total / c.unit
                    for mate in mates:
                        proposal[mate.position] = reach * (mate.high if mate.high > 0.0 else mate.low)
                    yield proposal
