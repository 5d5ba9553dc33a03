"""Split plots: whole plots in blocks, and plots in whole plots."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.examples import load_example
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.parts import Part
from covstudio.document.files.templates.sketch import Sketch, crossed, known
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import BLOCK, REPLICATE, TRIAL
from covstudio.document.model.document import Document
from covstudio.document.model.node import V

#: No table of yields tells which of two factors was randomised to the larger plots.
WHOLE = Part(
    "whole",
    "the factor of the whole plots",
    ("mainplot wholeplot main whole", "fung fungicide irrigation tillage"),
)
SPLIT = Part("split", "the factor of the plots within whole plots", ("subplot split sub",), otherwise="only")


def split_plot(
    table: Table | None,
    roles: Mapping[str, Role],
    block: str | None = None,
    whole: str | None = None,
    split: str | None = None,
    trial: tuple[str | None, ...] = (),
) -> Document:
    """Blocks, whole plots, and a residual; of several trials, each with its own."""
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    model.effect("block", total, *trial, block)
    model.effect("whole plot", total, *trial, block, whole)
    model.residual(total, *known(trial))
    model.fixed(crossed((*trial, whole, split), roles))
    return model.document


TEMPLATES.register(
    Template(
        "split_plot",
        "Split plot",
        "One factor on whole plots in blocks, another on the plots within: V is the sum of block, whole-plot "
        "and residual variance. Both factors and their interaction are fixed effects.",
        split_plot,
        order=42,
        keywords=("split plot", "whole plots", "subplots"),
        sample=Sample(
            lambda: load_example("oats_yates"),
            "the example table of a split plot of oats",
            {"whole": "Variety", "split": "N"},
        ),
        parts=(BLOCK.called("block", "the blocks", *BLOCK.words, *REPLICATE.words), WHOLE, SPLIT, TRIAL),
    )
)
