"""Effects of sires on their progeny."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.examples import load_example, load_relations
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.files.templates.parts import Part
from covstudio.document.files.templates.related import by_pedigree
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template
from covstudio.document.files.templates.usual import PEDIGREE
from covstudio.document.model.document import Document


def sire(
    table: Table | None,
    roles: Mapping[str, Role],
    sire: str | None = None,
    sex: str | None = None,
    pedigree: str | None = None,
) -> Document:
    """Effects of sires on their progeny, related by a pedigree, and a residual; sexes are fixed effects."""
    return by_pedigree("sire", sire, sex, pedigree, roles)


TEMPLATES.register(
    Template(
        "sire",
        "Sire model",
        "Records of the progeny of sires: V is the sum of the sires' part, with relationships from their "
        "pedigree, and a residual.",
        sire,
        order=60,
        keywords=("progeny test", "breeding values", "half sibs"),
        sample=Sample(
            lambda: load_example("mrode_calves"),
            "the example table of Mrode's five calves",
            relations=lambda: load_relations("mrode_calves"),
        ),
        parts=(
            Part("sire", "the sires", ("sire father bull vater",)),
            Part("sex", "the sexes", ("sex gender geschlecht",), needed=False),
            PEDIGREE,
        ),
    )
)
