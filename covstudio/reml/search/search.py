r"""Safeguarded average information: from a start to the maximum, or to a reason why not.

Every iteration

1. rescales all parameters that scale V by c = y'Py/(n - p) (over n in ML), the closed-form maximum along
   that direction,
   when V has one;
2. takes score s and average information A with respect to the working parameters (natural values;
   logarithms for scales);
3. stops when s'A^-1 s < 1e-12 over the parameters that are free to move: the squared length of the UNCUT
   step in the metric of the information, which does not depend on the scale of any parameter;
4. finds the step within bounds (`boxqp`): no variance loses more than 98 % of itself (a diagonal one 90 %),
   one below 1e-4 of V's mean diagonal may go to 0, a correlation goes at most 90 % of the way to an end
   of its range;
5. halves it until the likelihood rises; if halving does not help, damps it (A + lambda diag A,
   Levenberg-Marquardt), which also carries it over places where A is singular.

A variance at 0 stays while its score is not positive and is released when it turns so. A parameter that has
no derivative at 0, such as the diagonal of a Cholesky factor, is set to 0 when that costs nothing, and
released when a small value is better. The likelihood never falls from one iteration to the next. When no
step raises it although the score is not zero, that is said.

Nothing here knows how V is factored: see `likelihood.Engine`.

Where steps are cut short again and again because parameters run off together along a ridge, they go on in
logarithms (`stretch`), and end where nothing is left to gain (`ridge`).

Where the average information alone proves slow, near the maximum, the curvature learnt from the scores of the
last steps is used beside it (`secant`).

Sources: Gilmour, Thompson & Cullis (1995), Biometrics 51:1440; Johnson & Thompson (1995), J. Dairy Sci.
78:449; for the damping Marquardt (1963), SIAM J. 11:431; for the stopping rule and the bounds Nocedal &
Wright (2006), Numerical Optimization, Springer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.problem.likelihood import Derivatives, Engine, Point
from covstudio.reml.search.box_step import scaled_box_step
from covstudio.reml.search.coordinates import Coordinate, Kind
from covstudio.reml.search.observed_information import observed_curvature
from covstudio.reml.search.outcome import Local, Outcome, State, Trial
from covstudio.reml.search.restarts import Escapes
from covstudio.reml.search.ridge import Ridges
from covstudio.reml.search.secant import Secant
from covstudio.reml.search.step_length import diagonal_of, newton_step, squared_length
from covstudio.reml.search.working import Geometry

__all__ = ["Outcome", "State", "maximise"]

Vector = NDArray[np.float64]

#: Stop when s'A^-1 s falls below this; 1e-8 would leave errors of 2e-5 in the estimates.
TOLERANCE = 1e-12
#: Relative rounding error to expect of a log-likelihood.
ROUNDING = 1e-11
#: Within this s'A^-1 s of the maximum the scores tell what the average information misses.
NEAR = 0.1
#: Convergence is slow when a step leaves more than this share of s'A^-1 s, square root taken.
SLOW = 0.15
#: So many steps without progress, where progress would not show in the likelihood, are enough.
IDLE = 10
#: Below this information about its logarithm, a parameter that goes on shrinking is as good as 0.
FLAT = 1e-4
#: How often the search may go on from a place where the score vanished, so that no fit goes round in circles.
ESCAPES = 5
#: After so many steps in a row that were damped, or halved more than once, look at the curvature itself.
OVERSHOT = 4
#: How often a step is halved before it is damped instead.
HALVINGS = 6
#: Levenberg-Marquardt factors, tried in turn.
DAMPINGS = (0.0, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e4, 1e6)


def maximise(
    engine: Engine,
    coordinates: Sequence[Coordinate],
    weights: Vector | None,
    escapes: Escapes,
    start: Point,
    max_iter: int,
    watch: Callable[[State], None] | None = None,
) -> Outcome:
    """Climb from `start` to the maximum of the restricted likelihood.

    Args:
        engine: evaluates the likelihood at natural values.
        coordinates: the parameters to estimate.
        weights: exponents of the common scale (`coordinates.scale_weights`), or None.
        escapes: proposes points where the score vanishes for want of a derivative.
        start: the likelihood at the starting values.
        max_iter: most steps to take.
        watch: called with every `State`, the start included; what it raises goes through.

    Returns:
        The `Outcome`.
    """
    return _Search(engine, list(coordinates), weights, escapes).run(start, max_iter, watch)


class _Search:
    def __init__(
        self, engine: Engine, coordinates: list[Coordinate], weights: Vector | None, escapes: Escapes
    ) -> None:
        self.engine = engine
        self.coordinates = coordinates
        self.positions = [c.position for c in coordinates]
        self.weights = weights
        self.geometry = Geometry(coordinates)
        self.escapes = escapes
        self.escaped = 0
        self.damping = 0
        self.secant = Secant(len(coordinates))
        self.slow = False
        self.length_before = math.inf
        self.shortest = math.inf
        self.idle = 0
        self.overshot = 0
        self.ridges = Ridges(engine, self.positions, self.geometry)

    # -- the loop -------------------------------------------------------------------------------------------

    def run(self, point: Point, max_iter: int, watch: Callable[[State], None] | None) -> Outcome:
        share, halvings, number, began = 0.0, 0, 0, time.perf_counter()
        while True:
            point = self._rescale(point)
            if self.ridges.followed:
                self._change(self.ridges.checked(point))
            local = self._local(point)
            if self.ridges.followed:
                local = self._beside(point, local)
            now = time.perf_counter()
            if watch is not None:
                watch(State(number, point, math.sqrt(local.squared_length), share, halvings, now - began))
            began = time.perf_counter()
            found = local.squared_length < (self.ridges.settled if self.ridges.held else TOLERANCE)
            exhausted = not found and self._exhausted(point, local)
            if exhausted and not self.ridges.held:
                return self._outcome(point, local, "rounding", number)
            if number >= max_iter:
                return self._outcome(point, local, "converged" if found else "iterations", number)
            trial = None if found or exhausted else self._advance(point, local)
            if trial is None and not (found or exhausted) and self.ridges.walls():
                local = self._beside(point, local)
                trial = self._advance(point, local)
            if trial is not None:
                before, share, halvings = point, trial.share, trial.halvings
                point = self._settle(trial, local)
                if halvings or self.ridges.watched or self.overshot:
                    went = (trial.share, self.overshot >= OVERSHOT, trial.step, local.moves)
                    self._change(self.ridges.stepped(before, point, *went))
            else:
                better = self._escape(point, local) or self.ridges.further(point)
                if better is None:
                    reason = "converged" if found else "rounding" if self._hidden(point, local) else "stalled"
                    return self._outcome(point, local, reason, number)
                point, share, halvings = better, 1.0, 0
            number += 1

    def _hidden(self, point: Point, local: Local) -> bool:
        """Whether what is left to gain, s'A^-1 s / 2, is hidden by rounding in the likelihood itself."""
        noise = max(_noise(point), self.ridges.noise if self.ridges.held else 0.0)
        return 0.5 * local.squared_length < 10.0 * noise

    def _exhausted(self, point: Point, local: Local) -> bool:
        """Whether steps no longer shorten what is left, in a V so near singular that the score is rough."""
        shorter = local.squared_length < 0.5 * self.shortest
        self.shortest = min(self.shortest, local.squared_length)
        self.idle = 0 if shorter or not self._hidden(point, local) else self.idle + 1
        return self.idle >= IDLE

    def _change(self, geometry: Geometry) -> None:
        """Go on in logarithms where steps are cut short by a ridge, or in natural values again."""
        if geometry is not self.geometry:
            self.geometry = geometry
            self.secant.forget()
            self.damping = self.overshot = 0

    def _beside(self, point: Point, local: Local) -> Local:
        """The quadratic model beside the parameters that are held at the end of a ridge."""
        before = self.ridges.held
        held = self.ridges.hold(point, local.score, local.information, local.moves, local.squared_length)
        if held != before:
            self.secant.forget()
            self.damping = 0
        if not held:
            return local
        moves = local.moves.copy()
        moves[list(held)] = False
        inside = np.flatnonzero(moves)
        length = squared_length(local.score[inside], local.information[inside[:, None], inside])
        return replace(local, moves=moves, squared_length=length, step=None)

    def _outcome(self, point: Point, local: Local, reason: str, number: int) -> Outcome:
        converged = reason in ("converged", "rounding")
        return Outcome(
            point,
            local.natural,
            tuple(self.geometry.at_end(point.natural[self.positions]).tolist()),
            tuple(local.inert.tolist()),
            converged,
            reason,
            math.sqrt(local.squared_length),
            number,
            self.ridges.ridge if converged and self.ridges.held else None,
        )

    def _rescale(self, point: Point) -> Point:
        # The scale would carry what is held along.
        if self.weights is None or self.ridges.held:
            return point
        factor = point.quadratic / self.engine.residual_degrees
        if not (math.isfinite(factor) and factor > 0.0) or abs(factor - 1.0) < 1e-14:
            return point
        return point.rescaled(factor, np.asarray(point.natural * factor**self.weights, dtype=np.float64))

    def _local(self, point: Point) -> Local:
        """The quadratic model at a point."""
        count = len(self.coordinates)
        values = point.natural[self.positions]
        pinned = self.geometry.pinned(values)
        if count and not pinned.any():
            derivatives = point.derivatives(self.positions)
            score, information = derivatives.score, derivatives.information
        else:
            asked = np.flatnonzero(~pinned)
            score, information = np.zeros(count), np.zeros((count, count))
            if len(asked):
                derivatives = point.derivatives([self.positions[i] for i in asked])
                score[asked] = derivatives.score
                information[asked[:, None], asked] = derivatives.information
        # A derivative that is not finite, at an end of the range, is as good as none.
        broken = ~np.isfinite(score) | ~np.isfinite(information.diagonal())
        if broken.any():
            score, information = score.copy(), information.copy()
            score[broken] = 0.0
            information[broken, :] = 0.0
            information[:, broken] = 0.0
        slope = self.geometry.slope(values)
        working = score * slope
        scaled = information * slope[:, None] * slope
        inert = ~(pinned | broken) & self.geometry.inert(
            values, working, scaled.diagonal(), point.mean_diagonal
        )
        moves = ~(pinned | broken | inert | self.geometry.outward(values, working))
        step: Vector | None = None
        if moves.all():
            length, step = newton_step(working, scaled)
        else:
            inside = np.flatnonzero(moves)
            length = squared_length(working[inside], scaled[inside[:, None], inside])
        self.secant.observe(self.geometry.working(values), working, scaled, moves)
        return Local(Derivatives(score, information), working, scaled, moves, inert, length, step)

    # -- one step -------------------------------------------------------------------------------------------

    def _advance(self, point: Point, local: Local) -> Trial | None:
        """The first step, from undamped to heavily damped, that raises the likelihood."""
        values = point.natural[self.positions]
        low, high = self.geometry.box(values, local.moves, point.mean_diagonal)
        if self.overshot >= OVERSHOT:
            trial = self._observed(point, local, values, low, high)
            if trial is not None:
                return trial
            self.overshot = 0
        curvature = self._learnt(local, low, high)
        if curvature is not None:
            trial = self._along(point, values, local.score, curvature, low, high, 1)
            if trial is not None:
                return trial
            self.secant.forget()
        for level in range(self.damping, len(DAMPINGS)):
            damped = local.information
            if DAMPINGS[level]:
                damped = damped.copy()
                damped.flat[:: len(damped) + 1] += DAMPINGS[level] * diagonal_of(local.score, damped)
            tries = HALVINGS if level == self.damping else 2
            plain = None if DAMPINGS[level] else local.step
            trial = self._along(point, values, local.score, damped, low, high, tries, plain)
            if trial is not None:
                self.damping = max(level - 1, 0)
                self.overshot = self.overshot + 1 if level or trial.halvings > 1 else 0
                return trial
        return None

    def _observed(
        self, point: Point, local: Local, values: Vector, low: Vector, high: Vector
    ) -> Trial | None:
        """A step by the curvature itself, where the average information misses most of it."""
        curvature = observed_curvature(
            self.engine, self.geometry, self.positions, point, local.score, local.information, local.moves
        )
        if curvature is None:
            return None
        return self._along(point, values, local.score, curvature, low, high, HALVINGS)

    def _learnt(self, local: Local, low: Vector, high: Vector) -> Vector | None:
        """The curvature learnt from the scores, where the average information alone has proved slow.

        Not while a bound cuts the plain step: a variance on its way to zero is there sooner without.
        """
        length = math.sqrt(local.squared_length)
        self.slow = self.slow or length > SLOW * self.length_before
        self.length_before = length
        if local.squared_length > NEAR:
            self.slow = False
            self.secant.forget()
        if not self.slow or self.damping:
            return None
        scale = np.sqrt(diagonal_of(local.score, local.information))
        unit = local.information / np.outer(scale, scale)
        plain = np.linalg.lstsq(unit, local.score / scale, rcond=1e-10)[0]
        cut = local.moves & ((plain <= low * scale) | (plain >= high * scale))
        return None if bool(cut.any()) else self.secant.curvature(local.information)

    def _along(
        self,
        point: Point,
        values: Vector,
        score: Vector,
        curvature: Vector,
        low: Vector,
        high: Vector,
        tries: int,
        plain: Vector | None = None,
    ) -> Trial | None:
        """The step within bounds for this curvature, halved until the likelihood rises.

        `plain` is the step without the bounds, where it is known; None after so many tries.
        """
        if plain is not None and (low <= plain).all() and (plain <= high).all():
            step = plain
        else:
            found = scaled_box_step(score, curvature, low, high)
            if found is None:
                return None
            step = found
        gain, share = float(score @ step), 1.0
        for halvings in range(tries):
            natural = point.natural.copy()
            natural[self.positions] = self.geometry.move(values, share * step)
            trial = self.engine.at(natural)
            if trial is not None and trial.kernel >= point.kernel + 1e-4 * share * gain - _noise(point):
                return Trial(trial, step, share, halvings)
            share *= 0.5
        return None

    # -- where derivatives do not help ----------------------------------------------------------------------

    def _settle(self, trial: Trial, local: Local) -> Point:
        """Deal with scales that the step has cut down.

        They cross to the far side, or go to exactly 0, if that costs nothing.
        """
        point = trial.point
        for i, c in enumerate(self.coordinates):
            shrinking = local.moves[i] and c.kind is Kind.SCALE and trial.share * trial.step[i] < -1.0
            if not shrinking:
                continue
            if not c.degree:
                if c.low == 0.0 and local.information[i, i] < FLAT:
                    point = self._at_zero(point, c)
                continue
            across = self.escapes.across(point.natural, c.position)
            if across is not None:
                beyond = self.engine.at(across)
                if beyond is not None and beyond.kernel > point.kernel + _noise(point):
                    point = beyond
                    continue
            if self.geometry.negligible(point.natural[self.positions], i, point.mean_diagonal):
                point = self._at_zero(point, c)
        return point

    def _at_zero(self, point: Point, c: Coordinate) -> Point:
        """The point with this parameter at exactly 0, if that costs nothing."""
        natural = point.natural.copy()
        natural[c.position] = 0.0
        zero = self.engine.at(natural)
        return zero if zero is not None and zero.kernel >= point.kernel - _noise(point) else point

    def _escape(self, point: Point, local: Local) -> Point | None:
        """A better point off a place where the score vanishes for want of a derivative."""
        if self.escaped >= ESCAPES:
            return None
        for natural in self.escapes.away(point.natural, local.inert.tolist(), point.mean_diagonal):
            trial = self.engine.at(natural)
            if trial is not None and trial.kernel > point.kernel + 100.0 * _noise(point):
                self.escaped += 1
                return trial
        return None


def _noise(point: Point) -> float:
    return ROUNDING * (1.0 + abs(point.kernel))
