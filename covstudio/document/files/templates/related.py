"""Effects of individuals that a second table relates."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.roles import Role
from covstudio.document.files.templates.sketch import Sketch, columns_of, crossed
from covstudio.document.model.document import Document
from covstudio.document.model.node import ArgumentValue, Related, V


def related(
    model: Sketch, name: str, parent: str, column: str | None, kind: str, argument: str, table: str | None
) -> None:
    """Z A Z' with the relationships of a second table.

    Args:
        model: the model.
        name: of the effect.
        parent: the operator that it is added to.
        column: whose levels are individuals of the table.
        kind: the structure of the relationships.
        argument: its argument that takes the table.
        table: what the model calls it; None while there is none.
    """
    effect = model.add("CovariancePropagation", name, parent)
    model.add("DummyMatrix", f"{name} design", effect, "z", columns_of(column))
    arguments: dict[str, ArgumentValue] = {} if table is None else {argument: Related(table)}
    model.add(kind, f"{name} covariance", effect, "g", arguments)


def by_pedigree(
    name: str, column: str | None, sex: str | None, pedigree: str | None, roles: Mapping[str, Role]
) -> Document:
    """Effects of individuals related by a pedigree, and a residual; sexes are fixed effects.

    Args:
        name: of the effect.
        column: whose levels are individuals of the pedigree.
        sex: the column of sexes.
        pedigree: what the model calls the table; None while there is none.
        roles: of the columns.
    """
    model = Sketch()
    total = model.add("Sum", "Sum", V)
    related(model, name, total, column, "PedigreeMatrix", "ped", pedigree)
    model.residual(total)
    model.fixed(None if sex is None else crossed((sex,), roles))
    return model.document
