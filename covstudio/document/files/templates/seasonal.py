"""A series with seasons."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.examples import load_example
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.sketch import Sketch, crossed, numbers_of
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import CENTRE, CLOCK
from covstudio.document.model.document import Document
from covstudio.document.model.node import V


def seasonal(
    table: Table | None,
    roles: Mapping[str, Role],
    time: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """A process that returns every period (1, in the unit of time, until it is set), and one that decays."""
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    model.add(
        "PeriodicMatrix",
        "season",
        model.within(total, *trial),
        None,
        numbers_of("coordinates", time),
        {"period": 1.0},
    )
    model.add(
        "OrnsteinUhlenbeckMatrix", "weather", model.within(total, *trial), None, numbers_of("times", time)
    )
    model.fixed(crossed(trial, roles))
    return model.document


TEMPLATES.register(
    Template(
        "seasonal",
        "Seasonal Gaussian process",
        "A series over time: a part that returns with every period, which is held at 1 in the unit of time "
        "until you set it, and deviations that decay.",
        seasonal,
        order=66,
        keywords=("time series", "periodic", "season", "Gaussian process"),
        sample=Sample(lambda: load_example("nottem"), "the example table of temperatures at Nottingham"),
        parts=(CLOCK, CENTRE),
        places=("time",),
    )
)
