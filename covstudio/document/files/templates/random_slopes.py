"""Straight lines of subjects."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.examples import load_example
from covstudio.data.formula import quote_name
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.finding import nested
from covstudio.document.files.templates.sketch import Sketch, known, numbers_of
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import CENTRE, CLOCK, SUBJECT
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, V


def random_slopes(
    table: Table | None,
    roles: Mapping[str, Role],
    time: str | None = None,
    subject: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """An intercept and a slope of its own for every subject, correlated, and a residual."""
    groups = known((subject,))
    if table is not None and subject is not None and trial and not nested(table, subject, known(trial)):
        groups = known((*trial, subject))
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    lines = {"groups": Columns(groups)} if groups else {}
    model.add("RandomCoefficientsMatrix", "subject", total, None, {**lines, **numbers_of("columns", time)})
    model.residual(total)
    model.fixed(None if time is None else quote_name(time))
    return model.document


TEMPLATES.register(
    Template(
        "random_slopes",
        "Random slopes",
        "Subjects with a straight line each: intercepts and slopes over time vary between subjects and are "
        "correlated.",
        random_slopes,
        order=52,
        keywords=("random intercepts and slopes", "growth curves", "random regression"),
        sample=Sample(lambda: load_example("sleepstudy"), "the example table of 18 sleepy drivers"),
        parts=(CLOCK, SUBJECT, CENTRE),
    )
)
