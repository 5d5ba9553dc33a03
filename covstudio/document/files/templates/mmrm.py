"""Treatments of subjects that are measured at common visits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from covstudio.data.examples import load_example
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.series import FEW_TIMES, series_of
from covstudio.document.files.templates.sketch import Side, Sketch, crossed
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import CENTRE, SUBJECT, TIME, TREATMENT
from covstudio.document.model.document import Document
from covstudio.document.model.node import V


def mmrm(
    table: Table | None,
    roles: Mapping[str, Role],
    time: str | None = None,
    treatment: str | None = None,
    subject: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """A mean for every treatment at every visit, and any covariance of the visits of a subject."""
    series = series_of(table, subject, time, trial, FEW_TIMES)
    model = Sketch()
    model.over("subject", V, *series.sides, Side("UnstructuredMatrix", "between visits", series.time))
    model.fixed(crossed(trial, roles), crossed((treatment, time), roles))
    return model.document


TEMPLATES.register(
    Template(
        "mmrm",
        "MMRM",
        "The mixed model for repeated measures of clinical trials: a mean for every treatment at every "
        "visit, and an unstructured covariance of the visits of a subject, some of which may be missing.",
        mmrm,
        order=50,
        keywords=("mixed model for repeated measures", "clinical trial", "dropout"),
        sample=Sample(lambda: load_example("chickweight"), "the example table of chicks on four diets"),
        parts=(TIME, TREATMENT, replace(SUBJECT, otherwise="largest"), CENTRE),
        places=("subject", "time"),
    )
)
