"""Effects of several studies with known variances."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.examples import load_example
from covstudio.data.roles import Role
from covstudio.data.rows import factor_levels
from covstudio.data.tables import Table
from covstudio.document.files.templates.parts import Part
from covstudio.document.files.templates.sketch import Sketch, numbers_of
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.model.document import Document
from covstudio.document.model.node import V

VARIANCE = Part(
    "variance", "the sampling variances of the effects", ("vi variance var vei varianz",), holds="numbers"
)
STUDY = Part("study", "the studies", ("study trial experiment paper author studie",), needed=False)


def meta_analysis(
    table: Table | None, roles: Mapping[str, Role], variance: str | None = None, study: str | None = None
) -> Document:
    """Differences between studies beside sampling variances that are known, one for every row."""
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    if table is not None and study is not None and len(factor_levels(table, study)) < table.n:
        model.effect("study", total, study)
    model.residual(total, name="heterogeneity")
    # sigma^2 |v|^(2 delta) at 1 and 1/2 is v itself.
    known = {"sigma^2": 1.0, "delta": 0.5}
    model.add("PowerVarianceMatrix", "sampling", total, None, numbers_of("v", variance), known)
    model.fixed()
    return model.document


TEMPLATES.register(
    Template(
        "meta_analysis",
        "Meta-analysis",
        "Effects of several studies with their sampling variances, which are known: V is their diagonal and "
        "the variance between studies.",
        meta_analysis,
        order=70,
        keywords=("random effects meta-analysis", "known variances", "heterogeneity"),
        sample=Sample(lambda: load_example("bcg"), "the example table of thirteen trials of BCG vaccine"),
        parts=(VARIANCE, STUDY),
    )
)
