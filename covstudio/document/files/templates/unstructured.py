"""A few measurements of subjects, with any covariance between them."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.examples import load_example
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.series import FEW_TIMES, by_one_structure, series_of
from covstudio.document.files.templates.sketch import Side
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import CENTRE, SUBJECT, TIME
from covstudio.document.model.document import Document


def unstructured(
    table: Table | None,
    roles: Mapping[str, Role],
    time: str | None = None,
    subject: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """Any covariance of the measurements of a subject; times stay open where there are too many."""
    series = series_of(table, subject, time, trial, FEW_TIMES)
    return by_one_structure(series, Side("UnstructuredMatrix", "between times", series.time), roles, time)


TEMPLATES.register(
    Template(
        "unstructured",
        "Unstructured repeated measures",
        "Subjects measured at a few common times: a variance for every time, and a covariance for every two.",
        unstructured,
        order=48,
        keywords=("UN", "repeated measures", "multivariate"),
        sample=Sample(lambda: load_example("orthodont"), "the example table of the growth of 27 children"),
        parts=(TIME, SUBJECT, CENTRE),
        places=("subject", "time"),
    )
)
