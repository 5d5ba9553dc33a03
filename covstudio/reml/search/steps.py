"""One step: by which curvature, within which bounds, and how much of it.

The step maximises s'd - d'Cd/2 within the bounds of the working parameters (`box_step`) and is halved until
the likelihood does not fall. C is, in turn,

1. minus the second derivatives O, where the last steps all overshot (`observed_information`);
2. A + S with what the scores of the last steps taught, where convergence is slow near the end (`secant`);
3. A, and A + lambda diag A with greater and greater lambda (Levenberg-Marquardt), which also carries the
   search over places where A is singular;
4. O + lambda diag O, where none of these raises the likelihood far from the end: of a coefficient at 0 A has
   next to nothing, so that no lambda makes a step by it short enough.

Source: Marquardt (1963), SIAM J. 11:431, for the damping.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.search.box_step import scaled_box_step
from covstudio.reml.search.constants import (
    DAMPINGS,
    HALVINGS,
    HALVINGS_DAMPED,
    OBSERVED_LAST,
    OBSERVED_MOST,
    OVERSHOT_STEPS,
    ROUGH,
    SECANT_CUT,
    SECANT_NEAR,
    SECANT_SLOW,
)
from covstudio.reml.search.observed_information import observed_curvature
from covstudio.reml.search.outcome import Local, Trial, rounding_error
from covstudio.reml.search.secant import Secant
from covstudio.reml.search.step_length import diagonal_of
from covstudio.reml.search.working import Working

__all__ = ["Steps"]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class _Ahead:
    """Where a step begins, which way is uphill, and how far it may go."""

    point: Point
    values: Vector
    score: Vector
    working: Working
    low: Vector
    high: Vector


class Steps:
    """Takes steps, and remembers what became of the last ones.

    Args:
        engine: evaluates the likelihood.
        positions: of the coordinates among all parameters.
    """

    def __init__(self, engine: Engine, positions: list[int]) -> None:
        self.engine, self.positions = engine, positions
        self.secant = Secant(len(positions))
        #: Whether every step goes by second derivatives where it can.
        self.exact = False
        self._damping = 0
        self._overshot = 0
        #: How much the last step by second derivatives was damped, where no other helped; None where one did.
        self._last: int | None = None
        self._slow = False
        self._length_before = math.inf

    @property
    def overshooting(self) -> bool:
        """Whether the last step went too far, though perhaps none before it."""
        return self._overshot > 0

    @property
    def curved(self) -> bool:
        """Whether the next step goes by second derivatives, as when the last ones all went too far."""
        return self.exact or self._overshot >= OVERSHOT_STEPS

    def forget(self, overshot: bool = True) -> None:
        """Start afresh, as what is moved, or on which scale, has changed.

        Args:
            overshot: whether to forget that steps went too far, too.
        """
        self.secant.forget()
        self._damping = 0
        self._last = None
        if overshot:
            self._overshot = 0

    def take(self, point: Point, local: Local, working: Working) -> Trial | None:
        """The first step that raises the likelihood; None where none does, however damped."""
        values = point.natural[self.positions]
        low, high = working.box(values, local.moves, point.mean_diagonal)
        ahead = _Ahead(point, values, local.score, working, low, high)
        if self._last is not None:
            trial = self._lastly(ahead, local)
            if trial is not None:
                return trial
        elif self.curved:
            trial = self._by_second_derivatives(ahead, local)
            if trial is not None:
                return trial
            self._overshot = 0
        curvature = self._learnt(ahead, local)
        if curvature is not None:
            trial = self._along(ahead, curvature, 1)
            if trial is not None:
                return trial
            self.secant.forget()
        found = self._damped(ahead, local.information, self._damping, local.step)
        if found is not None:
            level, trial = found
            self._damping = max(level - 1, 0)
            self._overshot = self._overshot + 1 if level or trial.halvings > 1 else 0
            return trial
        return self._lastly(ahead, local) if local.squared_length > SECANT_NEAR else None

    def _by_second_derivatives(self, ahead: _Ahead, local: Local) -> Trial | None:
        """A step by the curvature itself, where the average information misses most of it."""
        curvature = self._observed(ahead, local, OBSERVED_MOST)
        return None if curvature is None else self._along(ahead, curvature, HALVINGS)

    def _lastly(self, ahead: _Ahead, local: Local) -> Trial | None:
        """A damped step by the curvature itself, where no other raises the likelihood; and the next ones.

        It must be worth it: where V is all but singular some step rises in the rounding errors.
        """
        curvature = self._observed(ahead, local, OBSERVED_LAST)
        found = None if curvature is None else self._damped(ahead, curvature, self._last or 0, gain=ROUGH)
        if found is None:
            self._last = None
            return None
        level, trial = found
        self._last = max(level - 1, 0)
        return trial

    def _observed(self, ahead: _Ahead, local: Local, most: int) -> Vector | None:
        return observed_curvature(
            self.engine,
            ahead.working,
            self.positions,
            ahead.point,
            local.score,
            local.information,
            local.moves,
            most,
        )

    def _damped(
        self, ahead: _Ahead, curvature: Vector, first: int, plain: Vector | None = None, gain: float = 0.0
    ) -> tuple[int, Trial] | None:
        """The first level of damping, from a first one on, with a step that does not lose, and that step."""
        for level in range(first, len(DAMPINGS)):
            damped = curvature
            if DAMPINGS[level]:
                damped = damped.copy()
                damped.flat[:: len(damped) + 1] += DAMPINGS[level] * diagonal_of(ahead.score, damped)
            tries = HALVINGS if level == first else HALVINGS_DAMPED
            trial = self._along(ahead, damped, tries, None if DAMPINGS[level] else plain, gain)
            if trial is not None:
                return level, trial
        return None

    def _learnt(self, ahead: _Ahead, local: Local) -> Vector | None:
        """The curvature learnt from the scores, where the average information alone has proved slow.

        Not while a bound cuts the plain step: a variance on its way to zero is there sooner without.
        """
        length = math.sqrt(local.squared_length)
        self._slow = self._slow or length > SECANT_SLOW * self._length_before
        self._length_before = length
        if local.squared_length > SECANT_NEAR:
            self._slow = False
            self.secant.forget()
        if not self._slow:
            return None
        scale = np.sqrt(diagonal_of(local.score, local.information))
        unit = local.information / np.outer(scale, scale)
        plain = np.linalg.lstsq(unit, local.score / scale, rcond=SECANT_CUT)[0]
        cut = local.moves & ((plain <= ahead.low * scale) | (plain >= ahead.high * scale))
        return None if bool(cut.any()) else self.secant.curvature(local.information)

    def _along(
        self,
        ahead: _Ahead,
        curvature: Vector,
        tries: int,
        plain: Vector | None = None,
        gain: float = 0.0,
    ) -> Trial | None:
        """The step within bounds for this curvature, halved until the likelihood does not fall.

        `plain` is the step without the bounds, where it is known; `gain` what the likelihood must rise by,
        where it must; None after so many tries.
        """
        point = ahead.point
        if plain is not None and (ahead.low <= plain).all() and (plain <= ahead.high).all():
            step = plain
        else:
            found = scaled_box_step(ahead.score, curvature, ahead.low, ahead.high)
            if found is None:
                return None
            step = found
        share = 1.0
        for halvings in range(tries):
            natural = point.natural.copy()
            natural[self.positions] = ahead.working.move(ahead.values, share * step)
            trial = self.engine.at(natural)
            if trial is not None and trial.kernel >= point.kernel + (gain or -rounding_error(point)):
                return Trial(trial, step, share, halvings)
            share *= 0.5
        return None
