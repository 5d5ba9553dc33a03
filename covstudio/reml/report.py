"""From where the search ended to a `Fit`: standard errors, predictions, and the sentence that says what
happened."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.reml.blup import random_effects
from covstudio.reml.coordinates import Coordinate, Kind
from covstudio.reml.engines import Choice
from covstudio.reml.fit import Fit, Iteration
from covstudio.reml.likelihood import log_likelihood
from covstudio.reml.optimise import Outcome
from covstudio.reml.problem import Problem
from covstudio.reml.variance import Variance

__all__ = ["assemble", "sampling_variances"]

Vector = NDArray[np.float64]

#: Eigenvalues of the equilibrated information below this mean that the data do not tell some parameters
#: apart.
IDENTIFIABLE = 1e-8


def assemble(
    variance: Variance,
    problem: Problem,
    choice: Choice,
    coordinates: Sequence[Coordinate],
    outcome: Outcome,
    history: tuple[Iteration, ...],
    *,
    restarted: bool,
    seconds: float,
) -> Fit:
    """Build the `Fit`.

    Args:
        variance: the model of V.
        problem: y and X.
        choice: the engine, and V taken apart for it.
        coordinates: the estimated parameters.
        outcome: where the search ended.
        history: its iterations.
        restarted: whether the given start was given up.
        seconds: time so far.
    """
    point = outcome.point
    estimated = ~np.array(outcome.at_end, dtype=bool)
    variances, distinct = sampling_variances(outcome.derivatives.information, estimated)
    errors = dict.fromkeys(variance.names, math.nan)
    for c, value in zip(coordinates, variances, strict=True):
        errors[c.name] = math.sqrt(value) if value >= 0.0 else math.nan
    boundary = tuple(c.name for c, end in zip(coordinates, outcome.at_end, strict=True) if end)
    indistinct = tuple(
        c.name for c, ok, inside in zip(coordinates, distinct, estimated, strict=True) if inside and not ok
    )
    loglik = log_likelihood(point.kernel, problem.n, problem.p)
    count = problem.p + len(coordinates)
    effects, random_part = random_effects(variance, point, choice.lowered)
    marginal = problem.x @ point.beta
    natural = point.natural
    beta_covariance = point.beta_covariance
    return Fit(
        theta=torch.from_numpy(variance.theta(natural)),
        params=dict(zip(variance.names, natural.tolist(), strict=True)),
        standard_errors=errors,
        beta=point.beta.clone(),
        beta_standard_errors=torch.diagonal(beta_covariance).sqrt(),
        beta_covariance=beta_covariance,
        loglik=loglik,
        kernel_loglik=point.kernel,
        aic=-2.0 * loglik + 2.0 * count,
        bic=-2.0 * loglik + math.log(problem.n) * count,
        blups=effects,
        fitted=marginal + random_part,
        marginal_fitted=marginal,
        residuals=problem.y - marginal - random_part,
        boundary=boundary,
        indistinct=indistinct,
        converged=outcome.converged,
        message=_message(variance, coordinates, outcome, boundary, indistinct, history, restarted),
        iterations=outcome.iterations,
        engine=choice.candidate.name,
        engine_reason=choice.reason,
        history=history,
        n=problem.n,
        p=problem.p,
        seconds=seconds,
    )


def sampling_variances(information: Vector, inside: NDArray[np.bool_]) -> tuple[Vector, NDArray[np.bool_]]:
    """Diagonal of A^-1 over the parameters inside their range, and which of them the data tell apart.

    A is equilibrated first. A parameter that takes part in a combination with (almost) no information has
    no variance: NaN.

    Args:
        information: A with respect to natural values, (K, K).
        inside: which parameters are neither at an end of their range nor left out, (K,).

    Returns:
        Variances, (K,), NaN where there is none; and flags, (K,).

    Example:
        >>> sampling_variances(np.array([[4.0, 0.0], [0.0, 0.0]]), np.array([True, True]))
        (array([0.25,  nan]), array([ True, False]))
    """
    count = len(information)
    variances, distinct = np.full(count, math.nan), np.zeros(count, dtype=bool)
    diagonal = np.diag(information)
    used = np.flatnonzero(inside & (diagonal > 0.0) & np.isfinite(diagonal))
    if not len(used):
        return variances, distinct
    scale = np.sqrt(diagonal[used])
    eigenvalues, vectors = np.linalg.eigh(information[np.ix_(used, used)] / np.outer(scale, scale))
    null = eigenvalues < IDENTIFIABLE
    lost = (vectors[:, null] ** 2).sum(axis=1) > 1e-4
    inverse = (vectors[:, ~null] ** 2 / eigenvalues[~null]).sum(axis=1) / scale**2
    variances[used] = np.where(lost, math.nan, inverse)
    distinct[used] = ~lost
    return variances, distinct


def _message(
    variance: Variance,
    coordinates: Sequence[Coordinate],
    outcome: Outcome,
    boundary: tuple[str, ...],
    indistinct: tuple[str, ...],
    history: tuple[Iteration, ...],
    restarted: bool,
) -> str:
    steps = f"{outcome.iterations} iteration{'' if outcome.iterations == 1 else 's'}"
    sentences: list[str] = []
    if not coordinates:
        sentences.append("V has no parameters to estimate: the likelihood was evaluated as it stands.")
    elif outcome.converged:
        sentences.append(f"Converged in {steps}.")
        if outcome.reason == "rounding":
            sentences.append(
                "V is so close to singular that the last digits of the estimates are rounding error."
            )
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
    sentences += _at_the_end(variance, coordinates, outcome, boundary)
    if indistinct:
        sentences.append(
            f"The data cannot tell {_listed(indistinct)} apart: only a combination of them is estimated. "
            "Fix or remove one."
            if len(indistinct) > 1
            else f"The data say nothing about {indistinct[0]} here: fix or remove it."
        )
    if coordinates and not outcome.converged:
        running = _running(coordinates, outcome, history)
        if running:
            sentences.append(
                f"{_listed(running)} {'is' if len(running) == 1 else 'are'} running off to the end of the "
                "range."
            )
        sentences.append(
            "The values are the best found. Try more iterations (max_iter), a start closer to what you "
            "expect, or a simpler V."
        )
    return " ".join(sentences)


def _at_the_end(
    variance: Variance, coordinates: Sequence[Coordinate], outcome: Outcome, boundary: tuple[str, ...]
) -> list[str]:
    zero = [c.name for c in coordinates if c.name in boundary and c.kind is Kind.VARIANCE]
    scales = [c.name for c in coordinates if c.name in boundary and c.kind is Kind.SCALE]
    ends = [c for c in coordinates if c.name in boundary and c.kind is Kind.INTERVAL]
    sentences = []
    if zero:
        sentences.append(f"Estimated as zero: {_listed(zero)}.")
    if scales:
        sentences.append(f"Estimated as zero: {_listed(scales)}, so that its matrix is singular.")
    for c in ends:
        sentences.append(f"{c.name} is at the end of its range, {outcome.point.natural[c.position]:g}.")
    return sentences


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


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:6], f"{len(names) - 6} more"] if len(names) > 6 else list(names)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
