"""Genotypes related by markers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from covstudio.data.examples import load_example, load_relations
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.related import related
from covstudio.document.files.templates.sketch import Sketch, crossed, known
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import GENOTYPE, RELATIONSHIPS, REPLICATE, TRIAL
from covstudio.document.model.document import Document
from covstudio.document.model.node import V


def gblup(
    table: Table | None,
    roles: Mapping[str, Role],
    genotype: str | None = None,
    replicate: str | None = None,
    markers: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """Genotypes with the covariance of their markers, and a residual; one for each of several trials."""
    trials, replicates = known(trial), known((replicate,))
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    related(model, "genotype", total, genotype, "KnownMatrix", "K", markers)
    if trials:
        model.effect("genotype in trial", total, *trials, genotype)
    model.residual(total, *trials)
    model.fixed(crossed(trials, roles), crossed((*trials, *replicates), roles, ":") if replicates else None)
    return model.document


TEMPLATES.register(
    Template(
        "gblup",
        "GBLUP",
        "Genotypes whose covariance is that of their markers: V is the sum of a genomic part, by VanRaden's "
        "matrix, and a residual.",
        gblup,
        order=56,
        keywords=("genomic prediction", "genomic selection", "markers", "VanRaden"),
        sample=Sample(
            lambda: load_example("made_up_lines"),
            "the made-up example of lines with markers",
            relations=lambda: load_relations("made_up_lines"),
        ),
        parts=(
            replace(GENOTYPE, otherwise="largest"),
            REPLICATE,
            replace(
                RELATIONSHIPS.called("markers", "the markers of the genotypes"),
                kinds=("markers", "relationship"),
            ),
            TRIAL,
        ),
    )
)
