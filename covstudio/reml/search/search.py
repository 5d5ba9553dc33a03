r"""Safeguarded average information: from a start to the maximum, or to a reason why not.

Every iteration

1. rescales all parameters that scale V by c = y'Py/(n - p) (over n in ML), the closed-form maximum along
   that direction,
   when V has one;
2. takes score s and average information A with respect to the working parameters (natural values;
   logarithms for scales);
3. stops when s'A^-1 s < 1e-12 over the parameters that are free to move: the squared length of the UNCUT
   step in the metric of the information, which does not depend on the scale of any parameter;
4. finds the step within bounds (`box_step`): no variance loses more than 98 % of itself (a diagonal one
   90 %), one below 1e-4 of V's mean diagonal may go to 0, a correlation goes at most 90 % of the way to an
   end of its range;
5. halves it until the likelihood does not fall; if halving does not help, damps it (A + lambda diag A,
   Levenberg-Marquardt), which also carries it over places where A is singular.

A variance at 0 stays while its score is not positive and is released when it turns so. A parameter that has
no derivative at 0, such as the diagonal of a Cholesky factor, is set to 0 when that costs nothing, and
released when a small value is better. The likelihood never falls from one iteration to the next. When no
step raises it although the score is not zero, that is said.

Nothing here knows how V is factored: see `likelihood.Engine`. Every number that decides has its name in
`constants`.

Where steps are cut short again and again because parameters run off together along a ridge, they go on in
logarithms (`logarithms`), and end where nothing is left to gain (`ridge_follower`). Which curvature a step
goes by is said in `steps`.

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
from covstudio.reml.search.constants import (
    BESIDE_SINGULAR,
    BLURRED,
    CONVERGED,
    HIDDEN,
    IDLE_SHARE,
    IDLE_STEPS,
    ROUGH,
)
from covstudio.reml.search.coordinates import Coordinate, derivatives_at
from covstudio.reml.search.observed_information import observed_curvature
from covstudio.reml.search.outcome import Local, Outcome, State, rounding_error
from covstudio.reml.search.restarts import Restarts
from covstudio.reml.search.ridge_follower import RidgeFollower
from covstudio.reml.search.step_length import newton_step, squared_length
from covstudio.reml.search.steps import Steps
from covstudio.reml.search.tied import Tie, TiedEngine
from covstudio.reml.search.vanishing import Vanishing, closer, distance, put_back, returned, roughness
from covstudio.reml.search.working import Working

__all__ = ["Outcome", "State", "maximise"]

Vector = NDArray[np.float64]


def maximise(
    engine: Engine,
    coordinates: Sequence[Coordinate],
    weights: Vector | None,
    restarts: Restarts,
    start: Point,
    max_iter: int,
    watch: Callable[[State], None] | None = None,
) -> Outcome:
    """Climb from `start` to the maximum of the restricted likelihood.

    Args:
        engine: evaluates the likelihood at natural values.
        coordinates: the parameters to estimate.
        weights: exponents of the common scale (`coordinates.scale_weights`), or None.
        restarts: looks elsewhere where the score vanishes for want of a derivative; for this search alone.
        start: the likelihood at the starting values.
        max_iter: most steps to take.
        watch: called with every `State`, the start included; what it raises goes through.

    Returns:
        The `Outcome`.
    """
    return _Search(engine, list(coordinates), weights, restarts).run(start, max_iter, watch)


class _Search:
    def __init__(
        self, engine: Engine, coordinates: list[Coordinate], weights: Vector | None, restarts: Restarts
    ) -> None:
        self.engine = engine
        #: The parameters with where ranges began, beside which they are near infinity.
        self.ways = coordinates
        #: The engine as it is, without what is held beside a correlation near its end.
        self.plain = engine
        self.coordinates = coordinates
        self.positions = [c.position for c in coordinates]
        self.weights = weights
        self.working = Working(coordinates)
        self.restarts = restarts
        self.steps = Steps(engine, self.positions)
        self.ridges = RidgeFollower(engine, self.positions, self.working)
        self.shortest = math.inf
        self.idle = 0
        #: What had come so close to 0 that V was all but singular, and is held.
        self.gone: list[Vanishing] = []
        #: Where the search had ended before the others were told with more figures beside what is held.
        self.clear: tuple[Point, Local] | None = None
        #: Whether the search has gone on with nothing held any more.
        self.back = False
        #: The highest point at which V was all but singular and no step raised the likelihood.
        self.edge: Point | None = None

    # -- the loop -------------------------------------------------------------------------------------------

    def run(self, point: Point, max_iter: int, watch: Callable[[State], None] | None) -> Outcome:
        start = point.natural
        self.ways = [replace(c, unit=float(start[c.position])) if c.is_range else c for c in self.coordinates]
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
            found = local.squared_length < (self.ridges.settled if self.ridges.held else CONVERGED)
            exhausted = not found and self._exhausted(point, local)
            if exhausted and not (self.ridges.held or self.gone or self._blurred(point)):
                return self._outcome(point, local, "rounding", number)
            if number >= max_iter:
                if not found and not self.gone and self.clear is None:
                    self._put_back(point, local)
                return self._outcome(point, local, "converged" if found else "iterations", number)
            settled = found or exhausted
            # Steps towards a V that is singular may go on rising in its rounding errors.
            late = not settled and not self.gone and number > 0 and number == max_iter // 2
            back = self._beyond_singular(point, local, hidden=False) if late else None
            if back is not None:
                point, share, halvings, number = back, 0.0, 0, number + 1
                continue
            trial = None if settled else self.steps.take(point, local, self.working)
            if trial is None and not settled and self.ridges.walls():
                local = self._beside(point, local)
                trial = self.steps.take(point, local, self.working)
            if trial is not None:
                before, share, halvings = point, trial.share, trial.halvings
                point = self.restarts.settle(self.engine, self.working, trial, local)
                if halvings or self.ridges.watched or self.steps.overshooting:
                    went = (trial.share, self.steps.curved, trial.step, local.moves)
                    self._change(self.ridges.stepped(before, point, *went))
            else:
                better = self.restarts.better(self.engine, point, local.inert.tolist())
                better = better or self.ridges.further(point)
                if better is not None:
                    point, share, halvings = better, 1.0, 0
                else:
                    hidden = found or self._hidden(point, local)
                    beyond = self._beyond_singular(point, local, hidden)
                    beyond = beyond or self._resumed(point)
                    if beyond is None:
                        reason = "converged" if found else "rounding" if hidden else "stalled"
                        return self._outcome(point, local, reason, number)
                    point, share, halvings = beyond, 0.0, 0
            number += 1

    def _beyond_singular(self, point: Point, local: Local, hidden: bool) -> Point | None:
        """Where to go on beside parameters that make V all but singular; None where there are none."""
        there = closer(self.plain, self.ways, point, self.gone, self._holding)
        if there is None and not hidden:
            there = self._put_back(point, local)
        elif there is None and self._blurred(point):
            self.clear = point, local
            there = self._put_back(point, local)
            self.clear = self.clear if there is not None else None
        if there is not None:
            there = self._tied(there)
            self.steps.forget()
            # What is told exactly leaves no residuals, and so no average information.
            self.steps.exact = True
            self.shortest, self.idle = math.inf, 0
        return there

    def _resumed(self, point: Point) -> Point | None:
        """Where to go on with nothing held, as the part that vanishes tells of several variances.

        None where it does not, and where V has no maximum there.
        """
        several = any(len(self.restarts.scales(self.ways[one.place])) > 1 for one in self.gone)
        if self.back or not several:
            return None
        there, endless = returned(self.plain, self.ways, point, self.gone)
        if endless:
            return None
        self.back, self.gone, self.engine = True, [], self.plain
        self.steps.engine, self.steps.exact = self.plain, False
        self.steps.forget()
        return there

    def _blurred(self, point: Point) -> bool:
        """Whether the others can be told with more figures beside a correlation that is held.

        They can where it is so near its end that rounding in V takes the last figures that are asked for.
        """
        # Of several variances the differences are told by the part that vanishes: they would lose by it.
        return not self.gone and any(
            0.0 < distance(c, point.natural) < BLURRED and len(self.restarts.scales(c)) == 1
            for c in self.ways
            if not (c.is_range and self.ridges.followed)
        )

    def _put_back(self, point: Point, local: Local) -> Point | None:
        """The point with a few parameters that make V all but singular back where it is not."""
        if self.back or roughness(self.plain, point) <= ROUGH:
            return None
        if self.edge is None or point.kernel > self.edge.kernel:
            self.edge = point
        moves = local.moves
        if self.ridges.followed:
            # Ranges that run off along a ridge are held at its end.
            moves = moves & ~np.array([c.is_range for c in self.coordinates], dtype=np.bool_)
        found = put_back(self.plain, self.ways, point, moves)
        if found is None:
            return None
        self.gone.extend(
            replace(one, power=self.restarts.power(self.ways[one.place], point.natural)) for one in found[0]
        )
        return found[1]

    def _holding(self, point: Point) -> Engine:
        """The engine that holds every correlation near its end tied to the variances of its term."""
        ties = []
        for one in self.gone:
            c = self.ways[one.place]
            scales = self.restarts.scales(c)
            if scales and one.power is not None:
                ties.append(Tie.at(point.natural, c, scales, one.power))
        return TiedEngine(self.plain, ties) if ties else self.plain

    def _tied(self, point: Point) -> Point:
        """The point by the engine that holds what is near its end, from here on."""
        self.engine = self.steps.engine = self._holding(point)
        return self.engine.tied(point) if isinstance(self.engine, TiedEngine) else point

    def _hidden(self, point: Point, local: Local) -> bool:
        """Whether what is left to gain, s'A^-1 s / 2, is hidden by rounding in the likelihood itself."""
        noise = max(rounding_error(point), self.ridges.noise if self.ridges.held else 0.0)
        return 0.5 * local.squared_length < HIDDEN * noise

    def _exhausted(self, point: Point, local: Local) -> bool:
        """Whether steps no longer shorten what is left, in a V so near singular that the score is rough."""
        shorter = local.squared_length < IDLE_SHARE * self.shortest
        self.shortest = min(self.shortest, local.squared_length)
        self.idle = 0 if shorter or not self._hidden(point, local) else self.idle + 1
        return self.idle >= IDLE_STEPS

    def _change(self, working: Working) -> None:
        """Go on in logarithms where steps are cut short by a ridge, or in natural values again."""
        if working is not self.working:
            self.working = working
            self.steps.forget()

    def _beside(self, point: Point, local: Local) -> Local:
        """The quadratic model beside the parameters that are held at the end of a ridge."""
        before = self.ridges.held
        held = self.ridges.hold(point, local.score, local.information, local.moves, local.squared_length)
        if held != before:
            self.steps.forget(overshot=False)
        if not held:
            return local
        moves = local.moves.copy()
        moves[list(held)] = False
        inside = np.flatnonzero(moves)
        length = squared_length(local.score[inside], local.information[inside[:, None], inside])
        return replace(local, moves=moves, squared_length=length, step=None)

    def _outcome(self, point: Point, local: Local, reason: str, number: int) -> Outcome:
        endless: tuple[int, ...] = ()
        if self.gone and self.clear is not None:
            there, endless = returned(self.plain, self.ways, point, self.gone)
            before, local = self.clear
            settled = reason in ("converged", "rounding") and not endless
            # What a factor of V, or a difference of its entries, loses by rounding.
            nearest = min(distance(self.ways[one.place], before.natural) for one in self.gone)
            lost = self.plain.residual_degrees * float(np.finfo(np.float64).eps) / nearest
            rough = max(roughness(self.plain, before), ROUGH, lost)
            point = there if settled and there.kernel > before.kernel - rough else before
            self.gone, self.engine, endless, reason = [], self.plain, (), "rounding"
            local = self._local(point)
        elif self.gone:
            # Where steps ran out before anything was put back, what rises without end is named all the same.
            only_named = self.edge is point
            point, endless = returned(self.plain, self.ways, point, self.gone)
            if not endless and reason in ("converged", "rounding"):
                reason = "rounding"
                self.gone, self.engine = [], self.plain
                local = self._local(point)
            elif endless or not only_named:
                reason, endless = "singular", endless or tuple(one.place for one in self.gone)
                beside = local.squared_length < BESIDE_SINGULAR
                if not beside and self.edge is not None and self.edge.kernel > point.kernel:
                    point = self.edge
        elif self.edge is not None and reason == "stalled":
            reason = "rounding" if self.back else "singular"
        converged = reason in ("converged", "rounding")
        ends = self.working.at_end(point.natural[self.positions])
        # What nothing is told of was put to an end, and is not held there.
        ends[[c.silent for c in self.coordinates]] = False
        return Outcome(
            point,
            local.natural,
            tuple(ends.tolist()),
            tuple(local.inert.tolist()),
            converged,
            reason,
            math.sqrt(local.squared_length),
            number,
            self.ridges.ridge if converged and self.ridges.held else None,
            endless,
        )

    def _rescale(self, point: Point) -> Point:
        # The scale would carry what is held along.
        if self.weights is None or self.ridges.held or self.gone:
            return point
        factor = point.quadratic / self.engine.residual_degrees
        if not (math.isfinite(factor) and factor > 0.0) or abs(factor - 1.0) < 1e-14:
            return point
        return point.rescaled(factor, np.asarray(point.natural * factor**self.weights, dtype=np.float64))

    def _local(self, point: Point) -> Local:
        """The quadratic model at a point."""
        count = len(self.coordinates)
        values = point.natural[self.positions]
        pinned = self.working.pinned(values)
        if count and not pinned.any():
            derivatives = derivatives_at(point, self.coordinates)
            score, information = derivatives.score, derivatives.information
        else:
            asked = np.flatnonzero(~pinned)
            score, information = np.zeros(count), np.zeros((count, count))
            if len(asked):
                derivatives = derivatives_at(point, [self.coordinates[i] for i in asked])
                score[asked] = derivatives.score
                information[asked[:, None], asked] = derivatives.information
        # A derivative that is not finite, at an end of the range, is as good as none.
        broken = ~np.isfinite(score) | ~np.isfinite(information.diagonal())
        if broken.any():
            score, information = score.copy(), information.copy()
            score[broken] = 0.0
            information[broken, :] = 0.0
            information[:, broken] = 0.0
        slope = self.working.slope(values)
        working = score * slope
        scaled = information * slope[:, None] * slope
        inert = ~(pinned | broken) & self.working.inert(
            values, working, scaled.diagonal(), point.mean_diagonal
        )
        moves = ~(pinned | broken | inert | self.working.outward(values, working))
        moves[[one.place for one in self.gone]] = False
        if any(c.absorbed is not None and flag for c, flag in zip(self.coordinates, moves, strict=True)):
            # By ML their likelihood is log|V|, of which the average information has nothing.
            told = (self.engine, self.working, self.positions, point, working, scaled, moves)
            curvature = observed_curvature(*told)
            scaled = scaled if curvature is None else curvature
        step: Vector | None = None
        if moves.all():
            length, step = newton_step(working, scaled)
        else:
            inside = np.flatnonzero(moves)
            length = squared_length(working[inside], scaled[inside[:, None], inside])
        self.steps.secant.observe(self.working.working(values), working, scaled, moves)
        return Local(Derivatives(score, information), working, scaled, moves, inert, length, step)
