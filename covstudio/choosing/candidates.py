"""The next models to try: a change of V for each strong finding, and for terms that do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from covstudio.choosing.changes import Terms
from covstudio.choosing.evidence import Finding
from covstudio.choosing.places import Places, codes, once, positions
from covstudio.covariance import Matrix, linalg
from covstudio.data.tables import Table
from covstudio.document.model.document import Document
from covstudio.document.model.node import ArgumentValue, Columns, Levels
from covstudio.formula.effects import (
    Coefficients,
    effect,
    identity,
    incidence,
    independent,
    kron,
    label,
    propagated,
    variances_by_group,
    within_groups,
)
from covstudio.formula.tree import Tree, tree

__all__ = ["WEIGHS", "Candidate", "candidates_of"]

#: Findings of smaller |z| lead to no candidate.
WEIGHS = 2.0
#: Cells of groups and positions that a process over positions may have.
CELLS = 8000
#: Times that an unstructured covariance is proposed for, and subjects for each of its parameters.
TIMES, SUBJECTS = 6, 2.0


@dataclass(frozen=True)
class Candidate:
    """A model to try.

    Attributes:
        name: what it does to the present one.
        document: the model.
        reason: why, in a sentence.
        z: of the finding that it follows from; 0 for a term that goes.
    """

    name: str
    document: Document
    reason: str = ""
    z: float = 0.0


@dataclass(frozen=True)
class _Situation:
    """A model, its data and where its rows stand."""

    terms: Terms
    rows: Table
    places: Places


def candidates_of(
    terms: Terms,
    rows: Table,
    places: Places,
    findings: tuple[Finding, ...],
    idle: dict[str, str],
    weighs: float = WEIGHS,
) -> tuple[Candidate, ...]:
    """The models to try next, those with the strongest reasons first.

    Args:
        terms: the terms of the present model.
        rows: the rows that were used.
        places: where they stand.
        findings: what the residuals say.
        idle: id of a term that V can do without -> why it may.
        weighs: the least |z| of a finding that leads to a candidate.
    """
    here = _Situation(terms, rows, places)
    strong = [one for one in findings if abs(one.z) >= weighs]
    strong.sort(key=lambda one: -abs(one.z))
    makers = {
        "correlogram": _processes,
        "variogram": _nugget,
        "groups": _effects,
        "variances": _variances,
        "slopes": _slopes,
    }
    found: dict[str, Candidate] = {}
    for finding in strong:
        for one in makers[finding.kind](here, finding):
            found.setdefault(one.name, replace(one, reason=finding.sentence, z=finding.z))
    if len(terms.names) > 1:
        for node_id, why in idle.items():
            name = f"without {terms.names[node_id]}"
            found.setdefault(name, Candidate(name, terms.without(node_id), why))
    titled = terms.document.title
    return tuple(
        replace(one, document=replace(one.document, title=_title(titled, one.name))) for one in found.values()
    )


def _title(title: str, change: str) -> str:
    """The title of the first model with the last change, not all that came between."""
    return f"{title.partition('; ')[0]}; {change}"[:120]


# --- processes over places ---


def _processes(here: _Situation, finding: Finding) -> Iterator[Candidate]:
    if finding.columns[0] in here.places.field:
        yield from _fields(here, finding)
    else:
        yield from _series(here, finding)


def _series(here: _Situation, finding: Finding) -> Iterator[Candidate]:
    (when,), whose = finding.columns, finding.within
    over = f"{when}{f' within {label(whose)}' if whose else ''}"
    for said, process in _of_times(here, when, whose):
        yield from _beside_and_instead(here, f"{said} over {over}", process, (*whose, when), finding.z > 0)
    if whose and here.terms.residual is not None and finding.z > 0:
        times = len(here.rows.levels(when))
        subjects = len(np.unique(codes(here.rows, whose)))
        fits = times <= TIMES and subjects >= SUBJECTS * times and once(here.rows, (*whose, when))
        if fits and times * subjects <= CELLS:
            name = f"unstructured over {over} in place of the residual"
            made = _over_positions(here, "UnstructuredMatrix", "unstructured", when, whose)
            yield Candidate(name, here.terms.instead(here.terms.residual, made))


def _of_times(here: _Situation, when: str, whose: tuple[str, ...]) -> Iterator[tuple[str, Tree]]:
    """Processes over times: an autoregression at equal steps, its continuous form at any."""
    at = np.unique(positions(here.rows, when))
    groups = len(np.unique(codes(here.rows, whose)))
    steps = np.diff(at) / (np.diff(at).min() if len(at) > 1 else 1.0)
    even = bool(np.allclose(steps, np.round(steps), atol=1e-6))
    count = 1 + round(float(steps.sum()))
    if even and count * groups <= CELLS:
        yield "AR(1)", _over_positions(here, "AR1Matrix", "series", when, whose)
    elif here.rows.is_numeric(when):
        given: dict[str, ArgumentValue] = {"times": Columns((when,)), "shared_times": True}
        process = tree("OrnsteinUhlenbeckMatrix", "series process", given=given)
        yield "Ornstein-Uhlenbeck", within_groups(whose, process, "series")


def _over_positions(here: _Situation, kind: str, name: str, when: str, whose: tuple[str, ...]) -> Tree:
    """Z (I x C) Z' with a column for every group and position."""
    inner = tree(kind, f"{name} over {when}", n=Levels((when,)))
    z = incidence((*whose, when), f"{name} design", every=True)
    if not whose:
        return propagated(name, z, inner)
    eyes = [identity((one,), f"{name} {one}") for one in whose]
    return propagated(name, z, kron(f"{name} G", *eyes, inner))


def _fields(here: _Situation, finding: Finding) -> Iterator[Candidate]:
    row, column = here.places.field
    trial = here.places.trial
    sizes = [len(here.rows.levels(one)) for one in (*trial, row, column)]
    within = f" within {label(trial)}" if trial else ""
    if int(np.prod(sizes)) > CELLS:
        return
    eyes = [identity((one,), f"field {one}") for one in trial]
    both = kron(
        "field G",
        *eyes,
        tree("AR1Matrix", "along rows", n=Levels((row,))),
        tree("AR1CorrelationMatrix", "along columns", n=Levels((column,))),
    )
    field = propagated("field", incidence((*trial, row, column), "field design", every=True), both)
    name = f"AR(1) x AR(1) over {row} and {column}{within}"
    yield from _beside_and_instead(here, name, field, (*trial, row, column), finding.z > 0)
    along = finding.columns[0]
    other = column if along == row else row
    line = _over_positions(here, "AR1Matrix", "line", along, (*trial, other))
    alone = f"AR(1) over {along} within {label((*trial, other))}"
    yield from _beside_and_instead(here, alone, line, (*trial, row, column), finding.z > 0)


def _beside_and_instead(
    here: _Situation, name: str, process: Tree, cells: tuple[str, ...], positive: bool
) -> Iterator[Candidate]:
    residual = here.terms.residual
    if residual is None:
        # Less correlation than the model has is what a nugget gives.
        if positive:
            yield Candidate(f"{name} beside the others", here.terms.with_term(process))
        return
    yield Candidate(f"{name} beside the residual", here.terms.with_term(process))
    # Rows at one place would be the same but for the residual.
    if once(here.rows, cells):
        yield Candidate(f"{name} in place of the residual", here.terms.instead(residual, process))


def _nugget(here: _Situation, finding: Finding) -> Iterator[Candidate]:
    if here.terms.residual is None and finding.z > 0:
        yield Candidate(
            "a nugget: a variance of each row", here.terms.with_term(tree("ScalarMatrix", "nugget"))
        )


# --- groups ---


def _effects(here: _Situation, finding: Finding) -> Iterator[Candidate]:
    if finding.z < 0:
        return
    term = effect(finding.columns, Coefficients(), independent("ScalarMatrix"), f"effect of {finding.of}")
    yield Candidate(f"random effects of {finding.of}", here.terms.with_term(term))


def _variances(here: _Situation, finding: Finding) -> Iterator[Candidate]:
    residual = here.terms.residual
    if residual is not None:
        made = variances_by_group(finding.columns, "residual by group")
        yield Candidate(f"a residual variance for each {finding.of}", here.terms.instead(residual, made))


def _slopes(here: _Situation, finding: Finding) -> Iterator[Candidate]:
    if finding.z < 0:
        return
    (covariate,), (factor,) = finding.columns, finding.within
    found = Coefficients(columns=(covariate,), intercept=True)
    whole = effect((factor,), found, independent("UnstructuredMatrix"), f"{covariate} by {factor}")
    name = f"random intercepts and slopes of {covariate} for {factor}"
    # Where the intercepts are a term already, the new one takes its place.
    own = codes(here.rows, (factor,))
    for node_id in here.terms.names:
        if _same_groups(here.terms, node_id, own):
            yield Candidate(name, here.terms.instead(node_id, whole))
            return
    yield Candidate(name, here.terms.with_term(whole))


def _same_groups(terms: Terms, node_id: str, own: np.ndarray) -> bool:
    """Whether a term is effects of these groups, and nothing else."""
    pair = linalg.parts(terms.matrix(node_id), "congruence")
    if pair is None:
        return False
    z = pair[0].operand
    found = linalg.incidence(z) if isinstance(z, Matrix) else None
    if found is None or len(found) != len(own):
        return False
    theirs = np.asarray(found)
    both = len(set(zip(theirs.tolist(), own.tolist(), strict=True)))
    return both == len(np.unique(theirs)) == len(np.unique(own))
