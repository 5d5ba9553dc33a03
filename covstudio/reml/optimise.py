r"""Safeguarded average information: from a start to the maximum of the restricted likelihood, or to a
reason why not.

Every iteration

1. rescales all parameters that scale V by c = y'Py/(n - p), the closed-form maximum along that direction,
   when V has one;
2. takes score s and average information A with respect to the working parameters (natural values;
   logarithms for scales);
3. stops when s'A^-1 s < 1e-12 over the parameters that are free to move: the squared length of the UNCUT
   step in the metric of the information, which does not depend on the scale of any parameter;
4. finds the step within bounds (`boxqp`): no variance loses more than 98 % of itself (a diagonal one 90 %),
   one below 1e-4 of the largest may go to exactly 0, a correlation goes at most 90 % of the way to an end
   of its range;
5. halves it until the likelihood rises; if halving does not help, damps it (A + lambda diag A,
   Levenberg-Marquardt), which also carries it over places where A is singular.

A variance at 0 stays while its score is not positive and is released when it turns so. A parameter that has
no derivative at 0, such as the diagonal of a Cholesky factor, is set to 0 when that costs nothing, and
released when a small value is better. The likelihood never falls from one iteration to the next. When no
step raises it although the score is not zero, that is said.

Nothing here knows how V is factored: see `likelihood.Engine`.

Sources: Gilmour, Thompson & Cullis (1995), Biometrics 51:1440; Johnson & Thompson (1995), J. Dairy Sci.
    78:449; the damping:
Marquardt (1963), SIAM J. 11:431; the stopping rule: Nocedal & Wright (2006), Numerical Optimization.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.boxqp import box_step
from covstudio.reml.coordinates import Coordinate, Kind
from covstudio.reml.escape import Escapes
from covstudio.reml.likelihood import Derivatives, Engine, Point

__all__ = ["Outcome", "State", "maximise", "squared_length"]

Vector = NDArray[np.float64]

#: Stop when s'A^-1 s falls below this; 1e-8 would leave errors of 2e-5 in the estimates.
TOLERANCE = 1e-12
#: Relative rounding error to expect of a log-likelihood.
ROUNDING = 1e-11
#: Below this share of the largest contribution a variance may go to exactly zero.
NEGLIGIBLE = 1e-4
#: Eigenvalues of the equilibrated information below this count as this: the data do not tell such
#: combinations apart.
SINGULAR = 1e-9
#: How often the search may go on from a place where the score vanished, so that no fit goes round in circles.
ESCAPES = 5
#: Information below this, for a parameter measured in units of its own size, is rounding error: V does not
#: depend on it.
INERT = 1e-20
HALVINGS = 6
DAMPINGS = (0.0, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e4, 1e6)


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
        converged: whether the stopping rule was met.
        reason: "converged", "rounding" (no further digit can be had), "stalled" or "iterations".
        length: sqrt(s'A^-1 s) at the end.
        iterations: steps taken.
    """

    point: Point
    derivatives: Derivatives
    at_end: tuple[bool, ...]
    converged: bool
    reason: str
    length: float
    iterations: int


@dataclass(frozen=True)
class _Local:
    """The quadratic model at a point, in working parameters."""

    natural: Derivatives
    score: Vector
    information: Vector
    moves: NDArray[np.bool_]
    inert: NDArray[np.bool_]
    squared_length: float


@dataclass(frozen=True)
class _Trial:
    point: Point
    step: Vector
    share: float
    halvings: int
    damping: int


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


def squared_length(score: Vector, information: Vector) -> float:
    """s'A^-1 s, after scaling A to a unit diagonal and with its eigenvalues bounded below by 1e-9.

    The bound matters where A is singular: there the score is 0 as well, up to rounding, and a combination
    of parameters that the data do not tell apart must not keep a fit from ending.

    Example:
        >>> squared_length(np.array([2.0, 0.0]), np.array([[4.0, 0.0], [0.0, 1.0]]))
        1.0
    """
    if not len(score):
        return 0.0
    scale = np.sqrt(_diagonal(score, information))
    eigenvalues, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    along = vectors.T @ (score / scale)
    return float(np.sum(along**2 / np.maximum(eigenvalues, SINGULAR)))


def _diagonal(score: Vector, information: Vector) -> Vector:
    """Diagonal of A; where it vanishes but the score does not, a stand-in that makes the step about 1."""
    diagonal = np.diag(information).copy()
    empty = ~(diagonal > 0.0)
    diagonal[empty] = np.maximum(np.abs(score[empty]), 1.0)
    return np.asarray(diagonal, dtype=np.float64)


class _Search:
    def __init__(
        self, engine: Engine, coordinates: list[Coordinate], weights: Vector | None, escapes: Escapes
    ) -> None:
        self.engine = engine
        self.coordinates = coordinates
        self.positions = [c.position for c in coordinates]
        self.weights = weights
        self.low = np.array([c.low for c in coordinates])
        self.high = np.array([c.high for c in coordinates])
        self.escapes = escapes
        self.escaped = 0
        self.damping = 0

    # -- the loop -------------------------------------------------------------------------------------------

    def run(self, point: Point, max_iter: int, watch: Callable[[State], None] | None) -> Outcome:
        self.pinned = {
            i
            for i, c in enumerate(self.coordinates)
            if c.kind is Kind.SCALE and point.natural[c.position] in (c.low, c.high)
        }
        share, halvings, number, began = 0.0, 0, 0, time.perf_counter()
        while True:
            point = self._rescale(point)
            local = self._local(point)
            length = math.sqrt(local.squared_length)
            now = time.perf_counter()
            if watch is not None:
                watch(State(number, point, length, share, halvings, now - began))
            began = time.perf_counter()
            if local.squared_length < TOLERANCE:
                better = self._escape(point, local) if number < max_iter else None
                if better is None:
                    return self._outcome(point, local, "converged", number)
                point, share, halvings = better, 1.0, 0
            elif number >= max_iter:
                return self._outcome(point, local, "iterations", number)
            else:
                trial = self._advance(point, local)
                better = self._escape(point, local) if trial is None else None
                if better is not None:
                    point, share, halvings = better, 1.0, 0
                    number += 1
                    continue
                if trial is None:
                    # What is left to gain, s'A^-1 s / 2, is hidden by rounding in the likelihood itself.
                    exhausted = 0.5 * local.squared_length < 10.0 * _noise(point)
                    return self._outcome(point, local, "rounding" if exhausted else "stalled", number)
                point, share, halvings = self._settle(trial, local), trial.share, trial.halvings
            number += 1

    def _outcome(self, point: Point, local: _Local, reason: str, number: int) -> Outcome:
        values = point.natural[self.positions]
        at_end = tuple(bool(v in (lo, hi)) for v, lo, hi in zip(values, self.low, self.high, strict=True))
        converged = reason in ("converged", "rounding")
        return Outcome(
            point, local.natural, at_end, converged, reason, math.sqrt(local.squared_length), number
        )

    def _rescale(self, point: Point) -> Point:
        if self.weights is None:
            return point
        factor = point.quadratic / self.engine.residual_degrees
        if not (math.isfinite(factor) and factor > 0.0) or abs(factor - 1.0) < 1e-14:
            return point
        return point.rescaled(factor, np.asarray(point.natural * factor**self.weights, dtype=np.float64))

    # -- the model at a point -------------------------------------------------------------------------------

    def _local(self, point: Point) -> _Local:
        count = len(self.coordinates)
        values = point.natural[self.positions]
        pinned = np.array(
            [
                c.kind is Kind.SCALE and v in (c.low, c.high)
                for c, v in zip(self.coordinates, values, strict=True)
            ]
        )
        asked = np.flatnonzero(~pinned)
        score, information = np.zeros(count), np.zeros((count, count))
        if len(asked):
            derivatives = point.derivatives([self.positions[i] for i in asked])
            score[asked] = derivatives.score
            information[np.ix_(asked, asked)] = derivatives.information
        # A derivative that is not finite, at an end of the range, is as good as none.
        broken = ~np.isfinite(score) | ~np.isfinite(np.diag(information))
        score[broken] = 0.0
        information[broken, :] = 0.0
        information[:, broken] = 0.0
        slope = self._slope(values)
        working = score * slope
        scaled = information * np.outer(slope, slope)
        inert = ~pinned & ~broken & (np.diag(scaled) <= self._negligible(values))
        moves = ~(pinned | broken | inert)
        moves &= ~((values <= self.low) & (working <= 0.0)) & ~((values >= self.high) & (working >= 0.0))
        inside = np.flatnonzero(moves)
        length = squared_length(working[inside], scaled[np.ix_(inside, inside)])
        return _Local(Derivatives(score, information), working, scaled, moves, inert, length)

    def _negligible(self, values: Vector) -> Vector:
        """Information that is rounding error: V does not depend on the parameter. Measured in units of its
        own size."""
        total = sum(c.contribution(v) for c, v in zip(self.coordinates, values, strict=True))
        bound = np.full(len(values), INERT)
        for i, c in enumerate(self.coordinates):
            if c.kind is Kind.VARIANCE and c.unit > 0.0 and total > 0.0:
                bound[i] = INERT * (c.unit / total) ** 2
            elif c.kind is Kind.INTERVAL:
                bound[i] = INERT / (c.high - c.low) ** 2
            elif c.kind is Kind.FREE:
                # Nothing says how large it might be: exactly none, then.
                bound[i] = 0.0
        return bound

    def _slope(self, values: Vector) -> Vector:
        """d natural / d working."""
        slope = np.ones(len(values))
        for i, c in enumerate(self.coordinates):
            if c.kind is Kind.SCALE:
                slope[i] = values[i] - c.low if math.isfinite(c.low) else c.high - values[i]
        return slope

    def _move(self, values: Vector, step: Vector) -> Vector:
        """Natural values after a step in working parameters."""
        moved = values + step
        for i, c in enumerate(self.coordinates):
            if c.kind is Kind.SCALE:
                if math.isfinite(c.low):
                    moved[i] = c.low + (values[i] - c.low) * math.exp(step[i])
                else:
                    moved[i] = c.high - (c.high - values[i]) * math.exp(-step[i])
        return np.clip(moved, self.low, self.high)

    def _box(self, values: Vector, local: _Local) -> tuple[Vector, Vector]:
        """How far each working parameter may move in one step."""
        count = len(values)
        low, high = np.full(count, -np.inf), np.full(count, np.inf)
        shares = np.array([c.contribution(v) for c, v in zip(self.coordinates, values, strict=True)])
        largest, total = float(shares.max(initial=0.0)), float(shares.sum())
        for i, c in enumerate(self.coordinates):
            value = float(values[i])
            if not local.moves[i]:
                low[i] = high[i] = 0.0
            elif c.kind is Kind.VARIANCE:
                keep = 0.0 if shares[i] < NEGLIGIBLE * largest else (0.1 if c.diagonal else 0.02)
                low[i] = -(1.0 - keep) * value
                high[i] = max(9.0 * value, 10.0 * total / c.unit if c.unit > 0.0 else math.inf)
            elif c.kind is Kind.INTERVAL:
                width = c.high - c.low
                below, above = value - c.low, c.high - value
                low[i] = -min(below if below < 1e-4 * width else 0.9 * below, 0.25 * width)
                high[i] = min(above if above < 1e-4 * width else 0.9 * above, 0.25 * width)
            elif c.kind is Kind.SCALE:
                low[i], high[i] = (
                    (-math.log(50.0), math.log(10.0)) if c.degree else (-math.log(8.0), math.log(8.0))
                )
        return low, high

    # -- one step -------------------------------------------------------------------------------------------

    def _advance(self, point: Point, local: _Local) -> _Trial | None:
        """The first step, from undamped to heavily damped, that raises the likelihood."""
        values = point.natural[self.positions]
        low, high = self._box(values, local)
        scale = np.sqrt(_diagonal(local.score, local.information))
        unit = local.information / np.outer(scale, scale)
        for level in range(self.damping, len(DAMPINGS)):
            # A trace of damping keeps the system solvable where the information is singular.
            damped = unit + (DAMPINGS[level] + 1e-10) * np.eye(len(values))
            try:
                step = box_step(local.score / scale, damped, low * scale, high * scale) / scale
            except np.linalg.LinAlgError:
                continue
            gain = float(local.score @ step)
            share = 1.0
            for halvings in range(HALVINGS if level == self.damping else 2):
                trial = self._try(point, values, share * step)
                if trial is not None and trial.kernel >= point.kernel + 1e-4 * share * gain - _noise(point):
                    self.damping = max(level - 1, 0)
                    return _Trial(trial, step, share, halvings, level)
                share *= 0.5
        return None

    def _try(self, point: Point, values: Vector, step: Vector) -> Point | None:
        natural = point.natural.copy()
        natural[self.positions] = self._move(values, step)
        return self.engine.at(natural)

    # -- where derivatives do not help ----------------------------------------------------------------------

    def _settle(self, trial: _Trial, local: _Local) -> Point:
        """Deal with scales that the step has cut down: cross to the far side, or go to exactly 0, if that
        costs nothing."""
        point = trial.point
        values = point.natural[self.positions]
        shares = [c.contribution(v) for c, v in zip(self.coordinates, values, strict=True)]
        largest = max(shares, default=0.0)
        for i, c in enumerate(self.coordinates):
            shrinking = (
                local.moves[i] and c.kind is Kind.SCALE and c.degree and trial.share * trial.step[i] < -1.0
            )
            if not shrinking:
                continue
            across = self.escapes.across(point.natural, c.position)
            if across is not None:
                beyond = self.engine.at(across)
                if beyond is not None and beyond.kernel > point.kernel + _noise(point):
                    point = beyond
                    continue
            if c.low == 0.0 and shares[i] < NEGLIGIBLE * largest:
                natural = point.natural.copy()
                natural[c.position] = 0.0
                zero = self.engine.at(natural)
                if zero is not None and zero.kernel >= point.kernel - _noise(point):
                    point = zero
        return point

    def _escape(self, point: Point, local: _Local) -> Point | None:
        """A better point off a place where the score vanishes for want of a derivative."""
        if self.escaped >= ESCAPES:
            return None
        for natural in self.escapes.away(point.natural, local.inert.tolist()):
            trial = self.engine.at(natural)
            if trial is not None and trial.kernel > point.kernel + 100.0 * _noise(point):
                self.escaped += 1
                return trial
        return None


def _noise(point: Point) -> float:
    return ROUNDING * (1.0 + abs(point.kernel))
