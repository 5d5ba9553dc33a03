"""Measurements of subjects, any two of them equally related."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.examples import load_example
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.series import by_one_structure, series_of
from covstudio.document.files.templates.sketch import Side
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import CENTRE, SUBJECT, TIME
from covstudio.document.model.document import Document


def compound_symmetry(
    table: Table | None,
    roles: Mapping[str, Role],
    time: str | None = None,
    subject: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """Compound symmetry of the measurements of a subject; times stay open where there are too many."""
    series = series_of(table, subject, time, trial)
    return by_one_structure(series, Side("CompoundSymmetricMatrix", "at times", series.time), roles, time)


TEMPLATES.register(
    Template(
        "compound_symmetry",
        "Compound symmetry",
        "Subjects measured several times: one variance, and one covariance of any two measurements of a "
        "subject.",
        compound_symmetry,
        order=46,
        keywords=("CS", "exchangeable", "repeated measures"),
        sample=Sample(lambda: load_example("orthodont"), "the example table of the growth of 27 children"),
        parts=(TIME, SUBJECT, CENTRE),
        places=("subject", "time"),
    )
)
