"""Rows and columns that are blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from covstudio.data.examples import load_example
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.sketch import Sketch, crossed, known
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import COLUMN, GENOTYPE, REPLICATE, ROW, TRIAL
from covstudio.document.model.document import Document
from covstudio.document.model.node import V


def row_column(
    table: Table | None,
    roles: Mapping[str, Role],
    replicate: str | None = None,
    row: str | None = None,
    column: str | None = None,
    genotype: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """Genotypes, rows and columns within replicates, and a residual; of several trials, each with its own."""
    trials, replicates = known(trial), known((replicate,))
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    model.effect("genotype", total, genotype)
    if trials:
        model.effect("genotype in trial", total, *trials, genotype)
    for name, blocks in (("row", row), ("column", column)):
        model.effect(name, total, *trial, *replicates, blocks)
    model.residual(total, *trials)
    model.fixed(crossed(trials, roles), crossed((*trials, *replicates), roles, ":") if replicates else None)
    return model.document


TEMPLATES.register(
    Template(
        "row_column",
        "Row-column design",
        "Genotypes in rows and columns within replicates: V is the sum of genotype, row, column and residual "
        "variance. Replicates are fixed effects.",
        row_column,
        order=44,
        keywords=("row-column", "lattice square", "Latin square"),
        sample=Sample(lambda: load_example("kempton_slatehall"), "the example table of a lattice of wheat"),
        parts=(REPLICATE, ROW, COLUMN, replace(GENOTYPE, otherwise="largest"), TRIAL),
        places=("row", "column"),
    )
)
