"""Randomised blocks, complete or not."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.examples import load_example
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.finding import (
    BLOCK,
    GENOTYPE,
    REPLICATE,
    TREATMENT,
    find_column,
    largest_factor,
)
from covstudio.document.files.templates.sketch import Sketch
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.model.document import Document
from covstudio.document.model.node import V


def alpha(table: Table | None, roles: Mapping[str, Role]) -> Document:
    """Genotypes, blocks within replicates, and a residual."""
    replicate = find_column(table, roles, REPLICATE)
    block = find_column(table, roles, BLOCK, taken=(replicate,))
    genotype = find_column(table, roles, GENOTYPE, TREATMENT, taken=(replicate, block))
    if genotype is None:
        genotype = largest_factor(table, roles, (replicate, block))
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    model.effect("genotype", total, genotype)
    model.effect("block", total, *((replicate, block) if block is not None else (None,)))
    model.add("ScalarMatrix", "residual", total)
    model.fixed(replicate)
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
    )
)
