"""One fit against another that may be a special case of it: what can be compared, and the test."""

from __future__ import annotations

from dataclasses import dataclass

from covstudio.reml import InvalidData
from covstudio.reml.inference.comparison import (
    Candidate,
    LikelihoodRatio,
    check_same_data,
    check_same_design,
    compare_candidates,
)
from covstudio.reml.inference.nesting import nesting

__all__ = ["NestedTest", "estimated", "incomparable", "likelihood_ratio_test", "shown_nested"]


@dataclass(frozen=True)
class NestedTest:
    """A model against another.

    Attributes:
        smaller: name of the model that would be a special case of the other.
        larger: name of the other.
        test: the likelihood-ratio test; None where there is none.
        reason: why there is none, as a sentence; "" where there is one.
        notes: what the test assumes, a sentence each.
    """

    smaller: str
    larger: str
    test: LikelihoodRatio | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()


def incomparable(first: Candidate, other: Candidate) -> str:
    """Why the likelihoods of two fits are not comparable; "" where they are."""
    try:
        check_same_data(first, other)
        check_same_design(first, other, [])
    except InvalidData as error:
        said = str(error)
        return f"Not comparable with {first.name}: {said}"
    return ""


def shown_nested(small: Candidate, large: Candidate) -> bool:
    """Whether the trees show one model to be a special case of another, by the names of their terms."""
    if small.binding is None or large.binding is None or incomparable(small, large):
        return False
    return nesting(small.binding, large.binding, by_names=True).nested


def estimated(candidate: Candidate) -> int:
    """All estimated parameters."""
    return candidate.parameters + candidate.fit.p


def likelihood_ratio_test(small: Candidate, large: Candidate) -> NestedTest:
    """The test of one fit against another, or why there is none."""
    answer = NestedTest(small.name, large.name)
    if apart := incomparable(small, large):
        return _without(answer, apart)
    for candidate in (small, large):
        if not candidate.fit.converged:
            return _without(answer, f"{candidate.name} did not converge.")
    if estimated(large) <= estimated(small):
        return _without(
            answer,
            f"{large.name} has no more parameters than {small.name}, so that neither is a special case of "
            "the other.",
        )
    assert small.binding is not None, "fits are compared with their models"
    assert large.binding is not None, "fits are compared with their models"
    found = nesting(small.binding, large.binding)
    if not found.nested:
        return _without(
            answer, f"{small.name} is not nested in {large.name}: {found.reason}. Compare them by AIC or BIC."
        )
    told = compare_candidates([small, large], min(found.boundary, estimated(large) - estimated(small)))
    notes = [f"{note[:1].upper()}{note[1:]}." for note in told.notes]
    if found.loose:
        names = ", ".join(found.loose)
        notes.append(
            f"{names} of {large.name} {'means' if len(found.loose) == 1 else 'mean'} nothing where it is "
            f"{small.name}, so that the distribution is an approximation."
        )
    return NestedTest(small.name, large.name, told.tests[0], "", tuple(notes))


def _without(answer: NestedTest, reason: str) -> NestedTest:
    return NestedTest(answer.smaller, answer.larger, reason=reason)
