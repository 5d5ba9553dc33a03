"""Subjects measured several times."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.formula import quote_name
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.series import series_of
from covstudio.document.files.templates.sketch import Side, Sketch
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import CENTRE, SUBJECT, TIME
from covstudio.document.model.document import Document
from covstudio.document.model.node import V


def repeated(
    table: Table | None,
    roles: Mapping[str, Role],
    time: str | None = None,
    subject: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """Subjects, and within each a series over time; times stay open where there are too many, or one."""
    series = series_of(table, subject, time, trial)
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    model.effect("subject", total, *series.effect)
    model.over("within subject", total, *series.sides, Side("AR1Matrix", "over time", series.time))
    if series.repeats:
        model.residual(total, name="measurement")
    model.fixed(quote_name(time) if time is not None and roles.get(time) in ("factor", "covariate") else None)
    return model.document


def made_up() -> Table:
    """Eight subjects at five times; nothing was observed."""
    subjects, times = range(1, 9), range(1, 6)
    return Table.from_columns(
        {
            "subject": [f"S{subject}" for subject in subjects for _ in times],
            "time": [f"week {time}" for _ in subjects for time in times],
        },
        "made-up subjects",
    )


TEMPLATES.register(
    Template(
        "repeated",
        "Repeated measures",
        "Subjects measured several times: a variance between subjects, and within each a first-order "
        "autoregression over time.",
        repeated,
        order=30,
        keywords=("repeated measures", "longitudinal", "growth curves", "AR1"),
        sample=Sample(made_up, "a design made up for it: 8 subjects, measured at 5 times"),
        parts=(TIME, SUBJECT, CENTRE),
        places=("subject", "time"),
    )
)
