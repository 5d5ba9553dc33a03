"""The answer of a fit whose random effects were searched in another coding than V's (see `Recoding`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from covstudio.covariance import Matrix
from covstudio.reml.diagnosis.combinations import listed
from covstudio.reml.diagnosis.identifiability import identify
from covstudio.reml.fitting.assemble import assemble
from covstudio.reml.fitting.model import Model
from covstudio.reml.fitting.result import Fit
from covstudio.reml.fitting.uncertainty_recoded import RecodedUncertainty
from covstudio.reml.problem.iteration import Iteration
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.search.coordinates import Coordinate
from covstudio.reml.search.search import Outcome
from covstudio.reml.terms.recoding import Recoded, Recoding, at_ends

__all__ = ["assemble_recoded", "same_likelihood"]

Vector = NDArray[np.float64]

#: The likelihood in the given coding must be that of the search to this share.
SAME_LIKELIHOOD = 2e-8


def assemble_recoded(
    recoding: Recoding,
    v: Matrix,
    model: Model,
    problem: Problem,
    engine: Engine,
    coordinates: Sequence[Coordinate],
    outcome: Outcome,
    history: Callable[[Recoding | None], tuple[Iteration, ...]],
    *,
    restarted: bool,
    seconds: float,
) -> Fit:
    """Build the `Fit` in the coding of V, or in that of the search where V cannot be computed from its own.

    Args:
        recoding: the coding of the search.
        v: the model of V as it was given.
        model: that of the search, and which engine takes it.
        problem: y and X.
        engine: the engine of the search.
        coordinates: the estimated parameters.
        outcome: where the search ended.
        history: its iterations, in the given coding or, for None, in that of the search.
        restarted: whether the given start was given up.
        seconds: time so far.
    """
    found = identify(engine, outcome, coordinates, [term.span for term in model.variance.terms])
    result = assemble(
        model,
        problem,
        engine,
        coordinates,
        outcome,
        history(None),
        restarted=restarted,
        seconds=seconds,
        identified=found,
    )
    own = {model.variance.names[k] for part in recoding.parts for k in part.span}
    natural = recoding.back(outcome.point.natural)
    if any(outcome.at_end):
        natural = at_ends(natural, recoding, model.variance)
    plain = Model(v, model.choice.candidate.name, problem.p)
    back = plain.engine(problem)
    point = back.at(natural)
    same = point is not None and same_likelihood(point.kernel, outcome.point.kernel)
    if own & set(result.indistinct) or point is None or not same:
        said = " ".join([result.message, *(_said(part) for part in recoding.parts)])
        return replace(result, message=said, recoded={part.path: part.t for part in recoding.parts})
    ends = [
        natural[c.position] in (c.low, c.high) if c.name in own else end
        for c, end in zip(coordinates, outcome.at_end, strict=True)
    ]
    given = assemble(
        plain,
        problem,
        back,
        coordinates,
        replace(outcome, point=point, at_end=tuple(ends)),
        history(recoding),
        restarted=restarted,
        seconds=seconds,
        identified=found,
    )
    # What does not depend on the coding has more digits where it was searched.
    return replace(
        result,
        theta=given.theta,
        params=given.params,
        uncertainty=RecodedUncertainty(
            result.uncertainty, recoding, outcome.point.natural, given.uncertainty.coordinates
        ),
        blups=given.blups,
        boundary=given.boundary,
        message=given.message,
        verdict=given.verdict,
        history=given.history,
    )


def same_likelihood(given: float, searched: float) -> bool:
    """Whether the coding of V holds what was found in that of a search.

    Args:
        given: the kernel log-likelihood in the coding of V.
        searched: in the other.
    """
    return abs(given - searched) <= SAME_LIKELIHOOD * (1.0 + abs(searched))


def _said(part: Recoded) -> str:
    """In which coding a term is reported, and why."""
    shifts = []
    for j, column in enumerate(part.t.mT.tolist()):
        taken = [f"{-share:.10g} times column {i}" for i, share in enumerate(column) if share and i != j]
        if taken:
            shifts.append(f"column {j} less {listed(taken)}")
    return (
        f"The parameters and effects of {part.path or 'V'} are those of centred columns (its coefficients "
        f"counted from 0, {'; '.join(shifts)}): in the coding given, rounding in Z G Z' would drown the "
        "residual. Centre the covariate to have V in the same coding."
    )
