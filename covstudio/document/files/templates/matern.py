"""Places in a plane."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.examples import load_example
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.parts import Part
from covstudio.document.files.templates.sketch import Sketch, crossed, numbers_of
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import TRIAL
from covstudio.document.model.document import Document
from covstudio.document.model.node import V

EAST = Part("x", "the first coordinate", ("x easting east lon long longitude",), holds="numbers")
NORTH = Part("y", "the second coordinate", ("y northing north lat latitude",), holds="numbers")


def matern(
    table: Table | None,
    roles: Mapping[str, Role],
    x: str | None = None,
    y: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """A Matérn process over the plane, and a nugget; of several trials, each with a process of its own."""
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    inside = model.within(total, *trial)
    model.add("MaternMatrix", "places", inside, None, numbers_of("coordinates", x, y))
    model.residual(total, name="nugget")
    model.fixed(crossed(trial, roles))
    return model.document


TEMPLATES.register(
    Template(
        "matern",
        "Matérn field",
        "Places with coordinates, anywhere in a plane: a Matérn covariance that falls with distance, and a "
        "nugget.",
        matern,
        order=64,
        keywords=("geostatistics", "kriging", "Gaussian process", "nugget"),
        sample=Sample(lambda: load_example("meuse"), "the example table of soil at the Meuse"),
        parts=(EAST, NORTH, TRIAL),
        places=("x", "y"),
    )
)
