"""Additive effects of animals."""

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


def animal(
    table: Table | None,
    roles: Mapping[str, Role],
    animal: str | None = None,
    sex: str | None = None,
    pedigree: str | None = None,
) -> Document:
    """Additive effects of animals, related by a pedigree, and a residual; sexes are fixed effects."""
    return by_pedigree("animal", animal, sex, pedigree, roles)


TEMPLATES.register(
    Template(
        "animal",
        "Animal model",
        "Animals with records and a pedigree: V is the sum of the additive genetic part, by relationships "
        "from the pedigree, and a residual.",
        animal,
        order=58,
        keywords=("pedigree", "breeding values", "numerator relationship matrix"),
        sample=Sample(
            lambda: load_example("mrode_calves"),
            "the example table of Mrode's five calves",
            relations=lambda: load_relations("mrode_calves"),
        ),
        parts=(
            Part("animal", "the animals with records", ("animal calf cow id individual ind tree progeny",)),
            Part("sex", "the sexes", ("sex gender geschlecht",), needed=False),
            PEDIGREE,
        ),
    )
)
