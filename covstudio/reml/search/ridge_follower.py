"""Following a ridge to its end: on logarithms while it rises, then with one parameter of it held."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.search.constants import (
    CONVERGED_BESIDE,
    CONVERGED_BESIDE_ROUNDING,
    FAR,
    GROWN,
    RIDGE_ENDLESS,
    RIDGE_FADES,
    RIDGE_GAIN,
    RIDGE_HIDES,
    RIDGE_LOOK,
    RIDGE_ROUGH,
    RIDGE_SHORT,
    RIDGE_SLOW,
    RIDGE_WALL,
    TREMBLE,
)
from covstudio.reml.search.logarithms import Logarithms
from covstudio.reml.search.outcome import rounding_error
from covstudio.reml.search.ridge import Ridge, ridge_at
from covstudio.reml.search.working import Working

__all__ = ["RidgeFollower"]

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]


class RidgeFollower:
    """Follows a ridge to its end, when steps have shown that there may be one.

    Args:
        engine: evaluates the likelihood.
        positions: of the coordinates among all parameters.
        plain: the working parameters that the search begins with.

    Attributes:
        working: those of the next step.
        ridge: what the point lies on; None where it lies on none.
        held: the parameters that are held at present, by their place among the coordinates.
        noise: rounding error of the likelihood.
    """

    def __init__(self, engine: Engine, positions: list[int], plain: Working) -> None:
        self.engine, self.positions = engine, positions
        self.logarithms = Logarithms(plain)
        self.working = plain
        self.ridge: Ridge | None = None
        self.held: tuple[int, ...] = ()
        self.noise = 0.0
        self._size = math.inf
        self._walled = False

    @property
    def watched(self) -> bool:
        """Whether steps have been cut short lately, or are taken in logarithms."""
        return self.logarithms.cut > 0 or self.followed

    @property
    def followed(self) -> bool:
        """Whether steps are taken in logarithms."""
        return self.working.follows

    def stepped(
        self, before: Point, point: Point, share: float, curved: bool, step: Vector, moves: Flags
    ) -> Working:
        """The working parameters to go on with after a step; see `Logarithms.after`."""
        values, followed = point.natural[self.positions], self.followed
        if not self.held:
            self._walled = self._walled or (share < 1.0 and self.ridge is not None)
            old = before.natural[self.positions]
            self.working = self.logarithms.after(self.working, old, values, share, curved, step, moves)
        if self.followed and not followed:
            self._size = point.mean_diagonal
        return self.working

    def checked(self, point: Point) -> Working:
        """The working parameters for this point, at which parameters may stand at an end."""
        self.working = self.working.checked(point.natural[self.positions])
        if not self.followed:
            self.held, self.ridge = (), None
        return self.working

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
        before = self.held
        self.held, self.ridge = (), None
        if not self.followed:
            return ()
        values = point.natural[self.positions]
        self.ridge = ridge_at(self.working, values, score, information, moves, point.mean_diagonal)
        left = math.inf if self.ridge is None else self.ridge.left
        look = left < RIDGE_WALL or point.mean_diagonal > GROWN * self._size
        # One look may find little by chance.
        self.noise = max(self._rounding(point), RIDGE_FADES * self.noise) if look else 0.0
        if self.ridge is None:
            self._walled = False
        rising = self.ridge is not None and bool((self.ridge.slopes > -self.goal).all())
        if self.ridge is not None and rising:
            near = left < self.goal or (self._walled and left < RIDGE_WALL)
            clear = bool(
                (self.ridge.slopes > RIDGE_ROUGH * self.noise).all()
                and (self.ridge.steps > RIDGE_ENDLESS).all()
            )
            slow = self._walled and left < RIDGE_SLOW and clear
            if slow or (near and (self.ridge.leads == before or self._real(point))):
                self.held = self.ridge.leads
        room = self._room(
            min(left, max(squared_length, self.goal)) if rising else max(squared_length, self.goal)
        )
        self.working.within(room)
        return self.held

    @property
    def goal(self) -> float:
        """What is left to gain is not worth having below this."""
        return max(RIDGE_GAIN, RIDGE_ROUGH * self.noise)

    def walls(self) -> bool:
        """Note that no step helps; say whether that may be as one of them should be held."""
        self._walled = self.ridge is not None and not self.held
        return self._walled

    @property
    def settled(self) -> float:
        """Below this squared length the others stand still beside the held ones."""
        return max(CONVERGED_BESIDE, CONVERGED_BESIDE_ROUNDING * self.noise)

    def further(self, point: Point) -> Point | None:
        """A better point further along the ridge once the others stand still; None where there is none."""
        if self.ridge is None or not self.held:
            return None
        ended = self._ended(point)
        if ended is not None:
            return ended
        length = self._room(self.ridge.left) if self.ridge.left > self.goal else 0.0
        while length > RIDGE_LOOK:
            there = self._along(point, length)
            if there is not None and there.kernel > point.kernel + self.noise:
                return there
            length *= 0.5
        return None

    def _ended(self, point: Point) -> Point | None:
        """The point with a parameter that nears its end by itself at this end, if that costs nothing."""
        assert self.ridge is not None
        for j, direction in enumerate(self.ridge.directions.T):
            (alone,) = np.nonzero(direction)
            i = self.ridge.members[alone[0]]
            c = self.working.coordinates[i]
            end = c.high if direction[alone[0]] > 0.0 else c.low
            if len(alone) == 1 and math.isfinite(end):
                step = self.ridge.beside[:, j].copy()
                step[i] = 0.0
                natural = self._values(point, step)
                natural[c.position] = end
                there = self.engine.at(natural)
                if there is not None and there.kernel >= point.kernel - rounding_error(point):
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
        room = math.log(max(left, 1e-300) / (RIDGE_SHORT * self.goal))
        return min(room, RIDGE_HIDES * math.log(max(left, 1e-300) / self.noise)) if self.noise > 0.0 else room

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
        natural[self.positions] = self.working.move(point.natural[self.positions], step)
        return natural

    def _rounding(self, point: Point) -> float:
        """Rounding error of the likelihood, seen where it should not change."""
        worst = 0.0
        logs = [self.working.logarithmic(i) for i in range(len(self.positions))]
        for tremble in (TREMBLE, -TREMBLE):
            there = self.engine.at(self._values(point, np.where(logs, tremble, 0.0)))
            worst = max(worst, abs(there.kernel - point.kernel) if there is not None else RIDGE_WALL)
        return worst
