r"""The covariance matrix of the estimates of variance parameters, and which information it is made of.

- average: A_kl = y'P dV_k P dV_l P y / 2, which the search ends with;
- observed: minus the second derivatives of the log-likelihood, by fourth-order central differences of the
  analytic score (Nocedal & Wright 2006, section 8.1). The steps are a small share of the conditional
  standard error of each parameter, so that the result does not depend on units.

Every standard error of a variance parameter, every interval and every number of degrees of freedom that a
fit, `Inference`, the command line, an exported program or the app gives comes from here. The choice rests on
sizes alone: the observed information is taken where its four evaluations of the likelihood per parameter, at
what `explain` predicts for one, come to no more than `WORTH`. Nothing is timed, so that a fit has the same
standard errors on every machine and under any load.

Sources: Searle, Casella & McCulloch (1992), Variance Components, ch. 6; Johnson & Thompson (1995), J. Dairy
Sci. 78:449; Efron & Hinkley (1978), Biometrika 65:457.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.covariance import Matrix
from covstudio.reml.diagnosis.combinations import Confounded
from covstudio.reml.engines.candidate import Applicable
from covstudio.reml.fitting.model import Model
from covstudio.reml.fitting.parameter_covariance import (
    ParameterCovariance,
    average_covariance,
    covariance_of,
    without_silent,
)
from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.problem.problem import Problem
from covstudio.reml.search.coordinates import Coordinate, derivatives_at
from covstudio.threads import blas_threads

__all__ = [
    "Information",
    "KnownUncertainty",
    "ParameterCovariance",
    "Uncertainty",
    "UncertaintyRecord",
    "inside_range",
    "observed_information",
    "too_dear",
    "why_not_observed",
]

Vector = NDArray[np.float64]
Information = Literal["observed", "average", "expected"]

#: Step of the differences, in conditional standard errors.
STEP = 3e-3
#: Steps of a difference and their weights, over 12.
DIFFERENCE = ((-2.0, 1.0), (-1.0, -8.0), (1.0, 8.0), (2.0, -1.0))
#: Curvatures over one step and two that differ by more than this, in units of the parameters, are rounding.
ROUGH = 2e-3
#: What the observed information may come to, in seconds of the machine that `explain` predicts for.
WORTH = 2.0


@dataclass(frozen=True, eq=False)
class UncertaintyRecord:
    """What is kept of an uncertainty: the numbers, which need no data.

    Attributes:
        coordinates: the estimated parameters inside their range.
        reason: why the observed information was not to be taken; empty where it was.
        covariance: of the parameters.
        searched: the same in the coding of the search, where that was another one.
    """

    coordinates: tuple[Coordinate, ...]
    reason: str
    covariance: ParameterCovariance
    searched: UncertaintyRecord | None = None


class Uncertainty:
    """How uncertain the variance parameters of a fit are, found when somebody asks.

    Pickled or kept as a record, it is found first: what arrives elsewhere has the numbers and needs no data.

    Args:
        model: V, and the engine that takes it.
        problem: y and X.
        natural: the estimates, all parameters of V.
        coordinates: the estimated parameters inside their range.
        average: the average information about them, (K, K).
        confounded: the groups of parameters that the data cannot tell apart.
        converged: whether the estimates are at a maximum.
    """

    def __init__(
        self,
        model: Model,
        problem: Problem,
        natural: Vector,
        coordinates: Sequence[Coordinate],
        average: Vector,
        confounded: Sequence[Confounded],
        *,
        converged: bool,
    ) -> None:
        self._model: Model | None = model
        self._problem: Problem | None = problem
        self._natural = natural
        self.coordinates = tuple(coordinates)
        self._confounded = tuple(confounded)
        self._average = average
        #: Why the observed information is not taken; empty where it is.
        self.reason = "" if converged else "the fit did not converge"
        self.reason = self.reason or too_dear(model, len(self.coordinates))

    #: What `covstudio.records` keeps of it.
    Record = UncertaintyRecord

    def __getstate__(self) -> dict[str, Any]:
        found = self.covariance
        return {**self.__dict__, "covariance": found}

    def to_record(self) -> UncertaintyRecord:
        """The numbers, to be kept."""
        searched: Uncertainty | None = getattr(self, "searched", None)
        return UncertaintyRecord(
            self.coordinates,
            self.reason,
            self.covariance,
            None if searched is None else searched.to_record(),
        )

    @staticmethod
    def from_record(record: UncertaintyRecord) -> Uncertainty:
        """The uncertainty whose numbers were kept."""
        return KnownUncertainty(record)

    def model_of(self, v: Matrix, engine: str) -> Model | None:
        """The model that was fitted, as long as it is at hand and its V is as it was; else None.

        Args:
            v: V.
            engine: the name of the engine.
        """
        model = self._model
        if model is None or model.v is not v or not model.current:
            return None
        return model if model.choice.candidate.name == engine else None

    @property
    def kind(self) -> Information:
        """The information to take; where the observed one is not positive definite, the average serves."""
        return "average" if self.reason else "observed"

    @cached_property
    def covariance(self) -> ParameterCovariance:
        """The covariance matrix of the variance parameters that are inside their range."""
        found, reason = None, self.reason
        model, problem = self._model, self._problem
        if not reason and model is not None and problem is not None:
            observed = self._observed(model, problem)
            found, reason = covariance_of(self.coordinates, observed, "observed"), why_not_observed(observed)
        # The data are not needed again.
        self._model = self._problem = None
        if found is not None:
            return found
        return average_covariance(self.coordinates, self._average, self._confounded, reason)

    def _observed(self, model: Model, problem: Problem) -> Vector:
        engine = model.engine(problem)
        with blas_threads(engine.order), torch.no_grad():
            point = engine.at(self._natural)
            if point is None:
                return np.full((len(self.coordinates),) * 2, np.nan)
            return observed_information(engine, point, self.coordinates, self._confounded)


class KnownUncertainty(Uncertainty):
    """The uncertainty of a fit that was kept and read back.

    Args:
        record: its numbers.
    """

    def __init__(self, record: UncertaintyRecord) -> None:
        self._model = self._problem = None
        self.coordinates = record.coordinates
        self.reason = record.reason
        self._covariance = record.covariance
        if record.searched is not None:
            self.searched = KnownUncertainty(record.searched)

    @property
    def covariance(self) -> ParameterCovariance:
        """The covariance matrix that was found when the fit was made."""
        return self._covariance

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)


def too_dear(model: Model, count: int) -> str:
    """Why the observed information is not taken unasked, in words; empty where it is.

    Args:
        model: V, and the engine that takes it.
        count: parameters inside their range.
    """
    verdict = model.choice.verdicts[model.choice.candidate.name]
    evaluations = len(DIFFERENCE) * count
    if not isinstance(verdict, Applicable) or evaluations * verdict.seconds <= WORTH:
        return ""
    return (
        f"the observed information would take {evaluations} evaluations of the likelihood at about "
        f"{verdict.seconds:.2g} s each, and more than {WORTH:g} s are not spent unasked"
    )


def inside_range(
    coordinates: Sequence[Coordinate], boundary: Sequence[str], confounded: Sequence[Confounded]
) -> list[Coordinate]:
    """The estimated parameters that have a sampling variance to speak of: not at an end of their range.

    Of those that run to the ends of their ranges together only the leads are taken as known: what stays the
    same along with them is told by the others.

    Args:
        coordinates: the estimated parameters.
        boundary: paths of those at an end of their range.
        confounded: the groups of parameters that the data cannot tell apart.
    """
    beside = {name for group in confounded if group.leads for name in group.names}
    ends = set(boundary) - beside
    ends.update(name for group in confounded for name in group.leads)
    return [c for c in coordinates if c.name not in ends]


def observed_information(
    engine: Engine,
    point: Point,
    coordinates: Sequence[Coordinate],
    confounded: Sequence[Confounded] = (),
) -> Vector:
    """Minus the second derivatives with respect to the natural values of these parameters, (K, K).

    Args:
        engine: evaluates the likelihood.
        point: where.
        coordinates: the parameters, inside their range.
        confounded: the groups of parameters that the data cannot tell apart; 0 for those they say nothing of.

    Returns:
        NaN everywhere where V is not positive definite a step beside the point, or so close to singular that
        differences over one step and over two tell different curvatures: the score has lost its figures.
    """
    positions = [c.position for c in coordinates]
    count = len(positions)
    information, wide = np.zeros((count, count)), np.zeros((count, count))
    average = np.diag(derivatives_at(point, coordinates).information) if count else np.zeros(0)
    for i, c in enumerate(coordinates):
        if c.silent:
            continue
        value = float(point.natural[c.position])
        room = min(value - c.low, c.high - value)
        conditional = 1.0 / np.sqrt(average[i]) if average[i] > 0.0 else max(abs(value), 1.0)
        step = STEP * min(conditional, 10.0 * room)
        slopes = {}
        for moved, _ in DIFFERENCE:
            natural = point.natural.copy()
            natural[c.position] = value + moved * step
            there = engine.at(natural)
            if there is None:
                return np.full((count, count), np.nan)
            slopes[moved] = there.derivatives(positions).score
        information[i] = -sum(weight * slopes[moved] for moved, weight in DIFFERENCE) / (12.0 * step)
        wide[i] = -(slopes[2.0] - slopes[-2.0]) / (4.0 * step)
    information, wide = (without_silent(coordinates, found, confounded) for found in (information, wide))
    scale = np.sqrt(np.abs(np.diag(information)))
    if bool((np.abs(wide - information) > ROUGH * np.outer(scale, scale)).any()):
        return np.full((count, count), np.nan)
    return np.asarray(0.5 * (information + information.T))


def why_not_observed(information: Vector) -> str:
    """Why an observed information serves for no covariance matrix, in words.

    Args:
        information: (K, K), see `observed_information`.
    """
    if np.isfinite(information).all():
        return "the observed information is not positive definite"
    return "V is so close to singular that the observed information is lost in rounding error"
