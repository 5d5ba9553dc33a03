"""A `Fit` out of where the search ended: standard errors, predictions, and a sentence on what happened."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from covstudio.reml.diagnosis.combinations import listed
from covstudio.reml.diagnosis.identifiability import Identified, identify
from covstudio.reml.diagnosis.silent import taken_up_at_zero
from covstudio.reml.fitting.model import Model
from covstudio.reml.fitting.result import Fit, Verdict
from covstudio.reml.fitting.uncertainty import Uncertainty, inside_range
from covstudio.reml.problem.iteration import Iteration
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.search.constants import BESIDE_SINGULAR
from covstudio.reml.search.coordinates import Coordinate, Kind
from covstudio.reml.search.search import Outcome
from covstudio.reml.search.vanishing import distance
from covstudio.reml.terms.random_effects import random_effects

__all__ = ["assemble"]

#: Share of its range left to a correlation below which six digits of it are too many for a number.
DIGITS_LOST = 1e-10
OWN_TERM = (
    "So small a part of V has its digits as a term of its own, such as a residual beside random effects."
)
_NAMED_ENDS = {0.0: "zero", math.inf: "infinity"}
#: A variance below this share of where the search began is all but zero.
GONE = 1e-6
#: One below this share of it,
SMALL = 1e-3
#: and below this share of what it was after three quarters of the iterations, is on its way there.
STILL_GOING = 0.5
#: A value below this is what a search leaves of 0.
NOTHING = 1e-12


def assemble(
    model: Model,
    problem: Problem,
    engine: Engine,
    coordinates: Sequence[Coordinate],
    outcome: Outcome,
    history: tuple[Iteration, ...],
    *,
    restarted: bool,
    seconds: float,
    identified: Identified | None = None,
) -> Fit:
    """Build the `Fit`.

    Args:
        model: V, and which engine takes it.
        problem: y and X.
        engine: the engine.
        coordinates: the estimated parameters.
        outcome: where the search ended.
        history: its iterations.
        restarted: whether the given start was given up.
        seconds: time so far.
        identified: what the data tell of the parameters, where that is known already.
    """
    variance, choice, point = model.variance, model.choice, outcome.point
    found = identified or identify(engine, outcome, coordinates, [term.span for term in variance.terms])
    running = {name for group in found.confounded if group.leads for name in group.names}
    running |= {*(coordinates[i].name for i in outcome.vanishing), *found.zero}
    boundary = tuple(
        c.name for c, end in zip(coordinates, outcome.at_end, strict=True) if end or c.name in running
    )
    inside = inside_range(coordinates, boundary, found.confounded)
    places = [list(coordinates).index(c) for c in inside]
    uncertainty = Uncertainty(
        model,
        problem,
        point.natural,
        inside,
        outcome.derivatives.information[np.ix_(places, places)],
        found.confounded,
        converged=outcome.converged,
    )
    loglik = problem.log_likelihood(point.kernel)
    count = problem.p + len(coordinates)
    effects, random_part = random_effects(variance, point)
    # What a fit holds is on the CPU, wherever it was computed.
    beta = point.beta
    marginal = (problem.x @ beta).cpu()
    natural = point.natural
    beta_covariance = point.beta_covariance.cpu()
    return Fit(
        theta=torch.from_numpy(variance.theta(natural)),
        params=dict(zip(variance.names, natural.tolist(), strict=True)),
        beta=beta.clone().cpu(),
        beta_standard_errors=torch.diagonal(beta_covariance).sqrt(),
        beta_covariance=beta_covariance,
        loglik=loglik,
        kernel_loglik=point.kernel,
        aic=-2.0 * loglik + 2.0 * count,
        bic=-2.0 * loglik + math.log(problem.n) * count,
        blups=effects,
        fitted=marginal + random_part,
        marginal_fitted=marginal,
        residuals=problem.y.cpu() - marginal - random_part,
        boundary=boundary,
        indistinct=found.names,
        converged=outcome.converged,
        message=_message(problem, coordinates, outcome, boundary, found, history, restarted),
        iterations=outcome.iterations,
        engine=choice.candidate.name,
        engine_reason=choice.reason,
        history=history,
        uncertainty=uncertainty,
        n=problem.n,
        p=problem.p,
        seconds=seconds,
        method=problem.method,
        verdict=_verdict(outcome, boundary, found),
        confounded=found.confounded,
        x_names=problem.names,
        dropped=problem.dropped,
    )


def _verdict(outcome: Outcome, boundary: tuple[str, ...], found: Identified) -> Verdict:
    if not outcome.converged:
        return "stopped"
    # A correlation that means nothing because its variance is zero is the boundary's doing.
    if any(group.final for group in found.confounded):
        return "not identifiable"
    return "at the boundary" if boundary else "converged"


def _message(
    problem: Problem,
    coordinates: Sequence[Coordinate],
    outcome: Outcome,
    boundary: tuple[str, ...],
    found: Identified,
    history: tuple[Iteration, ...],
    restarted: bool,
) -> str:
    steps = f"{outcome.iterations} iteration{'' if outcome.iterations == 1 else 's'}"
    sentences: list[str] = []
    if not coordinates:
        sentences.append("V has no parameters to estimate: the likelihood was evaluated as it stands.")
    elif outcome.converged:
        sentences.append(f"Converged in {steps}.")
        if outcome.reason == "rounding" and outcome.ridge is None:
            sentences.append(
                "V is so close to singular that the last digits of the estimates are rounding error."
            )
        sentences += _near_the_end(coordinates, outcome)
    elif outcome.reason == "singular":
        sentences.append(_singular(coordinates, outcome, steps))
    elif outcome.reason == "iterations":
        gain = history[-1].loglik - history[-2].loglik if len(history) > 1 else math.nan
        rate = f" (the last step gained {gain:.2g})" if math.isfinite(gain) else ""
        sentences.append(f"Not converged after {steps}: the log-likelihood is still rising{rate}.")
    else:
        sentences.append(
            f"Not converged: after {steps} no step raises the log-likelihood, though its slope is not zero."
        )
    if restarted:
        sentences.append(
            "The given start led nowhere good; this is the fit from starting values taken from the data."
        )
    told = {*found.names, *(coordinates[i].name for i in outcome.vanishing)}
    sentences += _at_the_end(coordinates, outcome, [name for name in boundary if name not in told])
    sentences += taken_up_at_zero(coordinates, boundary)
    sentences += [group.sentence for group in found.confounded]
    if problem.dropped:
        sentences.append(
            f"Left out of x, as {'a combination' if len(problem.dropped) == 1 else 'combinations'} of other "
            f"columns: {listed(problem.dropped)}."
        )
    if coordinates and not outcome.converged:
        running = [name for name in _running(coordinates, outcome, history) if name not in told]
        if running:
            sentences.append(
                f"{listed(running)} {'is' if len(running) == 1 else 'are'} running off to the end of the "
                "range."
            )
        going = [name for name in _vanishing(coordinates, outcome, history) if name not in told]
        if going:
            are, them = ("is", "it") if len(going) == 1 else ("are", "them")
            sentences.append(
                f"{listed(going)} {are} on the way to zero, and the log-likelihood rises with {them}. There "
                "may be more covariances than subjects with enough of the data: take a structure of fewer "
                f"parameters, or fix {them}. The values are the best found."
            )
        elif outcome.reason != "singular":
            sentences.append(
                "The values are the best found. Try more iterations (max_iter), a start closer to what you "
                "expect, or a simpler V."
            )
    return " ".join(sentences)


def _singular(coordinates: Sequence[Coordinate], outcome: Outcome, steps: str) -> str:
    """What V is lost by where it has no inverse, and what to do about it."""
    why = (
        "Something is told exactly by the rest of the model: rows may be copies of others, or there are more "
        "covariances than subjects with enough of the data. Take a structure of fewer parameters"
    )
    if not outcome.vanishing:
        return (
            f"Not converged: after {steps} V is all but singular, and no step raises the likelihood. {why}."
        )
    towards: dict[float, list[str]] = {}
    for c in (coordinates[i] for i in outcome.vanishing):
        end = math.inf if c.is_range else c.nearest_end(float(outcome.point.natural[c.position]))
        towards.setdefault(end, []).append(c.name)
    going = [
        f"{listed(names)} {'goes' if len(names) == 1 else 'go'} to {_NAMED_ENDS.get(end, f'{end:g}')}"
        for end, names in towards.items()
    ]
    it = "it" if len(outcome.vanishing) == 1 else "them"
    settled = outcome.length**2 < BESIDE_SINGULAR
    others = f"The others are estimated beside {it}." if settled else "The values are the best found."
    vanishing = [coordinates[i] for i in outcome.vanishing]
    if any(c.kind is Kind.INTERVAL or c.is_range for c in vanishing):
        why = f"{OWN_TERM} {why}"
    return (
        f"Not converged: V becomes singular as {' and '.join(going)}, and the log-likelihood has no maximum "
        f"before double precision ends. {others} {why}, or fix {it}."
    )


def _near_the_end(coordinates: Sequence[Coordinate], outcome: Outcome) -> list[str]:
    """Correlations so near to an end of their range that a number has few digits of the distance."""
    sentences = []
    for c in coordinates:
        value = float(outcome.point.natural[c.position])
        end = c.nearest_end(value)
        if end and 0.0 < distance(c, outcome.point.natural) < DIGITS_LOST:
            digits = max(int(math.log10(abs(end - value) / np.spacing(abs(end)))), 0)
            sentences.append(
                f"{c.name} is {abs(end - value):.2g} from {end:g}, of which double precision holds {digits} "
                f"digit{'' if digits == 1 else 's'}. {OWN_TERM}"
            )
    return sentences


def _at_the_end(coordinates: Sequence[Coordinate], outcome: Outcome, boundary: Sequence[str]) -> list[str]:
    zero = [c.name for c in coordinates if c.name in boundary and c.kind is Kind.VARIANCE]
    scales = [c.name for c in coordinates if c.name in boundary and c.kind is Kind.SCALE and c.degree]
    ends = [
        c for c in coordinates if c.name in boundary and not (c.kind is Kind.VARIANCE or c.name in scales)
    ]
    sentences = []
    if zero:
        sentences.append(f"Estimated as zero: {listed(zero)}.")
    if scales:
        sentences.append(f"Estimated as zero: {listed(scales)}, so that its matrix is singular.")
    for c in ends:
        end = float(outcome.point.natural[c.position])
        sentences.append(f"{c.name} is at the end of its range, {0.0 if abs(end) < NOTHING else end:g}.")
    return sentences


def _vanishing(
    coordinates: Sequence[Coordinate], outcome: Outcome, history: tuple[Iteration, ...]
) -> list[str]:
    """Variances, or scales of some, that a search left on their way to zero, which it has not reached."""
    if outcome.reason == "singular" or not history:
        return []
    first, later = history[0].params, history[3 * len(history) // 4].params
    names = []
    for c, end in zip(coordinates, outcome.at_end, strict=True):
        power = {Kind.VARIANCE: 1, Kind.SCALE: c.degree}.get(c.kind, 0)
        value = float(outcome.point.natural[c.position])
        if end or not power or not first[c.name] or not later[c.name]:
            continue
        shares = [abs(value / before[c.name]) ** power for before in (first, later)]
        if 0.0 < shares[0] < GONE or (0.0 < shares[0] < SMALL and shares[1] < STILL_GOING):
            names.append(c.name)
    return names


def _running(
    coordinates: Sequence[Coordinate], outcome: Outcome, history: tuple[Iteration, ...]
) -> list[str]:
    """Parameters that kept moving towards an end of their range."""
    names = []
    first = history[0].params if history else {}
    for c in coordinates:
        value = float(outcome.point.natural[c.position])
        if c.kind is Kind.INTERVAL:
            away = min(value - c.low, c.high - value)
            if 0.0 < away < 1e-3 * (c.high - c.low):
                names.append(c.name)
        elif c.kind is Kind.SCALE and c.degree == 0 and first:
            ratio = abs(value / first[c.name]) if first[c.name] else 1.0
            if ratio > 1e3 or 0.0 < ratio < 1e-3:
                names.append(c.name)
    return names
