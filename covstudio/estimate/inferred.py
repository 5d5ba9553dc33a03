"""Inference beside a fit, as far as it is to be had at little cost beside the fit itself."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from torch import Tensor

from covstudio.document.model.document import Degrees
from covstudio.estimate.derived import LEVEL
from covstudio.estimate.model import Assembled
from covstudio.estimate.residuals import Standardised, standardised
from covstudio.reml import Fit, FitCancelled, Inference
from covstudio.reml.fitting.parameter_covariance import ParameterCovariance
from covstudio.reml.inference import Component, Effect, FittedPart, ParameterInterval, WaldTest

__all__ = ["WORDS", "Heritability", "Inferred", "bound", "infer"]

log = logging.getLogger("covstudio")

#: Parts of the fitted values have standard errors up to so many rows.
PART_ERRORS = 1000
#: Terms have a heritability up to so many effects: their errors are taken together.
TOLD_TOGETHER = 600
#: Fixed effects are tested one by one up to so many.
MANY_EFFECTS = 300

Found = TypeVar("Found")

WORDS: Mapping[Degrees, str] = {
    "satterthwaite": "Satterthwaite",
    "kenward-roger": "Kenward-Roger",
    "kenward-roger-observed": "Kenward-Roger (observed information)",
}


@dataclass(frozen=True)
class Heritability:
    """How well the effects of a random term are told apart, from 0 to 1; NaN where that has no meaning.

    Args:
        cullis: by the mean variance of a difference of two predictions.
        generalised: the mean squared canonical correlation of effects and predictions.
    """

    cullis: float
    generalised: float


@dataclass(frozen=True, eq=False)
class Inferred:
    """Uncertainty of the estimates of a fit.

    Args:
        intervals: parameter -> its interval.
        covariance: of the variance parameters inside their range, or None.
        effects: the fixed effects with t tests, in the order of `Fit.beta`; empty where they are not tested.
        tests: F tests of the terms of the fixed effects that no other term contains.
        contained: terms that are not tested because another one contains them.
        degrees: where the denominator degrees of freedom are from, in words.
        components: the terms of V with their mean variances over the rows and their shares of all of it.
        heritability: random term of up to 600 effects -> how well these are told apart.
        reliability: random term -> reliabilities of its predictions.
        parts: term that is neither Z G Z' nor the residual -> its part of the fitted values.
        residuals: of the rows, in standard deviations, or None.
        notes: what could not be had, and why.
    """

    intervals: Mapping[str, ParameterInterval] = field(default_factory=dict)
    covariance: ParameterCovariance | None = None
    effects: tuple[Effect, ...] = ()
    tests: tuple[WaldTest, ...] = ()
    contained: tuple[str, ...] = ()
    degrees: str = ""
    components: tuple[Component, ...] = ()
    heritability: Mapping[str, Heritability] = field(default_factory=dict)
    reliability: Mapping[str, Tensor] = field(default_factory=dict)
    parts: Mapping[str, FittedPart] = field(default_factory=dict)
    residuals: Standardised | None = None
    notes: tuple[str, ...] = ()


def infer(
    parts: Assembled,
    fit: Fit,
    degrees: Degrees = "satterthwaite",
    stopped: Callable[[], bool] = lambda: False,
) -> Inferred:
    """Intervals, tests of fixed effects and reliabilities of a fit.

    Args:
        parts: what was fitted.
        fit: its fit.
        degrees: the degrees of freedom of the tests; where those of Kenward and Roger cannot be had,
            Satterthwaite's take their place.
        stopped: asked between the steps.

    Returns:
        What was found; what could not be found is a note, never an error.

    Raises:
        FitCancelled: `stopped` said so.
    """
    if not fit.converged:
        return Inferred(notes=("The fit did not converge, so there are no intervals and no tests.",))
    notes: list[str] = []

    def attempt(what: str, question: Callable[[], Found]) -> Found | None:
        if stopped():
            raise FitCancelled
        try:
            return question()
        except FitCancelled:
            raise
        except (ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
            log.info("no %s", what, exc_info=True)
            said = str(error).strip()
            notes.append(f"There are no {what}{': ' + said if said else ''}.".replace("..", "."))
            return None

    told = attempt("intervals and tests", lambda: bound(parts, fit))
    if told is None:
        return Inferred(notes=tuple(notes))
    covariance = attempt("intervals", lambda: told.covariance)
    intervals = None if covariance is None else attempt("intervals", lambda: told.intervals(LEVEL))
    effects = None
    tested = parts.outer_terms
    contained = tuple(name for name, _ in parts.terms if name not in tested)
    tests = None
    if covariance is not None and 0 < fit.p <= MANY_EFFECTS:
        of_method = f"{WORDS[degrees]} tests of fixed effects"
        effects = attempt(of_method, lambda: told.fixed_effects(degrees, LEVEL))
        if effects is None and degrees != "satterthwaite":
            degrees = "satterthwaite"
            effects = attempt("tests of fixed effects", lambda: told.fixed_effects(degrees, LEVEL))
        tests = effects and attempt("tests of terms", lambda: told.wald_terms(tested, degrees))
    elif fit.p > MANY_EFFECTS:
        notes.append(f"{fit.p} fixed effects are not tested one by one; that is done up to {MANY_EFFECTS}.")
    untold = _untold(tested, effects.entries) if effects else ()
    if untold:
        notes.append(f"No test of {', '.join(untold)}: it would depend on what the data cannot tell.")
    random = attempt("reliabilities of random effects", told.random_effects) if fit.blups else None
    components = None if covariance is None else attempt("shares of variance", lambda: told.components(LEVEL))
    accuracy = attempt("heritabilities", lambda: told.accuracy(TOLD_TOGETHER)) if random else None
    structured = attempt(
        "parts of the fitted values", lambda: told.fitted_parts(structured=True, most=PART_ERRORS)
    )
    residuals = attempt("residuals", lambda: standardised(told.residuals))
    return Inferred(
        intervals={entry.name: entry for entry in intervals.entries} if intervals else {},
        covariance=covariance,
        effects=effects.entries if effects else (),
        tests=tuple(test for test in tests.entries if test.name not in untold) if tests else (),
        contained=contained if tests else (),
        degrees=WORDS[degrees] if effects else "",
        components=components.entries if components else (),
        heritability={
            term: Heritability(found.cullis, found.generalised) for term, found in (accuracy or {}).items()
        },
        reliability={term: found.reliability for term, found in (random or {}).items()},
        parts=structured or {},
        residuals=residuals,
        notes=tuple(dict.fromkeys(notes)),
    )


def _untold(terms: Mapping[str, tuple[int, ...]], effects: Sequence[Effect]) -> tuple[str, ...]:
    """Terms with an effect whose uncertainty depends on parameters that are not identifiable."""
    return tuple(
        name for name, places in terms.items() if any(math.isnan(effects[place].df) for place in places)
    )


def bound(parts: Assembled, fit: Fit) -> Inference:
    """The fit with its data.

    Args:
        parts: what was fitted.
        fit: its fit.
    """
    return Inference(fit, parts.matrix, parts.y, parts.x, parts.fixed_names)
