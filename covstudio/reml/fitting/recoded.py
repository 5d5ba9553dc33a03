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
from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.problem.problem import Problem
from covstudio.reml.search.coordinates import Coordinate
from covstudio.reml.search.search import Outcome
from covstudio.reml.terms.recoding import Recoded, Recoding, at_ends

__all__ = ["assemble_recoded", "same_likelihood"]

Vector = NDArray[np.float64]

#: The likelihood in the given coding must be that of the search to this share,
SAME_LIKELIHOOD = 1e-7
#: and at values so little nearer to 0, too, where only rounding changes it: once it may be so by chance.
NEARBY = (0.0, 1e-10, 2e-10)


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

    def there(searched: Vector) -> Vector:
        natural = recoding.back(searched)
        return at_ends(natural, recoding, model.variance) if any(outcome.at_end) else natural

    natural = there(outcome.point.natural)
    plain = Model(v, model.choice.candidate.name, problem.p)
    back = plain.engine(problem)
    point = back.at(natural)
    same = same_likelihood(back, there, outcome.point)
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


def same_likelihood(given: Engine, there: Callable[[Vector], Vector], searched: Point) -> bool:
    """Whether the coding of V holds what was found in that of a search.

    Args:
        given: evaluates the likelihood in the coding of V.
        there: natural values of all parameters in that coding, from those of the search.
        searched: where the search ended.
    """
    points = [given.at(there(searched.natural * (1.0 - nearer))) for nearer in NEARBY]
    allowed = SAME_LIKELIHOOD * (1.0 + abs(searched.kernel))
    return all(point is not None and abs(point.kernel - searched.kernel) <= allowed for point in points)


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
