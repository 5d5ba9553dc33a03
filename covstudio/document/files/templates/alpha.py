"""Randomised blocks, complete or not, with random genotypes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from covstudio.data.examples import load_example
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.sketch import Sketch, crossed, known
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import BLOCK, GENOTYPE, REPLICATE, TRIAL
from covstudio.document.model.document import Document
from covstudio.document.model.node import V


def alpha(
    table: Table | None,
    roles: Mapping[str, Role],
    replicate: str | None = None,
    block: str | None = None,
    genotype: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """Genotypes, blocks within replicates, and a residual; of several trials, each with its own."""
    trials, replicates = known(trial), known((replicate,))
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    model.effect("genotype", total, genotype)
    if trials:
        model.effect("genotype in trial", total, *trials, genotype)
    model.effect("block", total, *trial, *replicates, block)
    model.residual(total, *trials)
    model.fixed(crossed(trials, roles), crossed((*trials, *replicates), roles, ":") if replicates else None)
    return model.document


TEMPLATES.register(
    Template(
        "alpha",
        "Randomised blocks or alpha design",
        "Genotypes in (incomplete) blocks within replicates: V is the sum of genotype, block and residual "
        "variance. Replicates are fixed effects.",
        alpha,
        order=10,
        keywords=("random intercept", "heritability", "variance components", "breeding trial", "lattice"),
        sample=Sample(lambda: load_example("john_alpha"), "the example table of an alpha design of oats"),
        parts=(REPLICATE, BLOCK, replace(GENOTYPE, otherwise="largest"), TRIAL),
    )
)
