"""Plots of a field, in rows and columns."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.finding import MAX_CELLS, cells
from covstudio.document.files.templates.sketch import Side, Sketch, crossed, known
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import COLUMN, GENOTYPE, ROW, TRIAL
from covstudio.document.model.document import Document
from covstudio.document.model.node import V


def spatial(
    table: Table | None,
    roles: Mapping[str, Role],
    row: str | None = None,
    column: str | None = None,
    genotype: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """Genotypes, a field over rows and columns, and units; one line of plots is a series along it.

    Every trial has a field of its own: its variance and that of its units are its own, and all have the same
    autocorrelations.
    """
    trials = known(trial)
    if cells(table, row, column, *trials) > MAX_CELLS:
        row = column = None
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    if genotype is not None or table is None:
        model.effect("genotype", total, genotype)
        if trials:
            model.effect("genotype in trial", total, *trials, genotype)
    # Plots in one line are numbered along it, and the other direction has a single level.
    lines = [
        name for name in (row, column) if table is not None and name is not None and cells(table, name) > 1
    ]
    # Of several trials the first side has the variances.
    fields = tuple(
        Side("IdentityMatrix" if place else "DiagonalMatrix", "fields" if place == 0 else "trials", name)
        for place, name in enumerate(trial)
    )
    first = "AR1CorrelationMatrix" if trial else "AR1Matrix"
    if len(lines) == 1:
        model.over("field", total, *fields, Side(first, "along the line", lines[0]))
    else:
        grid = (row, column) if len(lines) == 2 else (None, None)
        model.over(
            "field",
            total,
            *fields,
            Side(first, "along rows", grid[0]),
            Side("AR1CorrelationMatrix", "along columns", grid[1]),
        )
    model.residual(total, *trials, name="units")
    model.fixed(crossed(trial, roles))
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
        "directions, and a residual for every plot. Several trials have a field each.",
        spatial,
        order=20,
        keywords=("spatial", "field trial", "rows and columns", "AR1 x AR1", "nugget", "several trials"),
        sample=Sample(made_up, "a design made up for it: 24 genotypes, twice each on 6 rows of 8 plots"),
        parts=(ROW, COLUMN, GENOTYPE.optional(), TRIAL),
        places=("row", "column"),
    )
)
