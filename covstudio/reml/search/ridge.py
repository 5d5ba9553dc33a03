r"""Ridges, where the likelihood rises towards a limit that no finite parameters reach.

In `logarithms` the likelihood near the end of a ridge is

.. math:: \ell(t) \approx \ell_\infty - a e^{-t}, \qquad a > 0,

along a direction t that the information says less and less about, and what is left to gain is the slope
itself. In :math:`s = e^{-t}`, which is :math:`1/\sigma^2` where a variance grows, this is a maximum at the
boundary s = 0 with a score that points outwards. As at any bound, one parameter of each ridge is then held,
and the others are estimated beside it: nothing is lost with it, as the data tell only what stays the same
along the ridge.

Source: Nocedal & Wright (2006), Numerical Optimization, section 12.3, for maxima at a bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.search.constants import (
    NEGLIGIBLE,
    RIDGE_FLAT,
    RIDGE_LEAD,
    RIDGE_NOTHING,
    RIDGE_PART,
    RIDGE_WEAK,
)
from covstudio.reml.search.coordinates import Coordinate, Kind
from covstudio.reml.search.step_length import diagonal_of
from covstudio.reml.search.working import Working
from covstudio.threads import symmetric_eigen

__all__ = ["Ridge", "ridge_at"]

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Ridge:
    """Combinations of logarithms along which the likelihood is all but flat.

    Attributes:
        members: the parameters that take part, by their place among the coordinates.
        leads: one of the members for each combination: with these held the others are told.
        directions: the combinations, in the working parameters of `Working`, (m, d), each with 1 or -1 for
            its own lead, so that this nears its end, and 0 for the others.
        beside: what goes with each combination for a while, of all coordinates, (K, d): it dies out as the
            lead nears its end.
        slopes: slope of the log-likelihood along each, (d,): what is left to gain.
        steps: how far A alone would have the search go along each, (d,): without end on a ridge.
    """

    members: tuple[int, ...]
    leads: tuple[int, ...]
    directions: Vector
    beside: Vector
    slopes: Vector
    steps: Vector

    @property
    def left(self) -> float:
        """What is left to gain."""
        return float(np.maximum(self.slopes, 0.0).sum())


def ridge_at(
    working: Working, values: Vector, score: Vector, information: Vector, moves: Flags, total: float
) -> Ridge | None:
    """The ridge a point lies on; None where the information is not singular along logarithms.

    Args:
        working: tells which parameters are logarithms.
        values: natural values, (K,).
        score: with respect to working parameters, (K,).
        information: likewise, (K, K).
        moves: which parameters may move, (K,).
        total: mean diagonal of V.
    """
    used = np.flatnonzero(moves)
    if not len(used):
        return None
    own, slope = information[np.ix_(used, used)], score[used]
    logs = np.array([working.logarithmic(int(i)) for i in used])
    # Others have no size of their own; a logarithm of which nothing is known stands for itself.
    scale = np.sqrt(diagonal_of(slope, own))
    scale[logs] = np.maximum(scale[logs], 1.0)
    eigenvalues, vectors = symmetric_eigen(own / (scale[:, None] * scale))
    null = vectors[:, eigenvalues < RIDGE_WEAK]
    if not null.shape[1] or not logs.any():
        return None
    natural = (null @ _without(null[~logs])) / scale[:, None]
    order = sorted(np.flatnonzero(logs).tolist(), key=lambda j: _rank(working.coordinates[used[j]]))
    rows = _pivots(natural, order)
    if not rows or len(rows) < natural.shape[1]:
        return None
    directions = natural @ np.linalg.inv(natural[rows])
    slopes = slope @ directions
    shares = working.shares(values)
    small = shares < NEGLIGIBLE * total
    signs = [
        _outwards(working.coordinates[i], float(values[i]), float(s), bool(small[i]))
        for i, s in zip(used[rows], slopes, strict=True)
    ]
    known = np.einsum("ij,ik,kj->j", directions, own, directions)
    flat = known < RIDGE_FLAT
    directions, slopes = (directions * signs)[:, flat], (slopes * signs)[flat]
    lasting = np.where((np.abs(directions) < RIDGE_PART) | ~logs[:, None], 0.0, directions)
    part = lasting.any(axis=1)
    if not part.any():
        return None
    beside = np.zeros((len(values), directions.shape[1]))
    beside[used] = directions - lasting
    leads = tuple(int(used[j]) for j, flag in zip(rows, flat, strict=True) if flag)
    steps = slopes / np.maximum(known[flat], RIDGE_NOTHING)
    return Ridge(tuple(used[part].tolist()), leads, lasting[part], beside, slopes, steps)


def _without(rows: Vector) -> Vector:
    """Combinations of columns in which some rows take no part, (d, k)."""
    if not len(rows):
        return np.eye(rows.shape[1])
    _, sizes, right = np.linalg.svd(rows)
    taking = np.zeros(rows.shape[1])
    taking[: len(sizes)] = sizes
    return np.asarray(right[taking < RIDGE_PART].T, dtype=np.float64)


def _rank(c: Coordinate) -> int:
    """What grows without end goes first, then what nears an end."""
    return 0 if c.degree else 1 if c.kind is Kind.INTERVAL else 2


def _outwards(c: Coordinate, value: float, slope: float, small: bool) -> float:
    """The sign of a step that takes a parameter to the end it runs to.

    A scale grows, unless there is little of it left, a correlation nears the closer end, and a range goes
    uphill.
    """
    if c.kind is Kind.INTERVAL:
        return -1.0 if value - c.low < c.high - value else 1.0
    if c.degree:
        return -1.0 if small else 1.0
    return 1.0 if slope >= 0.0 else -1.0


def _pivots(directions: Vector, order: list[int]) -> list[int]:
    """As many rows, the first in `order` that are independent, as there are columns."""
    rest = directions / np.abs(directions).max(axis=0) if directions.size else directions
    found: list[int] = []
    for j in order:
        size = float(np.linalg.norm(rest[j]))
        if len(found) < rest.shape[1] and size > RIDGE_LEAD:
            found.append(j)
            along = rest[j] / size
            rest = rest - (rest @ along)[:, None] * along
    return found
