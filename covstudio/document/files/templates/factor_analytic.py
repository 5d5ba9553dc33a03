"""Genotypes in several environments, with factors behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from covstudio.data.examples import load_example
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.finding import MAX_CELLS, cells
from covstudio.document.files.templates.sketch import Side, Sketch, crossed, known
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import BLOCK, GENOTYPE, REPLICATE, TRIAL
from covstudio.document.model.document import Document
from covstudio.document.model.node import V


def factor_analytic(
    table: Table | None,
    roles: Mapping[str, Role],
    replicate: str | None = None,
    block: str | None = None,
    genotype: str | None = None,
    environment: str | None = None,
) -> Document:
    """Genotype effects that a factor relates across environments, blocks, and a residual for each."""
    if table is not None and cells(table, environment) < 2:
        environment = None
    if cells(table, environment, genotype) > MAX_CELLS:
        genotype = None
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    model.over(
        "genotype",
        total,
        Side("FactorAnalyticMatrix", "environments", environment),
        Side("IdentityMatrix", "genotypes", genotype),
    )
    if environment is not None and block is not None:
        model.effect("block", total, environment, *known((replicate,)), block)
    own, replicates = known((environment,)), known((replicate,))
    model.residual(total, *own)
    model.fixed(crossed(own, roles), crossed((*own, *replicates), roles, ":") if replicates else None)
    return model.document


TEMPLATES.register(
    Template(
        "factor_analytic",
        "Factor analytic environments",
        "Genotypes in several environments: one factor relates their effects, and every environment has "
        "loadings, a specific and a residual variance of its own.",
        factor_analytic,
        order=62,
        keywords=("multi-environment trials", "genotype by environment", "FA", "MET"),
        sample=Sample(lambda: load_example("besag_met"), "the example table of maize in six counties"),
        parts=(
            REPLICATE,
            BLOCK.optional(),
            replace(GENOTYPE, otherwise="largest"),
            TRIAL.called("environment", "the environments", *TRIAL.words, *TRIAL.together, "region").single(),
        ),
    )
)
