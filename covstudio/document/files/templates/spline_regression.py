"""Smooth curves of subjects."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.examples import load_example
from covstudio.data.formula import quote_name
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.finding import cells
from covstudio.document.files.templates.series import series_of
from covstudio.document.files.templates.sketch import Sketch, columns_of, known, numbers_of
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import CENTRE, CLOCK, SUBJECT
from covstudio.document.model.document import Document
from covstudio.document.model.node import ArgumentValue, Levels, V

#: Quadratic pieces that meet at one knot.
DEGREE, KNOTS = 2, 1


def spline_regression(
    table: Table | None,
    roles: Mapping[str, Role],
    time: str | None = None,
    subject: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """A spline of its own for every subject, Z (I (x) G) Z' with any covariance of its coefficients."""
    names = series_of(table, subject, None, trial).effect
    functions = DEGREE + KNOTS + 1
    if table is not None and cells(table, time) < functions:
        time = None
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    curves = model.add("CovariancePropagation", "curve", total)
    design = model.add("KhatriRaoProduct", "curve design", curves, "z")
    model.add("DummyMatrix", "subjects", design, "a", columns_of(*names))
    basis: dict[str, ArgumentValue] = {
        "basis": "b-spline",
        "degree": DEGREE,
        "knots": KNOTS,
        "intercept": True,
    }
    model.add("DesignMatrix", "spline", design, "b", {**numbers_of("columns", time), **basis})
    product = model.add("KroneckerProduct", "curve covariance", curves, "g")
    levels = () if None in names else known(names)
    model.add("IdentityMatrix", "curves", product, "a", {"n": Levels(levels)} if levels else {})
    model.add("UnstructuredMatrix", "coefficients", product, "b", {"n": functions})
    model.residual(total)
    model.fixed(None if time is None else f"bs({quote_name(time)}, df = {functions - 1}, degree = {DEGREE})")
    return model.document


TEMPLATES.register(
    Template(
        "spline_regression",
        "Spline random regression",
        "Subjects with a smooth curve each: a spline over time for all of them, and for every subject its "
        "deviation, with any covariance of the coefficients.",
        spline_regression,
        order=54,
        keywords=("random regression", "smooth curves", "growth curves", "lactation curves"),
        sample=Sample(lambda: load_example("oxboys"), "the example table of the heights of 26 boys"),
        parts=(CLOCK, SUBJECT, CENTRE),
    )
)
