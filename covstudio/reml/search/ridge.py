r"""Ridges, where the likelihood rises towards a limit that no finite parameters reach.

In the logarithms of `stretch` the likelihood near the end of a ridge is

.. math:: \ell(t) \approx \ell_\infty - a e^{-t}, \qquad a > 0,

along a direction t that the information says less and less about, and what is left to gain is the slope
itself. In :math:`s = e^{-t}`, which is :math:`1/\sigma^2` where a variance grows, this is a maximum at the
boundary s = 0 with a score that points outwards. As at any bound, one parameter of each ridge is then held,
and the others are estimated beside it: nothing is lost with it, as the data tell only what stays the same
along the ridge.

Source: Nocedal & Wright (2006), Numerical Optimization, section 12.3, for maxima at a bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.problem.threads import symmetric_eigen
from covstudio.reml.search.coordinates import Coordinate, Kind
from covstudio.reml.search.logarithms import SHORTEST_REACH, Bends, Stretched
from covstudio.reml.search.step_length import diagonal_of
from covstudio.reml.search.working import NEGLIGIBLE, Geometry

__all__ = ["Ridge", "Ridges", "ridge_at"]

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Eigenvalues of the information, scaled to a unit diagonal, below the first are looked at; those with less
#: information about the logarithm of their own scale than the second are a ridge.
SMALL, FLAT = 1e-3, 1e-2
#: A scale that runs off makes up more than this share of V.
LARGE = 0.1
#: Weight with which a parameter takes part in a combination.
PART = 1e-2
#: What is left to gain is not worth having below this, or below so many times the rounding error.
GAIN, ROUGH = 1e-6, 10.0
#: This much may be left where rounding, or a V that is singular in figures, cuts steps short.
WALL = 0.1
#: And this much where a ridge that bends in logarithms, too, lets no long step succeed.
SLOW = 1e-3
#: A step by the information this long, on the logarithm, leads to no maximum; and information that is none.
ENDLESS, NOTHING = 5.0, 1e-300
#: The others stand still when s'A^-1 s over them is below this, or below this share of the rounding error.
SETTLED, HIDDEN = 1e-8, 0.2
#: Relative rounding error of a log-likelihood, where nothing is near its end.
ROUNDING = 1e-11
#: A change of the logarithms that no likelihood shows: what it shows is rounding error.
TREMBLE = 1e-12
#: Rounding is looked for where V has grown so many times.
GROWN = 1e3
#: How far to look back, or ahead, for what the ridge has gained, on the logarithm.
FAR = (4.0, 8.0, 12.0)


@dataclass(frozen=True, eq=False)
class Ridge:
    """Combinations of logarithms along which the likelihood is all but flat.

    Attributes:
        members: the parameters that take part, by their place among the coordinates.
        leads: one of the members for each combination: with these held the others are told.
        directions: the combinations, in the working parameters of `Stretched`, (m, d), each with 1 or -1 for
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
    geometry: Stretched, values: Vector, score: Vector, information: Vector, moves: Flags, total: float
) -> Ridge | None:
    """The ridge a point lies on; None where the information is not singular along logarithms.

    Args:
        geometry: tells which parameters are logarithms.
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
    logs = np.array([geometry.logarithmic(int(i)) for i in used])
    # Others have no size of their own; a logarithm of which nothing is known stands for itself.
    scale = np.sqrt(diagonal_of(slope, own))
    scale[logs] = np.maximum(scale[logs], 1.0)
    eigenvalues, vectors = symmetric_eigen(own / (scale[:, None] * scale))
    null = vectors[:, eigenvalues < SMALL]
    if not null.shape[1] or not logs.any():
        return None
    natural = (null @ _without(null[~logs])) / scale[:, None]
    order = sorted(np.flatnonzero(logs).tolist(), key=lambda j: _rank(geometry.coordinates[used[j]]))
    rows = _pivots(natural, order)
    if not rows or len(rows) < natural.shape[1]:
        return None
    directions = natural @ np.linalg.inv(natural[rows])
    slopes = slope @ directions
    shares = geometry.shares(values)
    small = shares < NEGLIGIBLE * total
    signs = [
        _outwards(geometry.coordinates[i], float(values[i]), float(s), bool(small[i]))
        for i, s in zip(used[rows], slopes, strict=True)
    ]
    known = np.einsum("ij,ik,kj->j", directions, own, directions)
    # The data say little, too, about the logarithm of a scale that makes up little of V.
    large = [not geometry.coordinates[i].degree or small[i] or shares[i] > LARGE * total for i in used[rows]]
    flat = (known < FLAT) & large
    directions, slopes = (directions * signs)[:, flat], (slopes * signs)[flat]
    lasting = np.where((np.abs(directions) < PART) | ~logs[:, None], 0.0, directions)
    part = lasting.any(axis=1)
    if not part.any():
        return None
    beside = np.zeros((len(values), directions.shape[1]))
    beside[used] = directions - lasting
    leads = tuple(int(used[j]) for j, flag in zip(rows, flat, strict=True) if flag)
    steps = slopes / np.maximum(known[flat], NOTHING)
    return Ridge(tuple(used[part].tolist()), leads, lasting[part], beside, slopes, steps)


def _without(rows: Vector) -> Vector:
    """Combinations of columns in which some rows take no part, (d, k)."""
    if not len(rows):
        return np.eye(rows.shape[1])
    _, sizes, right = np.linalg.svd(rows)
    taking = np.zeros(rows.shape[1])
    taking[: len(sizes)] = sizes
    return np.asarray(right[taking < PART].T, dtype=np.float64)


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
        if len(found) < rest.shape[1] and size > 0.05:
            found.append(j)
            along = rest[j] / size
            rest = rest - (rest @ along)[:, None] * along
    return found


class Ridges:
    """Follows a ridge to its end, when steps have shown that there may be one.

    Args:
        engine: evaluates the likelihood.
        positions: of the coordinates among all parameters.
        plain: the geometry the search begins with.
    """

    def __init__(self, engine: Engine, positions: list[int], plain: Geometry) -> None:
        self.engine, self.positions = engine, positions
        self.bends = Bends(plain)
        self.geometry: Geometry = plain
        self.ridge: Ridge | None = None
        #: What is held at present.
        self.held: tuple[int, ...] = ()
        #: Rounding error of the likelihood.
        self.noise = 0.0
        self._size = math.inf
        self._walled = False
        self._inner = False

    @property
    def watched(self) -> bool:
        """Whether steps have been cut short lately, or are taken in logarithms."""
        return self.bends.cut > 0 or self.followed

    @property
    def followed(self) -> bool:
        """Whether steps are taken in logarithms."""
        return self.geometry is not self.bends.plain

    def stepped(
        self, before: Point, point: Point, share: float, bent: bool, step: Vector, moves: Flags
    ) -> Geometry:
        """The geometry to go on with after a step; see `Bends.after`."""
        values, followed = point.natural[self.positions], self.followed
        if not self.held:
            self._walled = self._walled or (share < 1.0 and self.ridge is not None)
            old = before.natural[self.positions]
            self.geometry = self.bends.after(self.geometry, old, values, share, bent, step, moves)
        if self.followed and not followed:
            self._size = point.mean_diagonal
        return self.geometry

    def checked(self, point: Point) -> Geometry:
        """The geometry for this point, at which parameters may stand at an end."""
        if isinstance(self.geometry, Stretched):
            self.geometry = self.geometry.checked(point.natural[self.positions])
        return self.geometry

    def hold(
        self, point: Point, score: Vector, information: Vector, moves: Flags, squared_length: float
    ) -> tuple[int, ...]:
        """Which parameters to hold in the next step. How far logarithms may go in it is set on the way.

        Args:
            point: where the search stands.
            score: with respect to working parameters.
            information: likewise.
            moves: which parameters may move.
            squared_length: s'A^-1 s over all that move.
        """
        before, geometry = self.held, self.geometry
        self.held, self.ridge = (), None
        if not isinstance(geometry, Stretched):
            return ()
        values = point.natural[self.positions]
        self.ridge = ridge_at(geometry, values, score, information, moves, point.mean_diagonal)
        left = math.inf if self.ridge is None else self.ridge.left
        look = left < WALL or point.mean_diagonal > GROWN * self._size
        # One look may find little by chance.
        self.noise = max(self._rounding(point, geometry), 0.5 * self.noise) if look else 0.0
        if self.ridge is None:
            self._walled = False
        rising = self.ridge is not None and bool((self.ridge.slopes > -self.goal).all())
        if self.ridge is not None and rising and not self._inner:
            near = left < (3.0 if before else 1.0) * self.goal or (self._walled and left < WALL)
            clear = bool(
                (self.ridge.slopes > ROUGH * self.noise).all() and (self.ridge.steps > ENDLESS).all()
            )
            slow = self._walled and left < SLOW and clear
            if slow or (near and (self.ridge.leads == before or self._real(point))):
                self.held = self.ridge.leads
        room = self._room(
            min(left, max(squared_length, self.goal)) if rising else max(squared_length, self.goal)
        )
        geometry.reach = min(geometry.reach, max(room, SHORTEST_REACH))
        return self.held

    @property
    def goal(self) -> float:
        """What is left to gain is not worth having below this."""
        return max(GAIN, ROUGH * self.noise)

    def walls(self) -> bool:
        """Note that no step helps; say whether that may be as one of them should be held."""
        self._walled = self.ridge is not None and not self.held
        return self._walled

    @property
    def settled(self) -> float:
        """Below this squared length the others stand still beside the held ones."""
        return max(SETTLED, HIDDEN * self.noise)

    def further(self, point: Point) -> Point | None:
        """A better point on the ridge once the others stand still.

        It is further along, or back where the ridge turns out to fall; None where there is none.
        """
        if self.ridge is None or not self.held:
            return None
        ended = self._ended(point)
        if ended is not None:
            return ended
        length = self._room(self.ridge.left) if self.ridge.left > self.goal else 0.0
        while length > 0.5:
            there = self._along(point, length)
            if there is not None and there.kernel > point.kernel + self.noise:
                return there
            length *= 0.5
        for length in FAR:
            there = self._along(point, -length)
            if there is not None and there.kernel > point.kernel + self.goal:
                self._inner = True
                return there
        return None

    def _ended(self, point: Point) -> Point | None:
        """The point with a parameter that nears its end by itself at this end, if that costs nothing."""
        assert self.ridge is not None
        for j, direction in enumerate(self.ridge.directions.T):
            (alone,) = np.nonzero(direction)
            i = self.ridge.members[alone[0]]
            c = self.geometry.coordinates[i]
            end = c.high if direction[alone[0]] > 0.0 else c.low
            if len(alone) == 1 and math.isfinite(end):
                step = self.ridge.beside[:, j].copy()
                step[i] = 0.0
                natural = self._values(point, step)
                natural[c.position] = end
                there = self.engine.at(natural)
                if there is not None and there.kernel >= point.kernel - ROUNDING * (1.0 + abs(point.kernel)):
                    return there
        return None

    def _real(self, point: Point) -> bool:
        """Whether the likelihood has risen along the ridge, and does not fall ahead."""
        ahead = self._along(point, FAR[0])
        if ahead is not None and ahead.kernel < point.kernel - math.exp(FAR[0]) * self.goal:
            return False
        for length in FAR:
            back = self._along(point, -length)
            if back is None or back.kernel < point.kernel - self.goal:
                return True
        return False

    def _room(self, left: float) -> float:
        """How far to go, on the logarithm: until what is left is not worth having, or rounding hides it."""
        room = math.log(max(left, 1e-300) / (0.3 * self.goal))
        return min(room, 0.5 * math.log(max(left, 1e-300) / self.noise)) if self.noise > 0.0 else room

    def _along(self, point: Point, length: float) -> Point | None:
        """The point so far along all combinations together."""
        assert self.ridge is not None
        dying = 1.0 - math.exp(-length) if length > -1.0 else 0.0
        step = dying * self.ridge.beside.sum(axis=1)
        step[list(self.ridge.members)] += length * self.ridge.directions.sum(axis=1)
        return self.engine.at(self._values(point, step))

    def _values(self, point: Point, step: Vector) -> Vector:
        """All natural values after a step in working parameters."""
        natural = point.natural.copy()
        natural[self.positions] = self.geometry.move(point.natural[self.positions], step)
        return natural

    def _rounding(self, point: Point, geometry: Stretched) -> float:
        """Rounding error of the likelihood, seen where it should not change."""
        worst = 0.0
        logs = [geometry.logarithmic(i) for i in range(len(self.positions))]
        for tremble in (TREMBLE, -TREMBLE):
            there = self.engine.at(self._values(point, np.where(logs, tremble, 0.0)))
            worst = max(worst, abs(there.kernel - point.kernel) if there is not None else WALL)
        return worst
