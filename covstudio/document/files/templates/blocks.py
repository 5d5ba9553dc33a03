"""Complete blocks with fixed treatments."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.examples import load_example
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.sketch import Sketch, crossed, known
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import BLOCK, GENOTYPE, REPLICATE, TRIAL
from covstudio.document.model.document import Document
from covstudio.document.model.node import V


def blocks(
    table: Table | None,
    roles: Mapping[str, Role],
    block: str | None = None,
    treatment: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """Blocks and a residual; of several trials, each with blocks and a residual variance of its own."""
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    model.effect("block", total, *trial, block)
    model.residual(total, *known(trial))
    model.fixed(crossed((*trial, treatment), roles))
    return model.document


TEMPLATES.register(
    Template(
        "blocks",
        "Randomised complete blocks",
        "Treatments in complete blocks: V is the sum of block and residual variance. Treatments are fixed "
        "effects.",
        blocks,
        order=40,
        keywords=("RCBD", "random blocks", "variety trial"),
        sample=Sample(lambda: load_example("stroup_nin"), "the example table of a wheat nursery"),
        parts=(
            BLOCK.called("block", "the blocks", *REPLICATE.words, *BLOCK.words),
            GENOTYPE.called("treatment", "the treatments that are compared"),
            TRIAL,
        ),
    )
)
