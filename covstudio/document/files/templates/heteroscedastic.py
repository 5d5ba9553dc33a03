"""Groups of rows with variances of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from covstudio.data.examples import load_example
from covstudio.data.formula import quote_name
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.parts import Part
from covstudio.document.files.templates.sketch import Sketch, as_factor
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import CLOCK, SUBJECT, TREATMENT
from covstudio.document.model.document import Document
from covstudio.document.model.node import V

GROUP = Part("group", "the groups whose variances differ", TREATMENT.words)


def heteroscedastic(
    table: Table | None,
    roles: Mapping[str, Role],
    time: str | None = None,
    group: str | None = None,
    subject: str | None = None,
) -> Document:
    """A residual variance for every group, beside subjects where there are some."""
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    if subject is not None:
        model.effect("subject", total, subject)
    if group is None and table is None:
        model.residual(total)
    else:
        model.strata(total, group)
    means = None if group is None else as_factor(group, roles)
    slope = None if time is None else quote_name(time)
    model.fixed(" * ".join(filter(None, (means, slope))) or None)
    return model.document


TEMPLATES.register(
    Template(
        "heteroscedastic",
        "A variance for every group",
        "Groups of rows whose residual variances differ, such as sexes, treatments or sites, beside the "
        "variance between subjects.",
        heteroscedastic,
        order=68,
        keywords=("heteroscedastic", "unequal variances", "heterogeneous variances", "varIdent"),
        sample=Sample(lambda: load_example("orthodont"), "the example table of the growth of 27 children"),
        parts=(
            CLOCK.optional(),
            GROUP,
            replace(SUBJECT, needed=False, otherwise="nothing"),
        ),
    )
)
