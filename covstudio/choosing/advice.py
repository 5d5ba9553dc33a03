"""The advisor: what the residuals of a fit say against its V, and the models to try next, with reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from covstudio.arguments import checked
from covstudio.choosing.candidates import WEIGHS, Candidate, candidates_of
from covstudio.choosing.changes import Terms
from covstudio.choosing.comparison import Comparison
from covstudio.choosing.evidence import Evidence, Finding
from covstudio.choosing.frames import records_of
from covstudio.choosing.models import Entry, Model, fit_of
from covstudio.choosing.places import Places, codes, once, places_of
from covstudio.choosing.running import Heard, side_by_side
from covstudio.data.frames import Frame
from covstudio.data.tables import Table
from covstudio.estimate.omitted import omissible_terms
from covstudio.fitting import Fitted
from covstudio.formula.effects import label
from covstudio.notebook.html import block, framed, table_of
from covstudio.plots.fitted import FittedModel
from covstudio.reml.inference.tables import aligned
from covstudio.reml.problem.iteration import Cancel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PRESENT", "Advice", "advise"]

#: What the model that advice is about is called beside its candidates.
PRESENT = "as it is"
#: A variance that makes less than this share of the whole may go.
SMALL = 0.01


@dataclass(frozen=True, eq=False, repr=False)
class Advice:
    """What to try next. It prints as two tables and shows as two in a notebook.

    Attributes:
        fitted: the fit that it is about.
        findings: what the residuals say, the strongest first.
        candidates: the models to try, those with the strongest reasons first.
        notes: what was left out.
    """

    fitted: Fitted
    findings: tuple[Finding, ...]
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def evidence(self) -> pd.DataFrame:
        """The findings, one a row.

        Returns:
            "evidence" (the kind), "of", "pairs", "sample", "model", "z": standard normal under the model.
        """
        import pandas as pd

        rows = [(one.kind, one.of, one.pairs, one.sample, one.model, one.z) for one in self.findings]
        return pd.DataFrame(rows, columns=["evidence", "of", "pairs", "sample", "model", "z"])

    @cached_property
    def table(self) -> pd.DataFrame:
        """The candidates, one a row: "candidate", "z" of the finding behind it, "reason"."""
        import pandas as pd

        rows = [(one.name, one.z, one.reason) for one in self.candidates]
        return pd.DataFrame(rows, columns=["candidate", "z", "reason"])

    @checked
    def fit(
        self,
        *,
        workers: int | None = None,
        scheduler: str | None = None,
        progress: Heard | None = None,
        cancel: Cancel | None = None,
    ) -> Comparison:
        """Fit the candidates and put them beside the present model.

        Args:
            workers: as many processes fit side by side; None for this process, one after the other.
            scheduler: address of a Dask cluster that fits, such as "tcp://10.0.0.5:8786"; None for none.
            progress: called with every `Progress` of a candidate.
            cancel: a token such as a `threading.Event`: set, it ends what is under way; what was fitted is
                kept.

        Returns:
            The comparison, the present model first, under "as it is". A candidate that cannot be fitted
            is a row with the reason.
        """
        documents = {one.name: one.document for one in self.candidates}
        fits = side_by_side(
            documents,
            self.fitted.table,
            workers=workers,
            scheduler=scheduler,
            progress=progress,
            cancel=cancel,
        )
        return Comparison((Entry(PRESENT, self.fitted), *fits))

    def _shown(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return records_of(self.evidence.round(4)), records_of(self.table.round(2))

    def __repr__(self) -> str:
        evidence, candidates = self._shown()
        title = f"What the residuals of {self.fitted.document.title} say"
        tried = "Models to try" if candidates else "No model is proposed"
        lines = [title, aligned(evidence), "", tried]
        return "\n".join([*lines, *([aligned(candidates)] if candidates else []), *self.notes])

    def _repr_html_(self) -> str:
        evidence, candidates = self._shown()
        notes = (block(note, quiet=True) for note in self.notes)
        title = f"What the residuals of {self.fitted.document.title} say"
        tried = "Models to try" if candidates else "No model is proposed"
        return framed(block(title), table_of(evidence), block(tried), table_of(candidates), *notes)


@checked(own=("model", "time", "subject", "field", "trial"))
def advise(
    model: Model,
    frame: Frame | None = None,
    *,
    time: str | None = None,
    subject: str | Sequence[str] | None = None,
    field: tuple[str, str] | None = None,
    trial: str | Sequence[str] | None = None,
    weighs: float = WEIGHS,
) -> Advice:
    """What the residuals of a fit say against its V, and the models to try next.

    The correlogram and the variogram of the residuals over times within subjects or over the rows and
    columns of a field, the residuals' covariances within the levels of factors, their variances by level,
    and their slopes are held against what the model expects; each is weighed by a score test. A finding
    that weighs enough leads to one or more models with one change of V each; a term that does next to
    nothing leads to the model without it.

    Args:
        model: a fit of `covstudio.fit`; or a formula or document, which is fitted to the frame.
        frame: the table of a formula or document.
        time: the column of times; None to find it by its name and by what it holds, as all of these.
        subject: the column, or columns, within whose levels times are compared.
        field: the columns of rows and columns of a field.
        trial: the column, or columns, that tell fields apart.
        weighs: the least |z| of a finding that leads to a candidate.

    Returns:
        The advice: `Advice.evidence` and `Advice.table` are data frames, and `Advice.fit` fits the
        candidates.

    Raises:
        ValueError: there is no such column.
        TypeError: it is no fit with its table, and no formula or document with one.

    Example:
        >>> from covstudio import advise, fit
        >>> from covstudio.data import load_example
        >>> advice = advise(fit("yield ~ rep + (1 | gen)", load_example("john_alpha")))
        >>> advice.table["candidate"][0]
        'AR(1) over row within rep beside the residual'

    Reference:
        Verbeke & Molenberghs (2003), Biometrics 59:254; Cressie (1993), Statistics for Spatial Data,
        section 2.4.
    """
    if weighs < 0.0:
        raise ValueError(f"weighs is the least |z| that counts, 0 or more, and is {weighs:g}.")
    fitted = fit_of(model, frame)
    after = fitted.after
    rows = after.rows
    told = FittedModel(fitted.fit, fitted.inference, rows, fitted.document.response or "response")
    covariates = _covariates(fitted, rows)
    places = places_of(told, covariates, time, subject, field, trial)
    evidence = Evidence(told, places, covariates)
    findings = tuple(sorted(evidence.findings(), key=lambda one: -abs(one.z)))
    terms = Terms(fitted.document, fitted.table)
    candidates = candidates_of(terms, rows, places, findings, _idle(fitted, terms), weighs)
    return Advice(fitted, findings, candidates, (*evidence.notes, *_repeated(rows, places)))


def _repeated(rows: Table, places: Places) -> tuple[str, ...]:
    """Why no process over times stands in place of the residual, where times have several rows."""
    if not places.time or once(rows, (*places.subject, places.time)):
        return ()
    most = int(np.bincount(codes(rows, (*places.subject, places.time))).max())
    inside = f" within {label(places.subject)}" if places.subject else ""
    return (
        f"{places.time} has up to {most} rows at one time{inside}, so that a process over it stands beside "
        "the residual and not in its place. Where every row has a time of its own, name the columns within "
        "which a time occurs once: subject=[...].",
    )


def _covariates(fitted: Fitted, rows: Any) -> tuple[str, ...]:
    """Numeric columns that stand in the fixed effects as they are."""
    design = fitted.after._design
    names = dict.fromkeys(part for term, _ in design.terms for part in design.parts.get(term, ()))
    roles = fitted.document.roles
    return tuple(
        name
        for name in names
        if name in rows.columns and rows.is_numeric(name) and roles.get(name) != "factor"
    )


def _idle(fitted: Fitted, terms: Terms) -> dict[str, str]:
    """Terms that V can do without and that do next to nothing: id -> why they may go."""
    found: dict[str, str] = {}
    shares: Mapping[str, float] = {one.name: one.share for one in fitted.estimate.inferred.components}
    possible = omissible_terms(terms.matrix(terms.document.v or ""))
    for node_id, name in terms.names.items():
        if name not in possible:
            continue
        own = [path for path in fitted.fit.boundary if path.split("/")[0] == name]
        if own:
            found[node_id] = f"{', '.join(own)} is estimated at the end of its range."
        elif shares.get(name, 1.0) < SMALL:
            found[node_id] = f"{name} makes {100.0 * shares[name]:.2g} % of the variance."
    return found
