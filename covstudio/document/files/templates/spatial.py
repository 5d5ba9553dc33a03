"""Plots of a field, in rows and columns."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.finding import (
    COLUMN,
    GENOTYPE,
    MAX_CELLS,
    ROW,
    TREATMENT,
    cells,
    find_column,
)
from covstudio.document.files.templates.sketch import Sketch, columns_of, levels_of
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.model.document import Document
from covstudio.document.model.node import V


def spatial(table: Table | None, roles: Mapping[str, Role]) -> Document:
    """Genotypes, a field over rows and columns, and units; one line of plots is a series along it."""
    row = find_column(table, roles, ROW)
    column = find_column(table, roles, COLUMN, taken=(row,))
    genotype = find_column(table, roles, GENOTYPE, TREATMENT, taken=(row, column))
    if cells(table, row, column) > MAX_CELLS:
        row = column = None
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    if genotype is not None or table is None:
        model.effect("genotype", total, genotype)
    # Plots in one line are numbered along it, and the other direction has a single level.
    lines = [
        name
        for name in (row, column)
        if table is not None and name is not None and cells(table, name, name) > 1
    ]
    if len(lines) == 1:
        field = model.add("CovariancePropagation", "field", total)
        model.add("DummyMatrix", "field design", field, "z", columns_of(*lines))
        model.add("AR1Matrix", "along the line", field, "g", levels_of(lines[0]))
    else:
        field = model.grid("field", total, (row, column) if len(lines) == 2 else (None, None))
        model.add("AR1Matrix", "along rows", field, "a", levels_of(row))
        model.add("AR1CorrelationMatrix", "along columns", field, "b", levels_of(column))
    model.add("ScalarMatrix", "units", total)
    model.fixed()
    return model.document


def made_up() -> Table:
    """24 genotypes in two replicates, on a grid of 6 rows and 8 columns; nothing was observed."""
    rows, columns, genotypes = 6, 8, 24
    plots = range(rows * columns)
    return Table.from_columns(
        {
            "row": [f"row {plot // columns + 1}" for plot in plots],
            "column": [f"column {plot % columns + 1}" for plot in plots],
            "genotype": [
                f"G{7 * plot % genotypes + 1:02d}" for plot in plots
            ],  # 7 and 24 have no factor in common
        },
        "made-up field",
    )


TEMPLATES.register(
    Template(
        "spatial",
        "Spatial field trial",
        "Plots on a grid of rows and columns: genotypes, a first-order autoregressive field in both "
        "directions, and a residual for every plot.",
        spatial,
        order=20,
        keywords=("spatial", "field trial", "rows and columns", "AR1 x AR1"),
        sample=Sample(made_up, "a design made up for it: 24 genotypes, twice each on 6 rows of 8 plots"),
    )
)
