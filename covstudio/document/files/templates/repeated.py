"""Subjects measured several times."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.roles import Role
from covstudio.data.rows import factor_levels
from covstudio.data.tables import Table
from covstudio.document.files.templates.finding import (
    MAX_CELLS,
    SUBJECT,
    TIME,
    cells,
    find_column,
    largest_factor,
)
from covstudio.document.files.templates.sketch import Sketch, levels_of
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.model.document import Document
from covstudio.document.model.node import V

#: The most time points that a first-order autoregression over levels is proposed for.
MAX_TIMES = 60


def repeated(table: Table | None, roles: Mapping[str, Role]) -> Document:
    """Subjects, and within each a series over time; times stay open where there are too many, or one."""
    time = find_column(table, roles, TIME)
    subject = find_column(table, roles, SUBJECT, taken=(time,))
    if subject is None:
        subject = largest_factor(table, roles, (time,))
    times = 0
    if table is not None and time is not None:
        times = len(factor_levels(table, time))
    many = times > MAX_TIMES or cells(table, subject, time) > MAX_CELLS
    # A series needs two times.
    over = None if many or (table is not None and times < 2) else time
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    model.effect("subject", total, subject)
    within = model.grid("within subject", total, (subject, over))
    model.add("IdentityMatrix", "subjects", within, "a", levels_of(subject))
    model.add("AR1Matrix", "over time", within, "b", levels_of(over))
    model.fixed(time if roles.get(time or "") in ("factor", "covariate") else None)
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
        keywords=("repeated measures", "longitudinal", "growth curves"),
        sample=Sample(made_up, "a design made up for it: 8 subjects, measured at 5 times"),
    )
)
