r"""Parameters that the data cannot tell apart, and what of them can be estimated.

At the estimates the average information is scaled to a unit diagonal. A combination of parameters along which
it vanishes, and along which the score does not change either, is one that the data say nothing about
(Rothenberg 1971). What is orthogonal to all such combinations is estimable.

Each group of parameters that such combinations tie together is described in the words that hold for the whole
model, not only near the estimates, where there are any: the likelihood is evaluated a good way along the
combination, once in natural values and once in their logarithms. Where it stays the same,

.. math:: V = (\sigma^2_g + \sigma^2_e)I + \dots \qquad\text{or}\qquad
          V = \sigma^2_a\sigma^2_b\,A \otimes B + \dots

and a sum, or a product, is what can be estimated.

Source: Rothenberg (1971), Identification in parametric models, Econometrica 39:577-591.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.diagnosis.combinations import (
    Confounded,
    Estimable,
    in_words,
    independent_rows,
    listed,
    sentence,
)
from covstudio.reml.diagnosis.constants import (
    BENT,
    CLIMB,
    CURVED,
    DIFFERENCE,
    DIFFERENCE_ONE_SIDED,
    LEVEL,
    PART,
    SAME,
    STRAIGHT,
    TOGETHER,
)
from covstudio.reml.diagnosis.scaled_information import ScaledInformation, informed
from covstudio.reml.diagnosis.silent import Silence, off_zero, taken_up
from covstudio.reml.diagnosis.unbounded import unbounded
from covstudio.reml.problem.likelihood import Derivatives, Engine, Point
from covstudio.reml.search.constants import ROUGH
from covstudio.reml.search.coordinates import Coordinate, Kind, derivatives_at
from covstudio.reml.search.restarts import Restarts
from covstudio.reml.search.search import Outcome, maximise
from covstudio.reml.search.vanishing import roughness
from covstudio.threads import symmetric_eigen

__all__ = ["Confounded", "Estimable", "Identified", "groups_of", "identify"]

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Identified:
    """What the data tell about every estimated parameter.

    Attributes:
        confounded: groups of parameters that are not told apart.
        zero: scales that the data hold at zero, so near it that their derivatives tell nothing.
    """

    confounded: tuple[Confounded, ...]
    zero: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters that are not told apart from others, or not told at all."""
        return tuple(name for group in self.confounded for name in group.names)


def identify(
    engine: Engine, outcome: Outcome, coordinates: Sequence[Coordinate], terms: Sequence[Sequence[int]]
) -> Identified:
    """Find what the data do not tell at the end of a search.

    Args:
        engine: evaluates the likelihood elsewhere; asked only where the information is singular.
        outcome: where the search ended.
        coordinates: the estimated parameters.
        terms: positions of the parameters of every term of V.

    Returns:
        The groups of parameters that are not told apart.
    """
    search = _Search(engine, outcome, coordinates, terms)
    if outcome.reason == "singular":
        # What the information says there is rounding error.
        return Identified(())
    found = search.found()
    inside = search.inside_out() if outcome.converged else None
    groups = found.confounded if inside is None else inside.confounded
    if outcome.ridge is not None:
        values = outcome.point.natural[[c.position for c in coordinates]]
        groups = (*unbounded(outcome.ridge, coordinates, values, search.covariance()), *groups)
    return Identified(groups, found.zero)


class _Search:
    def __init__(
        self,
        engine: Engine,
        outcome: Outcome,
        coordinates: Sequence[Coordinate],
        terms: Sequence[Sequence[int]],
    ) -> None:
        self.engine, self.outcome, self.coordinates = engine, outcome, list(coordinates)
        self.point = outcome.point
        self.terms = terms
        self.values: Vector = self.point.natural[[c.position for c in coordinates]]
        information, score = outcome.derivatives.information, outcome.derivatives.score
        at_end = np.array(outcome.at_end, dtype=bool)
        silent = np.array(outcome.inert, dtype=bool) | ~informed(information)
        with np.errstate(divide="ignore", invalid="ignore"):
            level = np.abs(score) <= LEVEL * np.sqrt(np.diag(information))
        self.information = information
        at_end[list(outcome.vanishing)] = True
        # What is held at the end of a ridge is known beside the others.
        if outcome.ridge is not None:
            at_end[list(outcome.ridge.leads)] = True
            level[list(outcome.ridge.leads)] = False
        self.inside: Flags = ~at_end & ~silent
        #: A parameter that no score keeps at the end of its range may be there by chance.
        self.loose: Flags = at_end & ~silent & level
        # By ML log|V| tells of what fixed effects take up, and the information has nothing of it.
        known = np.array([c.absorbed is not None for c in coordinates], dtype=bool)
        heard = np.array([c.silent for c in coordinates], dtype=bool) | ~np.array(outcome.inert, dtype=bool)
        self.silent: list[int] = np.flatnonzero(silent & ~at_end & ~(known & heard)).tolist()

    def covariance(self) -> Vector:
        """Sampling covariances over the combinations that are told, (K, K); 0 for what is not inside."""
        used = np.flatnonzero(self.inside)
        covariance = np.zeros_like(self.information)
        if len(used):
            metric = ScaledInformation(self.information, used)
            covariance[np.ix_(used, used)] = metric.inverse / np.outer(metric.scale, metric.scale)
        return covariance

    def found(self) -> Identified:
        zero = [i for i in self.silent if self._held_at_zero(self.coordinates[i])]
        silence = Silence(self.engine, self.outcome, self.coordinates, self.terms)
        groups = [*taken_up(self.coordinates)]
        groups += [silence.of(self.coordinates[i]) for i in self.silent if i not in zero]
        used = np.flatnonzero(self.inside | self.loose)
        if len(used):
            metric = ScaledInformation(self.information, used)
            if metric.null.shape[1]:
                null = self._flat(metric, used)
                found = (
                    self._group(members, directions, metric, used) for members, directions in groups_of(null)
                )
                groups += [group for group in found if group is not None]
        return Identified(tuple(groups), tuple(self.coordinates[i].name for i in zero))

    def _held_at_zero(self, c: Coordinate) -> bool:
        """Whether a scale is all but zero because the likelihood falls beside it: V depends on its square."""
        if c.kind is not Kind.SCALE or not c.degree or c.unit <= 0.0:
            return False
        natural, away = self.point.natural.copy(), off_zero(c, self.point)
        if abs(natural[c.position]) >= away:
            return False
        natural[c.position] = away
        there = self.engine.at(natural)
        here = self.point.kernel
        return there is not None and there.kernel < here - SAME * (1.0 + abs(here))

    # -- scales at zero --------------------------------------------------------------------------------------

    def inside_out(self) -> Identified | None:
        """What is not told apart at a maximum as high as this one, where a scale that ended at 0 is not 0.

        V depends on the square of such a scale, so that its derivative at 0 tells nothing. None where there
        is no such maximum, which is as it should be.
        """
        for i in np.flatnonzero(np.array(self.outcome.at_end, dtype=bool)):
            c = self.coordinates[i]
            scale = c.kind is Kind.SCALE and c.absorbed is None
            if scale and c.degree and c.unit > 0.0 and self.values[i] == c.low == 0.0:
                outcome = self._beside(int(i))
                if outcome is not None:
                    return _Search(self.engine, outcome, self.coordinates, self.terms).found()
        return None

    def _beside(self, i: int) -> Outcome | None:
        """The maximum with a scale at a small value instead of 0, when it is as high and a ridge."""
        c = self.coordinates[i]
        natural = self.point.natural.copy()
        natural[c.position] = off_zero(c, self.point)
        near = self.engine.at(natural)
        used = [j for j in range(len(self.coordinates)) if j == i or not self.outcome.at_end[j]]
        if near is None or not self._ridge(near, used, used.index(i)):
            return None
        others = [self.coordinates[j] for j in used if j != i]
        restarts = Restarts(others, {}, self.terms, [])
        top = maximise(self.engine, others, None, restarts, near, CLIMB).point
        if top.kernel < self.point.kernel - SAME * (1.0 + abs(self.point.kernel)):
            return None
        if not self._ridge(top, used, used.index(i)):
            return None
        count = len(self.coordinates)
        score, information = np.zeros(count), np.zeros((count, count))
        derivatives = derivatives_at(top, [self.coordinates[j] for j in used])
        score[used] = derivatives.score
        information[np.ix_(used, used)] = derivatives.information
        ends = tuple(end and j != i for j, end in enumerate(self.outcome.at_end))
        return replace(self.outcome, point=top, derivatives=Derivatives(score, information), at_end=ends)

    def _ridge(self, point: Point, used: Sequence[int], i: int) -> bool:
        """Whether the information about these parameters is singular, and the i-th takes part in that."""
        information = derivatives_at(point, [self.coordinates[j] for j in used]).information
        if not informed(information).all():
            return False
        null = ScaledInformation(information, np.arange(len(used))).null
        return bool((null[i] ** 2).sum() > PART**2)

    # -- which combinations ---------------------------------------------------------------------------------

    def _flat(self, metric: ScaledInformation, used: NDArray[np.intp]) -> Vector:
        """The combinations along which the score does not change either, (m, d)."""
        curvature = np.zeros((metric.null.shape[1],) * 2)
        for j, direction in enumerate(metric.null.T):
            change = self._change_of_score(direction / metric.scale, used)
            if change is not None:
                curvature[:, j] = -metric.null.T @ (change / metric.scale)
        eigenvalues, vectors = symmetric_eigen(0.5 * (curvature + curvature.T))
        return np.asarray(metric.null @ vectors[:, np.abs(eigenvalues) < CURVED], dtype=np.float64)

    def _change_of_score(self, direction: Vector, used: NDArray[np.intp]) -> Vector | None:
        """Derivative of the score along a direction in natural values; None where it cannot be had."""
        moved = [self.coordinates[i] for i in used]
        length = DIFFERENCE * min(self._room(direction, used), self._room(-direction, used))
        ends = (1.0, -1.0)
        if length == 0.0:
            # From an end of a range there is one way only.
            forward = self._room(direction, used)
            length, ends = (
                DIFFERENCE_ONE_SIDED * max(forward, self._room(-direction, used)),
                (1.0 if forward > 0.0 else -1.0, 0.0),
            )
        if not (length > 0.0 and math.isfinite(length)):
            return None
        scores = []
        for end in ends:
            point = self.engine.at(self._moved(used, end * length * direction))
            if point is None:
                return None
            scores.append(derivatives_at(point, moved).score)
        change = (scores[0] - scores[1]) / ((ends[0] - ends[1]) * length)
        return change if bool(np.isfinite(change).all()) else None

    def _room(self, direction: Vector, used: NDArray[np.intp]) -> float:
        """The step along a direction within the ranges of its parameters, at most their own size."""
        most = math.inf
        weight = np.abs(direction) * np.sqrt(np.diag(self.information)[used])
        for i, d, w in zip(used, direction, weight, strict=True):
            if w <= PART * float(weight.max()):
                continue
            c, value = self.coordinates[i], float(self.values[i])
            room = c.high - value if d > 0.0 else value - c.low
            own = abs(value) if value != 0.0 and math.isinf(c.high - c.low) else math.inf
            most = min(most, room / abs(d), own / abs(d))
        return most if math.isfinite(most) else float(1.0 / np.linalg.norm(direction))

    def _moved(self, used: NDArray[np.intp], step: Vector) -> Vector:
        natural = self.point.natural.copy()
        for i, d in zip(used, step, strict=True):
            c = self.coordinates[i]
            natural[c.position] = min(max(natural[c.position] + d, c.low), c.high)
        return natural

    def _same(self, natural: Vector) -> bool:
        """Whether the likelihood elsewhere is that of the estimates."""
        other: Point | None = self.engine.at(natural)
        here = self.point.kernel
        return other is not None and abs(other.kernel - here) <= SAME * (1.0 + abs(here))

    # -- in words -------------------------------------------------------------------------------------------

    def _group(
        self, members: NDArray[np.intp], directions: Vector, metric: ScaledInformation, used: NDArray[np.intp]
    ) -> Confounded | None:
        """Parameters that combinations without information tie together, and what is estimable of them.

        None where the search stopped short and this may be so only there.
        """
        who = used[members]
        names = tuple(self.coordinates[i].name for i in who)
        scale, values = metric.scale[members], self.values[who]
        inverse = metric.inverse[np.ix_(members, members)] / np.outer(scale, scale)
        natural = directions / scale[:, None]
        if len(names) == natural.shape[1]:
            said = "nothing about it is" if len(names) == 1 else "not even a combination of them is"
            return Confounded(names, (), f"The data say nothing about {listed(names)}: {said} estimable.")
        form = self._form(natural, values, used, members)
        if form == "local" and not self.outcome.converged:
            return None
        hidden = form == "local" and (
            self.outcome.reason == "rounding" or roughness(self.engine, self.point) > ROUGH
        )
        coefficients = natural if form != "product" else natural / values[:, None]
        estimable = []
        for row in independent_rows(coefficients):
            if form == "product":
                value = float(np.prod(np.abs(values) ** row) * np.prod(np.sign(values) ** np.rint(row)))
                gradient = value * row / values
            else:
                value, gradient = float(row @ values), row
            error = math.sqrt(max(float(gradient @ inverse @ gradient), 0.0))
            estimable.append(Estimable(in_words(row, names, form == "product"), value, error))
        if hidden:
            # Such is the common size of variances whose differences alone tell a residual of next to nothing.
            told = (
                f"V is so close to singular that rounding hides what the data tell of {listed(names)} "
                "together: they have no standard errors."
            )
            return Confounded(names, tuple(estimable), told, final=False)
        return Confounded(names, tuple(estimable), sentence(names, estimable, form, self._simplest(who)))

    def _simplest(self, who: NDArray[np.intp]) -> str:
        """The one of many parameters that makes up a term of its own, if there is one.

        Such is a residual variance beside an unstructured matrix.
        """
        alone = [
            c.name
            for c in (self.coordinates[i] for i in who)
            if any(c.position in term and len(term) == 1 for term in self.terms)
        ]
        return alone[0] if len(who) > 2 and len(alone) == 1 else ""

    def _form(
        self, directions: Vector, values: Vector, used: NDArray[np.intp], members: NDArray[np.intp]
    ) -> str:
        """The form that stays the same along all combinations, "sum" or "product"; "local" if none does."""
        who = used[members]
        straight = []
        for direction in directions.T:
            forward, back = self._room(direction, who), self._room(-direction, who)
            length = STRAIGHT * (forward if forward >= back else -back)
            straight.append(self._moved(who, length * direction))
        if all(self._same(natural) for natural in straight):
            return "sum"
        if (values == 0.0).any():
            return "local"
        bent = []
        for direction in directions.T:
            relative = direction / values
            factors = np.exp(BENT * relative / np.abs(relative).max())
            bent.append(self._moved(who, values * (factors - 1.0)))
        return "product" if all(self._same(natural) for natural in bent) else "local"


def groups_of(null: Vector) -> list[tuple[NDArray[np.intp], Vector]]:
    """Parameters that are tied together: their places, and the combinations among them, (m, d).

    Args:
        null: orthonormal combinations of all of them, (K, c).
    """
    together = null @ null.T
    involved = np.diag(together) > PART
    left = set(np.flatnonzero(involved).tolist())
    groups = []
    while left:
        group, fresh = set(), {min(left)}
        while fresh:
            group |= fresh
            fresh = {
                j
                for j in left - group
                for i in fresh
                if abs(together[i, j]) > TOGETHER * together[i, i] ** 0.5
            }
        left -= group
        members = np.array(sorted(group), dtype=np.intp)
        vectors, sizes, _ = np.linalg.svd(null[members], full_matrices=False)
        groups.append((members, np.asarray(vectors[:, sizes > 0.5], dtype=np.float64)))
    return groups
